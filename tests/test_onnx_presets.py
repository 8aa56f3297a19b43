"""Every preset as an ONNX file gives what torch gives, in onnxruntime."""

import pytest
from in_onnx import TOLERANCE, gap, images, settled

from explorer import presets
from explorer.export.onnx import onnx_bytes


@pytest.mark.parametrize("name", presets.names())
def test_a_preset_gives_the_same_in_onnxruntime(name: str) -> None:
    network = presets.load(name)
    model = settled(network)
    data = onnx_bytes(network, model.state_dict())
    assert gap(data, model, images(network, 2)) < TOLERANCE
