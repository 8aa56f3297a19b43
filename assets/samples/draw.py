"""Draws the sample pictures that lie here: `python assets/samples/draw.py`. Everything is computed, nothing copied."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

HERE = Path(__file__).parent
SIZE, FINE = 256, 4  # drawn four times as large, so that edges come out smooth


def shapes() -> Image.Image:
    """Circle, square, triangle, ring and lines in plain colours."""
    image = Image.new("RGB", (SIZE * FINE, SIZE * FINE), "#f3efe6")
    draw = ImageDraw.Draw(image)

    def scaled(*points: float) -> list[float]:
        return [point * FINE for point in points]

    draw.ellipse(scaled(22, 24, 112, 114), fill="#0077bb")
    draw.rectangle(scaled(142, 30, 230, 112), fill="#d9621a")
    draw.polygon(scaled(66, 142, 118, 232, 16, 232), fill="#00877a")
    draw.ellipse(scaled(140, 142, 232, 234), outline="#c2246b", width=14 * FINE)
    draw.line(scaled(8, 126, 248, 130), fill="#1b1d21", width=3 * FINE)
    draw.line(scaled(126, 8, 130, 248), fill="#1b1d21", width=3 * FINE)
    return image.resize((SIZE, SIZE), Image.Resampling.BOX)


def gratings() -> Image.Image:
    """Sixteen patches of stripes: four directions across, four widths down."""
    patch = SIZE // 4
    across = np.linspace(-0.5, 0.5, patch)
    x, y = np.meshgrid(across, across)
    window = np.exp(-((x**2 + y**2) / 0.09))
    rows = []
    for cycles in (3, 5, 8, 12):
        angles = np.arange(4) * np.pi / 4
        waves = [np.cos(2 * np.pi * cycles * (x * np.cos(angle) + y * np.sin(angle))) for angle in angles]
        rows.append(np.hstack([0.5 + 0.5 * window * wave for wave in waves]))
    return Image.fromarray(np.rint(np.vstack(rows) * 255).astype(np.uint8))


def three() -> Image.Image:
    """A 3 as a pen writes it, dark on light."""
    image = Image.new("L", (SIZE * FINE, SIZE * FINE), 248)
    draw = ImageDraw.Draw(image)
    turns = np.linspace(-150, 90, 80) * np.pi / 180, np.linspace(-90, 150, 80) * np.pi / 180
    points = [(126 + 48 * np.cos(turn), 80 + 46 * np.sin(turn)) for turn in turns[0]]
    points += [(122 + 58 * np.cos(turn), 172 + 46 * np.sin(turn)) for turn in turns[1]]
    for left, top in points:
        radius = 13 * FINE
        draw.ellipse([left * FINE - radius, top * FINE - radius, left * FINE + radius, top * FINE + radius], fill=28)
    return image.resize((SIZE, SIZE), Image.Resampling.BOX)


if __name__ == "__main__":
    for name, image in (("shapes", shapes()), ("gratings", gratings()), ("three", three())):
        image.save(HERE / f"{name}.png", optimize=True)
