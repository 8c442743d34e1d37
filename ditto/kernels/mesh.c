/* A mesh rasterised into the map of where pixels come from. */
#include "kernels.h"

enum { LANES = 8 };
typedef float floats __attribute__((vector_size(4 * LANES)));
typedef int32_t ints __attribute__((vector_size(4 * LANES)));

/* One corner's share of a point: how it grows along a row, and what divides by that. */
typedef struct {
    double slope, inverse;
} Share;

INLINE Share share_of(double slope)
{
    int flat = fabs(slope) <= 1e-12;
    return (Share){flat ? 0 : slope, flat ? 0 : 1 / slope};
}

/* Narrows first..last to where the share, `value` at 0, is not negative, but for rounding. */
INLINE void narrow(double value, Share share, double *first, double *last)
{
    double at = -(value + 1e-4) * share.inverse;
    if (share.slope > 0)
        *first = at > *first ? at : *first;
    else if (share.slope < 0)
        *last = at < *last ? at : *last;
    else if (value + 1e-4 < 0)
        *last = -1;
}

INLINE floats chosen(ints where, floats new, floats old)
{
    return (floats)(((ints)new & where) | ((ints)old & ~where));
}

/* Writes LANES numbers of which `where` says which are new; of those behind the row none is. */
INLINE void put(float *at, ints where, floats new)
{
    floats old;
    memcpy(&old, at, sizeof old);
    new = chosen(where, new, old);
    memcpy(at, &new, sizeof new);
}

INLINE double least(double a, double b, double c)
{
    double ab = a < b ? a : b;
    return ab < c ? ab : c;
}

INLINE double most(double a, double b, double c)
{
    double ab = a > b ? a : b;
    return ab > c ? ab : c;
}

/* Writes a plane (height, width) blurred by five taps of a Gaussian each way; its rim is repeated beyond. */
KERNEL int blur_map(float *out, const float *plane, int64_t height, int64_t width, const float *taps)
{
    float *padded = malloc((size_t)(width + 4) * sizeof(float));
    if (!padded)
        return OUT_OF_MEMORY;
    for (int64_t y = 0; y < height; y++) {
        const float *RESTRICT row[5];
        for (int k = 0; k < 5; k++)
            row[k] = plane + min_int(max_int(y + k - 2, 0), height - 1) * width;
        float *RESTRICT down = padded + 2;
        for (int64_t x = 0; x < width; x++)
            down[x] = row[2][x] * taps[2] + (row[1][x] + row[3][x]) * taps[1] + (row[0][x] + row[4][x]) * taps[0];
        padded[0] = padded[1] = down[0];
        padded[width + 2] = padded[width + 3] = down[width - 1];
        float *RESTRICT line = out + y * width;
        for (int64_t x = 0; x < width; x++)
            line[x] = padded[x + 2] * taps[2] + (padded[x + 1] + padded[x + 3]) * taps[1] +
                      (padded[x] + padded[x + 4]) * taps[0];
    }
    free(padded);
    return DONE;
}

/* Writes where each grid point (height, width) comes from, minus where it is, in pixels of the picture.

   `placed` and `source` are (n, 2) vertices in the picture; grid point (i, j) lies at
   x0 + (j - 0.5) * step - 0.5, y0 + (i - 0.5) * step - 0.5. With `nearest` the nearest of several
   triangles wins; without, the last. */
