/* Pixels brought to where the map has them: blocks left as they are, moved, or laid over what is behind. */
#include "kernels.h"

#ifdef __AVX2__
#include <immintrin.h>
#endif

enum {
    CHUNK = 128, /* pixels that are painted together */
    LANES = 8,   /* pixels that are mixed at once */
    LINE = 16,   /* pixels of a cache line */
    AHEAD = 6,   /* rows further down that are prefetched */
    SOLID = 254, /* from here on a foreground lets nothing through */
};
static const float UNVEILING = 1 / 1.3f; /* share of what is behind that is shown for each pixel more */
static const float BARING = 1.5f / 255;  /* share shown for each level by which its reach exceeds the cover */

/* Whether all tiles that a rectangle of pixels touches are set; those beyond the edge are like it. */
static int everywhere(const uint8_t *tiles, int64_t rows, int64_t columns, int64_t tile, float left, float top,
                      float right, float bottom)
{
    int64_t x0 = min_int(max_int((int64_t)left / tile, 0), columns - 1);
    int64_t x1 = min_int(max_int((int64_t)right / tile, 0), columns - 1);
    int64_t y0 = min_int(max_int((int64_t)top / tile, 0), rows - 1);
    int64_t y1 = min_int(max_int((int64_t)bottom / tile, 0), rows - 1);
    for (int64_t y = y0; y <= y1; y++)
        for (int64_t x = x0; x <= x1; x++)
            if (!tiles[y * columns + x])
                return 0;
    return 1;
}

/* Writes for each block of `block` pixels: 0 stays as it is, 1 is all moved foreground, 2 is both.
   `solid` and `bare` tell of the source's tiles whether all, or nothing, of them is foreground; without
   rows everything is. */
KERNEL int block_kinds(uint8_t *kinds, int64_t block, const float *shift_x, const float *shift_y, int64_t grid,
                       int64_t step, int64_t height, int64_t width, const uint8_t *solid, const uint8_t *bare,
                       int64_t tile_rows, int64_t tile_columns, int64_t tile, float least)
{
    int64_t rows = (height + block - 1) / block, columns = (width + block - 1) / block;
    float *bounds = malloc(4 * (size_t)grid * sizeof(float));
    if (!bounds)
        return OUT_OF_MEMORY;
    const float *shifts[2] = {shift_x, shift_y};
    for (int64_t i = 0; i < rows; i++) {
        int64_t end_y = min_int(height, (i + 1) * block);
        int64_t first_y = i * block / step, last_y = (end_y - 1) / step + 2;
        for (int k = 0; k < 2; k++) {
            float *RESTRICT low = bounds + 2 * k * grid, *RESTRICT high = low + grid;
            memcpy(low, shifts[k] + first_y * grid, (size_t)grid * sizeof(float));
            memcpy(high, shifts[k] + first_y * grid, (size_t)grid * sizeof(float));
            for (int64_t y = first_y + 1; y <= last_y; y++) {
                const float *RESTRICT line = shifts[k] + y * grid;
                for (int64_t x = 0; x < grid; x++) {
                    low[x] = min_float(low[x], line[x]);
                    high[x] = max_float(high[x], line[x]);
                }
            }
        }
        for (int64_t j = 0; j < columns; j++) {
            int64_t end_x = min_int(width, (j + 1) * block);
            int64_t first_x = j * block / step, last_x = (end_x - 1) / step + 2;
            float low_x = bounds[first_x], high_x = bounds[grid + first_x];
            float low_y = bounds[2 * grid + first_x], high_y = bounds[3 * grid + first_x];
            for (int64_t x = first_x + 1; x <= last_x; x++) {
                low_x = min_float(low_x, bounds[x]);
                high_x = max_float(high_x, bounds[grid + x]);
                low_y = min_float(low_y, bounds[2 * grid + x]);
                high_y = max_float(high_y, bounds[3 * grid + x]);
            }
            uint8_t *kind = kinds + i * columns + j;
            *kind = 0;
            if (max_float(max_float(-low_x, high_x), max_float(-low_y, high_y)) < least)
                continue;
            *kind = 1;
            if (!tile_rows)
                continue;
            if (max_float(high_x - low_x, high_y - low_y) > (float)block) {
                *kind = 2;
                continue;
            }
            float left = (float)(j * block) + low_x, right = (float)end_x + high_x;
            float top = (float)(i * block) + low_y, bottom = (float)end_y + high_y;
            if (everywhere(solid, tile_rows, tile_columns, tile, left, top, right, bottom))
                continue;
            int still = everywhere(bare, tile_rows, tile_columns, tile, left, top, right, bottom) &&
                        everywhere(bare, tile_rows, tile_columns, tile, (float)(j * block), (float)(i * block),
                                   (float)(end_x - 1), (float)(end_y - 1));
            *kind = still ? 0 : 2;
        }
    }
    free(bounds);
    return DONE;
}

