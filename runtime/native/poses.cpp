// Projections of a volume at any pose by Joseph's method, and their adjoint.
//
// A view crosses the volume plane by plane, along the axis that its rays run along most. The ray of pixel (r, c) meets
// plane q at (u, v) = (u0 + ur r + uc c + uq q, v0 + vr r + vc c + vq q), counted in voxels on that plane, and reads
// the bilinear interpolation there, times a weight. Planes come with a border of two zeros, so that nothing is asked
// inside the loops: between the plane and its border the interpolation falls to zero, and the second one is for rounding.
//
// The adjoint writes what the forward reads. It does so plane by plane, each by one thread, in one fixed order.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace {

constexpr int64_t border = 2;

struct View {
    double u0, ur, uc, uq, v0, vr, vc, vq, weight;
};

// The places of one row of pixels on one plane, and the pixels c in [first, last) that fall on it.
template <class T> struct Line {
    T u, uc, v, vc;
    int64_t first, last;

    Line(const View& view, int64_t r, int64_t q, int64_t columns, int64_t height, int64_t width)
        : u(T(view.u0 + view.ur * double(r) + view.uq * double(q))), uc(T(view.uc)),
          v(T(view.v0 + view.vr * double(r) + view.vq * double(q))), vc(T(view.vc)), first(0), last(columns) {
        narrow(u, uc, height);
        narrow(v, vc, width);
        while (first < last && !inside(first, height, width)) ++first;
        while (first < last && !inside(last - 1, height, width)) --last;
    }

    T row(int64_t c) const { return u + uc * T(c); }
    T column(int64_t c) const { return v + vc * T(c); }

    bool inside(int64_t c, int64_t height, int64_t width) const {
        const T a = row(c), b = column(c);
        return a > T(-1) && a < T(height) && b > T(-1) && b < T(width);
    }

    // Leaves the pixels with -1 < start + slope c < size, and perhaps one more on each side.
    void narrow(T start, T slope, int64_t size) {
        const double s = double(start), m = double(slope);
        if (std::abs(m) < 1e-12) {
            if (!(s > -1.0 && s < double(size))) last = first;
            return;
        }
        double low = (-1.0 - s) / m, high = (double(size) - s) / m;
        if (low > high) std::swap(low, high);
        if (high < double(first) || low > double(last)) {
            last = first;
            return;
        }
        first = std::max(first, int64_t(std::floor(low)));
        last = std::min(last, int64_t(std::ceil(high)) + 1);
    }
};

template <class T>
void forward(const T* planes, T* images, const double* table, int64_t count, int64_t height, int64_t width,
             int64_t views, int64_t rows, int64_t columns, int64_t threads) {
    const int64_t pitch = width + 2 * border, plane = (height + 2 * border) * pitch;
#pragma omp parallel for num_threads(int(threads)) schedule(static)
    for (int64_t k = 0; k < views; ++k) {
        const View& view = reinterpret_cast<const View*>(table)[k];
        std::vector<T> sums(static_cast<size_t>(columns));
        T* const sum = sums.data();
        for (int64_t r = 0; r < rows; ++r) {
            std::fill(sums.begin(), sums.end(), T(0));
            for (int64_t q = 0; q < count; ++q) {
                const Line<T> line(view, r, q, columns, height, width);
                const T* const from = planes + q * plane + border * pitch + border;
                const T u = line.u, uc = line.uc, v = line.v, vc = line.vc;
                const int64_t first = line.first, last = line.last;
#pragma omp simd
                for (int64_t c = first; c < last; ++c) {
                    const T a = u + uc * T(c), b = v + vc * T(c);
                    const T i = std::floor(a), j = std::floor(b);
                    const T s = a - i, t = b - j;
                    const T* const at = from + int64_t(int32_t(i) * int32_t(pitch) + int32_t(j));
                    const T upper = at[0] + t * (at[1] - at[0]);
                    const T lower = at[pitch] + t * (at[pitch + 1] - at[pitch]);
                    sum[c] += upper + s * (lower - upper);
                }
            }
            const T weight = T(view.weight);
            T* const to = images + (k * rows + r) * columns;
            for (int64_t c = 0; c < columns; ++c) to[c] = weight * sum[c];
        }
    }
}

template <class T>
void adjoint(const T* images, T* planes, const double* table, int64_t count, int64_t height, int64_t width,
             int64_t views, int64_t rows, int64_t columns, int64_t threads) {
    const int64_t pitch = width + 2 * border, plane = (height + 2 * border) * pitch;
#pragma omp parallel for num_threads(int(threads)) schedule(dynamic)
    for (int64_t q = 0; q < count; ++q) {
        T* const to = planes + q * plane + border * pitch + border;
        std::fill(planes + q * plane, planes + (q + 1) * plane, T(0));
        for (int64_t k = 0; k < views; ++k) {
            const View& view = reinterpret_cast<const View*>(table)[k];
            const T weight = T(view.weight);
            for (int64_t r = 0; r < rows; ++r) {
                const Line<T> line(view, r, q, columns, height, width);
                const T* const from = images + (k * rows + r) * columns;
                for (int64_t c = line.first; c < line.last; ++c) {
                    const T a = line.row(c), b = line.column(c);
                    const T i = std::floor(a), j = std::floor(b);
                    const T s = a - i, t = b - j, y = weight * from[c];
                    T* const at = to + int64_t(i) * pitch + int64_t(j);
                    const T low = s * y, up = y - low;
                    at[0] += up - t * up;
                    at[1] += t * up;
                    at[pitch] += low - t * low;
                    at[pitch + 1] += t * low;
                }
            }
        }
    }
}

}  // namespace

// Pointers are to contiguous arrays: planes [count, height + 4, width + 4], images [views, rows, columns], table [views, 9].
#define KERNEL(name, function, T)                                                                                      \
    extern "C" void name(const T* from, T* to, const double* table, int64_t count, int64_t height, int64_t width,      \
                         int64_t views, int64_t rows, int64_t columns, int64_t threads) {                              \
        function<T>(from, to, table, count, height, width, views, rows, columns, threads);                             \
    }
KERNEL(poses_forward_f32, forward, float)
KERNEL(poses_forward_f64, forward, double)
KERNEL(poses_adjoint_f32, adjoint, float)
KERNEL(poses_adjoint_f64, adjoint, double)
