"""The inner loops of the mini pack's painter, compiled; none of them holds the interpreter's lock."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

BLOCK = 16  # pixels of the squares that are painted in one way throughout
TILE = 8  # pixels of the squares whose foreground is known
SOLID = 254  # from here on a foreground lets nothing through
UNVEILED = np.float32(0.2)  # pixels a head travels before anything behind it is uncovered
UNVEILING = np.float32(1 / 1.3)  # of it is shown for each pixel more
BARING = np.float32(1.5 / 255)  # of it is shown for each level by which its reach exceeds what covers it

_fast = njit(cache=True, nogil=True, fastmath=True)


def _inlined(function: Any) -> Any:
    return njit(inline="always", fastmath=True, cache=True, nogil=True)(function)


@_inlined
def ramp(x, a, b):  # type: ignore[no-untyped-def]
    t = min(1.0, max(0.0, (x - a) / (b - a)))
    return t * t * (3 - 2 * t)


@_fast
def raster_shift(placed, source, depth, triangles, shift_x, shift_y, nearest, tested, x0, y0, step):  # type: ignore[no-untyped-def]
    """Writes where each grid point comes from, minus where it is, in pixels of the picture.

    `placed` and `source` are (n, 2) vertices in the picture; grid point (i, j) lies at
    x0 + (j - 0.5) · step - 0.5, y0 + (i - 0.5) · step - 0.5. With `tested` the nearest of several
    triangles wins.
    """
    height, width = shift_x.shape
    for k in range(triangles.shape[0]):
        i, j, m = triangles[k, 0], triangles[k, 1], triangles[k, 2]
        ax, ay = (placed[i, 0] - x0 + 0.5) / step + 0.5, (placed[i, 1] - y0 + 0.5) / step + 0.5
        bx, by = (placed[j, 0] - x0 + 0.5) / step + 0.5, (placed[j, 1] - y0 + 0.5) / step + 0.5
        cx, cy = (placed[m, 0] - x0 + 0.5) / step + 0.5, (placed[m, 1] - y0 + 0.5) / step + 0.5
        area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        if abs(area) < 1e-6:
            continue
        left = max(0, int(np.ceil(min(ax, bx, cx) - 0.01)))
        right = min(width - 1, int(np.floor(max(ax, bx, cx) + 0.01)))
        top = max(0, int(np.ceil(min(ay, by, cy) - 0.01)))
        bottom = min(height - 1, int(np.floor(max(ay, by, cy) + 0.01)))
        if right < left or bottom < top:
            continue
        bdx, bdy = (cy - ay) / area, -(cx - ax) / area
        cdx, cdy = -(by - ay) / area, (bx - ax) / area
        adx = -bdx - cdx
        ux, uy = source[i, 0] - placed[i, 0], source[i, 1] - placed[i, 1]
        ubx, uby = source[j, 0] - placed[j, 0] - ux, source[j, 1] - placed[j, 1] - uy
        ucx, ucy = source[m, 0] - placed[m, 0] - ux, source[m, 1] - placed[m, 1] - uy
        z, zb, zc = depth[i], depth[j] - depth[i], depth[m] - depth[i]
        for y in range(top, bottom + 1):
            b = (left - ax) * bdx + (y - ay) * bdy
            c = (left - ax) * cdx + (y - ay) * cdy
            first, last = within(b, bdx, 0.0, float(right - left))
            first, last = within(c, cdx, first, last)
            first, last = within(1 - b - c, adx, first, last)
            begin, end = left + int(np.ceil(first)), left + int(np.floor(last)) + 1
            for x in range(begin, end):
                bx_, cx_ = b + (x - left) * bdx, c + (x - left) * cdx
                here = z + bx_ * zb + cx_ * zc
                if not tested or here < nearest[y, x]:
                    if tested:
                        nearest[y, x] = here
                    shift_x[y, x] = ux + bx_ * ubx + cx_ * ucx
                    shift_y[y, x] = uy + bx_ * uby + cx_ * ucy


@_inlined
def between(plane, i, j, down, right, k):  # type: ignore[no-untyped-def]
    """The number in layer `k` that lies `down` and `right` (0..1) of (i, j)."""
    above = plane[i, j, k] * (1 - right) + plane[i, j + 1, k] * right
    below = plane[i + 1, j, k] * (1 - right) + plane[i + 1, j + 1, k] * right
    return above * (1 - down) + below * down


@_inlined
def within(value, slope, first, last):  # type: ignore[no-untyped-def]
    """The part of first..last in which value + slope · x is not negative, but for rounding."""
    value += 1e-4
    if slope > 1e-12:
        return max(first, -value / slope), last
    if slope < -1e-12:
        return first, min(last, -value / slope)
    if value < 0:
        return 1.0, 0.0
    return first, last


@_fast
def block_kinds(shift_x, shift_y, step, height, width, solid, bare, least):  # type: ignore[no-untyped-def]
    """(rows, columns) of blocks of BLOCK pixels: 0 stays as it is, 1 is all moved foreground, 2 is both.

    `solid` and `bare` tell of the source's tiles whether all, or nothing, of them is foreground;
    empty where everything is.
    """
    rows, columns = (height + BLOCK - 1) // BLOCK, (width + BLOCK - 1) // BLOCK
    kinds = np.zeros((rows, columns), np.uint8)
    lows, highs = np.empty((2, shift_x.shape[1]), np.float32), np.empty((2, shift_x.shape[1]), np.float32)
    for i in range(rows):
        end_y = min(height, (i + 1) * BLOCK)
        first_y, last_y = i * BLOCK // step, (end_y - 1) // step + 2
        for k, shift in enumerate((shift_x, shift_y)):  # down the columns first: many at once
            low, high = lows[k], highs[k]
            low[:] = shift[first_y]
            high[:] = shift[first_y]
            for y in range(first_y + 1, last_y + 1):
                line = shift[y]
                for x in range(len(line)):
                    low[x], high[x] = min(low[x], line[x]), max(high[x], line[x])
        for j in range(columns):
            end_x = min(width, (j + 1) * BLOCK)
            first_x, last_x = j * BLOCK // step, (end_x - 1) // step + 2
            low_x, high_x = lows[0, first_x], highs[0, first_x]
            low_y, high_y = lows[1, first_x], highs[1, first_x]
            for x in range(first_x + 1, last_x + 1):
                low_x, high_x = min(low_x, lows[0, x]), max(high_x, highs[0, x])
                low_y, high_y = min(low_y, lows[1, x]), max(high_y, highs[1, x])
            if max(-low_x, high_x, -low_y, high_y) < least:
                continue
            kinds[i, j] = 1
            if not solid.size:
                continue
            if max(high_x - low_x, high_y - low_y) > BLOCK:
                kinds[i, j] = 2
                continue
            left, right = j * BLOCK + low_x, end_x + high_x
            top, bottom = i * BLOCK + low_y, end_y + high_y
            if not everywhere(solid, left, top, right, bottom):
                still = everywhere(bare, left, top, right, bottom)
                still = still and everywhere(bare, j * BLOCK, i * BLOCK, end_x - 1, end_y - 1)
                kinds[i, j] = 0 if still else 2
    return kinds


def prepare() -> None:
    """Reads the compiler's tables, which the first call of any function here would wait for."""
    still, nothing = np.zeros((3, 3), np.float32), np.zeros((0, 0), np.uint8)
    block_kinds(still, still, 1, 1, 1, nothing, nothing, 1.0)


