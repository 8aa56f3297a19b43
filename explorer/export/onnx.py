"""A network as an ONNX file, through `torch.onnx`, with the parameters under the names of `Network.build`.

torch's exporter takes about 30 ms an operation, minutes for 1,202 layers. So it is shown each distinct block once, as
everywhere here, and what it gives is repeated with the weights of each copy. It swaps parts of torch while it works,
which other threads would notice: the app runs it in a process of its own (`explorer.export.onnx_process`).
"""

from __future__ import annotations

import logging
import warnings
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import onnxscript.optimizer
import torch
from onnx import ModelProto, NodeProto, OperatorSetIdProto, TensorProto, ValueInfoProto, helper, numpy_helper
from torch import Tensor, nn

from explorer.layers import weights
from explorer.network import Network, Step, walk
from explorer.shape import Shape
from explorer.weights import fitted

INPUT, BATCH = "image", "batch"
REMEMBERED = 256  # blocks
LARGEST = 1_900_000_000  # bytes of weights; a file of protobuf ends at 2 GB


def onnx_bytes(
    net: Network,
    state_dict: Mapping[str, Tensor] | None = None,
    *,
    softmax: bool = False,
    dynamic_batch: bool = True,
) -> bytes:
    """An ONNX file of the network in evaluation mode, with this state dict of `net.build()`, or freshly drawn weights.

    The input `image` is (batch, channels, height, width), float32; the output is called `logits`, or `probabilities`
    with `softmax`, or `features` where the network ends without a classifier. Without `dynamic_batch` it takes one
    image. Raises ShapeError, and ValueError for weights of another network or beyond what a file can hold.
    """
    steps = tuple(walk(net))
    if not steps:
        raise ValueError("the stack is empty, so there is nothing to export")
    size = 4 * sum(step.count * step.record.trace.params for step in steps)
    if size > LARGEST:
        raise ValueError(f"the weights need {size / 1e9:,.1f} GB, and an ONNX file holds 2 GB")
    features = steps[-1].record.out_shape
    if softmax and len(features) != 1:
        raise ValueError("softmax needs a classifier at the end of the stack")
    state = fitted(net, state_dict if state_dict is not None else net.build().state_dict())
    pieces = _pieces([(_alone(step), step.record.in_shape, step.first == 0) for step in steps])
    batch = BATCH if dynamic_batch else 1
    graph = _Graph(state)
    for step, piece in zip(steps, pieces, strict=True):
        for copy in range(step.first, step.first + step.count):
            graph.add(piece, step.path(copy), [batch, *step.record.out_shape])
    output = "features" if len(features) != 1 else "probabilities" if softmax else "logits"
    graph.end(softmax, output)
    made = helper.make_graph(
        graph.nodes,
        net.name or "network",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [batch, *net.input])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, [batch, *features])],
        graph.initializers,
        value_info=graph.shapes,
    )
    model = helper.make_model(
        made, opset_imports=pieces[0].opsets, ir_version=pieces[0].version, producer_name="Architecture Explorer"
    )
    return bytes(model.SerializeToString())


@dataclass(frozen=True)
class _Piece:
    """One block in ONNX: operations from `source` to `result`, and the tensors that they read by name."""

    nodes: tuple[NodeProto, ...]
    source: str
    result: str
    parameters: Mapping[str, str]  # a value, and the name of the parameter in the block
    constants: Mapping[str, TensorProto]
    opsets: tuple[OperatorSetIdProto, ...]
    version: int


class _Graph:
    """Blocks one after another."""

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        self.state = state
        self.nodes: list[NodeProto] = []
        self.initializers: list[TensorProto] = []
        self.shapes: list[ValueInfoProto] = []
        self.value = INPUT
        self._known: set[str] = set()
        self._shared: dict[tuple[int, str], str] = {}  # constants, which all copies of a block read

    def add(self, piece: _Piece, path: str, shape: Sequence[int | str]) -> None:
        """The block of `piece` with the weights of `path`."""
        names = {"": "", piece.source: self.value}
        for value, parameter in piece.parameters.items():
            names[value] = f"{path}.{parameter}"
            self._keep(names[value], self.state[names[value]])
        for value, constant in piece.constants.items():
            names[value] = self._shared.setdefault((id(piece), value), f"{path}/{value}")
            self._keep(names[value], constant)
        for node in piece.nodes:
            names.update({value: f"{path}/{value}" for value in node.output if value})
            copy = NodeProto()
            copy.CopyFrom(node)
            del copy.input[:], copy.output[:], copy.metadata_props[:]
            copy.input.extend(names.get(value, INPUT) for value in node.input)
            copy.output.extend(names[value] for value in node.output)
            copy.name = f"{path}/{node.name or node.op_type}"
            copy.doc_string = ""
            self.nodes.append(copy)
        if piece.result != piece.source:
            self.value = names[piece.result]
            self.shapes.append(helper.make_tensor_value_info(self.value, TensorProto.FLOAT, shape))

    def end(self, softmax: bool, output: str) -> None:
        """Gives the last value the name of the output."""
        if softmax or self.value == INPUT:
            node = helper.make_node("Softmax" if softmax else "Identity", [self.value], [output], output)
            if softmax:
                node.attribute.append(helper.make_attribute("axis", 1))
            self.nodes.append(node)
            return
        [last] = [node for node in self.nodes if self.value in node.output]
        last.output[list(last.output).index(self.value)] = output
        self.shapes.pop()

    def _keep(self, name: str, value: Tensor | TensorProto) -> None:
        if name in self._known:
            return
        self._known.add(name)
        if isinstance(value, Tensor):
            self.initializers.append(numpy_helper.from_array(value.detach().contiguous().numpy(), name))
        else:
            named = TensorProto()
            named.CopyFrom(value)
            named.name = name
            self.initializers.append(named)


