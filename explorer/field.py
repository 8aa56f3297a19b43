"""Receptive fields: which pixels of the input an element of a map can see.

A field is (jump, lo, hi) along y, then along x: element i of the map sees the pixels i·jump + lo … i·jump + hi.
"""

Field = tuple[int, int, int, int, int, int]
Pair = tuple[int, int]


def slide(field: Field, kernel: Pair, step: Pair, padding: Pair, dilation: Pair) -> Field:
    """After a window slid over the map; `padding` is what stands before it."""
    jump_y, low_y, high_y, jump_x, low_x, high_x = field
    return (
        jump_y * step[0],
        low_y - padding[0] * jump_y,
        high_y + (dilation[0] * (kernel[0] - 1) - padding[0]) * jump_y,
        jump_x * step[1],
        low_x - padding[1] * jump_x,
        high_x + (dilation[1] * (kernel[1] - 1) - padding[1]) * jump_x,
    )


def union(first: Field, second: Field, single: tuple[bool, bool] = (False, False)) -> Field | None:
    """Where branches meet: the least and the greatest, if they advance alike; a `single` position goes nowhere."""
    if (first[0] != second[0] and not single[0]) or (first[3] != second[3] and not single[1]):
        return None
    return (
        min(first[0], second[0]),
        min(first[1], second[1]),
        max(first[2], second[2]),
        min(first[3], second[3]),
        min(first[4], second[4]),
        max(first[5], second[5]),
    )


def move(field: Field, axes: Pair, axis: int, start: int, step: int) -> Field:
    """After taking every `step`-th element from `start` on along one dimension of the tensor."""
    y, x = field[:3], field[3:]
    if axis == axes[0]:
        y = (y[0] * step, y[1] + start * y[0], y[2] + start * y[0])
    elif axis == axes[1]:
        x = (x[0] * step, x[1] + start * x[0], x[2] + start * x[0])
    return (*y, *x)


def enlarge(field: Field, size: Pair, wanted: Pair, mode: str) -> Field | None:
    """After an interpolation; None unless by a whole factor that leaves whole jumps."""
    y = enlarge_line(field[:3], size[0], wanted[0], mode)
    x = enlarge_line(field[3:], size[1], wanted[1], mode)
    return None if y is None or x is None else (*y, *x)


def enlarge_line(line: tuple[int, int, int], size: int, wanted: int, mode: str) -> tuple[int, int, int] | None:
    if size == wanted:
        return line
    factor = -(-wanted // size)
    jump, low, high = line
    if jump % factor or factor < 2:
        return None
    # Where a last pixel is cut off, as 4 -> 7, it is still a factor of two if every pixel keeps its source.
    whole = wanted == size * factor
    if not whole and (mode != "nearest" or any(at * size // wanted != at // factor for at in range(wanted))):
        return None
    if mode in ("nearest", "nearest-exact"):
        first = last = [0] * factor
    elif mode == "bilinear":
        # Phase r lies at (r + ½)/factor − ½ between two sources.
        first = [-1 if 2 * phase + 1 < factor else 0 for phase in range(factor)]
        last = [start + (2 * phase + 1 != factor) for phase, start in enumerate(first)]
    else:
        return None
    step = jump // factor
    return (
        step,
        low + min(jump * start - step * phase for phase, start in enumerate(first)),
        high + max(jump * end - step * phase for phase, end in enumerate(last)),
    )