INLINE void widen_by(float *RESTRICT line, const float *RESTRICT row, int64_t cells, int step)
{
    for (int64_t n = 0; n < cells; n++)
        for (int phase = 0; phase < step; phase++) {
            float at = ((float)phase + 0.5f) / (float)step + 0.5f;
            int cell = (int)at;
            float before = row[n + cell], after = row[n + cell + 1];
            line[n * step + phase] = before + (after - before) * (at - (float)cell);
        }
}

/* A row of the map at every pixel across; the usual steps are compiled each for itself. */
static void widen(float *line, const float *row, int64_t cells, int64_t step)
{
    switch (step) {
    case 1: widen_by(line, row, cells, 1); break;
    case 2: widen_by(line, row, cells, 2); break;
    case 3: widen_by(line, row, cells, 3); break;
    case 4: widen_by(line, row, cells, 4); break;
    default: widen_by(line, row, cells, (int)step);
    }
}

/* What is known of some neighbouring pixels of a row while they are painted: little enough to stay in the
   nearest memory. Whole vectors are read, so all of it is always set. */
typedef struct {
    int32_t place[CHUNK];  /* where each pixel comes from */
    uint32_t upper[CHUNK]; /* weights of that pixel and the one on its right, 16 bits each */
    uint32_t lower[CHUNK]; /* of the two behind them; the four are 256 together */
    float travel[CHUNK];   /* pixels */
    uint32_t colour[CHUNK];
} Pixels;

/* Rows of the map at every pixel, and how far (0..1) between them the painted one lies. */
typedef struct {
    const float *above_x, *below_x, *above_y, *below_y;
    float down;
} Between;

/* Where `count` pixels from (x, y) on come from, how they are mixed, and how far they travel. */
INLINE void locate(Pixels *some, Between map, int32_t x, int32_t y, int32_t count, int32_t width, int32_t height)
{
    const float *RESTRICT above_x = map.above_x + x, *RESTRICT below_x = map.below_x + x;
    const float *RESTRICT above_y = map.above_y + x, *RESTRICT below_y = map.below_y + x;
    float far_x = (float)(width - 1), far_y = (float)(height - 1), down = map.down;
    int32_t last_x = width - 2, last_y = height - 2;
    for (int32_t n = 0; n < count; n++) {
        float dx = above_x[n] + (below_x[n] - above_x[n]) * down;
        float dy = above_y[n] + (below_y[n] - above_y[n]) * down;
        some->travel[n] = max_float(fabsf(dx), fabsf(dy));
        int32_t fine_x = (int32_t)(clamp((float)(x + n) + dx, 0.0f, far_x) * 256.0f + 0.5f);
        int32_t fine_y = (int32_t)(clamp((float)y + dy, 0.0f, far_y) * 256.0f + 0.5f);
        /* 0 where a map holds what is not a number: nothing leads out of the picture */
        int32_t j = fine_x >> 8, i = fine_y >> 8;
        j = j < last_x ? j : last_x;
        i = i < last_y ? i : last_y;
        some->place[n] = i * width + j;
        int32_t u = fine_x - (j << 8), v = fine_y - (i << 8), both = (u * v + 128) >> 8;
        some->upper[n] = (uint32_t)(256 - u - (v - both)) | (uint32_t)(u - both) << 16;
        some->lower[n] = (uint32_t)(v - both) | (uint32_t)both << 16;
    }
}

/* Red and blue, and green and alpha, of a pixel are worked on as pairs in one 32-bit number. */
static const uint32_t PAIR = 0x00ff00ff, HALVES = 0x00800080;

#ifdef __AVX2__

/* The two pairs of neighbours that begin at `first` and `second`, channel beside channel, 16 bits each. */
INLINE __m256i neighbours(const uint32_t *first, const uint32_t *second)
{
    const __m256i beside = _mm256_setr_epi8(0, -1, 4, -1, 1, -1, 5, -1, 2, -1, 6, -1, 3, -1, 7, -1,
                                            0, -1, 4, -1, 1, -1, 5, -1, 2, -1, 6, -1, 3, -1, 7, -1);
    __m256i both = _mm256_castsi128_si256(_mm_loadl_epi64((const __m128i *)first));
    both = _mm256_inserti128_si256(both, _mm_loadl_epi64((const __m128i *)second), 1);
    return _mm256_shuffle_epi8(both, beside);
}

