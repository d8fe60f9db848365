// Joseph's parallel-beam projector and its adjoint, for one image at a time.
//
// A view crosses the image line by line: rows of the image, or columns where these are the steeper choice. Detector d
// meets line i at the position  u = start + slope * i + step * d  on that line, counted in pixels. The forward
// projection interpolates linearly there; the adjoint asks, for pixel j of line i, which detectors read from it.
// Both only gather, so that every number is added up in one fixed order, whatever the number of threads.
//
// Speed comes from the layout. Lines along columns are handled as rows of the transposed image; see lanes.h for how
// neighbouring detectors (or pixels) read from a line.

#include "lanes.h"

namespace {

constexpr int64_t blocks = 4;         // vectors that one inner loop keeps in registers
constexpr int64_t tile_lines = 16;    // lines of an adjoint tile
constexpr int64_t chunk_views = 8;    // views that share a stretch of the image while it is in the cache
constexpr int64_t tile_bytes = 1 << 19;

struct View {          // one row of the table that the caller passes
    double transposed; // 0: lines are rows; 1: lines are columns
    double start, slope, step;
    double weight;     // length of the ray inside a line
    double taper;      // the adjoint weighs detector d by max(0, 1 - taper * |t - d|), t the pixel's place on it
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
        auto [i, end] = lines_hit(low, high, view.slope, first, last);
        if (i >= end) continue;
        Vec<T> sum[blocks];
        for (int64_t k = 0; k < blocks; ++k) sum[k] = load<T>(sums + d + k * n);
        for (; i < end; ++i) {
            const T* line = image.line(i);
            const double place = origin + view.slope * double(i);
            for (int64_t k = 0; k < blocks; ++k) {
                const Places<T> at(place + view.step * double(k * n), ladder);
                sum[k] += interpolated<T, Fetch>(line, image.width, at);
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
    const T taper = T(view.taper);
    for (int64_t i = first; i < last; ++i) {
        const double place = (double(column) - view.start - view.slope * double(i)) * stride;
        T* row = tile + (i - first) * blocks * n;
        for (int64_t k = 0; k < blocks; ++k) {
            const Places<T> at(place + stride * double(k * n), ladder);
            Vec<T> sum = load<T>(row + k * n);
            sum += tapered<T, Fetch>(sinogram, detectors, at, taper, taps);
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
        lay_out(image, upright, turned);
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
