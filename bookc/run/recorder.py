"""Messages of a kernel -> the outputs of a cell, in the order in which they came, and not too many.

nbclient can join the pieces of a stream, but moves them in front of all pictures then, and takes
quadratic time for a long line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError

from bookc.notebook.file import NotebookNode, nbformat
from bookc.run.record import DARK_PNG

LIMIT = 2_000_000  # letters of a cell's outputs


class Recorder(NotebookClient):
    """Runs a notebook; of each cell it keeps so much of the outputs as a record should have."""

    def __init__(self, notebook: NotebookNode, limit: int = LIMIT, **options: Any) -> None:
        super().__init__(notebook, coalesce_streams=False, **options)
        self._limit = limit
        self._size = self._left_out = 0

    def output(
        self, outs: list[NotebookNode], msg: dict[str, Any], display_id: str | None, cell_index: int
    ) -> NotebookNode | None:
        """Take one message of the cell that runs; nbclient calls this."""
        if not outs or self.clear_before_next_output:
            self._size = self._left_out = 0
        content = msg["content"]
        room = max(0, self._limit - self._size)
        if msg["msg_type"] == "stream":
            text = content["text"]
            self._left_out += max(0, len(text) - room)
            self._size += len(text)
            if not room and not self.clear_before_next_output:
                return None
            content["text"] = text[:room]
        elif msg["msg_type"] == "error":
            content["evalue"] = content["evalue"][:room]
            content["traceback"] = [line[:room] for line in content["traceback"]]
        else:
            size = _letters(content.get("data", {}))
            if size > room:
                content["data"], content["metadata"] = {"text/plain": _too_large(size)}, {}
            self._size += min(size, room)
        made: NotebookNode | None = super().output(outs, msg, display_id, cell_index)
        return made

    async def _async_check_alive(self) -> None:
        if self.kc is None:  # nbclient goes on to ask for a while after the end of a notebook
            raise DeadKernelError("the kernel was shut down")
        await super()._async_check_alive()

    def finish(self, cell: NotebookNode) -> None:
        """Give a cell that has run the outputs that its record has."""
        if cell.cell_type != "code":
            return
        cell.outputs = list(joined(cell.outputs))
        for output in cell.outputs:
            if dark := output.get("data", {}).pop(DARK_PNG, None):
                output.metadata[DARK_PNG] = dark
        if self._left_out:
            text = f"\n[{self._left_out:,} more letters are left out: output_limit in config.ini]\n"
            cell.outputs.append(nbformat.v4.new_output("stream", name="stdout", text=text))
        self._size = self._left_out = 0


def joined(outputs: Iterable[NotebookNode]) -> Iterator[NotebookNode]:
    """Outputs with the pieces of a stream in one, up to the next output of another kind.

    What was written to the two streams between two displays arrives in no certain order: standard
    output comes first.
    """
    for is_stream, group in groupby(outputs, key=lambda output: output.output_type == "stream"):
        if not is_stream:
            yield from group
            continue
        texts: dict[str, list[str]] = {"stdout": [], "stderr": []}
        for output in group:
            texts.setdefault(output.name, []).append(output.text)
        for name, pieces in texts.items():
            if text := as_shown("".join(pieces)):
                yield nbformat.v4.new_output("stream", name=name, text=text)


def as_shown(text: str) -> str:
    """A text as a terminal leaves it: what a carriage return or a backspace goes over is gone."""
    if "\b" in text:
        kept: list[str] = []
        for letter in text:
            if letter != "\b":
                kept.append(letter)
            elif kept and kept[-1] != "\n":
                kept.pop()
        text = "".join(kept)
    if "\r" not in text:
        return text
    lines = text.replace("\r\n", "\n").split("\n")
    *whole, last = (line.rstrip("\r").rpartition("\r")[2] for line in lines)
    return "\n".join([*whole, last])


def _letters(data: dict[str, Any]) -> int:
    return sum(len(one) if isinstance(one, str) else len(str(one)) for one in data.values())


def _too_large(size: int) -> str:
    return f"[an output of {size:,} letters is left out: output_limit in config.ini]"
