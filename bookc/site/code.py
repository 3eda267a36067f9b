"""Source code -> HTML: highlighted, with the buttons that a script shows."""

from __future__ import annotations

from functools import cache
from html import escape

from pygments import highlight as pygments_highlight
from pygments.formatters import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

FORMATTER = HtmlFormatter(nowrap=True)


def code_block(code: str) -> str:
    """Highlighted code with its buttons, which only a script shows."""
    wrap = '<button type="button" class="tool wrap" aria-label="Wrap long lines" hidden></button>'
    copy = '<button type="button" class="tool copy" aria-label="Copy this code"></button>'
    return f'<div class="cell"><pre class="code"><code>{code}</code></pre>{wrap}{copy}</div>\n'


@cache  # a cell for two frameworks is written twice
def highlight(source: str, language: str = "python") -> str:
    """Source code as HTML spans with Pygments' short class names."""
    lexer = _lexer(language.strip("{}.") or "text")
    return escape(source) if lexer is None else pygments_highlight(source, lexer, FORMATTER)


@cache
def _lexer(language: str) -> Lexer | None:
    try:
        return get_lexer_by_name(language, stripnl=False)
    except ClassNotFound:
        return None