@_fast
def everywhere(tiles, left, top, right, bottom):  # type: ignore[no-untyped-def]
    """Whether all tiles that a rectangle of pixels touches are set; those beyond the edge are like it."""
    rows, columns = tiles.shape
    x0, x1 = min(max(int(left) // TILE, 0), columns - 1), min(max(int(right) // TILE, 0), columns - 1)
    y0, y1 = min(max(int(top) // TILE, 0), rows - 1), min(max(int(bottom) // TILE, 0), rows - 1)
    for y in range(y0, y1 + 1):
        for x in range(x0, x1 + 1):
            if not tiles[y, x]:
                return False
    return True


def _lanes(builder: Any, vector: Any, *which: int) -> Any:
    """A vector of those lanes of another."""
    order = ir.Constant(ir.VectorType(ir.IntType(32), len(which)), which)
    return builder.shuffle_vector(vector, ir.Constant(vector.type, ir.Undefined), order)


def _rounded(builder: Any, total: Any) -> Any:
    """Four lanes of 256ths as one RGBA pixel."""
    half, places = (ir.Constant(total.type, [number] * 4) for number in (128, 8))
    whole = builder.lshr(builder.add(total, half), places)
    return builder.bitcast(builder.trunc(whole, ir.VectorType(ir.IntType(8), 4)), ir.IntType(32))


def _between(_: Any, pixels: Any, place: Any, below: Any, weights: Any) -> Any:
    """Four neighbouring RGBA pixels mixed into one: the one at `place`, that on its right, and those below.

    `weights` holds 16 bits for each of them, the first one's lowest; together they are 256. Written as
    vectors, since the compiler does not find them by itself.
    """

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, given[0])
        share = builder.bitcast(given[3], ir.VectorType(ir.IntType(16), 4))

        def weighed(at: Any, first: int) -> Any:
            """Two neighbours, times their weights."""
            pair = ir.VectorType(ir.IntType(8), 8).as_pointer()
            both = builder.load(builder.bitcast(builder.gep(array.data, [at]), pair), align=4)
            wide = builder.zext(both, ir.VectorType(ir.IntType(16), 8))
            return builder.mul(wide, _lanes(builder, share, *[first] * 4, *[first + 1] * 4))

        total = builder.add(weighed(given[1], 0), weighed(builder.add(given[1], given[2]), 2))
        left, right = _lanes(builder, total, 0, 1, 2, 3), _lanes(builder, total, 4, 5, 6, 7)
        return _rounded(builder, builder.add(left, right))

    return types.uint32(pixels, types.intp, types.intp, types.uint64), generate


def _blended(_: Any, first: Any, second: Any, third: Any, weights: Any) -> Any:
    """Three RGBA pixels mixed into one, by weights of 16 bits each that are 256 together."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        share = builder.bitcast(given[3], ir.VectorType(ir.IntType(16), 4))
        total = None
        for number in range(3):
            channels = builder.bitcast(given[number], ir.VectorType(ir.IntType(8), 4))
            wide = builder.zext(channels, ir.VectorType(ir.IntType(16), 4))
            part = builder.mul(wide, _lanes(builder, share, *[number] * 4))
            total = part if total is None else builder.add(total, part)
        return _rounded(builder, total)

    return types.uint32(types.uint32, types.uint32, types.uint32, types.uint64), generate


between_pixels: Any = intrinsic(_between)
blended: Any = intrinsic(_blended)


@_fast
def paint_moved(  # type: ignore[no-untyped-def]
    out, left, top, shift_x, shift_y, step, width, picture, layered, plate, kinds
):
    """Paints the moving box at left, top over the source that stands in `out`.

    Pixels come from where the map says (see `Map`), mixed of four as finely as 1/256 of a pixel. Blocks of
    kind 1 are taken as they are; in those of kind 2 the foreground is laid over the picture, and over the
    plate where it has gone away. `picture`, `layered` and `plate` hold the box's RGBA pixels, 32 bits each,
    in one row.
    """
    height, columns = len(picture) // width, kinds.shape[1]
    wide_x, wide_y = np.empty((2, width), np.float32), np.empty((2, width), np.float32)
    widened = np.array([-1, -1])  # the rows of the map that these hold
    line_x, line_y = np.empty(width, np.float32), np.empty(width, np.float32)
    places, weights = np.empty(width, np.int32), np.empty(width, np.uint64)
    travels, colours = np.empty(width, np.float32), np.empty(width, np.uint32)
    for y in range(height):
        i = y // BLOCK
        first, last = 0, columns
        while first < last and kinds[i, first] == 0:
            first += 1
        while first < last and kinds[i, last - 1] == 0:
            last -= 1
        if first == last:
            continue
        at = (np.float32(y) + np.float32(0.5)) / np.float32(step) + np.float32(0.5)
        row = int(at)
        for wanted in (row, row + 1):
            if widened[wanted % 2] != wanted:
                widen(wide_x, shift_x, wanted, step)
                widen(wide_y, shift_y, wanted, step)
                widened[wanted % 2] = wanted
        x0, x1 = first * BLOCK, min(last * BLOCK, width)
        narrow(line_x, wide_x, row, at - np.float32(row), x0, x1)
        narrow(line_y, wide_y, row, at - np.float32(row), x0, x1)
        locate(places, weights, travels, line_x, line_y, x0, x1, y, height)
        while first < last:
            begin, kind = first, kinds[i, first]
            while first < last and kinds[i, first] == kind:
                first += 1
            if kind == 0:
                continue
            x0, x1 = begin * BLOCK, min(first * BLOCK, width)
            if kind == 1:
                take(out, y + top, left, layered, places, weights, x0, x1)
                continue
            gather(colours, layered, places, weights, x0, x1)
            lay(colours, weights, travels, picture, plate, y * width, x0, x1)
            put(out, y + top, left, colours, x0, x1)


@_fast
def widen(wide, shift, row, step):  # type: ignore[no-untyped-def]
    """A row of the map at every pixel across, into one of two rows."""
    for phase in range(step):
        at = (np.float32(phase) + np.float32(0.5)) / np.float32(step) + np.float32(0.5)
        cell = int(at)
        right = at - np.float32(cell)
        for n in range(np.uintp((wide.shape[1] - 1 - phase) // step + 1)):
            before, after = shift[row, n + np.uintp(cell)], shift[row, n + np.uintp(cell + 1)]
            wide[row % 2, n * np.uintp(step) + np.uintp(phase)] = before + (after - before) * right


@_fast
def narrow(line, wide, row, down, x0, x1):  # type: ignore[no-untyped-def]
    """The map at a row of pixels, between two of its own rows."""
    above, below = wide[row % 2], wide[1 - row % 2]
    for x in range(np.uintp(x0), np.uintp(x1)):
        line[x] = above[x] + (below[x] - above[x]) * down


@_fast
def gather(colours, layered, places, weights, x0, x1):  # type: ignore[no-untyped-def]
    """The colours that lie at `places`."""
    for x in range(np.uintp(x0), np.uintp(x1)):
        colours[x] = between_pixels(layered, places[x], len(colours), weights[x])


@_fast
def take(out, y, left, layered, places, weights, x0, x1):  # type: ignore[no-untyped-def]
    line = out[y]
    for x in range(np.uintp(x0), np.uintp(x1)):
        dot(line, x + np.uintp(left), between_pixels(layered, places[x], len(places), weights[x]))


@_fast
def put(out, y, left, colours, x0, x1):  # type: ignore[no-untyped-def]
    line = out[y]
    for x in range(np.uintp(x0), np.uintp(x1)):
        dot(line, x + np.uintp(left), colours[x])


@_inlined
def dot(line, x, colour):  # type: ignore[no-untyped-def]
    line[x, 0] = np.uint8(colour)
    line[x, 1] = np.uint8(colour >> np.uint32(8))
    line[x, 2] = np.uint8(colour >> np.uint32(16))


@_fast
def locate(places, weights, travels, line_x, line_y, x0, x1, y, height):  # type: ignore[no-untyped-def]
    """Where the pixels of a row come from, how they are mixed, and how far they travel."""
    width = len(places)
    far_x, far_y = np.float32(width - 1), np.float32(height - 1)
    last_x, last_y = np.int32(width - 2), np.int32(height - 2)
    for x in range(np.uintp(x0), np.uintp(x1)):
        dx, dy = line_x[x], line_y[x]
        travels[x] = max(abs(dx), abs(dy))
        from_x = min(max(np.float32(np.int32(x)) + dx, np.float32(0)), far_x)
        from_y = min(max(np.float32(y) + dy, np.float32(0)), far_y)
        fine_x = np.int32(from_x * np.float32(256) + np.float32(0.5))
        fine_y = np.int32(from_y * np.float32(256) + np.float32(0.5))
        # clamped again: nothing a map holds may lead out of the picture
        j = max(np.int32(0), min(np.int32(fine_x >> np.int32(8)), last_x))
        i = max(np.int32(0), min(np.int32(fine_y >> np.int32(8)), last_y))
        places[x] = np.int32(i * np.int32(width)) + j
        u, v = np.uint64(fine_x - np.int32(j << np.int32(8))), np.uint64(fine_y - np.int32(i << np.int32(8)))
        both = (u * v + np.uint64(128)) >> np.uint64(8)
        mix = (np.uint64(256) - u - v + both) | ((u - both) << np.uint64(16))
        weights[x] = mix | ((v - both) << np.uint64(32)) | (both << np.uint64(48))


@_fast
def lay(colours, weights, travels, picture, plate, start, x0, x1):  # type: ignore[no-untyped-def]
    """Lays the moved `colours` of a row over what lies behind them, from `start` on.

    `weights` is room for the shares of colour, plate and picture.
    """
    start = np.uintp(start)
    for x in range(np.uintp(x0), np.uintp(x1)):
        alpha = np.int32(colours[x] >> np.uint32(24))
        reach = np.int32(plate[start + x] >> np.uint32(24))
        part = min(np.float32(1), max(np.float32(0), (travels[x] - UNVEILED) * UNVEILING))
        gone = min(np.float32(1), np.float32(max(np.int32(0), np.int32(reach - alpha))) * BARING)
        bare = np.uint64(np.int32(part * gone * np.float32(256) + np.float32(0.5)))
        over = np.uint64(256) if alpha >= SOLID else np.uint64(alpha + (alpha >> np.int32(7)))
        shown = ((np.uint64(256) - over) * bare + np.uint64(128)) >> np.uint64(8)
        weights[x] = over | (shown << np.uint64(16)) | ((np.uint64(256) - over - shown) << np.uint64(32))
    for x in range(np.uintp(x0), np.uintp(x1)):
        colours[x] = blended(colours[x], plate[start + x], picture[start + x], weights[x])


@_fast
def paint_mouth(  # type: ignore[no-untyped-def]
    out, cover, lit, x0, y0, seam, to_mm, colours, upper, lower, tongue, jaw, gap, edge, own, own_cover
):
    """Paints the inside of a mouth over the picture `out` at x0, y0.

    `cover` and `lit` (h, w) 0..1: the opening, and how far from its edge light reaches. `to_mm`
    takes pixels from `seam` to the skull's millimetres. `colours`: teeth, gums, tongue, shallow
    and deep cavity, lip. `upper`, `lower`: (n, m, 3) cover, shade and gum share of the teeth,
    `tongue` (n, m, 2) cover and shade, 60 x 30 mm each. `own` is the source's mouth, moved.
    """
    height, width = cover.shape
    rows, columns = upper.shape[0], upper.shape[1]
    opened = ramp(gap, 1.0, 9.0)
    value = np.empty(3, np.float32)
    for y in range(height):
        for x in range(width):
            alpha = cover[y, x]
            if alpha < 0.004:
                continue
            dx, dy = x + x0 - seam[0], y + y0 - seam[1]
            qx = to_mm[0, 0] * dx + to_mm[0, 1] * dy
            qy = to_mm[1, 0] * dx + to_mm[1, 1] * dy
            side = ramp(abs(qx), 10.0, 26.0)
            band = (1 - ramp(qy - edge, 1.5, 0.35 * jaw + 4.0)) * ramp(jaw, 2.0, 8.0)
            for k in range(3):
                value[k] = (colours[3, k] * (1 - opened) + colours[4, k] * opened) * (1 - 0.38 * band)
            for layer in range(3):
                if layer == 0:
                    ty = -6.0 + (qy - (0.42 * jaw + 1.2)) * 12.0 / (0.58 * jaw + 2.0)
                    dim = 0.62 + 0.38 * opened
                elif layer == 1:
                    ty = qy - (1.3 + jaw) + 0.006 * qx * qx
                    dim = 0.80 + 0.08 * (1 - opened)
                else:
                    ty = qy - edge + 0.006 * qx * qx
                    dim = 0.95 + 0.05 * opened
                u, v = (qx + 30) / 60 * columns - 0.5, (ty + 15) / 30 * rows - 0.5
                if u < 0 or v < 0 or u >= columns - 1 or v >= rows - 1:
                    continue
                iu, iv = int(u), int(v)
                fu, fv = u - iu, v - iv
                part = tongue if layer == 0 else (lower if layer == 1 else upper)
                there = between(part, iv, iu, fv, fu, 0)
                if there < 0.003:
                    continue
                shade = between(part, iv, iu, fv, fu, 1)
                gum = 0.0
                if layer == 0:
                    there *= ramp(gap, 2.0, 6.0) * 0.9 + 0.1
                else:
                    gum = between(part, iv, iu, fv, fu, 2)
                dim *= 1 - 0.38 * side
                for k in range(3):
                    tone = colours[2, k] if layer == 0 else colours[0, k] * (1 - gum) + colours[1, k] * gum
                    value[k] = value[k] * (1 - there) + tone * shade * dim * there
            glow = min(1.0, max(0.0, lit[y, x] * 1.55 - 0.35))
            glow = glow * glow * (3 - 2 * glow)
            for k in range(3):
                inside = value[k] * (0.52 + 0.48 * glow)
                inside = inside * (1 - 0.35 * (1 - glow)) + colours[5, k] * 0.175 * (1 - glow)
                inside = inside * (1 - own_cover[y, x]) + own[y, x, k] * own_cover[y, x]
                mixed = out[y + y0, x + x0, k] * (1 - alpha) + inside * alpha
                out[y + y0, x + x0, k] = np.uint8(min(255.0, max(0.0, mixed + 0.5)))


@_fast
def paint_ball(  # type: ignore[no-untyped-def]
    out, cover, lit, x0, y0, texture, after, before, back, pupil, gaze, radius, closing
):
    """Paints an eyeball over the picture `out` at x0, y0.

    `cover` and `lit` (h, w) 0..1: the opening between the lids, and how much light reaches there.
    `back` takes pixels from `after` to those of `texture` from `before`. The iris, `radius` pixels
    about `pupil`, is moved by `gaze`; `closing` 0..1 darkens what a falling lid overshadows.
    """
    height, width = cover.shape
    rows, columns = texture.shape[0], texture.shape[1]
    for y in range(height):
        for x in range(width):
            alpha = cover[y, x]
            if alpha < 0.002:
                continue
            dx, dy = x + x0 - after[0], y + y0 - after[1]
            u = back[0, 0] * dx + back[0, 1] * dy + before[0]
            v = back[1, 0] * dx + back[1, 1] * dy + before[1]
            distance = np.hypot(u - pupil[0] - gaze[0], v - pupil[1] - gaze[1]) / radius
            follow = 1 - ramp(distance, 0.95, 2.3)
            u = min(max(u - gaze[0] * follow, 0.0), columns - 1.001)
            v = min(max(v - gaze[1] * follow, 0.0), rows - 1.001)
            iu, iv = int(u), int(v)
            fu, fv = u - iu, v - iv
            light = 1 - 0.20 * closing * (1 - min(1.0, lit[y, x] * 1.15))
            for k in range(3):
                ball = between(texture, iv, iu, fv, fu, k) * light
                under = out[y + y0, x + x0, k]
                out[y + y0, x + x0, k] = np.uint8(under + (ball - under) * alpha + 0.5)
