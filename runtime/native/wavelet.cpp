// Periodised orthonormal wavelet transform over the last one, two or three axes, and soft thresholding in its domain.
//
// With taps h of even length F, g[n] = (-1)^n h[F-1-n] and the offset s = 1 - F/2, a line x of even length N becomes
//     low[k]  = sum_n h[n] x[(2k + s + n) mod N],    high[k] = sum_n g[n] x[(2k + s + n) mod N],    k < N/2,
// low in the first half of the line and high in the second. Split into even and odd samples this is a bank of four
// filters of length about F/2 from two sequences to two sequences, and so is the inverse: one inner loop does both.
// A line is loaded whole before it is written, so every pass after the first works in place.
//
// Two axes, the case that counts, have passes of their own. A level filters across rows first, straight from the rows,
// then along each of the two rows that come out while they are in cache. Soft thresholding of what is a detail already
// happens there; a row of which both halves are details is put together again at once. The low corner goes on in an
// array of its own.
//
// Every output is one sum in a fixed order, whatever the number of threads.

#include <limits>
#include <memory>
#ifdef _OPENMP
#include <omp.h>
#endif

#include "lanes.h"

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

// out0[t] = sum_j p00[j] in0[t + jW] + p01[j] in1[t + jW];  out1 likewise with p10 and p11, j < taps. Where `late` is one,
// the last tap of the former and the first of the latter are zero.
template <typename T>
struct Bank {
    Index taps, late;
    std::vector<T> p00, p01, p10, p11;
};

