"""Numbers as the page writes them."""

from __future__ import annotations

from explorer.drawing import captions

MACS_HELP = (
    "A MAC is one multiplication and one addition, so FLOPs = 2 × MACs. Beware when comparing: many papers, and the "
    "tables of torchvision, print MACs under the name FLOPs. Counted are convolutions, linear layers and matrix "
    "products without their biases; fvcore and timm add 2 for each batch-norm element, torchinfo adds biases and norms."
)
FIELD_HELP = (
    "How many pixels of the input can reach one position of the last map before global pooling, by kernels and strides "
    "alone. Theoretical: what a trained network attends to is smaller and centred."
)
MEMORY_HELP = (
    "For training in float32: weights, their gradients, what the optimiser keeps of them, and what autograd keeps of "
    "the forward pass for the batch. The allocator's own overhead and convolution workspaces come on top."
)


def compact(number: int, unit: str = "") -> str:
    """Three significant digits: `640`, `9.22 k`, `163 kB`."""
    text = captions.short(abs(number))
    space = " " if unit and " " not in text else ""
    return f"{'−' if number < 0 else ''}{text}{space}{unit}"


def memory(size: int) -> str:
    """Bytes in decimal units: `27.6 MB`."""
    return compact(size, "B")


def plain(number: int) -> str:
    """`855,482`, with a true minus."""
    return f"{'−' if number < 0 else ''}{abs(number):,}"


def change(now: int | None, before: int | None, write: str = "plain") -> str:
    """`+583,296` since the last change, `±0` where it changed nothing, "" where there is nothing to compare."""
    if now is None or before is None:
        return ""
    difference = now - before
    if difference == 0:
        return "±0"
    text = {"plain": plain, "compact": compact, "memory": memory}[write](abs(difference))
    return f"{'+' if difference > 0 else '−'}{text}"


def milliseconds(time: float) -> str:
    """Three significant digits: `0.123 ms`, `12.3 ms`."""
    digits = 0 if time >= 99.95 else 1 if time >= 9.995 else 2 if time >= 0.9995 else 3
    return f"{time:,.{digits}f} ms"


def shortened(text: str, most: int) -> str:
    """The text, of a long one its beginning and its end, whole words if it can be: names often differ at the end."""
    if len(text) <= most:
        return text
    first = text[: most // 2 - 1]
    last = text[len(first) + 3 - most :]
    if " " in first[most // 4 :]:
        first = first.rpartition(" ")[0]
    if " " in last[: most // 4]:
        last = last.partition(" ")[2]
    return f"{first.rstrip()} … {last.lstrip()}"


def share(part: float, whole: float) -> float:
    """The part of the whole that a bar fills."""
    return round(part / whole, 3) if whole else 0.0


def percent(part: float, whole: float) -> str:
    """`36 %`, `0.4 %`, and `<0.1 %` for what is there but hardly."""
    share = 100 * part / whole if whole else 0.0
    if 0 < share < 0.1:
        return "<0.1 %"
    return f"{share:.0f} %" if share >= 10 or share == 0 else f"{share:.1f} %"
