"""nbformat, without the second that its import takes where JupyterLab is installed."""

from __future__ import annotations

import json
import sys
from copy import copy, deepcopy

# jsonschema builds the grammar of rfc3987_syntax as soon as it finds it, to check addresses that
# notebooks do not have. A module that is None is one that cannot be imported.
_is_here = "rfc3987_syntax" in sys.modules
if not _is_here:
    sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]
try:
    import nbformat
    from nbformat import NotebookNode
finally:
    if not _is_here:
        del sys.modules["rfc3987_syntax"]

__all__ = ["NotebookNode", "nbformat", "notebook_text"]


def notebook_text(notebook: NotebookNode) -> str:
    """The notebook as it stands in its file, validated."""
    nbformat.validate(notebook)
    # nbformat.writes would validate once more, and copy all that it then does not change.
    cells = [
        NotebookNode(cell, outputs=deepcopy(cell.outputs)) if "outputs" in cell else copy(cell)
        for cell in notebook.cells
    ]
    split = nbformat.v4.rwbase.split_lines(NotebookNode(notebook, cells=cells))
    return json.dumps(split, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
