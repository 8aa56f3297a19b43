"""A figure in pixels: its PDF, rasterised by PDFium, so that both look the same."""

from __future__ import annotations

from io import BytesIO
from threading import Lock

import pypdfium2

MOST = 60_000_000  # pixels that are held at once: 240 MB
ONE = Lock()  # PDFium serves one thread at a time


def png(page: bytes, dpi: float) -> bytes:
    """The file, which says its resolution."""
    with ONE:
        document = pypdfium2.PdfDocument(page)
        try:
            image = document[0].render(scale=dpi / 72).to_pil()
        finally:
            document.close()
    written = BytesIO()
    image.save(written, "PNG", dpi=(dpi, dpi), optimize=True)
    return written.getvalue()
