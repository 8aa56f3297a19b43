"""Sample pictures: digits and photographs that scikit-learn ships, and drawings of our own."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

from PIL import Image

from explorer.probe.picture import Picture, read
from explorer.training import data
from explorer.ui.places import folder

DIGIT = "digit"
THUMB = 72  # pixels


@dataclass(frozen=True)
class Sample:
    """A picture to try, and whose it is."""

    title: str
    file: str  # in its folder
    credit: str


DRAWN = "Drawn for this app."
SAMPLES = {
    "three": Sample("A 3 in ink", "three.png", DRAWN),
    "shapes": Sample("Shapes", "shapes.png", DRAWN),
    "gratings": Sample("Stripes", "gratings.png", DRAWN),
    "flower": Sample("Flower", "flower.jpg", "Photograph by vultilion, CC BY 2.0, with scikit-learn."),
    "china": Sample("Temple", "china.jpg", "Photograph by danielbuechele, CC BY 2.0, with scikit-learn."),
}


def _path(sample: Sample) -> Path:
    if sample.file.endswith(".png"):
        return folder("assets") / "samples" / sample.file
    found = find_spec("sklearn")
    return Path(found.origin or "").parent / "datasets/images" / sample.file if found else Path()


@lru_cache(maxsize=1)
def available() -> dict[str, str]:
    """The samples that are there, by key, with their titles."""
    return {DIGIT: "Digit"} | {key: one.title for key, one in SAMPLES.items() if _path(one).is_file()}


def digits() -> int:
    """How many test digits there are."""
    return len(data.load("digits").test_labels)


@lru_cache(maxsize=16)
def picture(key: str, number: int = 0) -> Picture:
    """A sample; of the digits the test image `number`."""
    if key == DIGIT:
        pixels = data.load("digits").test_images[number % digits(), 0].numpy()
        return Picture(pixels, (pixels.shape[0], pixels.shape[1]))
    return read(_path(SAMPLES[key]).read_bytes())


def credit(key: str, number: int = 0) -> str:
    """What the picture is and where it is from."""
    if key == DIGIT:
        label = int(data.load("digits").test_labels[number % digits()])
        return (
            f"A {label}: test image {number + 1:,} of {digits():,}, which no training has seen (UCI digits, CC BY 4.0)."
        )
    return f"{SAMPLES[key].title}. {SAMPLES[key].credit}"


@lru_cache(maxsize=32)
def thumb(key: str, number: int = 0) -> str:
    """The picture in small, as an address."""
    image = Image.fromarray(picture(key, number).pixels)
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    how = Image.Resampling.NEAREST if side < THUMB else Image.Resampling.BOX
    image = image.crop((left, top, left + side, top + side)).resize((THUMB, THUMB), how)
    file = BytesIO()
    image.save(file, "PNG" if image.mode == "L" else "JPEG", quality=85)
    kind = "png" if image.mode == "L" else "jpeg"
    return f"data:image/{kind};base64,{b64encode(file.getvalue()).decode()}"
