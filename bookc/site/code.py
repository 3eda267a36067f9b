"""Source code -> HTML: highlighted, with the buttons that a script shows."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from markupsafe import Markup, escape
from pygments import highlight as pygments_highlight
from pygments.formatters import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

FORMATTER = HtmlFormatter(nowrap=True)
BLOCK = Markup(
    '<div class="cell"><pre class="code"><code>{}</code></pre>'
    '<button type="button" class="tool wrap" aria-label="Wrap long lines" hidden></button>'
    '<button type="button" class="tool copy" aria-label="Copy this code"></button></div>\n'
)


def code_block(code: Markup) -> Markup:
    """Highlighted code with its buttons, which only a script shows."""
    return BLOCK.format(code)


@cache  # a cell for two frameworks is written twice
def highlight(source: str, language: str = "python") -> Markup:
    """Source code as HTML spans with Pygments' short class names."""
    lexer = _lexer(language.strip("{}.") or "text")
    if lexer is None:
        return escape(source)
    return Markup(pygments_highlight(source, lexer, FORMATTER))  # it escapes what it reads


def joined(parts: Iterable[str]) -> Markup:
    """Pieces of HTML in a row; each must be one already."""
    return Markup("".join(parts))


@cache
def _lexer(language: str) -> Lexer | None:
    try:
        return get_lexer_by_name(language, stripnl=False)
    except ClassNotFound:
        return None
