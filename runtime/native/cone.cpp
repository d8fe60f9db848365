// Joseph's projector for a cone beam on a flat panel whose columns stand along the volume's z axis, and its adjoint.
//
// All rays of one detector column lie in one upright plane. It crosses line i of every z slice (a row; a column where
// `side` is 1) at  u = start + slope * i,  and there the ray of detector row r is at the height
//
//     w = middle + (row0 + row_step * r) * (ratio + growth * i),
//
// counted in voxels. So a pair of columns of voxels along z is read once for all rows, mixed, and interpolated at
// heights that are evenly spaced, which joseph.cpp's permutations do; the adjoint runs the same way back, and a thread
// owns the lines that it adds to. Volumes are turned so that z runs fastest, a slab of lines at a time.

#include "lanes.h"

namespace {

constexpr int64_t slab_bytes = 1 << 26;
constexpr int64_t chunk_bytes = 1 << 25;

struct Ray {  // one row of the table that the caller passes, see fan.cpp
    double side, start, slope, length;
    double ratio, growth;  // of the ray's height on a line to that on the detector
    double reach;          // one over the distance from the source to the detector column
};

struct Scan {
    int64_t depth, height, width, views, rows, columns;
    double middle, row0, row_step;  // heights in voxels
    double rise;                    // a voxel's height as a length

    int64_t lines(int side) const { return side ? width : height; }
    int64_t length(int side) const { return side ? height : width; }
    double height_of(int64_t r) const { return row0 + row_step * double(r); }

    // The length of a ray inside one line.
    double weight(const Ray& ray, int64_t r) const {
        const double tilt = height_of(r) * rise * ray.reach;
        return ray.length * std::sqrt(1.0 + tilt * tilt);
    }
    std::pair<int64_t, int64_t> hit(const Ray& ray, int side, int64_t first, int64_t last) const {
        return lines_hit(-1.0 - ray.start, double(length(side)) - ray.start, ray.slope, first, last);
    }
};

// Where a detector column meets one line: between the voxel columns `cell` and `cell + 1`, and how its rows lie there.
struct Crossing {
    int64_t cell;
    double part, first, step;  // heights first + step * r

