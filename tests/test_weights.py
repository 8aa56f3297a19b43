"""torchvision's weights in a preset give torchvision's logits, and nothing but them does.

The goldens are made by goldens/make_torchvision.py; weights and images come from goldens/formula.py.
"""

import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache, lru_cache
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from goldens.formula import digest, image, weights
from torch import Tensor, nn

from explorer import presets
from explorer.network import Network
from explorer.weights import from_torchvision

GOLDENS = Path(__file__).parent / "goldens"
RECORDS = json.loads((GOLDENS / "torchvision.json").read_text())["networks"]
SHAPES = json.loads(gzip.decompress((GOLDENS / "shapes.json.gz").read_bytes()))
AUXILIARY = ("aux1.", "aux2.", "AuxLogits.")


@lru_cache(maxsize=2)  # the largest is 275 MB
def state_of(name: str) -> Mapping[str, Tensor]:
    """torchvision's state dict of a network, auxiliary heads included; not to be written to."""
    return weights(SHAPES[name])


@cache
def golden(name: str) -> Tensor:
    """What torchvision gave, float64."""
    return torch.tensor(RECORDS[name]["logits"], dtype=torch.float64)


def module(network: Network, state: Mapping[str, Tensor]) -> nn.Module:
    """The module with torchvision's weights, in float64 and evaluation mode, made without drawing weights first."""
    model = network.skeleton()
    model.load_state_dict(from_torchvision(network, state), assign=True)
    return model.double().eval()


@torch.no_grad()
def logits(model: nn.Module, name: str) -> Tensor:
    """What the module gives for the golden's image."""
    return model(image(RECORDS[name]["input"]).double())


def agree(ours: Tensor, theirs: Tensor) -> bool:
    """Every logit by itself to 1e-5 of its value, however near to zero."""
    return torch.allclose(ours, theirs, rtol=1e-5, atol=0)


@pytest.mark.parametrize("name", sorted(RECORDS))
def test_published_weights_give_published_logits(name: str) -> None:
    assert digest(state_of(name)) == RECORDS[name]["digest"]  # torchvision was given these very bits
    assert 0.5 < golden(name).std() < 5  # neither drowned nor drowning
    model = presets.load(name).build()
    model.load_state_dict(from_torchvision(presets.load(name), state_of(name)))
    ours, theirs = logits(model.double().eval(), name), golden(name)
    assert agree(ours, theirs)
    assert torch.allclose(ours, theirs, rtol=1e-9, atol=0)  # float64 leaves only what the golden's 12 digits cut off


def test_single_precision_agrees_as_well_as_it_can() -> None:
    model = module(presets.load("resnet18"), state_of("resnet18")).float()
    with torch.no_grad():
        ours = model(image(RECORDS["resnet18"]["input"]))
    theirs = golden("resnet18")
    torch.testing.assert_close(ours.double(), theirs, rtol=1e-5, atol=1e-5 * theirs.abs().max().item())


# Each of these changes no count, only the output.

PERTURBED = [
    ("resnet18", "conv1.weight"),
    ("resnet18", "layer3.0.downsample.0.weight"),
    ("resnet50", "layer2.1.bn2.running_var"),
    ("resnet50", "fc.bias"),
    ("googlenet", "inception4c.branch3.1.bn.running_mean"),
    ("inception_v3", "Mixed_7c.branch3x3dbl_3b.bn.bias"),
    ("inception_v3", "Conv2d_1a_3x3.bn.weight"),
]


@pytest.mark.parametrize(("name", "key"), PERTURBED)
def test_one_perturbed_weight_fails(name: str, key: str) -> None:
    changed = state_of(name)[key].clone()
    changed.view(-1)[0] *= 1.01
    assert not agree(logits(module(presets.load(name), {**state_of(name), key: changed}), name), golden(name))


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("resnet18", "layer1.0.conv1.weight", "layer1.0.conv2.weight"),
        ("resnet50", "layer4.2.bn1.bias", "layer4.2.bn1.running_mean"),
        ("inception_v3", "Mixed_7b.branch3x3_2a.bn.weight", "Mixed_7b.branch3x3_2b.bn.weight"),
        ("googlenet", "inception3a.branch2.1.bn.bias", "inception3a.branch2.1.bn.running_mean"),
    ],
)
def test_two_exchanged_entries_of_one_shape_fail(name: str, one: str, other: str) -> None:
    state = state_of(name)
    exchanged = {**state, one: state[other], other: state[one]}
    assert not agree(logits(module(presets.load(name), exchanged), name), golden(name))


