"""Pages -> the files of the HTML book. Nothing is read but the theme, nothing is written.

Every link is relative, so the folder works below any address and from the disk.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from itertools import pairwise
from pathlib import Path, PurePosixPath

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bookc import markdown, metadata, outputs
from bookc.book import Book, BookError, Cell
from bookc.marks import strip_marks
from bookc.page import Code, Outputs, Page, Piece, Prose, TabGroup, make_page
from bookc.policy import with_policy
from bookc.prose import ProseWriter, SizeOf, highlight, page_file, relative
from bookc.record import Recorded
from bookc.refs import Node, Refs, walk

THEME = Path(__file__).parent / "theme"
MISSING = "404"  # what web servers show for an address that there is not
MISSING_CELL = Cell(
    "404-m1",
    "markdown",
    "# Page Not Found\n\nThere is no page at this address. The contents name every page.",
    (),
    1,
)
STYLES = ("book.css", "outputs.css", "search.css")  # one file for readers
SCRIPTS = ("book.js", "search.js", "scroll.js")
STATIC = "_static"  # where the theme's files stand in the site
NAMES = {
    "pytorch": "PyTorch",
    "tensorflow": "TensorFlow",
    "mxnet": "MXNet",
    "jax": "JAX",
    "paddle": "PaddlePaddle",
    "numpy": "NumPy",
    "python": "Python",
}
DESCRIPTION = 160  # letters that search engines show


def render_book(
    book: Book,
    refs: Refs,
    recorded: Mapping[tuple[str, str], Recorded],
    size_of: SizeOf = lambda path: None,
    changed: Mapping[str, str] | None = None,
) -> dict[str, str | bytes]:
    """Every file of the site by its path, relative to the site's folder.

    Args:
        size_of: width and height of a picture of the book in CSS pixels, by its path relative
            to the source folder, if it is known.
        changed: for each chapter's file the date of its last change, if it is known.

    Raises:
        BookError: each formula that is not LaTeX, each length that is none.
    """
    site = _Site(book, _with_missing(refs), size_of, changed or {})
    files: dict[str, str | bytes] = {}
    dates: dict[str, str] = {}
    for chapter in book.chapters:
        page = make_page(chapter, book.config.tabs, recorded)
        file = page_file(page.path, book.config)
        files[file] = site.render(page)
        dates[file] = (changed or {}).get(chapter.file, "")
    if MISSING not in refs.titles:
        page = Page(MISSING, book.config.file, (Prose(MISSING_CELL),), ())
        files[f"{MISSING}.html"] = metadata.rooted(site.render(page), book.config)
    files |= metadata.site_files(book.config, dates)
    if site.prose.problems:
        raise BookError(site.prose.problems)
    return files | site.pictures | theme_files(book.config.tabs)


def _with_missing(refs: Refs) -> Refs:
    """The references of a book with one more page, which no contents list."""
    if MISSING in refs.titles:
        return refs
    tokens = markdown.parse(MISSING_CELL.source)
    tokens[0].meta.update(anchor="page-not-found", number="")
    return replace(
        refs,
        titles=refs.titles | {MISSING: tokens[1].content},
        tokens=refs.tokens | {MISSING_CELL.id: tokens},
    )


def theme_files(tabs: Sequence[str]) -> dict[str, str | bytes]:
    """Styles, script and fonts, for a book with these tabs."""
    files: dict[str, str | bytes] = {
        f"{STATIC}/{name}": (THEME / name).read_bytes()
        for name in (*SCRIPTS, "icon.svg", "fonts/STIXTwoMath.woff2", "fonts/OFL.txt")
    }
    styles = "".join((THEME / name).read_text("utf-8") for name in STYLES)
    files[f"{STATIC}/book.css"] = styles + _tab_rules(tabs)
    files[".nojekyll"] = b""  # GitHub Pages would leave out folders that begin with "_"
    return files


def tab_name(tab: str) -> str:
    """How readers know a tab."""
    return NAMES.get(tab, tab)


def _tab_rules(tabs: Sequence[str]) -> str:
    """What is shown once <html data-tab=...> says which framework is chosen.

    `data-for` lists the choices for which an element is there; `data-on` those for which a tab
    is the selected one. So a choice made before the page is drawn moves nothing afterwards.
    """
    hidden = ",\n".join(f'[data-tab="{tab}"] [data-for]:not([data-for~="{tab}"])' for tab in tabs)
    chosen = ",\n".join(f'[data-tab="{tab}"] [data-on~="{tab}"]' for tab in tabs)
    look = "color: var(--accent); border-bottom-color: var(--accent);"
    return f"\n{hidden} {{ display: none; }}\n{chosen} {{ {look} }}\n"


@dataclass(frozen=True, slots=True)
class _Panel:
    """One framework's part of a group, as the template shows it."""

    tab: str
    shown_for: tuple[str, ...]
    html: Markup


@dataclass(frozen=True, slots=True)
class _Link:
    href: str
    title: Markup


