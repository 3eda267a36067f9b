"""Annotated markdown-it tokens -> HTML, by one rule for each kind of token that is ours.

What markdown-it's own renderer does right (lists, emphasis, escaping) stays with it.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from html import unescape
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup, escape
from math_core import LatexError

from bookc.book import Book, Cell, Node, Refs
from bookc.read import prose
from bookc.read.addresses import encoded, fragment, kind_of, outside
from bookc.read.formulas import mathml, spoken
from bookc.read.references import LENGTH, citation_text, reference_text, walk
from bookc.read.syntax import is_toc, section_path, toc_names
from bookc.site.code import code_block, highlight, joined
from bookc.site.page import page_file, relative

Tokens = Sequence[Token]
SizeOf = Callable[[str], tuple[int, int] | None]  # of a picture, by its path in the book
STYLE = re.compile(r' style="([^"]*)"')
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
        styles: the style attributes that were written on the current page.
        config: of the book.
    """

    def __init__(self, book: Book, refs: Refs, size_of: SizeOf) -> None:
        self.cited: dict[str, None] = {}
        self.styles: set[str] = set()
        self.refs, self.config, self.size_of = refs, book.config, size_of
        self._nodes = {node.path: node for node in walk(refs.tree)}
        self._bibliography_page = _bibliography_page(book, refs)
        self._anchors: set[str] = set()
        self.begin(book.config.index)

    def begin(self, path: str) -> None:
        """Go on with the page of section `path`."""
        self.path = path
        self._page = page_file(path, self.config)
        self.cited.clear()
        self.styles.clear()
        self._anchors.clear()

    def write(self, cell: Cell) -> Markup:
        """The HTML of one prose cell."""
        return self._render(self.refs.tokens[cell.id])

    def output(self, markdown_text: str) -> Markup:
        """The HTML of Markdown among the outputs of a cell."""
        return self._render(prose.parse_output(markdown_text))

    def inline(self, tokens: Tokens | None) -> Markup:
        """The HTML of what stands in a line."""
        return self._render(tokens or ())

    def _render(self, tokens: Tokens) -> Markup:
        out: list[str] = []
        for at, token in enumerate(tokens):
            if token.type == "inline":
                out.append(self.inline(token.children))
            elif rule := RULES.get(token.type):
                out.append(rule(self, tokens, at))
            elif own := MARKDOWN_IT.rules.get(token.type):
                out.append(own(tokens, at, OPTIONS, {}))
            else:
                out.append(_plain_tag(tokens, at))
            if style := token.attrs.get("style"):  # how a column of a table is aligned
                self.styles.add(str(style))
        return joined(out)

    def title(self, markdown_text: str) -> Markup:
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
        place = f"#{fragment(anchor)}" if anchor else ""
        if path == self.path and anchor:
            return place
        return relative(page_file(path, self.config), self._page) + place

    def references(self, keys: Iterable[str]) -> Markup:
        """A list of references, by author and year."""
        entries = [self.refs.bibliography[key] for key in keys]
        entries.sort(key=lambda entry: (entry.authors.casefold(), entry.year, entry.key))
        item = Markup('<li id="ref-{}">{}</li>\n')
        items = [item.format(entry.key, Markup(entry.html)) for entry in entries]  # by pybtex
        return Markup('<ul class="references">\n{}</ul>\n').format(joined(items))

    @property
    def has_bibliography(self) -> bool:
        """Whether one page of the book lists all references."""
        return self._bibliography_page is not None

    def contents(self, token: Token) -> Markup:
        """The sections that a `toc` block lists, and those below them."""
        paths = [section_path(name, self.path) for _, name in toc_names(token.content)]
        listed = (self._nodes[path] for path in paths if path in self._nodes)
        return Markup('<div class="contents">{}</div>\n').format(self.tree(listed))

    def tree(self, nodes: Iterable[Node]) -> Markup:
        """Nested lists of links to pages."""
        items = []
        for node in nodes:
            number = Markup('<span class="number">{}.</span> ').format(node.number)
            link = Markup('<a href="{}">{}{}</a>').format(
                self.link_to(node.path), number if node.number else "", self.title(node.title)
            )
            items.append(Markup("<li>{}{}</li>\n").format(link, self.tree(node.children)))
        return Markup("<ul>\n{}</ul>\n").format(joined(items)) if items else Markup()

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

    def identity(self, token: Token) -> Markup:
        """The id attribute; a block that several tabs show carries it only once."""
        anchor = str(token.meta["anchor"])
        if anchor in self._anchors:
            return Markup()
        self._anchors.add(anchor)
        return Markup(' id="{}"').format(anchor)

    def math(self, latex: str, display: bool) -> Markup:
        """A formula; one that cannot be set stands as it was written."""
        try:
            formula = mathml(latex, display)
        except LatexError:
            return Markup("<code>{}</code>").format(latex)
        self.styles.update(unescape(style) for style in STYLE.findall(formula))
        return Markup(formula)  # math-core escapes what it takes from the formula


