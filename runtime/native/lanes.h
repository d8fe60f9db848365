// Vectors for projectors that interpolate linearly along lines: loading, picking by a permutation, and where things lie.
//
// Neighbouring detectors (or pixels) read from a short stretch of one line, which fits into two vector registers; a
// permutation of those replaces the slow gather from memory. Where the stretch is too long for that, lanes are loaded
// one by one.

#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <tuple>
#include <utility>
#include <vector>

#if defined(__AVX512F__) || defined(__AVX2__)
#include <immintrin.h>
#endif

namespace {

#if defined(__AVX512F__)
constexpr int vector_bytes = 64;
#elif defined(__AVX2__)
constexpr int vector_bytes = 32;
#else
constexpr int vector_bytes = 16;
#endif

template <class T> struct Real;
template <> struct Real<float> {
    using Int = int32_t;
    static constexpr float magic = 12582912.0f;  // 1.5 * 2^23: adding it leaves the nearest integer in the low bits
};
template <> struct Real<double> {
    using Int = int64_t;
    static constexpr double magic = 6755399441055744.0;  // 1.5 * 2^52
};

template <class T> struct Lanes {
    static constexpr int64_t count = vector_bytes / int64_t(sizeof(T));
    typedef T Vector __attribute__((vector_size(vector_bytes)));
    typedef typename Real<T>::Int Index __attribute__((vector_size(vector_bytes)));
};
template <class T> using Vec = typename Lanes<T>::Vector;
template <class T> using Idx = typename Lanes<T>::Index;

template <class T> inline Vec<T> load(const T* from) {
    Vec<T> v;
    std::memcpy(&v, from, sizeof v);
    return v;
}

template <class T> inline void store(T* to, Vec<T> v) { std::memcpy(to, &v, sizeof v); }

template <class T> inline Vec<T> positive(Vec<T> v) { return v > T(0) ? v : Vec<T>{}; }

// Lane k of the result is element index[k] (modulo twice the lanes) of the two vectors low, high in a row.
template <class T> inline Vec<T> pick(Vec<T> low, Vec<T> high, Idx<T> index) {
    constexpr int64_t n = Lanes<T>::count;
    T both[2 * n];
    store<T>(both, low);
    store<T>(both + n, high);
    Vec<T> v;
    for (int64_t k = 0; k < n; ++k) v[k] = both[index[k] & (2 * n - 1)];
    return v;
}
#if defined(__AVX512F__)
template <> inline Vec<float> pick<float>(Vec<float> low, Vec<float> high, Idx<float> index) {
    return (Vec<float>)_mm512_permutex2var_ps((__m512)low, (__m512i)index, (__m512)high);
}
template <> inline Vec<double> pick<double>(Vec<double> low, Vec<double> high, Idx<double> index) {
    return (Vec<double>)_mm512_permutex2var_pd((__m512d)low, (__m512i)index, (__m512d)high);
}
#elif defined(__AVX2__)
template <> inline Vec<float> pick<float>(Vec<float> low, Vec<float> high, Idx<float> index) {
    const __m256 a = _mm256_permutevar8x32_ps((__m256)low, (__m256i)index);
    const __m256 b = _mm256_permutevar8x32_ps((__m256)high, (__m256i)index);
    return (Vec<float>)_mm256_blendv_ps(a, b, (__m256)_mm256_slli_epi32((__m256i)index, 28));  // bit 3 becomes the sign
}
#endif

// Reads elements of a line that has 2 * Lanes zeros on either side of its `width` elements.
template <class T> struct Near {  // all elements asked for lie within two vectors from `base`
    Vec<T> low, high;
    Near(const T* line, int64_t base, int64_t width) {
        constexpr int64_t n = Lanes<T>::count;
        const T* from = line + std::clamp<int64_t>(base, -2 * n, width);  // beyond these ends all is zero anyway
        low = load<T>(from);
        high = load<T>(from + n);
    }
    Vec<T> operator[](Idx<T> index) const { return pick<T>(low, high, index); }
};
template <class T> struct Far {  // no such bound
    const T* line;
    int64_t base, width;
    Far(const T* line, int64_t base, int64_t width) : line(line), base(base), width(width) {}
    Vec<T> operator[](Idx<T> index) const {
        Vec<T> v;
        for (int64_t k = 0; k < Lanes<T>::count; ++k) v[k] = line[std::clamp<int64_t>(base + index[k], -1, width)];
        return v;
    }
};

// `count` positions, `stride` apart, as seen by the lanes: each lies `fraction + lane[k]` >= 0 above a common integer.
// The half that `lane` holds back makes rounding to nearest a rounding down.
template <class T> struct Ladder {
    double lowest;
    Vec<T> lane;
    explicit Ladder(double stride) : lowest(std::min(0.0, stride * double(Lanes<T>::count - 1))) {
        for (int64_t k = 0; k < Lanes<T>::count; ++k) lane[k] = T(stride * double(k) - lowest - 0.5);
    }
};
template <class T> struct Places {
    int64_t base;    // common integer
    Idx<T> cell;     // integer part above the base
    Vec<T> middle;   // fractional part less a half
    Places(double first, const Ladder<T>& ladder) {
        const double lowest = first + ladder.lowest, whole = std::floor(lowest);
        base = int64_t(whole);
        split(T(lowest - whole) + ladder.lane);
    }
    // Places of any kind, none more than rounding below `lowest`.
    Places(Vec<T> places, T lowest) : base(int64_t(std::floor(lowest)) - 1) { split(places - T(base) - T(0.5)); }

private:
    void split(Vec<T> above) {  // places less the base and a half
        const Vec<T> shifted = above + Real<T>::magic;
        middle = above - (shifted - Real<T>::magic);
        Idx<T> bits, zero;
        const Vec<T> offset = Vec<T>{} + Real<T>::magic;
        std::memcpy(&bits, &shifted, sizeof bits);
        std::memcpy(&zero, &offset, sizeof zero);
        cell = bits - zero;
    }
};

template <class T> struct Padded {  // lines with zeros on both sides
    int64_t width, stride;
    std::vector<T> data;
    Padded(int64_t lines, int64_t width) : width(width), stride(width + 4 * Lanes<T>::count), data(lines * stride) {}
    T* line(int64_t i) { return data.data() + i * stride + 2 * Lanes<T>::count; }
    const T* line(int64_t i) const { return data.data() + i * stride + 2 * Lanes<T>::count; }
};

// Copies an image into lines along its rows and lines along its columns; for all threads of a parallel region.
template <class T> void lay_out(const T* image, Padded<T>& upright, Padded<T>& turned) {
    constexpr int64_t n = Lanes<T>::count;
    const int64_t width = upright.width, height = turned.width;
#pragma omp for schedule(static)
    for (int64_t i = 0; i < height; ++i) std::copy_n(image + i * width, width, upright.line(i));
#pragma omp for schedule(static)
    for (int64_t j0 = 0; j0 < width; j0 += n)
        for (int64_t i = 0; i < height; ++i)
            for (int64_t j = j0; j < std::min(j0 + n, width); ++j) turned.line(j)[i] = image[i * width + j];
}

// The lines, first up to last, on which slope * line lies in (low, high), with one to spare on either side.
inline std::pair<int64_t, int64_t> lines_hit(double low, double high, double slope, int64_t first, int64_t last) {
    if (slope == 0.0) return low > 0.0 || high < 0.0 ? std::pair{first, first} : std::pair{first, last};
    const double p = low / slope, q = high / slope;
    return {int64_t(std::clamp(std::floor(std::min(p, q)) - 1.0, double(first), double(last))),
            int64_t(std::clamp(std::ceil(std::max(p, q)) + 2.0, double(first), double(last)))};
}

// What linear interpolation reads from a line at these places.
template <class T, template <class> class Fetch>
inline Vec<T> interpolated(const T* line, int64_t width, const Places<T>& at) {
    const Fetch<T> pixels(line, at.base, width);
    const Vec<T> left = pixels[at.cell], right = pixels[at.cell + 1];
    return left + (at.middle + T(0.5)) * (right - left);
}

// The adjoint: at the detector place t, the sum over d of max(0, 1 - taper * |t - d|) times value d of the line, with
// `taps` detectors on either side of t that can count.
template <class T, template <class> class Fetch>
inline Vec<T> tapered(const T* line, int64_t count, const Places<T>& at, T taper, int64_t taps) {
    const T centre = T(1) - T(0.5) * taper;
    const Fetch<T> values(line, at.base - (taps - 1), count);
    const Vec<T> tilt = taper * at.middle;
    Vec<T> sum = positive<T>(centre - tilt) * values[at.cell + typename Real<T>::Int(taps - 1)];
    sum += positive<T>(centre + tilt) * values[at.cell + typename Real<T>::Int(taps)];
    for (int64_t q = 1; q < taps; ++q) {
        const T level = centre - taper * T(q);
        sum += positive<T>(level - tilt) * values[at.cell + typename Real<T>::Int(taps - 1 - q)];
        sum += positive<T>(level + tilt) * values[at.cell + typename Real<T>::Int(taps + q)];
    }
    return sum;
}

}  // namespace
