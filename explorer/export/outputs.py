"""A process of its own that runs an exported file: `python -m explorer.export.outputs FOLDER`.

The folder holds `network.json` and `network.py`; what was found is left there as `found.json`.
"""

from __future__ import annotations

import json
import runpy
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from explorer.network import Network

ADDRESS_SPACE = 12 * 2**30  # bytes; torch alone maps some 2 GiB before it does anything
IMAGES = 2  # torch's norms refuse a channel or group of a single value
SEED = 0


def main(folder: Path) -> None:
    """Runs the app's model and the file's on the same images with the same weights, in training and in evaluation."""
    limit_memory()
    torch.set_num_threads(1)  # sums depend on how many there are
    network = Network.from_json((folder / "network.json").read_text(encoding="utf-8"))
    images = torch.randn(IMAGES, *network.input, generator=torch.Generator().manual_seed(SEED))
    ours = network.build(SEED)
    torch.save(ours.state_dict(), folder / "weights.pt")
    keys = list(ours.state_dict())
    expected = outputs(ours, images)
    del ours
    theirs = runpy.run_path(str(folder / "network.py"), run_name="exported")["Network"](SEED + 1)
    found: dict[str, Any] = {"same_keys": list(theirs.state_dict()) == keys}
    if found["same_keys"]:
        theirs.load_state_dict(torch.load(folder / "weights.pt", weights_only=True, mmap=True))
        found |= differences(expected, outputs(theirs, images))
    (folder / "found.json").write_text(json.dumps(found), encoding="utf-8")


def outputs(model: nn.Module, images: Tensor) -> list[Tensor]:
    """What the model gives in training, where norms learn the images' statistics, and in evaluation by these."""
    given = []
    with torch.no_grad():
        for training in (True, False):
            torch.manual_seed(SEED)  # of dropout
            given.append(model.train(training)(images))
    return given


def differences(expected: list[Tensor], given: list[Tensor]) -> dict[str, Any]:
    """The greatest difference of any value, and whether all are finite numbers."""
    finite = all(bool(one.isfinite().all()) for one in (*expected, *given))
    if any(one.shape != other.shape for one, other in zip(expected, given, strict=True)):
        return {"same_shape": False, "finite": finite}
    worst = max(float((one - other).abs().max()) for one, other in zip(expected, given, strict=True))
    return {"same_shape": True, "finite": finite, "difference": worst if finite else None}


def limit_memory() -> None:
    """Bounds what this process can take, where the system knows how to."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
