/* Soft masks, and colours laid on through them. */
#include "kernels.h"

/* The place within 0..length - 1 that lies as far inside as `at` lies outside. */
INLINE int64_t mirrored(int64_t at, int64_t length)
{
    if (length == 1)
        return 0;
    int64_t period = 2 * (length - 1);
    at = ((at % period) + period) % period;
    return at < length ? at : period - at;
}

/* Writes a plane (height, width) blurred by a Gaussian of `sigma` pixels, cut off at three of them, and
   multiplied by `gain`. The plane is given as bytes or as floats; what lies beyond its edges mirrors it. */
KERNEL int blur(float *out, const uint8_t *bytes, const float *floats, int64_t height, int64_t width, float sigma,
                float gain)
{
    int64_t reach = (int64_t)ceil(3.0 * sigma);
    float *memory = malloc(((size_t)(reach + 1) + (size_t)(width + 2 * reach) + (size_t)(height * width)) * 4);
    if (!memory)
        return OUT_OF_MEMORY;
    float *weights = memory, *padded = weights + reach + 1, *across = padded + width + 2 * reach;
    double total = 0;
    for (int64_t k = 0; k <= reach; k++)
        total += (k ? 2 : 1) * exp(-0.5 * (double)(k * k) / ((double)sigma * sigma));
    for (int64_t k = 0; k <= reach; k++)
        weights[k] = (float)(exp(-0.5 * (double)(k * k) / ((double)sigma * sigma)) / total);
    for (int64_t y = 0; y < height; y++) {
        for (int64_t x = 0; x < width; x++)
            padded[reach + x] = bytes ? (float)bytes[y * width + x] : floats[y * width + x];
        for (int64_t k = 1; k <= reach; k++) {
            padded[reach - k] = padded[reach + mirrored(-k, width)];
            padded[reach + width - 1 + k] = padded[reach + mirrored(width - 1 + k, width)];
        }
        float *RESTRICT row = across + y * width;
        const float *RESTRICT middle = padded + reach;
        for (int64_t x = 0; x < width; x++)
            row[x] = middle[x] * weights[0];
        for (int64_t k = 1; k <= reach; k++) {
            const float *RESTRICT left = middle - k, *RESTRICT right = middle + k;
            float weight = weights[k];
            for (int64_t x = 0; x < width; x++)
                row[x] += (left[x] + right[x]) * weight;
        }
    }
    for (int64_t k = 0; k <= reach; k++)
        weights[k] *= gain;
    for (int64_t y = 0; y < height; y++) {
        float *RESTRICT row = out + y * width;
        const float *RESTRICT middle = across + y * width;
        for (int64_t x = 0; x < width; x++)
            row[x] = middle[x] * weights[0];
        for (int64_t k = 1; k <= reach; k++) {
            const float *RESTRICT above = across + mirrored(y - k, height) * width;
            const float *RESTRICT below = across + mirrored(y + k, height) * width;
            float weight = weights[k];
            for (int64_t x = 0; x < width; x++)
                row[x] += (above[x] + below[x]) * weight;
        }
    }
    free(memory);
    return DONE;
}

/* Lays one colour over the picture `out` (its width in pixels is `stride`) at x0, y0, as far as `cover`
   (height, width) says. */
KERNEL int tint(uint8_t *out, int64_t stride, int64_t x0, int64_t y0, const float *cover, int64_t height,
                int64_t width, const float *colour)
{
    for (int64_t y = 0; y < height; y++) {
        const float *RESTRICT share = cover + y * width;
        uint8_t *RESTRICT pixel = out + 3 * ((y + y0) * stride + x0);
        for (int64_t x = 0; x < width; x++)
            for (int k = 0; k < 3; k++)
                pixel[3 * x + k] =
                    (uint8_t)(pixel[3 * x + k] + (colour[k] - pixel[3 * x + k]) * share[x] + 0.5f);
    }
    return DONE;
}
