"""Which cells stand together, as data: a chapter's cells in, the shape of the page out."""

from __future__ import annotations

from typing import Any

import pytest

from bookc.book import Cell, Chapter, Recorded
from bookc.site.page import Block, Code, Outputs, Prose, TabGroup, make_page

TABS = ("pytorch", "tensorflow", "mxnet")


def chapter(*cells: str) -> Chapter:
    """Cells as words: `p` prose, `c` code, then what is its own, then its tabs: `c1@mxnet`."""
    made = []
    for word in cells:
        name, _, tabs = word.partition("@")
        kind = "code" if name[0] == "c" else "markdown"
        seen = tuple(tab for tab in TABS if tab[0] in tabs)
        made.append(Cell(name, kind, name, seen, line=1))
    return Chapter("a/b", "a/b.md", tuple(made))


def shape(block: Block) -> Any:
    """A block as words again; a group as a dictionary from tab to words."""
    if isinstance(block, TabGroup):
        return {tab: [shape(piece) for piece in pieces] for tab, pieces in block.panels}
    name = block.cell.id
    return f"{name} -> {block.tab or 'all'}" if isinstance(block, Outputs) else name


def text(value: str, count: int = 1, stale: bool = False) -> Recorded:
    data = {"text/plain": value}
    output = {"output_type": "execute_result", "data": data, "execution_count": count}
    return Recorded((output,), stale)


@pytest.mark.parametrize(
    ("cells", "blocks"),
    [
        ([], []),
        (["p1", "c1", "p2"], ["p1", "c1", "p2"]),
        (
            ["p1", "c1@p", "c2@t", "c3@m", "p2"],
            ["p1", {"pytorch": ["c1"], "tensorflow": ["c2"], "mxnet": ["c3"]}, "p2"],
        ),
        # The panels stand in the order of config.ini, whatever order the cells have.
        (["c1@m", "c2@p"], [{"pytorch": ["c2"], "mxnet": ["c1"]}]),
        # One cell for two tabs is in both panels.
        (["c1@pm", "c2@t"], [{"pytorch": ["c1"], "tensorflow": ["c2"], "mxnet": ["c1"]}]),
        # Neighbours belong together, prose and code, several of one tab in their order.
        (["p1@m", "c1@m", "c2@p", "c3@m"], [{"pytorch": ["c2"], "mxnet": ["p1", "c1", "c3"]}]),
        # What every tab sees ends a group.
        (["c1@p", "c2", "c3@p"], [{"pytorch": ["c1"]}, "c2", {"pytorch": ["c3"]}]),
    ],
)
def test_groups(cells: list[str], blocks: list[Any]) -> None:
    assert [shape(block) for block in make_page(chapter(*cells), TABS, {}).blocks] == blocks


def test_outputs_follow_their_cell_in_its_panel() -> None:
    recorded = {("pytorch", "c1"): text("1"), ("mxnet", "c2"): text("2")}
    page = make_page(chapter("c1@p", "c2@m", "c3@p"), TABS, recorded)
    expected = {"pytorch": ["c1", "c1 -> pytorch", "c3"], "mxnet": ["c2", "c2 -> mxnet"]}
    assert [shape(block) for block in page.blocks] == [expected]


def test_shared_code_stands_once_and_its_different_outputs_behind_tabs() -> None:
    recorded = {("pytorch", "c1"): text("1"), ("mxnet", "c1"): text("2")}
    page = make_page(chapter("c1"), TABS, recorded)
    outputs = {"pytorch": ["c1 -> pytorch"], "mxnet": ["c1 -> mxnet"]}
    assert [shape(block) for block in page.blocks] == ["c1", outputs]


def test_shared_code_with_the_same_output_everywhere_needs_no_tabs() -> None:
    recorded = {(tab, "c1"): text("3", count) for count, tab in enumerate(TABS)}
    page = make_page(chapter("c1"), TABS, recorded)
    assert [shape(block) for block in page.blocks] == ["c1", "c1 -> all"]
    recorded["mxnet", "c1"] = text("3", stale=True)
    assert isinstance(make_page(chapter("c1"), TABS, recorded).blocks[1], TabGroup)


