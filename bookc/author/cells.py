"""(a notebook as it compiles now, that as an author edited it) -> their cells beside each other.

A notebook notes what each of its cells was when it was compiled, so that an edit by the author and
one in the Markdown file are told apart.
"""

from __future__ import annotations

from difflib import SequenceMatcher
from itertools import pairwise

from bookc.notebook.edited import digest, plain
from bookc.notebook.file import NotebookNode
from bookc.problems import BookError, Problem

Pair = tuple[NotebookNode | None, NotebookNode | None]
SINCE = "since the notebook was compiled: compile the notebook again and repeat the edit"


def pair_cells(compiled: NotebookNode, edited: NotebookNode) -> list[Pair]:
    """Each compiled cell with the author's; one without the other was deleted, or added behind.

    Cells are matched by the ids that compiling gave them. What changed in the Markdown alone is
    beside itself.

    Raises:
        BookError: cells that were moved, or changed on both sides.
    """
    file = compiled.metadata["bookc"]["source"]
    if edited.metadata["bookc"].get("base") is None:
        message = "does not say what it was compiled from: edit a notebook that `bookc build "
        raise BookError([Problem(file, 0, f"{message}notebooks` wrote")])
    if edited.cells and not any("id" in cell for cell in edited.cells):
        message = "the notebook was saved without cell ids: save it as nbformat 4.5"
        raise BookError([Problem(file, 0, message)])
    base: dict[str, str] = dict(edited.metadata["bookc"]["base"])
    order, nodes = list(base), {cell.id: cell for cell in compiled.cells}
    digests = [digest(cell) for cell in compiled.cells]
    matcher = SequenceMatcher(None, list(base.values()), digests, autojunk=False)
    now = {  # by its id then, each cell that the Markdown still has as it was
        order[block.a + at]: compiled.cells[block.b + at]
        for block in matcher.get_matching_blocks()
        for at in range(block.size)
    }
    present: dict[str, NotebookNode] = {}
    added: dict[str, list[NotebookNode]] = {}  # by the id of the cell before them
    last = ""
    for cell in edited.cells:
        cell_id = cell.get("id", "")
        if base.get(cell_id, "").startswith(f"{cell.cell_type}-") and cell_id not in present:
            present[cell_id] = cell
            last = cell_id
        elif last not in added and _is_rest(cell, present.get(last), base.get(last)):
            parts = (present[last].source.rstrip(), plain(cell.source).lstrip("\n"))
            text = "\n\n".join(part for part in parts if part)
            present[last] = NotebookNode({**present[last], "source": text})
        elif cell.source.strip():
            added.setdefault(last, []).append(cell)

    problems: list[Problem] = []

    def refuse(cell_id: str, message: str) -> None:
        node = now.get(cell_id, nodes.get(cell_id))
        problems.append(Problem(file, node.metadata["bookc"]["line"] if node else 0, message))

    for one, following in pairwise(["", *present, ""]):
        if one and following and order.index(following) < order.index(one):
            refuse(following, "this cell was moved: move it in the Markdown file")
        neighbours = [cell_id for cell_id in (one, following) if cell_id]
        if one in added and not now.keys() >= set(neighbours):
            message = f"a cell was added next to one that the Markdown file has changed {SINCE}"
            refuse(neighbours[0], message)
    for cell_id in order:
        mine, node = present.get(cell_id), nodes.get(cell_id)
        if cell_id in now or (mine is not None and digest(mine) == base[cell_id]):
            continue
        if mine is None or node is None or digest(node) != digest(mine):
            refuse(cell_id, f"this cell was changed in the notebook, and in the Markdown {SINCE}")
    if problems:
        raise BookError(problems)
    then = {node.id: cell_id for cell_id, node in now.items()}
    pairs: list[Pair] = [(None, new) for new in added.get("", ())]
    for node in compiled.cells:
        mine = present.get(then[node.id]) if node.id in then else node
        if mine is None or not mine.source.strip():  # of marks alone an author sees nothing
            mine = None if node.source.strip() else node
        pairs += [(node, mine), *((None, new) for new in added.get(then.get(node.id, " "), ()))]
    return pairs


def _is_rest(cell: NotebookNode, before: NotebookNode | None, was: str | None) -> bool:
    """Whether a new cell may be what was split off the prose before it, and is one text with it."""
    if before is None or digest(before) == was or cell.get("attachments"):
        return False
    return bool(before.cell_type == cell.cell_type == "markdown")
