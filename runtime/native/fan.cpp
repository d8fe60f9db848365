// Joseph's projector for rays that the caller gives one by one, as those of a fan beam, and its adjoint.
//
// Ray d of a view crosses line i of the image (a row; a column where `side` is 1) at  u = start + slope * i,  counted in
// pixels. Neighbouring rays of one side form a run. The forward projection gathers, vectors of rays at a time, as in
// joseph.cpp. In the adjoint a thread owns some lines and adds to them what all rays give, in one fixed order; the two
// pixels that a ray touches lie side by side in a buffer of pairs, and four stretches of a run take turns, so that an
// addition seldom waits for the one before it.

#include "lanes.h"

namespace {

constexpr int64_t blocks = 4;      // vectors of rays that one inner loop keeps in registers
constexpr int64_t tile_lines = 8;  // lines of an adjoint tile

struct Ray {  // one row of the table that the caller passes; the last three are for cone.cpp
    double side, start, slope, length, ratio, growth, reach;
};

inline int64_t end_of_run(const Ray* rays, int64_t first, int64_t detectors) {
    int64_t last = first + 1;
    while (last < detectors && rays[last].side == rays[first].side) ++last;
    return last;
}

template <class T> struct Run {  // the rays of a run, filled up to whole blocks with copies of the last one
    static constexpr int64_t step = blocks * Lanes<T>::count;
    std::vector<T> place, slope, sums;  // the place is that on the middle line
    std::vector<int64_t> low, high;     // the lines that a ray meets
    T middle;

    explicit Run(int64_t detectors) : place(detectors + step), slope(place), sums(place), low(place.size()), high(low) {}

    void fill(const Ray* rays, int64_t count, int64_t lines, int64_t width) {
        middle = T(0.5) * T(lines - 1);
        for (int64_t k = 0; k < (count + step - 1) / step * step; ++k) {
            const Ray& ray = rays[std::min(k, count - 1)];
            place[k] = T(ray.start + ray.slope * double(middle));
            slope[k] = T(ray.slope);
            std::tie(low[k], high[k]) = lines_hit(-1.0 - ray.start, double(width) - ray.start, ray.slope, 0, lines);
        }
    }

    // Whether the places of n rays from k on rise, or fall, by a few vectors at most on lines i and j, so on all between.
    bool near(int64_t k, int64_t i, int64_t j) const {
        constexpr int64_t n = Lanes<T>::count;
        double least = 0, most = 0, reach = 0;
        for (const int64_t line : {i, j}) {
            const double at = double(line) - double(middle);
            double span = 0;
            for (int64_t l = k + 1; l < k + n; ++l) {
                const double rise = double(place[l] - place[l - 1]) + double(slope[l] - slope[l - 1]) * at;
                least = std::min(least, rise);
                most = std::max(most, rise);
                span += rise;
            }
            reach = std::max(reach, std::abs(span));
        }
        return (least >= -1e-4 || most <= 1e-4) && reach <= double(2 * n - 4);
    }
};

// The sums over lines for one block of rays from k on.
template <class T, template <class> class Fetch> void add_lines(const Padded<T>& image, Run<T>& run, int64_t k) {
    constexpr int64_t n = Lanes<T>::count;
    const int64_t first = *std::min_element(&run.low[k], &run.low[k] + run.step);
    const int64_t last = *std::max_element(&run.high[k], &run.high[k] + run.step);
    Vec<T> place[blocks], slope[blocks], sum[blocks] = {};
    for (int64_t b = 0; b < blocks; ++b) place[b] = load<T>(&run.place[k + b * n]), slope[b] = load<T>(&run.slope[k + b * n]);
    for (int64_t i = first; i < last; ++i) {
        const T* line = image.line(i);
        const T at = T(i) - run.middle;
        for (int64_t b = 0; b < blocks; ++b) {
            const T* p = &run.place[k + b * n];
            const T* s = &run.slope[k + b * n];
            const T lowest = std::min(p[0] + s[0] * at, p[n - 1] + s[n - 1] * at);
            sum[b] += interpolated<T, Fetch>(line, image.width, Places<T>(place[b] + slope[b] * at, lowest));
        }
    }
    for (int64_t b = 0; b < blocks; ++b) store<T>(&run.sums[k + b * n], sum[b]);
}

template <class T>
void forward(const T* image, T* sinogram, const Ray* table, int64_t height, int64_t width, int64_t views,
             int64_t detectors, int64_t threads) {
    constexpr int64_t n = Lanes<T>::count;
    Padded<T> upright(height, width), turned(width, height);
#pragma omp parallel num_threads(int(threads)) if (threads > 1)
    {
        lay_out(image, upright, turned);
        Run<T> run(detectors);
#pragma omp for schedule(dynamic)
        for (int64_t v = 0; v < views; ++v) {
            const Ray* rays = table + v * detectors;
            for (int64_t first = 0, last; first < detectors; first = last) {
                last = end_of_run(rays, first, detectors);
                const bool side = rays[first].side != 0;
                const Padded<T>& lines = side ? turned : upright;
                const int64_t count = side ? width : height;
                run.fill(rays + first, last - first, count, lines.width);
                for (int64_t k = 0; k < last - first; k += run.step) {
                    bool near = true;
                    for (int64_t b = 0; b < blocks; ++b) near = near && run.near(k + b * n, 0, count - 1);
                    (near ? add_lines<T, Near> : add_lines<T, Far>)(lines, run, k);
                }
                for (int64_t k = 0; k < last - first; ++k)
                    sinogram[v * detectors + first + k] = T(rays[first + k].length) * run.sums[k];
            }
        }
    }
}

template <class T> struct Pair {
    typedef T Type __attribute__((vector_size(2 * sizeof(T))));
};

// Adds to pairs[2 (u + 2)] and the number after it what `count` rays give to a line of `width` pixels.
template <class T>
void add_rays(const T* place, const T* slope, const T* value, int64_t count, T at, int64_t width, T* pairs,
              int32_t* cell, T* share) {
    using Two = typename Pair<T>::Type;
    const T low = T(-2), high = T(width + 1);  // what misses the line goes to the margins
    for (int64_t k = 0; k < count; ++k) {
        const T u = std::min(std::max(place[k] + slope[k] * at, low), high), whole = std::floor(u);
        cell[k] = int32_t(whole);
        share[2 * k + 1] = (u - whole) * value[k];
        share[2 * k] = value[k] - (u - whole) * value[k];
    }
    const auto add = [&](int64_t k) {
        T* target = pairs + 2 * (int64_t(cell[k]) + 2);
        Two sum, more;
        std::memcpy(&sum, target, sizeof sum);
        std::memcpy(&more, share + 2 * k, sizeof more);
        sum += more;
        std::memcpy(target, &sum, sizeof sum);
    };
    const int64_t quarter = count / 4;
    for (int64_t k = 0; k < quarter; ++k)
        for (int64_t q = 0; q < 4; ++q) add(k + q * quarter);
    for (int64_t k = 4 * quarter; k < count; ++k) add(k);
}

template <class T>
void adjoint(const T* sinogram, T* image, const Ray* table, int64_t height, int64_t width, int64_t views,
             int64_t detectors, int64_t threads) {
    const int64_t total = views * detectors;
    std::vector<T> place(total), slope(total), value(total);
    std::vector<int32_t> low(total), high(total);
#pragma omp parallel num_threads(int(threads)) if (threads > 1)
    {
#pragma omp for schedule(static)
        for (int64_t r = 0; r < total; ++r) {
            const Ray& ray = table[r];
            const int64_t lines = ray.side != 0 ? width : height;
            place[r] = T(ray.start + ray.slope * 0.5 * double(lines - 1));
            slope[r] = T(ray.slope);
            value[r] = T(ray.length) * sinogram[r];
            const double across = double(ray.side != 0 ? height : width);
            const auto [from, to] = lines_hit(-1.0 - ray.start, across - ray.start, ray.slope, 0, lines);
            low[r] = int32_t(from), high[r] = int32_t(to);
        }
        std::vector<int32_t> cell(detectors);
        std::vector<T> share(2 * detectors), pairs;
        for (int side = 0; side < 2; ++side) {
            const int64_t lines = side ? width : height, length = side ? height : width, stride = 2 * (length + 5);
            pairs.resize(tile_lines * stride);
#pragma omp for schedule(dynamic)
            for (int64_t i0 = 0; i0 < lines; i0 += tile_lines) {
                const int64_t i1 = std::min(i0 + tile_lines, lines);
                std::fill(pairs.begin(), pairs.end(), T(0));
                for (int64_t v = 0; v < views; ++v)
                    for (int64_t first = v * detectors, last; first < (v + 1) * detectors; first = last) {
                        last = v * detectors + end_of_run(table + v * detectors, first - v * detectors, detectors);
                        if (int(table[first].side) != side) continue;
                        int64_t a = first, b = last;
                        while (a < b && (low[a] >= i1 || high[a] <= i0)) ++a;
                        while (a < b && (low[b - 1] >= i1 || high[b - 1] <= i0)) --b;
                        for (int64_t i = i0; a < b && i < i1; ++i)
                            add_rays(&place[a], &slope[a], &value[a], b - a, T(i) - T(0.5) * T(lines - 1), length,
                                     pairs.data() + (i - i0) * stride, cell.data(), share.data());
                    }
                for (int64_t i = i0; i < i1; ++i) {
                    const T* row = pairs.data() + (i - i0) * stride;
                    for (int64_t j = 0; j < length; ++j) {
                        const T sum = row[2 * (j + 2)] + row[2 * (j + 1) + 1];
                        if (side)
                            image[j * width + i] += sum;
                        else
                            image[i * width + j] = sum;
                    }
                }
            }
        }
    }
}

}  // namespace

// Pointers are to contiguous arrays: image [height, width], sinogram [views, detectors], table [views, detectors, 7].
#define KERNEL(name, function, T)                                                                                      \
    extern "C" void name(const T* from, T* to, const double* table, int64_t height, int64_t width, int64_t views,      \
                         int64_t detectors, int64_t threads) {                                                         \
        function<T>(from, to, reinterpret_cast<const Ray*>(table), height, width, views, detectors, threads);          \
    }
KERNEL(fan_forward_f32, forward, float)
KERNEL(fan_forward_f64, forward, double)
KERNEL(fan_adjoint_f32, adjoint, float)
KERNEL(fan_adjoint_f64, adjoint, double)
