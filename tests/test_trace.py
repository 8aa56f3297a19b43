"""The trace of a whole module: published counts, what each row says, what cannot be traced, and what is left alone."""

import copy
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from explorer.rules import RULES
from explorer.trace import TraceError, trace
from tests import oracles
from tests.made import SHAPE, Made, between, check, conv, layer

KNOWN = json.loads((Path(__file__).parent / "data" / "known_networks.json").read_text())["networks"]


# One ResNet-18, written as torchvision writes it, for the published counts


class Basic(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        identity = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += identity
        return self.relu(out)


class ResNet18(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        inputs = 64
        for stage, width in enumerate((64, 128, 256, 512), 1):
            blocks = Basic(inputs, width, 1 if stage == 1 else 2), Basic(width, width, 1)
            setattr(self, f"layer{stage}", nn.Sequential(*blocks))
            inputs = width
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(512, 1000)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(self.avgpool(x), 1))


def resnet18() -> ResNet18:
    with torch.device("meta"):
        return ResNet18()


def test_resnet18_has_its_published_counts() -> None:
    known = KNOWN["resnet18"]
    traced = trace(resnet18(), (3, 224, 224), requires_grad=False)
    assert traced.params == known["params"] and traced.unused_params == 0
    assert traced.buffers == known["buffers"]
    assert traced.macs == known["macs"]
    assert traced.elements == sum(known["elementwise_outputs"].values())
    assert traced.saved_bytes + traced.saved_fixed == known["saved_for_backward_bytes"]
    assert traced.saved_fixed == known["saved_bn_stats_bytes_batch_independent"]
    jump, low, high = traced.last_field[:3]
    assert {"size": high - low + 1, "stride": jump, "start": low} == known["rf"]
    for stage, expected in known["stages"].items():
        rows = [row for row in traced.operations if row.path == stage or row.path.startswith(stage + ".")]
        assert sum(row.params for row in rows) == expected["params"], stage
        assert sum(row.macs for row in rows) == expected["macs"], stage


def test_blocks_traced_one_by_one_add_up_to_the_network() -> None:
    model = resnet18()
    stages = [model.layer1, model.layer2, model.layer3, model.layer4]
    blocks = [model.conv1, model.bn1, model.relu, model.maxpool, *(block for stage in stages for block in stage)]
    blocks += [model.avgpool, nn.Flatten(), model.fc]
    shape, requires_grad, last = (3, 224, 224), False, None
    macs = saved = fixed = 0
    kept, border = True, 0  # the memory at the border: already counted, or not to be; its bytes
    jump, low = 1, 0
    for block in blocks:
        traced = trace(block, shape, requires_grad=requires_grad)
        macs, saved, fixed = macs + traced.macs, saved + traced.saved_bytes, fixed + traced.saved_fixed
        if traced.input_saved and not kept:
            saved, kept = saved + border, True
        if not traced.output_is_input:
            border, kept = traced.output_bytes, False
        if traced.output_saved and not kept:
            saved, kept = saved + border, True
        if traced.last_field:
            jump, low = jump * traced.last_field[0], low + jump * traced.last_field[1]
        shape, requires_grad, last = traced.output_shape, traced.output_requires_grad, traced
    known = KNOWN["resnet18"]
    assert macs == known["macs"]
    assert saved + fixed == known["saved_for_backward_bytes"]
    assert (jump, low) == (known["rf"]["stride"], known["rf"]["start"])
    assert last is not None and last.output_shape == (1000,)


def test_an_operation_says_what_it_is() -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.Flatten())
    first, norm, relu, flat = trace(model, (3, 32, 32), requires_grad=False).operations
    assert [row.op for row in (first, norm, relu, flat)] == ["conv2d", "batch_norm", "relu", "flatten"]
    assert [row.path for row in (first, norm, relu, flat)] == ["0", "1", "2", "3"]
    assert (first.inputs, norm.inputs, relu.inputs, flat.inputs) == ((-1,), (0,), (1,), (2,))
    assert first.input_shapes == ((3, 32, 32),) and first.output_shape == (8, 16, 16)
    assert flat.output_shape == (8 * 16 * 16,)
    assert first.macs == 8 * 16 * 16 * 3 * 9 and norm.macs == relu.macs == flat.macs == 0
    assert (first.elements, norm.elements, relu.elements, flat.elements) == (0, 2048, 2048, 0)
    assert (first.params, norm.params) == (8 * 3 * 9, 2 * 8)
    # the norm keeps the convolution's output and two numbers a channel; the last map is the output, counted apart
    assert (first.saved, norm.saved, norm.saved_fixed, relu.saved) == (4 * 2048, 0, 2 * 4 * 8, 0)
    assert first.field == relu.field == (2, -1, 1, 2, -1, 1) and flat.field is None


