"""The contract that every kind keeps, found by the registry; then each kind's numbers with their arithmetic."""

import pytest
import torch
from pydantic import ValidationError

from explorer import Network, Shape, ShapeError, analyze, blocks
from explorer.block import GROUPS, KINDS, Block, count_parameters, register
from explorer.layers import weights
from explorer.repair import card_parameters

EXAMPLES = [
    pytest.param(kind(**fields), shape, id=f"{name}-{number}")
    for name, kind in KINDS.items()
    for number, (fields, shape) in enumerate(kind.examples)
]


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_kind_says_everything_about_itself(kind: type[Block]) -> None:
    assert kind.title and kind.summary.endswith(".") and kind.which and kind.source
    assert kind.group in GROUPS
    assert kind.examples, "examples are what the docs show and the tests run"
    for name, field in kind.model_fields.items():
        if name != "kind":
            assert field.title and field.description, f"{kind.__name__}.{name} has no title or help"
    kind()  # every field has a default, so that a palette can offer it


@pytest.mark.parametrize(("block", "shape"), EXAMPLES)
def test_an_example_runs_forward_and_backward(block: Block, shape: Shape) -> None:
    network = Network(input=shape, blocks=(block,))
    model = network.build()
    report = analyze(network)
    images = torch.randn(2, *shape, requires_grad=True)
    result = model(images)
    assert tuple(result.shape[1:]) == report.output_shape
    result.sum().backward()
    assert torch.isfinite(images.grad).all()


@pytest.mark.parametrize(("block", "shape"), EXAMPLES)
def test_an_example_counts_the_same_without_memory(block: Block, shape: Shape) -> None:
    with weights("none"):
        bare = block.build(shape)
    real = block.build(shape)
    assert {k: v.shape for k, v in bare.state_dict().items()} == {k: v.shape for k, v in real.state_dict().items()}
    assert all(parameter.is_meta or parameter.dim() == 4 for parameter in bare.parameters())
    assert repr(bare) == repr(real)


@pytest.mark.parametrize(("block", "shape"), EXAMPLES)
def test_an_example_survives_json_and_token(block: Block, shape: Shape) -> None:
    network = Network(input=shape, blocks=(block,))
    assert Network.from_json(network.to_json()) == network
    assert Network.from_token(network.token()) == network


@pytest.mark.parametrize(("block", "shape"), EXAMPLES)
def test_a_plain_twin_has_no_shortcut(block: Block, shape: Shape) -> None:
    plain = block.plain()
    assert not plain.has_shortcut()
    assert plain.plain() == plain
    assert (card_parameters(plain, shape) or 0) <= (card_parameters(block, shape) or 0)


def test_names_that_clash_are_an_error() -> None:
    class Basic(blocks.Basic):
        pass

    with pytest.raises(ValueError, match="two block kinds are named 'basic'"):
        register(Basic)


def params(block: Block, *shape: int) -> int:
    return count_parameters(block, Shape(*shape))


