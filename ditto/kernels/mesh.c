/* A mesh rasterised into the map of where pixels come from. */
#include "kernels.h"

typedef struct {
    double first, last;
} Span;

/* The part of a span in which value + slope * x is not negative, but for rounding. */
INLINE Span within(double value, double slope, Span span)
{
    value += 1e-4;
    if (slope > 1e-12) {
        double at = -value / slope;
        span.first = at > span.first ? at : span.first;
    } else if (slope < -1e-12) {
        double at = -value / slope;
        span.last = at < span.last ? at : span.last;
    } else if (value < 0) {
        span = (Span){1, 0};
    }
    return span;
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
        double more_x = bdx * ubx + cdx * ucx, more_y = bdx * uby + cdx * ucy, nearer = bdx * zb + cdx * zc;
        for (int64_t y = top; y <= bottom; y++) {
            double b = (left - ax) * bdx + (y - ay) * bdy;
            double c = (left - ax) * cdx + (y - ay) * cdy;
            Span span = {0, (double)(right - left)};
            span = within(b, bdx, span);
            span = within(c, cdx, span);
            span = within(1 - b - c, -bdx - cdx, span);
            if (!(span.first <= span.last))
                continue;
            int64_t skip = (int64_t)ceil(span.first), end = (int64_t)floor(span.last);
            float here = (float)(z + b * zb + c * zc), from_x = (float)(ux + b * ubx + c * ucx);
            float from_y = (float)(uy + b * uby + c * ucy);
            float slope = (float)nearer, slope_x = (float)more_x, slope_y = (float)more_y;
            float *RESTRICT line_x = shift_x + y * width + left, *RESTRICT line_y = shift_y + y * width + left;
            if (nearest) {
                float *RESTRICT front = nearest + y * width + left;
                for (int64_t x = skip; x <= end; x++) {
                    float near = here + (float)x * slope;
                    int seen = near < front[x];
                    front[x] = seen ? near : front[x];
                    line_x[x] = seen ? from_x + (float)x * slope_x : line_x[x];
                    line_y[x] = seen ? from_y + (float)x * slope_y : line_y[x];
                }
            } else {
                for (int64_t x = skip; x <= end; x++) {
                    line_x[x] = from_x + (float)x * slope_x;
                    line_y[x] = from_y + (float)x * slope_y;
                }
            }
        }
    }
    return DONE;
}