# One rule for each type of token: the tokens and the place of one in them -> its HTML.


def heading_open(page: ProseWriter, tokens: Tokens, at: int) -> Markup:
    token = tokens[at]
    number = _number(token, "{}. ")
    return Markup("<{}{}>{}").format(token.tag, page.identity(token), number)


def heading_close(page: ProseWriter, tokens: Tokens, at: int) -> Markup:
    token, opening = tokens[at], tokens[at - 2]
    link = Markup('<a class="anchor" href="#{}" aria-label="Link to this heading">#</a>').format(
        fragment(str(opening.meta["anchor"]))
    )
    return Markup("{}</{}>\n").format(link if token.tag != "h1" else "", token.tag)


def figure(page: ProseWriter, tokens: Tokens, at: int) -> Markup:
    token = tokens[at]
    picture = (token.children or [])[0]
    style = _style(token)
    page.styles.update({style} - {""})
    attribute = Markup(' style="{}"').format(style) if style else Markup()
    return Markup('<figure class="image"{}>{}{}</figure>\n').format(
        page.identity(token),
        _image(page, picture, attribute),
        _caption(page.inline(picture.children or ()), _number(token, "Fig. {} ")),
    )


def image(page: ProseWriter, tokens: Tokens, at: int) -> Markup:
    return _image(page, tokens[at], Markup())


def table_open(page: ProseWriter, tokens: Tokens, at: int) -> Markup:
    token = tokens[at]
    number = _number(token, "Table {} ")
    return Markup('<figure class="table"{}>{}<div class="scroll"><table>\n').format(
        page.identity(token) if number else "",
        _caption(page.inline(token.meta.get("caption", ())), number),
    )


def table_close(page: ProseWriter, tokens: Tokens, at: int) -> Markup:
    return Markup("</table></div></figure>\n")


def th_open(page: ProseWriter, tokens: Tokens, at: int) -> Markup:
    """A heading of nothing, as in the corner of a table, is an empty cell."""
    return _cell(tokens[at + 1], _plain_tag(tokens, at))


def th_close(page: ProseWriter, tokens: Tokens, at: int) -> Markup:
    return _cell(tokens[at - 1], _plain_tag(tokens, at))


def math_block(page: ProseWriter, tokens: Tokens, at: int) -> Markup:
    token = tokens[at]
    number = _number(token, "({})")
    equation = Markup('<div class="equation"{}><div class="scroll">{}</div>{}</div>\n')
    identity = page.identity(token) if number else ""
    return equation.format(identity, page.math(token.content, display=True), number)


def math_inline(page: ProseWriter, tokens: Tokens, at: int) -> Markup:
    formula = page.math(tokens[at].content, display=False)
    letters = len(re.sub(r"<[^>]*>|&\w+;", "", formula))
    if letters <= FITS_TELEPHONE:
        return formula
    # Browsers do not break a formula; where it does not fit, it scrolls by itself.
    kind = "long" if letters <= FITS_COLUMN else "long wide"
    return Markup('<span class="{}">{}</span>').format(kind, formula)


def role(page: ProseWriter, tokens: Tokens, at: int) -> Markup:
    token = tokens[at]
    name = token.meta["name"]
    is_citation = name in ("cite", "citet")
    links = [
        Markup('<a class="{}" href="{}">{}</a>').format(
            name, target, text if is_citation else page.title(text)
        )
        if target
        else _unresolved(text)
        for text, target in page.role_links(token)
    ]
    if is_citation:
        keys = [key.strip() for key in token.meta["value"].split(",")]
        page.cited.update((key, None) for key in keys if key in page.refs.bibliography)
    if name == "cite":
        return Markup("({})").format(Markup("; ").join(links))
    if len(links) == 1:
        return links[0]
    return Markup("{} and {}").format(Markup(", ").join(links[:-1]), links[-1])


def link_open(page: ProseWriter, tokens: Tokens, at: int) -> Markup:
    """A link to another section's Markdown file goes to its page."""
    href = str(tokens[at].attrs.get("href", ""))
    if (address := _address(page, href)) is None:
        return Markup()
    title = tokens[at].attrs.get("title")
    attribute = Markup(' title="{}"').format(title) if title else ""
    return Markup('<a href="{}"{}>').format(address, attribute)


