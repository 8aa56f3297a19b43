"""Files of weights: what is read, and that a hostile one costs a sentence and nothing else."""

import io
import json
import os
import pickle
import random
import struct
import subprocess
import sys
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from explorer import checkpoint
from explorer.training import box

ROOT = Path(__file__).parents[1]


def state() -> dict[str, Tensor]:
    """A small state dict of every usual type."""
    torch.manual_seed(0)
    return {
        "conv.weight": torch.randn(4, 3, 3, 3),
        "conv.half": torch.randn(5).half(),
        "conv.brain": torch.randn(5).bfloat16(),
        "norm.num_batches_tracked": torch.tensor(7),
        "norm.mask": torch.tensor([True, False]),
        "turned.weight": torch.arange(6.0).reshape(2, 3).T,
        "empty": torch.empty(0, 3),
    }


def saved(value: object, **options: object) -> bytes:
    """What torch writes."""
    file = io.BytesIO()
    torch.save(value, file, **options)
    return file.getvalue()


def legacy(value: object) -> bytes:
    """What torch before version 1.6 wrote."""
    return saved(value, _use_new_zipfile_serialization=False)


FORMS: dict[str, Callable[[Mapping[str, Tensor]], bytes]] = {
    "archive": saved,
    "legacy": legacy,
    "safetensors": checkpoint.write,
}


def same(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return list(one) == list(other) and all(
        torch.equal(one[key], other[key]) and one[key].dtype == other[key].dtype for key in one
    )


# What is read.


@pytest.mark.parametrize("form", FORMS)
def test_a_state_dict_is_read_from_disk_from_bytes_and_from_an_open_file(form: str, tmp_path: Path) -> None:
    data = FORMS[form](state())
    path = tmp_path / "weights.bin"
    path.write_bytes(data)
    expected = dict(sorted(state().items())) if form == "safetensors" else state()
    for source in (path, data, io.BytesIO(data)):
        found = checkpoint.read(source)
        assert same({key: found[key] for key in expected}, expected) and len(found) == len(expected)


def test_the_name_of_a_file_says_nothing_about_its_form(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    path.write_bytes(saved(state()))
    assert same(checkpoint.read(path), state())


def test_a_header_of_any_length_is_read() -> None:
    lengths = set()
    for letters in range(1, 270):
        data = checkpoint.write({"w" * letters: torch.ones(1)})
        lengths.add(data[0])
        assert list(checkpoint.read(data)) == ["w" * letters]
    assert 0x80 in lengths  # with which a pickle begins


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda it: {"state_dict": it, "epoch": 3, "best": 0.93, "arch": "resnet18"},
        lambda it: {"model": it, "optimizer": {"state": {0: {"step": torch.tensor(1.0)}}, "param_groups": [{"lr": 1}]}},
        lambda it: {"module." + key: value for key, value in it.items()},
        lambda it: {"state_dict": OrderedDict(("module._orig_mod." + key, value) for key, value in it.items())},
        lambda it: {key: nn.Parameter(value) if value.dtype == torch.float32 else value for key, value in it.items()},
        lambda it: {**it, "note": "by hand", "version": 2, "nothing": None},
    ],
    ids=["state_dict", "model", "parallel", "compiled", "parameters", "notes"],
)
@pytest.mark.parametrize("form", [saved, legacy])
def test_the_usual_wrappings_are_taken_off(form: Callable[[object], bytes], wrapped: Callable) -> None:
    found = checkpoint.read(form(wrapped(state())))
    assert same(found, state())
    assert not any(isinstance(value, nn.Parameter) or value.requires_grad for value in found.values())


def test_a_prefix_of_some_names_is_part_of_them() -> None:
    mixed = {"module.weight": torch.ones(2), "bias": torch.ones(2)}
    assert same(checkpoint.read(saved(mixed)), mixed)


def test_tensors_that_share_their_numbers_are_read() -> None:
    tied = torch.arange(12.0)
    shared = {"one": tied, "two": tied[3:7], "three": tied.view(3, 4).T}
    for form in (saved, legacy):
        assert same(checkpoint.read(form(shared)), shared)