class _Site:
    """What all pages share, and the page that is being written."""

    def __init__(self, book: Book, refs: Refs, size_of: SizeOf, changed: Mapping[str, str]) -> None:
        self.prose = ProseWriter(book, refs, size_of)
        self.pictures: dict[str, str | bytes] = {}
        self._config, self._refs, self._changed = book.config, refs, changed
        self._order = list(walk(refs.tree))
        self._places = {node.path: at for at, node in enumerate(self._order)}
        self._trees: dict[str, str] = {}
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
        environment.globals.update(config=book.config, tab_name=tab_name)
        environment.filters["tab_name"] = tab_name
        self._page_template = environment.get_template("page.html")
        self._group_template = environment.get_template("group.html")

    def render(self, page: Page) -> str:
        """One page of the site."""
        self.prose.begin(page.path, page.file)
        self._section, self._groups, self._picture = "", 0, ""
        body = "".join(
            self._group(block, page) if isinstance(block, TabGroup) else self._piece(block, page)
            for block in page.blocks
        )
        references = ""
        if self.prose.cited and not self.prose.has_bibliography:
            references = self.prose.references(self.prose.cited)
        file = page_file(page.path, self._config)
        previous, following = self._neighbours(page.path)
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
            index_title=Markup(self.prose.title(self._refs.tree.title)),
            description=description,
            body=Markup(body),
            references=Markup(references),
            tree=Markup(self._tree(file)),
            static=relative(STATIC, file),
            home=relative("index.html", file),
            previous=previous,
            following=following,
            missing=[tab for tab in self._config.tabs if page.tabs and tab not in page.tabs],
            page_tabs=page.tabs,
        )
        return with_policy(html, self._trusts(page))

    def _trusts(self, page: Page) -> bool:
        return any(PurePosixPath(page.path).match(p) for p in self._config.trusted_html)

    def _piece(self, piece: Piece, page: Page) -> str:
        if isinstance(piece, Prose):
            self._note_section(piece.cell)
            return self.prose.write(piece.cell)
        if isinstance(piece, Outputs):
            return self._outputs(piece, page)
        return _code(piece)

    def _group(self, group: TabGroup, page: Page) -> str:
        shown = shown_tabs(group, page, self._config.tabs)
        panels = [
            _Panel(
                tab,
                tuple(choice for choice, by in shown.items() if by == tab),
                Markup("".join(self._piece(piece, page) for piece in pieces)),
            )
            for tab, pieces in group.panels
        ]
        self._groups += 1
        # The page itself says so once where it has nothing at all for a choice.
        missing = [
            choice for choice, tab in shown.items() if choice in page.tabs and tab and tab != choice
        ]
        return self._group_template.render(
            number=self._groups, panels=panels, shown=shown, missing=missing
        )

    def _outputs(self, piece: Outputs, page: Page) -> str:
        html = []
        for part in outputs.convert(piece.recorded.outputs, self._trusts(page)):
            if isinstance(part, str):
                html.append(part)
                continue
            framework = tab_name(piece.tab) if len(self._config.tabs) > 1 and piece.tab else ""
            alt = outputs.describe(piece.cell.source, framework, self._section)
            html.append(f'<p class="output picture">{self._image(part, page, alt)}</p>\n')
        stale = '<p class="stale">Output of an earlier version of this code</p>\n'
        return f'<div class="outputs">\n{stale * piece.recorded.stale}{"".join(html)}</div>\n'

    def _image(self, picture: outputs.Picture, page: Page, alt: str) -> str:
        """A picture of the record, with the one for dark pages if there is one."""
        file = page_file(page.path, self._config)
        self.pictures[picture.name] = picture.data
        if picture.name.endswith(".png"):
            self._picture = self._picture or picture.name
        image = (
            f'<img src="{relative(picture.name, file)}" alt="{escape(alt)}" '
            f'width="{picture.width}" height="{picture.height}" loading="lazy">'
        )
        if picture.dark is None:
            return image
        self.pictures[picture.dark.name] = picture.dark.data
        source = relative(picture.dark.name, file)
        media = "(prefers-color-scheme: dark)"
        return f'<picture><source media="{media}" srcset="{source}">{image}</picture>'

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

    def _tree(self, file: str) -> str:
        """The tree of all pages, with the current one marked."""
        folder = posixpath.dirname(file)
        if folder not in self._trees:  # links are the same for all pages of a folder
            self._trees[folder] = self.prose.tree(self._refs.tree.children)
        link = f'<a href="{relative(file, file)}"'
        return self._trees[folder].replace(link, f'{link} aria-current="page"', 1)

    def _neighbours(self, path: str) -> tuple[_Link | None, _Link | None]:
        at = self._places.get(path)
        if at is None:
            return None, None
        before = self._link(self._order[at - 1]) if at > 0 else None
        after = self._link(self._order[at + 1]) if at + 1 < len(self._order) else None
        return before, after

    def _link(self, node: Node) -> _Link:
        number = f"{node.number}. " if node.number else ""
        return _Link(self.prose.link_to(node.path), Markup(number + self.prose.title(node.title)))


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


def _code(piece: Code) -> str:
    source, _ = strip_marks(piece.cell)
    return f'<pre class="code"><code>{highlight(source)}</code></pre>\n' if source.strip() else ""
