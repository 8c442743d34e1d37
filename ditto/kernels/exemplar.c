/* Hidden background pieced together from what is seen. */
#include "kernels.h"

static const float FAR = 0.35f;  /* squared grey levels that each pixel of distance costs */
static const float LIKE = 0.25f; /* of a squared difference from what is merely grown over */
static const float BETTER = 1.3f, BY = 40.0f; /* by which a place of its own must be the better one */

/* Copies the most alike of a few places to each of `places`, a row and a column each, in order; `known` and
   `shifts` learn of it. `looks` (count, tries, 2) are places to try, as rows and columns away; besides, those
   next to where the neighbours came from. */
KERNEL int copy_alike(float *picture, const uint8_t *smooth, uint8_t *known, const uint8_t *usable, int64_t height,
                      int64_t width, const int32_t *places, const int32_t *looks, int64_t count, int64_t tries,
                      int64_t backwards, int32_t *shifts, int64_t reach)
{
    for (int64_t m = 0; m < count; m++) {
        int64_t n = backwards ? count - 1 - m : m;
        int64_t y = places[2 * n], x = places[2 * n + 1], best_down = 0, best_right = 0;
        float best = INFINITY;
        for (int64_t k = 0; k < 9 + tries; k++) {
            int64_t down, right;
            if (k < 9) { /* where it came from last time, and where its neighbours did */
                int64_t v = y + k / 3 - 1, u = x + k % 3 - 1;
                if (v < 0 || u < 0 || v >= height || u >= width)
                    continue;
                down = shifts[2 * (v * width + u)];
                right = shifts[2 * (v * width + u) + 1];
            } else {
                down = looks[2 * (n * tries + k - 9)];
                right = looks[2 * (n * tries + k - 9) + 1];
            }
            int64_t v = y + down, u = x + right;
            if ((!down && !right) || v < 0 || u < 0 || v >= height || u >= width || !usable[v * width + u])
                continue;
            float cost = 0;
            int64_t compared = 0;
            for (int64_t i = max_int(-reach, -y); i <= min_int(reach, height - 1 - y); i++)
                for (int64_t j = max_int(-reach, -x); j <= min_int(reach, width - 1 - x); j++) {
                    if (!known[(y + i) * width + x + j])
                        continue;
                    const float *here = picture + 3 * ((y + i) * width + x + j);
                    const float *there = picture + 3 * ((v + i) * width + u + j);
                    for (int c = 0; c < 3; c++)
                        cost += (here[c] - there[c]) * (here[c] - there[c]);
                    compared++;
                }
            if (!compared)
                continue;
            cost /= (float)compared;
            for (int c = 0; c < 3; c++) {
                float off = smooth[3 * (y * width + x) + c] - picture[3 * (v * width + u) + c];
                cost += LIKE * off * off;
            }
            cost += FAR * sqrtf((float)(down * down + right * right));
            if (k >= 9)
                cost = cost * BETTER + BY;
            if (cost < best) {
                best = cost;
                best_down = down;
                best_right = right;
            }
        }
        if (best == INFINITY)
            continue;
        shifts[2 * (y * width + x)] = (int32_t)best_down;
        shifts[2 * (y * width + x) + 1] = (int32_t)best_right;
        memcpy(picture + 3 * (y * width + x), picture + 3 * ((y + best_down) * width + x + best_right),
               3 * sizeof(float));
        known[y * width + x] = 1;
    }
    return DONE;
}
