// Joseph's parallel-beam projector and its adjoint, for one image at a time.
//
// A view crosses the image line by line: rows of the image, or columns where these are the steeper choice. Detector d
// meets line i at the position  u = start + slope * i + step * d  on that line, counted in pixels. The forward
// projection interpolates linearly there; the adjoint asks, for pixel j of line i, which detectors read from it.
// Both only gather, so that every number is added up in one fixed order, whatever the number of threads.
//
// Speed comes from the layout. Lines along columns are handled as rows of the transposed image. Neighbouring
// detectors (or pixels) read from a short stretch of one line, which fits into two vector registers; a permutation of
// those replaces the slow gather from memory. Where the stretch is too long for that, lanes are loaded one by one.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
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

constexpr int64_t blocks = 4;         // vectors that one inner loop keeps in registers
constexpr int64_t tile_lines = 16;    // lines of an adjoint tile
constexpr int64_t chunk_views = 8;    // views that share a stretch of the image while it is in the cache
constexpr int64_t tile_bytes = 1 << 19;

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
        const Vec<T> above = T(lowest - whole) + ladder.lane, shifted = above + Real<T>::magic;
        middle = above - (shifted - Real<T>::magic);
        Idx<T> bits, zero;
        const Vec<T> offset = Vec<T>{} + Real<T>::magic;
        std::memcpy(&bits, &shifted, sizeof bits);
        std::memcpy(&zero, &offset, sizeof zero);
        cell = bits - zero;
    }
};

struct View {          // one row of the table that the caller passes
    double transposed; // 0: lines are rows; 1: lines are columns
    double start, slope, step;
    double weight;     // length of the ray inside a line
    double taper;      // the adjoint weighs detector d by max(0, 1 - taper * |t - d|), t the pixel's place on it
};

template <class T> struct Padded {  // lines with zeros on both sides
    int64_t width, stride;
    std::vector<T> data;
    Padded(int64_t lines, int64_t width) : width(width), stride(width + 4 * Lanes<T>::count), data(lines * stride) {}
    T* line(int64_t i) { return data.data() + i * stride + 2 * Lanes<T>::count; }
    const T* line(int64_t i) const { return data.data() + i * stride + 2 * Lanes<T>::count; }
};

// Adds the interpolated values of lines [first, last) at all detectors to sums[0 .. detectors rounded up to a block).
template <class T, template <class> class Fetch>
void add_lines(const Padded<T>& image, int64_t first, int64_t last, const View& view, int64_t detectors, T* sums) {
    constexpr int64_t n = Lanes<T>::count;
    const Ladder<T> ladder(view.step);
    const double reach = view.step * double(blocks * n - 1);
    for (int64_t d = 0; d < detectors; d += blocks * n) {
        // lines i that the block meets: some of start + slope i + step d lies in (-1, width), one line to spare
        const double origin = view.start + view.step * double(d);
        const double low = -1.0 - origin - std::max(0.0, reach), high = double(image.width) - origin - std::min(0.0, reach);
        int64_t i = first, end = last;
        if (view.slope == 0.0) {
            if (low > 0.0 || high < 0.0) continue;
        } else {
            const double p = low / view.slope, q = high / view.slope;
            i = int64_t(std::clamp(std::floor(std::min(p, q)) - 1.0, double(first), double(last)));
            end = int64_t(std::clamp(std::ceil(std::max(p, q)) + 2.0, double(first), double(last)));
        }
        Vec<T> sum[blocks];
        for (int64_t k = 0; k < blocks; ++k) sum[k] = load<T>(sums + d + k * n);
        for (; i < end; ++i) {
            const T* line = image.line(i);
            const double place = origin + view.slope * double(i);
            for (int64_t k = 0; k < blocks; ++k) {
                const Places<T> at(place + view.step * double(k * n), ladder);
                const Fetch<T> pixels(line, at.base, image.width);
                const Vec<T> left = pixels[at.cell], right = pixels[at.cell + 1];
                sum[k] += left;
                sum[k] += (at.middle + T(0.5)) * (right - left);
            }
        }
        for (int64_t k = 0; k < blocks; ++k) store<T>(sums + d + k * n, sum[k]);
    }
}

// Adds to tile[line - first][0 .. blocks * Lanes) what one view gives to pixels from `column` on of lines [first, last).
template <class T, template <class> class Fetch>
void add_view(const T* sinogram, int64_t detectors, const View& view, int64_t first, int64_t last, int64_t column, T* tile) {
    constexpr int64_t n = Lanes<T>::count;
    const double stride = 1.0 / view.step;
    const Ladder<T> ladder(stride);
    const int64_t taps = std::max<int64_t>(1, int64_t(std::ceil(1.0 / view.taper)));
    const T taper = T(view.taper), centre = T(1.0 - 0.5 * view.taper);
    for (int64_t i = first; i < last; ++i) {
        const double place = (double(column) - view.start - view.slope * double(i)) * stride;
        T* row = tile + (i - first) * blocks * n;
        for (int64_t k = 0; k < blocks; ++k) {
            const Places<T> at(place + stride * double(k * n), ladder);
            const Fetch<T> values(sinogram, at.base - (taps - 1), detectors);
            const Vec<T> tilt = taper * at.middle;
            Vec<T> sum = load<T>(row + k * n);
            sum += positive<T>(centre - tilt) * values[at.cell + typename Real<T>::Int(taps - 1)];
            sum += positive<T>(centre + tilt) * values[at.cell + typename Real<T>::Int(taps)];
            for (int64_t q = 1; q < taps; ++q) {
                const T level = centre - taper * T(q);
                sum += positive<T>(level - tilt) * values[at.cell + typename Real<T>::Int(taps - 1 - q)];
                sum += positive<T>(level + tilt) * values[at.cell + typename Real<T>::Int(taps + q)];
            }
            store<T>(row + k * n, sum);
        }
    }
}