@pytest.mark.parametrize("name", list(box.records()))
def test_packed_archives_are_read(name: str) -> None:
    path = box.FOLDER / f"{name}.pt"
    assert same(checkpoint.read(path), torch.load(path, weights_only=True))


def test_what_is_written_is_read_again() -> None:
    turned = {"weight": torch.arange(6.0).reshape(2, 3).T}
    assert same(checkpoint.read(checkpoint.write(turned)), turned)


# What is refused, in one sentence.


class Runs:
    """Would run a command, were it unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple:
        return os.system, (self.command,)


def by_hand(steps: bytes, entries: Mapping[str, bytes] | None = None, packing: int = zipfile.ZIP_STORED) -> bytes:
    """An archive as torch writes it, whose pickle consists of these instructions."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", packing) as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02" + steps)
        archive.writestr("archive/version", "3")
        for name, data in (entries or {}).items():
            archive.writestr(f"archive/{name}", data)
    return file.getvalue()


def word(text: str) -> bytes:
    return pickle.BINUNICODE + struct.pack("<I", len(text)) + text.encode()


def whole(number: int) -> bytes:
    data = number.to_bytes(9, "little", signed=True)
    return pickle.LONG1 + bytes([len(data)]) + data


def called(name: str, *given: bytes) -> bytes:
    """Instructions that call something."""
    module, _, leaf = name.rpartition(".")
    return pickle.GLOBAL + f"{module}\n{leaf}\n".encode() + pickle.MARK + b"".join(given) + pickle.TUPLE + pickle.REDUCE


def numbers(*sizes: int) -> bytes:
    return pickle.MARK + b"".join(map(whole, sizes)) + pickle.TUPLE


def storage(count: int, key: str = "0", more: bytes = b"") -> bytes:
    kind = pickle.GLOBAL + b"torch\nFloatStorage\n"
    return pickle.MARK + word("storage") + kind + word(key) + word("cpu") + whole(count) + more + b"tQ"


def tensor(stored: bytes, offset: int, shape: tuple[int, ...], stride: tuple[int, ...]) -> bytes:
    given = (stored, whole(offset), numbers(*shape), numbers(*stride), b"\x89", called("collections.OrderedDict"))
    return called("torch._utils._rebuild_tensor_v2", *given)


def under_a_name(value: bytes) -> bytes:
    return pickle.EMPTY_DICT + word("weight") + value + pickle.SETITEM + pickle.STOP


HONEST = tensor(storage(4), 0, (2, 2), (2, 1))
FOUR = {"data/0": torch.arange(4.0).numpy().tobytes()}


def by_hand_legacy(value: bytes, *blocks: bytes, keys: tuple[str, ...] = ("0",)) -> bytes:
    """torch's form before version 1.6."""
    machine = {"protocol_version": 1001, "little_endian": True, "type_sizes": {}}
    head = b"".join(pickle.dumps(one, 2) for one in (checkpoint.MAGIC, 1001, machine))
    return head + b"\x80\x02" + value + pickle.dumps(list(keys), 2) + b"".join(blocks)


def block(count: int, data: bytes) -> bytes:
    return struct.pack("<q", count) + data


def safe(header: object, data: bytes = b"", claimed: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if claimed is None else claimed) + text + data


def entry(shape: list, start: int, end: int, kind: str = "F32") -> dict:
    return {"dtype": kind, "shape": shape, "data_offsets": [start, end]}


def test_what_is_made_by_hand_is_right_where_it_is_honest() -> None:
    expected = {"weight": torch.arange(4.0).reshape(2, 2)}
    assert same(checkpoint.read(by_hand(under_a_name(HONEST), FOUR)), expected)
    old = tensor(storage(4, more=b"N"), 0, (2, 2), (2, 1))
    assert same(checkpoint.read(by_hand_legacy(under_a_name(old), block(4, FOUR["data/0"]))), expected)
    assert same(checkpoint.read(safe({"weight": entry([2, 2], 0, 16)}, FOUR["data/0"])), expected)


