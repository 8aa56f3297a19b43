"""Numbers as sentences have them."""

import pytest

from explorer.numbers import digits


@pytest.mark.parametrize(
    ("number", "count", "said"),
    [
        (0, 3, "0"), (0.0573, 3, "0.0573"), (2.314, 3, "2.31"), (99.96, 3, "100"), (518.4, 3, "518"),
        (8524.3, 3, "8,520"), (-8524.3, 3, "-8,520"), (999_999, 3, "1.0e6"), (6.1e18, 3, "6.1e18"),
        (1.23e-5, 3, "1.23e-5"), (12.3, 2, "12"), (8524, 2, "8,500"),
    ],
)  # fmt: skip
def test_digits(number: float, count: int, said: str) -> None:
    assert digits(number, count) == said