/* LANES of the pixels, each mixed of the four at its place. */
INLINE void mix(Pixels *some, int32_t at, const uint32_t *pixels, int32_t width)
{
    const int32_t *place = some->place + at;
    __m256i upper = _mm256_loadu_si256((const __m256i *)(some->upper + at));
    __m256i lower = _mm256_loadu_si256((const __m256i *)(some->lower + at));
    __m256i pair = _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1), total[LANES / 2];
    __builtin_prefetch(pixels + place[0] + AHEAD * width);
    for (int n = 0; n < LANES / 2; n++) {
        const uint32_t *first = pixels + place[2 * n], *second = pixels + place[2 * n + 1];
        __m256i above = neighbours(first, second), below = neighbours(first + width, second + width);
        above = _mm256_madd_epi16(above, _mm256_permutevar8x32_epi32(upper, pair));
        below = _mm256_madd_epi16(below, _mm256_permutevar8x32_epi32(lower, pair));
        total[n] = _mm256_srli_epi32(_mm256_add_epi32(_mm256_add_epi32(above, below), _mm256_set1_epi32(128)), 8);
        pair = _mm256_add_epi32(pair, _mm256_set1_epi32(2));
    }
    __m256i first = _mm256_packus_epi32(total[0], total[1]), second = _mm256_packus_epi32(total[2], total[3]);
    __m256i mixed = _mm256_permutevar8x32_epi32(_mm256_packus_epi16(first, second),
                                                _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
    _mm256_storeu_si256((__m256i *)(some->colour + at), mixed);
}

#else

INLINE void mix(Pixels *some, int32_t at, const uint32_t *pixels, int32_t width)
{
    for (int32_t n = at; n < at + LANES; n++) {
        const uint32_t *from = pixels + some->place[n], upper = some->upper[n], lower = some->lower[n];
        uint32_t near[4] = {from[0], from[1], from[width], from[width + 1]};
        uint32_t weights[4] = {upper & 0xffff, upper >> 16, lower & 0xffff, lower >> 16};
        uint32_t even = HALVES, odd = HALVES;
        for (int k = 0; k < 4; k++) {
            even += (near[k] & PAIR) * weights[k];
            odd += (near[k] >> 8 & PAIR) * weights[k];
        }
        some->colour[n] = (even >> 8 & PAIR) | (odd & ~PAIR);
    }
}

#endif

/* A pixel of `front` laid over those of plate and picture; it has travelled so many pixels. */
INLINE uint32_t laid(uint32_t front, uint32_t behind, uint32_t before, float travel, float unveiled)
{
    int32_t alpha = (int32_t)(front >> 24), reach = (int32_t)(behind >> 24) - alpha;
    float part = clamp((travel - unveiled) * UNVEILING, 0.0f, 1.0f);
    float gone = min_float((float)(reach > 0 ? reach : 0) * BARING, 1.0f);
    int32_t bare = (int32_t)(part * gone * 256.0f + 0.5f);
    uint32_t over = alpha >= SOLID ? 256 : (uint32_t)(alpha + (alpha >> 7)); /* shares of each in 256ths */
    uint32_t shown = ((256 - over) * (uint32_t)bare + 128) >> 8, rest = 256 - over - shown;
    uint32_t even = (front & PAIR) * over + (behind & PAIR) * shown + (before & PAIR) * rest + HALVES;
    uint32_t odd = (front >> 8 & PAIR) * over + (behind >> 8 & PAIR) * shown + (before >> 8 & PAIR) * rest + HALVES;
    return (even >> 8 & PAIR) | (odd & ~PAIR);
}

/* Lays the moved pixels first..last over those of plate and picture, which lie at the same places there. */
INLINE void lay(Pixels *some, const uint32_t *RESTRICT picture, const uint32_t *RESTRICT plate, int32_t first,
                int32_t last, int32_t width, float unveiled)
{
    uint32_t *RESTRICT colour = some->colour;
    const float *RESTRICT travel = some->travel;
    int32_t n = first;
    for (; n + LINE <= last; n += LINE) {
        __builtin_prefetch(plate + n + AHEAD * width);
        __builtin_prefetch(picture + n + AHEAD * width);
        for (int32_t k = n; k < n + LINE; k++)
            colour[k] = laid(colour[k], plate[k], picture[k], travel[k], unveiled);
    }
    for (; n < last; n++)
        colour[n] = laid(colour[n], plate[n], picture[n], travel[n], unveiled);
}