def bomb(size: int) -> bytes:
    """An archive of honest form whose one storage is `size` zero bytes, packed a thousandfold."""
    step = 2**20
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    piece = packer.compress(bytes(step)) + packer.flush(zlib.Z_FULL_FLUSH)  # it can be repeated
    packed = piece * (size // step) + packer.flush()
    sum_of_all = 0
    for _ in range(size // step):
        sum_of_all = zlib.crc32(bytes(step), sum_of_all) if size <= 2**26 else 1
    archive = by_hand(under_a_name(tensor(storage(size // 4), 0, (size // 4,), (1,))), {"data/0": packed})
    plain = struct.pack("<III", zlib.crc32(packed), len(packed), len(packed))
    real = struct.pack("<III", sum_of_all, len(packed), size)
    assert archive.count(plain) == 2
    changed = archive.replace(plain, real)
    where = changed.index(real) - 6
    central = changed.rindex(real) - 6
    for at in (where, central):  # the method: packed
        changed = changed[:at] + changed[at:].replace(b"\0\0", b"\x08\0", 1)[: len(changed) - at]
    return changed


def crowded(count: int) -> bytes:
    """An archive with a directory of so many entries."""
    name = b"archive/data.pkl"
    one = struct.pack("<4s6H3I5H2I", b"PK\x01\x02", 20, 20, 0, 0, 0, 0, 0, 0, 0, len(name), 0, 0, 0, 0, 0, 0) + name
    start = b"PK\x03\x04" + bytes(26)
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, min(count, 65535), min(count, 65535), len(one) * count, 30, 0)
    return start + one * count + end


def thousands_of_tuples() -> bytes:
    """A key of tuples in tuples, of which each holds the one before twice: hashing it takes 2 to the 60 steps."""
    doubled = b"".join(pickle.BINPUT + b"\0" + pickle.BINGET + b"\0" + pickle.TUPLE2 for _ in range(60))
    return pickle.EMPTY_DICT + word("x") + doubled + word("y") + pickle.SETITEM + pickle.STOP


def copies_of_copies() -> bytes:
    """A mapping of 50,000 entries, copied 50,000 times."""
    entries = b"".join(pickle.BININT + struct.pack("<i", one) + b"N" for one in range(50_000))
    mapping = pickle.EMPTY_DICT + pickle.MARK + entries + pickle.SETITEMS + pickle.BINPUT + b"\0" + b"0"
    mapping = mapping.removesuffix(b"0")
    copy = pickle.GLOBAL + b"collections\nOrderedDict\n" + pickle.BINGET + b"\0" + pickle.TUPLE1 + pickle.REDUCE
    return mapping + copy * 50_000 + pickle.STOP


GIANT = 2**31  # numbers, 8 GB
DAMAGED = "the file is damaged"

HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "command": (
        lambda: saved({"weight": Runs("exit 3")}),
        "the file holds more than weights: it asks for posix.system",
    ),
    "command, legacy": (lambda: legacy({"weight": Runs("exit 3")}), "the file holds more than weights: it asks for"),
    "command, bare": (lambda: pickle.dumps(Runs("exit 3"), 2), "the file holds more than weights: it asks for posix"),
    "model": (lambda: saved(nn.Linear(2, 2)), "the file holds a whole model (torch.nn.modules.linear.Linear)"),
    "bytearray": (
        lambda: by_hand(under_a_name(called("__builtin__.bytearray", whole(2**33)))),
        "the file holds more than weights: it asks for __builtin__.bytearray",
    ),
    "tensor class": (
        lambda: by_hand(under_a_name(called("torch.FloatTensor", whole(GIANT)))),
        "the file holds more than weights: it asks for torch.FloatTensor",
    ),
    "storage called": (
        lambda: by_hand(under_a_name(called("torch.FloatStorage", whole(GIANT)))),
        "the file holds more than a state dict",
    ),
    "tensor past its storage": (
        lambda: by_hand(under_a_name(tensor(storage(4), 0, (GIANT,), (1,))), FOUR),
        "the file is damaged: a tensor claims more numbers than there are",
    ),
    "tensor spread over one number": (
        lambda: by_hand(under_a_name(tensor(storage(4), 0, (GIANT,), (0,))), FOUR),
        "the file is damaged: a tensor claims more numbers than there are",
    ),
    "negative stride": (lambda: by_hand(under_a_name(tensor(storage(4), 3, (2,), (-1,))), FOUR), DAMAGED),
    "offset": (lambda: by_hand(under_a_name(tensor(storage(4), GIANT, (2,), (1,))), FOUR), DAMAGED),
    "storage that is not there": (
        lambda: by_hand(under_a_name(tensor(storage(GIANT), 0, (2,), (1,))), FOUR),
        "the file is damaged: not all of the weights that it describes are there",
    ),
    "storage of another name": (
        lambda: by_hand(under_a_name(tensor(storage(4, "../1"), 0, (2,), (1,))), FOUR),
        "the file is damaged: not all of the weights that it describes are there",
    ),
    "one storage, many tensors": (
        lambda: by_hand(
            pickle.EMPTY_LIST + b"q\1" + pickle.MARK + HONEST + b"q\2" + b"h\2" * 10 + pickle.APPENDS + pickle.STOP,
            FOUR,
        ),
        "the file holds a list, not a state dict",
    ),
    "storage of eight gigabytes, legacy": (
        lambda: by_hand_legacy(
            under_a_name(tensor(storage(GIANT, more=b"N"), 0, (GIANT,), (1,))), block(GIANT, bytes(64))
        ),
        "the file is cut short",
    ),
    "another count in the file, legacy": (
        lambda: by_hand_legacy(under_a_name(tensor(storage(4, more=b"N"), 0, (4,), (1,))), block(GIANT, bytes(16))),
        "the file is damaged or cut short",
    ),
    "memory of four billion places": (
        lambda: by_hand(b"N" + pickle.LONG_BINPUT + b"\xfe\xff\xff\xff" + pickle.STOP),
        "the file holds a NoneType, not a state dict",
    ),
    "text of four gigabytes": (lambda: by_hand(pickle.BINUNICODE + b"\xff\xff\xff\xff" + b"x" * 99), "the file is cut"),
    "three million mappings": (lambda: by_hand(b"}" * 3_000_000 + b"."), "the file takes more than 500,000 steps"),
    "three million mappings, legacy": (
        lambda: by_hand_legacy(b"}" * 3_000_000 + b"."),
        "the file takes more than 500,000 steps",
    ),
    "a mapping that holds itself": (
        lambda: by_hand(pickle.EMPTY_DICT + b"q\1" + word("model") + b"h\1" + pickle.SETITEM + pickle.STOP),
        "the file holds no tensors under names",
    ),
    "long pickle": (lambda: by_hand(b"N" * 5_000_000 + b"."), "the file needs more space to describe its weights"),
    "copies of copies": (lambda: by_hand(copies_of_copies()), "the file takes more than 500,000 steps"),
    "a key that takes ages": (
        lambda: by_hand(thousands_of_tuples()),
        "the file holds a mapping with other keys than texts and whole numbers",
    ),
    "bomb": (lambda: bomb(2**31), "the file holds 2,147 MB of weights, and 21 MB is the most that is read here"),
    "three million entries": (lambda: crowded(3_000_000), "the file is damaged, or an archive of far more entries"),
    "header of eight gigabytes": (lambda: safe(b"{}", claimed=2**33), "the file is damaged: its header claims 8,589,9"),
    "header deep in brackets": (
        lambda: safe(b'{"a":' + b"[" * 1_000_000 + b"]" * 1_000_000 + b"}"),
        "the file is damaged: its header is not JSON",
    ),
    "tensor of eight gigabytes": (
        lambda: safe({"weight": entry([GIANT], 0, 4 * GIANT)}, bytes(16)),
        "the file is cut short, or longer than its header says",
    ),
    "tensors on one place": (
        lambda: safe({str(one): entry([4], 0, 16) for one in range(9)}, bytes(16)),
        "the file is damaged: its tensors overlap or leave gaps",
    ),
    "size that does not fit its shape": (
        lambda: safe({"weight": entry([GIANT, GIANT], 0, 16)}, bytes(16)),
        "the file is damaged: 'weight' is not as large as its header says",
    ),
    "type of another world": (
        lambda: safe({"weight": entry([4], 0, 4, "F8_E4M3")}, bytes(4)),
        "the file holds 'weight' of type F8_E4M3, which is not read here",
    ),
    "header of odd entries": (lambda: safe({"weight": {"shape": 3}}), "the file is damaged: its header is not that of"),
}


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all of them."""
    folder = tmp_path_factory.mktemp("hostile")
    for number, (make, _) in enumerate(HOSTILE.values()):
        (folder / str(number)).write_bytes(make())
    return folder


@pytest.mark.parametrize("number", range(len(HOSTILE)), ids=list(HOSTILE))
def test_a_hostile_file_is_refused_in_a_sentence(number: int, hostile: Path) -> None:
    path, sentence = hostile / str(number), list(HOSTILE.values())[number][1]
    for source in (path, path.read_bytes()):
        with pytest.raises(ValueError) as refused:
            checkpoint.read(source, "the file")
        text = str(refused.value)
        assert text.startswith(sentence)
        assert len(text) < 250 and "\n" not in text


MEASURE = """
import sys
from pathlib import Path
import torch
from explorer import checkpoint
checkpoint.read(Path(sys.argv[1]) / "honest")

def kib(what):
    [line] = [line for line in open("/proc/self/status") if line.startswith(what + ":")]
    return int(line.split()[1])

before = kib("VmRSS")  # the peak that getrusage knows of is that of the parent too
for path in sorted(Path(sys.argv[1]).iterdir()):
    if path.name == "honest":
        continue
    try:
        if sys.argv[2] == "torch":
            torch.load(path, weights_only=True)
        else:
            checkpoint.read(path)
    except (ValueError, Exception if sys.argv[2] == "torch" else ValueError):
        pass
    else:
        print("read", path.name)
print((kib("VmHWM") - before) / 1024)
"""


def peak(folder: Path, reader: str = "checkpoint") -> tuple[list[str], float]:
    """What a process of its own read of these files, and the MiB by which it grew."""
    (folder / "honest").write_bytes(saved(state()))
    command = [sys.executable, "-c", MEASURE, str(folder), reader]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    *read, grown = done.stdout.split("\n")[:-1]
    return read, float(grown)


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_hostile_files_take_no_memory(hostile: Path) -> None:
    read, grown = peak(hostile)
    assert not read
    assert grown < 200


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_the_same_measure_sees_what_torch_alone_would_take(tmp_path: Path) -> None:
    data = by_hand(under_a_name(called("__builtin__.bytearray", whole(600 * 2**20))))
    (tmp_path / "bytearray").write_bytes(data)
    read, grown = peak(tmp_path, "torch")
    assert read and grown > 500


def test_nothing_in_a_file_is_run(tmp_path: Path) -> None:
    trace = tmp_path / "ran"
    for data in (saved(Runs(f"touch {trace}")), legacy({"x": Runs(f"touch {trace}")})):
        with pytest.raises(ValueError, match="asks for posix"):
            checkpoint.read(data)
    assert not trace.exists()
    pickle.loads(pickle.dumps(Runs(f"touch {trace}")))
    assert trace.exists()  # so it would have been seen


@pytest.mark.parametrize("form", FORMS)
def test_a_file_cut_short_anywhere_is_refused(form: str) -> None:
    data = FORMS[form](state())
    points = {*range(0, 200), *range(200, len(data), 61), *range(len(data) - 120, len(data))}
    for length in sorted(points - {len(data)}):
        with pytest.raises(ValueError, match=r"^w\.pth "):
            checkpoint.read(data[:length], "w.pth")


@pytest.mark.parametrize("form", FORMS)
def test_a_file_with_changed_bytes_is_read_or_refused(form: str) -> None:
    data = FORMS[form]({"weight": torch.ones(3, 2), "bias": torch.ones(3)})
    draw = random.Random(form)
    refused = 0
    for _ in range(1500):
        changed = bytearray(data)
        for _ in range(draw.choice((1, 1, 2, 5))):
            changed[draw.randrange(len(changed))] = draw.randrange(256)
        try:
            found = checkpoint.read(bytes(changed), "w.pth")
        except ValueError as error:
            refused += 1
            assert str(error).startswith("w.pth ")
        else:
            assert all(isinstance(value, Tensor) and value.numel() <= 6 for value in found.values())
    assert 100 < refused < 1500


REFUSED = [
    (b"", "w.pth is empty"),
    (b"hello, I am a text file", "w.pth is neither a checkpoint of torch (.pth, .pt) nor a .safetensors file"),
    (b"\x89PNG\r\n\x1a\n" + bytes(99), "w.pth is neither a checkpoint of torch"),
    (b'{"blocks": []}', "w.pth is neither a checkpoint of torch"),
    (pickle.dumps({"weight": [1.0, 2.0]}, 2), "w.pth is a pickle, but not one of torch's"),
    (pickle.dumps({"weight": [1.0, 2.0]}, 5), "w.pth is damaged, or of a kind that torch does not read without trust"),
    (saved([torch.ones(2)]), "w.pth holds a list, not a state dict: names with tensors"),
    (saved(torch.ones(2)), "w.pth holds a single tensor, not a state dict"),
    (saved({"epoch": 3}), "w.pth holds no tensors under names"),
    (saved({0: torch.ones(2)}), "w.pth holds no tensors under names"),
    (checkpoint.write({}), "w.pth holds no tensors under names"),
    (
        saved({"weight": torch.eye(2).to_sparse()}),
        "w.pth holds more than weights: it asks for torch._utils._rebuild_sp",
    ),
    (
        saved({"weight": torch.ones(2, device="meta")}),
        "w.pth holds more than weights: it asks for torch._utils._rebuil",
    ),
    (saved({"weight": torch.ones(2).cfloat()}), "w.pth holds more than weights: it asks for torch.ComplexFloatStorage"),
    (saved({"when": {1, 2}}), "w.pth holds more than weights: it asks for __builtin__.set"),
]


@pytest.mark.parametrize(("data", "sentence"), REFUSED, ids=[sentence[6:40] for _, sentence in REFUSED])
def test_what_is_no_state_dict_is_refused(data: bytes, sentence: str) -> None:
    with pytest.raises(ValueError) as refused:
        checkpoint.read(data, "w.pth")
    assert str(refused.value).startswith(sentence)


def test_too_large_a_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "large.pth"
    with path.open("wb") as file:
        file.truncate(2**31)
    with pytest.raises(ValueError, match=r"large\.pth is too large: 2,147 MB, and 629 MB is the most"):
        checkpoint.read(path)
    with pytest.raises(ValueError, match="too large: 0 MB, and 0 MB"):
        checkpoint.read(saved(state()), limit=100)


def test_tensors_that_look_at_the_same_numbers_count_each() -> None:
    row = torch.ones(1000)
    many = {str(number): row for number in range(100)}
    assert len(checkpoint.read(saved(many), limit=500_000)) == 100
    with pytest.raises(ValueError, match="holds 0 MB of weights"):
        checkpoint.read(saved(many), limit=300_000)


def test_a_folder_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be read: Is a directory"):
        checkpoint.read(tmp_path)
    with pytest.raises(ValueError, match=r"gone\.pth cannot be read: No such file"):
        checkpoint.read(tmp_path / "gone.pth")
