"""The stand-in for a tensor while a forward is traced: a shape and what is known of it, no numbers and no memory."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import torch

# Where a storage comes from, when no operation of the trace wrote it.
INPUT = -1
OWNED = -2  # a parameter or a buffer: never counted as saved
CONSTANT = -3  # a tensor that the forward made itself: counted where it is saved

Field = tuple[int, int, int, int, int, int]  # (jump, lo, hi) of y, then of x, in pixels of the traced input
Rule = Callable[..., Any]

FLOAT = torch.float32
META = torch.device("meta")
NOTHING: Mapping[str, Any] = MappingProxyType({})


class TraceError(ValueError):
    """A forward that cannot be traced; says which module, what it did and with which shapes."""


class Operation:
    """One call of a torch function, counted for one image."""

    __slots__ = (
        "counted",
        "elements",
        "field",
        "input_shapes",
        "inputs",
        "macs",
        "op",
        "options",
        "output_shape",
        "params",
        "path",
        "saved",
        "saved_fixed",
    )

    def __init__(
        self,
        path: str,
        op: str,
        inputs: tuple[int, ...],
        input_shapes: tuple[tuple[int, ...], ...],
        output_shape: tuple[int, ...],
        params: int,
        macs: int,
        elements: int,
        field: Field | None,
        counted: bool,
    ) -> None:
        self.path = path
        self.op = op
        self.inputs = inputs  # indices of the operations that made the inputs, -1 for the network's input
        self.input_shapes = input_shapes  # of the same tensors, without the batch
        self.output_shape = output_shape
        self.params = params  # elements of the parameters that no earlier operation used
        self.macs = macs
        self.elements = elements
        self.saved = 0  # bytes per image that autograd keeps, of the memory that this operation wrote
        self.saved_fixed = 0  # and bytes whatever the batch
        self.field = field
        self.counted = counted
        self.options = NOTHING  # what its rule knows beyond shapes, by torch's names: kernel_size, stride, groups, p, …

    def __repr__(self) -> str:
        return f"<{self.op} at {self.path or 'the root'}: {self.input_shapes} -> {self.output_shape}>"


class Storage:
    """The memory behind one symbol and all its views."""

    __slots__ = ("elements", "fixed", "nbytes", "op", "saved", "unclaimed")

    def __init__(self, nbytes: int, op: int, fixed: bool, elements: int = 0) -> None:
        self.nbytes = nbytes
        self.op = op  # the operation that allocated it, or INPUT, OWNED, CONSTANT
        self.fixed = fixed  # its size does not depend on the batch
        self.saved = False
        self.elements = self.unclaimed = elements  # of a parameter: all, and those not yet used by any operation


class Symbol:
    """A tensor of known shape and unknown values."""

    # `__torch_function__` is per instance, so that a call finds its tracer without searching the arguments.
    __slots__ = (
        "__torch_function__",
        "axes",
        "dtype",
        "field",
        "live",
        "op",
        "requires_grad",
        "sizes",
        "storage",
        "strides",
        "tracer",
    )

    def __init__(
        self,
        tracer: "Tracer",
        sizes: tuple[int, ...],
        storage: Storage,
        op: int,
        requires_grad: bool,
        field: Field | None,
        live: bool,
        dtype: torch.dtype = FLOAT,
        strides: tuple[int, ...] | None = None,
        axes: tuple[int, int] = (2, 3),
    ) -> None:
        self.__torch_function__ = tracer.called
        self.tracer = tracer
        self.sizes = sizes
        self.storage = storage
        self.op = op  # the operation whose result it is
        self.requires_grad = requires_grad
        self.field = field
        self.live = live  # depends on the input, so its first dimension is the batch
        self.dtype = dtype
        self.strides = strides  # None: contiguous
        self.axes = axes  # the dimensions of the field's y and x

    # What a forward may ask of a tensor without touching its values.

    @property
    def shape(self) -> torch.Size:
        return torch.Size(self.sizes)

    @property
    def ndim(self) -> int:
        return len(self.sizes)

    @property
    def device(self) -> torch.device:
        return META  # what a forward makes "on the same device" then takes no memory either

    @property
    def layout(self) -> torch.layout:
        return torch.strided

    @property
    def is_cuda(self) -> bool:
        return False

    is_sparse = is_quantized = is_mkldnn = is_xla = is_mps = is_nested = is_meta = is_leaf = is_cuda
    grad = grad_fn = None

    def dim(self) -> int:
        return len(self.sizes)

    ndimension = dim

    def size(self, dim: int | None = None) -> Any:
        return torch.Size(self.sizes) if dim is None else self.sizes[dim]

    def numel(self) -> int:
        return math.prod(self.sizes)

    nelement = numel

    def stride(self, dim: int | None = None) -> Any:
        strides = self.strides or contiguous_strides(self.sizes)
        return strides if dim is None else strides[dim]

    def is_contiguous(self, memory_format: torch.memory_format = torch.contiguous_format) -> bool:
        return self.strides is None

    def element_size(self) -> int:
        return self.dtype.itemsize

    def is_floating_point(self) -> bool:
        return self.dtype.is_floating_point

    def is_complex(self) -> bool:
        return self.dtype.is_complex

    def get_device(self) -> int:
        return -1

    def __len__(self) -> int:
        return self.sizes[0]

    def __iter__(self) -> Iterator["Symbol"]:
        return iter([self[index] for index in range(self.sizes[0])])

    __hash__ = object.__hash__
    __getitem__: Callable[..., "Symbol"]  # the operators are rules

    def __repr__(self) -> str:
        return f"Symbol{self.sizes}"

    # What it cannot answer.

    def __bool__(self) -> bool:
        raise self.tracer.error("decides by the values of a tensor (an `if`, `while`, `and` or `bool()`)")

    def item(self) -> Any:
        raise self.tracer.error("reads the value of a tensor (`.item()`, `float()` or `int()`)")

    __float__ = __int__ = __index__ = item

    def tolist(self) -> Any:
        raise self.tracer.error("reads the values of a tensor (`.tolist()` or `.numpy()`)")

    numpy = __array__ = tolist

    def __getattr__(self, name: str) -> Any:
        """Any other attribute of a tensor, through the real one."""
        attribute = getattr(torch.Tensor, name, None)
        if attribute is None:
            raise AttributeError(f"a tensor has no attribute {name!r}")
        if not callable(attribute):
            return self.tracer.dispatch(attribute.__get__, (), (self,))
        return lambda *args, **kwargs: self.tracer.dispatch(attribute, (), (self, *args), kwargs)


class Tracer:
    """What one trace has gathered so far; rules write to it."""

    __slots__ = ("buffers", "called", "known", "operations", "owned", "path", "rules")

    def __init__(self, rules: dict[Any, Rule]) -> None:
        self.rules = rules  # torch function -> rule; None -> the rule for all others
        self.called = self.dispatch  # bound once, not for each symbol
        self.operations: list[Operation] = []
        self.path = ""
        self.owned: list[Storage] = []  # of the parameters
        self.buffers: dict[int, torch.Tensor] = {}
        self.known: dict[int, tuple[torch.Tensor, Symbol]] = {}  # real tensors, held so that their ids stay theirs

    def dispatch(self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        """Called by torch in place of `function`."""
        rule = self.rules.get(function)
        if rule is None:
            return self.rules[None](self, function, args, kwargs or {})
        return rule(self, *args, **kwargs) if kwargs else rule(self, *args)

    def error(self, what: str) -> TraceError:
        return TraceError(f"{self.path or 'the module'} {what}")

    def parameter(self, tensor: torch.Tensor) -> Symbol:
        """The symbol of a parameter, one however often it is registered."""
        known = self.known
        key = id(tensor)
        if key in known:
            return known[key][1]
        sizes = tuple(tensor.shape)
        count = math.prod(sizes)
        storage = Storage(0, OWNED, True, count)
        self.owned.append(storage)
        symbol = Symbol(self, sizes, storage, OWNED, tensor.requires_grad, None, False, tensor.dtype)
        known[key] = (tensor, symbol)
        return symbol

    def buffer(self, tensor: torch.Tensor) -> Symbol:
        """The symbol of a buffer."""
        self.buffers[id(tensor)] = tensor
        return self.operand(tensor)

    def operand(self, value: Any) -> Symbol:
        """A symbol as it is; a real tensor that the forward made as a constant."""
        if type(value) is Symbol:
            return value
        found = self.known.get(id(value))
        if found is not None:
            return found[1]
        origin = OWNED if id(value) in self.buffers else CONSTANT
        storage = Storage(value.numel() * value.element_size(), origin, True)
        symbol = Symbol(self, tuple(value.shape), storage, origin, value.requires_grad, None, False, value.dtype)
        self.known[id(value)] = (value, symbol)
        return symbol

    def emit(
        self,
        op: str,
        operands: Sequence[Symbol],
        sizes: tuple[int, ...],
        macs: int = 0,
        elements: int = 0,
        field: Field | None = None,
        dtype: torch.dtype = FLOAT,
        view_of: Symbol | None = None,
        strides: tuple[int, ...] | None = None,
        axes: tuple[int, int] = (2, 3),
        counted: bool = True,
    ) -> Symbol:
        """Records an operation and returns its result, in new memory unless it is a view."""
        operations = self.operations
        index = len(operations)
        inputs: tuple[int, ...] = ()
        shapes: tuple[tuple[int, ...], ...] = ()
        params = 0
        requires_grad = live = False
        for operand in operands:
            if operand.requires_grad:
                requires_grad = True
            op_index = operand.op
            if op_index < INPUT:
                owned = operand.storage
                if owned.unclaimed:
                    params += owned.unclaimed
                    owned.unclaimed = 0
                continue
            shape = operand.sizes
            if operand.live:
                live = True
                if shape and shape[0] == 1:
                    shape = shape[1:]
            inputs += (op_index,)
            shapes += (shape,)
        if requires_grad and not (torch.is_grad_enabled() and (dtype is FLOAT or dtype.is_floating_point)):
            requires_grad = False
        operations.append(
            Operation(
                self.path,
                op,
                inputs,
                shapes,
                sizes[1:] if live and sizes and sizes[0] == 1 else sizes,
                params,
                macs,
                elements,
                field,
                counted,
            )
        )
        if view_of is None:
            nbytes = (elements or math.prod(sizes)) * (4 if dtype is FLOAT else dtype.itemsize)
            storage = Storage(nbytes, index, not (live and sizes))
        else:
            storage = view_of.storage
        return Symbol(self, sizes, storage, index, requires_grad, field, live, dtype, strides, axes)

    def save(self, symbol: Symbol) -> None:
        """Autograd keeps this tensor: its whole storage counts once, at the operation that wrote it."""
        storage = symbol.storage
        if storage.saved:
            return
        storage.saved = True
        op = storage.op
        if op >= 0:
            operation = self.operations[op]
        elif op == CONSTANT:
            operation = self.operations[-1]
        else:
            return
        if storage.fixed:
            operation.saved_fixed += storage.nbytes
        else:
            operation.saved += storage.nbytes


def contiguous_strides(sizes: tuple[int, ...]) -> tuple[int, ...]:
    """The strides of a contiguous tensor."""
    strides = []
    step = 1
    for size in reversed(sizes):
        strides.append(step)
        step *= max(size, 1)
    return tuple(reversed(strides))
