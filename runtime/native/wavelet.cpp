// Periodised orthonormal wavelet transform over the last one, two or three axes, and soft thresholding in its domain.
//
// With taps h of even length F, g[n] = (-1)^n h[F-1-n] and the offset s = 1 - F/2, a line x of even length N becomes
//     low[k]  = sum_n h[n] x[(2k + s + n) mod N],    high[k] = sum_n g[n] x[(2k + s + n) mod N],    k < N/2,
// low in the first half of the line and high in the second. Split into even and odd samples this is a bank of four
// filters of length about F/2 from two sequences to two sequences, and so is the inverse: one inner loop does both.
// A line is loaded whole before it is written, so every pass after the first works in place.
//
// Every output is one sum in a fixed order, whatever the number of threads.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>
#ifdef _OPENMP
#include <omp.h>
#endif

namespace {

using Index = std::int64_t;

constexpr Index kVectorBytes = 64;
constexpr Index kUnroll = 4;  // independent sums under way at once: hides the latency of the multiply-add

template <typename T>
constexpr Index kLanes = kVectorBytes / static_cast<Index>(sizeof(T));

template <typename T>
struct Lane {
    typedef T Vector __attribute__((vector_size(kVectorBytes)));
};

// Panels of this many bytes: four cache lines of every row, yet small enough that a panel stays in cache.
template <typename T>
constexpr Index kPanel = 256 / static_cast<Index>(sizeof(T));

// out0[t] = sum_j p00[j] in0[t + jW] + p01[j] in1[t + jW];  out1 likewise with p10 and p11.
template <typename T>
struct Bank {
    Index taps;
    std::vector<T> p00, p01, p10, p11;
};

template <typename T>
Bank<T> analysis_bank(const double* h, Index length) {
    Bank<T> bank{length / 2, {}, {}, {}, {}};
    for (Index j = 0; j < length / 2; ++j) {
        bank.p00.push_back(static_cast<T>(h[2 * j]));
        bank.p01.push_back(static_cast<T>(h[2 * j + 1]));
        bank.p10.push_back(static_cast<T>(h[length - 1 - 2 * j]));
        bank.p11.push_back(static_cast<T>(-h[length - 2 - 2 * j]));
    }
    return bank;
}

// The transpose of the analysis: sample i - P, with P = F/2 - 1 and i = 2u + q, is sum_j h[2j+q] low[u-j] + g[2j+q] high[u-j].
// For odd P the odd samples use a window that starts one coefficient later, so both filters get one tap more (a zero).
template <typename T>
Bank<T> synthesis_bank(const double* h, Index length) {
    const Index half = length / 2, shift = (half - 1) % 2, taps = half + shift;
    Bank<T> bank{taps, std::vector<T>(taps), std::vector<T>(taps), std::vector<T>(taps), std::vector<T>(taps)};
    const auto high = [&](Index n) { return (n % 2 ? -1.0 : 1.0) * h[length - 1 - n]; };
    for (Index j = 0; j < half; ++j) {
        const Index even = 2 * (half - 1 - j) + shift, odd = 2 * (half - 1 - j) + 1 - shift;
        bank.p00[j] = static_cast<T>(h[even]);
        bank.p01[j] = static_cast<T>(high(even));
        bank.p10[j + shift] = static_cast<T>(h[odd]);
        bank.p11[j + shift] = static_cast<T>(high(odd));
    }
    return bank;
}

template <typename T, Index U>
inline void filter_block(const Bank<T>& bank, const T* in0, const T* in1, T* out0, T* out1, Index width) {
    using Vector = typename Lane<T>::Vector;
    Vector sum0[U] = {}, sum1[U] = {};
    for (Index j = 0; j < bank.taps; ++j) {
        const T a = bank.p00[j], b = bank.p01[j], c = bank.p10[j], d = bank.p11[j];
        for (Index u = 0; u < U; ++u) {
            Vector x, y;
            std::memcpy(&x, in0 + j * width + u * kLanes<T>, sizeof x);
            std::memcpy(&y, in1 + j * width + u * kLanes<T>, sizeof y);
            sum0[u] += a * x;
            sum0[u] += b * y;
            sum1[u] += c * x;
            sum1[u] += d * y;
        }
    }
    std::memcpy(out0, sum0, sizeof sum0);
    std::memcpy(out1, sum1, sizeof sum1);
}

// Computes whole vectors: the last may read and write past `count`, inside the slack of the buffers.
template <typename T>
void filter(const Bank<T>& bank, const T* in0, const T* in1, T* out0, T* out1, Index count, Index width) {
    constexpr Index lanes = kLanes<T>;
    Index t = 0;
    for (; t + kUnroll * lanes <= count; t += kUnroll * lanes)
        filter_block<T, kUnroll>(bank, in0 + t, in1 + t, out0 + t, out1 + t, width);
    for (; t < count; t += lanes) filter_block<T, 1>(bank, in0 + t, in1 + t, out0 + t, out1 + t, width);
}

template <typename T>
struct Scratch {
    std::vector<T> in0, in1, out0, out1;

