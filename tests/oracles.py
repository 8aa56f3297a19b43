"""Independent answers to what the trace counts, from torch itself; none is used at run time."""

import copy
import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode
from torch.utils.flop_counter import FlopCounterMode

Shape = tuple[int, ...]
GAP = 4  # the widest step between the pixels of a window, dilation times jump, that the oracle can tell from a cut


def flop_macs(model: nn.Module, shape: Shape) -> int:
    """Multiply-accumulates for one image: half of what torch's own counter finds on `meta`."""
    twin = copy.deepcopy(model).to("meta").eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        twin(torch.empty(1, *shape, device="meta"))
    flops = counter.get_total_flops()
    assert flops % 2 == 0
    return flops // 2


def parameter_count(model: nn.Module) -> int:
    """Elements of all parameters, a shared one once."""
    return sum(parameter.numel() for parameter in model.parameters())


def storages(*values: Any) -> dict[int, int]:
    """The memory behind all tensors found in the values: key -> bytes."""
    found: dict[int, int] = {}
    for value in values:
        if isinstance(value, torch.Tensor):
            memory = value.untyped_storage()
            found[memory._cdata] = memory.nbytes()
        elif isinstance(value, dict):
            found.update(storages(*value.values()))
        elif isinstance(value, list | tuple):
            found.update(storages(*value))
    return found


def saved_storages(
    model: nn.Module, shape: Shape, batch: int, requires_grad: bool = False, device: str = "cpu"
) -> tuple[dict[int, int], torch.Tensor, torch.Tensor, nn.Module]:
    """What autograd saves in training, by storage; and the input, the output and the copy it ran on."""
    twin = copy.deepcopy(model).to(device).train()
    image = torch.rand(batch, *shape, device=device, requires_grad=requires_grad)
    if requires_grad:
        image = image.clone()  # not a leaf, as a block's input never is
    saved: list[torch.Tensor] = []

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        saved.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        output = twin(image)
    found = storages(*saved)
    twin.held = (saved, output)  # keys stay theirs while the tensors live
    return found, image, output, twin


def saved_bytes(
    model: nn.Module, shape: Shape, batch: int = 1, requires_grad: bool = False, device: str = "cpu"
) -> int:
    """Bytes that autograd saves in training, each memory once, without parameters, buffers, input and output."""
    found, image, output, twin = saved_storages(model, shape, batch, requires_grad, device)
    known = storages(list(twin.parameters()), list(twin.buffers()), image, output)
    return sum(count for key, count in found.items() if key not in known)


class Positive(TorchFunctionMode):
    """Positive, linear stand-ins for what would hide a pixel; remembers the last map before global pooling."""

    def __init__(self) -> None:
        super().__init__()
        self.last: torch.Tensor | None = None

    SAME = frozenset(
        (
            "relu",
            "leaky_relu",
            "gelu",
            "silu",
            "hardswish",
            "hardtanh",
            "relu6",
            "sigmoid",
            "tanh",
            "softmax",
            "log_softmax",
            "abs",
            "elu",
            "mish",
            "hardsigmoid",
            "softplus",
            "group_norm",
            "layer_norm",
            "instance_norm",
            "batch_norm",
            "dropout",
            "dropout2d",
            "neg",
            "detach",
            "local_response_norm",
        )
    )

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(function, "__name__", "").strip("_")
        if name in self.SAME:
            return args[0] * 1.0
        if name in ("sub", "div"):
            return args[0] + args[1]
        if name == "where" and len(args) == 3:
            return args[1] + args[2]
        if name == "max_pool2d":
            return averaged_windows(*args, **kwargs)
        if name in ("adaptive_avg_pool2d", "adaptive_max_pool2d"):
            if args[1] in (1, (1, 1), [1, 1]):
                self.last = args[0]
            mean = F.adaptive_avg_pool2d(args[0], args[1])
            return mean if name == "adaptive_avg_pool2d" else (mean, None)
        return function(*args, **kwargs)


def averaged_windows(
    image: torch.Tensor,
    kernel: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> torch.Tensor:
    """The windows of a max-pool, averaged."""
    with torch._C.DisableTorchFunction():
        wanted = F.max_pool2d(image.detach(), kernel, stride or None, padding, dilation, ceil_mode).shape[2:]
        (height, width), (top, left) = pair(kernel), pair(padding)
        channels = image.shape[1]
        weight = image.new_full((channels, 1, height, width), 1 / (height * width))
        beyond = max(pair(stride or kernel))  # the last window of `ceil_mode` reaches past the end
        image = F.pad(image, (left, left + beyond, top, top + beyond))
        windows = F.conv2d(image, weight, None, stride or kernel, 0, dilation, channels)
        return windows[:, :, : wanted[0], : wanted[1]]


def pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else tuple(value)


def receptive_field(model: nn.Module, shape: Shape) -> tuple[int, int, int, int, int, int]:
    """(jump, lo, hi) of y and of x for the output map, or the last before global pooling.

    The bounding box of the input's gradients, over all positions whose box the border does not cut. The input must be
    large enough for some; a box that none has is an error.
    """
    twin = copy.deepcopy(model).double().eval()
    with torch.no_grad():
        for parameter in twin.parameters():
            fan_in = max(1, math.prod(parameter.shape[1:]))
            parameter.fill_(1 / fan_in if parameter.dim() > 1 else 1.0)
    image = torch.ones(1, *shape, dtype=torch.float64, requires_grad=True)
    mode = Positive()
    with mode:
        output = twin(image * 1.0)
    output = output if output.dim() == 4 else mode.last
    assert output is not None, "the model makes no map"
    height, width = output.shape[2:]
    rows = line(lambda index: seen(image, output, index, width // 2), 2, height, shape[1])
    columns = line(lambda index: seen(image, output, height // 2, index), 3, width, shape[2])
    return (*rows, *columns)


def seen(image: torch.Tensor, output: torch.Tensor, row: int, column: int) -> torch.Tensor:
    (gradient,) = torch.autograd.grad(output[0, :, row, column].sum(), image, retain_graph=True)
    return gradient[0].abs().sum(0)


def line(box: Callable[[int], torch.Tensor], axis: int, positions: int, size: int) -> tuple[int, int, int]:
    def inner() -> Iterator[tuple[int, int, int]]:
        spare = max(0, positions - 24) // 2  # the middle ones are enough, and each costs a backward pass
        for index in range(spare, positions - spare):
            touched = box(index).sum(1 if axis == 2 else 0).nonzero().flatten()
            # A dilated window that the border cuts may still end some pixels short of it.
            if len(touched) and touched[0] >= GAP and touched[-1] < size - GAP:
                yield index, int(touched[0]), int(touched[-1])

    whole = list(inner())
    assert len(whole) > 1, "no window lies inside; take a larger input"
    # Upsampled positions share their windows in twos, threes or fours: compare as many apart as all of these divide.
    apart = next(step for step in (12, 4, len(whole) - 1) if step < len(whole))
    jump, rest = divmod(whole[apart][1] - whole[0][1], apart)
    assert rest == 0, "windows advance unevenly; take a larger input"
    return (
        jump,
        min(low - index * jump for index, low, _ in whole),
        max(high - index * jump for index, _, high in whole),
    )
