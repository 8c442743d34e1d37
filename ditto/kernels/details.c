/* The inside of a mouth and an eyeball, painted pixel by pixel. */
#include "kernels.h"

/* The number in channel k that lies `down` and `right` (0..1) of a (rows, columns, channels) cell. */
#define BETWEEN(cell, row, channels, k, down, right)                                                               \
    (((cell)[k] * (1 - (right)) + (cell)[(channels) + (k)] * (right)) * (1 - (down)) +                             \
     ((cell)[(row) + (k)] * (1 - (right)) + (cell)[(row) + (channels) + (k)] * (right)) * (down))

typedef struct {
    const float *plane; /* (rows, columns, channels): cover, shade and, of teeth, the gums' share */
    int channels;
} Part;

/* Paints the inside of a mouth over the picture `out` (its width in pixels is `stride`) at x0, y0.

   `cover` and `lit` (height, width) 0..1: the opening, and how far from its edge light reaches. `to_mm`
   takes pixels from `seam` to the skull's millimetres. `colours` (6, 3): teeth, gums, tongue, shallow and
   deep cavity, lip. `upper`, `lower` (rows, columns, 3) and `tongue` (rows, columns, 2) are 60 x 30 mm
   each. `own` is the source's mouth, moved, and `own_cover` (height, width) 0..1 how much of it is used. */
KERNEL int paint_mouth(uint8_t *out, int64_t stride, int64_t x0, int64_t y0, const float *cover, const float *lit,
                       int64_t height, int64_t width, const float *seam, const float *to_mm, const float *colours,
                       const float *upper, const float *lower, const float *tongue, int64_t rows, int64_t columns,
                       float jaw, float gap, float edge, const uint8_t *own, const float *own_cover)
{
    const float *teeth = colours, *gums = colours + 3, *flesh = colours + 6;
    const float *shallow = colours + 9, *deep = colours + 12, *lip = colours + 15;
    Part parts[3] = {{tongue, 2}, {lower, 3}, {upper, 3}};
    float opened = smoothstep(gap, 1.0f, 9.0f), risen = smoothstep(gap, 2.0f, 6.0f) * 0.9f + 0.1f;
    float lowered = smoothstep(jaw, 2.0f, 8.0f);
    float across_mm = (float)columns / 60, down_mm = (float)rows / 30, lengthened = 12.0f / (0.58f * jaw + 2.0f);
    float band_end = 1 / (0.35f * jaw + 4.0f - 1.5f);
    float dims[3] = {0.62f + 0.38f * opened, 0.80f + 0.08f * (1 - opened), 0.95f + 0.05f * opened};
    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++) {
            float alpha = cover[y * width + x];
            if (alpha < 0.004f)
                continue;
            float dx = (float)(x + x0) - seam[0], dy = (float)(y + y0) - seam[1];
            float qx = to_mm[0] * dx + to_mm[1] * dy, qy = to_mm[2] * dx + to_mm[3] * dy;
            float dark = 1 - 0.38f * smoothstep(fabsf(qx), 10.0f, 26.0f);
            float t = clamp((qy - edge - 1.5f) * band_end, 0, 1);
            float band = (1 - t * t * (3 - 2 * t)) * lowered;
            float value[3];
            for (int k = 0; k < 3; k++)
                value[k] = (shallow[k] * (1 - opened) + deep[k] * opened) * (1 - 0.38f * band);
            float bend = 0.006f * qx * qx;
            float tops[3] = {-6.0f + (qy - (0.42f * jaw + 1.2f)) * lengthened,
                             qy - (1.3f + jaw) + bend, qy - edge + bend};
            for (int layer = 0; layer < 3; layer++) {
                int channels = parts[layer].channels;
                float u = (qx + 30) * across_mm - 0.5f, v = (tops[layer] + 15) * down_mm - 0.5f;
                if (!(u >= 0 && v >= 0 && u < (float)(columns - 1) && v < (float)(rows - 1)))
                    continue;
                int64_t across = (int64_t)u, down = (int64_t)v, row = columns * channels;
                float fu = u - (float)across, fv = v - (float)down;
                const float *cell = parts[layer].plane + down * row + across * channels;
                float there = BETWEEN(cell, row, channels, 0, fv, fu);
                if (there < 0.003f)
                    continue;
                float shade = BETWEEN(cell, row, channels, 1, fv, fu) * dims[layer] * dark;
                float gum = layer ? BETWEEN(cell, row, channels, 2, fv, fu) : 0;
                if (!layer)
                    there *= risen;
                for (int k = 0; k < 3; k++) {
                    float tone = layer ? teeth[k] * (1 - gum) + gums[k] * gum : flesh[k];
                    value[k] = value[k] * (1 - there) + tone * shade * there;
                }
            }
            float glow = smoothstep(lit[y * width + x] * 1.55f - 0.35f, 0, 1);
            float kept = own_cover[y * width + x];
            uint8_t *pixel = out + 3 * ((y + y0) * stride + x + x0);
            for (int k = 0; k < 3; k++) {
                float inside = value[k] * (0.52f + 0.48f * glow);
                inside = inside * (1 - 0.35f * (1 - glow)) + lip[k] * 0.175f * (1 - glow);
                inside = inside * (1 - kept) + own[3 * (y * width + x) + k] * kept;
                pixel[k] = (uint8_t)clamp(pixel[k] * (1 - alpha) + inside * alpha + 0.5f, 0, 255);
            }
        }
    return DONE;
}

/* Paints an eyeball over the picture `out` at x0, y0.

   `cover` and `lit` (height, width) 0..1: the opening between the lids, and how much light reaches there.
   `back` takes pixels from `after` to those of `texture` (rows, columns, 3) from `before`. The iris,
   `radius` pixels about `pupil`, is moved by `gaze`; `closing` 0..1 darkens what a falling lid overshadows. */
KERNEL int paint_ball(uint8_t *out, int64_t stride, int64_t x0, int64_t y0, const float *cover, const float *lit,
                      int64_t height, int64_t width, const uint8_t *texture, int64_t rows, int64_t columns,
                      const float *after, const float *before, const float *back, const float *pupil,
                      const float *gaze, float radius, float closing)
{
    int moved = gaze[0] != 0 || gaze[1] != 0;
    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++) {
            float alpha = cover[y * width + x];
            if (alpha < 0.002f)
                continue;
            float dx = (float)(x + x0) - after[0], dy = (float)(y + y0) - after[1];
            float u = back[0] * dx + back[1] * dy + before[0], v = back[2] * dx + back[3] * dy + before[1];
            float follow = 0;
            if (moved) {
                float across = u - pupil[0] - gaze[0], down = v - pupil[1] - gaze[1];
                follow = 1 - smoothstep(sqrtf(across * across + down * down) / radius, 0.95f, 2.3f);
            }
            u = clamp(u - gaze[0] * follow, 0, (float)columns - 1.001f);
            v = clamp(v - gaze[1] * follow, 0, (float)rows - 1.001f);
            int64_t iu = (int64_t)u, iv = (int64_t)v, row = 3 * columns;
            float fu = u - (float)iu, fv = v - (float)iv;
            float light = 1 - 0.20f * closing * (1 - min_float(1, lit[y * width + x] * 1.15f));
            const uint8_t *cell = texture + iv * row + 3 * iu;
            uint8_t *pixel = out + 3 * ((y + y0) * stride + x + x0);
            for (int k = 0; k < 3; k++) {
                float ball = BETWEEN(cell, row, 3, k, fv, fu) * light, under = pixel[k];
                pixel[k] = (uint8_t)(under + (ball - under) * alpha + 0.5f);
            }
        }
    return DONE;
}
