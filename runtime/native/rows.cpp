// The squared distance of two arrays, row by row, in one pass over memory and as exact as their entries are: summed in
// lanes of their own precision, block by block, and the blocks in double precision, always in the same order.

#include "lanes.h"

namespace {

using Index = std::int64_t;

constexpr Index kBlock = 2048;

template <class T> double square_distance(const T* a, const T* b, Index count) {
    constexpr Index lanes = Lanes<T>::count;
    Vec<T> even{}, odd{};
    const auto square = [&](Index j) {
        const Vec<T> d = load<T>(a + j) - load<T>(b + j);
        return d * d;
    };
    T rest = 0;
    Index j = 0;
    for (; j + 2 * lanes <= count; j += 2 * lanes) even += square(j), odd += square(j + lanes);
    for (; j < count; ++j) rest += (a[j] - b[j]) * (a[j] - b[j]);
    double total = static_cast<double>(rest);
    for (Index l = 0; l < lanes; ++l) total += static_cast<double>(even[l]) + static_cast<double>(odd[l]);
    return total;
}

template <class T>
void square_distances(const T* a, const T* b, double* sums, Index rows, Index numbers, Index threads) {
    const Index blocks = (numbers + kBlock - 1) / kBlock;
    std::vector<double> of_block(rows * blocks);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (Index i = 0; i < rows * blocks; ++i) {
        const Index from = i % blocks * kBlock, start = i / blocks * numbers + from;
        of_block[i] = square_distance(a + start, b + start, std::min(kBlock, numbers - from));
    }
    for (Index r = 0; r < rows; ++r) {
        sums[r] = 0;
        for (Index i = 0; i < blocks; ++i) sums[r] += of_block[r * blocks + i];
    }
}

}  // namespace

// a, b: contiguous [rows, numbers]. sums: [rows].
extern "C" {

void square_distances_f32(const float* a, const float* b, double* sums, Index rows, Index numbers, Index threads) {
    square_distances(a, b, sums, rows, numbers, threads);
}

void square_distances_f64(const double* a, const double* b, double* sums, Index rows, Index numbers, Index threads) {
    square_distances(a, b, sums, rows, numbers, threads);
}

}