def test_published_numbers_per_kind() -> None:
    # two 3×3 convolutions of 64→64, two batch norms (ResNet-18, layer1.0)
    assert params(blocks.Basic(channels=64), 64, 56, 56) == 2 * (64 * 64 * 9) + 2 * (2 * 64) == 73_984
    # 64→128 and 128→128, three norms, the 1×1 projection (ResNet-18, layer2.0)
    assert (
        params(blocks.Basic(channels=128, stride=2), 64, 56, 56)
        == (64 * 128 * 9 + 128 * 128 * 9 + 64 * 128 + 3 * (2 * 128))
        == 230_144
    )
    # the article's: 2·64 filters, then 64
    assert params(blocks.Basic(channels=64, mid_ratio=2), 64, 8, 8) == 64 * 128 * 9 + 128 * 64 * 9 + 2 * (128 + 64)
    # 1×1 256→64, 3×3 64→64, 1×1 64→256 (ResNet-50, layer1.1)
    assert (
        params(blocks.Bottleneck(channels=256), 256, 56, 56)
        == (256 * 64 + 64 * 64 * 9 + 64 * 256 + 2 * (64 + 64 + 256))
        == 70_400
    )
    # ResNeXt: 32 groups of 4 in the 3×3
    assert params(blocks.Bottleneck(channels=256, mid=128, groups=32), 256, 8, 8) == (
        256 * 128 + 128 * 4 * 9 + 128 * 256 + 2 * (128 + 128 + 256)
    )
    # 1×1 16→32 with norm, two 3×3 of 32 with norms; X_ds is added as it is
    assert params(blocks.Downsampling(channels=32), 16, 8, 8) == 16 * 32 + 2 * (32 * 32 * 9) + 3 * (2 * 32)
    # two 3×3, FC with bias, norm after the product, projection with norm
    assert params(blocks.LinearProjection(channels=32), 16, 8, 8) == (
        (16 * 32 * 9 + 64) + (32 * 32 * 9 + 64) + (32 * 32 + 32) + 64 + (16 * 32 + 64)
    )
    # concatenation: 1×1 of 64→32 with norm in place of the norm after the product
    assert params(blocks.LinearProjection(channels=32, merge="concat"), 16, 8, 8) == (
        (16 * 32 * 9 + 64) + (32 * 32 * 9 + 64) + (32 * 32 + 32) + (64 * 32 + 64) + (16 * 32 + 64)
    )
    # pre-activation: norm 16, 3×3, norm 16, 3×3; gated: and P
    assert params(blocks.IdentityMapping(), 16, 8, 8) == 2 * (16 * 16 * 9 + 32)
    assert params(blocks.IdentityMapping(gate="close"), 16, 8, 8) == 2 * (16 * 16 * 9 + 32) + 16 * 16
    # X_mid of 32, b of 32, convolutions 32→32 and 32→16; identity, since 16 channels came in
    assert params(blocks.Residual(width=32, convolutions=2), 16, 8, 8) == (
        (16 * 32 * 9 + 64) + 32 + (32 * 32 * 9 + 64) + (32 * 16 * 9 + 32)
    )
    # X_mid of 16, then 8; a convolution of [16 + 8] → 16; nothing for the concatenation
    assert params(blocks.Residual(width=16, convolutions=2, merge="concat"), 16, 8, 8) == (
        (16 * 16 * 9 + 32) + (16 * 8 * 9 + 16) + (24 * 16 * 9 + 32)
    )
    # GoogLeNet's first module as the paper has it, with batch norm (no bias)
    line = "1x1:64 | 1x1:96 > 3x3:128 | 1x1:16 > 5x5:32 | maxpool > 1x1:32"
    assert params(blocks.Inception(branches=line), 192, 28, 28) == (
        192 * 64 + (192 * 96 + 96 * 128 * 9) + (192 * 16 + 16 * 32 * 25) + 192 * 32 + 2 * (64 + 96 + 128 + 16 + 32 + 32)
    )
    # the article's stem: 7×7, three 3×3, one 3×3, two 1×1
    assert params(blocks.Stem(form="seven", channels=64), 3, 224, 224) == (
        3 * 64 * 49 + 4 * (64 * 64 * 9) + 2 * (64 * 64) + 7 * (2 * 64)
    )
    # hidden 32 with bias, then 10 classes
    assert params(blocks.Classifier(classes=10, hidden=(32,)), 64, 4, 4) == (64 * 32 + 32) + (32 * 10 + 10)


@pytest.mark.parametrize(
    ("form", "size"), [("seven", 14), ("imagenet", 56), ("cifar", 224), ("deep", 56), ("googlenet", 28), ("patch", 56)]
)
def test_each_stem_shrinks_as_published(form: str, size: int) -> None:
    report = analyze(Network(input=Shape(3, 224, 224), blocks=(blocks.Stem(form=form),)))
    assert report.output_shape[1:] == (size, size)
    assert report.output_shape[0] == (192 if form == "googlenet" else 64)


REFUSALS = [
    (blocks.Basic(channels=128, stride=2, shortcut="identity"), (64, 56, 56),
     'block 1 (Basic block) adds 64×56×56 to 128×28×28; use shortcut "project" (+8,448 parameters), '
     'shortcut "pad" (+0 parameters) or channels 64 with stride 1 (−147,712 parameters)'),
    (blocks.Basic(channels=16, shortcut="pad"), (32, 8, 8),
     'block 1 (Basic block) cannot pad 32 channels to 16, which are fewer; use shortcut "project" (+544 parameters) '
     "or channels 32 (+11,584 parameters)"),
    (blocks.Basic(stride=2, resample="down-up"), (64, 8, 8), "cannot both shrink by stride 2 and come back"),
    (blocks.Bottleneck(channels=64, groups=3), (64, 8, 8), "cannot split 16 and 16 channels into 3 groups"),
    (blocks.IdentityMapping(channels=32), (16, 8, 8), "a downsampling block in its place"),
    (blocks.LinearProjection(norm="none"), (64, 8, 8), "cannot do so without a norm"),
    (blocks.Residual(width=30, convolutions=3), (16, 8, 8), "use width 32 (+"),
    (blocks.Residual(merge="concat", stride=2), (16, 8, 8), "cannot have stride 2"),
    (blocks.Residual(merge="concat", shortcut="project"), (16, 8, 8), "has no use for shortcut"),
    (blocks.Residual(kernel=4), (16, 8, 8), "an even kernel of 4; use kernel 3"),
    (blocks.Inception(branches="1x1:8 | 3x3:8/2"), (16, 8, 8), "(branch 1: 8×8, branch 2: 4×4)"),
    (blocks.Inception(branches="3x3:8/2", repeat=2), (16, 8, 8), "cannot stand 2 times; use repeat 1"),
    (blocks.Inception(branches="3x3:8/2", residual=True), (16, 8, 8), "adds 16×8×8 to 8×4×4; use residual off"),
    (blocks.Conv(kernel=4), (16, 8, 8),
     'use kernel 3 (+9,344 parameters), kernel 5 (+25,728 parameters) or padding "valid" (+16,512 parameters)'),
    (blocks.Conv(kernel=9, padding="valid"), (16, 8, 8), "a filter of 9×9 that does not fit into 16×8×8"),
    (blocks.Conv(groups=3), (16, 8, 8), "cannot split 16 and 64 channels into 3 groups"),
    (blocks.Pool(kernel=9, padding=0), (16, 8, 8), "a 9×9 window that does not fit into 16×8×8"),
    (blocks.Pool(kernel=3, padding=3), (16, 8, 8), "pads 3 px, more than half its kernel of 3"),
    (blocks.Stem(form="patch"), (3, 2, 9), "a 4×4 patch that does not fit into 3×2×9"),
    (blocks.Stem(form="deep", channels=33), (3, 9, 9), "cannot halve 33 channels"),
    (blocks.Stem(form="googlenet", channels=4000), (3, 64, 64), "makes 12,000 channels, more than 8,192"),
]  # fmt: skip


