"""Pixels brought to where the map has them: blocks left as they are, moved, or laid over what is behind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ditto.mini.compiled import fast, inlined

BLOCK = 16  # pixels of the squares that are painted in one way throughout
TILE = 8  # pixels of the squares whose foreground is known
LANES = 8  # pixels that are mixed at once
AHEAD = 6  # rows further down that are brought from memory meanwhile
SOLID = 254  # from here on a foreground lets nothing through
UNVEILED = np.float32(0.2)  # pixels a head travels before anything behind it is uncovered
UNVEILING = np.float32(1 / 1.3)  # of it is shown for each pixel more
BARING = np.float32(1.5 / 255)  # of it is shown for each level by which its reach exceeds what covers it


@fast
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
    """Reads the compiler's tables, which the first call of any compiled function would wait for."""
    still, nothing = np.zeros((3, 3), np.float32), np.zeros((0, 0), np.uint8)
    block_kinds(still, still, 1, 1, 1, nothing, nothing, 1.0)


@fast
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


def _lanes(builder: Any, vector: Any, which: Sequence[int]) -> Any:
    """A vector of those lanes of another."""
    order = ir.Constant(ir.VectorType(ir.IntType(32), len(which)), list(which))
    return builder.shuffle_vector(vector, ir.Constant(vector.type, ir.Undefined), order)


def _joined(builder: Any, parts: list[Any]) -> Any:
    """Vectors of one length, two or four of them, one behind the other."""
    while len(parts) > 1:
        lanes = parts[0].type.count
        order = ir.Constant(ir.VectorType(ir.IntType(32), 2 * lanes), list(range(2 * lanes)))
        parts = [
            builder.shuffle_vector(left, right, order)
            for left, right in zip(parts[::2], parts[1::2], strict=True)
        ]
    return parts[0]


class _Kernel:
    """Writes what one intrinsic does: vectors read from arrays, computed with, and written back."""

    def __init__(self, context: Any, builder: Any, kinds: Sequence[Any], given: Sequence[Any]) -> None:
        self._context, self._kinds, self._given = context, kinds, given
        self._builder = builder

    def pointer(self, number: int, place: Any, kind: Any) -> Any:
        """To the item at `place` of the array that is argument `number`, as something else."""
        array = self._context.make_array(self._kinds[number])(
            self._context, self._builder, self._given[number]
        )
        return self._builder.bitcast(self._builder.gep(array.data, [place]), kind.as_pointer())

    def read(self, number: int, place: Any, kind: Any, align: int) -> Any:
        return self._builder.load(self.pointer(number, place, kind), align=align)

    def expect(self, number: int, place: Any) -> None:
        """Has what lies there brought from memory, for later; nothing is read."""
        pointer, word = self.pointer(number, place, ir.IntType(8)), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [pointer.type, word, word, word])
        fetch = self._builder.module.declare_intrinsic("llvm.prefetch", [pointer.type], kind)
        self._builder.call(fetch, [pointer, word(0), word(3), word(1)])  # to read, to keep, data

    def write(self, number: int, place: Any, value: Any, align: int) -> None:
        self._builder.store(value, self.pointer(number, place, value.type), align=align)

    def rounded(self, total: Any) -> Any:
        """256ths as bytes."""
        half, places = (ir.Constant(total.type, [number] * total.type.count) for number in (128, 8))
        whole = self._builder.lshr(self._builder.add(total, half), places)
        return self._builder.trunc(whole, bytes_of(total.type.count))


def bytes_of(count: int) -> Any:
    return ir.VectorType(ir.IntType(8), count)


def words_of(count: int) -> Any:
    return ir.VectorType(ir.IntType(16), count)


