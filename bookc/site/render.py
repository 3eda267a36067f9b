"""Build -> the text of every file of the site; nothing is written here.

Every link is relative, so that the site works below any address and from the disk.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import PurePosixPath

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bookc.book import Build, Cell, Chapter, Refs
from bookc.read import prose
from bookc.site import downloads, metadata, outputs
from bookc.site.code import code_block, highlight, joined
from bookc.site.csp import with_policy
from bookc.site.navigation import Navigation
from bookc.site.page import (
    Outputs,
    Page,
    Piece,
    Prose,
    TabGroup,
    compiled_code,
    make_page,
    page_file,
    relative,
    shown_tabs,
)
from bookc.site.pictures import Picture
from bookc.site.prose import ProseWriter, SizeOf
from bookc.site.theme import FONTS, STATIC, THEME, tab_name, theme_files

MISSING = "404"  # what web servers show for an address that there is not
MISSING_CELL = Cell(
    "404-m1",
    "markdown",
    "# Page Not Found\n\nThere is no page at this address. The contents name every page.",
    (),
    1,
)
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffe\uffff]")  # letters that no page may have
DESCRIPTION = 160  # letters that search engines show


def render_book(
    build: Build,
    size_of: SizeOf = lambda path: None,
    changed: Mapping[str, str] | None = None,
) -> dict[str, str | bytes]:
    """Every file of the site by its path, relative to the site's folder.

    Args:
        build: pages show the code of its notebooks, and offer them.
        size_of: width and height of a picture of the book in CSS pixels, by its path relative
            to the source folder, if it is known.
        changed: for each chapter's file the date of its last change, if it is known.
    """
    config, chapters = build.config, build.book.chapters
    files = render_pages(build, chapters, size_of, changed)
    if MISSING not in build.refs.titles:
        alone = replace(build, refs=_with_missing(build.refs), notebooks={}, recorded={})
        page = Page(MISSING, config.file, (Prose(MISSING_CELL),), ())
        html = _Site(alone, size_of, changed or {}).render(page)
        files[f"{MISSING}.html"] = metadata.rooted(html, config)
    dates = {
        page_file(chapter.path, config): (changed or {}).get(chapter.file, "")
        for chapter in chapters
    }
    return files | metadata.site_files(config, dates) | theme_files(config.tabs)


def render_pages(
    build: Build,
    chapters: Iterable[Chapter],
    size_of: SizeOf = lambda path: None,
    changed: Mapping[str, str] | None = None,
) -> dict[str, str | bytes]:
    """The pages of some chapters, and the recorded pictures on them, as `render_book` has them."""
    config = build.config
    site = _Site(build, size_of, changed or {})
    files: dict[str, str | bytes] = {}
    for chapter in chapters:
        code = compiled_code(chapter, config.tabs, build.notebooks)
        page = make_page(chapter, config.tabs, build.recorded, code)
        files[page_file(page.path, config)] = site.render(page)
    return files | site.pictures


def _with_missing(refs: Refs) -> Refs:
    """The references of a book with one more page, which no contents list."""
    tokens = prose.parse(MISSING_CELL.source)
    tokens[0].meta.update(anchor="page-not-found", number="")
    return replace(
        refs,
        titles=refs.titles | {MISSING: tokens[1].content},
        tokens=refs.tokens | {MISSING_CELL.id: tokens},
    )


@dataclass(frozen=True, slots=True)
class _Panel:
    """One framework's part of a group, as the template shows it."""

    tab: str
    shown_for: tuple[str, ...]
    html: Markup


@dataclass(frozen=True, slots=True)
class _Run:
    """A page's notebook in one framework: the file, all such files, and hosts that open it."""

    tab: str
    shown_for: tuple[str, ...]
    notebook: str
    archive: str
    hosts: list[tuple[str, str]]


