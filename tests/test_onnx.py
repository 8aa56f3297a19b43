"""ONNX files of every kind of block and of random stacks, and what the options do. Presets: test_onnx_presets.py."""

from copy import deepcopy

import onnx
import pytest
import torch
from hypothesis import Phase, assume, given, settings
from in_onnx import TOLERANCE, gap, images, run, settled
from onnx import numpy_helper
from stacks import valid_stacks

from explorer import Network, Shape, ShapeError, blocks, presets
from explorer.blocks import KINDS
from explorer.export import onnx as exporting
from explorer.export.onnx import onnx_bytes
from explorer.network import walk

SMALL = Network(
    name="Small",
    input=Shape(3, 12, 10),
    blocks=(
        blocks.Stem(form="cifar", channels=8),
        blocks.Basic(channels=8, repeat=4),
        blocks.Bottleneck(channels=16, stride=2, repeat=3, label="Second stage"),
        blocks.Downsampling(channels=16, share="W"),
        blocks.Downsampling(channels=16, share="W"),
        blocks.Dropout(rate=0.5),
        blocks.Classifier(classes=10, hidden=(12,), dropout=0.3),
    ),
)
EXAMPLES = [
    Network(input=shape, blocks=(kind(**fields),)) for kind in KINDS.values() for fields, shape in kind.examples
]


@pytest.fixture(scope="module")
def small() -> tuple[bytes, dict]:
    """Its file, and the weights in it."""
    state = settled(SMALL).state_dict()
    return onnx_bytes(SMALL, state), state


@pytest.fixture(scope="module")
def all_at_once() -> None:
    """The examples of all kinds by one call of torch's exporter, which is quicker."""
    exporting._pieces(
        [(exporting._alone(step), step.record.in_shape, step.first == 0) for one in EXAMPLES for step in walk(one)]
    )


@pytest.mark.usefixtures("all_at_once")
@pytest.mark.parametrize("network", EXAMPLES, ids=[f"{one.blocks[0].kind}-{at}" for at, one in enumerate(EXAMPLES)])
def test_every_kind_gives_the_same_for_any_number_of_images(network: Network) -> None:
    model = settled(network)
    data = onnx_bytes(network, model.state_dict())
    onnx.checker.check_model(onnx.load_from_string(data), full_check=True)
    for count in (1, 3):
        assert gap(data, model, images(network, count)) < TOLERANCE


@given(valid_stacks())
@settings(max_examples=6, phases=[Phase.generate])  # a second or two each: none is made smaller
def test_random_stacks_give_the_same(network: Network) -> None:
    assume(network.blocks)
    model, batch = settled(network), images(network, 2)
    with torch.no_grad():
        exact = deepcopy(model).double()(batch.double())
        assume(torch.allclose(model(batch).double(), exact, rtol=1e-5, atol=1e-5))  # a norm of one value is noise
    assert gap(onnx_bytes(network, model.state_dict()), model, batch) < TOLERANCE


def test_copies_and_shared_layers_have_their_own_weights(small: tuple[bytes, dict]) -> None:
    data, state = small
    model = settled(SMALL)
    assert gap(data, model, images(SMALL, 3)) < TOLERANCE
    for one, other in (
        ("1.1.conv1.conv.weight", "1.2.conv1.conv.weight"),
        ("2.1.conv2.norm.bias", "2.2.conv2.norm.bias"),
    ):
        exchanged = onnx_bytes(SMALL, {**state, one: state[other], other: state[one]})
        assert gap(exchanged, model, images(SMALL, 3)) > 10 * TOLERANCE


def test_parameters_have_the_names_and_values_of_the_module(small: tuple[bytes, dict]) -> None:
    data, state = small
    graph = onnx.load_from_string(data).graph
    held = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for name, value in state.items():
        if not name.endswith("num_batches_tracked"):
            assert torch.equal(torch.from_numpy(held[name].copy()), value)
    names = [node.name for node in graph.node]
    assert len(set(names)) == len(names)
    assert {name.partition("/")[0] for name in names} == {"0", *(f"1.{n}" for n in range(4)), "2.0", "2.1", "2.2"} | {
        "3.0", "4.0", "5", "6"
    }  # fmt: skip


def test_the_input_takes_any_number_of_images_or_one(small: tuple[bytes, dict]) -> None:
    data, state = small
    fixed = onnx_bytes(SMALL, state, dynamic_batch=False)
    for file, batch in ((data, "batch"), (fixed, 1)):
        graph = onnx.load_from_string(file).graph
        [image], [logits] = graph.input, graph.output
        sizes = [
            [one.dim_param or one.dim_value for one in value.type.tensor_type.shape.dim] for value in (image, logits)
        ]
        assert (image.name, logits.name) == ("image", "logits")
        assert sizes == [[batch, 3, 12, 10], [batch, 10]]
    one = images(SMALL, 1)
    torch.testing.assert_close(run(fixed, one), run(data, one))
    with pytest.raises(Exception, match="Got invalid dimensions for input"):
        run(fixed, images(SMALL, 3))


def test_softmax_makes_probabilities(small: tuple[bytes, dict]) -> None:
    data, state = small
    file = onnx_bytes(SMALL, state, softmax=True)
    assert onnx.load_from_string(file).graph.output[0].name == "probabilities"
    batch = images(SMALL, 3)
    found = run(file, batch)
    torch.testing.assert_close(found.sum(1), torch.ones(3))
    torch.testing.assert_close(found, run(data, batch).softmax(1))
    torch.testing.assert_close(found, settled(SMALL).predict(batch), rtol=1e-4, atol=1e-6)


def test_without_weights_it_has_those_of_seed_0() -> None:
    model = SMALL.build().eval()
    assert gap(onnx_bytes(SMALL), model, images(SMALL, 2)) < TOLERANCE


def test_a_network_without_a_classifier_gives_a_map() -> None:
    network = Network(input=Shape(1, 9, 9), blocks=(blocks.Dropout(), blocks.Dropout()))
    file = onnx_bytes(network)
    graph = onnx.load_from_string(file).graph
    assert {node.op_type for node in graph.node} == {"Identity"}
    assert graph.output[0].name == "features"
    assert torch.equal(run(file, images(network, 2)), images(network, 2))


def test_a_deep_network_costs_what_its_distinct_blocks_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    exported = exporting._exported
    monkeypatch.setattr(exporting, "_known", type(exporting._known)())
    monkeypatch.setattr(exporting, "_exported", lambda steps: asked.append(len(steps)) or exported(steps))
    shallow = presets.load("cifar_resnet20")
    onnx_bytes(shallow)
    deep = onnx_bytes(presets.load("cifar_resnet110"))
    assert asked == [8]
    assert len(onnx.load_from_string(deep).graph.node) > 5 * len(onnx.load_from_string(onnx_bytes(shallow)).graph.node)


def test_what_cannot_be_exported_is_refused() -> None:
    with pytest.raises(ValueError, match="the stack is empty"):
        onnx_bytes(Network())
    with pytest.raises(ValueError, match="softmax needs a classifier"):
        onnx_bytes(SMALL.remove(6), softmax=True)
    with pytest.raises(ShapeError):
        onnx_bytes(SMALL.replace(1, blocks.Basic(channels=16, shortcut="identity")))
    with pytest.raises(ValueError, match=r"the weights need .* GB, and an ONNX file holds 2 GB"):
        onnx_bytes(Network(input=Shape(8192, 8, 8), blocks=(blocks.Conv(channels=8192, kernel=7),)))
    with pytest.raises(ValueError, match="these weights are of another network"):
        onnx_bytes(SMALL, SMALL.remove(1).build().state_dict())