def link_close(page: ProseWriter, tokens: Tokens, at: int) -> Markup:
    opening = next(token for token in reversed(tokens[:at]) if token.type == "link_open")
    refused = kind_of(str(opening.attrs.get("href", ""))) == "refused"
    return Markup() if refused else Markup("</a>")


def _address(page: ProseWriter, href: str) -> str | None:
    """The address that a link of the text has on its page; None if a page may not have it."""
    kind = kind_of(href)
    if kind != "inside":
        return outside(href) if kind == "outside" else None
    file, mark, anchor = href.partition("#")
    if file.endswith(".md"):
        path = section_path(unquote(file), page.path).removesuffix(".md")
        if path in page.refs.titles:
            return page.link_to(path) + mark + encoded(anchor)
    return encoded(href)


def fence(page: ProseWriter, tokens: Tokens, at: int) -> Markup:
    token = tokens[at]
    language = token.info.strip().split(" ")[0]
    if is_toc(token.info):
        return page.contents(token)
    return code_block(highlight(token.content, language))


def indented_code(page: ProseWriter, tokens: Tokens, at: int) -> Markup:
    return code_block(escape(tokens[at].content))


def marks(page: ProseWriter, tokens: Tokens, at: int) -> Markup:
    """A mark that stands behind nothing it could mark."""
    return Markup()


def inline_mark(page: ProseWriter, tokens: Tokens, at: int) -> Markup:
    return escape(tokens[at].content)


def bibliography(page: ProseWriter, tokens: Tokens, at: int) -> Markup:
    return page.references(page.refs.cited)


RULES: dict[str, Callable[[ProseWriter, Tokens, int], Markup]] = {
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
    "link_close": link_close,
    "fence": fence,
    "code_block": indented_code,
    "marks": marks,
    "inline_mark": inline_mark,
    "bibliography": bibliography,
    "math_inline_double": math_inline,
}


def _cell(content: Token, tag: Markup) -> Markup:
    return tag if content.content.strip() else Markup(tag.replace("th", "td", 1))


def _caption(caption: Markup, number: Markup) -> Markup:
    if not caption and not number:
        return Markup()
    return Markup("<figcaption>{}{}</figcaption>").format(number, caption)


def _image(page: ProseWriter, token: Token, attributes: Markup) -> Markup:
    source = str(token.attrs.get("src", ""))
    if token.meta.get("missing"):
        return _unresolved(source)
    alt = page.plain(token.children or ())
    if kind_of(source) != "inside":  # a page asks no other site for anything
        return Markup('<a href="{}">{}</a>').format(outside(source), alt or source)
    path = posixpath.normpath(posixpath.join(posixpath.dirname(page.path), unquote(source)))
    if size := page.size_of(path):
        attributes += Markup(' width="{}" height="{}"').format(*size)
    picture = Markup('<img src="{}" alt="{}" loading="lazy"{}>')
    return picture.format(relative(path, page_file(page.path, page.config)), alt, attributes)


def _style(token: Token) -> str:
    sizes = {name: token.meta.get(name, "") for name in ("width", "height")}
    return ";".join(
        f"{name}:{length}{'px' if length.isdigit() else ''}"
        for name, length in sizes.items()
        if LENGTH.fullmatch(length)
    )


def _plain_tag(tokens: Tokens, at: int) -> Markup:
    """A token's tag, as markdown-it writes it."""
    return Markup(MARKDOWN_IT.renderToken(tokens, at, OPTIONS, {}))


def _unresolved(name: str) -> Markup:
    """What stands in the place of something that the book does not have."""
    title = "There is no such thing in this book"
    return Markup('<span class="unresolved" title="{}">{}</span>').format(title, name)


@cache  # every page names its neighbours
def _inline(text: str) -> list[Token]:
    """The inline tokens of a line of Markdown."""
    tokens = prose.parse(f"# {text}")
    return tokens[1].children or []


def _number(token: Token, pattern: str) -> Markup:
    """The number of a heading; of what is a block by itself, as a link to it."""
    number = token.meta.get("number", "")
    if not number:
        return Markup()
    if token.type == "heading_open":
        return Markup('<span class="number">{}</span>').format(pattern.format(number))
    anchor = fragment(str(token.meta["anchor"]))
    link = Markup('<a class="number" href="#{}">{}</a> ')
    return link.format(anchor, pattern.format(number).strip())


def _bibliography_page(book: Book, refs: Refs) -> str | None:
    """The first page that has the `:bibliography:` mark."""
    for chapter in book.chapters:
        for cell in chapter.cells:
            if any(token.type == "bibliography" for token in refs.tokens.get(cell.id, ())):
                return chapter.path
    return None
