"""An ONNX file made and checked in a process of its own, since torch's exporter swaps parts of torch while it works."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from explorer import checkpoint
from explorer.export.check import failure
from explorer.network import Network
from explorer.report import analyze
from explorer.training import device

SECONDS = 600.0
OVERHEAD = 900 * 2**20  # bytes of a process that has loaded torch's exporter
TOLERANCE = 1e-4  # of the largest output


@dataclass(frozen=True)
class OnnxFile:
    """The file, and how far what it gives is from what torch gives for the same images."""

    data: bytes
    difference: float  # the largest of any output
    largest: float  # the largest output that torch gives
    runtime: str  # what ran the file

    @property
    def same(self) -> bool:
        """Whether they agree as closely as two programs can that add in another order."""
        return self.difference <= TOLERANCE * max(1.0, self.largest)

    def words(self) -> str:
        """The finding in one line."""
        if self.largest == float("inf"):
            return "not checked: with these weights the output is not finite"
        verb = "same output" if self.same else "different output"
        return f"{verb} as torch in {self.runtime}, max |Δ| = {self.difference:.1e}"


def onnx_file(
    network: Network,
    state: Mapping[str, Tensor],
    *,
    softmax: bool = False,
    dynamic_batch: bool = True,
    seconds: float = SECONDS,
) -> OnnxFile:
    """`onnx_bytes` in a process of its own, with its check. Raises ShapeError, and ValueError where no file can be."""
    lacking = too_large(network)
    if lacking:
        raise ValueError(lacking)
    with TemporaryDirectory(prefix="explorer-onnx-") as name:
        folder = Path(name)
        (folder / "network.json").write_text(network.to_json(), encoding="utf-8")
        (folder / "weights.safetensors").write_bytes(checkpoint.write(state))
        (folder / "options.json").write_text(json.dumps({"softmax": softmax, "dynamic_batch": dynamic_batch}))
        command = [sys.executable, "-m", "explorer.export.apart", name]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        try:
            ended = subprocess.run(
                command, capture_output=True, stdin=subprocess.DEVNULL, timeout=seconds, env=environment
            )
        except subprocess.TimeoutExpired:
            raise ValueError(f"writing the file took more than {seconds:g} s") from None
        found = folder / "found.json"
        if ended.returncode or not found.is_file():
            reason = failure(ended.returncode, ended.stderr.decode(errors="replace"))
            raise ValueError(reason.replace("running the file", "writing the file").replace("ran the file", "wrote it"))
        answer = json.loads(found.read_text(encoding="utf-8"))
        if "refusal" in answer:
            raise ValueError(answer["refusal"])
        return OnnxFile((folder / "network.onnx").read_bytes(), **answer)


def too_large(network: Network) -> str:
    """Why a file is not tried where memory would not do; empty where it would."""
    needed = OVERHEAD + 24 * analyze(network).params  # the weights six times: read, built, in the file, and to run it
    free = device.free_bytes(torch.device("cpu"))
    if free is None or needed < free:
        return ""
    return f"writing the file needs some {needed / 2**30:,.1f} GiB of memory, and {free / 2**30:,.1f} GiB are free"


def main(folder: Path) -> None:
    """What the process of its own does."""
    from explorer.export.onnx import onnx_bytes

    torch.set_num_threads(1)
    network = Network.from_json((folder / "network.json").read_text(encoding="utf-8"))
    options = json.loads((folder / "options.json").read_text())
    try:
        state = checkpoint.read(folder / "weights.safetensors", limit=2**32)
        data = onnx_bytes(network, state, **options)
        (folder / "network.onnx").write_bytes(data)
        answer: dict[str, object] = compared(network, state, data, options["softmax"], options["dynamic_batch"])
    except ValueError as refusal:
        answer = {"refusal": str(refusal)}
    (folder / "found.json").write_text(json.dumps(answer), encoding="utf-8")


def compared(
    network: Network, state: Mapping[str, Tensor], data: bytes, softmax: bool, several: bool
) -> dict[str, object]:
    """The fields of an `OnnxFile` that the check finds, on seeded random images."""
    images = torch.randn(2 if several else 1, *network.input, generator=torch.Generator().manual_seed(0))
    model = network.skeleton()
    model.load_state_dict(dict(state), assign=True)
    model.eval()
    with torch.no_grad():
        ours = model.predict(images) if softmax else model(images)
    given, runtime = run(data, images)
    largest = ours.abs().max().item()
    difference = (ours - given).abs().max().item()
    finite = ours.isfinite().all().item()
    return {"difference": difference, "largest": largest if finite else float("inf"), "runtime": runtime}


def run(data: bytes, images: Tensor) -> tuple[Tensor, str]:
    """What the file gives, in onnxruntime where it is installed, else by ONNX's own reference; and which it was."""
    try:
        import onnxruntime
    except ImportError:
        import onnx
        from onnx.reference import ReferenceEvaluator

        found: Any = ReferenceEvaluator(onnx.load_from_string(data)).run(None, {"image": images.numpy()})
        return torch.from_numpy(found[0]), "ONNX's reference"
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    return torch.from_numpy(session.run(None, {"image": images.numpy()})[0]), "onnxruntime"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