def test_the_module_itself_may_be_traced_where_it_is_not_needed_any_more() -> None:
    kept = trace(resnet18(), (3, 64, 64))
    spoilt = trace(resnet18(), (3, 64, 64), throwaway=True)
    assert kept._replace(operations=[]) == spoilt._replace(operations=[])
    for one, other in zip(kept.operations, spoilt.operations, strict=True):
        assert all(getattr(one, name) == getattr(other, name) for name in one.__slots__)


def test_a_shared_parameter_counts_once_and_a_repeated_call_each_time() -> None:
    twin = conv()
    model = Made(lambda x, a, b, c: c(b(a(a(x)))), twin, twin, conv())
    model.layers[2].weight = twin.weight
    traced = check(model)
    paths = [row.path for row in traced.operations]
    assert paths == ["layers.0", "layers.0", "layers.1", "layers.2"]
    weight, bias = 4 * 4 * 9, 4
    assert [row.params for row in traced.operations] == [weight + bias, 0, 0, bias]
    assert traced.macs == 4 * 144 * weight


def test_a_parameter_that_nothing_uses_is_still_counted() -> None:
    traced = trace(Made(lambda x, a, b: a(x), conv(), nn.Linear(10, 10)), SHAPE)
    assert traced.params == (4 * 4 * 9 + 4) + 110
    assert traced.unused_params == 110


def test_a_network_too_large_for_any_memory_is_counted() -> None:
    model = nn.Sequential(*(nn.Conv2d(8192, 8192, 3, padding=1, bias=False, device="meta") for _ in range(50)))
    traced = trace(model, (8192, 1024, 1024))
    assert traced.macs == 50 * 8192 * 8192 * 9 * 1024 * 1024
    assert traced.params == 50 * 8192 * 8192 * 9


# What is not counted, and what cannot be traced


def test_an_operation_without_a_rule_is_listed_and_its_memory_is_right() -> None:
    model = between(lambda x: torch.einsum("bchw,bdhw->bcd", x, x.relu()).unsqueeze(3))
    traced = trace(model, SHAPE, requires_grad=False)
    assert [(row.op, row.counted, row.output_shape) for row in traced.operations if not row.counted] == [
        ("einsum", False, (4, 4))
    ]
    assert 2 * traced.saved_bytes + traced.saved_fixed == oracles.saved_bytes(model, SHAPE, 2)
    assert trace(layer(nn.ReLU()), SHAPE).operations[1].counted


class Deciding(nn.Module):
    def __init__(self, decide: Callable[[torch.Tensor], Any]) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.ReLU(), Made(lambda x: x * 2 if decide(x) else x))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.inner(x)


