"""(Chapter, outputs) -> Page: which cells stand together behind one row of framework tabs.

Outputs are joined to cells by the cell's id, so nothing that was split is merged by position.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from bookc.book import Cell, Chapter, Recorded
from bookc.config import Config
from bookc.notebook.file import NotebookNode
from bookc.read import addresses
from bookc.read.marks import hidden_parts, strip_marks


@dataclass(frozen=True, slots=True)
class Prose:
    """A run of Markdown."""

    cell: Cell


@dataclass(frozen=True, slots=True)
class Code:
    """The source of a code cell.

    Attributes:
        cell: the cell as it was written.
        source: the code as its notebook has it.
    """

    cell: Cell
    source: str


@dataclass(frozen=True, slots=True)
class Outputs:
    """What a code cell showed when it was run.

    Attributes:
        cell: the cell.
        tab: in which framework it was run; "" where every framework showed the same.
        recorded: the outputs, never empty.
    """

    cell: Cell
    tab: str
    recorded: Recorded


Piece = Prose | Code | Outputs


@dataclass(frozen=True, slots=True)
class TabGroup:
    """The same place in several frameworks.

    Attributes:
        panels: each tab and what it shows, in the order of config.ini; a tab that has nothing
            here has no panel.
    """

    panels: tuple[tuple[str, tuple[Piece, ...]], ...]

    @property
    def tabs(self) -> tuple[str, ...]:
        """The tabs that have a panel."""
        return tuple(tab for tab, _ in self.panels)

    @property
    def has_code(self) -> bool:
        """Whether any panel holds code or outputs, not just prose."""
        return any(not isinstance(piece, Prose) for _, pieces in self.panels for piece in pieces)


Block = Piece | TabGroup


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the book.

    Attributes:
        path: section path.
        file: the source file, for messages.
        blocks: what stands on it, in order.
        tabs: the frameworks that it has code for; if it has no code, those that it has prose
            for. Empty for a page that is the same for everyone.
    """

    path: str
    file: str
    blocks: tuple[Block, ...]
    tabs: tuple[str, ...]


def make_page(
    chapter: Chapter,
    tabs: tuple[str, ...],
    recorded: Mapping[tuple[str, str], Recorded],
    compiled: Mapping[tuple[str, str], str] | None = None,
) -> Page:
    """Group a chapter's cells and join their code and outputs.

    Neighbouring cells that do not read the same in every tab form one group; each tab's panel
    holds that tab's cells in order. Any other cell stands by itself; when its outputs differ
    between tabs, a group of outputs follows it. A book with one tab has no groups.

    Args:
        chapter: the parsed chapter.
        tabs: the book's tabs in order.
        recorded: the outputs by (tab, cell id).
        compiled: the code by (tab, cell id); what it lacks is shown as written.
    """
    parts = _Parts(tabs, recorded, compiled or {})
    blocks: list[Block] = []
    for shared, run in groupby(chapter.cells, key=parts.is_shared):
        cells = tuple(run)
        if shared:
            for cell in cells:
                blocks += parts.shared(cell)
        else:
            blocks.append(parts.group(cells))
    shown = tuple(_without_hidden(blocks, _hidden(chapter)))
    return Page(chapter.path, chapter.file, shown, _tabs_of(chapter, tabs))


def compiled_code(
    chapter: Chapter, tabs: Sequence[str], notebooks: Mapping[tuple[str, str], NotebookNode]
) -> dict[tuple[str, str], str]:
    """The code of a chapter's cells by (tab, cell id); "" where a notebook leaves a cell out.

    Args:
        notebooks: by (tab, section path).
    """
    code: dict[tuple[str, str], str] = {}
    for tab in tabs:
        if (notebook := notebooks.get((tab, chapter.path))) is not None:
            sources = {cell.id: cell.source for cell in notebook.cells}
            for cell in chapter.cells:
                if cell.kind == "code" and (not cell.tabs or tab in cell.tabs):
                    code[tab, cell.id] = sources.get(cell.id, "")
    return code


def _hidden(chapter: Chapter) -> dict[str, frozenset[str]]:
    """For each cell of which something is hidden, what."""
    hidden: dict[str, frozenset[str]] = {}
    rest: frozenset[str] = frozenset()
    for cell in chapter.cells:
        if cell.kind == "code" and (parts := rest | hidden_parts(cell.source)):
            hidden[cell.id] = parts
            rest = parts if "rest" in parts else rest
    return hidden


