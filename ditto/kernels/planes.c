/* RGB turned into the planes of video. */
#include "kernels.h"

#ifdef __AVX2__
#include <immintrin.h>
#endif

enum { FRACTION = 16 }; /* bits behind the point of a weight */

INLINE uint8_t weighed(int32_t red, int32_t green, int32_t blue, const int32_t *weights)
{
    return (uint8_t)((red * weights[0] + green * weights[1] + blue * weights[2] + weights[3]) >> FRACTION);
}

#ifdef __AVX2__

/* Eight pixels, four in each half. */
INLINE __m256i eight(const uint8_t *pixels)
{
    __m256i low = _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)pixels));
    return _mm256_inserti128_si256(low, _mm_loadu_si128((const __m128i *)(pixels + 12)), 1);
}

/* Brightness of as many pixels of a row as can be done at once; gives their number.

   The weight of green does not fit into 16 bits with its sign, so green is counted twice. */
INLINE int64_t brightness(uint8_t *line, const uint8_t *row, int64_t width, const int32_t *weights)
{
    const __m256i red_green = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, -1, 1, -1, 3, -1, 4, -1, 6, -1, 7, -1, 9, -1, 10, -1));
    const __m256i blue_green = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(2, -1, 1, -1, 5, -1, 4, -1, 8, -1, 7, -1, 11, -1, 10, -1));
    const int32_t half = weights[1] / 2;
    const __m256i first = _mm256_set1_epi32(weights[0] | half << 16);
    const __m256i second = _mm256_set1_epi32((int32_t)((uint32_t)weights[2] | (uint32_t)(weights[1] - half) << 16));
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7), black = _mm256_set1_epi32(weights[3]);
    int64_t x = 0;
    for (; x + 34 <= width; x += 32) { /* four bytes behind the pixels are read */
        __m256i whole[4];
        for (int n = 0; n < 4; n++) {
            __m256i pixels = eight(row + 3 * (x + 8 * n));
            __m256i sum = _mm256_add_epi32(_mm256_madd_epi16(_mm256_shuffle_epi8(pixels, red_green), first),
                                           _mm256_madd_epi16(_mm256_shuffle_epi8(pixels, blue_green), second));
            whole[n] = _mm256_srai_epi32(_mm256_add_epi32(sum, black), FRACTION);
        }
        __m256i bytes = _mm256_packus_epi16(_mm256_packs_epi32(whole[0], whole[1]),
                                            _mm256_packs_epi32(whole[2], whole[3]));
        _mm256_storeu_si256((__m256i *)(line + x), _mm256_permutevar8x32_epi32(bytes, order));
    }
    return x;
}

/* Colour of as many squares of four pixels in two rows as can be done at once; gives their number. */
INLINE int64_t colour(uint8_t *blues, uint8_t *reds, const uint8_t *above, const uint8_t *below, int64_t width,
                      const int32_t *blue, const int32_t *red)
{
    const __m256i beside = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 3, 1, 4, 2, 5, -1, -1, 6, 9, 7, 10, 8, 11, -1, -1));
    const __m256i apart = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 1, 4, 5, 2, 3, 6, 7, -1, -1, -1, -1, -1, -1, -1, -1));
    const __m256i to_blue = _mm256_set1_epi64x((int64_t)((uint64_t)(uint16_t)blue[0] | (uint64_t)(uint16_t)blue[1] << 16 |
                                                         (uint64_t)(uint16_t)blue[2] << 32));
    const __m256i to_red = _mm256_set1_epi64x((int64_t)((uint64_t)(uint16_t)red[0] | (uint64_t)(uint16_t)red[1] << 16 |
                                                        (uint64_t)(uint16_t)red[2] << 32));
    const __m256i grey = _mm256_broadcastsi128_si256(_mm_setr_epi32(blue[3], blue[3], red[3], red[3]));
    const __m256i ones = _mm256_set1_epi8(1), two = _mm256_set1_epi16(2);
    int64_t x = 0;
    for (; 2 * x + 18 <= width; x += 8) {
        __m256i whole[2];
        for (int n = 0; n < 2; n++) {
            __m256i upper = _mm256_shuffle_epi8(eight(above + 6 * (x + 4 * n)), beside);
            __m256i lower = _mm256_shuffle_epi8(eight(below + 6 * (x + 4 * n)), beside);
            __m256i sum = _mm256_add_epi16(_mm256_maddubs_epi16(upper, ones), _mm256_maddubs_epi16(lower, ones));
            __m256i mean = _mm256_srli_epi16(_mm256_add_epi16(sum, two), 2);
            __m256i both = _mm256_hadd_epi32(_mm256_madd_epi16(mean, to_blue), _mm256_madd_epi16(mean, to_red));
            whole[n] = _mm256_srai_epi32(_mm256_add_epi32(both, grey), FRACTION);
        }
        __m256i words = _mm256_packs_epi32(whole[0], whole[1]);
        __m256i bytes = _mm256_shuffle_epi8(_mm256_packus_epi16(words, words), apart);
        __m128i made = _mm_unpacklo_epi16(_mm256_castsi256_si128(bytes), _mm256_extracti128_si256(bytes, 1));
        _mm_storel_epi64((__m128i *)(blues + x), made);
        _mm_storel_epi64((__m128i *)(reds + x), _mm_srli_si128(made, 8));
    }
    return x;
}

#else

INLINE int64_t brightness(uint8_t *line, const uint8_t *row, int64_t width, const int32_t *weights)
{
    (void)line, (void)row, (void)width, (void)weights;
    return 0;
}

INLINE int64_t colour(uint8_t *blues, uint8_t *reds, const uint8_t *above, const uint8_t *below, int64_t width,
                      const int32_t *blue, const int32_t *red)
{
    (void)blues, (void)reds, (void)above, (void)below, (void)width, (void)blue, (void)red;
    return 0;
}

#endif

/* Writes (height, width, 3) pixels, both even, into the first columns of three planes.

   A value is red * w0 + green * w1 + blue * w2 + w3, with a plane's own row of the (3, 4) weights; for the two
   of colour, that of the rounded mean of four pixels. The weights are whole numbers, 1 << FRACTION for 1; half
   of that in w3 rounds. */
KERNEL int to_planes(const uint8_t *pixels, int64_t height, int64_t width, const int32_t *weights, uint8_t *luma,
                     int64_t luma_stride, uint8_t *blue, int64_t blue_stride, uint8_t *red, int64_t red_stride)
{
    for (int64_t y = 0; y < height; y += 2) {
        const uint8_t *above = pixels + 3 * y * width, *below = above + 3 * width;
        for (int k = 0; k < 2; k++) {
            const uint8_t *row = k ? below : above;
            uint8_t *line = luma + (y + k) * luma_stride;
            for (int64_t x = brightness(line, row, width, weights); x < width; x++)
                line[x] = weighed(row[3 * x], row[3 * x + 1], row[3 * x + 2], weights);
        }
        uint8_t *blues = blue + y / 2 * blue_stride, *reds = red + y / 2 * red_stride;
        for (int64_t x = colour(blues, reds, above, below, width, weights + 4, weights + 8); x < width / 2; x++) {
            int32_t mean[3];
            for (int k = 0; k < 3; k++)
                mean[k] = (above[6 * x + k] + above[6 * x + 3 + k] + below[6 * x + k] + below[6 * x + 3 + k] + 2) >> 2;
            blues[x] = weighed(mean[0], mean[1], mean[2], weights + 4);
            reds[x] = weighed(mean[0], mean[1], mean[2], weights + 8);
        }
    }
    return DONE;
}
