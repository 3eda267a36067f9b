"""Annotated markdown-it tokens -> HTML, by one rule for each kind of token that is ours.

What markdown-it's own renderer does right (lists, emphasis, escaping) stays with it.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from html import escape
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from math_core import LatexError

from bookc.book import Book, Cell, Node, Refs
from bookc.read import prose
from bookc.read.formulas import mathml, spoken
from bookc.read.references import LENGTH, citation_text, reference_text, walk
from bookc.read.syntax import is_toc, section_path, toc_names
from bookc.site.code import code_block, highlight
from bookc.site.page import page_file, relative

Tokens = Sequence[Token]
SizeOf = Callable[[str], tuple[int, int] | None]  # of a picture, by its path in the book
REMOTE = re.compile(r"(https?:)?//", re.IGNORECASE)
FITS_TELEPHONE, FITS_COLUMN = 24, 56  # letters of a formula in a sentence
OPTIONS = MarkdownIt("commonmark").options
MARKDOWN_IT = RendererHTML()


class ProseWriter:
    """Writes the prose of one page after the other.

    Attributes:
        refs: of the book.
        size_of: the size of a picture of the book.
        path: the section whose page is being written.
        cited: the keys that the current page cites, in order.
    """

    def __init__(self, book: Book, refs: Refs, size_of: SizeOf) -> None:
        self.cited: dict[str, None] = {}
        self.refs, self._config, self.size_of = refs, book.config, size_of
        self._nodes = {node.path: node for node in walk(refs.tree)}
        self._bibliography_page = _bibliography_page(book, refs)
        self._anchors: set[str] = set()
        self.begin(book.config.index)

    def begin(self, path: str) -> None:
        """Go on with the page of section `path`."""
        self.path = path
        self._page = page_file(path, self._config)
        self.cited.clear()
        self._anchors.clear()

    def write(self, cell: Cell) -> str:
        """The HTML of one prose cell."""
        return self._render(self.refs.tokens[cell.id])

    def inline(self, tokens: Tokens | None) -> str:
        """The HTML of what stands in a line."""
        return self._render(tokens or ())

    def _render(self, tokens: Tokens) -> str:
        out = []
        for at, token in enumerate(tokens):
            if token.type == "inline":
                out.append(self.inline(token.children))
            elif rule := RULES.get(token.type):
                out.append(rule(self, tokens, at))
            elif own := MARKDOWN_IT.rules.get(token.type):
                out.append(own(tokens, at, OPTIONS, {}))
            else:
                out.append(_plain_tag(tokens, at))
        return "".join(out)

    def title(self, markdown_text: str) -> str:
        """A title as HTML without links, since it is one itself."""
        tokens = [
            Token("text", "", 0, content=self.plain([token])) if token.type == "role" else token
            for token in _inline(markdown_text)
            if token.type not in ("link_open", "link_close")
        ]
        return self.inline(tokens)

    def plain(self, tokens: Iterable[Token]) -> str:
        """The text of inline tokens without any markup."""
        words = []
        for token in tokens:
            if token.type in ("softbreak", "hardbreak"):
                words.append(" ")
            elif token.type.startswith("math_inline"):
                words.append(spoken(token.content))
            elif token.type == "role":
                words.append(", ".join(text for text, _ in self.role_links(token)))
            else:
                words.append(self.plain(token.children) if token.children else token.content)
        return "".join(words)

    def plain_title(self, path: str) -> str:
        """The title of a page without any markup."""
        return self.plain(_inline(self.refs.titles[path]))

    def link_to(self, path: str, anchor: str = "") -> str:
        """The address of a page, or of a place on it, from the current page."""
        fragment = f"#{anchor}" if anchor else ""
        if path == self.path and anchor:
            return fragment
        return relative(page_file(path, self._config), self._page) + fragment

    def references(self, keys: Iterable[str]) -> str:
        """A list of references, by author and year."""
        entries = [self.refs.bibliography[key] for key in keys]
        entries.sort(key=lambda entry: (entry.authors.casefold(), entry.year, entry.key))
        items = "".join(f'<li id="ref-{escape(e.key)}">{e.html}</li>\n' for e in entries)
        return f'<ul class="references">\n{items}</ul>\n'

    @property
    def has_bibliography(self) -> bool:
        """Whether one page of the book lists all references."""
        return self._bibliography_page is not None

    def contents(self, token: Token) -> str:
        """The sections that a `toc` block lists, and those below them."""
        paths = [section_path(name, self.path) for _, name in toc_names(token.content)]
        listed = (self._nodes[path] for path in paths if path in self._nodes)
        return f'<div class="contents">{self.tree(listed)}</div>\n'

    def tree(self, nodes: Iterable[Node]) -> str:
        """Nested lists of links to pages."""
        items = []
        for node in nodes:
            number = f'<span class="number">{node.number}.</span> ' if node.number else ""
            link = f'<a href="{self.link_to(node.path)}">{number}{self.title(node.title)}</a>'
            items.append(f"<li>{link}{self.tree(node.children)}</li>\n")
        return f"<ul>\n{''.join(items)}</ul>\n" if items else ""

    def role_links(self, token: Token) -> list[tuple[str, str]]:
        """Text and address of each thing that a role names; a label's text is Markdown.

        The address is "" where nothing has that name.
        """
        name, value = token.meta["name"], token.meta["value"]
        if name not in ("cite", "citet"):
            if (label := self.refs.labels.get(value)) is None:
                return [(value, "")]
            text = label.title if name == "ref" and label.title else reference_text(label)
            return [(text, self.link_to(label.chapter, label.anchor))]
        links = []
        for key in (key.strip() for key in value.split(",")):
            if (entry := self.refs.bibliography.get(key)) is None:
                links.append((key, ""))
                continue
            text = citation_text(entry, in_sentence=name == "citet")
            page = self._bibliography_page
            links.append((text, self.link_to(self.path if page is None else page, f"ref-{key}")))
        return links

    def identity(self, token: Token) -> str:
        """The id attribute; a block that several tabs show carries it only once."""
        anchor = str(token.meta["anchor"])
        if anchor in self._anchors:
            return ""
        self._anchors.add(anchor)
        return f' id="{escape(anchor)}"'


# One rule for each type of token: the tokens and the place of one in them -> its HTML.


def heading_open(page: ProseWriter, tokens: Tokens, at: int) -> str:
    token = tokens[at]
    return f"<{token.tag}{page.identity(token)}>{_number(token, '{}. ')}"


def heading_close(page: ProseWriter, tokens: Tokens, at: int) -> str:
    token, opening = tokens[at], tokens[at - 2]
    anchor = escape(str(opening.meta["anchor"]))
    link = f'<a class="anchor" href="#{anchor}" aria-label="Link to this heading">#</a>'
    return f"{link if token.tag != 'h1' else ''}</{token.tag}>\n"


def figure(page: ProseWriter, tokens: Tokens, at: int) -> str:
    token = tokens[at]
    image = (token.children or [])[0]
    style = _style(token)
    picture = _image(page, image, f' style="{style}"' if style else "")
    caption = page.inline(image.children or ())
    number = _number(token, "Fig. {} ")
    if caption or number:
        caption = f"<figcaption>{number}{caption}</figcaption>"
    return f'<figure class="image"{page.identity(token)}>{picture}{caption}</figure>\n'


def image(page: ProseWriter, tokens: Tokens, at: int) -> str:
    return _image(page, tokens[at], "")


def table_open(page: ProseWriter, tokens: Tokens, at: int) -> str:
    token = tokens[at]
    caption = page.inline(token.meta.get("caption", ()))
    number = _number(token, "Table {} ")
    if caption or number:
        caption = f"<figcaption>{number}{caption}</figcaption>"
    identity = page.identity(token) if number else ""
    return f'<figure class="table"{identity}>{caption}<div class="scroll"><table>\n'


def table_close(page: ProseWriter, tokens: Tokens, at: int) -> str:
    return "</table></div></figure>\n"


def th_open(page: ProseWriter, tokens: Tokens, at: int) -> str:
    """A heading of nothing, as in the corner of a table, is an empty cell."""
    return _cell(tokens[at + 1], _plain_tag(tokens, at))


def th_close(page: ProseWriter, tokens: Tokens, at: int) -> str:
    return _cell(tokens[at - 1], _plain_tag(tokens, at))


def math_block(page: ProseWriter, tokens: Tokens, at: int) -> str:
    token = tokens[at]
    number = _number(token, "({})")
    identity = page.identity(token) if number else ""
    formula = _math(token.content, display=True)
    return f'<div class="equation"{identity}><div class="scroll">{formula}</div>{number}</div>\n'


def math_inline(page: ProseWriter, tokens: Tokens, at: int) -> str:
    formula = _math(tokens[at].content, display=False)
    letters = len(re.sub(r"<[^>]*>|&\w+;", "", formula))
    if letters <= FITS_TELEPHONE:
        return formula
    # Browsers do not break a formula; where it does not fit, it scrolls by itself.
    kind = "long" if letters <= FITS_COLUMN else "long wide"
    return f'<span class="{kind}">{formula}</span>'


def role(page: ProseWriter, tokens: Tokens, at: int) -> str:
    token = tokens[at]
    name = token.meta["name"]
    links = [
        f'<a class="{name}" href="{escape(target)}">'
        f"{escape(text) if name in ('cite', 'citet') else page.title(text)}</a>"
        if target
        else _unresolved(text)
        for text, target in page.role_links(token)
    ]
    if name in ("cite", "citet"):
        keys = [key.strip() for key in token.meta["value"].split(",")]
        page.cited.update((key, None) for key in keys if key in page.refs.bibliography)
    if name == "cite":
        return f"({'; '.join(links)})"
    return ", ".join(links[:-1]) + " and " + links[-1] if len(links) > 1 else links[0]


def link_open(page: ProseWriter, tokens: Tokens, at: int) -> str:
    """A link to another section's Markdown file goes to its page."""
    href = str(tokens[at].attrs.get("href", ""))
    file, mark, fragment = href.partition("#")
    if file.endswith(".md"):
        path = section_path(file, page.path).removesuffix(".md")
        if path in page.refs.titles:
            href = page.link_to(path) + mark + fragment
    title = tokens[at].attrs.get("title")
    title = f' title="{escape(str(title))}"' if title else ""
    return f'<a href="{escape(href)}"{title}>'