def variants(name: str, which: Callable[[str, nn.Module], bool], **fields: object) -> Iterator[Tensor]:
    """The logits with these fields changed on one of the chosen layers at a time."""
    model = module(presets.load(name), state_of(name))
    for path, layer in model.named_modules():
        if which(path, layer):
            before = {field: getattr(layer, field) for field in fields}
            assert before != fields
            vars(layer).update(fields)
            yield logits(model, name)
            vars(layer).update(before)
    assert agree(logits(model, name), golden(name))  # all is as it was


def between_modules(path: str, layer: nn.Module) -> bool:
    """Max-pools outside Inception modules; inside, another padding ends at another size, which the block refuses."""
    return isinstance(layer, nn.MaxPool2d) and "branches" not in path


@pytest.mark.parametrize(
    ("name", "fields", "pools"),
    [
        ("resnet18", {"padding": 0, "ceil_mode": True}, 1),
        ("resnet50", {"padding": 0, "ceil_mode": True}, 1),
        ("googlenet", {"padding": 1, "ceil_mode": False}, 4),
        ("inception_v3", {"padding": 1}, 2),
    ],
)
def test_a_wrong_padding_of_any_one_pool_fails(name: str, fields: dict[str, object], pools: int) -> None:
    wrong = list(variants(name, between_modules, **fields))
    assert len(wrong) == pools
    assert not any(agree(ours, golden(name)) for ours in wrong)


def test_rounding_down_where_googlenet_rounds_up_fails() -> None:
    def rounds(path: str, layer: nn.Module) -> bool:
        return between_modules(path, layer) and layer.kernel_size == 3  # 2×2 has nothing to round on an even map

    wrong = list(variants("googlenet", rounds, ceil_mode=False))
    assert len(wrong) == 3
    assert not any(agree(ours, golden("googlenet")) for ours in wrong)


def test_an_average_pool_that_does_not_count_its_padding_fails() -> None:
    def averages(path: str, layer: nn.Module) -> bool:
        return isinstance(layer, nn.AvgPool2d) and path.startswith(("7.", "12.", "17."))  # one for each size of map

    wrong = list(variants("inception_v3", averages, count_include_pad=False))
    assert len(wrong) == 3
    assert not any(agree(ours, golden("inception_v3")) for ours in wrong)


@pytest.mark.parametrize(
    ("name", "eps", "wrong"), [("resnet18", 1e-5, 1e-3), ("googlenet", 1e-3, 1e-5), ("inception_v3", 1e-3, 1e-5)]
)
def test_a_wrong_epsilon_fails_even_on_one_card(name: str, eps: float, wrong: float) -> None:
    network = presets.load(name)
    with_norm = [at for at, block in enumerate(network.blocks) if "norm_eps" in type(block).model_fields]
    for at in (with_norm[0], with_norm[-1]):
        assert network.blocks[at].norm_eps == eps
        changed = network.replace(at, network.blocks[at].with_fields(norm_eps=wrong))
        assert not agree(logits(module(changed, state_of(name)), name), golden(name))


def test_the_first_version_of_resnet50_takes_the_same_weights_to_other_logits() -> None:
    model = module(presets.load("resnet50_v1"), state_of("resnet50"))
    assert not agree(logits(model, "resnet50"), golden("resnet50"))


# Networks that torchvision lacks: references of their own, functions of torch alone.


