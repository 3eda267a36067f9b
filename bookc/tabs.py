"""(Chapter, tab) -> the chapter as that tab's readers see it."""

from __future__ import annotations

from dataclasses import replace

from bookc.book import Chapter


def select_tab(chapter: Chapter, tab: str) -> Chapter | None:
    """Keep the cells of one tab.

    Returns:
        The chapter with that tab's cells; None if it has code, but none for this tab.
    """
    cells = tuple(cell for cell in chapter.cells if not cell.tabs or tab in cell.tabs)
    has_code = any(cell.kind == "code" for cell in chapter.cells)
    if has_code and not any(cell.kind == "code" for cell in cells):
        return None
    return replace(chapter, cells=cells)
