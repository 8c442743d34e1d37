/* What every kernel shares. All arithmetic is plain IEEE: nothing is fused or reordered, so every
   compiler, processor and vector width gives the same bits. */
#pragma once

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef _WIN32
#define KERNEL __declspec(dllexport)
#else
#define KERNEL __attribute__((visibility("default")))
#endif
#define INLINE static inline __attribute__((always_inline))
#define RESTRICT __restrict__

enum { DONE = 0, OUT_OF_MEMORY = 1 };

INLINE int64_t min_int(int64_t a, int64_t b) { return a < b ? a : b; }
INLINE int64_t max_int(int64_t a, int64_t b) { return a > b ? a : b; }
INLINE float min_float(float a, float b) { return a < b ? a : b; }
INLINE float max_float(float a, float b) { return a > b ? a : b; }
INLINE float clamp(float value, float low, float high) { return min_float(max_float(value, low), high); }

/* 0 below a, 1 above b, smooth between. */
INLINE float smoothstep(float x, float a, float b)
{
    float t = clamp((x - a) * (1 / (b - a)), 0.0f, 1.0f);
    return t * t * (3.0f - 2.0f * t);
}