def test_cells_without_outputs_show_none() -> None:
    page = make_page(chapter("c1", "c2@p"), TABS, {("pytorch", "c1"): Recorded((), stale=False)})
    assert [shape(block) for block in page.blocks] == ["c1", {"pytorch": ["c2"]}]


def test_a_book_with_one_tab_has_no_groups() -> None:
    page = make_page(chapter("p1@p", "c1@p"), ("pytorch",), {("pytorch", "c1"): text("1")})
    assert [type(block) for block in page.blocks] == [Prose, Code, Outputs]


def sources(block: Block) -> Any:
    """The code of a block; of a group by tab."""
    if isinstance(block, TabGroup):
        return {tab: [sources(piece) for piece in pieces] for tab, pieces in block.panels}
    return block.source if isinstance(block, Code) else type(block).__name__


@pytest.mark.parametrize(
    ("compiled", "blocks"),
    [
        ({}, ["c1"]),
        ({"pytorch": "x", "tensorflow": "x", "mxnet": "x"}, ["x"]),
        ({"pytorch": "x", "mxnet": "x"}, ["x"]),  # TensorFlow has no notebook
        ({"pytorch": "x", "tensorflow": "y", "mxnet": "x"}, None),
        ({"pytorch": "x", "mxnet": ""}, [{"pytorch": ["x"]}]),  # MXNet's leaves the cell out
        ({"pytorch": "", "mxnet": ""}, []),
    ],
)
def test_code_is_what_notebooks_have(compiled: dict[str, str], blocks: list[Any] | None) -> None:
    code = {(tab, "c1"): source for tab, source in compiled.items()}
    page = make_page(chapter("c1"), TABS, {}, code)
    expected = [{tab: [source] for tab, source in compiled.items()}] if blocks is None else blocks
    assert [sources(block) for block in page.blocks] == expected


def test_what_differs_stands_with_its_neighbours() -> None:
    code = {("pytorch", "c2"): "x", ("tensorflow", "c2"): "y", ("mxnet", "c2"): "z"}
    page = make_page(chapter("c1@p", "c2", "p1"), TABS, {("mxnet", "c2"): text("1")}, code)
    panels = {"pytorch": ["c1", "x"], "tensorflow": ["y"], "mxnet": ["z", "Outputs"]}
    assert [sources(block) for block in page.blocks] == [panels, "Prose"]


@pytest.mark.parametrize(
    ("cells", "tabs"),
    [
        (["p1"], ()),
        (["p1", "c1"], TABS),
        (["p1@p", "c1@m"], ("mxnet",)),
        (["c1@p", "c2", "c3@m"], TABS),
        (["p1@m", "p2@p"], ("pytorch", "mxnet")),
    ],
)
def test_the_frameworks_of_a_page(cells: list[str], tabs: tuple[str, ...]) -> None:
    assert make_page(chapter(*cells), TABS, {}).tabs == tabs


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("x\n# Hide code", ["c -> all", "c2", "c2 -> all"]),
        ("#  hide outputs\nx", ["c", "c2", "c2 -> all"]),
        ("#@hide_code\nx", ["c -> all", "c2", "c2 -> all"]),
        ("#@hide_output\nx", ["c", "c2", "c2 -> all"]),
        ("#@hide\nx", ["c2", "c2 -> all"]),
        ("#@hide_all\nx", []),
        ("x = 1  # we hide code", ["c", "c -> all", "c2", "c2 -> all"]),
    ],
)
def test_what_an_author_hides(source: str, shown: list[str]) -> None:
    cells = (Cell("c", "code", source, (), line=1), Cell("c2", "code", "y", (), line=5))
    recorded = {(tab, name): text(name) for tab in TABS for name in ("c", "c2")}
    page = make_page(Chapter("a", "a.md", cells), TABS, recorded)
    assert [shape(block) for block in page.blocks] == shown


def test_a_panel_of_which_all_is_hidden_stands_in_for_none() -> None:
    cells = (
        Cell("c1", "code", "# Hide code\nx", ("pytorch",), line=1),
        Cell("c2", "code", "y", ("mxnet",), line=5),
    )
    page = make_page(Chapter("a", "a.md", cells), TABS, {})
    assert [shape(block) for block in page.blocks] == [{"pytorch": [], "mxnet": ["c2"]}]
