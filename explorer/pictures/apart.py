"""Pictures made into a set, and published sets fetched, in a process of its own that can be stopped.

The process says how far it is in lines of JSON, and in the last what came of it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock, Thread, Timer
from typing import Any

SECONDS = 1800.0  # that an errand may take
MOST_LINE = 64 * 1024
TOGETHER = 2  # errands at a time
KEPT = 50  # that are remembered


@dataclass(frozen=True)
class Errand:
    """How far one is: `name` of the data set where it is done, `reason` where it cannot be."""

    done: int = 0
    total: int = 0
    name: str = ""
    reason: str = ""

    @property
    def active(self) -> bool:
        """Whether more is to come."""
        return not self.name and not self.reason


class Errands:
    """The errands of this process, by key: one of a key at a time. Everything behind a lock."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: dict[str, Errand] = {}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def download(self, kind: str) -> str:
        """Fetches a published set; the errand's key."""
        return self._start(f"download {kind}", ["download", kind])

    def bring(self, file: Path, side: int, title: str) -> str:
        """Makes a set of a zip file, which is deleted afterwards; the errand's key."""
        return self._start(f"bring {file.name}", ["bring", str(file), str(side), title], file)

    def read(self, key: str) -> Errand | None:
        """How far the errand of this key is; None where there is none."""
        with self._lock:
            return self._known.get(key)

    def stop(self, key: str) -> None:
        """Ends an errand and whatever it started."""
        self._end(key, "It was stopped.")

    def forget(self, key: str) -> None:
        """Lets go of an errand that has ended."""
        with self._lock:
            if key not in self._processes:
                self._known.pop(key, None)

    def _end(self, key: str, reason: str) -> None:
        with self._lock:
            process = self._processes.get(key)
            if process is None:
                return
            self._known[key] = replace(self._known[key], reason=reason)
        process.kill()

    def _start(self, key: str, words: Sequence[str], file: Path | None = None) -> str:
        with self._lock:
            if key in self._processes:
                return key
            if len(self._processes) >= TOGETHER:
                self._known[key] = Errand(reason=f"{TOGETHER} others are under way; try again when one has ended.")
                if file is not None:
                    file.unlink(missing_ok=True)
                return key
            for old in [one for one in self._known if one not in self._processes][: -KEPT or None]:
                del self._known[old]
            self._known[key] = Errand()
            process = self._processes[key] = subprocess.Popen(
                [sys.executable, "-m", "explorer.pictures.apart", *words],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )
        Thread(target=self._listen, args=(key, process, file), name="errand", daemon=True).start()
        return key

    def _listen(self, key: str, process: subprocess.Popen[bytes], file: Path | None) -> None:
        """Follows what a process says until it ends."""
        assert process.stdout is not None and process.stdin is not None
        limit = Timer(SECONDS, self._end, (key, f"It took more than {SECONDS / 60:g} minutes and was given up."))
        limit.daemon = True
        limit.start()
        with process.stdout, process.stdin:
            while line := process.stdout.readline(MOST_LINE):
                self._hear(key, line)
            process.wait()
        limit.cancel()
        if file is not None:
            file.unlink(missing_ok=True)
        with self._lock:
            del self._processes[key]
            if self._known[key].active:
                said = f"The process that did this ended with code {process.returncode}; memory may have run out."
                self._known[key] = replace(self._known[key], reason=said)

    def _hear(self, key: str, line: bytes) -> None:
        said = json.loads(line)
        with self._lock:
            if self._known[key].active:
                self._known[key] = replace(self._known[key], **said)


def main(words: Sequence[str]) -> None:
    """What the process of its own does; it ends when its stdin does, so that it never outlives its server."""
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what a library prints must not come between the answers
    Thread(target=_end_with_stdin, daemon=True).start()

    def say(**said: Any) -> None:
        answers.write(json.dumps(said).encode() + b"\n")

    told = -1

    def tell(done: int, total: int) -> None:
        nonlocal told
        hundredth = 100 * done // max(1, total)
        if hundredth != told:
            told = hundredth
            say(done=done, total=total)

    try:
        if words[0] == "download":
            from explorer.training.data.download import download

            download(words[1], tell)
            say(name=words[1])
        else:
            import torch

            from explorer.pictures import bring

            torch.set_num_threads(1)
            say(name=bring(Path(words[1]), int(words[2]), words[3], tell))
    except ValueError as refusal:
        say(reason=f"{str(refusal)[:1].upper()}{str(refusal)[1:2000]}.".replace("..", "."))


def _end_with_stdin() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
