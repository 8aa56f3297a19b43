"""A picture from anywhere as an array. What comes in is hostile: it is bounded before anything of it is decoded."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
MAX_BYTES = 16 * 2**20  # of a file
MAX_PIXELS = 25_000_000  # of a picture; a WebP is in memory four times while it is decoded, so 400 MB
LONGEST = 20  # times as long as wide; of anything longer a network would see a dot of its middle
KEPT = 640  # pixels that the longer side has at most afterwards
ORIENTATION = 0x0112  # the entry of Exif that says how the camera was held
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class PictureError(ValueError):
    """A file that is not taken as a picture: one sentence that says why."""


@dataclass(frozen=True)
class Picture:
    """Pixels in 0…255, (height, width) where grey and (height, width, 3) where coloured, no side longer than `KEPT`."""

    pixels: NDArray[np.uint8]
    size: tuple[int, int]  # height and width as the file has them, upright

    def png(self) -> bytes:
        """The picture as a file that `read` gives back the same."""
        file = BytesIO()
        Image.fromarray(self.pixels).save(file, "PNG")
        return file.getvalue()


def read(data: bytes) -> Picture:
    """The first frame of a PNG, JPEG, WebP or GIF file, upright, on white where it is transparent.

    Raises PictureError. What a header claims and what a file unpacks to are held to the bounds before memory is taken.
    """
    if len(data) > MAX_BYTES:
        raise PictureError(f"The file has {len(data):,} bytes, more than the {MAX_BYTES:,} that are read.")
    if not data:
        raise PictureError("The file is empty.")
    _check_webp(data)
    try:
        with Image.open(BytesIO(data), formats=FORMATS) as image:
            width, height = image.size
            check_size(width, height)
            image.draft(image.mode, (2 * KEPT, 2 * KEPT))  # a large JPEG is decoded at 1/2, 1/4 or 1/8
            image.load()
            turned = _orientation(image)
            pixels = _pixels(image)
    except PictureError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise PictureError(f"The picture has more than the {MAX_PIXELS:,} pixels that are read.") from None
    except UnidentifiedImageError:
        raise PictureError("The file is no PNG, JPEG, WebP or GIF picture.") from None
    except Exception as error:  # a decoder may raise anything on bytes that were made to break it
        raise PictureError(f"The picture is damaged or cut short ({type(error).__name__}).") from None
    if turned in UPRIGHT:
        pixels = np.asarray(Image.fromarray(pixels).transpose(UPRIGHT[turned]))
        height, width = (width, height) if turned >= 5 else (height, width)
    return Picture(pixels, (height, width))


def check_size(width: int, height: int) -> None:
    """Refuses a picture with more pixels than are read, and one that is a mere line."""
    if width < 1 or height < 1:
        raise PictureError("The picture has no pixels.")
    if width * height > MAX_PIXELS:
        raise PictureError(
            f"The picture has {width:,}×{height:,} = {width * height:,} pixels, more than the {MAX_PIXELS:,} that are "
            "read; make it smaller and try again."
        )
    if max(width, height) > LONGEST * min(width, height):
        raise PictureError(
            f"The picture has {width:,}×{height:,} pixels and is more than {LONGEST} times as long as it is wide, "
            "while a network sees its middle; cut out what it should see and try again."
        )


def _check_webp(data: bytes) -> None:
    """Refuses a large WebP, for which Pillow takes the memory as it opens the file."""
    kind = data[8:16]
    if data[:4] != b"RIFF" or len(data) < 30:
        return
    if kind == b"WEBPVP8X":
        check_size(1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little"))
    elif kind == b"WEBPVP8L":
        packed = int.from_bytes(data[21:25], "little")  # 14 bits each
        check_size(1 + (packed & 0x3FFF), 1 + (packed >> 14 & 0x3FFF))
    elif kind == b"WEBPVP8 ":
        check_size(*(int.from_bytes(data[at : at + 2], "little") & 0x3FFF for at in (26, 28)))


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except Exception:  # an Exif block that cannot be read turns nothing
        return 1


def _pixels(image: Image.Image) -> NDArray[np.uint8]:
    """The decoded picture, made small before it is converted, so that no second full copy is held."""
    if image.mode.startswith("I"):  # 16 bits a pixel
        image = Image.fromarray((np.asarray(image) >> 8).clip(0, 255).astype(np.uint8))
    grey = image.mode in ("L", "1", "LA", "La")
    see_through = image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info
    factor = max(1, max(image.size) // (2 * KEPT))
    if image.mode in ("P", "1", "PA"):
        image = _unpacked(image, factor, see_through)
    elif factor > 1:
        image = image.reduce(factor)
    if max(image.size) > KEPT:
        scale = KEPT / max(image.size)
        image = image.resize(
            (max(1, round(image.width * scale)), max(1, round(image.height * scale))), Image.Resampling.BILINEAR
        )
    if see_through:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.asarray(image.convert("L" if grey else "RGB"))


def _unpacked(image: Image.Image, factor: int, see_through: bool) -> Image.Image:
    """A picture of palette colours or of bits with its own colours, converted a band of rows at a time."""
    mode = "L" if image.mode == "1" else "RGBA" if see_through else "RGB"
    if factor == 1:
        return image.convert(mode)
    bands = []
    for top in range(0, image.height, factor * 64):
        band = image.crop((0, top, image.width, min(top + factor * 64, image.height))).convert(mode)
        bands.append(band.reduce(factor))
    whole = Image.new(mode, (bands[0].width, sum(band.height for band in bands)))
    top = 0
    for band in bands:
        whole.paste(band, (0, top))
        top += band.height
    return whole
