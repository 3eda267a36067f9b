"""LaTeX -> MathML, which browsers set by themselves; math-core reads it.

d2lbook's pages are set by Sphinx and MathJax. What these two add to LaTeX is understood here, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from html import unescape
from unicodedata import category

from markdown_it.token import Token
from math_core import LatexError, LatexToMathML

from bookc.book import Chapter
from bookc.problems import Problem
from bookc.read.references import inline_tokens

BUILT = re.compile(r"<m(frac|su[bp]|sqrt|root|under|over|table|multi)")
TAG = re.compile(r"<[^>]*>")
SPACE = re.compile(r"((?<!\\)(?:\\\\)*\\)\n")  # a backslash before the end of a line
PART = re.compile(r"\\(?P<mark>begin|end)\{(?P<name>\w+\*?)\}")
# math-core goes down into a formula by recursion, on the stack of the process, and for each bracket
# that is never closed it reads the rest of the formula twice: both have to end in time.
LONGEST = 20_000  # letters
DEEPEST = 300  # groups within each other
UNCLOSED = 12  # brackets
COMMAND = re.compile(r"\\[a-zA-Z]+ *(?:\[[^\]]{0,9}\]|\{[^{}]{0,9}\}|[0-9a-zA-Z])? *")
GROUP = re.compile(r"\\(?:begin|end|left|right)\b|\\.|[{}()\[\]]", re.DOTALL)
BRACKET = re.compile(
    r"\\[ul]?(?P<side>[lr])(?:[vV]ert|floor|ceil|[aA]ng(?:le)?|[bB]race|brack(?:et)?|group|moustache"
    r"|paren|corner|angle)\b|\\[{}]|[^\x00-\x7f]|[()\[\]]"
)
SIDE = re.compile(r'="[^"<>]*?(-?\d+(?:\.\d+)?)r?em\b')
WIDEST = 60  # em: farther from its place than that a formula would cover others
MATH_IN_TEXT = re.compile(r"\\(text|textrm|mbox)\{([^{}$]*(?:(?<!\\)\$[^{}$]*\$[^{}$]*)+)\}")


@cache
def mathml(latex: str, display: bool) -> str:
    """A formula as MathML.

    Raises:
        LatexError: "<offset>: <what is wrong>".
    """
    if reason := _excess(latex):
        raise LatexError(f"0: {reason}")
    prepared = _prepared(latex, display)
    made: str = _converter().convert_with_local_state(prepared, displaystyle=display)
    if any(abs(float(side)) > WIDEST for side in SIDE.findall(made)):
        raise LatexError(f"0: a length of more than {WIDEST} em")
    return made


def _excess(latex: str) -> str:
    """Why a formula is too much to be set; "" if it is not."""
    if len(latex) > LONGEST:
        return f"{len(latex):,} letters, of which at most {LONGEST:,} are set"
    depth = 0
    for found in GROUP.finditer(latex):
        depth += {"{": 1, r"\begin": 1, r"\left": 1, "}": -1, r"\end": -1, r"\right": -1}.get(
            found[0], 0
        )
        if depth > DEEPEST:
            return f"more than {DEEPEST} groups within each other"
    row = end = 0
    for found in COMMAND.finditer(latex):
        row = row + 1 if found.start() == end else 1  # each may have the next one inside
        end = found.end()
        if row > DEEPEST:
            return f"more than {DEEPEST} commands in a row"
    unclosed = 0
    for found in BRACKET.finditer(latex):
        kind = {"l": "Ps", "r": "Pe"}.get(found["side"]) or category(found[0][-1])
        unclosed = max(0, unclosed + {"Ps": 1, "Pe": -1}.get(kind, 0))
    return f"{unclosed} brackets that are never closed" if unclosed > UNCLOSED else ""


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
    if display and r"\\" in _outside(latex):
        return rf"\begin{{aligned}}{latex}\end{{aligned}}"  # as Sphinx does
    return latex


def _outside(latex: str) -> str:
    """What of a formula stands in no environment."""
    parts = []
    at = depth = 0
    for found in PART.finditer(latex):
        if depth == 0:
            parts.append(latex[at : found.start()])
        depth = depth + 1 if found["mark"] == "begin" else max(0, depth - 1)
        at = found.end()
    return "".join([*parts, latex[at:]]) if depth == 0 else "".join(parts)


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
