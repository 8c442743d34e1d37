/* What the map tears or draws out: found, and averaged over a few pixels. */
#include "kernels.h"

/* Writes 0..1 for each grid point, how much it is to be smoothed; the first and the last row of any.
   `drawn` and `torn` are the spans over which neighbours that are too near to, or too far from, each other
   come to count. Without any the last row lies before the first. */
KERNEL int roughness(float *RESTRICT share, int64_t *rows, const float *RESTRICT shift_x,
                     const float *RESTRICT shift_y, int64_t height, int64_t width, float step, const float *drawn,
                     const float *torn)
{
    int64_t first = height, last = 0;
    float scale = 0.5f / step;
    float *memory = malloc(2 * (size_t)width * sizeof(float));
    if (!memory)
        return OUT_OF_MEMORY;
    float *RESTRICT most = memory, *RESTRICT least = memory + width;
    for (int64_t i = 1; i < height - 1; i++) {
        const float *x_row = shift_x + i * width, *y_row = shift_y + i * width;
        int any = 0;
        for (int64_t j = 1; j < width - 1; j++) {
            float xx = x_row[j + 1] - x_row[j - 1], yy = y_row[j + width] - y_row[j - width];
            float xy = x_row[j + width] - x_row[j - width], yx = y_row[j + 1] - y_row[j - 1];
            most[j] = max_float(max_float(fabsf(xx), fabsf(yy)), max_float(fabsf(xy), fabsf(yx))) * scale;
            least[j] = -min_float(xx, yy) * scale;
            any |= (least[j] > drawn[0]) | (most[j] > torn[0]);
        }
        if (!any)
            continue;
        first = min_int(first, i);
        last = i;
        for (int64_t j = 1; j < width - 1; j++)
            if (least[j] > drawn[0] || most[j] > torn[0])
                share[i * width + j] =
                    max_float(smoothstep(least[j], drawn[0], drawn[1]), smoothstep(most[j], torn[0], torn[1]));
    }
    rows[0] = first;
    rows[1] = last;
    free(memory);
    return DONE;
}

/* Averages over neighbours, more of them up and down, as far as `share` says.

   Grid point (i, j) stands for the square of `step` pixels that ends at (i * step, j * step) in a box whose
   first pixel is at `left`, `top` in `out`. `before` (height, width, 3) is what `out` showed in the rows from
   `above` and the columns from `beside` on. */
KERNEL int smooth(uint8_t *out, int64_t stride, const uint8_t *before, int64_t height, int64_t width, int64_t above,
                  int64_t beside, const float *share, int64_t grid, int64_t first, int64_t last, int64_t step,
                  int64_t left, int64_t top, int64_t apart)
{
    for (int64_t i = first; i <= last; i++)
        for (int64_t j = 1; j < grid - 1; j++) {
            float weight = share[i * grid + j];
            if (weight == 0)
                continue;
            int64_t y0 = (i - 1) * step + top - above, x0 = (j - 1) * step + left - beside;
            for (int64_t y = max_int(y0, 0); y < min_int(y0 + step, height); y++) {
                const uint8_t *rows[5];
                for (int v = 0; v < 5; v++)
                    rows[v] = before + 3 * width * min_int(max_int(y + (v - 2) * apart, 0), height - 1);
                for (int64_t x = max_int(x0, 0); x < min_int(x0 + step, width); x++) {
                    int64_t at = 3 * x, near = 3 * max_int(x - apart, 0), far = 3 * min_int(x + apart, width - 1);
                    uint8_t *pixel = out + 3 * ((y + above) * stride + x + beside);
                    for (int k = 0; k < 3; k++) {
                        int sums[5];
                        for (int v = 0; v < 5; v++)
                            sums[v] = rows[v][near + k] + 2 * rows[v][at + k] + rows[v][far + k];
                        int total = sums[0] + sums[4] + 4 * (sums[1] + sums[3]) + 6 * sums[2];
                        float was = rows[2][at + k];
                        pixel[k] = (uint8_t)(was + ((float)total / 64 - was) * weight + 0.5f);
                    }
                }
            }
        }
    return DONE;
}