def fence(page: ProseWriter, tokens: Tokens, at: int) -> str:
    token = tokens[at]
    language = token.info.strip().split(" ")[0]
    if is_toc(token.info):
        return page.contents(token)
    return code_block(highlight(token.content, language))


def indented_code(page: ProseWriter, tokens: Tokens, at: int) -> str:
    return code_block(escape(tokens[at].content))


def marks(page: ProseWriter, tokens: Tokens, at: int) -> str:
    """A mark that stands behind nothing it could mark."""
    return ""


def inline_mark(page: ProseWriter, tokens: Tokens, at: int) -> str:
    return escape(tokens[at].content)


def bibliography(page: ProseWriter, tokens: Tokens, at: int) -> str:
    return page.references(page.refs.cited)


RULES: dict[str, Callable[[ProseWriter, Tokens, int], str]] = {
    "heading_open": heading_open,
    "heading_close": heading_close,
    "figure": figure,
    "image": image,
    "table_open": table_open,
    "table_close": table_close,
    "th_open": th_open,
    "th_close": th_close,
    "math_block": math_block,
    "math_inline": math_inline,
    "role": role,
    "link_open": link_open,
    "fence": fence,
    "code_block": indented_code,
    "marks": marks,
    "inline_mark": inline_mark,
    "bibliography": bibliography,
    "math_inline_double": math_inline,
}