@pytest.mark.parametrize(
    ("decide", "reason"),
    [
        (lambda x: x.mean() > 0, "decides by the values of a tensor"),
        (lambda x: x.sum().item() > 0, "reads the value of a tensor"),
        (lambda x: float(x.sum()) > 0, "reads the value of a tensor"),
        (lambda x: x.detach().numpy().any(), "reads the values of a tensor"),
        (lambda x: torch.nonzero(x).shape[0] > 3, "cannot nonzero 4×12×12"),
    ],
)
def test_a_forward_that_asks_for_values_is_refused_with_its_place(decide: Callable[..., Any], reason: str) -> None:
    with pytest.raises(TraceError, match=rf"^inner\.1 {reason}"):
        trace(Deciding(decide), SHAPE)


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (conv(8), "the module convolves 8 channels but receives 4×12×12"),
        (nn.Sequential(nn.Conv2d(4, 4, 15)), "0 slides a 15×15 kernel over 4×12×12, which is smaller"),
        (nn.Sequential(nn.MaxPool2d(13)), "0 pools 13×13 windows of 4×12×12, which is smaller"),
        (nn.Sequential(nn.BatchNorm2d(8)), "0 normalises 8 channels but receives 4×12×12"),
        (nn.Sequential(nn.GroupNorm(2, 8)), "0 normalises 2 groups of 8 channels but receives 4×12×12"),
        (nn.Sequential(nn.LayerNorm(8)), "0 normalises over 8 but receives 4×12×12"),
        (nn.Sequential(nn.Linear(8, 2)), "0 is a linear layer of 8 features but receives 4×12×12"),
        (Made(lambda x, a: a(x) + x, conv(4, 8)), "the module adds 8×12×12 and 4×12×12, which do not fit"),
        (Made(lambda x: torch.cat([x, x[..., 1:]], 1)),
         "the module concatenates 4×12×12 and 4×12×11, which do not fit"),
        (Made(lambda x: x.view(5, -1)), "the module cannot view 4×12×12 into (5, -1)"),
        (Made(lambda x: x.transpose(1, 2).view(1, -1)),
         "the module cannot view 12×4×12 as (1, 576) without a copy; use reshape"),
        (Made(lambda x: torch.ones(1)), "the module returns Tensor, not a tensor made from its input"),
        (Made(lambda x, a: a.weight, conv()), "the module returns a tensor that does not depend on its input"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_shapes_that_do_not_fit_are_named(model: nn.Module, text: str) -> None:
    with pytest.raises(TraceError) as caught:
        trace(model, SHAPE)
    assert str(caught.value) == text


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")
def test_a_compiled_module_is_refused() -> None:
    with pytest.raises(TraceError, match="compiled by TorchScript"):
        trace(torch.jit.script(nn.Sequential(nn.ReLU())), SHAPE)


def test_a_module_that_waits_for_its_first_input_is_refused() -> None:
    with pytest.raises(TraceError, match=r"^1 takes its shape from its first input"):
        trace(nn.Sequential(nn.ReLU(), nn.LazyConv2d(4, 3)), SHAPE)


@pytest.mark.parametrize(
    "wants",
    [lambda x: torch.Tensor._make_subclass(torch.Tensor, x), torch.from_numpy, torch.vmap(F.relu), nn.Parameter],
)
def test_a_forward_that_needs_a_real_tensor_is_refused_with_its_place(wants: Callable[..., Any]) -> None:
    with pytest.raises(TraceError, match=r"^1 hands the tensor to what takes only a real one: "):
        trace(nn.Sequential(nn.ReLU(), Made(wants)), SHAPE)


def test_a_forward_that_lists_a_lone_tensor_is_followed() -> None:
    listed = Made(lambda x: torch.cat([x] if isinstance(x, torch.Tensor) else x, 1))
    assert trace(listed, SHAPE).output_shape == SHAPE


def test_an_output_that_is_one_number_for_the_batch_is_not_counted_inside() -> None:
    one = Made(lambda x, a: a(x).mean().sigmoid(), conv())
    traced = trace(one, SHAPE, requires_grad=False)
    assert traced.output_saved and traced.output_bytes == 4
    assert (traced.saved_bytes, traced.saved_fixed) == (0, 0) == (oracles.saved_bytes(one, SHAPE, 2), 0)


def test_a_map_that_comes_channels_last_is_copied_where_it_is_flattened() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(576, 3))
    strides = (576, 1, 48, 4)
    assert not trace(model, SHAPE).operations[0].elements
    copied = trace(model, SHAPE, strides=strides)
    assert copied.operations[0].saved == 4 * 576 and not copied.input_saved
    assert trace(nn.ReLU(), SHAPE, strides=strides).output_strides == strides


