"""Executed notebook -> what its record has of it: no traces of the machine, small pictures.

What differs from run to run is kept from the record before, or tagged so that nobody compares it.
"""

from __future__ import annotations

import base64
import copy
import io
import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from PIL import Image, ImageChops, ImageStat

from bookc.notebook.file import NotebookNode, code_cells, nbformat
from bookc.run.marks import CHECKED, IGNORED, add_tag, marks_of
from bookc.run.record import DARK_PNG, code_digests

# What in a text differs from run to run and from machine to machine. A number is looked for at its
# first digit only: a million digits would else be searched from each of them.
NUMBER = r"(?<!\d)\d+(\.\d+)?"
VARYING = {
    "loops": r"\(mean ± std\. dev\. of [^)]{0,80}\)",
    "rate": rf"{NUMBER} examples/sec on \S{{1,40}}",
    "rate-alone": rf"{NUMBER} examples/sec",
    "minutes": r"(?<!\d)\d+ ?min \d+ ?s\b",
    "seconds": rf"{NUMBER} (sec|seconds|s|ms|min|ns|us|[µμ]s)\b",
    "address": r"0x[0-9a-f]{6,}",
}
# What a terminal obeys: colours and places (CSI), titles and the clipboard (OSC and their like).
ANSI = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b[P\]X^_][^\x07\x1b]*(?:\x1b\\|\x07)?|\x1b[ -~]"
)
# IPython names a cell's code by a temporary file, another one at each run. The name is looked for
# from the begin of a word only, which may have a million letters.
CELL_FILE = re.compile(r"(?<![^\s\"'(])[^\s\"'(]*[/\\]ipykernel_\d+[/\\]\d+\.py")
COLORS = 256  # of a picture: eight bits a pixel
CLOSE = 1.5  # the most that a picture with so many colours may differ: root mean square, of 255


def tidy(notebook: NotebookNode, places: Iterable[str]) -> None:
    """Make the outputs of an executed notebook fit for its record.

    Args:
        places: folders of this machine, which are left out of texts.
    """
    known = sorted({place.rstrip("/\\") for place in places if len(place) > 1}, key=len)
    for number, cell in enumerate(code_cells(notebook), start=1):

        def clean(text: str, number: int = number) -> str:
            text = CELL_FILE.sub(f"<cell {number}>", ANSI.sub("", text))
            for place in reversed(known):  # the longest first
                text = text.replace(f"{place}/", "").replace(place, ".")
            return text

        before = copy.deepcopy(cell.outputs)
        for output in cell.outputs:
            _clean_texts(output, clean)
        if cell.outputs != before:
            add_tag(cell, IGNORED)  # the next run prints them again
        for output in cell.outputs:
            _shrink_pictures(output)
        near = "tolerance" in cell.metadata.get("bookc", {})
        if (near or varies(_texts(cell.outputs))) and CHECKED not in marks_of(cell):
            add_tag(cell, IGNORED)


def _clean_texts(output: NotebookNode, clean: Callable[[str], str]) -> None:
    if "text" in output:
        output.text = clean(output.text)
    if output.output_type == "error":
        output.evalue = clean(output.evalue)
        output.traceback = [clean(line) for line in output.traceback]
    for kind, data in output.get("data", {}).items():
        if isinstance(data, str) and kind.startswith("text/"):
            output.data[kind] = clean(data)


def varies(texts: Iterable[str]) -> bool:
    """Whether texts hold what is another at the next run: a time, a rate, an address."""
    return any(re.search(pattern, text) for pattern in VARYING.values() for text in texts)


def _texts(outputs: Iterable[Mapping[str, Any]]) -> list[str]:
    found = []
    for output in outputs:
        found += [output.get("text", ""), output.get("data", {}).get("text/plain", "")]
    return found


def _shrink_pictures(output: NotebookNode) -> None:
    data = output.get("data", {})
    if png := data.get("image/png"):
        data["image/png"] = shrunk(png)
        if dark := output.metadata.get(DARK_PNG):
            output.metadata[DARK_PNG] = shrunk(dark)
            if output.metadata[DARK_PNG] == data["image/png"]:  # a photograph is no darker there
                del output.metadata[DARK_PNG]


def shrunk(png: str) -> str:
    """A PNG as base64 in as few bytes as one of the same look takes."""
    try:
        data = base64.b64decode(png)
        with Image.open(io.BytesIO(data)) as opened:
            if opened.mode == "P":  # it has few colours already
                return png
            picture = opened.convert("RGBA")
    except (OSError, ValueError, Image.DecompressionBombError):
        return png
    opaque = picture.getchannel("A").getextrema() == (255, 255)
    whole = picture.convert("RGB") if opaque else picture
    candidates = [data, _png(whole)]
    if opaque:
        few = whole.quantize(COLORS, dither=Image.Dither.NONE)
        apart = ImageStat.Stat(ImageChops.difference(whole, few.convert("RGB"))).rms
        if max(apart) <= CLOSE:
            candidates.append(_png(few))
    smallest = min(candidates, key=len)
    return png if smallest is data else base64.b64encode(smallest).decode()


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format="png", optimize=True)
    return buffer.getvalue()


def settle(notebook: NotebookNode, earlier: NotebookNode) -> None:
    """Keep from the earlier record what differs only because it was another run.

    The code has to be the same. A rate of examples per second, or how long a notebook took, is no
    reason for a change of the file.
    """
    old = dict(code_digests(earlier))
    new = list(code_digests(notebook))
    for digest, cell in new:
        if digest in old and _masked(cell.outputs) == _masked(old[digest].outputs):
            cell.outputs = [nbformat.from_dict(one) for one in old[digest].outputs]
    if [_plain(cell) for _, cell in new] == [_plain(cell) for cell in old.values()]:
        about, then = notebook.metadata["bookc"], earlier.metadata.get("bookc", {})
        if {**about, "seconds": 0} == {**then, "seconds": 0} and "seconds" in then:
            about["seconds"] = then["seconds"]


def _masked(outputs: Iterable[NotebookNode]) -> str:
    text = json.dumps(list(outputs), sort_keys=True, ensure_ascii=False)
    for pattern in VARYING.values():
        text = re.sub(pattern, "", text)
    return text


def _plain(cell: NotebookNode) -> str:
    return json.dumps([cell.source, cell.outputs], sort_keys=True)
