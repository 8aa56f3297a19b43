"""The gallery says of each published network what it costs, what it reached and where that stands."""

import json
import re
import xml.etree.ElementTree as ET

import pytest

from explorer import analyze, presets
from explorer.ui import gallery, words
from explorer.ui.gallery import Entry

ENTRIES = {entry["name"]: entry for entry in gallery.entries()}
EVERY = pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)

# Published for a form that this one is not, or for none: plain and option-B CIFAR networks stand in curves without
# figures, pre-activation ones are published deeper, the paper's GoogLeNet has no batch norm, the others are own.
UNPUBLISHED = {
    *(f"cifar_resnet{depth}{form}" for depth in (20, 32, 44, 56, 110, 1202) for form in ("_b", "_plain")),
    *("preact_resnet18", "preact_resnet50", "googlenet_5x5", "inception_resnet_small"),
    *("digits_resnet20", "digits_resnet56", "article"),
}


def test_every_preset_is_there_once_and_in_order() -> None:
    assert tuple(ENTRIES) == presets.names()
    assert len(gallery.entries()) == len(presets.names())


@EVERY
def test_numbers_are_those_of_the_network(entry: Entry) -> None:
    report = analyze(presets.load(entry["name"]))
    assert entry["params"] == f"{words.compact(report.params)} parameters"
    assert entry["macs"] == words.compact(report.macs)
    assert entry["input"] == "×".join(str(size) for size in report.input_shape)
    assert entry["depth"] > 1


def test_numbers_of_resnet_50_are_those_everybody_knows() -> None:
    entry = ENTRIES["resnet50"]
    assert (entry["params"], entry["macs"], entry["depth"]) == ("25.6 M parameters", "4.09 G", 50)
    assert entry["input"] == "3×224×224"
    assert [accuracy["top1"] for accuracy in entry["accuracies"]] == ["76.13 %", "80.86 %"]


def test_a_name_that_states_a_depth_has_it() -> None:
    for name, entry in ENTRIES.items():
        if (stated := re.search(r"(?:resnet|resnext)(\d+)", name)) is not None:
            assert entry["depth"] == int(stated[1]), name


@EVERY
def test_an_accuracy_has_its_data_and_its_source(entry: Entry) -> None:
    assert bool(entry["accuracies"]) == (entry["name"] not in UNPUBLISHED)
    for accuracy in entry["accuracies"]:
        assert re.fullmatch(r"\d\d(\.\d\d?)? %", accuracy["top1"])
        assert accuracy["data"] in ("ImageNet-1K", "CIFAR-10")
        assert re.search(r"torchvision [\d.]+, weights IMAGENET1K_V[12]|20\d\d, table \d", accuracy["source"])


@EVERY
def test_an_accuracy_is_what_its_error_leaves(entry: Entry) -> None:
    for accuracy in entry["accuracies"]:
        if (error := re.search(r": error ([\d.]+)", accuracy["source"])) is not None:
            assert float(accuracy["top1"].removesuffix(" %")) == pytest.approx(100 - float(error[1]))


@EVERY
def test_the_picture_is_svg_of_its_size_without_words(entry: Entry) -> None:
    drawing = ET.fromstring(entry["picture"])
    assert drawing.tag.endswith("svg")
    assert len(entry["picture"]) < 20_000
    texts = [text.strip() for text in drawing.itertext() if text.strip()]
    assert all(re.fullmatch(r"×\d+", text) for text in texts), texts


def test_it_is_plain_data_and_made_once() -> None:
    assert json.loads(json.dumps(gallery.entries())) == list(gallery.entries())
    assert gallery.entries() is gallery.entries()
    assert len(json.dumps(gallery.entries(), ensure_ascii=False)) < 600_000
