"""Prose -> markdown-it tokens, with d2lbook's marks read by two rules of our own.

    :label:`sec_gan`                      on a line of its own: a mark of the block before it
    as :numref:`sec_gan` shows            inside a sentence: a role

Marks end up in `meta` of the block's opening token (`label`, `width`, `height`, `caption`), so
the later steps never meet them. A paragraph that is one image becomes one `figure` token.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, lru_cache

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline, image, link
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin

InlineRule = Callable[[StateInline, bool], bool]
MARKS = ("label", "eqlabel", "width", "height", "bibliography")
ROLES = ("numref", "ref", "eqref", "cite", "citet")
MARK_LINE = re.compile(rf"(?:\s*:(?:{'|'.join(MARKS)}):`+[^`\n]+`+)+\s*")
MARK = re.compile(rf":({'|'.join(MARKS)}):`+([^`\n]+)`+")
ROLE = re.compile(rf":({'|'.join(ROLES)}):`+([^`\n]+)`+")


def parse(source: str) -> list[Token]:
    """Tokens of one run of prose; `map` counts the lines of `source` from 0."""
    tokens = _parser().parse(source)
    return _attach_marks(_captions(_figures(tokens)))


@cache
def _parser() -> MarkdownIt:
    md = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    md.use(dollarmath_plugin, allow_labels=False, allow_space=True, double_inline=True)
    interrupts = ["paragraph", "reference", "blockquote", "list"]
    md.block.ruler.before("math_block", "mark", _mark_rule, {"alt": interrupts})
    md.inline.ruler.before("backticks", "role", _role_rule)
    md.inline.ruler.at("link", _if_bracket_closes(link))
    md.inline.ruler.at("image", _if_bracket_closes(image))
    return md


def _if_bracket_closes(rule: InlineRule) -> InlineRule:
    """A rule for `[`, tried only where a `]` follows: each try reads the rest of the text."""

    def guarded(state: StateInline, silent: bool) -> bool:
        return state.pos < _last_bracket(state.src) and rule(state, silent)

    return guarded


@lru_cache(maxsize=4)
def _last_bracket(text: str) -> int:
    return text.rfind("]")


def _mark_rule(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    line = state.src[state.bMarks[start] + state.tShift[start] : state.eMarks[start]]
    if not MARK_LINE.fullmatch(line):
        return False
    if not silent:
        token = state.push("marks", "", 0)
        token.meta = {name: value.strip() for name, value in MARK.findall(line)}
        token.map = [start, start + 1]
        state.line = start + 1
    return True


def _role_rule(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] != ":":
        return False
    role = ROLE.match(state.src, state.pos)
    if role is None:
        return False
    if not silent:
        token = state.push("role", "", 0)
        token.meta = {"name": role[1], "value": role[2].strip()}
    state.pos = role.end()
    return True


def _figures(tokens: list[Token]) -> list[Token]:
    """Paragraphs that are one image, as `figure` tokens."""
    result: list[Token] = []
    at = 0
    while at < len(tokens):
        if tokens[at].type == "paragraph_open":
            children = tokens[at + 1].children or []
            if len(children) == 1 and children[0].type == "image":
                figure = Token("figure", "figure", 0, map=tokens[at].map, block=True)
                figure.children = children
                figure.level = tokens[at].level
                result.append(figure)
                at += 3
                continue
        result.append(tokens[at])
        at += 1
    return result


def _captions(tokens: list[Token]) -> list[Token]:
    """A paragraph that begins with `:` right before a table is the table's caption."""
    result: list[Token] = []
    for token in tokens:
        if token.type == "table_open" and len(result) >= 3 and _is_caption(result[-2]):
            inline = result[-2]
            inline.content = inline.content.lstrip(": ")
            children = inline.children or []
            children[0].content = children[0].content.lstrip(": ")
            token.meta["caption"] = children
            token.meta["caption_text"] = inline.content
            token.meta["caption_line"] = inline.map[0] if inline.map else 0
            del result[-3:]
        result.append(token)
    return result


def _is_caption(token: Token) -> bool:
    children = token.children or []
    return token.type == "inline" and bool(children) and children[0].content.startswith(":")


def _attach_marks(tokens: list[Token]) -> list[Token]:
    """Move each `marks` token into the block that it follows."""
    result: list[Token] = []
    block: Token | None = None  # the last block that can carry marks
    for token in tokens:
        if token.type != "marks":
            result.append(token)
            if token.type in ("heading_open", "figure", "table_open", "math_block"):
                block = token
            elif token.type == "paragraph_open":
                block = None
            continue
        if "bibliography" in token.meta:
            result.append(Token("bibliography", "", 0, map=token.map, block=True))
        elif block is None:
            result.append(token)  # refs reports it: a mark with nothing to carry it
        else:
            names = {"eqlabel": "label"}
            block.meta.update({names.get(name, name): v for name, v in token.meta.items()})
    return result
