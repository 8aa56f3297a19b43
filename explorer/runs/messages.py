"""What the server and its workers say to each other: one JSON object a line, of bounded length."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from explorer.network import Network
from explorer.training.estimate import Measured
from explorer.training.events import Event, Record
from explorer.training.loop import SAVE_SECONDS
from explorer.training.recipe import Recipe
from explorer.training.timing import MOST_IMAGES, Timed, Timing, TimingEnded

MAX_LINE = 4 * 1024 * 1024  # bytes; a longer one is not of this protocol


class Train(BaseModel):
    """Train this network and leave its weights in a file; go on from `resume` where a state of this run lies there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    job: Literal["train"] = "train"
    network: Network
    recipe: Recipe
    checkpoint: str
    resume: str = ""  # where the state of the run is kept on the way; empty: nowhere
    run: str = ""  # what `Pause` names it by
    every: Annotated[float, Field(ge=0, le=3600)] = SAVE_SECONDS  # seconds between two writings of the state


class Pause(BaseModel):
    """Not a job but a word to one that is under way: write its state and end. Nothing where it is another's turn."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    job: Literal["pause"] = "pause"
    run: str


class Measure(BaseModel):
    """Say what training this network would take."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    job: Literal["measure"] = "measure"
    network: Network
    recipe: Recipe


class Time(BaseModel):
    """Say how long each distinct block of this network takes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    job: Literal["time"] = "time"
    network: Network
    batch: Annotated[int, Field(ge=1, le=MOST_IMAGES)]


class Ready(Record):
    """The worker is warm, or has done its job, and waits for the next."""

    event: Literal["ready"] = "ready"


Job = Annotated[Train | Pause | Measure | Time, Field(discriminator="job")]
JOB: TypeAdapter[Job] = TypeAdapter(Job)
Answer = Annotated[
    Event | Measured | Timing | Timed | TimingEnded | Ready,
    Field(discriminator="event"),
]
ANSWER: TypeAdapter[Answer] = TypeAdapter(Answer)
