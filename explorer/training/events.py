"""What a run says while it goes: plain records that a page draws, a store keeps and a test reads."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

Count = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]


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
    steps: Count
    order: Annotated[str, Field(max_length=64)]  # digest of every batch's images; twins have the same


class Step(Record):
    """One update of the weights. `step` counts from 1; loss and accuracy are those of its batch before the update."""

    event: Literal["step"] = "step"
    step: Count
    loss: float
    accuracy: Share
    images_per_second: Annotated[float, Field(ge=0)]
    seconds_left: Annotated[float, Field(ge=0)]


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


class Failed(Record):
    """The run ended early; `reason` is a sentence that says why and what helps."""

    event: Literal["failed"] = "failed"
    reason: Annotated[str, Field(max_length=2000)]


Event = Annotated[Started | Step | Evaluated | Finished | Failed, Field(discriminator="event")]
EVENT: TypeAdapter[Event] = TypeAdapter(Event)
