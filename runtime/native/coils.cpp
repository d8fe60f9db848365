// x -> sum_c conj(s_c) F^H diag(w) F (s_c x), with the Fourier transform F along the lines of a complex image; without
// maps, x -> F^H diag(w) F x.
//
// As many lines as a vector has lanes go side by side through transform, weights and inverse, in buffers that stay in
// cache; a transform is then the same arithmetic for all lanes, with no shuffles. Transforms are Stockham's, of radices
// 4, 2, 3 and 5, which sort themselves. An inverse is a forward transform with real and imaginary parts exchanged.
//
// Maps come in the order in which they are used: [coils, groups of lines, n, re or im, lanes].

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

namespace {

using Index = std::int64_t;

constexpr Index kBytes = 64;
template <class T> struct Wide {
    static constexpr Index lanes = kBytes / static_cast<Index>(sizeof(T));
    typedef T Vector __attribute__((vector_size(kBytes)));
};

// A complex number of each lane.
template <class T> struct Complex {
    typename Wide<T>::Vector re, im;

    Complex operator+(const Complex& o) const { return {re + o.re, im + o.im}; }
    Complex operator-(const Complex& o) const { return {re - o.re, im - o.im}; }
    Complex times(T c, T s) const { return {re * c - im * s, re * s + im * c}; }
    Complex scaled(T c) const { return {re * c, im * c}; }
    Complex turned() const { return {im, -re}; }  // times -i
};

template <class T> struct Stage {
    Index radix, length, before;  // the transform's length that is left after it, and the product of radices before it
    std::vector<T> twiddles;      // cos, sin of -2 pi j p / (radix length) for j < length, 1 <= p < radix
};

template <class T> std::vector<Stage<T>> stages_of(Index n) {
    std::vector<Stage<T>> out;
    Index left = n, before = 1;
    while (left > 1) {
        const Index r = left % 4 == 0 ? 4 : left % 2 == 0 ? 2 : left % 3 == 0 ? 3 : 5;
        left /= r;
        Stage<T> stage{r, left, before, {}};
        for (Index j = 0; j < left; ++j)
            for (Index p = 1; p < r; ++p) {
                const double turn = -2 * M_PI * static_cast<double>(j * p) / static_cast<double>(r * left);
                stage.twiddles.push_back(static_cast<T>(std::cos(turn)));
                stage.twiddles.push_back(static_cast<T>(std::sin(turn)));
            }
        out.push_back(stage);
        before *= r;
    }
    return out;
}

// The transform of length R of a, in place.
template <class T, int R> inline void butterfly(Complex<T>* a) {
    if constexpr (R == 2) {
        const Complex<T> b = a[0] - a[1];
        a[0] = a[0] + a[1], a[1] = b;
    } else if constexpr (R == 3) {
        const T half = T(0.5), root = static_cast<T>(0.86602540378443864676);
        const Complex<T> sum = a[1] + a[2], d = (a[1] - a[2]).turned().scaled(root), m = a[0] - sum.scaled(half);
        a[0] = a[0] + sum, a[1] = m + d, a[2] = m - d;
    } else if constexpr (R == 4) {
        const Complex<T> s = a[0] + a[2], d = a[0] - a[2], t = a[1] + a[3], u = (a[1] - a[3]).turned();
        a[0] = s + t, a[1] = d + u, a[2] = s - t, a[3] = d - u;
    } else {
        const T c1 = static_cast<T>(0.30901699437494742410), c2 = static_cast<T>(-0.80901699437494742410);
        const T s1 = static_cast<T>(0.95105651629515357212), s2 = static_cast<T>(0.58778525229247312917);
        const Complex<T> p = a[1] + a[4], q = a[2] + a[3], d = (a[1] - a[4]).turned(), e = (a[2] - a[3]).turned();
        const Complex<T> m = a[0] + p.scaled(c1) + q.scaled(c2), k = a[0] + p.scaled(c2) + q.scaled(c1);
        const Complex<T> u = d.scaled(s1) + e.scaled(s2), v = d.scaled(s2) - e.scaled(s1);
        a[0] = a[0] + p + q, a[1] = m + u, a[2] = k + v, a[3] = k - v, a[4] = m - u;
    }
}

template <class T, int R> void pass(const Stage<T>& stage, const Complex<T>* x, Complex<T>* y) {
    const Index l = stage.length, m = stage.before;
    for (Index j = 0; j < l; ++j) {
        const T* w = stage.twiddles.data() + 2 * (R - 1) * j;
        for (Index k = 0; k < m; ++k) {
            Complex<T> a[R];
            for (int q = 0; q < R; ++q) a[q] = x[k + m * (j + l * q)];
            butterfly<T, R>(a);
            y[k + m * R * j] = a[0];
            for (int p = 1; p < R; ++p) y[k + m * (R * j + p)] = j ? a[p].times(w[2 * p - 2], w[2 * p - 1]) : a[p];
        }
    }
}

// The transform of x; returns where it stands, x or y.
template <class T> Complex<T>* transform(const std::vector<Stage<T>>& stages, Complex<T>* x, Complex<T>* y) {
    for (const Stage<T>& stage : stages) {
        if (stage.radix == 4) pass<T, 4>(stage, x, y);
        else if (stage.radix == 2) pass<T, 2>(stage, x, y);
        else if (stage.radix == 3) pass<T, 3>(stage, x, y);
        else pass<T, 5>(stage, x, y);
        std::swap(x, y);
    }
    return x;
}

// `count` lines of n complex numbers, which lie one after the other, side by side in lanes; and back.
template <class T> void gather(const T* lines, Index count, Index n, Complex<T>* out) {
    for (Index j = 0; j < n; ++j) {
        Complex<T> v{};
        for (Index l = 0; l < count; ++l) {
            v.re[l] = lines[2 * (l * n + j)];
            v.im[l] = lines[2 * (l * n + j) + 1];
        }
        out[j] = v;
    }
}

template <class T> void scatter(const Complex<T>* in, Index count, Index n, T* lines) {
    for (Index j = 0; j < n; ++j)
        for (Index l = 0; l < count; ++l) {
            lines[2 * (l * n + j)] = in[j].re[l];
            lines[2 * (l * n + j) + 1] = in[j].im[l];
        }
}

#if defined(__AVX512F__)
// Rows of eight numbers to columns.
inline void transpose(__m512d* r) {
    __m512d t[8], u[8];
    for (int k = 0; k < 8; k += 2) {
        t[k] = _mm512_maskz_unpacklo_pd(0xff, r[k], r[k + 1]);
        t[k + 1] = _mm512_maskz_unpackhi_pd(0xff, r[k], r[k + 1]);
    }
    for (int k = 0; k < 2; ++k) {  // even and odd columns
        u[4 * k] = _mm512_maskz_shuffle_f64x2(0xff, t[k], t[k + 2], 0x88);
        u[4 * k + 1] = _mm512_maskz_shuffle_f64x2(0xff, t[k], t[k + 2], 0xdd);
        u[4 * k + 2] = _mm512_maskz_shuffle_f64x2(0xff, t[k + 4], t[k + 6], 0x88);
        u[4 * k + 3] = _mm512_maskz_shuffle_f64x2(0xff, t[k + 4], t[k + 6], 0xdd);
        r[k] = _mm512_maskz_shuffle_f64x2(0xff, u[4 * k], u[4 * k + 2], 0x88);
        r[k + 4] = _mm512_maskz_shuffle_f64x2(0xff, u[4 * k], u[4 * k + 2], 0xdd);
        r[k + 2] = _mm512_maskz_shuffle_f64x2(0xff, u[4 * k + 1], u[4 * k + 3], 0x88);
        r[k + 6] = _mm512_maskz_shuffle_f64x2(0xff, u[4 * k + 1], u[4 * k + 3], 0xdd);
    }
}

// Full vectors of lines in squares of eight numbers, which are as wide as a double.
template <> void gather<float>(const float* lines, Index count, Index n, Complex<float>* out) {
    Index j = 0;
    const __m512i re = _mm512_set_epi32(30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);
    const __m512i im = _mm512_set_epi32(31, 29, 27, 25, 23, 21, 19, 17, 15, 13, 11, 9, 7, 5, 3, 1);
    for (; count == 16 && j + 8 <= n; j += 8) {
        __m512d low[8], high[8];
        for (Index l = 0; l < 8; ++l) {
            std::memcpy(&low[l], lines + 2 * (l * n + j), sizeof low[l]);
            std::memcpy(&high[l], lines + 2 * ((l + 8) * n + j), sizeof high[l]);
        }
        transpose(low), transpose(high);
        for (Index k = 0; k < 8; ++k) {
            const __m512 a = _mm512_castpd_ps(low[k]), b = _mm512_castpd_ps(high[k]);
            out[j + k].re = (Wide<float>::Vector)_mm512_permutex2var_ps(a, re, b);
            out[j + k].im = (Wide<float>::Vector)_mm512_permutex2var_ps(a, im, b);
        }
    }
    for (; j < n; ++j) {
        Complex<float> v{};
        for (Index l = 0; l < count; ++l) v.re[l] = lines[2 * (l * n + j)], v.im[l] = lines[2 * (l * n + j) + 1];
        out[j] = v;
    }
}

template <> void scatter<float>(const Complex<float>* in, Index count, Index n, float* lines) {
    Index j = 0;
    const __m512i first = _mm512_set_epi32(23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    const __m512i second = _mm512_set_epi32(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8);
    for (; count == 16 && j + 8 <= n; j += 8) {
        __m512d low[8], high[8];
        for (Index k = 0; k < 8; ++k) {
            const __m512 re = (__m512)in[j + k].re, im = (__m512)in[j + k].im;
            low[k] = _mm512_castps_pd(_mm512_permutex2var_ps(re, first, im));
            high[k] = _mm512_castps_pd(_mm512_permutex2var_ps(re, second, im));
        }
        transpose(low), transpose(high);
        for (Index l = 0; l < 8; ++l) {
            std::memcpy(lines + 2 * (l * n + j), &low[l], sizeof low[l]);
            std::memcpy(lines + 2 * ((l + 8) * n + j), &high[l], sizeof high[l]);
        }
    }
    for (; j < n; ++j)
        for (Index l = 0; l < count; ++l) lines[2 * (l * n + j)] = in[j].re[l], lines[2 * (l * n + j) + 1] = in[j].im[l];
}
#endif

template <class T>
void filter(const T* x, T* out, const T* maps, const T* weights, Index batch, Index coils, Index lines, Index n, Index threads) {
    constexpr Index lanes = Wide<T>::lanes;
    const Index groups = (lines + lanes - 1) / lanes;
    const std::vector<Stage<T>> stages = stages_of<T>(n);
#pragma omp parallel num_threads(threads)
    {
        std::vector<Complex<T>> image(n), total(n), a(n), b(n);
#pragma omp for schedule(static)
        for (Index item = 0; item < batch * groups; ++item) {
            const Index group = item % groups, count = std::min(lanes, lines - group * lanes);
            const Index start = (item / groups * lines + group * lanes) * n;
            gather(x + 2 * start, count, n, image.data());
            if (!maps) {
                Complex<T>* there = transform(stages, image.data(), b.data());
                for (Index j = 0; j < n; ++j) there[j] = {there[j].im * weights[j], there[j].re * weights[j]};
                Complex<T>* back = transform(stages, there, there == image.data() ? b.data() : image.data());
                for (Index j = 0; j < n; ++j) back[j] = {back[j].im, back[j].re};
                scatter(back, count, n, out + 2 * start);
                continue;
            }
            std::fill(total.begin(), total.end(), Complex<T>{});
            for (Index c = 0; c < coils; ++c) {
                const Complex<T>* s = reinterpret_cast<const Complex<T>*>(maps) + (c * groups + group) * n;
                for (Index j = 0; j < n; ++j)
                    a[j] = {image[j].re * s[j].re - image[j].im * s[j].im, image[j].re * s[j].im + image[j].im * s[j].re};
                Complex<T>* there = transform(stages, a.data(), b.data());
                for (Index j = 0; j < n; ++j) there[j] = {there[j].im * weights[j], there[j].re * weights[j]};
                const Complex<T>* back = transform(stages, there, there == a.data() ? b.data() : a.data());
                for (Index j = 0; j < n; ++j) {  // the parts of `back` are exchanged
                    total[j].re += s[j].re * back[j].im + s[j].im * back[j].re;
                    total[j].im += s[j].re * back[j].re - s[j].im * back[j].im;
                }
            }
            scatter(total.data(), count, n, out + 2 * start);
        }
    }
}

}  // namespace

// x, out: contiguous [batch, lines, n], complex; n a product of 2, 3 and 5. maps: aligned to a vector, or null. weights: w / n.
extern "C" {

void coil_filter_f32(const float* x, float* out, const float* maps, const float* weights, Index batch, Index coils,
                     Index lines, Index n, Index threads) {
    filter(x, out, maps, weights, batch, coils, lines, n, threads);
}

void coil_filter_f64(const double* x, double* out, const double* maps, const double* weights, Index batch, Index coils,
                     Index lines, Index n, Index threads) {
    filter(x, out, maps, weights, batch, coils, lines, n, threads);
}

}
