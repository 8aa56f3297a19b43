"""Folders for TensorBoard: a file of events a run, written here, so that TensorBoard itself need not be installed.

The file is TensorFlow's: records of a length, its checksum, the data and theirs (CRC-32C, masked), each a message
`Event` of `tensorflow/core/util/event.proto` in the wire format of protocol buffers. Only scalars and one text are
written.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
from collections.abc import Iterator, Sequence

from explorer.runs.courses import costs, thinned
from explorer.runs.exported.tables import name_of
from explorer.runs.store import Run

MOST_STEPS = 10_000  # of a run; TensorBoard itself shows a thousand of them
VERSION = "brain.Event:2"  # what TensorBoard looks for in the first record
DOUBLE, LENGTH, FIXED = 1, 2, 5  # kinds of a field on the wire; 0 is a whole number


def archive(runs: Sequence[Run]) -> bytes:
    """A zip of a folder a run, for `tensorboard --logdir`."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for run in runs:
            packed.writestr(f"runs/{folder(run)}/events.out.tfevents.{int(run.created)}.explorer", event_file(run))
    return file.getvalue()


def folder(run: Run) -> str:
    """What the run is called in TensorBoard's list: its name without what a path does not take, its seed and id."""
    name = re.sub(r"[^\w.-]+", "-", name_of(run)).strip("-.")[:60] or "network"
    return f"{name}-seed{run.recipe.seed}-{run.id}"


def event_file(run: Run) -> bytes:
    """The whole file of one run."""
    return b"".join(map(record, _events(run)))


def _events(run: Run) -> Iterator[bytes]:
    began = run.began or run.created
    yield event(began, text=VERSION)
    yield event(began, 0, _text("recipe", _about(run)))
    steps = run.steps
    for place in thinned(len(steps), MOST_STEPS):
        step = steps[place]
        values = {
            "loss/train": step.loss,
            "accuracy/train": step.accuracy,
            "speed/images_per_second": step.images_per_second,
        }
        if step.learning_rate is not None:
            values["learning_rate"] = step.learning_rate
        yield event(began + (step.elapsed or 0.0), step.step, _scalars(values))
    when = {step.step: step.elapsed or 0.0 for step in steps}
    for test in run.evaluated:
        values = {"loss/test": test.loss, "accuracy/test": test.accuracy}
        yield event(began + when.get(test.step, 0.0), test.step, _scalars(values))
    if run.finished and steps:
        last = run.finished.steps or steps[-1].step
        values = {"loss/test": run.finished.test_loss, "accuracy/test": run.finished.test_accuracy}
        if not any(test.step == last for test in run.evaluated):
            yield event(began + run.finished.seconds, last, _scalars(values))


def _about(run: Run) -> str:
    macs, params = costs(run.network_json) or (None, None)
    lines = [f"{name_of(run)}: {run.recipe.words()}"]
    if macs is not None:
        lines.append(f"{params:,} parameters, {macs:,} MACs an image")
    return "  \n".join([*lines, f"run {run.id}, {run.status}"])


# The message


def event(time: float, step: int = 0, summary: bytes = b"", text: str = "") -> bytes:
    """An `Event`: wall_time 1, step 2, and file_version 3 or summary 5."""
    made = _key(1, DOUBLE) + struct.pack("<d", time)
    if step:
        made += _key(2, 0) + _whole(step)
    if text:
        made += _bytes(3, text.encode())
    return made + (_bytes(5, summary) if summary else b"")


def _scalars(values: dict[str, float]) -> bytes:
    """A `Summary`, repeated value 1 of tag 1 and simple_value 2."""
    return b"".join(
        _bytes(1, _bytes(1, tag.encode()) + _key(2, FIXED) + struct.pack("<f", _float32(value)))
        for tag, value in values.items()
    )


def _float32(value: float) -> float:
    """What float32 can hold: a loss that has left every scale becomes infinite."""
    try:
        struct.pack("<f", value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")
    return value


def _text(tag: str, said: str) -> bytes:
    """A `Summary` of one text: tag 1, tensor 8 (dtype 1 is 7, string_val 8), metadata 9 that names the plugin."""
    tensor = _key(1, 0) + _whole(7) + _bytes(2, b"") + _bytes(8, said.encode())
    plugin = _bytes(1, _bytes(1, b"text"))
    return _bytes(1, _bytes(1, tag.encode()) + _bytes(8, tensor) + _bytes(9, plugin))


def _key(number: int, kind: int) -> bytes:
    return _whole(number << 3 | kind)


def _bytes(number: int, data: bytes) -> bytes:
    return _key(number, LENGTH) + _whole(len(data)) + data


def _whole(number: int) -> bytes:
    """A whole number, seven bits a byte, the lowest first."""
    made = bytearray()
    while number > 127:
        made.append(number & 127 | 128)
        number >>= 7
    made.append(number)
    return bytes(made)


# The record


def record(data: bytes) -> bytes:
    """A record of the file: length, its checksum, data, its checksum."""
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", masked(length)) + data + struct.pack("<I", masked(data))


def masked(data: bytes) -> int:
    """The checksum as TensorFlow stores it, so that one of data that holds checksums is no trap."""
    found = crc32c(data)
    return ((found >> 15 | found << 17) + 0xA282EAD8) & 0xFFFFFFFF


def crc32c(data: bytes) -> int:
    """CRC-32C (Castagnoli)."""
    found = 0xFFFFFFFF
    for byte in data:
        found = TABLE[(found ^ byte) & 255] ^ found >> 8
    return found ^ 0xFFFFFFFF


def _table() -> tuple[int, ...]:
    made = []
    for number in range(256):
        for _ in range(8):
            number = number >> 1 ^ (0x82F63B78 if number & 1 else 0)
        made.append(number)
    return tuple(made)


TABLE = _table()