template <typename T>
Bank<T> analysis_bank(const double* h, Index length) {
    Bank<T> bank{length / 2, 0, {}, {}, {}, {}};
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
    Bank<T> bank{taps, shift, std::vector<T>(taps), std::vector<T>(taps), std::vector<T>(taps), std::vector<T>(taps)};
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

// Both sums of a bank for U vectors from number t on, in one order: tap by tap, in0 before in1. at0(j), at1(j): where
// the numbers for tap j begin. With `taps` known beforehand the filters stay in registers.
template <typename T, Index taps, Index late, Index U, typename At0, typename At1>
inline void filter_block(const Bank<T>& bank, At0 at0, At1 at1, T* out0, T* out1, Index t) {
    using Vector = typename Lane<T>::Vector;
    Vector sum0[U] = {}, sum1[U] = {};
    const auto tap = [&](Index j, bool first, bool second) {
        const T *from0 = at0(j) + t, *from1 = at1(j) + t;
        for (Index u = 0; u < U; ++u) {
            Vector x, y;
            std::memcpy(&x, from0 + u * kLanes<T>, sizeof x);
            std::memcpy(&y, from1 + u * kLanes<T>, sizeof y);
#if defined(__AVX512F__)
            __asm__("" : "+v"(x), "+v"(y));  // else each of them is loaded twice
#endif
            if (first) sum0[u] += bank.p00[j] * x, sum0[u] += bank.p01[j] * y;
            if (second) sum1[u] += bank.p10[j] * x, sum1[u] += bank.p11[j] * y;
        }
    };
    if constexpr (taps == 0) {
        for (Index j = 0; j < bank.taps; ++j) tap(j, true, true);
    } else {
#pragma GCC unroll 8
        for (Index j = 0; j < taps; ++j) tap(j, late == 0 || j + 1 < taps, late == 0 || j > 0);
    }
    for (Index u = 0; u < U; ++u) {
        std::memcpy(out0 + t + u * kLanes<T>, sum0 + u, sizeof sum0[u]);
        std::memcpy(out1 + t + u * kLanes<T>, sum1 + u, sizeof sum1[u]);
    }
}

// Calls work with the taps of a bank and whether one comes late as constants, for filters of eight taps; else with zeros.
template <typename T, typename Work>
inline void with_taps(const Bank<T>& bank, Work work) {
    using Zero = std::integral_constant<Index, 0>;
    using One = std::integral_constant<Index, 1>;
    if (bank.taps == 4 && bank.late == 0) work(std::integral_constant<Index, 4>{}, Zero{});
    else if (bank.taps == 5 && bank.late == 1) work(std::integral_constant<Index, 5>{}, One{});
    else work(Zero{}, Zero{});
}

// Computes whole vectors: the last may read and write past `count`, inside the slack of the buffers.
template <typename T>
void filter(const Bank<T>& bank, const T* in0, const T* in1, T* out0, T* out1, Index count, Index width) {
    constexpr Index lanes = kLanes<T>;
    const auto at0 = [=](Index j) { return in0 + j * width; };
    const auto at1 = [=](Index j) { return in1 + j * width; };
    with_taps(bank, [&](auto taps, auto late) {
        constexpr Index many = taps() ? 2 : kUnroll;  // with the filters in registers two vectors are enough
        Index t = 0;
        for (; t + many * lanes <= count; t += many * lanes)
            filter_block<T, taps(), late(), many>(bank, at0, at1, out0, out1, t);
        for (; t < count; t += lanes) filter_block<T, taps(), late(), 1>(bank, at0, at1, out0, out1, t);
    });
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

// What sorts two vectors of samples of one or two numbers by turns into even and odd ones, and back.
template <typename T>
struct Turns {
    Idx<T> even, odd, first, second;

    explicit Turns(Index inner) {
        constexpr Index lanes = Lanes<T>::count;
        const auto lane = [](Index k) { return static_cast<typename Real<T>::Int>(k); };
        const auto merged = [&](Index k) { return lane(k / inner % 2 * lanes + k / inner / 2 * inner + k % inner); };
        for (Index l = 0; l < lanes; ++l) {
            const Index sample = l / inner, part = l % inner;
            even[l] = lane(2 * sample * inner + part), odd[l] = lane((2 * sample + 1) * inner + part);
            first[l] = merged(l), second[l] = merged(l + lanes);
        }
    }
};

// Samples 2j and 2j + 1 of a line of n samples to even[j] and odd[j], and back. `inner` is 1 or 2.
template <typename T>
void split_line(const T* x, Index n, Index inner, const Turns<T>& turns, T* even, T* odd) {
    constexpr Index lanes = Lanes<T>::count;
    const Index numbers = n / 2 * inner;
    Index i = 0;
    for (; i + lanes <= numbers; i += lanes) {
        const Vec<T> a = load<T>(x + 2 * i), b = load<T>(x + 2 * i + lanes);
        store<T>(even + i, pick<T>(a, b, turns.even));
        store<T>(odd + i, pick<T>(a, b, turns.odd));
    }
    for (; i < numbers; ++i) {
        const Index at = i / inner * 2 * inner + i % inner;
        even[i] = x[at], odd[i] = x[at + inner];
    }
}

template <typename T>
void merge_line(const T* even, const T* odd, Index n, Index inner, const Turns<T>& turns, T* x) {
    constexpr Index lanes = Lanes<T>::count;
    const Index numbers = n / 2 * inner;
    Index i = 0;
    for (; i + lanes <= numbers; i += lanes) {
        const Vec<T> a = load<T>(even + i), b = load<T>(odd + i);
        store<T>(x + 2 * i, pick<T>(a, b, turns.first));
        store<T>(x + 2 * i + lanes, pick<T>(a, b, turns.second));
    }
    for (; i < numbers; ++i) {
        const Index at = i / inner * 2 * inner + i % inner;
        x[at] = even[i], x[at + inner] = odd[i];
    }
}

// The same for the lines of a bundle.
template <typename T>
void split(const T* x, const Bundle& b, T* even, T* odd) {
    const Index half = b.n / 2;
    if (b.width == b.stride && b.width <= 2) {
        split_line(x, b.n, b.width, Turns<T>(b.width), even, odd);
    } else {
        copy_rows(x, 2 * b.stride, even, b.width, b.width, half);
        copy_rows(x + b.stride, 2 * b.stride, odd, b.width, b.width, half);
    }
}

template <typename T>
void merge(const T* even, const T* odd, const Bundle& b, T* x) {
    const Index half = b.n / 2;
    if (b.width == b.stride && b.width <= 2) {
        merge_line(even, odd, b.n, b.width, Turns<T>(b.width), x);
    } else {
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

// max(0, 1 - t/|c|) of squared moduli |c|^2; NaN where they are.
template <typename T>
inline Vec<T> kept_part(Vec<T> squares, T t) {
    T lanes[Lanes<T>::count];
    store<T>(lanes, squares);
    for (T& v : lanes) {
        const T modulus = std::sqrt(v);
        v = modulus <= t ? T(0) : T(1) - t / modulus;
    }
    return load<T>(lanes);
}
#if defined(__AVX512F__)
template <>
inline Vec<float> kept_part<float>(Vec<float> squares, float t) {
    const float most = std::numeric_limits<float>::max();
    const Vec<float> size = squares > most ? Vec<float>{} + most : squares;  // the root of infinity has no Newton step
    const Vec<float> near = (Vec<float>)_mm512_maskz_rsqrt14_ps(0xffff, (__m512)size);
    const Vec<float> better = near * (1.5f - 0.5f * (size * near) * near);  // from 14 bits to rounding
    const Vec<float> part = 1.0f - t * better;
    return squares <= t * t || part < 0.0f ? Vec<float>{} : part;
}
#endif

// c <- c max(0, 1 - t/|c|), with |c| the modulus of a pair where a sample has two numbers; NaN stays NaN.
template <typename T>
void shrink(T* c, Index from, Index to, Index inner, T t) {
    if (inner == 1) {
        for (Index i = from; i < to; ++i) c[i] -= std::min(std::max(c[i], -t), t);
        return;
    }
    constexpr Index lanes = Lanes<T>::count;
    Idx<T> other;
    for (Index l = 0; l < lanes; ++l) other[l] = static_cast<typename Real<T>::Int>(l ^ 1);
    Index i = 2 * from;
    for (; i + lanes <= 2 * to; i += lanes) {
        const Vec<T> v = load<T>(c + i), squares = v * v;
        store<T>(c + i, v * kept_part<T>(squares + pick<T>(squares, squares, other), t));
    }
    for (; i < 2 * to; i += 2) {
        const T factor = kept_part<T>(Vec<T>{} + (c[i] * c[i] + c[i + 1] * c[i + 1]), t)[0];
        c[i] *= factor;
        c[i + 1] *= factor;
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

// ---- two axes ---------------------------------------------------------------------------------------------------------

// out0 and out1 of a bank, for `count` numbers of rows: tap j of them is row j of `rows0` and `rows1`.
template <typename T>
void across(const Bank<T>& bank, const T* const* rows0, const T* const* rows1, T* out0, T* out1, Index count) {
    constexpr Index lanes = kLanes<T>;
    const auto at0 = [=](Index j) { return rows0[j]; };
    const auto at1 = [=](Index j) { return rows1[j]; };
    Index t = 0;
    with_taps(bank, [&](auto taps, auto late) {
        constexpr Index many = taps() ? 2 : kUnroll;
        for (; t + many * lanes <= count; t += many * lanes)
            filter_block<T, taps(), late(), many>(bank, at0, at1, out0, out1, t);
        for (; t + lanes <= count; t += lanes) filter_block<T, taps(), late(), 1>(bank, at0, at1, out0, out1, t);
    });
    for (; t < count; ++t) {
        T sum0 = 0, sum1 = 0;
        for (Index j = 0; j < bank.taps; ++j) {
            sum0 += bank.p00[j] * rows0[j][t];
            sum0 += bank.p01[j] * rows1[j][t];
            sum1 += bank.p10[j] * rows0[j][t];
            sum1 += bank.p11[j] * rows1[j][t];
        }
        out0[t] = sum0, out1[t] = sum1;
    }
}

// Both banks, and what the passes over two axes need of the transform.
template <typename T>
struct Plane {
    Bank<T> analysis, synthesis;
    Index inner, levels, length;
    Turns<T> turns;

    Plane(const Geometry& g, const double* taps, Index length)
        : analysis(analysis_bank<T>(taps, length)),
          synthesis(synthesis_bank<T>(taps, length)),
          inner(g.inner),
          levels(g.levels),
          length(length),
          turns(g.inner) {}
};

// An array of rows that lie `stride` numbers apart.
template <typename T>
struct Rows {
    T* data;
    Index stride;

    T* operator[](Index k) const { return data + k * stride; }
};

// The low and the high row that the filters across rows make of row pair k of n rows.
template <typename T>
void analyse_across(const Plane<T>& plane, Rows<const T> x, Index n, Index k, T* low, T* high, Index count) {
    const Index taps = plane.analysis.taps;
    std::vector<const T*> rows(2 * taps);
    for (Index j = 0; j < taps; ++j)
        for (Index q = 0; q < 2; ++q) rows[q * taps + j] = x[wrap(2 * (k + j) + q - (taps - 1), n)];
    across(plane.analysis, rows.data(), rows.data() + taps, low, high, count);
}

// Rows 2k and 2k + 1 of n from the low rows and the high rows.
template <typename T>
void synthesise_across(const Plane<T>& plane, Rows<const T> low, Rows<const T> high, Index n, Index k, T* even, T* odd,
                       Index count) {
    const Index taps = plane.synthesis.taps, half = plane.length / 2 - 1, before = half - half / 2;
    std::vector<const T*> rows(2 * taps);
    for (Index j = 0; j < taps; ++j) {
        const Index from = wrap(k + j - before, n / 2);
        rows[j] = low[from], rows[taps + j] = high[from];
    }
    across(plane.synthesis, rows.data(), rows.data() + taps, even, odd, count);
}

// The low and the high half of a row of n samples, in s.out0 and s.out1.
template <typename T>
void analyse_along(const Plane<T>& plane, const T* x, Index n, Scratch<T>& s) {
    const Index inner = plane.inner, half = n / 2, before = plane.analysis.taps - 1;
    s.reserve(half, plane.synthesis.taps, inner);  // no fewer taps: what stands in s.out0 may go back through s
    const auto put = [&](Index i) {
        std::copy_n(x + wrap(i - before, n) * inner, inner, (i % 2 ? s.in1 : s.in0).data() + i / 2 * inner);
    };
    for (Index i = 0; i < before; ++i) put(i);
    T* first = (before % 2 ? s.in1 : s.in0).data() + before / 2 * inner;
    T* second = (before % 2 ? s.in0 : s.in1).data() + (before + 1) / 2 * inner;
    split_line(x, n, inner, plane.turns, first, second);
    for (Index i = before + n; i < n + 2 * before; ++i) put(i);
    filter(plane.analysis, s.in0.data(), s.in1.data(), s.out0.data(), s.out1.data(), half * inner, inner);
}

// A row of n samples from its halves; `low` and `high` may be s.out0 and s.out1, and x may be where they are.
template <typename T>
void synthesise_along(const Plane<T>& plane, const T* low, const T* high, Index n, T* x, Scratch<T>& s) {
    const Index inner = plane.inner, half = n / 2, turned = plane.length / 2 - 1, before = turned - turned / 2;
    s.reserve(half, plane.synthesis.taps, inner);
    const auto put = [&](Index v) {
        const Index k = wrap(v - before, half) * inner;
        std::copy_n(low + k, inner, s.in0.data() + v * inner);
        std::copy_n(high + k, inner, s.in1.data() + v * inner);
    };
    for (Index v = 0; v < before; ++v) put(v);
    std::copy_n(low, half * inner, s.in0.data() + before * inner);
    std::copy_n(high, half * inner, s.in1.data() + before * inner);
    for (Index v = before + half; v < half + plane.synthesis.taps - 1; ++v) put(v);
    filter(plane.synthesis, s.in0.data(), s.in1.data(), s.out0.data(), s.out1.data(), half * inner, inner);
    merge_line(s.out0.data(), s.out1.data(), n, inner, plane.turns, x);
}

// Calls work(i) for this member's share of 0 <= i < count, and waits for the others.
template <typename Work>
void share_out(const Member& m, Index count, Work work) {
    for (Index i = count * m.rank / m.size; i < count * (m.rank + 1) / m.size; ++i) work(i);
    m.wait();
}

// Memory of a thread, not set to anything. Up to a bound it is kept from one call to the next: memory that is new to the
// process costs the system more time than a transform takes.
struct Memory {
    static constexpr std::size_t kKept = std::size_t{1} << 24;
    std::unique_ptr<char[]> data;
    std::size_t size = 0;

    char* of(std::size_t bytes) {
        if (size < bytes) data.reset(new char[bytes]), size = bytes;
        return data.get();
    }
    void done() {
        if (size > kKept) data.reset(), size = 0;
    }
};

// The arrays between the levels of one image: of each level the rows that its filters across rows make, and what comes
// in; nothing comes in at the first, which reads the image. In the memory of the thread that makes them.
template <typename T>
struct Between {
    std::vector<T*> filtered, source;

    static Memory& memory() {
        thread_local Memory own;
        return own;
    }
    ~Between() { memory().done(); }
    Between(const Between&) = delete;
    explicit Between(const Geometry& g) : filtered(g.levels + 1), source(g.levels + 1) {
        const auto numbers = [&](Index level) { return (g.n[1] >> level) * (g.n[2] >> level) * g.inner; };
        Index total = 0;
        for (Index level = 0; level <= g.levels; ++level) total += 2 * numbers(level);
        constexpr std::size_t line = 64;
        char* start = memory().of(static_cast<std::size_t>(total) * sizeof(T) + line);
        T* next = reinterpret_cast<T*>(start + (line - reinterpret_cast<std::uintptr_t>(start) % line) % line);
        for (Index level = 0; level <= g.levels; ++level) {
            filtered[level] = next, next += numbers(level);
            source[level] = next, next += numbers(level);
        }
    }
};

// y <- W x of one image, in Mallat's layout; x and y may not overlap.
template <typename T>
void forward_plane(const T* x, T* y, const Geometry& g, const Plane<T>& plane, const Between<T>& between,
                   const Member& m, Scratch<T>& s) {
    const Index full = g.n[2] * g.inner;
    for (Index level = 0; level < g.levels; ++level) {
        const Index rows = g.n[1] >> level, n = g.n[2] >> level, numbers = n * g.inner, half = numbers / 2;
        const bool last = level + 1 == g.levels;
        const Rows<const T> in{level == 0 ? x : between.source[level], level == 0 ? full : numbers};
        share_out(m, rows / 2, [&](Index k) {
            T *low = y + k * full, *high = y + (rows / 2 + k) * full;
            analyse_across(plane, in, rows, k, low, high, numbers);
            analyse_along(plane, high, n, s);
            std::copy_n(s.out0.data(), half, high);
            std::copy_n(s.out1.data(), half, high + half);
            analyse_along(plane, low, n, s);
            std::copy_n(s.out0.data(), half, last ? low : between.source[level + 1] + k * half);
            std::copy_n(s.out1.data(), half, low + half);
        });
    }
}

// y <- W^H c of one image; c and y may not overlap.
template <typename T>
void inverse_plane(const T* c, T* y, const Geometry& g, const Plane<T>& plane, const Between<T>& between,
                   const Member& m, Scratch<T>& s) {
    const Index full = g.n[2] * g.inner;
    for (Index level = g.levels - 1; level >= 0; --level) {
        const Index rows = g.n[1] >> level, n = g.n[2] >> level, numbers = n * g.inner, half = numbers / 2;
        const bool first = level + 1 == g.levels;
        const Rows<T> filtered{between.filtered[level], numbers};
        share_out(m, rows, [&](Index k) {
            const T* low = k < rows / 2 && !first ? between.source[level + 1] + k * half : c + k * full;
            synthesise_along(plane, low, c + k * full + half, n, filtered[k], s);
        });
        const Rows<T> out{level == 0 ? y : between.source[level], level == 0 ? full : numbers};
        share_out(m, rows / 2, [&](Index k) {
            synthesise_across(plane, {filtered[0], numbers}, {filtered[rows / 2], numbers}, rows, k, out[2 * k],
                              out[2 * k + 1], numbers);
        });
    }
}

// y <- W^H soft(W x, t) of one image, from this level on; x and y may be the same where the level is not the first.
template <typename T>
void shrink_plane(const T* x, T* y, const Geometry& g, const Plane<T>& plane, const Between<T>& between, Index level,
                  T t, bool keep_coarse, const Member& m, Scratch<T>& s) {
    const Index rows = g.n[1] >> level, n = g.n[2] >> level, numbers = n * g.inner, half = numbers / 2;
    const bool last = level + 1 == g.levels;
    const Rows<T> filtered{between.filtered[level], numbers};
    T* inside = between.source[level + 1];
    share_out(m, rows / 2, [&](Index k) {
        T *low = filtered[k], *high = filtered[rows / 2 + k];
        analyse_across(plane, Rows<const T>{x, numbers}, rows, k, low, high, numbers);
        analyse_along(plane, high, n, s);
        shrink(s.out0.data(), 0, n / 2, g.inner, t);
        shrink(s.out1.data(), 0, n / 2, g.inner, t);
        synthesise_along(plane, s.out0.data(), s.out1.data(), n, high, s);
        analyse_along(plane, low, n, s);
        shrink(s.out1.data(), 0, n / 2, g.inner, t);
        if (last && !keep_coarse) shrink(s.out0.data(), 0, n / 2, g.inner, t);
        std::copy_n(s.out0.data(), half, inside + k * half);
        std::copy_n(s.out1.data(), half, low + half);
    });
    if (!last) shrink_plane<T>(inside, inside, g, plane, between, level + 1, t, keep_coarse, m, s);
    share_out(m, rows / 2, [&](Index k) {
        synthesise_along(plane, inside + k * half, filtered[k] + half, n, filtered[k], s);
    });
    share_out(m, rows / 2, [&](Index k) {
        synthesise_across(plane, {filtered[0], numbers}, {filtered[rows / 2], numbers}, rows, k, y + 2 * k * numbers,
                          y + (2 * k + 1) * numbers, numbers);
    });
}

// Calls work(image, member, scratch, between). Whole images go to single threads, with arrays of their own; the images
// left over are shared by all, and so are then the arrays between their levels.
template <typename T, typename Work>
void over_images(Index batch, const Geometry& g, Index threads, Work work) {
    const Geometry none{{0, 0, 0}, 0, 0, 0};
    const Between<T> common(g.axes == 2 ? g : none);
#pragma omp parallel num_threads(static_cast<int>(threads))
    {
#ifdef _OPENMP
        const Member all{omp_get_thread_num(), omp_get_num_threads()};
#else
        const Member all{0, 1};
#endif
        Scratch<T> scratch;
        const Index shared = batch - batch % all.size;
        if (all.rank == 0) {
            for (Index i = 0; i < shared; i += all.size) work(i, Member{0, 1}, scratch, common);
        } else if (shared > 0) {
            const Between<T> own(g.axes == 2 ? g : none);
            for (Index i = all.rank; i < shared; i += all.size) work(i, Member{0, 1}, scratch, own);
        }
        all.wait();
        for (Index i = shared; i < batch; ++i) work(i, all, scratch, common);
    }
}

template <typename T>
void run_forward(const T* x, T* y, Index batch, const Geometry& g, const double* taps, Index length, Index threads) {
    const Plane<T> plane(g, taps, length);
    over_images<T>(batch, g, threads, [&](Index i, const Member& m, Scratch<T>& s, const Between<T>& between) {
        const T* image = x + i * g.numbers();
        T* out = y + i * g.numbers();
        if (g.axes == 2 && g.levels > 0)
            forward_plane(image, out, g, plane, between, m, s);
        else
            forward(image, out, g, plane.analysis, m, s);
    });
}

template <typename T>
void run_inverse(const T* x, T* y, Index batch, const Geometry& g, const double* taps, Index length, Index threads) {
    const Plane<T> plane(g, taps, length);
    over_images<T>(batch, g, threads, [&](Index i, const Member& m, Scratch<T>& s, const Between<T>& between) {
        const T* image = x + i * g.numbers();
        T* out = y + i * g.numbers();
        if (g.axes == 2 && g.levels > 0) {
            inverse_plane(image, out, g, plane, between, m, s);
        } else {
            copy(image, out, g, m);
            inverse(out, g, plane.synthesis, length, m, s);
        }
    });
}

template <typename T>
void run_shrink(const T* x, T* y, Index batch, const Geometry& g, const double* taps, Index length, const T* thresholds,
                bool keep_coarse, Index threads) {
    const Plane<T> plane(g, taps, length);
    over_images<T>(batch, g, threads, [&](Index i, const Member& m, Scratch<T>& s, const Between<T>& between) {
        const T* image = x + i * g.numbers();
        T* out = y + i * g.numbers();
        if (g.axes == 2 && g.levels > 0) {
            shrink_plane(image, out, g, plane, between, 0, thresholds[i], keep_coarse, m, s);
        } else {
            forward(image, out, g, plane.analysis, m, s);
            shrink_details(out, g, thresholds[i], keep_coarse, m);
            inverse(out, g, plane.synthesis, length, m, s);
        }
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
