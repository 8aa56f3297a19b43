"""Networks in onnxruntime, beside torch."""

import onnxruntime
import torch
from torch import Tensor, nn

from explorer import Network
from explorer.network import Model

TOLERANCE = 1e-4


def settled(network: Network) -> Model:
    """The module with random weights whose norms know their maps, as after training; else deep ones leave all scales.

    Most values stay above zero: where half of them are cut off, each layer doubles what rounding differs by, and after
    100 layers torch itself gives something else with another number of threads.
    """
    model = network.build(seed=1)
    torch.manual_seed(1)
    norms = [layer for layer in model.modules() if isinstance(layer, nn.BatchNorm2d)]
    for layer in norms:
        layer.momentum = None  # the mean over what it saw
        nn.init.uniform_(layer.weight, 0.7, 1.3)
        nn.init.uniform_(layer.bias, 1.5, 2.5)
    if norms:
        with torch.no_grad():
            model.train()(images(network, 4, [min(side, 96) for side in network.input[1:]]))
    return model.eval()


def images(network: Network, count: int, size: list[int] | None = None) -> Tensor:
    """Random images for a network, the same at each call."""
    generator = torch.Generator().manual_seed(count)
    return torch.randn(count, network.input.channels, *(size or network.input[1:]), generator=generator)


def run(data: bytes, batch: Tensor) -> Tensor:
    """What onnxruntime gives."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(data, options, ["CPUExecutionProvider"])
    return torch.from_numpy(session.run(None, {"image": batch.numpy()})[0])


def gap(data: bytes, model: Model, batch: Tensor) -> float:
    """The largest difference, over the largest value where that is beyond 1."""
    with torch.no_grad():
        ours = model(batch)
    theirs = run(data, batch)
    assert theirs.shape == ours.shape
    return ((ours - theirs).abs().max() / max(1.0, ours.abs().max())).item()