    void reserve(Index half, Index taps, Index width) {
        const std::size_t need = static_cast<std::size_t>((half + taps + 1) * width + kUnroll * kLanes<T>);
        if (in0.size() < need)
            for (auto* buffer : {&in0, &in1, &out0, &out1}) buffer->resize(need);
    }
};

// A bundle of `width` neighbouring lines of length n, whose samples lie `stride` apart.
struct Bundle {
    Index n, stride, width;
};

inline Index wrap(Index i, Index n) { return ((i % n) + n) % n; }

// Copies `count` rows of `width` numbers; widths that are known at compile time become single moves.
template <Index Width, typename T>
inline void copy_rows(const T* from, Index from_step, T* to, Index to_step, Index count) {
    for (Index k = 0; k < count; ++k) std::memcpy(to + k * to_step, from + k * from_step, Width * sizeof(T));
}

template <typename T>
void copy_rows(const T* from, Index from_step, T* to, Index to_step, Index width, Index count) {
    if (width == from_step && width == to_step)
        std::memcpy(to, from, static_cast<std::size_t>(width * count) * sizeof(T));
    else if (width == kPanel<T>)
        copy_rows<kPanel<T>>(from, from_step, to, to_step, count);
    else
        for (Index k = 0; k < count; ++k) std::copy_n(from + k * from_step, width, to + k * to_step);
}

// Samples 2j and 2j + 1 of each line to even[j] and odd[j], and back.
template <typename T>
void split(const T* x, const Bundle& b, T* even, T* odd) {
    const Index half = b.n / 2;
    if (b.width == b.stride && b.width == 1)
        for (Index j = 0; j < half; ++j) even[j] = x[2 * j], odd[j] = x[2 * j + 1];
    else if (b.width == b.stride && b.width == 2)
        for (Index j = 0; j < half; ++j) {
            std::memcpy(even + 2 * j, x + 4 * j, 2 * sizeof(T));
            std::memcpy(odd + 2 * j, x + 4 * j + 2, 2 * sizeof(T));
        }
    else {
        copy_rows(x, 2 * b.stride, even, b.width, b.width, half);
        copy_rows(x + b.stride, 2 * b.stride, odd, b.width, b.width, half);
    }
}

template <typename T>
void merge(const T* even, const T* odd, const Bundle& b, T* x) {
    const Index half = b.n / 2;
    if (b.width == b.stride && b.width == 1)
        for (Index j = 0; j < half; ++j) x[2 * j] = even[j], x[2 * j + 1] = odd[j];
    else if (b.width == b.stride && b.width == 2)
        for (Index j = 0; j < half; ++j) {
            std::memcpy(x + 4 * j, even + 2 * j, 2 * sizeof(T));
            std::memcpy(x + 4 * j + 2, odd + 2 * j, 2 * sizeof(T));
        }
    else {
        copy_rows(even, b.width, x, 2 * b.stride, b.width, half);
        copy_rows(odd, b.width, x + b.stride, 2 * b.stride, b.width, half);
    }
}

template <typename T>
void analyse(const T* x, T* y, const Bundle& b, const Bank<T>& bank, Scratch<T>& s) {
    const Index half = b.n / 2, width = b.width, before = bank.taps - 1;
    s.reserve(half, bank.taps, width);
    // Padded sample i is x[(i - before) mod n]; the even ones go to in0, the odd ones to in1.
    const auto put = [&](Index i) {
        T* phase = (i % 2 ? s.in1 : s.in0).data() + (i / 2) * width;
        std::copy_n(x + wrap(i - before, b.n) * b.stride, width, phase);
    };
    for (Index i = 0; i < before; ++i) put(i);
    T* first = (before % 2 ? s.in1 : s.in0).data() + (before / 2) * width;
    T* second = (before % 2 ? s.in0 : s.in1).data() + ((before + 1) / 2) * width;
    split(x, b, first, second);
    for (Index i = before + b.n; i < b.n + 2 * before; ++i) put(i);
    filter(bank, s.in0.data(), s.in1.data(), s.out0.data(), s.out1.data(), half * width, width);
    copy_rows(s.out0.data(), width, y, b.stride, width, half);
    copy_rows(s.out1.data(), width, y + half * b.stride, b.stride, width, half);
}

template <typename T>
void synthesise(T* y, const Bundle& b, const Bank<T>& bank, Index length, Scratch<T>& s) {
    const Index half = b.n / 2, width = b.width, before = (length / 2 - 1) - (length / 2 - 1) / 2;
    s.reserve(half, bank.taps, width);
    const auto put = [&](Index v) {
        const Index k = wrap(v - before, half);
        std::copy_n(y + k * b.stride, width, s.in0.data() + v * width);
        std::copy_n(y + (half + k) * b.stride, width, s.in1.data() + v * width);
    };
    // Coefficient v of the window is k = v - before, around the ends of the half line.
    for (Index v = 0; v < before; ++v) put(v);
    copy_rows(y, b.stride, s.in0.data() + before * width, width, width, half);
    copy_rows(y + half * b.stride, b.stride, s.in1.data() + before * width, width, width, half);
    for (Index v = before + half; v < half + bank.taps - 1; ++v) put(v);
    filter(bank, s.in0.data(), s.in1.data(), s.out0.data(), s.out1.data(), half * width, width);
    merge(s.out0.data(), s.out1.data(), b, y);
}

// One thread of the `size` that share an image.
struct Member {
    Index rank, size;