def _alone(step: Step) -> str:
    """The block of a step as text; how often it stands beyond twice makes no other module."""
    block = step.record.block
    return block.model_dump_json() if block.copies <= 2 else block.with_fields(repeat=2).model_dump_json()


class _Blocks(nn.Module):
    """Every distinct block on an input of its own."""

    def __init__(self, blocks: Sequence[nn.Module]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)

    def forward(self, *inputs: Tensor) -> list[Tensor]:
        return [block(x) for block, x in zip(self.blocks, inputs, strict=True)]


_Alone = tuple[str, Shape, bool]  # a block as text, what it receives, whether it is the first of its copies
_known: OrderedDict[_Alone, _Piece] = OrderedDict()  # without weights, some kB each


def _pieces(wanted: Sequence[_Alone]) -> list[_Piece]:
    """What torch's exporter makes of these blocks, those that were asked for before not again."""
    new = list(dict.fromkeys(one for one in wanted if one not in _known))
    if new:
        _known.update(zip(new, _exported(new), strict=True))
    found = [_known[one] for one in wanted]
    for one in list(_known)[: max(0, len(_known) - REMEMBERED)]:
        del _known[one]
    return found


def _exported(steps: Sequence[_Alone]) -> Iterator[_Piece]:
    """All of these by one call of the exporter, whose start costs as much as ten operations."""
    blocks = []
    for text, shape, first in steps:
        network = Network.model_validate_json(f'{{"input": {list(shape)}, "blocks": [{text}]}}')
        with weights("blank"):
            blocks.append(network.blocks[0].build(network.input, first))
    inputs = tuple(torch.zeros(2, *shape) for _, shape, _ in steps)
    batch = torch.export.Dim(BATCH)
    with _quiet(), torch.no_grad():
        exported = torch.export.export(
            _Blocks(blocks).eval(), inputs, dynamic_shapes=(tuple({0: batch} for _ in inputs),), strict=False
        )
        program = torch.onnx.export(exported, (), dynamo=True, verbose=False, optimize=False)
        assert program is not None
        model = _simplified(program.model_proto)
    sources = [value.name for value in model.graph.input][: len(steps)]
    results = [value.name for value in model.graph.output]
    for at, (source, result) in enumerate(zip(sources, results, strict=True)):
        yield _piece(model, f"blocks.{at}.", source, result)


def _piece(model: ModelProto, prefix: str, source: str, result: str) -> _Piece:
    """The operations that lead to `result`, in their order, and what they read."""
    producers = {value: node for node in model.graph.node for value in node.output}
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    wanted: set[int] = set()
    read: set[str] = set()
    waiting = [result]
    while waiting:
        value = waiting.pop()
        if value in read or value in ("", source):
            continue
        read.add(value)
        if value in producers:
            wanted.add(id(producers[value]))
            waiting.extend(producers[value].input)
    return _Piece(
        nodes=tuple(node for node in model.graph.node if id(node) in wanted),
        source=source,
        result=result,
        parameters={value: value.removeprefix(prefix) for value in read if value.startswith(prefix)},
        constants={value: constants[value] for value in sorted(read) if value in constants},
        opsets=tuple(model.opset_import),
        version=model.ir_version,
    )


def _simplified(model: ModelProto) -> ModelProto:
    """The model without what is constant; its parameters become inputs first, so that none of them counts as that."""
    graph = model.graph
    parameters = [tensor for tensor in graph.initializer if tensor.name.startswith("blocks.")]
    others = [tensor for tensor in graph.initializer if not tensor.name.startswith("blocks.")]
    graph.input.extend(
        helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims)) for tensor in parameters
    )
    del graph.initializer[:]
    graph.initializer.extend(others)
    return onnxscript.optimizer.optimize(model)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what the exporter says of itself."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