@pytest.mark.parametrize(("block", "shape", "words"), REFUSALS)
def test_what_cannot_be_is_refused_in_words(block: Block, shape: tuple[int, int, int], words: str) -> None:
    network = Network(input=Shape(*shape), blocks=(block,))
    with pytest.raises(ShapeError) as caught:
        analyze(network)
    assert words in str(caught.value)
    assert caught.value.index == 0
    assert caught.value.ways, "an error offers a way out"
    for way in caught.value.ways:
        mended = network.apply(way.edit)
        analyze(mended)


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        ("basic", "channels", 0),
        ("basic", "channels", 8193),
        ("basic", "repeat", 257),
        ("basic", "stride", 3),
        ("basic", "colour", "red"),
        ("classifier", "hidden", (1, 2, 3, 4, 5)),
        ("dropout", "rate", 1.0),
        ("identity_mapping", "tolerance", float("nan")),
    ],
)
def test_bounds_live_in_the_type(kind: str, field: str, value: object) -> None:
    with pytest.raises(ValidationError):
        KINDS[kind](**{field: value})


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "at least 1 character"),
        ("1x1:64 |", "expected a step such as 3x3:64, 3x3:64/2v or maxpool, got 'the end' of the line"),
        ("1x1:64 > foo", "got 'foo' at character 10"),
        ("1x1:0", "channels must be 1 to 8,192, got 0 at character 1"),
        ("2x2:8", "an even kernel needs the suffix v"),
        ("99x1:8", "kernels must be 1 to 31"),
        ("1x1:8 > (1x3:8 | 3x1:8", "is not closed"),
        ("1x1:8 > (1x3:8) > 1x1:4", "a split ends its branch"),
        ("1x1:8)", "unexpected ')' at character 6"),
        ("1x1:8>" + "(" * 40 + "1x1:8" + ")" * 40, "nest deeper than 16"),
    ],
)
def test_a_line_of_branches_that_cannot_be_read_says_where(line: str, words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        blocks.Inception(branches=line)
    assert words in str(caught.value)


def test_the_gate_adds_directly_only_where_the_inputs_are_close() -> None:
    torch.manual_seed(0)
    images = torch.randn(4, 8, 6, 6)
    wide = blocks.IdentityMapping(gate="close", tolerance=10).build(Shape(8, 6, 6)).eval()
    never = blocks.IdentityMapping(gate="close", tolerance=0).build(Shape(8, 6, 6)).eval()
    never.load_state_dict(wide.state_dict())
    branch = wide.conv2(wide.norm2(wide.conv1(wide.norm1(images))))
    assert torch.equal(wide(images), branch + images)
    assert torch.equal(never(images), branch + never.project(images))


def test_option_a_subsamples_and_appends_zeros() -> None:
    block = blocks.Basic(channels=6, stride=2, shortcut="pad").build(Shape(4, 5, 7))
    images = torch.randn(2, 4, 5, 7)
    side = block.shortcut(images)
    assert torch.equal(side[:, :4], images[:, :, ::2, ::2])
    assert not side[:, 4:].any()


def test_without_norms_a_residual_network_starts_as_an_identity_and_its_twin_does_not_start_dead() -> None:
    stack = Network(input=Shape(8, 6, 6), blocks=(blocks.Basic(channels=8, norm="none", activation="none", repeat=3),))
    images = torch.randn(1, 8, 6, 6)
    assert torch.equal(stack.build()(images), images)
    assert stack.plain().build()(images).abs().min() > 0


def test_the_norm_after_a_product_starts_at_zero_but_not_in_a_plain_twin() -> None:
    stack = Network(input=Shape(8, 6, 6), blocks=(blocks.LinearProjection(channels=8),))
    assert not stack.build().state_dict()["0.0.merge.norm.weight"].any()
    assert stack.plain().build().state_dict()["0.0.merge.norm.weight"].all()