    void wait() const {
        if (size > 1) {
#pragma omp barrier
        }
    }
};

// `inner` numbers per sample (2: real and imaginary part); the last `axes` of the three sizes are transformed.
struct Geometry {
    Index n[3], inner, axes, levels;

    Index numbers() const { return n[0] * n[1] * n[2] * inner; }
    Index size(Index axis, Index level) const { return axis >= 3 - axes ? n[axis] >> level : n[axis]; }
};

// Calls work(offset, bundle) for this member's share of the lines along `axis` in the low corner left at `level`.
template <typename T, typename Work>
void over_lines(const Geometry& g, Index axis, Index level, const Member& member, Work work) {
    const Index stride[3] = {g.n[1] * g.n[2] * g.inner, g.n[2] * g.inner, g.inner};
    const Index row = g.size(2, level) * g.inner;
    const Index panels = axis == 2 ? 1 : (row + kPanel<T> - 1) / kPanel<T>;
    const Index slow = axis == 0 ? 1 : g.size(0, level), fast = axis == 1 ? 1 : g.size(1, level);
    const Index total = slow * fast * panels;
    for (Index i = total * member.rank / member.size; i < total * (member.rank + 1) / member.size; ++i) {
        const Index panel = i % panels, line = i / panels, start = panel * kPanel<T>;
        const Index offset = (line / fast) * stride[0] + (line % fast) * stride[1] + start;
        const Index width = axis == 2 ? g.inner : std::min(kPanel<T>, row - start);
        work(offset, Bundle{g.size(axis, level), stride[axis], width});
    }
}

template <typename T>
void copy(const T* x, T* y, const Geometry& g, const Member& m) {
    const Index from = g.numbers() * m.rank / m.size, to = g.numbers() * (m.rank + 1) / m.size;
    std::copy(x + from, x + to, y + from);
    m.wait();
}

template <typename T>
void forward(const T* x, T* y, const Geometry& g, const Bank<T>& bank, const Member& m, Scratch<T>& s) {
    if (g.levels == 0) copy(x, y, g, m);
    for (Index level = 0; level < g.levels; ++level)
        for (Index axis = 2; axis >= 3 - g.axes; --axis) {
            const T* source = level == 0 && axis == 2 ? x : y;
            over_lines<T>(g, axis, level, m, [&](Index at, const Bundle& b) { analyse(source + at, y + at, b, bank, s); });
            m.wait();
        }
}

template <typename T>
void inverse(T* y, const Geometry& g, const Bank<T>& bank, Index length, const Member& m, Scratch<T>& s) {
    for (Index level = g.levels - 1; level >= 0; --level)
        for (Index axis = 3 - g.axes; axis < 3; ++axis) {
            over_lines<T>(g, axis, level, m, [&](Index at, const Bundle& b) { synthesise(y + at, b, bank, length, s); });
            m.wait();
        }
}

// c <- c max(0, 1 - t/|c|), with |c| the modulus of a pair where a sample has two numbers; NaN stays NaN.
template <typename T>
void shrink(T* c, Index from, Index to, Index inner, T t) {
    if (inner == 1) {
        for (Index i = from; i < to; ++i) c[i] -= std::min(std::max(c[i], -t), t);
        return;
    }
    for (Index i = from; i < to; ++i) {
        const T modulus = std::sqrt(c[2 * i] * c[2 * i] + c[2 * i + 1] * c[2 * i + 1]);
        const T factor = modulus <= t ? T(0) : T(1) - t / modulus;
        c[2 * i] *= factor;
        c[2 * i + 1] *= factor;
    }
}

template <typename T>
void shrink_details(T* y, const Geometry& g, T t, bool keep_coarse, const Member& m) {
    const Index rows = g.n[0] * g.n[1];
    for (Index row = rows * m.rank / m.size; row < rows * (m.rank + 1) / m.size; ++row) {
        const bool coarse = keep_coarse && row / g.n[1] < g.size(0, g.levels) && row % g.n[1] < g.size(1, g.levels);
        shrink(y + row * g.n[2] * g.inner, coarse ? g.size(2, g.levels) : 0, g.n[2], g.inner, t);
    }
    m.wait();
}

// Calls work(image, member, scratch). Whole images go to single threads; the images left over are shared by all.
template <typename T, typename Work>
void over_images(Index batch, Index threads, Work work) {
#pragma omp parallel num_threads(static_cast<int>(threads))
    {
#ifdef _OPENMP
        const Member all{omp_get_thread_num(), omp_get_num_threads()};
#else
        const Member all{0, 1};
#endif
        Scratch<T> scratch;
        const Index shared = batch - batch % all.size;
        for (Index i = all.rank; i < shared; i += all.size) work(i, Member{0, 1}, scratch);
        for (Index i = shared; i < batch; ++i) work(i, all, scratch);
    }
}

template <typename T>
void run_forward(const T* x, T* y, Index batch, const Geometry& g, const double* taps, Index length, Index threads) {
    const Bank<T> bank = analysis_bank<T>(taps, length);
    over_images<T>(batch, threads, [&](Index i, const Member& m, Scratch<T>& s) {
        forward(x + i * g.numbers(), y + i * g.numbers(), g, bank, m, s);
    });
}

template <typename T>
void run_inverse(const T* x, T* y, Index batch, const Geometry& g, const double* taps, Index length, Index threads) {
    const Bank<T> bank = synthesis_bank<T>(taps, length);
    over_images<T>(batch, threads, [&](Index i, const Member& m, Scratch<T>& s) {
        copy(x + i * g.numbers(), y + i * g.numbers(), g, m);
        inverse(y + i * g.numbers(), g, bank, length, m, s);
    });
}

template <typename T>
void run_shrink(const T* x, T* y, Index batch, const Geometry& g, const double* taps, Index length, const T* thresholds,
                bool keep_coarse, Index threads) {
    const Bank<T> analysis = analysis_bank<T>(taps, length), synthesis = synthesis_bank<T>(taps, length);
    over_images<T>(batch, threads, [&](Index i, const Member& m, Scratch<T>& s) {
        T* image = y + i * g.numbers();
        forward(x + i * g.numbers(), image, g, analysis, m, s);
        shrink_details(image, g, thresholds[i], keep_coarse, m);
        inverse(image, g, synthesis, length, m, s);
    });
}

}  // namespace

