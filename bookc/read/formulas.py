"""LaTeX -> MathML, which browsers set by themselves; math-core reads it.

d2lbook's pages are set by Sphinx and MathJax. What these two add to LaTeX is understood here, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from html import unescape

from markdown_it.token import Token
from math_core import LatexError, LatexToMathML

from bookc.book import Chapter
from bookc.problems import Problem
from bookc.read.references import inline_tokens

BUILT = re.compile(r"<m(frac|su[bp]|sqrt|root|under|over|table|multi)")
TAG = re.compile(r"<[^>]*>")
SPACE = re.compile(r"((?<!\\)(?:\\\\)*\\)\n")  # a backslash before the end of a line
ENVIRONMENT = re.compile(r"\\begin\{(\w+\*?)\}.*?\\end\{\1\}", re.DOTALL)
MATH_IN_TEXT = re.compile(r"\\(text|textrm|mbox)\{([^{}$]*(?:(?<!\\)\$[^{}$]*\$[^{}$]*)+)\}")


@cache
def mathml(latex: str, display: bool) -> str:
    """A formula as MathML.

    Raises:
        LatexError: "<offset>: <what is wrong>".
    """
    return _converter().convert_with_local_state(_prepared(latex, display), displaystyle=display)


def spoken(latex: str) -> str:
    """A formula in plain text: its letters and signs, or its source where these say too little."""
    try:
        formula = mathml(latex, False)
    except LatexError:
        return latex
    # In a row they read as they stand; a fraction or an exponent would be lost.
    return latex if BUILT.search(formula) else unescape(TAG.sub("", formula))


def faults(chapter: Chapter, tokens: Mapping[str, list[Token]]) -> Iterator[Problem]:
    """The formulas of a chapter that math-core does not understand, as warnings."""
    for token, line in _formulas(chapter, tokens):
        display = token.type == "math_block"
        try:
            mathml(token.content, display)
        except LatexError as error:
            offset, _, message = str(error).partition(": ")
            read = _prepared(token.content, display)
            down = read[: int(offset)].count("\n") if offset.isdigit() else 0
            formula = " ".join(token.content.split())
            message = f"{' '.join(message.split()).rstrip('.')} in the formula {formula}"
            yield Problem(chapter.file, line + down, message, warning=True)


def _formulas(chapter: Chapter, tokens: Mapping[str, list[Token]]) -> Iterator[tuple[Token, int]]:
    for cell in chapter.cells:
        for token in tokens[cell.id] if cell.kind == "markdown" else ():
            if token.type == "math_block":
                yield token, cell.line + (token.map[0] if token.map else 0)
    for token, line in inline_tokens(chapter, tokens):
        if token.type.startswith("math_inline"):
            yield token, line


def _prepared(latex: str, display: bool) -> str:
    """A formula as math-core understands it, with the lines that it had."""
    latex = MATH_IN_TEXT.sub(_split_text, latex.rstrip())
    latex = SPACE.sub(r"\1 \n", latex).replace("{split}", "{aligned}")
    if display and r"\\" in ENVIRONMENT.sub("", latex):
        return rf"\begin{{aligned}}{latex}\end{{aligned}}"  # as Sphinx does
    return latex


def _split_text(found: re.Match[str]) -> str:
    r"""`\text{for $n$ times}` as `\text{for }n\text{ times}`, which math-core understands."""
    command, content = found.groups()
    parts = content.split("$")
    return "".join(
        part if at % 2 else rf"\{command}{{{part}}}" for at, part in enumerate(parts) if part
    )


@cache
def _converter() -> LatexToMathML:
    return LatexToMathML(fancy_error=False, macros={"pmb": r"\boldsymbol{#1}"})
