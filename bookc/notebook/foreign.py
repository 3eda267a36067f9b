"""The text of a notebook that anybody may have written -> a notebook that has the form of one.

The rest of bookc then takes it as nbformat describes it: every cell has an id, a source, metadata.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from bookc.notebook.file import NotebookNode, nbformat
from bookc.problems import BookError, Problem

UNREADABLE = "application/x-bookc-unreadable"  # in place of an output that is none: the reason
Wrong = Callable[[int, str], None]  # notes what is wrong with a cell, by its place
SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
EMPTY: dict[str, Any] = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}}
CELL: dict[str, Any] = {
    "id": "cell",
    "cell_type": "code",
    "metadata": {},
    "source": "",
    "execution_count": None,
}


def read_record(text: str, file: str) -> NotebookNode:
    """An executed notebook from its file's text.

    Raises:
        BookError: it is not a notebook, or not all of it is.
    """
    record, problems = read_foreign(text, file, mend=False)
    if problems:
        raise BookError(replace(problem, warning=False) for problem in problems)
    return record


def read_foreign(text: str, file: str, mend: bool = True) -> tuple[NotebookNode, list[Problem]]:
    """As much of a notebook as can be read, and as warnings what cannot.

    A cell that is none becomes an empty one; an output that is none says so in its place.

    Args:
        mend: whether halves of letters, which no file can hold, are replaced.

    Raises:
        BookError: it is not a notebook.
    """
    try:
        raw = json.loads(text)
        if mend and SURROGATE.search(text):
            raw = _without_surrogates(raw)
        if not isinstance(raw, dict) or not isinstance(raw.get("nbformat"), int):
            raise ValueError("no nbformat")
        if raw["nbformat"] != 4:
            raw = nbformat.convert(nbformat.reads(text, raw["nbformat"]), 4)
        if not isinstance(raw.get("cells"), list):
            raise ValueError("no cells")
    except Exception as error:  # nbformat raises whatever its JSON holds
        message = f"not a notebook ({error}): let bookc write it again"
        raise BookError([Problem(file, 0, message.replace("\n", " "))]) from None
    problems: list[Problem] = []

    def wrong(number: int, message: str) -> None:
        where = f"cell {number + 1}: " if number >= 0 else ""
        problems.append(Problem(file, 0, where + message, warning=True))

    metadata = raw.get("metadata")
    if not isinstance(metadata, dict):
        wrong(-1, "its metadata is no object")
        metadata = {}
    if not _is_about(metadata.get("bookc", {})):
        wrong(-1, "what its metadata says of `bookc` is not what bookc writes")
        metadata = {**metadata, "bookc": {}}
    cells = [_cell(cell, at, wrong) for at, cell in enumerate(raw["cells"])]
    node = nbformat.from_dict({**EMPTY, "metadata": metadata, "cells": cells})
    return node, problems


def _is_about(about: Any) -> bool:
    return isinstance(about, dict) and isinstance(about.get("uses", {}), dict)


def _cell(raw: Any, at: int, wrong: Wrong) -> dict[str, Any]:
    """A cell as nbformat 4.5 has it: with an id, which earlier versions lack."""
    cell = {**CELL, "id": f"cell-{at}", "outputs": []}
    if not isinstance(raw, dict):
        wrong(at, "is no object")
        return cell
    kind = raw.get("cell_type")
    if kind not in ("code", "markdown", "raw"):
        wrong(at, f"its cell_type is {_short(kind)}")
        kind = "raw"
    cell["cell_type"] = kind
    source = raw.get("source")
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str):
        wrong(at, f"its source is {_short(source)}")
        source = ""
    cell["source"] = source
    metadata = raw.get("metadata")
    if not isinstance(metadata, dict):
        wrong(at, f"its metadata is {_short(metadata)}")
        metadata = {}
    cell["metadata"] = metadata
    given = raw.get("id")
    if isinstance(given, str) and re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", given):
        cell["id"] = given
    if kind != "code":
        del cell["outputs"], cell["execution_count"]
        return cell
    count = raw.get("execution_count")
    cell["execution_count"] = count if type(count) is int else None
    outputs = raw.get("outputs", [])
    if not isinstance(outputs, list):
        wrong(at, f"its outputs are {_short(outputs)}")
        outputs = []
    cell["outputs"] = [_output(output, at, wrong) for output in outputs]
    return cell


def _output(raw: Any, at: int, wrong: Wrong) -> dict[str, Any]:
    """An output that fits nbformat's schema, its texts joined; else one that says what is wrong."""
    try:
        nbformat.validate({**EMPTY, "cells": [{**CELL, "outputs": [raw]}]})
    except Exception as error:  # besides ValidationError whatever the checks meet
        reason = str(getattr(error, "message", error)).split("\n")[0]
        reason = reason if len(reason) < 120 else reason[:119] + "…"
        wrong(at, f"an output is not one: {reason}")
        data = {UNREADABLE: reason}
        return {"output_type": "display_data", "data": data, "metadata": {}}
    if raw["output_type"] == "stream":
        return {**raw, "text": _joined(raw["text"])}
    if "data" in raw:
        data = {kind: _joined(value) for kind, value in raw["data"].items()}
        return {**raw, "data": data}
    return dict(raw)


def _joined(value: Any) -> Any:
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "".join(value)
    return value


def _short(value: Any) -> str:
    return f"no text but {json.dumps(value)[:40]}"


def _without_surrogates(value: Any) -> Any:
    """With U+FFFD for each half of a letter, which no file can hold."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_without_surrogates(one) for one in value]
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(one) for key, one in value.items()}
    return value
