// Forward differences, their adjoint, and the steps of total variation that are built from them.
//
// An image is a contiguous array [n0, n1, n2, n3] of samples of `inner` numbers (2: real and imaginary part). Along each
// of `count` of its axes (D x)_i = c (x_{i+1} - x_i), zero at the far edge, with a scale c of the axis; the results lie
// one image after the other. Work goes row by row, along the last axis, in vectors. What lies a step ahead of a row or
// behind it is another row; at an edge it is the row itself, whose difference is zero, or a row of zeros. Within a row it
// is the vector, shifted.
//
// Every output is one sum in a fixed order, whatever the number of threads.

#include <limits>

#include "lanes.h"

namespace {

using Index = std::int64_t;

constexpr Index kAxes = 4, kDirections = 3;

// axes: which are differenced, ascending, in the order of the results. joint: balls are of lengths over all directions.
struct Grid {
    Index n[kAxes], inner, count, axes[kDirections], stride[kAxes];
    double scale[kDirections];
    bool joint;

    Index row() const { return n[3] * inner; }
    Index rows() const { return n[0] * n[1] * n[2]; }
    Index size() const { return rows() * row(); }
};

Grid grid_of(const Index* sizes, const Index* axes, const double* scales, Index count, Index inner, Index joint) {
    Grid g{};
    std::copy_n(sizes, kAxes, g.n);
    std::copy_n(axes, count, g.axes);
    std::copy_n(scales, count, g.scale);
    g.inner = inner, g.count = count, g.joint = joint != 0;
    g.stride[3] = inner;
    for (Index a = 2; a >= 0; --a) g.stride[a] = g.stride[a + 1] * g.n[a + 1];
    return g;
}

// ---- along a row ------------------------------------------------------------------------------------------------------

// What shifts the numbers of a row by one sample: within it, and in the vector at its end, which may be shorter.
template <class T> struct Shifts {
    Index inner, count;   // numbers in a sample; numbers in the last vector
    Idx<T> back, ahead;   // lanes of two vectors in a row, the samples one step behind; lanes of the last one, ahead
    Vec<T> keep;          // zero for the last sample

    explicit Shifts(const Grid& g) : inner(g.inner) {
        constexpr Index lanes = Lanes<T>::count;
        count = (g.row() - 1) % lanes + 1;
        for (Index l = 0; l < lanes; ++l) {
            back[l] = static_cast<typename Real<T>::Int>(lanes - inner + l);
            ahead[l] = static_cast<typename Real<T>::Int>(l + inner < count ? l + inner : l);
            keep[l] = T(l + inner < count);
        }
    }
};

template <class T> [[gnu::noinline]] Vec<T> load_part(const T* from, Index count) {
    T part[Lanes<T>::count] = {};
    std::copy_n(from, count, part);
    return load<T>(part);
}

template <class T> [[gnu::noinline]] void store_part(T* to, Vec<T> v, Index count) {
    T part[Lanes<T>::count];
    store<T>(part, v);
    std::copy_n(part, count, to);
}

// The vector of a row that starts at number j; the `final` one may be short of some lanes, which read zero.
template <class T, bool final> struct Block {
    Index j;
    const Shifts<T>& shifts;

    bool whole() const { return !final || shifts.count == Lanes<T>::count; }
    Vec<T> load(const T* row) const { return whole() ? ::load<T>(row + j) : load_part(row + j, shifts.count); }
    void store(T* row, Vec<T> v) const { whole() ? ::store<T>(row + j, v) : store_part(row + j, v, shifts.count); }
    // The samples one step ahead of `own`, the row's numbers here; its last sample is its own successor.
    Vec<T> ahead(const T* row, Vec<T> own) const {
        return final ? pick<T>(own, own, shifts.ahead) : ::load<T>(row + j + shifts.inner);
    }
    // v without the last sample of the row.
    Vec<T> cut(Vec<T> v) const { return final ? v * shifts.keep : v; }
};

// Calls work(block) for the vectors of a row.
template <class T, class Work> inline void over_blocks(const Grid& g, const Shifts<T>& shifts, Work work) {
    Index j = 0;
    for (; j + Lanes<T>::count < g.row(); j += Lanes<T>::count) work(Block<T, false>{j, shifts});
    work(Block<T, true>{j, shifts});
}

template <class T> inline Vec<T> root(Vec<T> v) {
    T lanes[Lanes<T>::count];
    store<T>(lanes, v);
    for (T& lane : lanes) lane = std::sqrt(lane);
    return load<T>(lanes);
}

// min(1, radius / sqrt(squares)).
template <class T> inline Vec<T> into_ball(Vec<T> squares, T radius) {
    const T least = std::max(radius * radius, std::numeric_limits<T>::min());
    return squares > least ? radius / root<T>(squares) : Vec<T>{} + T(1);
}
#if defined(__AVX512F__)
template <> inline Vec<float> into_ball<float>(Vec<float> squares, float radius) {
    const float least = std::max(radius * radius, std::numeric_limits<float>::min());
    const Vec<float> near = (Vec<float>)_mm512_maskz_rsqrt14_ps(0xffff, (__m512)squares);
    const Vec<float> better = near * (1.5f - 0.5f * squares * near * near);  // one Newton step from 14 bits: to rounding
    return squares > least ? radius * better : Vec<float>{} + 1.0f;
}
#endif

// The squared modulus of the sample that each number belongs to.
template <class T> inline Vec<T> of_samples(Vec<T> squares, Index inner) {
    if (inner == 1) return squares;
    T lanes[Lanes<T>::count];
    store<T>(lanes, squares);
    for (Index j = 0; j < Lanes<T>::count; j += 2) lanes[j] = lanes[j + 1] = lanes[j] + lanes[j + 1];
    return load<T>(lanes);
}

// The projection of q onto |q| <= radius.
template <class T, int D> inline void project(Vec<T>* q, T radius, bool joint, Index inner) {
    if (joint) {
        Vec<T> squares = q[0] * q[0];
        for (int k = 1; k < D; ++k) squares += q[k] * q[k];
        const Vec<T> factor = into_ball<T>(of_samples<T>(squares, inner), radius);
        for (int k = 0; k < D; ++k) q[k] *= factor;
    } else if (inner == 1) {
        for (int k = 0; k < D; ++k) q[k] = q[k] > radius ? Vec<T>{} + radius : q[k] < -radius ? Vec<T>{} - radius : q[k];
    } else {
        for (int k = 0; k < D; ++k) q[k] *= into_ball<T>(of_samples<T>(q[k] * q[k], inner), radius);
    }
}

// ---- rows and their neighbours ----------------------------------------------------------------------------------------

// A row of an image, what it is differenced with, and the rows of the results that belong to it. `usual`: real numbers,
// differences along the row too, and lengths over all directions; known beforehand, they cost the loops no branches.
template <class T, int D, bool usual = false> struct Row {
    const T* x;
    const T* next[D];             // of x, one step ahead; x itself at an edge. Not used along the row
    T* p[D];                      // here
    const T* behind[D];           // of p, one step behind; zeros at an edge. Not used along the row
    T scale[D], live[D];          // c; and one, but zero at an edge ahead, where p does not count
    bool along;                   // whether the last direction is that of the row

    Row(const Grid& g, Index image, Index r, const T* images, T* duals, const T* zeros) {
        const Index at[3] = {r / (g.n[1] * g.n[2]), r / g.n[2] % g.n[1], r % g.n[2]};
        along = g.axes[D - 1] == 3;
        x = images + image * g.size() + r * g.row();
        for (int k = 0; k < D; ++k) {
            const Index a = g.axes[k];
            const bool first = a < 3 && at[a] == 0, last = a < 3 && at[a] == g.n[a] - 1;
            scale[k] = static_cast<T>(g.scale[k]), live[k] = T(!last);
            next[k] = last ? x : x + g.stride[a];
            p[k] = duals + (image * g.count + k) * g.size() + r * g.row();
            behind[k] = first ? zeros : p[k] - g.stride[a];
        }
    }
    template <class B> Vec<T> difference(const B& b, int k, Vec<T> here) const {
        return ((usual || along) && k == D - 1 ? b.ahead(x, here) : b.load(next[k])) - here;
    }
    // (D^H p) for the vectors q of p here; `carried` is the one before it along the row.
    template <class B> Vec<T> pull(const B& b, const Vec<T>* q, Vec<T>& carried) const {
        Vec<T> out{};
        for (int k = 0; k < D; ++k) {
            if ((usual || along) && k == D - 1) {
                out += scale[k] * (pick<T>(carried, q[k], b.shifts.back) - b.cut(q[k]));
                carried = q[k];
            } else {
                out += scale[k] * (b.load(behind[k]) - live[k] * q[k]);
            }
        }
        return out;
    }
};

// p + sigma D x, projected, for a vector of each direction.
template <class T, int D, bool usual, class B>
inline void ascend(const Grid& g, const Row<T, D, usual>& row, const B& b, T sigma, T radius, Vec<T>* q) {
    const Vec<T> here = b.load(row.x);
    for (int k = 0; k < D; ++k) q[k] = b.load(row.p[k]) + sigma * row.scale[k] * row.difference(b, k, here);
    project<T, D>(q, radius, usual || g.joint, usual ? 1 : g.inner);
}

bool is_usual(const Grid& g) { return g.joint && g.inner == 1 && g.axes[g.count - 1] == 3; }

// ---- whole images -----------------------------------------------------------------------------------------------------

// Calls work(image, r) for every row of every image.
template <class Work> void over_rows(const Grid& g, Index batch, Index threads, Work work) {
#pragma omp parallel for num_threads(threads) schedule(static)
    for (Index i = 0; i < batch * g.rows(); ++i) work(i / g.rows(), i % g.rows());
}

template <class T, int D> void forward(const Grid& g, const T* x, T* y, Index batch, Index threads) {
    const Shifts<T> shifts(g);
    over_rows(g, batch, threads, [&](Index image, Index r) {
        const Row<T, D> row(g, image, r, x, y, nullptr);
        over_blocks<T>(g, shifts, [&](auto b) {
            const Vec<T> here = b.load(row.x);
            for (int k = 0; k < D; ++k) b.store(row.p[k], row.scale[k] * row.difference(b, k, here));
        });
    });
}

template <class T, int D> void adjoint(const Grid& g, const T* p, T* x, Index batch, Index threads) {
    const Shifts<T> shifts(g);
    const std::vector<T> zeros(g.row());
    over_rows(g, batch, threads, [&](Index image, Index r) {
        const Row<T, D> row(g, image, r, x, const_cast<T*>(p), zeros.data());
        Vec<T> carried{};
        over_blocks<T>(g, shifts, [&](auto b) {
            Vec<T> q[D];
            for (int k = 0; k < D; ++k) q[k] = b.load(row.p[k]);
            b.store(x + image * g.size() + r * g.row(), row.pull(b, q, carried));
        });
    });
}

// p <- the projection of p + sigma D x.
template <class T, int D>
void ascent(const Grid& g, const T* x, T* p, Index batch, const double* sigma, const double* radius, Index threads) {
    const Shifts<T> shifts(g);
    over_rows(g, batch, threads, [&](Index image, Index r) {
        const Row<T, D> row(g, image, r, x, p, nullptr);
        over_blocks<T>(g, shifts, [&](auto b) {
            Vec<T> q[D];
            ascend(g, row, b, static_cast<T>(sigma[image]), static_cast<T>(radius[image]), q);
            for (int k = 0; k < D; ++k) b.store(row.p[k], q[k]);
        });
    });
}

// The sum of |D x|, of lengths over all directions or of the moduli of each.
template <class T, int D> void variation(const Grid& g, const T* x, double* sums, Index batch, Index threads) {
    const Shifts<T> shifts(g);
    std::vector<double> of_row(batch * g.rows());
    over_rows(g, batch, threads, [&](Index image, Index r) {
        const Row<T, D> row(g, image, r, x, nullptr, nullptr);
        Vec<T> lanes{};
        over_blocks<T>(g, shifts, [&](auto b) {
            const Vec<T> here = b.load(row.x);
            Vec<T> squares{};
            for (int k = 0; k < D; ++k) {
                const Vec<T> d = row.scale[k] * row.difference(b, k, here);
                squares = g.joint ? squares + d * d : d * d;
                if (!g.joint || k + 1 == D) lanes += root<T>(of_samples<T>(squares, g.inner));
            }
        });
        double sum = 0;  // every lane of a complex sample holds its modulus
        for (Index l = 0; l < Lanes<T>::count; l += g.inner) sum += static_cast<double>(lanes[l]);
        of_row[image * g.rows() + r] = sum;
    });
    for (Index image = 0; image < batch; ++image) {
        sums[image] = 0;
        for (Index r = 0; r < g.rows(); ++r) sums[image] += of_row[image * g.rows() + r];
    }
}

// The numbers of one image in a step of `denoise`.
struct Knobs {
    double sigma, radius, tau, share, reach, low, high;
};

// x, the extrapolated x, the dual and the target of `denoise`, all images.
template <class T> struct Iterates {
    T *x, *ahead, *p;
    const T* y;
};

// A step of `denoise` at one row, whose neighbours are as the step needs them.
template <class T, int D, bool usual>
inline void descend(const Grid& g, const Shifts<T>& shifts, const Row<T, D, usual>& row, const Iterates<T>& all,
                    Index start, const Knobs& knobs) {
    const T sigma = static_cast<T>(knobs.sigma), radius = static_cast<T>(knobs.radius), tau = static_cast<T>(knobs.tau);
    const T share = static_cast<T>(knobs.share), reach = static_cast<T>(knobs.reach);
    const T low = static_cast<T>(knobs.low), high = static_cast<T>(knobs.high);
    T *values = all.x + start, *over = all.ahead + start;
    const T* target = all.y + start;
    // Two short loops rather than one long one: more of their vectors are under way at once.
    over_blocks<T>(g, shifts, [&](auto b) {
        Vec<T> q[D];
        ascend(g, row, b, sigma, radius, q);
        for (int k = 0; k < D; ++k) b.store(row.p[k], q[k]);
    });
    const auto move = [&](auto bounded) {
        Vec<T> carried{};
        over_blocks<T>(g, shifts, [&](auto b) {
            Vec<T> q[D];
            for (int k = 0; k < D; ++k) q[k] = b.load(row.p[k]);
            const Vec<T> old = b.load(values), v = old - tau * row.pull(b, q, carried);
            Vec<T> now = v + share * (b.load(target) - v);
            if (bounded()) {
                now = now < low ? Vec<T>{} + low : now;
                now = now > high ? Vec<T>{} + high : now;
            }
            b.store(over, old + reach * (now - old));
            b.store(values, now);
        });
    };
    if (std::isfinite(low) || std::isfinite(high)) move(std::true_type{});
    else move(std::false_type{});
}

// The rows of an image as slabs along the first direction, `outer` times beside one another without a difference in
// between; where the only direction is that of the rows, each row stands for itself.
struct Slabs {
    Index outer, n, rows;

