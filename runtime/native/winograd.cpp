// Convolutions with 3 x 3 kernels over many channels by Winograd's minimal filtering F(4 x 4, 3 x 3): a tile of 4 x 4
// results takes 36 products of channels with channels in place of 144.
//
// Images are [batch, rows, cols, channels], one beyond each edge is zero. Tiles are worked on `kTiles` at once: their
// 6 x 6 pixels are transformed to 36 points, at each point the channels of all tiles are multiplied by a matrix, and what
// comes out is transformed to 4 x 4 pixels. What a block needs stays in the cache of a core.
//
// Every output is one sum in a fixed order, whatever the number of threads.
//
// Lavin, Gray 2016.

#include "lanes.h"

namespace {

using Index = std::int64_t;
using V = Vec<float>;

constexpr Index kLanes = Lanes<float>::count;
constexpr Index kPoints = 36, kTiles = 24;
#if defined(__AVX512F__)
constexpr int kRows = 12;  // of a product at once: with two vectors each they fill the registers
#else
constexpr int kRows = 6;
#endif
static_assert(kTiles % kRows == 0);

struct Layer {
    Index batch, rows, cols, in, out;
    Index down() const { return (rows + 3) / 4; }
    Index across() const { return (cols + 3) / 4; }
    Index tiles() const { return batch * down() * across(); }
    Index panel() const { return out % (2 * kLanes) ? kLanes : 2 * kLanes; }  // channels that are found side by side
};

// ---- one-dimensional transforms, at the points 0, 1, -1, 2, -2 and infinity ---------------------------------------------

inline void to_points(const V* d, Index step, V* t) {
    const V d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step], d4 = d[4 * step], d5 = d[5 * step];
    const V even = d4 - 4.0f * d2, odd = d3 - 4.0f * d1, near = d4 - d2, far = 2.0f * (d3 - d1);
    t[0] = 4.0f * d0 - 5.0f * d2 + d4;
    t[1] = even + odd;
    t[2] = even - odd;
    t[3] = near + far;
    t[4] = near - far;
    t[5] = 4.0f * d1 - 5.0f * d3 + d5;
}

inline void to_pixels(const V* m, Index step, V* o) {
    const V a = m[step] + m[2 * step], b = m[step] - m[2 * step];
    const V c = m[3 * step] + m[4 * step], d = m[3 * step] - m[4 * step];
    o[0] = m[0] + a + c;
    o[1] = b + 2.0f * d;
    o[2] = a + 4.0f * c;
    o[3] = b + 8.0f * d + m[5 * step];
}

// The points of three taps.
inline void of_taps(const double* g, Index step, double* u) {
    const double g0 = g[0], g1 = g[step], g2 = g[2 * step];
    u[0] = g0 / 4;
    u[1] = -(g0 + g1 + g2) / 6;
    u[2] = -(g0 - g1 + g2) / 6;
    u[3] = g0 / 24 + g1 / 12 + g2 / 6;
    u[4] = g0 / 24 - g1 / 12 + g2 / 6;
    u[5] = g2;
}

// ---- a block of tiles ---------------------------------------------------------------------------------------------------

struct Place {
    Index image, row, col;  // of the first of the 4 x 4 results
};

inline Place place_of(const Layer& l, Index tile) {
    const Index each = l.down() * l.across(), within = tile % each;
    return {tile / each, 4 * (within / l.across()), 4 * (within % l.across())};
}

void gather(const Layer& l, const float* x, const Place& p, float* points) {
    const Index r0 = p.row - 1, c0 = p.col - 1;
    const bool inside = r0 >= 0 && c0 >= 0 && r0 + 6 <= l.rows && c0 + 6 <= l.cols;
    for (Index c = 0; c < l.in; c += kLanes) {
        V d[kPoints], half[kPoints], t[6];
        const float* from = x + ((p.image * l.rows + r0) * l.cols + c0) * l.in + c;
        for (Index i = 0; i < 6; ++i)
            for (Index j = 0; j < 6; ++j) {
                const bool there = inside || (r0 + i >= 0 && r0 + i < l.rows && c0 + j >= 0 && c0 + j < l.cols);
                d[6 * i + j] = there ? load<float>(from + (i * l.cols + j) * l.in) : V{};
            }
        for (Index i = 0; i < 6; ++i) to_points(d + 6 * i, 1, half + 6 * i);
        for (Index j = 0; j < 6; ++j) {
            to_points(half + j, 6, t);
            for (Index i = 0; i < 6; ++i) store<float>(points + (6 * i + j) * kTiles * l.in + c, t[i]);
        }
    }
}

