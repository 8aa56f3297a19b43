"""What a run says while it goes: plain records that a page draws, a store keeps and a test reads."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

Count = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Numbers = Annotated[tuple[Annotated[float, Field(ge=0)], ...], Field(max_length=1024)]


class Record(BaseModel):
    """A frozen record; it knows nothing but its own fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Started(Record):
    """The network stands on its device and the first step comes next."""

    event: Literal["started"] = "started"
    device: Annotated[str, Field(max_length=200)]
    parameters: Count
    train_images: Count
    test_images: Count
    steps: Count  # 0 where the run ends by the clock
    order: Annotated[str, Field(max_length=64)]  # digest of every batch's images; twins have the same
    done: Count = 0  # steps made before, where a run goes on; what was said of later ones no longer holds
    precision: Annotated[str, Field(max_length=20)] = "float32"


class Step(Record):
    """One update of the weights. `step` counts from 1; loss and accuracy are those of its batch before the update."""

    event: Literal["step"] = "step"
    step: Count
    loss: float
    accuracy: Share
    images_per_second: Annotated[float, Field(ge=0)]
    seconds_left: Annotated[float, Field(ge=0)]
    learning_rate: Annotated[float, Field(ge=0)] | None = None
    milliseconds: Annotated[float, Field(ge=0)] | None = None  # of one step, over the last few
    elapsed: Annotated[float, Field(ge=0)] | None = None  # seconds since the first step, those of tests included


class Telemetry(Record):
    """What goes through the network at one step: a number a block, from the input on.

    `gradients` are the lengths of the gradients of a block's weights before clipping, 0 where it has none;
    `activations` the root mean square of what it gives. The copies of a card are folded into one number, and stand one
    by one in `copy_gradients` and `copy_activations`. What is not finite is written as the largest float32.
    """

    event: Literal["telemetry"] = "telemetry"
    step: Count
    gradients: Numbers
    activations: Numbers
    copy_gradients: Numbers
    copy_activations: Numbers
    bytes: Count | None = None  # that the process holds, on its device; None where the system does not say


class Evaluated(Record):
    """The test images were predicted, with the running statistics of the norms."""

    event: Literal["evaluated"] = "evaluated"
    step: Count
    loss: float
    accuracy: Share


class Guess(Record):
    """A class and the probability that softmax gives it."""

    label: Count
    probability: Share


class Wrong(Record):
    """A test image that was taken for another: its place among the test images, its class, the likeliest guesses."""

    index: Count
    label: Count
    guesses: Annotated[tuple[Guess, ...], Field(max_length=10)]


class Finished(Record):
    """The run came to its end."""

    event: Literal["finished"] = "finished"
    seconds: Annotated[float, Field(ge=0)]
    cpu_seconds: Annotated[float, Field(ge=0)]  # of the process
    train_loss: float  # mean over the last tenth of the steps, each on its own batch
    train_accuracy: Share  # over the same steps
    test_loss: float
    test_accuracy: Share
    confusion: Annotated[tuple[tuple[Count, ...], ...], Field(max_length=1000)]  # rows: true class; columns: predicted
    wrong: Annotated[tuple[Wrong, ...], Field(max_length=100)]  # surest first
    wrong_count: Count
    steps: Count | None = None  # that were made
    best_accuracy: Share | None = None  # of all tests
    best_step: Count | None = None


class Paused(Record):
    """The run stopped where it can go on: everything that it needs for that lies in its file."""

    event: Literal["paused"] = "paused"
    step: Count


class Notice(Record):
    """Something to know that does not end the run."""

    event: Literal["notice"] = "notice"
    text: Annotated[str, Field(max_length=2000)]


class Failed(Record):
    """The run ended early; `reason` is a sentence that says why and what helps."""

    event: Literal["failed"] = "failed"
    reason: Annotated[str, Field(max_length=2000)]


Event = Annotated[
    Started | Step | Telemetry | Evaluated | Finished | Paused | Notice | Failed, Field(discriminator="event")
]
EVENT: TypeAdapter[Event] = TypeAdapter(Event)


def add(events: list[Event], event: Event) -> None:
    """Adds what a run said; where it goes on from an earlier step, what was said of later steps goes."""
    if isinstance(event, Started):
        events[:] = [old for old in events if not isinstance(old, Started) and getattr(old, "step", 0) <= event.done]
    events.append(event)