/* Writes pixels as RGB bytes. */
INLINE void put(uint8_t *out, const uint32_t *colour, int32_t count)
{
    int32_t n = 0;
#ifdef __AVX2__
    const __m128i packed = _mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1);
    for (; n + 6 <= count; n += 4) { /* 16 bytes are written for 12: four belong to the pixels that follow */
        __m128i four = _mm_loadu_si128((const __m128i *)(colour + n));
        _mm_storeu_si128((__m128i *)(out + 3 * n), _mm_shuffle_epi8(four, packed));
    }
#endif
    for (; n < count; n++)
        for (int k = 0; k < 3; k++)
            out[3 * n + k] = (uint8_t)(colour[n] >> (8 * k));
}

/* Writes `out` (out_height, out_width, 3): the source `image`, and over it the moving box at left, top, as far
   as it lies in it. Rows are copied just before they are painted, while they are at hand.

   Pixels come from where the map says, mixed of four as finely as 1/256 of a pixel. Blocks of kind 1 are
   taken as they are; in those of kind 2 the foreground is laid over the picture, and over the plate where
   it has gone away. `picture`, `layered` and `plate` hold the box's RGBA pixels. */
KERNEL int paint_moved(uint8_t *out, const uint8_t *image, int64_t out_height, int64_t out_width, int64_t left, int64_t top,
                       const float *shift_x, const float *shift_y, int64_t grid, int64_t step, int64_t height,
                       int64_t width, const uint32_t *picture, const uint32_t *layered, const uint32_t *plate,
                       const uint8_t *kinds, int64_t block, float unveiled)
{
    int64_t seen_left = max_int(0, -left), seen_right = min_int(width, out_width - left);
    int64_t columns = (width + block - 1) / block, seen = (seen_right + block - 1) / block;
    size_t across = (size_t)(step * (grid - 2));
    float *memory = malloc(4 * across * sizeof(float));
    if (!memory || block > CHUNK)
        return OUT_OF_MEMORY;
    float *wide_x[2] = {memory, memory + across}, *wide_y[2] = {memory + 2 * across, memory + 3 * across};
    Pixels some = {0};
    int64_t widened[2] = {-1, -1}; /* the rows of the map that these hold */
    for (int64_t line = 0; line < out_height; line++) {
        memcpy(out + 3 * line * out_width, image + 3 * line * out_width, 3 * (size_t)out_width);
        int64_t y = line - top; /* row of the box */
        if (y < 0 || y >= height)
            continue;
        const uint8_t *kind = kinds + y / block * columns;
        int64_t first = seen_left / block, last = seen;
        while (first < last && kind[first] == 0)
            first++;
        while (first < last && kind[last - 1] == 0)
            last--;
        if (first >= last)
            continue;
        float at = ((float)y + 0.5f) / (float)step + 0.5f;
        int64_t above = (int64_t)at;
        for (int64_t wanted = above; wanted <= above + 1; wanted++)
            if (widened[wanted % 2] != wanted) {
                widen(wide_x[wanted % 2], shift_x + wanted * grid, grid - 2, step);
                widen(wide_y[wanted % 2], shift_y + wanted * grid, grid - 2, step);
                widened[wanted % 2] = wanted;
            }
        int64_t a = above % 2;
        Between map = {wide_x[a], wide_x[1 - a], wide_y[a], wide_y[1 - a], at - (float)above};
        for (; first < last; first++) {
            if (!kind[first])
                continue;
            int64_t begin = first; /* blocks that are painted together: all that move, as far as there is room */
            while (first + 1 < last && kind[first + 1] && (first + 2 - begin) * block <= CHUNK)
                first++;
            int64_t x0 = max_int(begin * block, seen_left), x1 = min_int((first + 1) * block, seen_right);
            locate(&some, map, (int32_t)x0, (int32_t)y, (int32_t)(x1 - x0), (int32_t)width, (int32_t)height);
            /* places behind the last pixel are of earlier ones, or 0: all lie in the picture */
            for (int32_t n = 0; n < x1 - x0; n += LANES)
                mix(&some, n, layered, (int32_t)width);
            for (int64_t n = begin, end = n; n <= first; n = end + 1) {
                for (end = n; end <= first && kind[end] == 2; end++)
                    ;
                if (n < end)
                    lay(&some, picture + y * width + x0, plate + y * width + x0, (int32_t)(max_int(n * block, x0) - x0),
                        (int32_t)(min_int(end * block, x1) - x0), (int32_t)width, unveiled);
            }
            put(out + 3 * (line * out_width + left + x0), some.colour, (int32_t)(x1 - x0));
        }
    }
    free(memory);
    return DONE;
}
