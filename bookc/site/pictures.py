"""Picture file -> its width and height, so that a page can reserve its place before it loads."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import struct
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from PIL import Image

PHOTOGRAPHS = {"image/jpeg": "JPEG", "image/gif": "GIF", "image/webp": "WEBP"}  # for Pillow
PNG_HEADER = struct.Struct(">8s4x4sII")  # signature, length, "IHDR", width, height
LENGTH = re.compile(r"\s*(\d{1,6}(?:\.\d*)?|\.\d+)(px|pt|pc|in|cm|mm)?\s*")
LARGEST = 100_000  # pixels of a side
PIXELS = {None: 1, "px": 1, "pt": 4 / 3, "pc": 16, "in": 96, "cm": 96 / 2.54, "mm": 96 / 25.4}


def picture_size(name: str, data: bytes) -> tuple[int, int] | None:
    """Width and height in CSS pixels; None if the file does not say or is no picture."""
    if name.lower().endswith(".svg"):
        return svg_size(data)
    try:
        with Image.open(io.BytesIO(data)) as picture:  # reads no more than the header
            return picture.size
    except Exception:  # Pillow raises whatever the bytes of a damaged file lead to
        return None


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture among the outputs, PNG or SVG.

    Attributes:
        name: its file, relative to the site's folder.
        data: the file's bytes.
        width, height: in CSS pixels.
        dark: the same for dark pages, if it was recorded.
    """

    name: str
    data: bytes
    width: int
    height: int
    dark: Picture | None = None


def png_picture(encoded: str, metadata: dict[str, Any]) -> Picture | None:
    """The picture in a base64 text; None if it is not a PNG."""
    try:
        data = base64.b64decode(encoded)
        signature, chunk, width, height = PNG_HEADER.unpack_from(data)
    except (ValueError, struct.error):  # not base64, not even ASCII; too short
        return None
    if signature != b"\x89PNG\r\n\x1a\n" or chunk != b"IHDR":
        return None
    width, height = max(1, width), max(1, height)
    return picture_file(data, "png", *_shown(metadata.get("image/png"), (width, height)))


def photograph(kind: str, encoded: str, metadata: dict[str, Any]) -> Picture | None:
    """The picture in a base64 text; None if it is not of this kind.

    Args:
        kind: a MIME type of `PHOTOGRAPHS`.
    """
    try:
        data = base64.b64decode(encoded)
        with Image.open(io.BytesIO(data), formats=[PHOTOGRAPHS[kind]]) as picture:
            width, height = picture.size  # reads no more than the header
    except Exception:  # Pillow raises whatever the bytes of a damaged picture lead to
        return None
    width, height = _shown(metadata.get(kind), (width, height))
    return picture_file(data, kind.removeprefix("image/"), width, height)


def _shown(said: object, own: tuple[int, int]) -> tuple[int, int]:
    """Width and height as metadata say, where they do: a picture may be for a dense screen."""
    sides = [said.get(name) if isinstance(said, dict) else None for name in ("width", "height")]
    width, height = map(_pixels, sides)
    if bool(width) != bool(height):  # the other by its proportion
        width = width or max(1, round(height * own[0] / own[1]))
        height = height or max(1, round(width * own[1] / own[0]))
    return (width, height) if width else own


def _pixels(said: object) -> int:
    """A side that metadata gives, in pixels; 0 if it gives none."""
    if type(said) not in (int, float) or not 1 <= said <= LARGEST:  # type: ignore[operator]
        return 0
    return int(said)  # type: ignore[call-overload, no-any-return]


def picture_file(data: bytes, kind: str, width: int, height: int) -> Picture:
    return Picture(f"_images/{hashlib.sha1(data).hexdigest()}.{kind}", data, width, height)


def svg_size(data: bytes) -> tuple[int, int] | None:
    """Width and height in CSS pixels, if the SVG has lengths of its own or a viewBox."""
    try:  # its first tag is enough
        _, root = next(iter(ElementTree.iterparse(io.BytesIO(data), events=("start",))))
    except (ElementTree.ParseError, ValueError, LookupError, StopIteration):
        return None
    sides = [LENGTH.fullmatch(root.get(name, "")) for name in ("width", "height")]
    given = [float(side[1]) * PIXELS[side[2]] for side in sides if side]
    box = [float(n) for n in re.findall(r"-?\d{1,6}(?:\.\d+)?", root.get("viewBox", ""))]
    if len(given) == 1 and len(box) == 4 and min(box[2:]) > 0:  # the other by its proportion
        ratio = box[3] / box[2]
        given = [given[0], given[0] * ratio] if sides[0] else [given[0] / ratio, given[0]]
    elif len(given) != 2:
        given = box[2:]
    if len(given) != 2 or not 0 < min(given) <= max(given) <= LARGEST:
        return None
    return max(1, round(given[0])), max(1, round(given[1]))
