// Sums over arrays, row by row, in one pass over memory and as exact as their entries are: summed in lanes of their own
// precision, block by block, and the blocks in double precision, always in the same order.

#include "lanes.h"

namespace {

using Index = std::int64_t;

constexpr Index kBlock = 2048;

// The sum of term(load, j) over the numbers j of a block, where load reads a vector of an array from there.
template <class T, class Term> double block_sum(Index count, Term term) {
    constexpr Index lanes = Lanes<T>::count;
    const auto whole = [&](Index j) { return term([j](const T* from) { return load<T>(from + j); }); };
    Vec<T> even{}, odd{}, rest{};
    Index j = 0;
    for (; j + 2 * lanes <= count; j += 2 * lanes) even += whole(j), odd += whole(j + lanes);
    for (; j + lanes <= count; j += lanes) rest += whole(j);
    if (j < count)
        rest += term([j, count](const T* from) {
            T part[lanes] = {};
            std::copy_n(from + j, count - j, part);
            return load<T>(part);
        });
    double total = 0;
    for (Index l = 0; l < lanes; ++l) {
        total += static_cast<double>(even[l]) + static_cast<double>(odd[l]) + static_cast<double>(rest[l]);
    }
    return total;
}

// sums[r] <- the sum over row r of what work(row, first, count) gives for each block of it.
template <class Work> void row_sums_of(double* sums, Index rows, Index numbers, Index threads, Work work) {
    const Index blocks = (numbers + kBlock - 1) / kBlock;
    std::vector<double> of_block(rows * blocks);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (Index i = 0; i < rows * blocks; ++i) {
        const Index row = i / blocks, from = i % blocks * kBlock;
        of_block[i] = work(row, row * numbers + from, std::min(kBlock, numbers - from));
    }
    for (Index r = 0; r < rows; ++r) {
        sums[r] = 0;
        for (Index i = 0; i < blocks; ++i) sums[r] += of_block[r * blocks + i];
    }
}

// sums[r] <- the sum over row r of terms that are made of vectors of arrays; make(offset) gives the term for block_sum.
template <class T, class Make>
void row_sums(double* sums, Index rows, Index numbers, Index threads, Make make) {
    row_sums_of(sums, rows, numbers, threads,
                [=](Index, Index first, Index count) { return block_sum<T>(count, make(first)); });
}

template <class T>
void square_distances(const T* a, const T* b, double* sums, Index rows, Index numbers, Index threads) {
    row_sums<T>(sums, rows, numbers, threads, [=](Index at) {
        return [a = a + at, b = b + at](auto vector) {
            const Vec<T> d = vector(a) - vector(b);
            return d * d;
        };
    });
}

template <class T> inline Vec<T> roots(Vec<T> v) {
    T lanes[Lanes<T>::count];
    store<T>(lanes, v);
    for (T& lane : lanes) lane = std::sqrt(lane);
    return load<T>(lanes);
}

// Moduli of complex numbers, which are pairs: both lanes of a pair hold its modulus.
template <class T> void modulus_sums(const T* v, double* sums, Index rows, Index numbers, Index threads) {
    Idx<T> other;
    for (Index l = 0; l < Lanes<T>::count; ++l) other[l] = static_cast<typename Real<T>::Int>(l ^ 1);
    row_sums<T>(sums, rows, numbers, threads, [=](Index at) {
        return [=, v = v + at](auto vector) {
            const Vec<T> x = vector(v), squares = x * x;
            return roots<T>(squares + pick<T>(squares, squares, other));
        };
    });
    for (Index r = 0; r < rows; ++r) sums[r] /= 2;
}

// z <- x + beta (x - before), with beta zero where (z - x) . (x - before) > 0 if that is watched; `uphill` tells where.
template <class T>
void momentum(const T* x, const T* before, T* z, const double* beta, double* uphill, Index watched, Index rows,
              Index numbers, Index threads) {
    std::fill_n(uphill, rows, 0.0);
    if (watched)
        row_sums<T>(uphill, rows, numbers, threads, [=](Index at) {
            return [=](auto vector) {
                const Vec<T> here = vector(x + at);
                return (vector(z + at) - here) * (here - vector(before + at));
            };
        });
    const Index blocks = (numbers + kBlock - 1) / kBlock;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (Index i = 0; i < rows * blocks; ++i) {
        const Index row = i / blocks, first = row * numbers + i % blocks * kBlock;
        const Index last = std::min(first + kBlock, (row + 1) * numbers);
        const T share = uphill[row] > 0 ? T(0) : static_cast<T>(beta[row]);
        for (Index j = first; j < last; ++j) z[j] = x[j] + share * (x[j] - before[j]);
    }
    for (Index r = 0; r < rows; ++r) uphill[r] = uphill[r] > 0;
}

// x <- x + alpha p and r <- r - alpha q, with |r|^2 of what comes out.
template <class T>
void conjugate_move(const T* p, const T* q, T* x, T* r, const double* alpha, double* squares, Index rows, Index numbers,
                    Index threads) {
    row_sums_of(squares, rows, numbers, threads, [=](Index row, Index first, Index count) {
        const T step = static_cast<T>(alpha[row]);
        for (Index j = first; j < first + count; ++j) x[j] += step * p[j];
        for (Index j = first; j < first + count; ++j) r[j] -= step * q[j];
        return block_sum<T>(count, [=](auto vector) {
            const Vec<T> v = vector(r + first);
            return v * v;
        });
    });
}

// p <- r + beta p.
template <class T>
void conjugate_turn(const T* r, T* p, const double* beta, Index rows, Index numbers, Index threads) {
    const Index blocks = (numbers + kBlock - 1) / kBlock;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (Index i = 0; i < rows * blocks; ++i) {
        const Index row = i / blocks, first = row * numbers + i % blocks * kBlock;
        const Index last = std::min(first + kBlock, (row + 1) * numbers);
        const T share = static_cast<T>(beta[row]);
        for (Index j = first; j < last; ++j) p[j] = r[j] + share * p[j];
    }
}

}  // namespace

// Arrays: contiguous [rows, numbers]. All others: [rows].
#define ROW_FUNCTIONS(suffix, T)                                                                                        \
    extern "C" void square_distances_##suffix(const T* a, const T* b, double* sums, Index rows, Index numbers,         \
                                              Index threads) {                                                         \
        square_distances<T>(a, b, sums, rows, numbers, threads);                                                       \
    }                                                                                                                  \
    extern "C" void modulus_sums_##suffix(const T* v, double* sums, Index rows, Index numbers, Index threads) {        \
        modulus_sums<T>(v, sums, rows, numbers, threads);                                                              \
    }                                                                                                                  \
    extern "C" void momentum_##suffix(const T* x, const T* before, T* z, const double* beta, double* uphill,           \
                                      Index watched, Index rows, Index numbers, Index threads) {                       \
        momentum<T>(x, before, z, beta, uphill, watched, rows, numbers, threads);                                      \
    }                                                                                                                  \
    extern "C" void conjugate_move_##suffix(const T* p, const T* q, T* x, T* r, const double* alpha, double* squares,  \
                                            Index rows, Index numbers, Index threads) {                                \
        conjugate_move<T>(p, q, x, r, alpha, squares, rows, numbers, threads);                                         \
    }                                                                                                                  \
    extern "C" void conjugate_turn_##suffix(const T* r, T* p, const double* beta, Index rows, Index numbers,           \
                                            Index threads) {                                                           \
        conjugate_turn<T>(r, p, beta, rows, numbers, threads);                                                         \
    }

ROW_FUNCTIONS(f32, float)
ROW_FUNCTIONS(f64, double)
