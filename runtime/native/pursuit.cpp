// Orthogonal matching pursuit from A^H A and A^H y, for real columns of norm one; one signal after the other, so that
// what a signal needs (its k vectors d_j of n numbers) stays in the cache.
//
// The recurrence and its names are those of algorithms/pursuit.py. The square of the distance of column i from the span
// of the chosen ones is known before d is, so one pass over the d_j gives d and the new correlations.

#include <cmath>
#include <cstdint>
#include <vector>

namespace {

using Index = std::int64_t;

constexpr Index kBlock = 64, kLanes = 16;

template <typename T>
Index largest(const T* h, Index n, T& size) {  // the first of the largest moduli
    T lanes[kLanes] = {};
    Index i = 0;
    for (; i + kLanes <= n; i += kLanes)
        for (Index l = 0; l < kLanes; ++l) {
            const T a = std::abs(h[i + l]);
            lanes[l] = a > lanes[l] ? a : lanes[l];
        }
    for (; i < n; ++i) lanes[0] = std::abs(h[i]) > lanes[0] ? std::abs(h[i]) : lanes[0];
    size = lanes[0];
    for (Index l = 1; l < kLanes; ++l) size = lanes[l] > size ? lanes[l] : size;
    for (i = 0; i < n && std::abs(h[i]) != size;) ++i;
    return i < n ? i : 0;
}

template <typename T>
void one_signal(const T* gram, T* h, T* turned, Index n, Index k, T tolerance, T rounding, Index* places, T* parts,
                T* triangle) {
    T size;
    Index i = largest(h, n, size);
    const T floor = size * (tolerance > rounding ? tolerance : rounding);
    for (Index step = 0; step < k && size > floor; ++step) {
        const T* g = gram + i * n;
        T square = g[i];
        for (Index j = 0; j < step; ++j) square -= turned[j * n + i] * turned[j * n + i];
        const bool taken = square > rounding * g[i];
        const T nu = taken ? std::sqrt(square) : T(1), share = taken ? 1 / nu : T(0), part = h[i] * share;
        T* d = turned + step * n;
        for (Index start = 0; start < n; start += kBlock) {
            const Index width = n - start < kBlock ? n - start : kBlock;
            T u[kBlock];
            for (Index c = 0; c < width; ++c) u[c] = g[start + c];
            for (Index j = 0; j < step; ++j) {
                const T inner = turned[j * n + i];
                const T* row = turned + j * n + start;
                if (width == kBlock)
                    for (Index c = 0; c < kBlock; ++c) u[c] -= inner * row[c];
                else
                    for (Index c = 0; c < width; ++c) u[c] -= inner * row[c];
            }
            for (Index c = 0; c < width; ++c) {
                d[start + c] = share * u[c];
                h[start + c] -= part * d[start + c];
            }
        }
        places[step] = i;
        parts[step] = part;
        for (Index j = 0; j < step; ++j) triangle[j * k + step] = taken ? turned[j * n + i] : T(0);
        triangle[step * k + step] = nu;
        for (Index j = 0; j <= step; ++j) h[places[j]] = 0;
        i = largest(h, n, size);
    }
}

template <typename T>
void pursue(const T* gram, const T* correlations, Index rows, Index n, Index k, double tolerance, double rounding,
            Index* places, T* parts, T* triangle, Index threads) {
#pragma omp parallel num_threads(threads)
    {
        std::vector<T> h(static_cast<std::size_t>(n)), turned(static_cast<std::size_t>(n * k));
#pragma omp for
        for (Index r = 0; r < rows; ++r) {
            for (Index c = 0; c < n; ++c) h[static_cast<std::size_t>(c)] = correlations[r * n + c];
            one_signal(gram, h.data(), turned.data(), n, k, static_cast<T>(tolerance), static_cast<T>(rounding),
                       places + r * k, parts + r * k, triangle + r * k * k);
        }
    }
}

}  // namespace

extern "C" {

void pursue_f32(const float* gram, const float* correlations, Index rows, Index n, Index k, double tolerance,
                double rounding, Index* places, float* parts, float* triangle, Index threads) {
    pursue(gram, correlations, rows, n, k, tolerance, rounding, places, parts, triangle, threads);
}

void pursue_f64(const double* gram, const double* correlations, Index rows, Index n, Index k, double tolerance,
                double rounding, Index* places, double* parts, double* triangle, Index threads) {
    pursue(gram, correlations, rows, n, k, tolerance, rounding, places, parts, triangle, threads);
}

}