def _without_hidden(
    blocks: Sequence[Block], hidden: Mapping[str, frozenset[str]]
) -> Iterator[Block]:
    def is_shown(piece: Piece) -> bool:
        part = {Code: "code", Outputs: "outputs", Prose: ""}[type(piece)]
        return part not in hidden.get(piece.cell.id, ())

    for block in blocks:
        if not isinstance(block, TabGroup):
            if is_shown(block):
                yield block
            continue
        panels = tuple((tab, tuple(filter(is_shown, pieces))) for tab, pieces in block.panels)
        if any(pieces for _, pieces in panels):
            yield TabGroup(panels)


@dataclass(frozen=True, slots=True)
class _Parts:
    """What a page is made of; attributes as the arguments of `make_page`."""

    tabs: tuple[str, ...]
    recorded: Mapping[tuple[str, str], Recorded]
    compiled: Mapping[tuple[str, str], str]

    def is_shared(self, cell: Cell) -> bool:
        """Whether a cell reads the same in every tab."""
        if len(self.tabs) == 1 or cell.tabs:
            return len(self.tabs) == 1
        return cell.kind == "markdown" or len(set(self.sources(cell).values())) == 1

    def sources(self, cell: Cell) -> dict[str, str]:
        """A cell's code in each tab that has a notebook of it, or in all, if none has."""
        seen = [tab for tab in self.tabs if not cell.tabs or tab in cell.tabs]
        known = {t: self.compiled[t, cell.id] for t in seen if (t, cell.id) in self.compiled}
        return known or dict.fromkeys(seen, strip_marks(cell)[0])

    def shared(self, cell: Cell) -> list[Block]:
        if cell.kind == "markdown":
            return [Prose(cell)]
        source = next(iter(self.sources(cell).values()))
        code: list[Block] = [Code(cell, source)] if source.strip() else []
        outputs = [part for tab in self.tabs for part in self.outputs(cell, tab)]
        if not outputs or len(self.tabs) == 1:
            return [*code, *outputs]
        first = outputs[0].recorded
        if len(outputs) == len(self.tabs) and all(_same(part.recorded, first) for part in outputs):
            return [*code, Outputs(cell, "", first)]
        return [*code, TabGroup(tuple((part.tab, (part,)) for part in outputs))]

    def group(self, cells: tuple[Cell, ...]) -> TabGroup:
        panels = []
        for tab in self.tabs:
            pieces: list[Piece] = []
            for cell in cells:
                if cell.kind == "markdown" and tab in cell.tabs:
                    pieces.append(Prose(cell))
                elif cell.kind == "code" and (source := self.sources(cell).get(tab, "")).strip():
                    pieces += [Code(cell, source), *self.outputs(cell, tab)]
            if pieces:
                panels.append((tab, tuple(pieces)))
        return TabGroup(tuple(panels))

    def outputs(self, cell: Cell, tab: str) -> tuple[Outputs, ...]:
        found = self.recorded.get((tab, cell.id))
        return (Outputs(cell, tab, found),) if found and found.outputs else ()


def _same(one: Recorded, other: Recorded) -> bool:
    """Whether a reader sees the same; when a cell was run and as which is not seen."""

    def seen(recorded: Recorded) -> list[dict[str, object]]:
        return [
            {key: value for key, value in output.items() if key != "execution_count"}
            for output in recorded.outputs
        ]

    return one.stale == other.stale and seen(one) == seen(other)


def _tabs_of(chapter: Chapter, tabs: tuple[str, ...]) -> tuple[str, ...]:
    for kind in ("code", "markdown"):
        cells = [cell for cell in chapter.cells if cell.kind == kind]
        if kind == "code" and any(not cell.tabs for cell in cells):
            return tabs
        found = {tab for cell in cells for tab in cell.tabs}
        if found:
            return tuple(tab for tab in tabs if tab in found)
    return ()


def shown_tabs(group: TabGroup, page: Page, tabs: Sequence[str]) -> dict[str, str]:
    """For each framework that a reader may have chosen, the panel that a group shows.

    A page without code for the choice is read in the first framework that it has. A group of
    code never shows nothing: its first panel stands in, with a notice. Prose for other
    frameworks only is left out ("").
    """
    shown = {}
    for choice in tabs:
        wanted = [choice] if choice in page.tabs else [choice, page.tabs[0]]
        if group.has_code:
            wanted.append(group.tabs[0])
        shown[choice] = next((tab for tab in wanted if tab in group.tabs), "")
    return shown


def page_file(path: str, config: Config) -> str:
    """The file of a section's page, relative to the site's folder."""
    return "index.html" if path == config.index else f"{path}.html"


def relative(target: str, page: str) -> str:
    """The address of one file of the site on another; both relative to the site's folder."""
    return addresses.path(posixpath.relpath(target, posixpath.dirname(page) or "."))