void scatter(const Layer& l, const float* products, const float* bias, const Place& p, float* y) {
    const Index rows = std::min<Index>(4, l.rows - p.row), cols = std::min<Index>(4, l.cols - p.col);
    for (Index k = 0; k < l.out; k += kLanes) {
        V m[kPoints], half[24], o[4];
        for (Index i = 0; i < kPoints; ++i) m[i] = load<float>(products + i * kTiles * l.out + k);
        for (Index i = 0; i < 6; ++i) to_pixels(m + 6 * i, 1, half + 4 * i);
        const V shift = bias ? load<float>(bias + k) : V{};
        for (Index j = 0; j < cols; ++j) {
            to_pixels(half + j, 4, o);
            for (Index i = 0; i < rows; ++i) {
                const Index at = ((p.image * l.rows + p.row + i) * l.cols + p.col + j) * l.out + k;
                store<float>(y + at, o[i] + shift);
            }
        }
    }
}

// products [kTiles, out] = points [kTiles, in] times a matrix in panels [out / panel, in, panel].
template <int W> void multiply(const Layer& l, const float* points, const float* matrix, float* products) {
    for (Index first = 0; first < l.out; first += W * kLanes, matrix += l.in * W * kLanes)
        for (Index r = 0; r < kTiles; r += kRows) {
            const float* a = points + r * l.in;
            V sums[kRows][W] = {};
            for (Index c = 0; c < l.in; ++c) {
                V u[W];
                for (int w = 0; w < W; ++w) u[w] = load<float>(matrix + (c * W + w) * kLanes);
#pragma GCC unroll 12
                for (int i = 0; i < kRows; ++i)
#pragma GCC unroll 2
                    for (int w = 0; w < W; ++w) sums[i][w] += a[i * l.in + c] * u[w];
            }
            for (int i = 0; i < kRows; ++i)
                for (int w = 0; w < W; ++w) store<float>(products + (r + i) * l.out + first + w * kLanes, sums[i][w]);
        }
}

template <int W>
void convolve(const Layer& l, const float* x, const float* matrices, const float* bias, float* y, int threads) {
    const Index tiles = l.tiles(), blocks = (tiles + kTiles - 1) / kTiles;
#pragma omp parallel num_threads(threads)
    {
        std::vector<float> points(kPoints * kTiles * l.in), products(kPoints * kTiles * l.out);
#pragma omp for schedule(static)
        for (Index b = 0; b < blocks; ++b) {
            const Index count = std::min(kTiles, tiles - b * kTiles);
            for (Index t = 0; t < count; ++t) gather(l, x, place_of(l, b * kTiles + t), points.data() + t * l.in);
            for (Index i = 0; i < kPoints; ++i)
                multiply<W>(l, points.data() + i * kTiles * l.in, matrices + i * l.in * l.out,
                            products.data() + i * kTiles * l.out);
            for (Index t = 0; t < count; ++t)
                scatter(l, products.data() + t * l.out, bias, place_of(l, b * kTiles + t), y);
        }
    }
}

}  // namespace

// kernel [out, in, 3, 3] to 36 matrices as `multiply` reads them, [36, out / panel, in, panel]; found in double precision.
extern "C" void winograd_matrices_f32(const float* kernel, float* matrices, Index in, Index out) {
    const Index panel = Layer{1, 1, 1, in, out}.panel();
    for (Index k = 0; k < out; ++k)
        for (Index c = 0; c < in; ++c) {
            double g[9], half[18], u[6];
            std::copy_n(kernel + (k * in + c) * 9, 9, g);
            for (Index j = 0; j < 3; ++j) {
                of_taps(g + j, 3, u);
                for (Index i = 0; i < 6; ++i) half[3 * i + j] = u[i];
            }
            for (Index i = 0; i < 6; ++i) {
                of_taps(half + 3 * i, 1, u);
                for (Index j = 0; j < 6; ++j)
                    matrices[(((6 * i + j) * (out / panel) + k / panel) * in + c) * panel + k % panel] = float(u[j]);
            }
        }
}

// y [batch, rows, cols, out] from x [batch, rows, cols, in]; bias [out] or null. Channels come in multiples of the lanes.
extern "C" void winograd_f32(const float* x, const float* matrices, const float* bias, float* y, Index batch, Index rows,
                             Index cols, Index in, Index out, Index threads) {
    const Layer l{batch, rows, cols, in, out};
    l.panel() == kLanes ? convolve<1>(l, x, matrices, bias, y, int(threads))
                        : convolve<2>(l, x, matrices, bias, y, int(threads));
}
