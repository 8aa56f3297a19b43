"""Every preset as a file of Python, apart from tests/test_source.py since it takes long."""

from pathlib import Path

from explorer import Network, ShapeError, analyze, presets
from tests import exported

SIZES = (8, 32, 64, 96)


def at_a_small_input(network: Network) -> Network:
    """The network at the smallest of some sizes that fits through it."""
    for size in (size for size in SIZES if size < network.input.height):
        smaller = network.apply({"op": "input", "shape": [network.input.channels, size, size]})
        try:
            analyze(smaller)
        except ShapeError:
            continue
        return smaller
    return network


def test_every_preset_is_the_same_as_code(tmp_path: Path) -> None:
    exported.hold(tmp_path, {name: at_a_small_input(presets.load(name)) for name in presets.names()})
