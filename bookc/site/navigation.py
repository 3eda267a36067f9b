"""Page -> the links around its text: contents, previous and next page, parents, headings."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup, escape

from bookc.book import Node, Refs
from bookc.config import Config
from bookc.read.addresses import fragment
from bookc.read.references import walk
from bookc.site.page import Page, Piece, Prose, TabGroup, relative
from bookc.site.prose import ProseWriter

LEVELS = "h2", "h3"  # headings that the contents of a page list


@dataclass(frozen=True, slots=True)
class Link:
    href: str
    title: Markup


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of a page.

    Attributes:
        depth: 0 for a section, 1 for a section within one.
    """

    link: Link
    depth: int


class Navigation:
    """The links of one page after the other; `prose` says which page is being written."""

    def __init__(self, config: Config, refs: Refs, prose: ProseWriter) -> None:
        self._config, self._refs, self._prose = config, refs, prose
        self._order = list(walk(refs.tree))
        self._places = {node.path: at for at, node in enumerate(self._order)}
        self._parents = {child.path: node.path for node in self._order for child in node.children}
        self._nodes = {node.path: node for node in self._order}
        self._trees: dict[str, tuple[Markup, frozenset[str]]] = {}

    def tree(self, file: str) -> Markup:
        """The tree of all pages, with the current one marked."""
        folder = posixpath.dirname(file)
        styles = self._prose.styles
        if folder not in self._trees:  # links are the same for all pages of a folder
            before = set(styles)
            styles.clear()
            tree = self._prose.tree(self._refs.tree.children)
            self._trees[folder] = tree, frozenset(styles)
            styles |= before
        tree, in_tree = self._trees[folder]
        styles |= in_tree
        link = Markup('<a href="{}"').format(relative(file, file))
        current = link + Markup(' aria-current="page"')
        return Markup(tree.replace(link, current, 1))

    def neighbours(self, path: str) -> tuple[Link | None, Link | None]:
        """The pages before and after one, in reading order."""
        at = self._places.get(path)
        if at is None:
            return None, None
        before = self._link(self._order[at - 1]) if at > 0 else None
        after = self._link(self._order[at + 1]) if at + 1 < len(self._order) else None
        return before, after

    def parents(self, path: str) -> list[Link]:
        """The pages above one, from the book's first page down."""
        above = []
        while path in self._parents:
            path = self._parents[path]
            above.append(self._link(self._nodes[path]))
        return above[::-1]

    def headings(self, page: Page) -> list[Heading]:
        """The page's headings below its title."""
        found = []
        for piece in _pieces(page):
            tokens = self._refs.tokens[piece.cell.id] if isinstance(piece, Prose) else []
            for token, inline in pairwise(tokens):
                if token.type == "heading_open" and token.tag in LEVELS:
                    number = escape(f"{token.meta['number']}. " if token.meta["number"] else "")
                    title = number + self._prose.title(inline.content)
                    link = Link(f"#{fragment(token.meta['anchor'])}", title)
                    found.append(Heading(link, LEVELS.index(token.tag)))
        return list(dict.fromkeys(found))  # what several tabs show is there once

    def _link(self, node: Node) -> Link:
        number = escape(f"{node.number}. " if node.number else "")
        title = number + self._prose.title(node.title)
        return Link(self._prose.link_to(node.path), title)


def _pieces(page: Page) -> Iterator[Piece]:
    for block in page.blocks:
        if isinstance(block, TabGroup):
            for _, pieces in block.panels:
                yield from pieces
        else:
            yield block
