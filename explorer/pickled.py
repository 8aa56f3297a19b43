"""What a pickle says it holds, found without calling anything in it: names, tensors, and where their numbers lie.

`torch.load(weights_only=True)` runs no code of a file's, but believes the sizes that it claims, and a few bytes can ask
for any amount of memory or time. So a file is first read here as plain data, within bounds, and only what is nothing
but a state dict is handed on. Understood are the instructions that torch's own reader understands.
"""

from __future__ import annotations

import pickle
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from struct import unpack
from typing import Any, BinaryIO, final

import torch

MAX_STEPS = 500_000  # instructions; a state dict of 1,000 entries has about 40,000
MAX_WORD = 65_536  # bytes of one text or whole number
MAX_TENSORS = 20_000

KINDS = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}
STORAGES = {f"torch.{name}": kind for name, kind in KINDS.items()}
MAPPINGS = ("collections.OrderedDict", "collections.Counter")
TENSORS = ("torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2")
PARAMETER = "torch._utils._rebuild_parameter"
KNOWN = (*STORAGES, *MAPPINGS, *TENSORS, PARAMETER)


@dataclass(frozen=True)
class Storage:
    """A row of numbers that lies elsewhere in the file."""

    key: str
    kind: torch.dtype
    count: int

    @property
    def size(self) -> int:
        """Bytes."""
        return self.count * self.kind.itemsize


@dataclass(frozen=True)
class Described:
    """A tensor that looks at a storage."""

    storage: Storage
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Bytes, were it copied."""
        return prod(self.shape) * self.storage.kind.itemsize


class Name(str):
    """Something that the pickle would import."""


def describe(file: BinaryIO, storages: dict[str, Storage]) -> Any:
    """The value of the pickle that begins here, its tensors as `Described`; all storages are noted in `storages`.

    Leaves the file behind the pickle. ValueError, a reason that goes on after "the file", for what is cut short, too
    long, or more than numbers, texts, lists, mappings and dense tensors.
    """
    try:
        return _StateDict(file, storages).value()
    except DAMAGED:
        raise ValueError("is damaged") from None


DAMAGED = (IndexError, KeyError, TypeError, UnicodeDecodeError, RecursionError)  # what a reader of nonsense runs into


class Reader(ABC):
    """A machine of a stack and a memory, as pickle's own, that builds plain values only.

    What a pickle would import and call is told by its name, and what stands for it is up to the kind of file.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []  # stacks that marks have put aside
        self.left = MAX_STEPS
        self.memory: dict[int, Any] = {}

    @abstractmethod
    def known(self, name: str) -> Name:
        """Something to import, if it belongs to this kind of file; ValueError for all else."""

    @abstractmethod
    def made(self, name: object, given: object) -> Any:
        """What stands for calling one of the known names."""

    @abstractmethod
    def built(self, value: object, state: object) -> Any:
        """What stands for giving a value its state."""

    @abstractmethod
    def outside(self, given: object) -> Any:
        """What stands for something that lies elsewhere in the file."""

    def read(self, count: int) -> bytes:
        """Exactly so many bytes."""
        data = self.file.read(count) if count <= MAX_WORD else b""
        if len(data) != count:
            raise ValueError("is cut short or damaged")
        return data

    def number(self, form: str, count: int) -> Any:
        """One number."""
        return unpack(form, self.read(count))[0]

    def value(self) -> Any:
        """Follows the instructions up to the end."""
        while (step := self.read(1)) != pickle.STOP:
            self.spend(1)
            self.follow(step)
        return self.stack.pop()

    def spend(self, steps: int) -> None:
        """Counts what is done, since a short pickle can ask for a lot."""
        self.left -= steps
        if self.left < 0:
            raise ValueError(f"takes more than {MAX_STEPS:,} steps to describe, which no state dict of a network does")

    def follow(self, step: bytes) -> None:
        """One instruction."""
        stack = self.stack
        match step:
            case pickle.PROTO:
                self.read(1)
            case pickle.GLOBAL:
                stack.append(self.known(f"{self.line()}.{self.line()}"))
            case pickle.NONE:
                stack.append(None)
            case pickle.NEWTRUE:
                stack.append(True)
            case pickle.NEWFALSE:
                stack.append(False)
            case pickle.BININT:
                stack.append(self.number("<i", 4))
            case pickle.BININT1:
                stack.append(self.number("B", 1))
            case pickle.BININT2:
                stack.append(self.number("<H", 2))
            case pickle.BINFLOAT:
                stack.append(self.number(">d", 8))
            case pickle.LONG1:
                stack.append(int.from_bytes(self.read(self.number("B", 1)), "little", signed=True))
            case pickle.BINUNICODE:
                stack.append(self.read(self.number("<I", 4)).decode())
            case pickle.SHORT_BINSTRING:
                stack.append(self.read(self.number("B", 1)).decode())
            case pickle.EMPTY_DICT:
                stack.append({})
            case pickle.EMPTY_LIST:
                stack.append([])
            case pickle.EMPTY_TUPLE:
                stack.append(())
            case pickle.TUPLE1 | pickle.TUPLE2 | pickle.TUPLE3:
                count = step[0] - pickle.TUPLE1[0] + 1
                if len(stack) < count:
                    raise IndexError
                stack[-count:] = [tuple(stack[-count:])]
            case pickle.MARK:
                self.below.append(stack)
                self.stack = []
            case pickle.TUPLE:
                items = tuple(self.marked())
                self.stack.append(items)
            case pickle.APPEND:
                self.extend([stack.pop()])
            case pickle.APPENDS:
                self.extend(self.marked())
            case pickle.SETITEM:
                value, key = stack.pop(), stack.pop()
                self.update([key, value])
            case pickle.SETITEMS:
                self.update(self.marked())
            case pickle.BINPUT:
                self.memory[self.number("B", 1)] = stack[-1]
            case pickle.LONG_BINPUT:
                self.memory[self.number("<I", 4)] = stack[-1]
            case pickle.BINGET:
                stack.append(self.memory[self.number("B", 1)])
            case pickle.LONG_BINGET:
                stack.append(self.memory[self.number("<I", 4)])
            case pickle.BINPERSID:
                stack.append(self.outside(stack.pop()))
            case pickle.REDUCE:
                given = stack.pop()
                stack.append(self.made(stack.pop(), given))
            case pickle.BUILD:
                state = stack.pop()
                stack.append(self.built(stack.pop(), state))
            case _:
                raise ValueError("is damaged, or of a kind that torch does not read without trust")

    def line(self) -> str:
        """The rest of a line."""
        text = self.file.readline(MAX_WORD)
        if not text.endswith(b"\n"):
            raise ValueError("is cut short or damaged")
        return text[:-1].decode()

    def marked(self) -> list[Any]:
        """What was put on the stack since the last mark; the stack is then what it was before."""
        values, self.stack = self.stack, self.below.pop()
        return values

    def extend(self, values: list[Any]) -> None:
        """Adds to the list on the stack."""
        if not isinstance(self.stack[-1], list):
            raise TypeError
        self.stack[-1].extend(values)

    def update(self, pairs: list[Any]) -> None:
        """Adds to the mapping on the stack; keys are texts and numbers, since a key of tuples can take ages to hash."""
        mapping = self.stack[-1]
        if not isinstance(mapping, dict) or len(pairs) % 2:
            raise TypeError
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            if type(key) not in (str, int):
                raise ValueError("holds a mapping with other keys than texts and whole numbers")
            mapping[key] = value