    Crossing(const Scan& scan, const Ray& ray, int64_t i) {
        const double u = ray.start + ray.slope * double(i), whole = std::floor(u);
        const double ratio = ray.ratio + ray.growth * double(i);
        cell = int64_t(whole);
        part = u - whole;
        first = scan.middle + scan.row0 * ratio;
        step = scan.row_step * ratio;
    }
};

// Volumes [depth, height, width] and slabs [lines, length, depth] of the lines from `first` up to `last`.
template <class T, class Move>
void over_slab(const Scan& scan, int side, int64_t first, int64_t last, Move move) {
    const int64_t length = scan.length(side);
#pragma omp for schedule(static)
    for (int64_t i = first; i < last; ++i)
        for (int64_t j0 = 0; j0 < length; j0 += 16)
            for (int64_t z = 0; z < scan.depth; ++z)
                for (int64_t j = j0; j < std::min(j0 + 16, length); ++j) {
                    const int64_t y = side ? j : i, x = side ? i : j;
                    move((z * scan.height + y) * scan.width + x, ((i - first) * length + j) * scan.depth + z);
                }
}

int64_t slab_lines(const Scan& scan, int side, int64_t number_bytes) {
    return std::max<int64_t>(1, slab_bytes / (scan.length(side) * scan.depth * number_bytes));
}

// Adds to sums[0 .. rows) what the rows of a detector column read from `line`, voxels mixed along z.
template <class T, template <class> class Fetch>
void read_rows(const T* line, const Scan& scan, const Crossing& at, int64_t first, int64_t last, T* sums) {
    constexpr int64_t n = Lanes<T>::count;
    const Ladder<T> ladder(at.step);
    for (int64_t r = first; r < last; r += n) {
        const Places<T> places(at.first + at.step * double(r), ladder);
        store<T>(sums + r, load<T>(sums + r) + interpolated<T, Fetch>(line, scan.depth, places));
    }
}

template <class T>
void forward(const T* volume, T* data, const Ray* table, const Scan& scan, int64_t threads) {
    constexpr int64_t n = Lanes<T>::count;
    const int64_t stride = (scan.rows + n - 1) / n * n;
    std::vector<T> slab;
    std::fill(data, data + scan.views * scan.rows * scan.columns, T(0));
    for (int side = 0; side < 2; ++side) {
        const int64_t length = scan.length(side), lines = scan.lines(side), size = slab_lines(scan, side, sizeof(T));
        for (int64_t i0 = 0; i0 < lines; i0 += size) {
            const int64_t i1 = std::min(i0 + size, lines);
            slab.resize((i1 - i0) * length * scan.depth);
#pragma omp parallel num_threads(int(threads)) if (threads > 1)
            {
                over_slab<T>(scan, side, i0, i1, [&](int64_t from, int64_t to) { slab[to] = volume[from]; });
                Padded<T> mixed(1, scan.depth);
                std::vector<T> sums(scan.columns * stride);
                const std::vector<T> nothing(scan.depth);
#pragma omp for schedule(dynamic)
                for (int64_t v = 0; v < scan.views; ++v) {
                    std::fill(sums.begin(), sums.end(), T(0));
                    for (int64_t c = 0; c < scan.columns; ++c) {
                        const Ray& ray = table[v * scan.columns + c];
                        if (int(ray.side) != side) continue;
                        const auto [from, to] = scan.hit(ray, side, i0, i1);
                        for (int64_t i = from; i < to; ++i) {
                            const Crossing at(scan, ray, i);
                            if (at.cell < -1 || at.cell >= length) continue;
                            const T* column = slab.data() + ((i - i0) * length + at.cell) * scan.depth;
                            const T* left = at.cell >= 0 ? column : nothing.data();
                            const T* right = at.cell + 1 < length ? column + scan.depth : nothing.data();
                            const T part = T(at.part);
                            T* line = mixed.line(0);
                            for (int64_t z = 0; z < scan.depth; ++z) line[z] = left[z] + part * (right[z] - left[z]);
                            const auto [r0, r1] =
                                lines_hit(-1.0 - at.first, double(scan.depth) - at.first, at.step, 0, scan.rows);
                            const bool near = double(n - 1) * std::abs(at.step) <= double(2 * n - 3);
                            (near ? read_rows<T, Near> : read_rows<T, Far>)(line, scan, at, r0 / n * n, r1,
                                                                            sums.data() + c * stride);
                        }
                    }
                    for (int64_t r = 0; r < scan.rows; ++r)
                        for (int64_t c = 0; c < scan.columns; ++c) {
                            const Ray& ray = table[v * scan.columns + c];
                            if (int(ray.side) != side) continue;
                            data[(v * scan.rows + r) * scan.columns + c] +=
                                T(scan.weight(ray, r)) * sums[c * stride + r];
                        }
                }
            }
        }
    }
}

// What the rows in `line` give to the voxels of a column, in voxels from `first` up to `last`.
template <class T, template <class> class Fetch>
void give_rows(const T* line, const Scan& scan, const Crossing& at, int64_t first, int64_t last, T* given) {
    constexpr int64_t n = Lanes<T>::count;
    const double stride = 1.0 / at.step, taper = std::abs(at.step);
    const Ladder<T> ladder(stride);
    const int64_t taps = std::max<int64_t>(1, int64_t(std::ceil(1.0 / taper)));
    for (int64_t z = first; z < last; z += n) {
        const Places<T> places((double(z) - at.first) * stride, ladder);
        store<T>(given + z, tapered<T, Fetch>(line, scan.rows, places, T(taper), taps));
    }
}

template <class T>
void adjoint(const T* data, T* volume, const Ray* table, const Scan& scan, int64_t threads) {
    constexpr int64_t n = Lanes<T>::count;
    const int64_t view_bytes = scan.columns * (scan.rows + 4 * n) * int64_t(sizeof(T));
    const int64_t chunk = std::clamp<int64_t>(chunk_bytes / view_bytes, 1, scan.views);
    Padded<T> turned(chunk * scan.columns, scan.rows);
    std::vector<T> slab;
    for (int side = 0; side < 2; ++side) {
        const int64_t length = scan.length(side), lines = scan.lines(side), size = slab_lines(scan, side, sizeof(T));
        for (int64_t i0 = 0; i0 < lines; i0 += size) {
            const int64_t i1 = std::min(i0 + size, lines);
            slab.assign((i1 - i0) * length * scan.depth, T(0));
#pragma omp parallel num_threads(int(threads)) if (threads > 1)
            {
                std::vector<T> given(scan.depth + n);
                for (int64_t v0 = 0; v0 < scan.views; v0 += chunk) {
                    const int64_t v1 = std::min(v0 + chunk, scan.views);
#pragma omp for schedule(static)
                    for (int64_t v = v0; v < v1; ++v)
                        for (int64_t r = 0; r < scan.rows; ++r)
                            for (int64_t c = 0; c < scan.columns; ++c)
                                turned.line((v - v0) * scan.columns + c)[r] =
                                    T(scan.weight(table[v * scan.columns + c], r)) *
                                    data[(v * scan.rows + r) * scan.columns + c];
#pragma omp for schedule(dynamic)
                    for (int64_t i = i0; i < i1; ++i)
                        for (int64_t k = v0 * scan.columns; k < v1 * scan.columns; ++k) {
                            if (int(table[k].side) != side) continue;
                            const Crossing at(scan, table[k], i);
                            if (at.cell < -1 || at.cell >= length) continue;
                            // heights within one voxel of the first and the last row
                            const auto [z0, z1] = lines_hit(std::min(at.first, at.first + at.step * (scan.rows - 1)) - 1.0,
                                                            std::max(at.first, at.first + at.step * (scan.rows - 1)) + 1.0,
                                                            1.0, 0, scan.depth);
                            const double taps = std::max(1.0, std::ceil(1.0 / std::abs(at.step)));
                            const bool near = double(n - 1) / std::abs(at.step) <= double(2 * n - 1) - 2.0 * taps;
                            (near ? give_rows<T, Near> : give_rows<T, Far>)(turned.line(k - v0 * scan.columns), scan, at,
                                                                            z0, z1, given.data());
                            T* column = slab.data() + ((i - i0) * length + at.cell) * scan.depth;
                            const T part = T(at.part), rest = T(1) - part;
                            if (at.cell >= 0)
                                for (int64_t z = z0; z < z1; ++z) column[z] += rest * given[z];
                            if (at.cell + 1 < length)
                                for (int64_t z = z0; z < z1; ++z) column[scan.depth + z] += part * given[z];
                        }
                }
                over_slab<T>(scan, side, i0, i1, [&](int64_t to, int64_t from) {
                    if (side)
                        volume[to] += slab[from];
                    else
                        volume[to] = slab[from];
                });
            }
        }
    }
}

}  // namespace

// Pointers are to contiguous arrays: volume [depth, height, width], data [views, rows, columns], table [views, columns, 7],
// sizes the six of `Scan`, heights its four numbers.
#define KERNEL(name, function, T)                                                                                      \
    extern "C" void name(const T* from, T* to, const double* table, const int64_t* s, const double* h,                 \
                         int64_t threads) {                                                                            \
        const Scan scan{s[0], s[1], s[2], s[3], s[4], s[5], h[0], h[1], h[2], h[3]};                                   \
        function<T>(from, to, reinterpret_cast<const Ray*>(table), scan, threads);                                     \
    }
KERNEL(cone_forward_f32, forward, float)
KERNEL(cone_forward_f64, forward, double)
KERNEL(cone_adjoint_f32, adjoint, float)
KERNEL(cone_adjoint_f64, adjoint, double)
