"""Picture files that were made to do harm, written by hand, and a reading of them in a process of its own."""

import struct
import subprocess
import sys
import zlib
from pathlib import Path

ROOT = Path(__file__).parents[1]
MEASURE = """
import resource, sys
from pathlib import Path
from explorer.probe.picture import PictureError, read
def memory(now):
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    words = status.read_text().split()
    return int(words[words.index("VmRSS:" if now else "VmHWM:") + 1])
data = Path(sys.argv[1]).read_bytes()
before = memory(now=True)
"""
READ = """
try:
    said = "x".join(map(str, read(data).pixels.shape))
except PictureError as error:
    said = str(error)
"""
TELL = """
print((memory(now=False) - before) * 1024)
print(said)
"""


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width: int, height: int, depth: int = 8, kind: int = 0, packed: bytes = b"", before: bytes = b"") -> bytes:
    """A PNG with this header and these packed rows, whether or not they belong together."""
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + before + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def zeros(size: int) -> bytes:
    """So many zeros, packed into some 0.4 % of that, and never in memory at once."""
    packer = zlib.compressobj(1)
    part = bytes(2**20)
    made = b"".join(packer.compress(part) for _ in range(size // len(part)))
    return made + packer.compress(bytes(size % len(part))) + packer.flush()


def jpeg_header(width: int, height: int) -> bytes:
    frame = struct.pack(">BHHB", 8, height, width, 3) + bytes([1, 17, 0, 2, 17, 0, 3, 17, 0])
    return b"\xff\xd8\xff\xc0" + struct.pack(">H", len(frame) + 2) + frame + b"\xff\xd9"


def gif_header(width: int, height: int) -> bytes:
    screen = struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6)
    image = b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x4c\x01\x00"
    return b"GIF89a" + screen + image + b";"


def webp_headers(side: int) -> dict[str, bytes]:
    """The three forms of a WebP file, each with a square of this side in its header."""
    large = (side - 1).to_bytes(3, "little")
    extended = b"VP8X" + struct.pack("<I", 10) + bytes(4) + large + large
    lossless = (
        b"VP8L" + struct.pack("<I", 8) + b"\x2f" + ((side - 1) | (side - 1) << 14).to_bytes(4, "little") + bytes(3)
    )
    lossy = b"VP8 " + struct.pack("<I", 10) + b"\x10\x00\x00\x9d\x01\x2a" + struct.pack("<HH", side, side)
    parts = {"extended": extended, "lossless": lossless, "lossy": lossy}
    return {name: b"RIFF" + struct.pack("<I", 4 + len(part)) + b"WEBP" + part for name, part in parts.items()}


def read_apart(file: Path, code: str = READ) -> tuple[int, str]:
    """Reads a picture in a new process: how far its memory rose meanwhile, in bytes, and what came of it."""
    script = MEASURE + code + TELL
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, str(file)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    grown, said = done.stdout.splitlines()
    return int(grown), said
