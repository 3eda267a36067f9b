"""How large a picture is, so that a page keeps its place before it is there."""

from __future__ import annotations

import io

from PIL import Image

from bookc.sanitize import svg_size


def picture_size(name: str, data: bytes) -> tuple[int, int] | None:
    """Width and height in CSS pixels; None if the file does not say or is no picture."""
    if name.lower().endswith(".svg"):
        return svg_size(data)
    try:
        with Image.open(io.BytesIO(data)) as picture:  # reads no more than the header
            return picture.size
    except (OSError, ValueError, Image.DecompressionBombError):
        return None
