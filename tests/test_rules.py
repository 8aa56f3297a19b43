"""Every rule counts what torch itself does, and each check is shown to fail."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from explorer.rules import RULES
from explorer.trace import trace
from tests import oracles
from tests.made import SHAPE, Made, between, check, conv, into, layer

# torch says on CPU that it pads a copy, which is what the case is about
pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")


def channels_last(x: torch.Tensor) -> torch.Tensor:
    return x.to(memory_format=torch.channels_last)


def over_channels(x: torch.Tensor, inner: nn.Module) -> torch.Tensor:
    return inner(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def frozen(model: nn.Module, *names: str) -> nn.Module:
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(not name.startswith(names))
    return model


def gate(x: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return (x.sigmoid() - x).abs().mean((1, 2, 3), keepdim=True) <= x.abs().mean((1, 2, 3), keepdim=True) * 1.25


def shuffle(x: torch.Tensor, copied: bool) -> torch.Tensor:
    parts = x.relu().view(x.size(0), 2, 2, *x.shape[2:]).transpose(1, 2)
    return parts.contiguous().view(x.shape) if copied else parts.reshape(x.shape)


def attention(x: torch.Tensor, inner: nn.Module) -> torch.Tensor:
    tokens = inner(x.flatten(2).transpose(1, 2))
    return torch.softmax(tokens @ tokens.transpose(1, 2) / 2, -1) @ tokens


def standardised(x: torch.Tensor, inner: nn.Conv2d) -> torch.Tensor:
    return F.conv2d(x, (inner.weight - inner.weight.mean((1, 2, 3), keepdim=True)) * 2, inner.bias)


def in_place(change: Callable[[torch.Tensor, torch.Tensor], Any]) -> Made:
    def function(x: torch.Tensor) -> torch.Tensor:
        result = F.relu(x)
        change(result, x)
        return result

    return between(function)


def set_slice(x: torch.Tensor, other: torch.Tensor) -> None:
    x[:, :2] = other[:, :2] * 2
    x[:, 0] = 0.0


ACTIVATIONS = (
    "ReLU",
    "LeakyReLU",
    "GELU",
    "SiLU",
    "Hardswish",
    "Hardtanh",
    "ReLU6",
    "Sigmoid",
    "Tanh",
    "Mish",
    "ELU",
    "SELU",
    "Softplus",
    "Hardsigmoid",
    "PReLU",
)
IN_PLACE = ("ReLU", "LeakyReLU", "SiLU", "Hardswish", "Hardtanh", "ReLU6", "ELU", "Mish")

CASES: dict[str, nn.Module] = {
    **{name: layer(getattr(nn, name)()) for name in ACTIVATIONS},
    **{f"{name} twice": between(lambda x, a: a(a(x)), getattr(nn, name)()) for name in ACTIVATIONS},
    **{f"{name} in place": layer(getattr(nn, name)(inplace=True)) for name in IN_PLACE},
    **{
        f"{name} in place of a norm's output": layer(
            nn.Sequential(nn.BatchNorm2d(4), getattr(nn, name)(inplace=True))
        )
        for name in IN_PLACE
    },
    "softmax": between(lambda x: F.softmax(x, 1)),
    "log_softmax": between(lambda x: F.log_softmax(x, 1)),
    "batch norm": layer(nn.BatchNorm2d(4)),
    "batch norm without weights": layer(nn.BatchNorm2d(4, affine=False)),
    "batch norm without statistics": layer(nn.BatchNorm2d(4, track_running_stats=False)),
    "group norm": layer(nn.GroupNorm(2, 4)),
    "layer norm of the map": layer(nn.LayerNorm(SHAPE)),
    "layer norm of channels": between(over_channels, nn.LayerNorm(4)),
    "instance norm": layer(nn.InstanceNorm2d(4)),
    "instance norm with statistics": layer(nn.InstanceNorm2d(4, affine=True, track_running_stats=True)),
    "local response norm": layer(nn.LocalResponseNorm(3)),
    "normalize": between(lambda x: F.normalize(x, dim=1)),
    "max-pool": layer(nn.MaxPool2d(3, 2, 1)),
    "max-pool rounded up": layer(nn.MaxPool2d(3, 2, ceil_mode=True)),
    "max-pool rounded up, last window outside": layer(nn.MaxPool2d(1, 5, ceil_mode=True)),
    "max-pool dilated": layer(nn.MaxPool2d(2, 1, dilation=2)),
    "average pool": layer(nn.AvgPool2d(3, 2, 1)),
    "average pool rounded up": layer(nn.AvgPool2d(3, 2, ceil_mode=True, count_include_pad=False)),
    "adaptive average pool to 1": layer(nn.AdaptiveAvgPool2d(1)),
    "adaptive average pool to 3": layer(nn.AdaptiveAvgPool2d(3)),
    "adaptive average pool to 5×7": layer(nn.AdaptiveAvgPool2d((5, 7))),
    "adaptive average pool to itself": layer(nn.AdaptiveAvgPool2d(12)),
    "adaptive average pool of columns": layer(nn.AdaptiveAvgPool2d((None, 3))),
    "adaptive max-pool to 1": layer(nn.AdaptiveMaxPool2d(1)),
    "adaptive max-pool to 3": layer(nn.AdaptiveMaxPool2d(3)),
    "upsampling": layer(nn.Upsample(scale_factor=2)),
    "upsampling to a size": between(lambda x: F.interpolate(x, size=(30, 17))),
    "upsampling by a fraction": between(lambda x: F.interpolate(x, scale_factor=1.4)),
    "upsampling bilinear": layer(nn.Upsample(scale_factor=2, mode="bilinear")),
    "upsampling bicubic": layer(nn.Upsample(scale_factor=2, mode="bicubic")),
    "interpolation by area": between(lambda x: F.interpolate(x, size=(6, 6), mode="area")),
    "padding": between(lambda x: F.pad(x, (1, 2, 3, 4))),
    "padding of channels": between(lambda x: F.pad(x, (0, 0, 0, 0, 0, 4)), outputs=8),
    "padding negative": between(lambda x: F.pad(x, (-1, -1))),
    "padding reflected": between(lambda x: F.pad(x, (1, 2, 3, 4), mode="reflect")),
    "dropout": layer(nn.Dropout(0.5)),
    "dropout of nothing": layer(nn.Dropout(0.0)),
    "dropout of everything": layer(nn.Dropout(1.0)),
    "dropout in place": layer(nn.Dropout(0.5, inplace=True)),
    "dropout of channels": layer(nn.Dropout2d(0.5)),
    "concatenation": between(lambda x: torch.cat([x, x.relu()], 1), outputs=8),
    "concatenation with zeros": between(lambda x: torch.cat([x, torch.zeros_like(x)], 1), outputs=8),
    "addition": between(lambda x: x + x.sigmoid()),
    "addition to itself": between(lambda x: torch.add(x, x)),
    "addition of a number": between(lambda x: 1 + x + 1),
    "subtraction": between(lambda x: 1 - (x - x.sigmoid())),
    "product": between(lambda x: x * x.sigmoid()),
    "product with a constant": between(lambda x: x * x.sigmoid().detach()),
    "product with itself": between(lambda x: x * x),
    "product with a number": between(lambda x: 2 * x * 2),
    "product with a made tensor": between(lambda x: x * torch.ones(4, 1, 1, device=x.device)),
    "squeeze and excitation": between(lambda x, f: x * torch.sigmoid(f(x.mean((2, 3), keepdim=True))), conv(4, 4, 1)),
    "division": between(lambda x: x / (x.sigmoid() + 1)),
    "division by a constant": between(lambda x: x / (x.sigmoid() + 1).detach()),
    "division of a constant": between(lambda x: x.detach() / (x.sigmoid() + 1)),
    "division by a number": between(lambda x: x / 2),
    "division of a number": between(lambda x: 1 / (x.sigmoid() + 1)),
    "where": between(lambda x: torch.where(gate(x), F.relu(x), x.sigmoid())),
    "where with a number": between(lambda x: torch.where(x > 0, x, 0.0)),
    "absolute value": between(lambda x: x.abs()),
    "comparison as a number": between(lambda x: x * (x > 0).float()),
    "nothing under no_grad": between(lambda x: x * torch.no_grad()(lambda: (x * x).mean())()),
    "exponential and power": between(lambda x: (-x).exp() ** 2),
    "square root": between(lambda x: (x * x + 1).sqrt()),
    "clamp": between(lambda x: x.clamp(0, 6)),
    "maximum": between(lambda x: torch.maximum(x, x.relu())),
    "maximum over channels": between(lambda x: x.max(1, keepdim=True)[0], outputs=1),
    "gated linear unit": between(lambda x: F.glu(x, 1), outputs=2),
    "stack and sum": between(lambda x: torch.stack([x, x.relu()]).sum(0)),
    "stride by slicing": between(lambda x: x[:, :, ::2, ::2]),
    "slices of channels": between(lambda x: x[:, :2] + x[:, -2:], outputs=2),
    "slices with new and last dimensions": between(lambda x: x[..., 1:][:, :, :5, None, 0].transpose(2, 3)),
    "indices": between(lambda x: x[:, [0, 1]], outputs=2),
    "chunks": between(lambda x: x.chunk(2, 1)[0] * x.chunk(2, 1)[1].sigmoid(), outputs=2),
    "splits": between(lambda x: torch.cat([part.relu() for part in torch.split(x, [1, 3], 1)], 1)),
    "transpose": between(lambda x: x.transpose(2, 3)),
    "shuffled channels": between(partial(shuffle, copied=True)),
    "shuffled channels by reshape": between(partial(shuffle, copied=False)),
    "pixel shuffle": layer(nn.PixelShuffle(2), outputs=1),
    "squeeze": between(lambda x: x.unsqueeze(1).squeeze(1)),
    "clone and data": between(lambda x: x.clone() * x.data),
    "set a slice": in_place(set_slice),
    "add in place": in_place(lambda x, other: x.__iadd__(other)),
    "subtract in place": in_place(lambda x, other: x.sub_(other)),
    "multiply in place": in_place(lambda x, other: x.__imul__(other)),
    "divide in place": in_place(lambda x, other: x.div_(other.sigmoid() + 1)),
    "flatten": into(576, lambda x: torch.flatten(x, 1)),
    "view": into(576, lambda x: x.view(x.size(0), -1)),
    "flatten of a slice": into(288, lambda x: x[:, :2].flatten(1)),
    "mean over the map": into(4, lambda x: x.mean([2, 3])),
    "two linear layers": into(5, lambda x, f, d: d(F.relu(f(x.flatten(1)))), nn.Linear(576, 5), nn.Dropout(0.5)),
    "linear of channels": between(over_channels, nn.Linear(4, 4, bias=False)),
    "linear of columns": layer(nn.Linear(12, 12)),
    "attention": Made(lambda x, first, inner: attention(first(x), inner), conv(), nn.Linear(4, 4)),
    "matrix products": between(lambda x: torch.matmul(x, x.relu().transpose(2, 3))),
    "matrix product with a parameter": between(
        lambda x, f: (f.weight[:, :, 0, 0] @ x.flatten(2)).view(x.shape), conv(4, 4, 1)
    ),
    "groups": layer(nn.Conv2d(4, 8, 3, groups=2), outputs=8),
    "depthwise, dilated": layer(nn.Conv2d(4, 4, 3, groups=4, dilation=2)),
    "padding same": layer(nn.Conv2d(4, 4, (3, 5), padding="same", dilation=(1, 2))),
    "padding same of an even kernel": layer(nn.Conv2d(4, 4, (4, 3), padding="same")),
    "padding valid": layer(nn.Conv2d(4, 4, 3, padding="valid", stride=2)),
    "convolution with reflected padding": layer(nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect")),
    "transposed convolution": layer(nn.ConvTranspose2d(4, 4, 3, stride=2)),
    "convolution of lines": Made(lambda x, first, last: last(first(x).flatten(2)), conv(), nn.Conv1d(4, 6, 3)),
    "learned bias": between(lambda x, norm: x + norm.bias.view(1, -1, 1, 1), nn.BatchNorm2d(4)),
    "learned scale": between(lambda x, norm: x * norm.weight[:, None, None], nn.BatchNorm2d(4)),
    "learned gate": between(lambda x, norm: x * torch.sigmoid(norm.weight).view(1, -1, 1, 1), nn.BatchNorm2d(4)),
    "product with a buffer": between(lambda x, norm: x * norm.running_var.view(1, -1, 1, 1), nn.BatchNorm2d(4)),
    "standardised weights": between(standardised, conv()),
    "channels last, then flat": into(576, lambda x, f: F.relu(f(channels_last(x))).flatten(1), conv()),
    "channels last in every rule": into(
        72,
        lambda x, n: F.avg_pool2d(torch.cat([F.max_pool2d(F.relu(n(channels_last(x))), 2)] * 2, 1), 2).flatten(1),
        nn.BatchNorm2d(4),
    ),
    "layer norm of channels, then flat": into(
        576, lambda x, n, f, m: F.gelu(over_channels(f(F.relu(over_channels(x, n))), m)).flatten(1),
        nn.LayerNorm(4), conv(), nn.LayerNorm(4),
    ),
    "frozen weight of a convolution": frozen(layer(conv()), "layers.0", "layers.2.weight"),
    "frozen convolutions": frozen(layer(conv()), "layers.0", "layers.2"),
    "frozen weight of a linear layer": frozen(into(576, lambda x: F.relu(x).flatten(1)), "layers.1.weight"),
    "frozen start": frozen(between(lambda x, f: f(F.max_pool2d(F.relu(x), 2)) * x.mean(), conv(4, 4, 1)), "layers.0"),
    "frozen norm": frozen(between(lambda x, n: F.silu(n(x)), nn.GroupNorm(2, 4)), "layers.0", "layers.2"),
    "input returned": Made(lambda x: x),
    "input overwritten": Made(lambda x, a: a(x), nn.ReLU(inplace=True)),
    "view of the input": Made(lambda x: x.flatten(1)),
    "output kept": Made(lambda x, f, a: a(f(x)), conv(), nn.Sigmoid()),
    "view of what is kept": Made(lambda x, f, a: a(f(x)).flatten(1), conv(), nn.Sigmoid()),
}  # fmt: skip


@pytest.mark.parametrize("requires_grad", [False, True], ids=["", "input needs a gradient"])
@pytest.mark.parametrize("name", CASES)
def test_a_rule_counts_what_torch_does(name: str, requires_grad: bool) -> None:
    traced = check(CASES[name], requires_grad=requires_grad)
    assert all(row.counted for row in traced.operations)


FIELDS: dict[str, nn.Module] = {
    "convolution": conv(4, 4, 3, stride=2),
    "rectangle": nn.Conv2d(4, 4, (3, 5), (1, 2), (2, 1), dilation=(2, 1)),
    "same padding of an even kernel": nn.Conv2d(4, 4, (4, 3), padding="same", dilation=(1, 2)),
    "plain stack": nn.Sequential(
        conv(4, 4, stride=2), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(3, 2, 1), nn.GroupNorm(2, 4), nn.GELU(), conv()
    ),
    "max-pool dilated": nn.Sequential(nn.MaxPool2d(3, 2, 1, dilation=2), conv()),
    "max-pool rounded up": nn.Sequential(nn.MaxPool2d(3, 2, ceil_mode=True), conv()),
    "average pool": nn.Sequential(conv(), nn.AvgPool2d(2)),
    "adaptive pool by whole steps": nn.Sequential(conv(), nn.AdaptiveAvgPool2d((16, 15))),
    "down and up": Made(
        lambda x, a, b: F.relu(F.interpolate(b(F.relu(a(x))), size=x.shape[2:]) + x), conv(stride=2), conv()
    ),
    "up by four": nn.Sequential(conv(stride=4), conv(), nn.Upsample(scale_factor=4)),
    "half way up": nn.Sequential(conv(stride=4), conv(), nn.Upsample(scale_factor=2), conv()),
    "bilinear by two": nn.Sequential(conv(stride=2), conv(), nn.Upsample(scale_factor=2, mode="bilinear")),
    "bilinear by three": nn.Sequential(conv(stride=3), nn.Upsample(scale_factor=3, mode="bilinear")),
    "shortcut": Made(lambda x, a, b: b(F.relu(a(x))) + x, conv(), conv()),
    "projected shortcut": Made(
        lambda x, a, b, c: b(F.relu(a(x))) + c(x), conv(stride=2), conv(), conv(kernel=1, stride=2)
    ),
    "padded shortcut": Made(
        lambda x, a, b: b(a(x)) + F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 0, 4)), conv(outputs=8, stride=2), conv(8, 8)
    ),
    "inception": Made(
        lambda x, a, b, c: torch.cat([a(x), b(x), c(F.max_pool2d(x, 3, 1, 1))], 1), conv(kernel=1),
        conv(kernel=5), conv(),
    ),
    "padding": nn.Sequential(conv(stride=2), nn.ZeroPad2d((1, 2, 0, 3)), conv()),
    "slices": Made(lambda x, a, b: b(a(x)[:, :, 1::2, 3:]), conv(stride=2), conv()),
    "layer norm of channels": Made(
        lambda x, a, n, b: b(over_channels(a(x), n)), conv(stride=2), nn.LayerNorm(4), conv()
    ),
    "linear of channels": Made(lambda x, a, f, b: b(over_channels(a(x), f)), conv(stride=2), nn.Linear(4, 4), conv()),
    "product": Made(lambda x, a, b, c: c(a(x)) * a(x) * b(a(x)), conv(stride=2), conv(), conv(kernel=1)),
    "where": Made(lambda x, a, b: torch.where(gate(x), a(x) + x, b(a(x))), conv(), conv(kernel=1)),
    "classifier": nn.Sequential(
        conv(stride=2), nn.ReLU(), nn.MaxPool2d(2), conv(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FIELDS)
def test_a_receptive_field_is_the_box_of_the_gradients(name: str) -> None:
    shape = (4, 64, 60)
    assert trace(FIELDS[name], shape).last_field == oracles.receptive_field(FIELDS[name], shape)


def test_a_field_ends_where_positions_are_lost() -> None:
    field = (2, -1, 1, 2, -1, 1)
    first = conv(stride=2)
    for name, end in {
        "global pooling": lambda x: F.adaptive_avg_pool2d(x, 1),
        "global pooling by a window": lambda x: F.avg_pool2d(x, 6),
        "mean": lambda x: x.mean((2, 3)),
        "flatten": lambda x: x.flatten(1),
        "uneven pooling": lambda x: F.adaptive_avg_pool2d(x, 5),
        "uneven upsampling": lambda x: F.interpolate(x, size=10),
        "branches that advance unlike": lambda x: x[:, :, ::2, ::2] + x[:, :, :3, :3],
        "product with a global gate": lambda x: x.mean((2, 3), keepdim=True) * x,
    }.items():
        traced = trace(Made(lambda x, a, end=end: end(a(x)), first), SHAPE)
        assert traced.field is None, name
        if not name.startswith("branches"):
            assert traced.last_field == field, name
    assert trace(nn.Flatten(), SHAPE).last_field == (1, 0, 0, 1, 0, 0)  # that of its own input


# Random modules


COMBINED: dict[str, Callable[..., torch.Tensor]] = {
    "residual": lambda x, a, b: F.relu(F.adaptive_avg_pool2d(a(x), x.shape[2:]) + x),
    "branches": lambda x, a, b: torch.cat([F.adaptive_avg_pool2d(each(x), 4)[:, :2] for each in (a, b)], 1),
    "gate": lambda x, a, b: x * torch.sigmoid(b(x).mean((2, 3), keepdim=True)),
}


@st.composite
def modules(draw: st.DrawFn, channels: int = 4, depth: int = 2) -> nn.Module:
    """A few layers that keep the number of channels, some of them residual or branching."""
    layers: list[nn.Module] = []
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(["conv", "norm", "activation", "pool", "dropout", *COMBINED]))
        if kind == "conv":
            kernel = draw(st.sampled_from([1, 3, 5]))
            layers.append(
                nn.Conv2d(
                    channels, channels, kernel, draw(st.integers(1, 2)), kernel // 2,
                    groups=draw(st.sampled_from([1, 2, channels])), bias=draw(st.booleans()),
                )
            )  # fmt: skip
        elif kind == "norm":
            layers.append(draw(st.sampled_from([nn.BatchNorm2d(channels), nn.GroupNorm(2, channels)])))
        elif kind == "activation":
            name = draw(st.sampled_from(ACTIVATIONS))
            layers.append(getattr(nn, name)())
        elif kind == "pool":
            pool = draw(st.sampled_from([nn.MaxPool2d, nn.AvgPool2d]))
            layers.append(pool(3, draw(st.integers(1, 2)), 1, ceil_mode=draw(st.booleans())))
        elif kind == "dropout":
            layers.append(nn.Dropout(draw(st.sampled_from([0.0, 0.3]))))
        elif depth:
            inner, other = draw(modules(channels, depth - 1)), draw(modules(channels, depth - 1))
            layers.append(Made(COMBINED[kind], inner, other))
    return nn.Sequential(*layers)


@settings(max_examples=25)
@given(modules(), st.booleans(), st.integers(1, 3))
def test_random_modules_count_what_torch_does(model: nn.Module, requires_grad: bool, batch: int) -> None:
    check(model, (4, 9, 8), requires_grad, batch)


# The oracles answer what is worked out by hand, and the checks can fail


def test_the_oracles_agree_with_arithmetic() -> None:
    model = nn.Sequential(conv(3, 5), nn.BatchNorm2d(5), nn.ReLU(), conv(5, 2, stride=2))
    shape = (3, 16, 16)
    assert oracles.parameter_count(model) == (3 * 5 * 9 + 5) + 2 * 5 + (5 * 2 * 9 + 2)
    assert oracles.flop_macs(model, shape) == 5 * 256 * 27 + 2 * 64 * 45
    # the convolution's output for the norm, the norm's two statistics, ReLU's output; twice for two images
    assert oracles.saved_bytes(model, shape, 1) == 4 * (2 * 5 * 256 + 2 * 5)
    assert oracles.saved_bytes(model, shape, 2) == 4 * (2 * 2 * 5 * 256 + 2 * 5)
    assert oracles.saved_bytes(model, shape, 2, device="meta") == oracles.saved_bytes(model, shape, 2)
    # 3×3 after 3×3, the second of stride 2: five pixels wide, starting two before
    assert oracles.receptive_field(model, shape) == (2, -2, 2, 2, -2, 2)


def altered(function: Any, change: Callable[[Any], None]) -> Callable[..., Any]:
    right = RULES[function]

    def wrong(tracer: Any, *args: Any, **kwargs: Any) -> Any:
        result = right(tracer, *args, **kwargs)
        change(tracer.operations[-1])
        return result

    return wrong


@pytest.mark.parametrize("column", ["macs", "saved", "saved_fixed", "params"])
def test_a_count_that_is_off_by_one_is_found(column: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = nn.Sequential(conv(), nn.ReLU(), conv())
    check(model)

    def change(row: Any) -> None:
        setattr(row, column, getattr(row, column) + 1)

    monkeypatch.setitem(RULES, F.relu, altered(F.relu, change))
    with pytest.raises(AssertionError):
        check(model)


def test_a_tensor_kept_that_torch_does_not_keep_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = RULES[F.relu]

    def greedy(tracer: Any, input: Any, **kwargs: Any) -> Any:
        tracer.save(input)
        return right(tracer, input, **kwargs)

    monkeypatch.setitem(RULES, F.relu, greedy)
    with pytest.raises(AssertionError):
        check(nn.Sequential(conv(), nn.ReLU(), conv()))


@pytest.mark.parametrize("place", range(6))
def test_a_receptive_field_that_is_off_by_one_is_found(place: int) -> None:
    model, shape = FIELDS["plain stack"], (4, 64, 60)
    field = list(trace(model, shape).last_field)
    field[place] += 1
    assert tuple(field) != oracles.receptive_field(model, shape)