    explicit Slabs(const Grid& g) : outer(1), n(1), rows(1) {
        const bool coupled = g.axes[0] < 3;
        for (Index a = 0; a < 3; ++a) (a < g.axes[0] ? outer : a == g.axes[0] ? n : rows) *= g.n[a];
        if (!coupled) rows = 1;
    }
};

constexpr Index kCache = 1 << 17;  // bytes of the slabs that several steps work on by turns: well within a second level

// Steps in a row, on one thread: as soon as a step has done a slab, the next one does the slab before it, so that
// arrays come from memory once for as many steps as the cache has room for.
template <class T, int D, bool usual>
void descend_by_turns(const Grid& g, const Iterates<T>& all, Index batch, const Knobs* knobs, Index steps, Index threads) {
    const Shifts<T> shifts(g);
    const Slabs slabs(g);
    const std::vector<T> zeros(g.row());
    const Index bytes = slabs.rows * g.row() * (D + 3) * static_cast<Index>(sizeof(T));
    const Index deep = std::max<Index>(1, kCache / bytes - 1);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (Index item = 0; item < batch * slabs.outer; ++item) {
        const Index image = item / slabs.outer, first = item % slabs.outer * slabs.n * slabs.rows;
        for (Index from = 0; from < steps; from += deep) {
            const Index count = std::min(deep, steps - from);
            for (Index turn = 0; turn < slabs.n + count - 1; ++turn)
                for (Index s = std::max<Index>(0, turn - slabs.n + 1); s < std::min(count, turn + 1); ++s)
                    for (Index i = 0; i < slabs.rows; ++i) {
                        const Index r = first + (turn - s) * slabs.rows + i;
                        const Row<T, D, usual> row(g, image, r, all.ahead, all.p, zeros.data());
                        descend(g, shifts, row, all, image * g.size() + r * g.row(), knobs[(from + s) * batch + image]);
                    }
        }
    }
}

// One step by several threads. Bands along the first axis are independent but for a slab on either side of each
// boundary, which is made ready beforehand.
template <class T, int D, bool usual>
void descend_in_bands(const Grid& g, const Iterates<T>& all, Index batch, const Knobs* knobs, Index threads) {
    Index axis = 0;
    while (axis < 2 && g.n[axis] == 1) ++axis;
    const Index n = g.n[axis], slab = g.rows() / n, numbers = slab * g.row();
    const bool coupled = g.axes[0] == axis;
    const Index bands = std::max<Index>(1, std::min(n, threads)), boundaries = coupled ? bands - 1 : 0;
    const Shifts<T> shifts(g);
    const std::vector<T> zeros(g.row());
    // At each boundary: `ahead` behind it as it was, and p_0 before it as it becomes.
    std::vector<T> kept(batch * boundaries * numbers), ready(kept.size());
#pragma omp parallel num_threads(threads)
    {
#pragma omp for schedule(static)
        for (Index item = 0; item < batch * boundaries; ++item) {
            const Index image = item / boundaries, first = n * (item % boundaries + 1) / bands * slab;
            std::copy_n(all.ahead + image * g.size() + first * g.row(), numbers, kept.data() + item * numbers);
            for (Index i = 0; i < slab; ++i) {
                const Row<T, D, usual> row(g, image, first - slab + i, all.ahead, all.p, zeros.data());
                over_blocks<T>(g, shifts, [&](auto b) {
                    Vec<T> q[D];
                    ascend(g, row, b, static_cast<T>(knobs[image].sigma), static_cast<T>(knobs[image].radius), q);
                    b.store(ready.data() + item * numbers + i * g.row(), q[0]);
                });
            }
        }
#pragma omp for schedule(static)
        for (Index item = 0; item < batch * bands; ++item) {
            const Index image = item / bands, band = item % bands;
            const Index first = n * band / bands * slab, last = n * (band + 1) / bands * slab;
            for (Index r = first; r < last; ++r) {
                Row<T, D, usual> row(g, image, r, all.ahead, all.p, zeros.data());
                if (coupled && band + 1 < bands && r >= last - slab)
                    row.next[0] = kept.data() + (image * boundaries + band) * numbers + (r - last + slab) * g.row();
                if (coupled && band > 0 && r < first + slab)
                    row.behind[0] = ready.data() + (image * boundaries + band - 1) * numbers + (r - first) * g.row();
                descend(g, shifts, row, all, image * g.size() + r * g.row(), knobs[image]);
            }
        }
    }
}

// Steps of the accelerated primal-dual method for a half square, a box and total variation:
//     p <- the projection of p + sigma D ahead,    v = x - tau D^H p,    x+ = clamp(v + share (y - v)),
//     ahead <- x + reach (x+ - x),                 x <- x+.
// Row by row in place: p at a row needs `ahead` there and further on, and x needs p there and further back. So a step
// may do a slab once the step before it has done the next one.
template <class T, int D, bool usual>
void denoise(const Grid& g, const Iterates<T>& all, Index batch, const Knobs* knobs, Index steps, Index threads) {
    if (batch * Slabs(g).outer >= threads) {
        descend_by_turns<T, D, usual>(g, all, batch, knobs, steps, threads);
    } else {
        for (Index s = 0; s < steps; ++s) descend_in_bands<T, D, usual>(g, all, batch, knobs + s * batch, threads);
    }
}

// Calls work with the number of directions as a constant.
template <class Work> void with_directions(Index count, Work work) {
    if (count == 1) work(std::integral_constant<int, 1>{});
    else if (count == 2) work(std::integral_constant<int, 2>{});
    else work(std::integral_constant<int, 3>{});
}

}  // namespace

