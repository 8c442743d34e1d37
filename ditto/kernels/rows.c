/* What the denoiser does between its matrix products: one pass over its rows each. */
#include "kernels.h"

enum { PARTS = 16 }; /* sums that are kept side by side, so that their order is the same on every processor */

INLINE float total_of(const float *parts)
{
    float sums[PARTS];
    memcpy(sums, parts, sizeof sums);
    for (int half = PARTS / 2; half; half /= 2)
        for (int k = 0; k < half; k++)
            sums[k] += sums[k + half];
    return sums[0];
}

/* Adds to `x` (n, rows, channels) what was `made` of it, scaled and shifted.

   `made` may hold fewer than n and serves in turn. `modulation` is (n, 6, channels): scale and shift, three
   times, of which `which` is used. */
KERNEL int add_modulated(float *x, const float *made, const float *modulation, int64_t n, int64_t many, int64_t rows,
                         int64_t channels, int64_t which)
{
    for (int64_t i = 0; i < n; i++) {
        const float *RESTRICT scale = modulation + (6 * i + 2 * which) * channels, *RESTRICT shift = scale + channels;
        for (int64_t j = 0; j < rows; j++) {
            float *RESTRICT row = x + (i * rows + j) * channels;
            const float *RESTRICT added = made + (i % many * rows + j) * channels;
            for (int64_t c = 0; c < channels; c++)
                row[c] += (scale[c] + 1) * added[c] + shift[c];
        }
    }
    return DONE;
}

/* Fills `normal` with the rows of `x` (count, channels) at mean 0 and variance 1, then led by `norm`
   (2, channels). Channels are a multiple of PARTS. */
KERNEL int normalise(float *normal, const float *x, const float *norm, int64_t count, int64_t channels, float epsilon)
{
    const float *RESTRICT gain = norm, *RESTRICT bias = norm + channels;
    for (int64_t j = 0; j < count; j++) {
        const float *RESTRICT row = x + j * channels;
        float *RESTRICT out = normal + j * channels;
        float sums[PARTS] = {0}, squares[PARTS] = {0};
        for (int64_t c = 0; c < channels; c += PARTS)
            for (int k = 0; k < PARTS; k++)
                sums[k] += row[c + k];
        float mean = total_of(sums) / (float)channels;
        for (int64_t c = 0; c < channels; c += PARTS)
            for (int k = 0; k < PARTS; k++)
                squares[k] += (row[c + k] - mean) * (row[c + k] - mean);
        float share = 1 / sqrtf(total_of(squares) / (float)channels + epsilon);
        for (int64_t c = 0; c < channels; c++)
            out[c] = (row[c] - mean) * share * gain[c] + bias[c];
    }
    return DONE;
}

/* Fills `turned` with `x` (n, rows, channels), each pair of channels turned by its cosine and sine in
   `positions` (rows, channels). */
KERNEL int turn(float *turned, const float *x, const float *positions, int64_t n, int64_t rows, int64_t channels)
{
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < rows; j++) {
            const float *RESTRICT row = x + (i * rows + j) * channels, *RESTRICT place = positions + j * channels;
            float *RESTRICT out = turned + (i * rows + j) * channels;
            for (int64_t c = 0; c < channels; c += 2) {
                out[c] = row[c] * place[c] - row[c + 1] * place[c + 1];
                out[c + 1] = row[c + 1] * place[c] + row[c] * place[c + 1];
            }
        }
    return DONE;
}
