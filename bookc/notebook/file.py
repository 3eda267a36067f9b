"""Notebook <-> text of an .ipynb file, by nbformat."""

from __future__ import annotations

import json
import sys
from copy import deepcopy
from json.encoder import encode_basestring as _quoted  # a string as JSON, letters as they are

# Where JupyterLab is installed, importing nbformat takes 1.5 s more: jsonschema then imports these
# four, one of which builds a grammar, for checks that notebooks do not need. A module that is None
# in sys.modules counts as one that is not installed.
UNNEEDED = "rfc3987_syntax", "rfc3986_validator", "rfc3339_validator", "isoduration"
_hidden = [name for name in UNNEEDED if name not in sys.modules]
sys.modules.update(dict.fromkeys(_hidden))  # type: ignore[arg-type]
try:
    import nbformat
    from nbformat import NotebookNode
finally:
    for _name in _hidden:
        del sys.modules[_name]

__all__ = ["NotebookNode", "code_cells", "nbformat", "notebook_text"]


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """The code cells of a notebook, in order."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def notebook_text(notebook: NotebookNode, check: bool = True) -> str:
    """The notebook as it stands in its file.

    Args:
        check: validate it.
    """
    if check:
        nbformat.validate(notebook)
    cells = [_with_lines(cell) for cell in notebook.cells]
    return _indented(dict(notebook, cells=cells), "\n") + "\n"


def _with_lines(cell: NotebookNode) -> dict[str, object]:
    """A cell with its texts as lists of lines, as they stand in files."""
    if cell.get("outputs") or "attachments" in cell:
        alone = NotebookNode(cells=[deepcopy(cell)])
        return dict(nbformat.v4.rwbase.split_lines(alone).cells[0])
    return dict(cell, source=cell.source.splitlines(True))  # nearly all, in a fifth of the time


def _indented(value: object, margin: str) -> str:
    """JSON as nbformat lays it out, an eighth of the time of a build faster than the json module.

    That one has no fast encoder for text with indentation.

    Args:
        margin: a line break and the indentation of the line that the value begins on.
    """
    if type(value) is str:
        return _quoted(value)
    if type(value) is int:
        return str(value)
    inner = margin + " "
    if isinstance(value, dict) and value:
        rows = [f"{_quoted(key)}: {_indented(value[key], inner)}" for key in sorted(value)]
        return f"{{{inner}{f',{inner}'.join(rows)}{margin}}}"
    if isinstance(value, list) and value:
        rows = [_quoted(one) if type(one) is str else _indented(one, inner) for one in value]
        return f"[{inner}{f',{inner}'.join(rows)}{margin}]"
    return json.dumps(value, ensure_ascii=False)
