"""A published state dict is recognised, opened as blocks and computes the same; all others are refused in a sentence.

What torchvision gives is in goldens/torchvision.json, made by goldens/make_torchvision.py; goldens/through_files.py
takes real files of torchvision and timm the whole way.
"""

import gzip
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
from goldens.formula import image, weights
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from explorer import Network, Shape, blocks, presets
from explorer.recognise import network_in, recognise
from explorer.weights import from_torchvision, of_either_name, published_names

GOLDENS = Path(__file__).parent / "goldens"
RECORDS = json.loads((GOLDENS / "torchvision.json").read_text())["networks"]
SHAPES = json.loads(gzip.decompress((GOLDENS / "shapes.json.gz").read_bytes()))
OTHERS = json.loads(gzip.decompress((GOLDENS / "others.json.gz").read_bytes()))


def zeros(shapes: Mapping[str, list[int]]) -> dict[str, Tensor]:
    """A state dict of these shapes that takes no memory."""
    counts = "num_batches_tracked"
    return {
        name: (torch.zeros((), dtype=torch.long) if name.endswith(counts) else torch.zeros(())).expand(shape)
        for name, shape in shapes.items()
    }


def as_published(network: Network, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state dict of our own module under torchvision's names."""
    names = published_names(network, state)
    return {names.of(key): value for key, value in state.items()}


def same(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


# torchvision.


@pytest.mark.parametrize("name", sorted(RECORDS))
def test_a_published_state_dict_is_opened_as_its_preset(name: str) -> None:
    state = zeros(SHAPES[name])
    found, preset = recognise(state), presets.load(name)
    assert found.network == preset
    assert found.title == f"{preset.name}, with torchvision's names"
    assert list(found.weights) == list(preset.skeleton().state_dict())


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "resnet152", "googlenet", "inception_v3"])
@torch.no_grad()
def test_what_was_opened_gives_the_published_logits(name: str) -> None:
    found = recognise(weights(SHAPES[name]))
    model = found.network.skeleton()
    model.load_state_dict(found.weights, assign=True)
    ours = model.double().eval()(image(RECORDS[name]["input"]).double())
    theirs = torch.tensor(RECORDS[name]["logits"], dtype=torch.float64)
    assert torch.allclose(ours, theirs, rtol=1e-9, atol=0)


def test_a_perturbed_weight_would_be_seen() -> None:
    state = weights(SHAPES["resnet18"])
    state["layer3.0.downsample.0.weight"] = state["layer3.0.downsample.0.weight"] * 1.01
    found = recognise(state)
    model = found.network.skeleton()
    model.load_state_dict(found.weights, assign=True)
    with torch.no_grad():
        ours = model.double().eval()(image(RECORDS["resnet18"]["input"]).double())
    theirs = torch.tensor(RECORDS["resnet18"]["logits"], dtype=torch.float64)
    assert not torch.allclose(ours, theirs, rtol=1e-5, atol=0)


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("torchvision wide_resnet101_2", "Wide ResNet-101-2"),
        ("torchvision resnext101_32x8d", "ResNeXt-101 32×8d"),
        ("torchvision resnext101_64x4d", "ResNeXt-101 64×4d"),
        ("timm resnet26", "ResNet-26"),
        ("timm resnet50c", "ResNet-50, deep stem"),
    ],
)
def test_relatives_without_a_preset_are_opened_too(name: str, title: str) -> None:
    found = recognise(zeros(OTHERS[name]))
    assert found.network.name == title
    assert sum(value.numel() for value in found.network.skeleton().parameters()) == sum(
        torch.Size(shape).numel()
        for key, shape in OTHERS[name].items()
        if not key.endswith(("running_mean", "running_var", "num_batches_tracked"))
    )


@pytest.mark.parametrize("name", ["googlenet", "inception_v3"])
def test_auxiliary_heads_may_be_there_or_not(name: str) -> None:
    full = SHAPES[name]
    without = {key: shape for key, shape in full.items() if not key.startswith(("aux", "AuxLogits"))}
    assert len(without) < len(full)
    with_heads, bare = recognise(zeros(full)), recognise(zeros(without))
    assert with_heads.network == bare.network
    assert with_heads.notes[0].endswith("Its auxiliary heads are left out.")
    assert "auxiliary" not in bare.notes[0]
    assert f"Input: {bare.network.input}" in bare.notes[0]


