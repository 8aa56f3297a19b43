"""A worker: `python -m explorer.runs.worker` takes jobs as JSON lines on stdin and answers in JSON lines on stdout.

It keeps torch warm from job to job and ends when its stdin does, so that it never outlives its server.
"""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from collections.abc import Container, Iterator
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

import torch
from pydantic import ValidationError

from explorer.network import Network
from explorer.runs.messages import JOB, MAX_LINE, Answer, Job, Pause, Ready, Time, Train
from explorer.training import timing
from explorer.training.estimate import measure
from explorer.training.loop import train
from explorer.training.recipe import Recipe

TINY = """{"input": [1, 8, 8], "blocks": [
    {"kind": "stem", "form": "cifar", "channels": 4},
    {"kind": "basic", "channels": 4},
    {"kind": "classifier", "classes": 10}
]}"""


def main() -> None:
    """Serves jobs until stdin ends."""
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what a library prints must not come between the answers
    torch.set_num_threads(1)  # two threads on a busy machine take three times as long as one
    jobs: SimpleQueue[Job] = SimpleQueue()
    pausing: set[str] = set()
    Thread(target=_read, args=(jobs, pausing), daemon=True).start()
    warm_up()
    while True:
        answers.write(Ready().model_dump_json().encode() + b"\n")
        for answer in work(jobs.get(), pausing):
            answers.write(answer.model_dump_json().encode() + b"\n")
        release()


def work(job: Job, pausing: Container[str] = ()) -> Iterator[Answer]:
    """The answers to one job; a run ends early once it is named among those that pause."""
    if isinstance(job, Pause):
        return iter(())  # heard by the reader already
    if isinstance(job, Train):
        resume = Path(job.resume) if job.resume else None
        checkpoint, pause = Path(job.checkpoint), lambda: job.run in pausing
        return train(job.network, job.recipe, None, checkpoint, resume, pause, every=job.every)
    if isinstance(job, Time):
        return timing.measure(job.network, job.batch)
    return iter([measure(job.network, job.recipe)])


def warm_up() -> None:
    """Does everything once, small: the first optimiser alone imports parts of torch for a second."""
    tiny = Network.from_json(TINY)
    measure(tiny, Recipe(steps=1, batch=8))
    for _ in train(tiny, Recipe(steps=1, batch=8)):
        pass


def release() -> None:
    """Gives freed memory back to the system, or the next run would be said to hold what the last one did."""
    gc.collect()
    with suppress(AttributeError, OSError):  # GNU's library has it
        ctypes.CDLL(None).malloc_trim(0)


def _read(jobs: SimpleQueue[Job], pausing: set[str]) -> None:
    """Takes lines from stdin beside the work; the end of stdin ends the process, in the middle of a step too."""
    while line := sys.stdin.buffer.readline(MAX_LINE):
        try:
            job = JOB.validate_json(line)
        except ValidationError as error:
            print(f"This is no job: {error}", file=sys.stderr)
            os._exit(1)
        if isinstance(job, Pause):
            pausing.add(job.run)
            continue
        pausing.clear()  # what was said before is not meant for this one
        jobs.put(job)
    os._exit(0)


if __name__ == "__main__":
    main()