class _Site:
    """What all pages share, and the page that is being written."""

    def __init__(self, build: Build, size_of: SizeOf, changed: Mapping[str, str]) -> None:
        self.prose = ProseWriter(build.book, build.refs, size_of)
        self.pictures: dict[str, str | bytes] = {}
        self._config, self._refs, self._changed = build.config, build.refs, changed
        self._notebooks = build.notebooks.keys()
        self._navigation = Navigation(build.config, build.refs, self.prose)
        self._section = ""  # the last heading, in plain text
        self._groups = 0
        self._picture = ""  # the page's first PNG
        environment = Environment(
            loader=FileSystemLoader(THEME),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.globals.update(config=build.config, tab_name=tab_name)
        environment.filters["tab_name"] = tab_name
        self._page_template = environment.get_template("page.html")
        self._group_template = environment.get_template("group.html")

    def render(self, page: Page) -> str:
        """One page of the site."""
        self.prose.begin(page.path)
        self._section, self._groups, self._picture = "", 0, ""
        body = joined(
            self._group(block, page) if isinstance(block, TabGroup) else self._piece(block, page)
            for block in page.blocks
        )
        references = Markup()
        if self.prose.cited and not self.prose.has_bibliography:
            references = self.prose.references(self.prose.cited)
        file = page_file(page.path, self._config)
        previous, following = self._navigation.neighbours(page.path)
        title, description = self.prose.plain_title(page.path), self._description(page)
        changed = self._changed.get(page.file, "")
        picture = self._picture or self._config.logo
        html = self._page_template.render(
            title=title,
            meta=metadata.page_meta(self._config, file, title, description, picture, changed),
            canonical=metadata.address(self._config, file),
            icon=relative(self._config.icon or f"{STATIC}/icon.svg", file),
            is_missing=page.path == MISSING,
            changed=changed,
            is_index=page.path == self._config.index,
            index_title=self.prose.title(self._refs.tree.title),
            description=description,
            body=body,
            references=references,
            tree=self._navigation.tree(file),
            parents=self._navigation.parents(page.path),
            headings=self._navigation.headings(page),
            static=relative(STATIC, file),
            fonts=" ".join(font for font, mark in FONTS.items() if mark in body),
            home=relative("index.html", file),
            previous=previous,
            following=following,
            runs=list(self._runs(page)),
            missing=[tab for tab in self._config.tabs if page.tabs and tab not in page.tabs],
            page_tabs=page.tabs,
        )
        return with_policy(CONTROL.sub("", html), self.prose.styles, self._trusts(page))

    def _runs(self, page: Page) -> Iterator[_Run]:
        """How readers run the page's code, for each framework that it has code for."""
        file = page_file(page.path, self._config)
        for tab in page.tabs:
            if (tab, page.path) in self._notebooks:
                lacking = [other for other in self._config.tabs if other not in page.tabs]
                shown_for = (tab, *(lacking if tab == page.tabs[0] else ()))
                notebook = relative(downloads.notebook_file(tab, page.path), file)
                archive = relative(downloads.archive_file(self._config, tab), file)
                hosts = downloads.hosts(self._config, tab, page.path)
                yield _Run(tab, shown_for, notebook, archive, hosts)

    def _trusts(self, page: Page) -> bool:
        return any(PurePosixPath(page.path).match(p) for p in self._config.trusted_html)

    def _piece(self, piece: Piece, page: Page) -> Markup:
        if isinstance(piece, Prose):
            self._note_section(piece.cell)
            return self.prose.write(piece.cell)
        if isinstance(piece, Outputs):
            return self._outputs(piece, page)
        return code_block(highlight(piece.source))

    def _group(self, group: TabGroup, page: Page) -> Markup:
        shown = shown_tabs(group, page, self._config.tabs)
        panels = [
            _Panel(
                tab,
                tuple(choice for choice, by in shown.items() if by == tab),
                joined(self._piece(piece, page) for piece in pieces),
            )
            for tab, pieces in group.panels
        ]
        self._groups += 1
        # The page itself says so once where it has nothing at all for a choice.
        missing = [
            choice for choice, tab in shown.items() if choice in page.tabs and tab and tab != choice
        ]
        html = self._group_template.render(
            number=self._groups, panels=panels, shown=shown, missing=missing
        )
        return Markup(html)  # Jinja escapes

    def _outputs(self, piece: Outputs, page: Page) -> Markup:
        html = []
        for part in outputs.convert(piece.recorded.outputs, self.prose.output, self._trusts(page)):
            if not isinstance(part, Picture):
                html.append(part)
                continue
            framework = tab_name(piece.tab) if len(self._config.tabs) > 1 and piece.tab else ""
            alt = outputs.describe(piece.cell.source, framework, self._section)
            picture = self._image(part, page, alt)
            html.append(Markup('<p class="output picture">{}</p>\n').format(picture))
        stale = Markup('<p class="stale">Output of an earlier version of this code</p>\n')
        outer = Markup('<div class="outputs">\n{}{}</div>\n')
        return outer.format(stale * piece.recorded.stale, joined(html))

    def _image(self, picture: Picture, page: Page, alt: str) -> Markup:
        """A picture of the record, with the one for dark pages if there is one."""
        file = page_file(page.path, self._config)
        self.pictures[picture.name] = picture.data
        if picture.name.endswith(".png"):
            self._picture = self._picture or picture.name
        source = relative(picture.name, file)
        image = Markup('<img src="{}" alt="{}" width="{}" height="{}" loading="lazy">').format(
            source, alt, picture.width, picture.height
        )
        if picture.dark is None:
            return image
        self.pictures[picture.dark.name] = picture.dark.data
        return Markup(
            '<picture><source media="(prefers-color-scheme: dark)" srcset="{}">{}</picture>'
        ).format(relative(picture.dark.name, file), image)

    def _note_section(self, cell: Cell) -> None:
        tokens = self._refs.tokens[cell.id]
        for token, inline in pairwise(tokens):
            if token.type == "heading_open":
                self._section = self.prose.plain(inline.children or ())

    def _description(self, page: Page) -> str:
        """The first paragraph, cut to what a list of search results shows."""
        for block in page.blocks:
            tokens = self._refs.tokens[block.cell.id] if isinstance(block, Prose) else []
            for token, inline in pairwise(tokens):
                if token.type == "paragraph_open":
                    words = " ".join(self.prose.plain(inline.children or ()).split())
                    if len(words) > DESCRIPTION:
                        words = words[: DESCRIPTION - 1].rsplit(" ", 1)[0] + "…"
                    return words
        return self._config.title
