"""Recorded outputs of a cell -> HTML, cleaned unless config.ini trusts the section."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import groupby
from typing import Any

from markupsafe import Markup

from bookc.notebook.foreign import UNREADABLE
from bookc.read.python import NOT_PYTHON, python_of
from bookc.run.record import DARK_PNG
from bookc.run.tidy import ANSI
from bookc.site.clean import LONGEST, excess, safe_html, safe_svg
from bookc.site.pictures import (
    PHOTOGRAPHS,
    Picture,
    photograph,
    picture_file,
    png_picture,
    svg_size,
)

# What IPython says of an object that is for the eyes or the ears.
UNSPEAKING = re.compile(r"\s*<[\w.]+ object(?: at 0x[0-9a-f]+)?>\s*|\s*<[\w.]+ object>\s*")
SVG_SIZE = 300, 150  # what browsers give a picture that has no size
LABELS = ("xlabel", "ylabel", "title", "titles", "legend", "label")  # plots' texts for readers
TALL = 24  # lines of text that an output shows before it is opened


Part = Picture | Markup


Prose = Callable[[str], Markup]


def convert(
    outputs: Iterable[dict[str, Any]], prose: Prose, trusted: bool = False
) -> Iterator[Part]:
    """The parts of a cell's outputs, in order.

    Neighbouring pieces of one stream are joined. Of the forms of a result the first is shown
    that there is: PNG, JPEG, GIF, WebP, SVG without script, HTML reduced to text and tables,
    Markdown, LaTeX, plain text.

    Args:
        prose: makes HTML of Markdown with formulas.
        trusted: whether HTML stays as it was recorded.
    """
    for kind, group in groupby(outputs, key=lambda o: (o["output_type"], o.get("name", ""))):
        if kind[0] == "stream":
            text = _terminal("".join(_text(output["text"]) for output in group))
            yield _pre(f"stream {kind[1]}" if kind[1] == "stderr" else "stream", text)
            continue
        for output in group:
            if kind[0] == "error":
                yield _pre("error", _error(output))
            else:
                yield _result(output, prose, trusted)


def describe(source: str, framework: str, section: str) -> str:
    """What stands for a cell's picture where it cannot be seen.

    Args:
        source: the cell; the texts that it gives to a plot are named.
        framework: as readers know it, "" for all.
        section: the heading above the cell.
    """
    words = ", ".join(dict.fromkeys(_plot_texts(source)))
    drawn = f"Plot ({words})" if words else "Picture"
    code = f"the {framework} code" if framework else "the code"
    return f"{drawn} drawn by {code} above" + (f", in “{section}”" if section else "")


def _result(output: dict[str, Any], prose: Prose, trusted: bool) -> Part:
    data = output.get("data", {})
    if UNREADABLE in data:
        return _unseen(f"An output that could not be shown ({data[UNREADABLE]}).")
    metadata = output.get("metadata", {})
    if "image/png" in data:
        picture = png_picture(_text(data["image/png"]), metadata)
        if picture is not None:
            return replace(picture, dark=png_picture(_text(metadata.get(DARK_PNG, "")), metadata))
    for kind in PHOTOGRAPHS:
        if (picture := photograph(kind, _text(data.get(kind, "")), metadata)) is not None:
            return picture
    drawing, html = _text(data.get("image/svg+xml", "")), _text(data.get("text/html", ""))
    reason = "" if trusted else excess(html) or excess(drawing)
    if not reason:
        if svg := safe_svg(drawing):
            return picture_file(svg, "svg", *(svg_size(svg) or SVG_SIZE))
        if html := html if trusted else safe_html(html):
            return Markup('<div class="output html">{}</div>\n').format(Markup(html))
        if text := _text(data.get("text/markdown", "")) or _formula(data):
            return Markup('<div class="output markdown">{}</div>\n').format(prose(text[:LONGEST]))
    plain = _terminal(_text(data.get("text/plain", "")))
    others = [kind for kind in data if kind not in ("text/plain", "text/html", "text/latex")]
    if plain and not (others and UNSPEAKING.fullmatch(plain)):
        return _pre("result", plain)
    kinds = ", ".join(sorted(data)) or "nothing"
    return _unseen(f"An output that only a notebook shows ({reason or kinds}).")


def _formula(data: dict[str, Any]) -> str:
    """LaTeX among the data as Markdown: a formula, or text with formulas."""
    latex = _text(data.get("text/latex", "")).strip()
    return f"$$\n{latex}\n$$" if latex.startswith(r"\begin{") else latex


def _unseen(message: str) -> Markup:
    return Markup('<p class="unseen">{}</p>\n').format(message)


def _error(output: dict[str, Any]) -> str:
    whole = "\n".join(output.get("traceback", ()))
    return _terminal(whole or f"{output.get('ename', 'Error')}: {output.get('evalue', '')}")


def _terminal(text: str) -> str:
    """Text as a terminal leaves it: a carriage return goes back to the start of the line."""
    lines = ANSI.sub("", text).replace("\r\n", "\n").split("\n")
    return "\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in lines)


def _text(value: object) -> str:
    """A text among the data of an output; JSON has other things, too."""
    return value if isinstance(value, str) else ""


def _pre(kind: str, text: str) -> Markup:
    text = text.rstrip()
    if len(text) > LONGEST:
        text = (
            text[:LONGEST] + f"\n[{len(text) - LONGEST:,} more letters: only a notebook shows them]"
        )
    html = Markup('<pre class="output {}"><samp>{}</samp></pre>').format(kind, text)
    lines = text.count("\n") + 1
    if lines <= TALL:
        return html + "\n"
    return Markup(
        '<div class="tall">{}<button type="button" class="unfold" aria-expanded="false" '
        'data-other="Show less">Show all {} lines</button></div>\n'
    ).format(html, lines)


def _plot_texts(source: str) -> Iterator[str]:
    """The texts that the code gives as labels, legends and titles."""
    try:
        tree = ast.parse(python_of(source))
    except NOT_PYTHON:
        return
    for call in ast.walk(tree):
        for keyword in call.keywords if isinstance(call, ast.Call) else ():
            if keyword.arg in LABELS:
                for node in ast.walk(keyword.value):
                    if isinstance(node, ast.Constant) and isinstance(node.value, str):
                        yield node.value.replace("$", "").strip()