def _cell(content: Token, tag: str) -> str:
    return tag if content.content.strip() else tag.replace("th", "td", 1)


def _image(page: ProseWriter, token: Token, attributes: str) -> str:
    source = str(token.attrs.get("src", ""))
    if token.meta.get("missing"):
        return _unresolved(source)
    source = escape(source)
    alt = escape(page.plain(token.children or ()))
    if REMOTE.match(source):  # a page asks no other site for anything
        return f'<a href="{source}">{alt or source}</a>'
    path = posixpath.normpath(posixpath.join(posixpath.dirname(page.path), unquote(source)))
    if size := page.size_of(path):
        attributes += ' width="{}" height="{}"'.format(*size)
    return f'<img src="{source}" alt="{alt}" loading="lazy"{attributes}>'


def _style(token: Token) -> str:
    sizes = {name: token.meta.get(name, "") for name in ("width", "height")}
    return ";".join(
        f"{name}:{length}{'px' if length.isdigit() else ''}"
        for name, length in sizes.items()
        if LENGTH.fullmatch(length)
    )


def _math(latex: str, display: bool) -> str:
    try:
        return mathml(latex, display)
    except LatexError:
        return f"<code>{escape(latex)}</code>"


def _plain_tag(tokens: Tokens, at: int) -> str:
    """A token's tag, as markdown-it writes it."""
    return MARKDOWN_IT.renderToken(tokens, at, OPTIONS, {})


def _unresolved(name: str) -> str:
    """What stands in the place of something that the book does not have."""
    title = "There is no such thing in this book"
    return f'<span class="unresolved" title="{title}">{escape(name)}</span>'


@cache  # every page names its neighbours
def _inline(text: str) -> list[Token]:
    """The inline tokens of a line of Markdown."""
    tokens = prose.parse(f"# {text}")
    return tokens[1].children or []


def _number(token: Token, pattern: str) -> str:
    """The number of a heading; of what is a block by itself, as a link to it."""
    number = token.meta.get("number", "")
    if not number:
        return ""
    if token.type == "heading_open":
        return f'<span class="number">{pattern.format(number)}</span>'
    anchor = escape(str(token.meta["anchor"]))
    return f'<a class="number" href="#{anchor}">{pattern.format(number).strip()}</a> '


def _bibliography_page(book: Book, refs: Refs) -> str | None:
    """The first page that has the `:bibliography:` mark."""
    for chapter in book.chapters:
        for cell in chapter.cells:
            if any(token.type == "bibliography" for token in refs.tokens.get(cell.id, ())):
                return chapter.path
    return None