// x and y: contiguous (batch, n0, n1, n2, inner) arrays that do not overlap. taps: the synthesis low-pass filter.
#define WAVELET_FUNCTIONS(suffix, T)                                                                                    \
    extern "C" void wavelet_forward_##suffix(const T* x, T* y, Index batch, Index n0, Index n1, Index n2, Index inner, \
                                             Index axes, Index levels, const double* taps, Index length,               \
                                             Index threads) {                                                          \
        run_forward<T>(x, y, batch, Geometry{{n0, n1, n2}, inner, axes, levels}, taps, length, threads);               \
    }                                                                                                                  \
    extern "C" void wavelet_inverse_##suffix(const T* x, T* y, Index batch, Index n0, Index n1, Index n2, Index inner, \
                                             Index axes, Index levels, const double* taps, Index length,               \
                                             Index threads) {                                                          \
        run_inverse<T>(x, y, batch, Geometry{{n0, n1, n2}, inner, axes, levels}, taps, length, threads);               \
    }                                                                                                                  \
    extern "C" void wavelet_shrink_##suffix(const T* x, T* y, Index batch, Index n0, Index n1, Index n2, Index inner,  \
                                            Index axes, Index levels, const double* taps, Index length,                \
                                            Index threads, const T* thresholds, Index keep_coarse) {                   \
        run_shrink<T>(x, y, batch, Geometry{{n0, n1, n2}, inner, axes, levels}, taps, length, thresholds,              \
                      keep_coarse != 0, threads);                                                                      \
    }

WAVELET_FUNCTIONS(f32, float)
WAVELET_FUNCTIONS(f64, double)
