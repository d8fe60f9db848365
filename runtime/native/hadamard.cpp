// The Walsh-Hadamard transform in natural (Sylvester) order, for rows of n = 2^k groups of `inner` numbers each.
//
// H is a Kronecker product of k matrices [1 1; 1 -1], so the butterflies commute and two of them make one pass of
// radix four. Blocks that fit the cache go through all their passes at once; the rest are passes over memory.
// `inner` is two for complex numbers, whose parts are transformed apart.

#include <cstdint>

namespace {

using Index = std::int64_t;

constexpr Index kBlockBytes = 16384;

template <typename T>
inline void radix4(T* d, Index start, Index stop, Index h) {  // the butterflies j..j+3h for j in start..stop
    for (Index j = start; j < stop; ++j) {
        const T p = d[j] + d[j + h], q = d[j] - d[j + h];
        const T r = d[j + 2 * h] + d[j + 3 * h], s = d[j + 2 * h] - d[j + 3 * h];
        d[j] = p + r;
        d[j + h] = q + s;
        d[j + 2 * h] = p - r;
        d[j + 3 * h] = q - s;
    }
}

template <typename T>
inline void radix2(T* d, Index start, Index stop, Index h) {
    for (Index j = start; j < stop; ++j) {
        const T a = d[j], b = d[j + h];
        d[j] = a + b;
        d[j + h] = a - b;
    }
}

template <typename T>
void small(T* d, Index length, Index inner) {
    Index h = inner;
    for (; 4 * h <= length; h *= 4)
        for (Index i = 0; i < length; i += 4 * h) radix4(d, i, i + h, h);
    if (h < length) radix2(d, 0, h, h);
}

template <typename T>
void transform(const T* source, T* target, Index rows, Index length, Index inner, double scale, Index threads) {
    const T c = static_cast<T>(scale);
    const Index cached = kBlockBytes / static_cast<Index>(sizeof(T));
    const Index block = length < cached ? length : cached;
#pragma omp parallel for num_threads(threads)
    for (Index b = 0; b < rows * length / block; ++b) {
        T* d = target + b * block;
        for (Index i = 0; i < block; ++i) d[i] = c * source[b * block + i];
        small(d, block, inner);
    }
    Index h = block;
    for (; 4 * h <= length; h *= 4) {  // stretches of `block` butterflies each
#pragma omp parallel for num_threads(threads)
        for (Index b = 0; b < rows * length / (4 * block); ++b) {
            const Index per = h / block, group = b / per, start = (b % per) * block;
            radix4(target + group * 4 * h, start, start + block, h);
        }
    }
    if (h < length) {
#pragma omp parallel for num_threads(threads)
        for (Index b = 0; b < rows * length / (2 * block); ++b) {
            const Index per = h / block, group = b / per, start = (b % per) * block;
            radix2(target + group * 2 * h, start, start + block, h);
        }
    }
}

}  // namespace

extern "C" {

void hadamard_f32(const float* source, float* target, Index rows, Index length, Index inner, double scale,
                  Index threads) {
    transform(source, target, rows, length, inner, scale, threads);
}

void hadamard_f64(const double* source, double* target, Index rows, Index length, Index inner, double scale,
                  Index threads) {
    transform(source, target, rows, length, inner, scale, threads);
}

}
