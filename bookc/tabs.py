"""(Chapter, tab) -> the chapter as that tab's readers see it."""

from __future__ import annotations

from dataclasses import replace

from bookc.book import Chapter
from bookc.select import select_branches


def select_tab(chapter: Chapter, tab: str) -> Chapter | None:
    """Keep the cells of one tab, and of their `if tab.selected(..)` that tab's branches.

    Returns:
        The chapter with that tab's cells; None if the tab has no notebook of it.
    """
    if chapter.tabs is not None and tab not in chapter.tabs:
        return None
    cells = tuple(
        select_branches(cell, tab) if cell.kind == "code" else cell
        for cell in chapter.cells
        if not cell.tabs or tab in cell.tabs
    )
    return replace(chapter, cells=cells)
