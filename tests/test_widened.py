"""Widening: every kind keeps what it needs, and stacks that fit together still do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer import Network, Shape, ShapeError, analyze, blocks, presets
from explorer.block import KINDS, Block, scaled
from explorer.shape import MAX_CHANNELS
from tests.stacks import blocks_of

FACTORS = (0.25, 0.5, 0.75, 1.25, 1.5, 2)
EXAMPLES = [
    pytest.param(kind(**fields), shape, id=f"{name}-{number}")
    for name, kind in KINDS.items()
    for number, (fields, shape) in enumerate(kind.examples)
]


@pytest.mark.parametrize(("block", "shape"), EXAMPLES)
def test_a_widened_example_fits_what_is_widened_alike(block: Block, shape: Shape) -> None:
    for factor in FACTORS:
        # a stem receives images, whose channels stay
        channels = shape.channels if block.role == "stem" else scaled(shape.channels, factor)
        report = analyze(Network(input=shape._replace(channels=channels), blocks=(block.widened(factor),)))
        before = analyze(Network(input=shape, blocks=(block,)))
        assert (report.params > before.params) == (factor > 1) or before.params == report.params == 0
        assert report.output_shape[1:] == before.output_shape[1:]


@given(block=st.one_of([blocks_of(kind) for kind in KINDS.values()]), factor=st.sampled_from(FACTORS))
def test_widening_changes_widths_alone(block: Block, factor: float) -> None:
    wide = block.widened(factor)
    assert block.widened(1) is block
    assert type(wide) is type(block)
    assert wide == type(wide)(**wide.model_dump()), "what comes out is valid"
    may = {"channels", "mid", "expand", "groups", "width", "hidden", "branches"}
    assert {name for name, value in wide if value != getattr(block, name)} <= may


@pytest.mark.parametrize("name", presets.names())
def test_a_preset_still_fits_at_every_width_of_the_grid(name: str) -> None:
    network = presets.load(name)
    before = analyze(network)
    for eighths in (2, 3, 5, 7, 9, 11, 13, 16):
        wide = Network(input=network.input, blocks=tuple(block.widened(eighths / 8) for block in network.blocks))
        report = analyze(wide)
        assert report.output_shape == before.output_shape, "classes never change"
        assert (report.params > before.params) == (eighths > 8)


def test_the_rule_of_rounding() -> None:
    assert [scaled(64, factor) for factor in (0.25, 0.5, 0.75, 0.875, 1.125, 2)] == [16, 32, 48, 56, 72, 128]
    assert [scaled(16, factor) for factor in (0.125, 0.375, 0.875, 1.125)] == [2, 6, 14, 18]
    assert scaled(36, 0.875) == 32  # 31.5 lies below 32, and 32 is its nearest whole number
    assert scaled(36, 0.9) == 32  # 32.4, a multiple of 8
    assert scaled(3, 0.01) == 1
    assert scaled(8192, 2) == MAX_CHANNELS
    assert scaled(128, 0.375, 32) == 64  # 48 lies between 32 and 64: halves go up
    assert scaled(8191, 0.5, 8191) == 8191


def test_widths_stay_divisible_by_what_the_kind_needs() -> None:
    # 96 channels would leave 24 in the middle, which 32 groups do not divide: the middle is written out
    assert blocks.Bottleneck(channels=256, groups=32).widened(0.375) == blocks.Bottleneck(
        channels=96, groups=32, mid=32
    )
    assert blocks.Bottleneck(channels=256, mid=128, groups=32).widened(0.75) == blocks.Bottleneck(
        channels=192, mid=96, groups=32
    )
    # one filter a channel stays that
    assert blocks.Bottleneck(channels=256, groups=64).widened(0.5) == blocks.Bottleneck(channels=128, groups=32)
    assert blocks.Conv(channels=64, groups=64).widened(0.75) == blocks.Conv(channels=48, groups=48)
    assert blocks.Conv(channels=64, groups=16).widened(0.625) == blocks.Conv(channels=48, groups=16)
    # what the general residual block gives is 64 / 2² = 16 channels, and follows the rule: 12
    assert blocks.Residual(width=64, convolutions=3).widened(0.75) == blocks.Residual(width=48, convolutions=3)
    assert blocks.Residual(width=36, convolutions=3, merge="concat").widened(0.5) == blocks.Residual(
        width=20, convolutions=3, merge="concat"
    )
    assert blocks.Stem(form="deep", channels=18).widened(0.5) == blocks.Stem(form="deep", channels=10)
    assert blocks.Stem(form="googlenet", channels=2000).widened(2) == blocks.Stem(form="googlenet", channels=2728)
    line = "1x1:64 | 1x1:96 > 3x3:128/2v | 1x1:16 > (1x3:32 | 3x1:32) | maxpool > 1x1:3"
    assert blocks.Inception(branches=line).widened(0.5).branches == (
        "1x1:32 | 1x1:48 > 3x3:64/2v | 1x1:8 > (1x3:16 | 3x1:16) | maxpool > 1x1:2"
    )
    assert blocks.Classifier(classes=10, hidden=(512, 20)).widened(0.5) == blocks.Classifier(
        classes=10, hidden=(256, 10)
    )
    assert blocks.IdentityMapping().widened(2) == blocks.IdentityMapping()
    assert blocks.IdentityMapping(channels=16, label="Stage 2").widened(2) == blocks.IdentityMapping(
        channels=32, label="Stage 2"
    )


def test_a_width_that_no_longer_fits_is_refused_and_not_bent() -> None:
    # 16 groups divide the convolution's own channels, but not the 8 that now come in
    network = Network(input=Shape(3, 8, 8), blocks=(blocks.Stem(form="cifar", channels=16), blocks.Conv(groups=16)))
    narrow = Network(input=network.input, blocks=tuple(block.widened(0.5) for block in network.blocks))
    with pytest.raises(ShapeError, match="cannot split 8 and 32 channels into 16 groups"):
        analyze(narrow)
