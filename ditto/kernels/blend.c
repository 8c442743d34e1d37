/* The plain way to put a face back, which benchmarks compare with. */
#include "kernels.h"

/* Writes a whole (count, 3) picture of which `cover` (count) 0..1 is `painted` over. */
KERNEL int blend_whole(uint8_t *out, const float *cover, const float *painted, const uint8_t *picture, int64_t count)
{
    for (int64_t n = 0; n < count; n++)
        for (int k = 0; k < 3; k++) {
            float value = cover[n] * painted[3 * n + k] + (1 - cover[n]) * picture[3 * n + k];
            out[3 * n + k] = (uint8_t)clamp(value, 0, 255);
        }
    return DONE;
}