KERNEL int raster_shift(float *shift_x, float *shift_y, float *nearest, int64_t height, int64_t width,
                        const float *placed, const float *source, const float *depth, const int32_t *triangles,
                        int64_t count, float x0, float y0, float step)
{
    for (int64_t k = 0; k < count; k++) {
        const float *p = placed + 2 * triangles[3 * k], *q = placed + 2 * triangles[3 * k + 1];
        const float *r = placed + 2 * triangles[3 * k + 2];
        double ax = (p[0] - x0 + 0.5) / step + 0.5, ay = (p[1] - y0 + 0.5) / step + 0.5;
        double bx = (q[0] - x0 + 0.5) / step + 0.5, by = (q[1] - y0 + 0.5) / step + 0.5;
        double cx = (r[0] - x0 + 0.5) / step + 0.5, cy = (r[1] - y0 + 0.5) / step + 0.5;
        double area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay);
        if (!(fabs(area) >= 1e-6))
            continue;
        double low_x = ceil(least(ax, bx, cx) - 0.01), high_x = floor(most(ax, bx, cx) + 0.01);
        double low_y = ceil(least(ay, by, cy) - 0.01), high_y = floor(most(ay, by, cy) + 0.01);
        if (!(low_x < width && high_x >= 0 && low_y < height && high_y >= 0))
            continue;
        int64_t left = low_x > 0 ? (int64_t)low_x : 0, right = high_x < width - 1 ? (int64_t)high_x : width - 1;
        int64_t top = low_y > 0 ? (int64_t)low_y : 0, bottom = high_y < height - 1 ? (int64_t)high_y : height - 1;
        double bdx = (cy - ay) / area, bdy = -(cx - ax) / area;
        double cdx = -(by - ay) / area, cdy = (bx - ax) / area;
        const float *from_p = source + 2 * triangles[3 * k], *from_q = source + 2 * triangles[3 * k + 1];
        const float *from_r = source + 2 * triangles[3 * k + 2];
        double ux = from_p[0] - p[0], uy = from_p[1] - p[1];
        double ubx = from_q[0] - q[0] - ux, uby = from_q[1] - q[1] - uy;
        double ucx = from_r[0] - r[0] - ux, ucy = from_r[1] - r[1] - uy;
        double z = depth[triangles[3 * k]];
        double zb = depth[triangles[3 * k + 1]] - z, zc = depth[triangles[3 * k + 2]] - z;
        Share share_b = share_of(bdx), share_c = share_of(cdx), share_a = share_of(-bdx - cdx);
        float more_x = (float)(bdx * ubx + cdx * ucx), more_y = (float)(bdx * uby + cdx * ucy);
        float nearer = (float)(bdx * zb + cdx * zc);
        for (int64_t y = top; y <= bottom; y++) {
            double b = ((double)left - ax) * bdx + ((double)y - ay) * bdy;
            double c = ((double)left - ax) * cdx + ((double)y - ay) * cdy;
            double first = 0, last = (double)(right - left);
            narrow(b, share_b, &first, &last);
            narrow(c, share_c, &first, &last);
            narrow(1 - b - c, share_a, &first, &last);
            if (!(first <= last))
                continue;
            int64_t begin = (int64_t)ceil(first), end = (int64_t)floor(last) + 1, place = y * width + left;
            float here = (float)(z + b * zb + c * zc), from_x = (float)(ux + b * ubx + c * ucx);
            float from_y = (float)(uy + b * uby + c * ucy);
            for (int64_t n = begin; n < end; n += LANES) {
                int64_t some = min_int(LANES, height * width - place - n); /* fewer where the map ends */
                floats far = (float)n + (floats){0, 1, 2, 3, 4, 5, 6, 7}, old = {0};
                ints where = (ints){0, 1, 2, 3, 4, 5, 6, 7} < (int32_t)(end - n);
                floats new_x = from_x + far * more_x, new_y = from_y + far * more_y, near = here + far * nearer;
                if (some < LANES) {
                    for (int k = 0; k < min_int(some, end - n); k++)
                        if (!nearest || near[k] < nearest[place + n + k]) {
                            if (nearest)
                                nearest[place + n + k] = near[k];
                            shift_x[place + n + k] = new_x[k];
                            shift_y[place + n + k] = new_y[k];
                        }
                    continue;
                }
                if (nearest) {
                    memcpy(&old, nearest + place + n, sizeof old);
                    where &= near < old;
                    old = chosen(where, near, old);
                    memcpy(nearest + place + n, &old, sizeof old);
                }
                put(shift_x + place + n, where, new_x);
                put(shift_y + place + n, where, new_y);
            }
        }
    }
    return DONE;
}
