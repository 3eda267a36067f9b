"""The text of a .bib file -> its entries, formatted by pybtex."""

from __future__ import annotations

import re
from html import unescape

import pybtex.errors
from markupsafe import Markup, escape
from pybtex.backends.html import Backend
from pybtex.database import BibliographyData, Entry, parse_string
from pybtex.exceptions import PybtexError
from pybtex.richtext import Text
from pybtex.style import FormattedEntry
from pybtex.style.formatting.unsrt import Style
from pybtex.style.template import FieldIsMissing

from bookc.book import Reference
from bookc.problems import BookError, Problem
from bookc.read.addresses import outside

# Entry types of biblatex and of old styles, and what pybtex has for them.
SAME_TYPES = {
    "collection": "book",
    "conference": "inproceedings",
    "electronic": "online",
    "report": "techreport",
    "thesis": "phdthesis",
    "www": "online",
}


def read_bibliography(text: str, file: str, formatted: bool = True) -> dict[str, Reference]:
    """Every entry of a .bib file by its key.

    Args:
        formatted: whether to format the entries as well, which takes four times as long.

    Raises:
        BookError: what pybtex finds wrong, at the line where it finds it.
    """
    try:
        with pybtex.errors.capture() as captured:
            data = parse_string(text, "bibtex")
            html = _format(data, file) if formatted else {}
        if captured:
            raise captured[0]
    except PybtexError as error:
        line = getattr(error, "lineno", 0) or 0
        message = str(error).splitlines()[0]
        raise BookError([Problem(file, line, message)]) from None
    return {
        key: Reference(
            key=key,
            authors=_short_authors(entry),
            year=entry.fields.get("year", ""),
            html=html.get(key, ""),
            url=_url(entry),
        )
        for key, entry in data.entries.items()
    }


# LaTeX that pybtex takes for words. Its groups may hold groups, one within another.
GROUP = r"\s*\{((?:[^{}]|\{[^{}]*\})*)\}"
LINK = re.compile(rf"\\(?:url{GROUP}|href{GROUP}{GROUP})")
FONT = re.compile(r"\\(?:emph|mbox|text(?:it|bf|sc|sl|tt|rm|up|sf|md|normal))\s*\{")
PLACE = re.compile(r"qzlink(\d+)qz")  # letters that stand for a link while pybtex works


class _Html(Backend):  # type: ignore[misc]  # pybtex has no types
    """pybtex's HTML, in which a text is text and an address one that a page may lead to."""

    def format_str(self, text: str) -> str:
        return str(escape(text))

    @staticmethod
    def format_href(url: str, text: str, external: bool = False) -> str:
        address = outside(unescape(url))
        return str(Markup('<a href="{}">{}</a>').format(address, Markup(text)) if address else text)


def _format(data: BibliographyData, file: str) -> dict[str, str]:
    backend, style = _Html("utf-8"), Style()  # to make a style takes as long as 50 entries
    formatted = {}
    problems = []
    for key, entry in data.entries.items():
        try:
            plain, links = _without_commands(entry)
            html = _formatted(style, plain).text.render(backend)
            pieces = PLACE.split(html)  # every second one is the number of a link
            pieces[1::2] = [links[int(number)] for number in pieces[1::2]]
            formatted[key] = "".join(pieces)
        except Exception as error:  # its reader of LaTeX raises whatever it meets
            problems.append(Problem(file, 0, f"entry '{key}' cannot be formatted: {error}"))
    if problems:
        raise BookError(problems)
    return formatted


def _without_commands(entry: Entry) -> tuple[Entry, list[str]]:
    """An entry without LaTeX's links and fonts, and the HTML of the links.

    In place of a link stands a word that `PLACE` finds.
    """
    links: list[str] = []

    def put_away(found: re.Match[str]) -> str:
        address, text = found[1] or found[2], found[3] or found[1]
        address = re.sub(r"\\([%&_#$~])", r"\1", address).strip()
        links.append(_Html.format_href(address, str(escape(_plain(text)))))
        return f"qzlink{len(links) - 1}qz"

    if not any("\\" in value for value in entry.fields.values()):
        return entry, links
    fields = {
        name: FONT.sub("{", LINK.sub(put_away, value)) for name, value in entry.fields.items()
    }
    other = Entry(entry.type, fields, entry.persons)
    other.key = entry.key
    return other, links


def _plain(latex: str) -> str:
    """LaTeX's accents and letters as Unicode; what it cannot read stays."""
    try:
        return str(Text.from_latex(FONT.sub("{", latex)))
    except PybtexError:
        return latex.replace("{", "").replace("}", "")


def _formatted(style: Style, entry: Entry) -> FormattedEntry:
    kind = SAME_TYPES.get(entry.type, entry.type)
    if not hasattr(style, f"get_{kind}_template"):
        kind = "misc"
    try:
        (done,) = style.format_entries([_as(kind, entry)])
    except FieldIsMissing:
        # A book without its publisher can be cited; "misc" wants no field at all.
        (done,) = style.format_entries([_as("misc", entry)])
    return done


def _as(kind: str, entry: Entry) -> Entry:
    """The entry as if it were of another type."""
    if kind == entry.type:
        return entry
    other = Entry(kind, entry.fields, entry.persons)
    other.key = entry.key
    return other


def _short_authors(entry: Entry) -> str:
    people = entry.persons.get("author") or entry.persons.get("editor") or []
    names = [" ".join([*person.prelast_names, *person.last_names]) for person in people]
    names = [_plain(name) for name in names]
    if not names:
        return _plain(str(entry.fields.get("title", entry.key)))
    if len(names) > 2:
        return f"{names[0]} et al."
    return " and ".join(names)


def _url(entry: Entry) -> str:
    if doi := entry.fields.get("doi"):
        return outside(f"https://doi.org/{doi.removeprefix('https://doi.org/')}")
    return outside(str(entry.fields.get("url", "")))