def norm(x: Tensor, state: Mapping[str, Tensor], name: str) -> Tensor:
    """Batch norm in evaluation mode."""
    mean, variance, weight, bias = (
        state[f"{name}.{leaf}"] for leaf in ("running_mean", "running_var", "weight", "bias")
    )
    return F.batch_norm(x, mean, variance, weight, bias, eps=1e-5)


def append_zeros(x: Tensor, channels: int) -> Tensor:
    """Option A: every second position, zeros after the existing channels."""
    small = x[:, :, ::2, ::2]
    return torch.cat([small, small.new_zeros(len(x), channels - x.shape[1], *small.shape[2:])], 1)


def zeros_first(x: Tensor, channels: int) -> Tensor:
    """Zeros before the existing channels."""
    return append_zeros(x, channels).roll(channels - x.shape[1], 1)


def zeros_around(x: Tensor, channels: int) -> Tensor:
    """Half of the zeros on each side, as some implementations have it."""
    return append_zeros(x, channels).roll((channels - x.shape[1]) // 2, 1)


def odd_positions(x: Tensor, channels: int) -> Tensor:
    """The positions that option A leaves out."""
    return append_zeros(x.roll((-1, -1), (2, 3)), channels)


def averaged(x: Tensor, channels: int) -> Tensor:
    """Means of 2×2 positions in place of every second one."""
    return append_zeros(F.avg_pool2d(x, 2).repeat_interleave(2, 2).repeat_interleave(2, 3), channels)


def cifar_shapes(blocks: int) -> dict[str, list[int]]:
    """Names and shapes of He et al. 2015, section 4.2, in torchvision's manner."""
    shapes: dict[str, list[int]] = {}

    def layer(conv: str, bn: str, inner: int, outer: int) -> None:
        shapes[f"{conv}.weight"] = [outer, inner, 3, 3]
        shapes.update({f"{bn}.{leaf}": [outer] for leaf in ("weight", "bias", "running_mean", "running_var")})

    layer("conv1", "bn1", 3, 16)
    for stage, width in ((1, 16), (2, 32), (3, 64)):
        for block in range(blocks):
            path = f"layer{stage}.{block}"
            layer(f"{path}.conv1", f"{path}.bn1", width // 2 if stage > 1 and block == 0 else width, width)
            layer(f"{path}.conv2", f"{path}.bn2", width, width)
    return {**shapes, "fc.weight": [10, 64], "fc.bias": [10]}


def cifar_logits(x: Tensor, state: Mapping[str, Tensor], blocks: int, pad: Callable[[Tensor, int], Tensor]) -> Tensor:
    """He et al. 2015, section 4.2, written out."""
    x = F.relu(norm(F.conv2d(x, state["conv1.weight"], padding=1), state, "bn1"))
    for stage in (1, 2, 3):
        for block in range(blocks):
            path, stride = f"layer{stage}.{block}", 2 if stage > 1 and block == 0 else 1
            y = F.conv2d(x, state[f"{path}.conv1.weight"], stride=stride, padding=1)
            y = F.conv2d(F.relu(norm(y, state, f"{path}.bn1")), state[f"{path}.conv2.weight"], padding=1)
            x = F.relu(norm(y, state, f"{path}.bn2") + (pad(x, y.shape[1]) if stride == 2 else x))
    return F.linear(x.mean((2, 3)), state["fc.weight"], state["fc.bias"])


@cache
def cifar_case(name: str) -> tuple[Tensor, dict[str, Tensor], Tensor]:
    """Two images, the weights of a network with n = 3, and what the preset gives, all float64."""
    state = weights(cifar_shapes(3))
    x = image((2, 3, 32, 32)).double()
    with torch.no_grad():
        ours = module(presets.load(name), state)(x)
    return x, {key: value.double() for key, value in state.items()}, ours


def test_option_a_appends_zeros_after_the_channels_of_every_second_position() -> None:
    x, state, ours = cifar_case("cifar_resnet20")
    assert agree(ours, cifar_logits(x, state, 3, append_zeros))


@pytest.mark.parametrize("pad", [zeros_first, zeros_around, odd_positions, averaged], ids=lambda pad: pad.__name__)
def test_any_other_place_of_the_zeros_fails(pad: Callable[[Tensor, int], Tensor]) -> None:
    x, state, ours = cifar_case("cifar_resnet20")
    assert not agree(ours, cifar_logits(x, state, 3, pad))


def preactivated_logits(x: Tensor, state: Mapping[str, Tensor], project_raw: bool = False) -> Tensor:
    """He et al. 2016 with two basic blocks a stage, written out for our own names."""
    x = F.max_pool2d(F.conv2d(x, state["0.layers.0.conv.weight"], stride=2, padding=3), 3, 2, 1)
    for path in (f"{stage}.{copy}" for stage in (1, 2, 3, 4) for copy in (0, 1)):
        stride = 2 if path in ("2.0", "3.0", "4.0") else 1
        activated = F.relu(norm(x, state, f"{path}.norm1.norm"))
        y = F.conv2d(activated, state[f"{path}.conv1.weight"], stride=stride, padding=1)
        y = F.conv2d(F.relu(norm(y, state, f"{path}.norm2.norm")), state[f"{path}.conv2.weight"], padding=1)
        if stride == 2:
            weight = next(state[key] for key in state if key.startswith(f"{path}.shortcut"))
            x = F.conv2d(x if project_raw else activated, weight, stride=2)
        x = x + y
    x = F.relu(norm(x, state, "5.norm"))
    return F.linear(x.mean((2, 3)), state["6.fc.weight"], state["6.fc.bias"])


def test_preactivation_projects_the_activated_input_and_adds_the_raw_one() -> None:
    model = presets.load("preact_resnet18").skeleton()
    state = weights({key: list(value.shape) for key, value in model.state_dict().items()})
    model.load_state_dict(state, assign=True)
    x = image((1, 3, 64, 64)).double()
    double = {key: value.double() for key, value in state.items()}
    with torch.no_grad():
        ours = model.double().eval()(x)
    assert agree(ours, preactivated_logits(x, double))
    assert not agree(ours, preactivated_logits(x, double, project_raw=True))


# What a state dict may hold and lack.


@pytest.mark.parametrize("name", ["googlenet", "inception_v3"])
def test_auxiliary_heads_are_ignored_and_may_be_absent(name: str) -> None:
    state = state_of(name)
    without = {key: value for key, value in state.items() if not key.startswith(AUXILIARY)}
    assert len(without) < len(state)
    network = presets.load(name)
    assert from_torchvision(network, state).keys() == from_torchvision(network, without).keys()


@pytest.mark.parametrize("name", sorted(RECORDS))
def test_the_mapping_fills_every_place_once(name: str) -> None:
    skeleton = presets.load(name).skeleton()
    taken = from_torchvision(presets.load(name), state_of(name))
    assert {key: (value.shape, value.dtype) for key, value in taken.items()} == {
        key: (value.shape, value.dtype) for key, value in skeleton.state_dict().items()
    }
    used = {value.data_ptr() for value in taken.values()}
    assert used == {value.data_ptr() for key, value in state_of(name).items() if not key.startswith(AUXILIARY)}


def test_half_precision_is_taken_as_single_and_absent_counts_of_batches_as_zero() -> None:
    network = presets.load("resnet18")
    half = {key: value.half() for key, value in state_of("resnet18").items() if "num_batches" not in key}
    taken = from_torchvision(network, half)
    assert taken["0.layers.0.conv.weight"].dtype == torch.float32
    assert taken["0.layers.0.norm.num_batches_tracked"].item() == 0
    network.build().load_state_dict(taken)


def with_entry(key: object, value: object) -> Callable[[Mapping[str, Tensor]], dict]:
    """The state dict with one entry set."""
    return lambda state: {**state, key: value}


def without_entry(key: str) -> Callable[[Mapping[str, Tensor]], dict]:
    """The state dict with one entry left out."""
    return lambda state: {name: value for name, value in state.items() if name != key}


MISFITS = [
    (lambda state: list(state), "expected a state dict, names with tensors, got list"),
    (lambda state: {}, "the state dict lacks 'conv1.weight', of shape 64×3×7×7"),
    (without_entry("layer2.0.downsample.1.bias"), "the state dict lacks 'layer2.0.downsample.1.bias', of shape 128"),
    (without_entry("fc.bias"), "the state dict lacks 'fc.bias', of shape 1000"),
    (
        with_entry("layer5.0.conv1.weight", torch.ones(1)),
        "the state dict has 'layer5.0.conv1.weight', which has no place",
    ),
    (
        with_entry("aux1.conv.weight", torch.ones(1)),
        "the state dict has 'aux1.conv.weight', which has no place in ResNet",
    ),
    (with_entry(7, torch.ones(1)), "the state dict has 7, which has no place in ResNet-18"),
    (with_entry("bn1.bias", torch.ones(63)), "'bn1.bias' should be of shape 64, got 63"),
    (with_entry("bn1.bias", torch.tensor(1.0)), "'bn1.bias' should be of shape 64, got a single number"),
    (with_entry("bn1.bias", torch.ones(64, 1)), "'bn1.bias' should be of shape 64, got 64×1"),
    (with_entry("bn1.bias", [0.0] * 64), "'bn1.bias' should be a tensor of shape 64, got list"),
    (with_entry("bn1.bias", None), "'bn1.bias' should be a tensor of shape 64, got NoneType"),
    (
        with_entry("bn1.bias", torch.ones(64).long()),
        "'bn1.bias' should be a dense tensor of real numbers, got torch.int64",
    ),
    (with_entry("bn1.bias", torch.ones(64).to_sparse()), "'bn1.bias' should be a dense tensor of real numbers, got "),
    (
        with_entry("bn1.bias", torch.ones(64, device="meta")),
        "'bn1.bias' should be a dense tensor of real numbers, got ",
    ),
    (
        with_entry("bn1.bias", torch.ones(64).cfloat()),
        "'bn1.bias' should be a dense tensor of real numbers, got torch.c",
    ),
    (
        with_entry("bn1.num_batches_tracked", torch.tensor(0.5)),
        "'bn1.num_batches_tracked' should be a dense tensor of whole numbers, got torch.float32",
    ),
]


@pytest.mark.parametrize(("change", "sentence"), MISFITS, ids=[sentence[:60] for _, sentence in MISFITS])
def test_a_misfit_is_refused_by_name(change: Callable[[Mapping[str, Tensor]], object], sentence: str) -> None:
    with pytest.raises(ValueError) as refused:
        from_torchvision(presets.load("resnet18"), change(state_of("resnet18")))
    assert str(refused.value).startswith(sentence)


@pytest.mark.parametrize(
    ("network", "weights_of", "sentence"),
    [
        ("resnet34", "resnet18", "the state dict lacks 'layer1.2.conv1.weight', of shape 64×64×3×3"),
        ("resnet18", "resnet34", "the state dict has 'layer1.2.conv1.weight', which has no place in ResNet-18"),
        ("resnet50", "wide_resnet50_2", "'layer1.0.conv1.weight' should be of shape 64×64×1×1, got 128×64×1×1"),
        (
            "googlenet_5x5",
            "googlenet",
            "'inception3a.branch3.1.conv.weight' should be of shape 32×16×5×5, got 32×16×3×3",
        ),
        ("inception_v3", "googlenet", "the state dict lacks 'Conv2d_1a_3x3.conv.weight'"),
        ("preact_resnet18", "resnet18", "Pre-activation ResNet-18 is built like none of torchvision's ResNets"),
        ("article", "resnet18", "The article's network is built like none of torchvision's ResNets"),
    ],
)
def test_weights_of_another_network_are_refused(network: str, weights_of: str, sentence: str) -> None:
    with pytest.raises(ValueError) as refused:
        from_torchvision(presets.load(network), state_of(weights_of))
    assert str(refused.value).startswith(sentence)


def test_an_empty_network_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match="this network is built like none of torchvision's"):
        from_torchvision(Network(), {})