template <class T>
void forward(const T* image, T* sinogram, const View* table, int64_t height, int64_t width, int64_t views,
             int64_t detectors, int64_t threads) {
    constexpr int64_t n = Lanes<T>::count, step = blocks * n;
    const int64_t padded_detectors = (detectors + step - 1) / step * step;
    Padded<T> upright(height, width), turned(width, height);
#pragma omp parallel num_threads(int(threads)) if (threads > 1)
    {
#pragma omp for schedule(static)
        for (int64_t i = 0; i < height; ++i) std::copy_n(image + i * width, width, upright.line(i));
#pragma omp for schedule(static)
        for (int64_t j0 = 0; j0 < width; j0 += n)
            for (int64_t i = 0; i < height; ++i)
                for (int64_t j = j0; j < std::min(j0 + n, width); ++j) turned.line(j)[i] = image[i * width + j];
        std::vector<T> sums(chunk_views * padded_detectors);
#pragma omp for schedule(dynamic)
        for (int64_t v0 = 0; v0 < views; v0 += chunk_views) {
            const int64_t v1 = std::min(v0 + chunk_views, views);
            std::fill(sums.begin(), sums.end(), T(0));
            for (int side = 0; side < 2; ++side) {
                const Padded<T>& lines = side ? turned : upright;
                const int64_t count = side ? width : height;
                const int64_t tile = std::max<int64_t>(16, tile_bytes / (lines.stride * int64_t(sizeof(T))));
                for (int64_t i = 0; i < count; i += tile)
                    for (int64_t v = v0; v < v1; ++v) {
                        if (int(table[v].transposed) != side) continue;
                        const bool near = double(n - 1) * std::abs(table[v].step) <= double(2 * n - 3);
                        (near ? add_lines<T, Near> : add_lines<T, Far>)(
                            lines, i, std::min(i + tile, count), table[v], detectors,
                            sums.data() + (v - v0) * padded_detectors);
                    }
            }
            for (int64_t v = v0; v < v1; ++v)
                for (int64_t d = 0; d < detectors; ++d)
                    sinogram[v * detectors + d] = T(table[v].weight) * sums[(v - v0) * padded_detectors + d];
        }
    }
}

template <class T>
void adjoint(const T* sinogram, T* image, const View* table, int64_t height, int64_t width, int64_t views,
             int64_t detectors, int64_t threads) {
    constexpr int64_t n = Lanes<T>::count, step = blocks * n;
    Padded<T> data(views, detectors);
#pragma omp parallel num_threads(int(threads)) if (threads > 1)
    {
#pragma omp for schedule(static)
        for (int64_t v = 0; v < views; ++v)
            for (int64_t d = 0; d < detectors; ++d)
                data.line(v)[d] = T(table[v].weight) * sinogram[v * detectors + d];
        for (int side = 0; side < 2; ++side) {
            const int64_t lines = side ? width : height, length = side ? height : width;
            const int64_t down = (lines + tile_lines - 1) / tile_lines, across = (length + step - 1) / step;
#pragma omp for schedule(dynamic)
            for (int64_t tile = 0; tile < down * across; ++tile) {
                const int64_t i0 = tile / across * tile_lines, i1 = std::min(i0 + tile_lines, lines);
                const int64_t j0 = tile % across * step, j1 = std::min(j0 + step, length);
                alignas(vector_bytes) T sums[tile_lines * step] = {};
                for (int64_t v = 0; v < views; ++v) {
                    const View& view = table[v];
                    if (int(view.transposed) != side) continue;
                    const double taps = std::max(1.0, std::ceil(1.0 / view.taper));
                    const bool near = double(n - 1) / std::abs(view.step) <= double(2 * n - 1) - 2.0 * taps;
                    (near ? add_view<T, Near> : add_view<T, Far>)(data.line(v), detectors, view, i0, i1, j0, sums);
                }
                for (int64_t i = i0; i < i1; ++i)
                    for (int64_t j = j0; j < j1; ++j) {
                        const T sum = sums[(i - i0) * step + (j - j0)];
                        if (side)
                            image[j * width + i] += sum;
                        else
                            image[i * width + j] = sum;
                    }
            }
        }
    }
}

}  // namespace

// Pointers are to contiguous arrays: image [height, width], sinogram [views, detectors], table [views, 6].
#define KERNEL(name, function, T)                                                                                      \
    extern "C" void name(const T* from, T* to, const double* table, int64_t height, int64_t width, int64_t views,      \
                         int64_t detectors, int64_t threads) {                                                         \
        function<T>(from, to, reinterpret_cast<const View*>(table), height, width, views, detectors, threads);         \
    }
KERNEL(joseph_forward_f32, forward, float)
KERNEL(joseph_forward_f64, forward, double)
KERNEL(joseph_adjoint_f32, adjoint, float)
KERNEL(joseph_adjoint_f64, adjoint, double)
