"""A worker that notes the moment at which the loop gives each event: `python -m benchmarks.stamped`, for `queue.py`."""

import os
import time
from collections.abc import Container, Iterator

from explorer.runs import worker
from explorer.runs.messages import Answer, Job

FILE = "EXPLORER_BENCHMARK_STAMPS"  # the environment's name for where they go
work = worker.work


def stamped(job: Job, pausing: Container[str] = ()) -> Iterator[Answer]:
    """The answers to a job; before each is sent, a line with the monotonic clock."""
    with open(os.environ[FILE], "w", buffering=1) as file:
        for answer in work(job, pausing):
            file.write(f"{time.monotonic()}\n")
            yield answer


if __name__ == "__main__":
    worker.work = stamped
    worker.main()