@final
class _StateDict(Reader):
    """Weights: tensors, and what wraps them."""

    def __init__(self, file: BinaryIO, storages: dict[str, Storage]) -> None:
        super().__init__(file)
        self.storages = storages
        self.tensors = 0

    def known(self, name: str) -> Name:
        """Something to import, if it belongs to a state dict."""
        if name in KNOWN:
            return Name(name)
        shown = name[:80]
        if name.startswith(("torch.nn.modules.", "torchvision.models", "timm.models", "__main__.")):
            raise ValueError(f"holds a whole model ({shown}), not its weights alone; save model.state_dict()")
        raise ValueError(f"holds more than weights: it asks for {shown}; save model.state_dict()")

    def made(self, name: object, given: object) -> Any:
        """What calling one of the known names would give."""
        if not isinstance(name, Name) or not isinstance(given, tuple):
            raise TypeError
        if name in MAPPINGS:
            return self.mapping(given)
        if name in TENSORS:
            return self.tensor(given)
        if name == PARAMETER and isinstance(given[0], Described) and not given[2]:
            return given[0]
        raise ValueError("holds more than a state dict")

    def mapping(self, given: tuple[Any, ...]) -> dict[Any, Any]:
        """A mapping made empty, or of pairs."""
        if not given:
            return {}
        [pairs] = given
        if not isinstance(pairs, list | dict):
            raise TypeError
        self.spend(len(pairs))
        flat = [part for pair in (pairs.items() if isinstance(pairs, dict) else pairs) for part in _pair(pair)]
        self.stack.append({})
        self.update(flat)
        made: dict[Any, Any] = self.stack.pop()
        return made

    def built(self, value: object, state: object) -> Any:
        """Mappings alone have a state, which says nothing of weights."""
        if not isinstance(state, dict) or not isinstance(value, dict):
            raise ValueError("holds more than a state dict")
        return value

    def outside(self, given: object) -> Storage:
        """`("storage", kind, key, location, count)`, in older files with what it is a view of."""
        if not isinstance(given, tuple) or not 5 <= len(given) <= 6 or given[0] != "storage":
            raise ValueError("is damaged")
        kind, key, _, count, *view = given[1:]
        if view not in ([], [None]) or not isinstance(kind, Name) or kind not in STORAGES:
            raise ValueError("holds tensors of a kind that cannot be read here")
        if type(key) is not str or type(count) is not int or not 0 <= count < 2**48:
            raise ValueError("is damaged")
        storage = Storage(key, STORAGES[kind], count)
        if self.storages.setdefault(key, storage) != storage:
            raise ValueError("is damaged: it describes the same numbers twice, in two ways")
        return storage

    def tensor(self, given: tuple[Any, ...]) -> Described:
        """`(storage, offset, shape, stride)`, then what training needs; it has to lie within its storage."""
        storage, offset, shape, stride, *rest = given
        if not isinstance(storage, Storage) or any(rest[1:]):
            raise ValueError("holds tensors of a kind that cannot be read here")
        if not _sizes(shape) or not _sizes(stride) or not _sizes((offset,)) or len(shape) != len(stride):
            raise ValueError("is damaged")
        last = offset + sum((size - 1) * step for size, step in zip(shape, stride, strict=True))
        count = prod(shape)
        if count and (last >= storage.count or count > storage.count):
            raise ValueError("is damaged: a tensor claims more numbers than there are")
        self.tensors += 1
        if self.tensors > MAX_TENSORS:
            raise ValueError(f"holds more than {MAX_TENSORS:,} tensors")
        return Described(storage, shape)


def _pair(value: object) -> Sequence[Any]:
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise TypeError
    return value


def _sizes(value: object) -> bool:
    return isinstance(value, tuple) and len(value) <= 16 and all(type(one) is int and 0 <= one < 2**48 for one in value)
