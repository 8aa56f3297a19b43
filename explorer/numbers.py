"""Numbers as sentences have them."""

from __future__ import annotations

LONG = 1e6  # from where on a number has a power of ten


def many(count: int, noun: str) -> str:
    """`1 step`, `64,000 steps`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def digits(number: float, count: int = 3) -> str:
    """So many digits, with thousands separators: `0.0573`, `2.31`, `8,520`, `6.1e18`; whole ones from a hundred on."""
    rounded = float(f"{number:.{count}g}")
    if 10 ** (count - 1) <= abs(rounded) < LONG:
        return f"{rounded:,.0f}"
    front, _, power = (f"{number:.{count}g}" if abs(rounded) < LONG else f"{number:.1e}").partition("e")
    return f"{front}e{int(power)}" if power else front
