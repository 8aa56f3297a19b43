"""Presets are the published networks: counts to the unit, with their arithmetic, and what is said about each."""

import json
import re
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
import torch
from torch import nn

from explorer import presets
from explorer.depth import depth as longest_way
from explorer.network import Network
from explorer.report import analyze

TESTS = Path(__file__).parent
TORCHVISION = json.loads((TESTS / "goldens" / "torchvision.json").read_text())["networks"]
KNOWN = json.loads((TESTS / "data" / "known_networks.json").read_text())["networks"]
PUBLISHED = {
    "resnet18": "resnet18",
    "resnet50": "resnet50",
    "googlenet": "googlenet",
    "cifar_resnet20": "cifar_resnet20_A",
    "cifar_resnet20_b": "cifar_resnet20_B",
    "cifar_resnet56_b": "cifar_resnet56_B",
    "preact_resnet18": "imagenet_preact_resnet18",
}
DEPTHS = (20, 32, 44, 56, 110, 1202)
NAMES = {
    *("resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnet50_v1", "wide_resnet50_2"),
    *("resnext50_32x4d", "preact_resnet18", "preact_resnet50"),
    *(f"cifar_resnet{depth}{suffix}" for depth in DEPTHS for suffix in ("", "_b", "_plain")),
    *("googlenet", "googlenet_5x5", "inception_v3", "inception_resnet_small", "article"),
    *("digits_resnet20", "digits_resnet56"),
}


def depth(network: Network) -> int:
    """Layers with weights on the way through the blocks, as the papers count them: without those on shortcuts."""
    layers = network.skeleton().named_modules()
    return sum(isinstance(layer, nn.Conv2d | nn.Linear) and "shortcut" not in name for name, layer in layers)


def test_every_promised_name_is_there_and_no_other() -> None:
    assert set(presets.names()) == NAMES
    assert len(presets.names()) == len(NAMES)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_preset_is_whole_and_ends_in_its_classes(name: str) -> None:
    network = presets.load(name)
    report = analyze(network)
    assert report.output_shape == (network.blocks[-1].classes,)
    assert report.params == sum(parameter.numel() for parameter in network.skeleton().parameters())
    assert not report.uncounted


@pytest.mark.parametrize("name", sorted(TORCHVISION))
def test_counts_are_those_of_torchvision(name: str) -> None:
    report = analyze(presets.load(name))
    assert (report.params, report.macs) == (TORCHVISION[name]["params"], TORCHVISION[name]["macs"])


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_counts_are_those_known(name: str) -> None:
    known = KNOWN[PUBLISHED[name]]
    report, skeleton = analyze(presets.load(name)), presets.load(name).skeleton()
    assert report.params == known["params"]
    assert report.macs == known["macs"]
    assert report.saved_bytes == known["saved_for_backward_bytes"]
    field = report.receptive_field
    assert {"size": field.size, "stride": field.stride, "start": field.start} == known["rf"]
    assert sum(buffer.numel() for buffer in skeleton.buffers()) == known["buffers"]
    assert sum(isinstance(layer, nn.Conv2d) for layer in skeleton.modules()) == known["n_conv"]


def test_googlenet_with_5x5_and_without_norms_has_the_weights_of_the_paper() -> None:
    network = presets.load("googlenet_5x5")
    for at, block in enumerate(network.blocks):
        if "norm" in type(block).model_fields:
            network = network.replace(at, block.with_fields(norm="none"))
    report, known = analyze(network), KNOWN["googlenet_2014_bias_5x5"]
    assert (report.params, report.macs) == (known["params"], known["macs"])


@pytest.mark.parametrize("at", [18, 34, 50, 101, 152])
def test_a_resnet_is_as_deep_as_its_name(at: int) -> None:
    assert depth(presets.load(f"resnet{at}")) == at