def test_the_first_of_several_outputs_is_the_output() -> None:
    many = Made(lambda x, a, b: {"out": (a(x), b(x)), "aux": x}, conv(4, 5), conv(4, 6))
    assert trace(many, SHAPE).output_shape == (5, 12, 12)


# What a trace leaves behind: nothing


class Careless(nn.Module):
    """A forward that writes to its own module in every way it can."""

    def __init__(self) -> None:
        super().__init__()
        self.stages = [conv(), nn.BatchNorm2d(4)]
        self.first, self.norm = self.stages
        self.seen: list[Any] = []
        self.register_buffer("calls", torch.zeros(()))
        self.register_buffer("kept", torch.zeros(4))
        self.drop = nn.Dropout(0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        self.kept.mul_(0.9)
        self.last = x
        for stage in self.stages:
            x = stage(x)
        self.seen.append(x)
        return self.drop(x)


def test_a_traced_module_is_left_as_it_was() -> None:
    model = Careless().train()
    heard: list[Any] = []
    model.norm.register_forward_hook(lambda *args: heard.append(args))
    model.register_forward_pre_hook(lambda *args: heard.append(args))
    before = copy.deepcopy(model.state_dict())
    tensors = {id(tensor) for tensor in model.state_dict(keep_vars=True).values()}
    attributes = {name: dict(module.__dict__) for name, module in model.named_modules()}
    traced = trace(model, SHAPE)
    assert [row.path for row in traced.operations if row.path] == ["first", "norm", "drop"]
    for name, module in model.named_modules():
        assert module.__dict__.keys() == attributes[name].keys()
        assert all(module.__dict__[key] is value for key, value in attributes[name].items())
        assert module.training
    assert model.seen == [] and heard == []
    assert {id(tensor) for tensor in model.state_dict(keep_vars=True).values()} == tensors
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert model(torch.rand(2, *SHAPE)).shape == (2, *SHAPE)  # and it still works
    assert len(model.seen) == 1 and len(heard) == 2


def test_a_trace_changes_nothing_global() -> None:
    rules = dict(RULES)
    functions = nn.Module.__call__, nn.Conv2d.forward, F.relu, F.conv2d, torch.Tensor.__add__, nn.init.kaiming_uniform_
    with torch.no_grad():
        assert trace(layer(nn.ReLU()), SHAPE).saved_bytes > 0  # counted as training, whoever asks
        assert not torch.is_grad_enabled()
        with pytest.raises(TraceError):
            trace(Deciding(lambda x: x.mean() > 0), SHAPE)
        assert not torch.is_grad_enabled()
    assert rules == RULES
    assert functions == (
        nn.Module.__call__, nn.Conv2d.forward, F.relu, F.conv2d, torch.Tensor.__add__, nn.init.kaiming_uniform_
    )  # fmt: skip
    hooks = torch.nn.modules.module
    assert not hooks._global_forward_hooks and not hooks._global_forward_pre_hooks


def test_threads_trace_at_once() -> None:
    shared = resnet18()
    models = {"shared": shared, "layer": layer(nn.Hardswish()), "by torch": between(lambda x: x.exp() @ x)}
    shapes = {"shared": (3, 64, 64), "layer": SHAPE, "by torch": SHAPE}
    expected = {name: trace(model, shapes[name])._replace(operations=[]) for name, model in models.items()}
    start = threading.Barrier(6)
    wrong: list[str] = []

    def run(name: str) -> None:
        start.wait()
        for _ in range(20):
            if trace(models[name], shapes[name])._replace(operations=[]) != expected[name]:
                wrong.append(name)

    threads = [threading.Thread(target=run, args=(name,)) for name in [*models, *models]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