def test_a_true_5x5_is_seen_in_the_shapes() -> None:
    state = as_published(presets.load("googlenet_5x5"), presets.load("googlenet_5x5").build().state_dict())
    assert recognise(state).network == presets.load("googlenet_5x5")


@pytest.mark.parametrize("name", ["resnet34", "resnext50_32x4d", "googlenet", "inception_v3"])
def test_another_number_of_classes_and_of_channels(name: str) -> None:
    preset = presets.load(name)
    shapes = {key: list(shape) for key, shape in SHAPES[name].items() if not key.startswith(("aux", "AuxLogits"))}
    shapes["fc.weight"][0] = shapes["fc.bias"][0] = 7
    first = next(key for key, shape in shapes.items() if len(shape) == 4)
    shapes[first][1] = 1
    found = recognise(zeros(shapes))
    assert found.network.name == f"{preset.name}, 7 classes"
    assert found.network.input == preset.input._replace(channels=1)
    assert found.network.blocks[:-1] == preset.blocks[:-1]
    assert found.network.blocks[-1] == preset.blocks[-1].with_fields(classes=7)


# The whole family.

widths = st.sampled_from([4, 8, 12, 16])


@st.composite
def families(draw: st.DrawFn) -> Network:
    """A ResNet as torchvision could have it, of any depth and width."""
    bottleneck = draw(st.booleans())
    groups = draw(st.sampled_from([1, 2, 4]))
    body: list[blocks.Basic | blocks.Bottleneck] = []
    for stage in range(4):
        fields = {"channels": 4 * draw(widths), "stride": 1 + (stage > 0), "repeat": draw(st.integers(1, 4))}
        if bottleneck:
            fields |= {"mid": groups * draw(widths), "groups": groups}
        body.append((blocks.Bottleneck if bottleneck else blocks.Basic)(**fields))
    stem = blocks.Stem(form=draw(st.sampled_from(["imagenet", "deep", "cifar"])), channels=draw(widths))
    size = 32 if stem.form == "cifar" else 224
    classes = blocks.Classifier(classes=draw(st.integers(2, 12)))
    return Network(input=Shape(draw(st.sampled_from([1, 3, 4])), size, size), blocks=(stem, *body, classes))


DEEP = {"0.layers.0": ("conv1.0", "conv1.1"), "0.layers.1": ("conv1.3", "conv1.4"), "0.layers.2": ("conv1.6", "bn1")}