@pytest.mark.parametrize("at", DEPTHS)
def test_cifar_networks_are_as_deep_as_their_names_and_differ_by_their_projections(at: int) -> None:
    n = (at - 2) // 6
    stages = [2 * n * (16 * 16 * 9 + 2 * 16)]
    stages += [wide // 2 * wide * 9 + 2 * wide + (2 * n - 1) * (wide * wide * 9 + 2 * wide) for wide in (32, 64)]
    params = (3 * 16 * 9 + 2 * 16) + sum(stages) + (64 * 10 + 10)
    projections = sum(wide // 2 * wide + 2 * wide for wide in (32, 64))
    assert depth(presets.load(f"cifar_resnet{at}")) == at
    assert analyze(presets.load(f"cifar_resnet{at}")).params == params
    assert analyze(presets.load(f"cifar_resnet{at}_plain")).params == params
    assert analyze(presets.load(f"cifar_resnet{at}_b")).params == params + projections


@pytest.mark.parametrize("at", DEPTHS)
def test_a_plain_preset_is_the_plain_twin(at: int) -> None:
    plain = presets.load(f"cifar_resnet{at}_plain")
    assert plain.blocks == presets.load(f"cifar_resnet{at}").plain().blocks
    assert plain.blocks == presets.load(f"cifar_resnet{at}_b").plain().blocks


def test_the_first_version_of_resnet50_saves_three_quarters_of_three_convolutions() -> None:
    # the first 1×1 of stages 2, 3 and 4 gives a quarter of the positions when the stride is on it
    saved = sum(channels * mid * size**2 for channels, mid, size in ((256, 128, 56), (512, 256, 28), (1024, 512, 14)))
    first, later = analyze(presets.load("resnet50_v1")), analyze(presets.load("resnet50"))
    assert first.params == later.params
    assert first.macs == later.macs - 3 * saved // 4 == 3_857_973_248


def test_preactivation_moves_norms_from_outputs_to_inputs_and_leaves_projections_bare() -> None:
    stages = ((64, 256, 64, 3), (256, 512, 128, 4), (512, 1024, 256, 6), (1024, 2048, 512, 3))  # in, out, mid, repeat
    params = 3 * 64 * 49 + 2 * 2048 + 2048 * 1000 + 1000
    for inner, outer, mid, repeat in stages:
        for channels in (inner, *[outer] * (repeat - 1)):
            params += channels * mid + mid * mid * 9 + mid * outer + 2 * (channels + mid + mid)
        params += inner * outer
    assert analyze(presets.load("preact_resnet50")).params == params
    assert analyze(presets.load("preact_resnet50")).macs == TORCHVISION["resnet50"]["macs"]


def test_wider_presets_widen_the_inside_of_their_bottlenecks_alone() -> None:
    usual, wide, groups = (presets.load(name) for name in ("resnet50", "wide_resnet50_2", "resnext50_32x4d"))
    for one, two, three in zip(usual.blocks[1:5], wide.blocks[1:5], groups.blocks[1:5], strict=True):
        assert one.channels == two.channels == three.channels
        assert 2 * one.mid == two.mid == three.mid
        assert three.groups == 32


def test_the_opening_network_has_five_cards_for_digits() -> None:
    network = presets.load("digits_resnet56")
    assert network.name == "Digits, depth 56"
    assert network.input == (1, 8, 8)
    assert [block.kind for block in network.blocks] == ["stem", "basic", "basic", "basic", "classifier"]
    assert [block.repeat for block in network.blocks[1:4]] == [9, 9, 9]
    assert depth(network) == 56
    assert (
        analyze(network).params == analyze(presets.load("cifar_resnet56_b")).params - 2 * 16 * 9
    )  # one channel, not 3


def test_the_article_has_its_stem_its_five_blocks_an_inception_module_and_a_classifier() -> None:
    network = presets.load("article")
    kinds = "stem basic bottleneck downsampling linear_projection identity_mapping norm_activation inception classifier"
    assert [block.kind for block in network.blocks] == kinds.split()
    stem, basic, bottleneck, _, linear, identity, *_, classifier = network.blocks
    assert stem.form == "seven"
    assert basic.mid_ratio == 2.0
    assert len({bottleneck.mid, bottleneck.expand, bottleneck.channels}) == 3
    assert (linear.merge, identity.gate, len(classifier.hidden)) == ("multiply", "close", 1)
    assert [row.output_shape[-1] for row in analyze(network).blocks][:4] == [14, 14, 14, 7]


def test_the_article_s_network_is_explained_block_by_block() -> None:
    known = presets.about("article")
    cards = analyze(known.network).cards
    assert len(known.notes) == len(known.network.blocks)
    assert all(note.endswith(".") and len(note) <= 220 and note.isprintable() for note in known.notes)
    sections = {section for note in known.notes for section in re.findall(r"§([\d.]*\d)", note)}
    assert sections == {"2.1", "2.2", "2.3", "2.4", "2.5", "3.2.1", "3.2.2", "3.2.3", "3.2.4", "3.3", "3.4", "3.5"}
    missing = [at for at, note in enumerate(known.notes) if "§" not in note]
    assert [known.network.blocks[at].kind for at in missing] == ["norm_activation"]
    _, basic, bottleneck, _, _, identity, _, _, classifier = known.network.blocks
    said = [{int(number) for number in re.findall(r"(?<![\d.])\d+(?![\d.]*\d)", note)} for note in known.notes]
    assert {known.network.input.height, cards[0].output_shape[1]} <= said[0]
    assert {basic.channels, int(basic.channels * basic.mid_ratio), int(basic.mid_ratio)} <= said[1]
    assert {bottleneck.mid, bottleneck.expand, bottleneck.channels} <= said[2]
    assert {cards[2].output_shape[1], cards[3].output_shape[1]} <= said[3]
    assert f"{identity.tolerance} · mean |x|" in known.notes[5]
    assert cards[7].output_shape[0] in said[7]
    assert str(classifier.hidden[0]) in known.notes[8] and f"{classifier.classes:,}" in known.notes[8]


def test_only_a_whole_network_is_explained() -> None:
    assert {name for name in NAMES if presets.about(name).notes} == {"article"}


# The longest way through; papers and names say the same: Szegedy et al. 2015 (22), Szegedy et al. 2016 (48).
@pytest.mark.parametrize(
    ("name", "layers"), [("resnext50_32x4d", 50), ("preact_resnet18", 18), ("googlenet", 22), ("inception_v3", 48)]
)
def test_depth_is_what_the_papers_say(name: str, layers: int) -> None:
    assert longest_way(presets.load(name)) == layers


@pytest.mark.parametrize("name", sorted(name for name in NAMES if "resnet" in name and "inception" not in name))
def test_depth_counts_every_layer_but_those_on_shortcuts_where_there_is_one_way(name: str) -> None:
    assert longest_way(presets.load(name)) == depth(presets.load(name))


def test_the_small_inception_resnet_adds_in_every_module_that_keeps_the_size() -> None:
    modules = [block for block in presets.load("inception_resnet_small").blocks if block.kind == "inception"]
    assert [block.residual for block in modules] == [True, False, True, False, True]


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_preset_says_in_a_sentence_what_it_is_and_where_it_comes_from(name: str) -> None:
    known = presets.about(name)
    assert known.name == name
    assert known.title == known.network.name
    assert known.network is presets.load(name)
    assert known.summary.endswith(".")
    assert "\n" not in known.summary
    assert known.source
    assert known.group in {"ResNet", "CIFAR", "Inception", "Digits", "Article"}
    assert all(0 < accuracy.top1 < 100 and accuracy.source for accuracy in known.accuracies)


def test_titles_are_distinct() -> None:
    assert len({presets.about(name).title for name in NAMES}) == len(NAMES)


def test_networks_with_published_inception_weights_state_torchvisions_input_affine() -> None:
    stated = {name for name in NAMES if presets.about(name).input_affine is not None}
    assert stated == {"googlenet", "inception_v3"}
    pixel = torch.rand(3, dtype=torch.float64)
    mean, deviation = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]], dtype=torch.float64)
    for name in stated:
        scale, shift = torch.tensor(presets.about(name).input_affine, dtype=torch.float64).T
        torch.testing.assert_close((pixel - mean) / deviation * scale + shift, (pixel - 0.5) / 0.5)
        assert "(0.485 − 0.5)/0.5" in presets.about(name).input_note


def test_what_is_known_about_a_preset_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        presets.about("resnet18").title = "mine"


def test_an_unknown_name_is_answered_with_those_near_it() -> None:
    with pytest.raises(ValueError, match=r"^there is no preset 'resnet51'; did you mean resnet50 or "):
        presets.load("resnet51")
    with pytest.raises(ValueError, match=r"^there is no preset 'xyz'; there are resnet18, "):
        presets.about("xyz")
