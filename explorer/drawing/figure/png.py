"""A figure in pixels: its PDF, rasterised by PDFium, so that both look the same."""

from __future__ import annotations

from io import BytesIO
from threading import Lock

import pypdfium2

MOST = 60_000_000  # pixels
ONE = Lock()  # PDFium serves one thread at a time


class TooManyPixels(ValueError):
    """A picture that would not fit into memory."""


def png(page: bytes, dpi: float) -> bytes:
    """The file, which says its resolution. Raises TooManyPixels."""
    with ONE:
        document = pypdfium2.PdfDocument(page)
        try:
            width, height = document[0].get_size()
            pixels = width * height * (dpi / 72) ** 2
            if pixels > MOST:
                raise TooManyPixels(
                    f"At {dpi:g} dpi this figure has {pixels / 1e6:,.0f} million pixels, more than {MOST / 1e6:g}; "
                    "take SVG or PDF, or fewer dpi."
                )
            image = document[0].render(scale=dpi / 72).to_pil()
        finally:
            document.close()
    written = BytesIO()
    image.save(written, "PNG", dpi=(dpi, dpi), optimize=True)
    return written.getvalue()