def family_names(network: Network, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """As torchvision names a ResNet, and timm the deep stem."""
    renamed = {}
    for key, value in state.items():
        found = re.match(r"(0\.layers\.\d)\.(conv|norm)\.(.*)", key)
        if found and network.blocks[0].form == "deep":
            conv, norm = DEEP[found[1]]
            renamed[f"{conv if found[2] == 'conv' else norm}.{found[3]}"] = value
        else:
            renamed[published_names(network, [key]).of(key)] = value
    return renamed


@given(families())
@settings(max_examples=25)
def test_any_member_of_the_family_is_recognised(network: Network) -> None:
    state = network.build().state_dict()
    found = recognise(family_names(network, state))
    assert found.network.unnamed() == network
    assert same(found.weights, state)
    assert list(found.weights) == list(state)


def test_blocks_of_different_widths_in_a_stage_become_cards_of_their_own() -> None:
    rows = [(16, 8, 1), (16, 8, 1), (16, 4, 1), (16, 4, 1), (32, 8, 2), (32, 8, 2), (64, 8, 3), (64, 8, 4)]
    body = [
        blocks.Bottleneck(channels=16, mid=8, repeat=2),
        blocks.Bottleneck(channels=16, mid=4, repeat=2),
        blocks.Bottleneck(channels=32, mid=8, stride=2, repeat=2),
        blocks.Bottleneck(channels=64, mid=8, stride=2),
        blocks.Bottleneck(channels=64, mid=8, expand=4, stride=2),
    ]
    network = Network(input=Shape(3, 224, 224), blocks=(blocks.Stem(channels=8), *body, blocks.Classifier(classes=5)))
    assert len(rows) == sum(block.copies for block in body)
    places = ["1.0", "1.1", "1.2", "1.3", "2.0", "2.1", "3.0", "4.0"]
    ours = ["1.0", "1.1", "2.0", "2.1", "3.0", "3.1", "4.0", "5.0"]
    where = dict(zip(ours, places, strict=True))
    state = network.build(seed=3).state_dict()
    renamed = {}
    for key, value in state.items():
        card_and_copy = ".".join(key.split(".")[:2])
        if card_and_copy in where:
            rest = key.removeprefix(card_and_copy)
            plain = published_names(network, [f"1.0{rest}"]).of(f"1.0{rest}")
            renamed[plain.replace("layer1.0", f"layer{where[card_and_copy]}")] = value
        else:
            renamed[published_names(network, [key]).of(key)] = value
    found = recognise(renamed)
    assert found.network.unnamed() == network
    assert same(found.weights, state)


def test_the_stride_that_a_file_does_not_hold_is_said() -> None:
    [note] = recognise(zeros(SHAPES["resnet50"])).notes
    assert note == (
        "A state dict holds no strides, pools, activations or epsilons. As torchvision has them: stages of stride "
        "1, 2, 2, 2, on the 3×3 convolution (v1.5), ReLU, norm epsilon 1e-5. By names and shapes it could be timm's "
        "resnetblur50 or resnetaa50, which blur where they shrink; this one does not."
    )
    assert "stages of stride 1, 2, 2, 2, ReLU, norm epsilon 1e-5." in recognise(zeros(SHAPES["resnet18"])).notes[0]


def test_networks_that_a_state_dict_cannot_tell_apart_are_named() -> None:
    told = "it could be timm's {}, which blur where they shrink; this one does not."
    assert recognise(zeros(SHAPES["resnet50"])).notes[0].endswith(told.format("resnetblur50 or resnetaa50"))
    assert recognise(zeros(SHAPES["resnet18"])).notes[0].endswith(told.format("resnetblur18"))
    for shapes in (SHAPES["resnet34"], SHAPES["wide_resnet50_2"], SHAPES["resnext50_32x4d"], OTHERS["timm resnet50c"]):
        assert "timm" not in recognise(zeros(shapes)).notes[0]


def test_a_head_behind_a_dropout_is_understood() -> None:
    shapes = dict(SHAPES["resnet18"])
    shapes["fc.1.weight"], shapes["fc.1.bias"] = [9, 512], [9]
    del shapes["fc.weight"], shapes["fc.bias"]
    found = recognise(zeros(shapes))
    assert found.network.blocks[-1] == blocks.Classifier(classes=9)


def test_half_precision_is_opened_as_single() -> None:
    half = {
        key: value.half() if value.is_floating_point() else value for key, value in zeros(SHAPES["resnet18"]).items()
    }
    assert {value.dtype for value in recognise(half).weights.values()} == {torch.float32, torch.int64}


# This app's own.


@pytest.mark.parametrize("name", ["preact_resnet18", "cifar_resnet32_b", "googlenet_5x5", "digits_resnet20", "article"])
def test_a_preset_of_this_app_is_known_by_its_names(name: str) -> None:
    state = presets.load(name).build(seed=1).state_dict()
    found = recognise(state)
    assert found.network == presets.load(name)
    assert same(found.weights, state)
    assert not found.notes


def test_twins_that_a_state_dict_cannot_tell_apart_are_named() -> None:
    state = presets.load("cifar_resnet20").skeleton().state_dict()
    found = recognise(zeros({key: list(value.shape) for key, value in state.items()}))
    assert found.network == presets.load("cifar_resnet20")
    [note] = found.notes
    assert note.startswith(
        f"A state dict cannot tell {found.network.name} from {presets.load('cifar_resnet20_plain').name}"
    )


# What is refused.


def lacking(*names: str) -> Callable[[dict[str, list[int]]], None]:
    def change(shapes: dict[str, list[int]]) -> None:
        for name in names:
            del shapes[name]

    return change


def having(**entries: list[int]) -> Callable[[dict[str, list[int]]], None]:
    return lambda shapes: shapes.update({name.replace("_", "."): shape for name, shape in entries.items()})


REFUSED = [
    (lacking("fc.weight"), "the state dict lacks 'fc.weight', the classifier"),
    (lacking("layer2.0.conv2.weight"), "the state dict lacks 'layer2.0.conv2.weight'"),
    (lacking("layer1.1.bn2.bias"), "the state dict lacks 'layer1.1.bn2.bias', of shape 64"),
    (lacking("layer2.0.downsample.0.weight"), "layer2.0 lacks the projection that it needs"),
    (lacking("bn1.running_mean"), "its norms have no running statistics"),
    (having(layer1_0_downsample_0_weight=[64, 64, 1, 1]), "layer1.0 projects where nothing changes"),
    (having(layer5_0_conv1_weight=[64, 64, 3, 3]), "a ResNet of torchvision's family has 4 stages"),
    (having(layer1_1_conv1_weight=[64, 32, 3, 3]), "layer1.1 takes 32 channels, but 64 arrive there"),
    (having(layer1_1_conv1_weight=[64, 64, 5, 5]), "'layer1.1.conv1.weight' should be a filter of 3×3, got 5×5"),
    (having(layer1_1_conv1_weight=[64]), "'layer1.1.conv1.weight' should be a convolution's, got 64"),
    (having(layer1_1_conv1_weight=[0, 64, 3, 3]), "'layer1.1.conv1.weight' should be a convolution's, got 0×64×3×3"),
    (having(layer1_1_conv1_weight=[9000, 64, 3, 3]), "layer1.1 cannot be a block here: mid_ratio"),
    (having(layer1_7_conv1_weight=[64, 64, 3, 3]), "the blocks of 'layer1' are not numbered from 0 on"),
    (having(conv1_weight=[64, 3, 5, 5]), "'conv1.weight' should be a filter of 7×7, got 5×5"),
    (having(conv1_weight=[9000, 3, 7, 7]), "the stem cannot be a block here: channels"),
    (having(conv1_weight=[64, 9000, 7, 7]), "this network cannot be opened here: input.channels"),
    (having(fc_weight=[1, 512]), "the head cannot be a block here: classes"),
    (having(fc_weight=[1000, 500]), "'fc.weight' should be of shape 1000×512, got 1000×500"),
    (having(fc_3_weight=[1000, 512]), "the classifier has 2 fully connected layers (fc, fc.3)"),
    (having(neck_weight=[3]), "the state dict has 'neck.weight', which has no place in ResNet-18"),
]


@pytest.mark.parametrize(("change", "sentence"), REFUSED, ids=[sentence[:50] for _, sentence in REFUSED])
def test_what_fits_not_quite_is_refused_by_name(change: Callable[[dict], None], sentence: str) -> None:
    shapes = dict(SHAPES["resnet18"])
    change(shapes)
    with pytest.raises(ValueError) as refused:
        recognise(zeros(shapes))
    text = str(refused.value)
    assert text.startswith(sentence)
    assert len(text) < 300 and "\n" not in text


STRANGE = [
    ("timm resnet50d", "this is a ResNet that pools before its projections (ResNet-D; 'layer1.0.downsample.2.weight')"),
    ("timm resnet10t", "this is a ResNet that pools before its projections (ResNet-D; 'layer2.0.downsample.2.weight')"),
    ("timm seresnet50", "this is a ResNet with more inside its blocks ('layer1.0.se.fc1.weight')"),
    ("timm res2net50_26w_4s", "this is a ResNet with more inside its blocks ('layer1.0.convs.0.weight')"),
    ("timm skresnet18", "this is a ResNet with more inside its blocks ('layer1.0.conv1.paths.0.conv.weight')"),
    ("timm resnet50_gn", "its norms have no running statistics ('bn1.running_mean'), so they are no batch norms"),
    ("timm resnetv2_50", "names such as 'stem.conv.weight', 'stages.0.blocks.0.downsample.conv.weight' are not among"),
    ("timm vgg11", "names such as 'features.0.weight', 'features.3.weight' are not among those known here"),
    ("timm densenet121", "names such as 'features.conv0.weight', 'features.norm0.weight' are not among"),
    ("timm mobilenetv3_small_100", "names such as 'conv_stem.weight', 'bn1.weight' are not among those known here"),
    ("timm efficientnet_b0", "names such as 'conv_stem.weight', 'bn1.weight' are not among those known here"),
    ("timm vit_tiny_patch16_224", "names such as 'patch_embed.proj.weight', 'blocks.0.norm1.weight' are not among"),
]


@pytest.mark.parametrize(("name", "sentence"), STRANGE, ids=[name for name, _ in STRANGE])
def test_other_architectures_are_refused(name: str, sentence: str) -> None:
    with pytest.raises(ValueError) as refused:
        recognise(zeros(OTHERS[name]))
    assert str(refused.value).startswith(sentence)


def test_a_network_of_this_app_that_is_no_preset_is_refused() -> None:
    state = presets.load("digits_resnet20").remove(1).build().state_dict()
    with pytest.raises(ValueError, match="the names are those of a network of this app, but of none of its presets"):
        recognise(state)
    with pytest.raises(ValueError, match="belongs to no network"):
        recognise({})
    with pytest.raises(ValueError, match="lacks a classifier"):
        recognise({"0.weight": torch.ones(2)})


def test_more_blocks_than_a_stack_can_hold_are_refused() -> None:
    shapes = dict(SHAPES["resnet18"])
    for number in range(2, 1100):
        for name in [key for key in SHAPES["resnet18"] if key.startswith("layer1.1.")]:
            shapes[name.replace("layer1.1.", f"layer1.{number}.")] = shapes[name]
    with pytest.raises(ValueError, match="more than 1,024"):
        recognise(zeros(shapes))


def test_names_of_two_networks_at_once_are_refused() -> None:
    with pytest.raises(ValueError, match="which has no place in GoogLeNet"):
        recognise(zeros({**SHAPES["resnet18"], **SHAPES["googlenet"]}))
    assert from_torchvision(presets.load("resnet18"), zeros(SHAPES["resnet18"]))


def test_weights_for_a_known_network_may_have_either_name() -> None:
    network = presets.load("resnet18")
    theirs = zeros(SHAPES["resnet18"])
    ours = of_either_name(network, theirs)
    assert same(of_either_name(network, ours), ours)
    assert same(ours, from_torchvision(network, theirs))
    with pytest.raises(ValueError, match="these weights are of another network: they lack"):
        of_either_name(network, zeros(SHAPES["resnet34"]))


# Texts.


@pytest.mark.parametrize(
    "wrap",
    [
        "{token}",
        "  {token}\n",
        "http://127.0.0.1:8501/?net={token}",
        "https://example.org/app/export?run=1&net={token}#top",
        "?net={token}",
    ],
)
def test_a_link_and_its_token_are_opened(wrap: str) -> None:
    network = presets.load("article")
    assert network_in(wrap.format(token=network.token())) == network


def test_json_is_opened() -> None:
    assert network_in(f"\n{presets.load('article').to_json()}\n") == presets.load("article")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (" ", "there is nothing to open"),
        ("{", "this is no network: invalid JSON"),
        ("hello", "this link is no network: its first character should be its version, 1"),
        ("http://example.org/", "this link holds no network"),
        ("http://example.org/?net=1abc", "this link is no network: it is damaged or cut short"),
        ("1" * 200_000, "the link has 200,000 characters"),
        ("{" + " " * 3_000_000 + "}", "the text has 3,000,002 characters"),
    ],
)
def test_other_texts_are_refused(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^({sentence})"):
        network_in(text)