// sizes: the four extents. axes, scales: of the `count` directions, ascending. x, y, p: contiguous, with the directions
// of p behind the batch. inner: numbers in a sample. sigma, radius: of each image; knobs: of each step and image.
#define GEOMETRY                                                                                                       \
    Index batch, const Index *sizes, const Index *axes, const double *scales, Index count, Index inner, Index joint,   \
        Index threads
#define DIFFERENCE_FUNCTIONS(suffix, T)                                                                                \
    extern "C" void differences_##suffix(const T* x, T* y, GEOMETRY) {                                                 \
        const Grid g = grid_of(sizes, axes, scales, count, inner, joint);                                              \
        with_directions(count, [&](auto d) { forward<T, d()>(g, x, y, batch, threads); });                             \
    }                                                                                                                  \
    extern "C" void differences_adjoint_##suffix(const T* p, T* x, GEOMETRY) {                                         \
        const Grid g = grid_of(sizes, axes, scales, count, inner, joint);                                              \
        with_directions(count, [&](auto d) { adjoint<T, d()>(g, p, x, batch, threads); });                             \
    }                                                                                                                  \
    extern "C" void variation_##suffix(const T* x, double* sums, GEOMETRY) {                                           \
        const Grid g = grid_of(sizes, axes, scales, count, inner, joint);                                              \
        with_directions(count, [&](auto d) { variation<T, d()>(g, x, sums, batch, threads); });                        \
    }                                                                                                                  \
    extern "C" void variation_ascent_##suffix(const T* x, T* p, GEOMETRY, const double* sigma, const double* radius) { \
        const Grid g = grid_of(sizes, axes, scales, count, inner, joint);                                              \
        with_directions(count, [&](auto d) { ascent<T, d()>(g, x, p, batch, sigma, radius, threads); });               \
    }                                                                                                                  \
    extern "C" void variation_denoise_##suffix(T* x, T* ahead, GEOMETRY, T* p, const T* y, const double* knobs,        \
                                               Index steps) {                                                          \
        const Grid g = grid_of(sizes, axes, scales, count, inner, joint);                                              \
        const Knobs* of = reinterpret_cast<const Knobs*>(knobs);                                                       \
        const Iterates<T> all{x, ahead, p, y};                                                                         \
        with_directions(count, [&](auto d) {                                                                           \
            is_usual(g) ? denoise<T, d(), true>(g, all, batch, of, steps, threads)                                     \
                        : denoise<T, d(), false>(g, all, batch, of, steps, threads);                                   \
        });                                                                                                            \
    }

DIFFERENCE_FUNCTIONS(f32, float)
DIFFERENCE_FUNCTIONS(f64, double)
