"""ONNX files made in a process of their own, and what the check there says."""

import sys

import pytest
import torch
from in_onnx import images, run, settled

from explorer import Network, Shape, ShapeError, blocks
from explorer.export import apart
from explorer.export.onnx import onnx_bytes

SMALL = Network(
    name="Small <b>",
    input=Shape(3, 8, 8),
    blocks=(blocks.Stem(form="cifar", channels=4), blocks.Basic(channels=4), blocks.Classifier(classes=3)),
)


def test_the_file_comes_back_with_what_its_check_found() -> None:
    model = settled(SMALL)
    made = apart.onnx_file(SMALL, model.state_dict(), softmax=True)
    assert made.same and made.words().startswith("same output as torch in onnxruntime, max |Δ| = ")
    assert 0 < made.largest <= 1
    batch = images(SMALL, 3)
    torch.testing.assert_close(run(made.data, batch), model.predict(batch), rtol=1e-4, atol=1e-6)


def test_the_check_sees_a_difference() -> None:
    state = settled(SMALL).state_dict()
    data = onnx_bytes(SMALL, state)
    found = apart.compared(SMALL, state, data, False, True)
    assert apart.OnnxFile(data, **found).same
    other = {**state, "1.0.conv2.norm.bias": state["1.0.conv2.norm.bias"] + 0.01}
    different = apart.OnnxFile(data, **apart.compared(SMALL, other, data, False, True))
    assert not different.same
    assert different.words().startswith("different output as torch in onnxruntime, max |Δ| = ")
    endless = {**state, "2.fc.bias": torch.full((3,), torch.inf)}
    file = onnx_bytes(SMALL, endless)
    said = apart.OnnxFile(file, **apart.compared(SMALL, endless, file, False, True)).words()
    assert said == "not checked: with these weights the output is not finite"


def test_without_onnxruntime_the_reference_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    state = settled(SMALL).state_dict()
    data = onnx_bytes(SMALL, state)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    found = apart.OnnxFile(data, **apart.compared(SMALL, state, data, False, False))
    assert found.same and found.runtime == "ONNX's reference"


def test_what_cannot_be_is_refused_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ShapeError):
        broken = SMALL.replace(1, blocks.Basic(channels=8, shortcut="identity"))
        apart.onnx_file(broken, {})
    with pytest.raises(ValueError, match=r"these weights are of another network: they lack '2\.fc\.weight'"):
        apart.onnx_file(SMALL, {key: value for key, value in SMALL.build().state_dict().items() if "fc" not in key})
    monkeypatch.setattr(apart, "OVERHEAD", 2**60)
    with pytest.raises(ValueError, match=r"writing the file needs some 1,073,741,824\.0 GiB of memory, and "):
        apart.onnx_file(SMALL, {})


def test_a_process_that_takes_too_long_is_ended() -> None:
    with pytest.raises(ValueError, match=r"writing the file took more than 0\.01 s"):
        apart.onnx_file(SMALL, SMALL.build().state_dict(), seconds=0.01)