def _mix(_: Any, colours: Any, at: Any, pixels: Any, width: Any, places: Any, upper: Any, lower: Any) -> Any:
    """LANES pixels of `colours` from `at` on, each mixed of four: the RGBA pixel at its place, that on its
    right, and those `width` pixels behind them.

    `upper` and `lower` hold the weights of two neighbours, 16 bits each; the four of a pixel are 256
    together. Written as vectors, since the compiler does not find them by itself.
    """

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        kernel = _Kernel(context, builder, signature.args, given)
        at, width = given[1], given[3]
        starts = []
        for lane in range(LANES):
            place = kernel.read(4, builder.add(at, ir.Constant(at.type, lane)), ir.IntType(32), 4)
            starts.append(builder.sext(place, at.type))
        kernel.expect(2, builder.add(starts[0], builder.mul(width, ir.Constant(width.type, AHEAD))))
        total = None
        for weights, beyond in ((5, None), (6, width)):
            there = starts if beyond is None else [builder.add(start, beyond) for start in starts]
            pairs = _joined(builder, [kernel.read(2, start, bytes_of(8), 4) for start in there])
            share = kernel.read(weights, at, words_of(2 * LANES), 4)
            share = _lanes(builder, share, [n // 4 for n in range(8 * LANES)])
            part = builder.mul(builder.zext(pairs, words_of(8 * LANES)), share)
            total = part if total is None else builder.add(total, part)
        left = _lanes(builder, total, [8 * (n // 4) + n % 4 for n in range(4 * LANES)])
        right = _lanes(builder, total, [8 * (n // 4) + n % 4 + 4 for n in range(4 * LANES)])
        kernel.write(0, at, kernel.rounded(builder.add(left, right)), 4)
        return context.get_dummy_value()

    return types.void(colours, types.intp, pixels, types.intp, places, upper, lower), generate


def _lay(
    _: Any, colours: Any, at: Any, plate: Any, picture: Any, start: Any, width: Any, over: Any, shown: Any
) -> Any:
    """LANES pixels of `colours` from `at` on, laid over those of the plate and the picture from `start` on.

    Both are `width` pixels wide. `over` and `shown` are the weights of colours and plate in 256ths; the
    picture's is what they leave.
    """

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        kernel = _Kernel(context, builder, signature.args, given)
        at, start = given[1], given[4]
        below = builder.add(start, builder.mul(given[5], ir.Constant(start.type, AHEAD)))
        kernel.expect(2, below)
        kernel.expect(3, below)
        shares = [kernel.read(number, at, words_of(LANES), 2) for number in (6, 7)]
        rest = builder.sub(ir.Constant(words_of(LANES), [256] * LANES), shares[0])
        shares.append(builder.sub(rest, shares[1]))
        total = None
        for (number, place), share in zip(((0, at), (2, start), (3, start)), shares, strict=True):
            pixels = builder.zext(kernel.read(number, place, bytes_of(4 * LANES), 4), words_of(4 * LANES))
            part = builder.mul(pixels, _lanes(builder, share, [n // 4 for n in range(4 * LANES)]))
            total = part if total is None else builder.add(total, part)
        kernel.write(0, at, kernel.rounded(total), 4)
        return context.get_dummy_value()

    return types.void(colours, types.intp, plate, picture, types.intp, types.intp, over, shown), generate


def _pack(_: Any, line: Any, place: Any, colours: Any, at: Any) -> Any:
    """LANES pixels of `colours` from `at` on, without their fourth channel, into a row of bytes."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        kernel = _Kernel(context, builder, signature.args, given)
        pixels = kernel.read(2, given[3], bytes_of(4 * LANES), 4)
        kernel.write(0, given[1], _lanes(builder, pixels, [n for n in range(4 * LANES) if n % 4 != 3]), 1)
        return context.get_dummy_value()

    return types.void(line, types.intp, colours, types.intp), generate


mix: Any = intrinsic(_mix)
lay_over: Any = intrinsic(_lay)
pack: Any = intrinsic(_pack)


@fast
def paint_moved(  # type: ignore[no-untyped-def]
    out, left, top, shift_x, shift_y, step, width, picture, layered, plate, kinds
):
    """Paints the moving box at left, top over the source that stands in `out`, as far as it lies in it.

    Pixels come from where the map says (see `Map`), mixed of four as finely as 1/256 of a pixel. Blocks of
    kind 1 are taken as they are; in those of kind 2 the foreground is laid over the picture, and over the
    plate where it has gone away. `picture`, `layered` and `plate` hold the box's RGBA pixels, 32 bits each,
    in one row.
    """
    height = len(picture) // width
    rows = out.reshape(out.shape[0], -1)
    seen_left, seen_right = max(0, -left), min(width, out.shape[1] - left)
    columns = (seen_right + BLOCK - 1) // BLOCK
    across = step * (shift_x.shape[1] - 2)  # at least the width
    wide_x, wide_y = np.empty((2, across), np.float32), np.empty((2, across), np.float32)
    widened = np.array([-1, -1])  # the rows of the map that these hold
    room = width + LANES  # vectors may end behind the row
    places, upper, lower = np.zeros(room, np.int32), np.zeros(room, np.int32), np.zeros(room, np.int32)
    travels, colours = np.empty(width, np.float32), np.zeros(room, np.uint32)
    over, shown = np.zeros(room, np.uint16), np.zeros(room, np.uint16)
    for y in range(max(0, -top), min(height, out.shape[0] - top)):
        i = y // BLOCK
        first, last = seen_left // BLOCK, columns
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
                widen(wide_x[wanted % 2], shift_x[wanted], step)
                widen(wide_y[wanted % 2], shift_y[wanted], step)
                widened[wanted % 2] = wanted
        line = rows[y + top]
        while first < last:
            begin = first
            while first < last and kinds[i, first]:
                first += 1
            if begin < first:
                x0, x1 = max(begin * BLOCK, seen_left), min(first * BLOCK, seen_right)
                locate(
                    places,
                    upper,
                    lower,
                    travels,
                    wide_x,
                    wide_y,
                    row,
                    at - np.float32(row),
                    x0,
                    x1,
                    y,
                    height,
                )
                for x in range(x0, x1, LANES):
                    mix(colours, x, layered, width, places, upper, lower)
                while begin < first:
                    edge = begin
                    while edge < first and kinds[i, edge] == 2:
                        edge += 1
                    if begin < edge:
                        x2, x3 = max(begin * BLOCK, x0), min(edge * BLOCK, x1)
                        lay(colours, over, shown, travels, picture, plate, y * width, x2, x3)
                    begin = edge + 1
                put(line, left, colours, x0, x1)
            first += 1


def _widening(step: int) -> Any:
    """Writes a row of the map at every pixel across, `step` of them from one point to the next."""
    places = [(n + 0.5) / step + 0.5 for n in range(step)]
    cells, rights = tuple(int(at) for at in places), tuple(np.float32(at % 1) for at in places)

    @fast
    def widened(line, row):  # type: ignore[no-untyped-def]
        for n in range(np.uintp(len(row) - 2)):
            for phase in range(step):
                before, after = row[n + np.uintp(cells[phase])], row[n + np.uintp(cells[phase] + 1)]
                line[n * np.uintp(step) + np.uintp(phase)] = before + (after - before) * rights[phase]

    return widened


_by_two, _by_three, _by_four = (_widening(step) for step in (2, 3, 4))


@fast
def widen(line, row, step):  # type: ignore[no-untyped-def]
    """A row of the map at every pixel across; the usual steps are compiled each for itself."""
    if step == 2:
        _by_two(line, row)
    elif step == 3:
        _by_three(line, row)
    elif step == 4:
        _by_four(line, row)
    else:
        for x in range(np.uintp((len(row) - 2) * step)):
            at = (np.float32(x) + np.float32(0.5)) / np.float32(step) + np.float32(0.5)
            cell = np.uintp(at)
            right = at - np.float32(cell)
            line[x] = row[cell] + (row[cell + np.uintp(1)] - row[cell]) * right


@fast
def locate(places, upper, lower, travels, wide_x, wide_y, row, down, x0, x1, y, height):  # type: ignore[no-untyped-def]
    """Where the pixels of a row come from, how they are mixed, and how far they travel.

    They lie `down` (0..1) between two rows of the map, the first of which is `row`.
    """
    above_x, below_x = wide_x[row % 2], wide_x[1 - row % 2]
    above_y, below_y = wide_y[row % 2], wide_y[1 - row % 2]
    width = len(travels)
    far_x, far_y = np.float32(width - 1), np.float32(height - 1)
    last_x, last_y = np.int32(width - 2), np.int32(height - 2)
    across = np.int32(width)
    for x in range(np.uintp(x0), np.uintp(x1)):
        dx = above_x[x] + (below_x[x] - above_x[x]) * down
        dy = above_y[x] + (below_y[x] - above_y[x]) * down
        travels[x] = max(abs(dx), abs(dy))
        from_x = min(max(np.float32(np.int32(x)) + dx, np.float32(0)), far_x)
        from_y = min(max(np.float32(y) + dy, np.float32(0)), far_y)
        fine_x = np.int32(from_x * np.float32(256) + np.float32(0.5))
        fine_y = np.int32(from_y * np.float32(256) + np.float32(0.5))
        # clamped again: nothing a map holds may lead out of the picture
        j = max(np.int32(0), min(np.int32(fine_x >> np.int32(8)), last_x))
        i = max(np.int32(0), min(np.int32(fine_y >> np.int32(8)), last_y))
        places[x] = i * across + j
        u, v = np.int32(fine_x - np.int32(j << np.int32(8))), np.int32(fine_y - np.int32(i << np.int32(8)))
        both = np.int32(np.int32(np.int32(u * v) + np.int32(128)) >> np.int32(8))
        before = np.int32(np.int32(np.int32(256) - u) - np.int32(v - both))
        upper[x] = before | np.int32(np.int32(u - both) << np.int32(16))
        lower[x] = np.int32(v - both) | np.int32(both << np.int32(16))


@inlined
def put(line, left, colours, x0, x1):  # type: ignore[no-untyped-def]
    """Writes `colours` into a row of RGB bytes, the first of them at pixel `left`."""
    whole = x0 + (x1 - x0) // LANES * LANES
    for x in range(x0, whole, LANES):
        pack(line, 3 * (left + x), colours, x)
    for x in range(whole, x1):
        for k in range(3):
            line[3 * (left + x) + k] = np.uint8(colours[x] >> np.uint32(8 * k))


@fast
def lay(colours, over, shown, travels, picture, plate, start, x0, x1):  # type: ignore[no-untyped-def]
    """Lays the moved `colours` of a row over what lies behind them, from `start` on.

    `over` and `shown` are room for the shares of colours and plate.
    """
    width = len(travels)
    behind = plate[start : start + width]
    for x in range(np.uintp(x0), np.uintp(x1)):
        alpha = np.int32(colours[x] >> np.uint32(24))
        beyond = max(np.int32(0), np.int32(np.int32(behind[x] >> np.uint32(24)) - alpha))
        part = min(np.float32(1), max(np.float32(0), (travels[x] - UNVEILED) * UNVEILING))
        gone = min(np.float32(1), np.float32(beyond) * BARING)
        bare = np.int32(part * gone * np.float32(256) + np.float32(0.5))
        share = np.int32(256) if alpha >= SOLID else np.int32(alpha + (alpha >> np.int32(7)))
        over[x] = share
        shown[x] = np.int32(((np.int32(256) - share) * bare + np.int32(128)) >> np.int32(8))
    whole = x0 + (x1 - x0) // LANES * LANES
    for x in range(x0, whole, LANES):
        lay_over(colours, x, plate, picture, start + x, width, over, shown)
    for x in range(whole, x1):
        mixed = np.uint32(0)
        for place in (np.uint32(0), np.uint32(8), np.uint32(16)):
            total = (colours[x] >> place & np.uint32(255)) * np.uint32(over[x])
            total += (plate[start + x] >> place & np.uint32(255)) * np.uint32(shown[x])
            rest = np.uint32(256) - np.uint32(over[x]) - np.uint32(shown[x])
            total += (picture[start + x] >> place & np.uint32(255)) * rest
            mixed |= ((total + np.uint32(128)) >> np.uint32(8)) << place
        colours[x] = mixed
