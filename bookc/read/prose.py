"""Prose -> markdown-it tokens, with d2lbook's marks read by two rules of our own.

    :label:`sec_gan`                      on a line of its own: a mark of the block before it
    as :numref:`sec_gan` shows            inside a sentence: a role

Marks end up in `meta` of the block's opening token (`label`, `width`, `height`, `caption`), so
the later steps never meet them. A paragraph that is one image becomes one `figure` token.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline, image, link
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin

from bookc.read.addresses import outside
from bookc.read.rst import to_markdown
from bookc.read.slides import strip_slides
from bookc.read.syntax import BLOCK_MARK, BLOCK_MARK_LINE, ROLE, role_name

InlineRule = Callable[[StateInline, bool], bool]
BlockRule = Callable[[StateBlock, int, int, bool], bool]
CLOSING = re.compile(r"\$\$[ \t]*$", re.MULTILINE)
MATTERS = re.compile(r"^:|:\w+:`|!\[|\$\$")  # a caption, a mark or role, an image, a formula
UNDERLINE = re.compile(r"[=-][ \t]*(?:[\r\n]|\Z)")  # of a heading, perhaps
LAST_LINE = ("softbreak", "marks")  # what stands before and behind an image that is a figure
PYTHON_ROLE = re.compile(r":(class|func|mod):(?=`)")


def parse(source: str, brief: bool = False) -> list[Token]:
    """Tokens of one run of prose; `map` counts the lines of `source` from 0.

    Args:
        brief: give no children to text without a role, an image or a displayed formula.
    """
    text = strip_slides(source)
    tokens = _rst(_parser(brief, UNDERLINE.search(text) is not None).parse(text), brief)
    return _attach_marks(_captions(_equations(_figures(tokens))))


def parse_output(source: str) -> list[Token]:
    """Tokens of Markdown that code has displayed.

    A heading is a paragraph. Pictures, and links but those to other sites, leave their texts: they
    could name what is no part of the book.
    """
    tokens = _parser(False).parse(source)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.type = token.type.replace("heading", "paragraph")
            token.tag = "p"
            if token.nesting == 1:
                token.attrs["class"] = "heading"
        inside = True  # of a link that a page may have
        for child in token.children or ():
            if child.type == "link_open":
                inside = bool(outside(str(child.attrs["href"])))
            if child.type == "image" or (child.type.startswith("link_") and not inside):
                child.type, child.tag, child.children, child.attrs = "text", "", None, {}
    return tokens


@cache
def _parser(brief: bool, underlined: bool = True) -> MarkdownIt:
    md = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    md.validateLink = _any_address  # type: ignore[method-assign, assignment]
    md.use(dollarmath_plugin, allow_labels=False, allow_space=True, double_inline=True)
    interrupts = ["paragraph", "reference", "blockquote", "list"]
    md.disable(["html_block", "html_inline"])  # they would look at every line, in vain
    if not underlined:
        md.disable("lheading")  # it reads each paragraph once more
    md.block.ruler.before("math_block", "mark", _mark_rule, {"alt": interrupts})
    ruler = md.block.ruler
    (formula,) = [rule for rule in ruler.__rules__ if rule.name == "math_block"]
    ruler.at("math_block", _if_formula_closes(formula.fn), {"alt": formula.alt})
    md.inline.ruler.before("backticks", "role", _role_rule)
    md.inline.ruler.before("backticks", "mark", _inline_mark_rule)
    md.inline.ruler.at("link", _if_bracket_closes(link))
    md.inline.ruler.at("image", _if_bracket_closes(image))
    if brief:
        md.core.ruler.at("inline", _brief_inline_rule)
    return md


def _any_address(address: str) -> bool:
    """Every link is read as one: which a page may have says addresses.py, with a warning."""
    return True


def _brief_inline_rule(state: StateCore) -> None:
    for token in state.tokens:
        if token.type == "inline":
            token.children = []
            if MATTERS.search(token.content):
                state.md.inline.parse(token.content, state.md, state.env, token.children)


def _if_bracket_closes(rule: InlineRule) -> InlineRule:
    """A rule for `[`, tried only where a `]` follows: each try reads the rest of the text."""

    def guarded(state: StateInline, silent: bool) -> bool:
        text, last = state.env.get("last_bracket", ("", -1))
        if text is not state.src:
            last = state.src.rfind("]")
            state.env["last_bracket"] = state.src, last
        at = state.pos
        if at >= last or not rule(state, silent):
            return False
        if not silent and state.tokens[-1].type == "image":
            state.tokens[-1].meta["row"] = _row(state, at)
        return True

    return guarded


def _if_formula_closes(rule: BlockRule) -> BlockRule:
    """A rule for a line that begins with `$$`, tried only where some line below ends with `$$`."""

    def guarded(state: StateBlock, start: int, end: int, silent: bool) -> bool:
        at = state.bMarks[start] + state.tShift[start]
        if not state.src.startswith("$$", at):
            return False
        text, closing = state.env.get("closing_lines", ("", []))
        if text is not state.src:
            closing = [found.start() for found in CLOSING.finditer(state.src)]
            state.env["closing_lines"] = state.src, closing
        place = bisect_left(closing, at + 2)
        return (
            place < len(closing)
            and closing[place] < state.eMarks[end - 1]
            and rule(state, start, end, silent)
        )

    return guarded


def _row(state: StateInline, at: int) -> int:
    """The line of a text, from 0, on which something stands."""
    text, ends = state.env.get("line_ends", ("", []))
    if text is not state.src:
        ends = [found.start() for found in re.finditer("\n", state.src)]
        state.env["line_ends"] = state.src, ends
    return bisect_left(ends, at)


def _mark_rule(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    line = state.src[state.bMarks[start] + state.tShift[start] : state.eMarks[start]]
    if not BLOCK_MARK_LINE.fullmatch(line):
        return False
    if not silent:
        token = state.push("marks", "", 0)
        token.meta = {name: value.strip() for name, value in BLOCK_MARK.findall(line)}
        token.map = [start, start + 1]
        state.line = start + 1
    return True


def _role_rule(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] != ":":
        return False
    if python := PYTHON_ROLE.match(state.src, state.pos):
        state.pos = python.end()  # the name behind it is code, as Sphinx shows one it cannot find
        return True
    role = ROLE.match(state.src, state.pos)
    if role is None:
        return False
    if not silent:
        token = state.push("role", "", 0)
        row = _row(state, state.pos)
        token.meta = {"name": role_name(role), "value": role[2].strip(), "row": row}
    state.pos = role.end()
    return True


def _inline_mark_rule(state: StateInline, silent: bool) -> bool:
    """`$$x$$ :eqlabel:`eq_x`` on one line."""
    if state.src[state.pos] != ":":
        return False
    mark = BLOCK_MARK.match(state.src, state.pos)
    if mark is None or mark[1] not in ("eqlabel", "label"):
        return False
    if not silent:
        token = state.push("inline_mark", "", 0)
        token.content = mark[0]
        token.meta = {mark[1]: mark[2].strip()}
    state.pos = mark.end()
    return True


def _rst(tokens: list[Token], brief: bool) -> list[Token]:
    """What pages show of `eval_rst` blocks instead of them."""
    result: list[Token] = []
    for token in tokens:
        if token.type != "fence" or token.info.split()[:1] != ["eval_rst"]:
            result.append(token)
            continue
        for shown in _parser(brief).parse(to_markdown(token.content)):
            shown.map = token.map
            result.append(shown)
    return result


def _figures(tokens: list[Token]) -> list[Token]:
    """Paragraphs that are one image, as `figure` tokens.

    An image on the last line of a paragraph is one, too, if marks follow it.
    """
    result: list[Token] = []
    for at, token in enumerate(tokens):
        result.append(token)
        inline = tokens[at - 1]
        if token.type != "paragraph_close" or not inline.children or inline.map is None:
            continue
        *before, image = inline.children
        following = tokens[at + 1].type if at + 1 < len(tokens) else ""
        if image.type != "image" or (before and (before[-1].type, following) != LAST_LINE):
            continue
        first, end = inline.map
        start = first + image.meta["row"]
        image.meta["row"] = 0
        figure = Token("figure", "figure", 0, level=token.level, block=True, children=[image])
        figure.map = [start, end]
        if before:
            inline.children = before[:-1]
            inline.map = result[-3].map = [first, start]
            inline.content = "\n".join(inline.content.split("\n")[: start - first])
        else:
            del result[-3:]
        result.append(figure)
    return result


def _equations(tokens: list[Token]) -> list[Token]:
    """A labelled `$$x$$` at the end of a paragraph, as a `math_block` after it.

    Its marks follow it on the next line, or on its own.
    """
    result: list[Token] = []
    for at, token in enumerate(tokens):
        result.append(token)
        if token.type != "paragraph_close" or len(result) < 3:
            continue
        inline = result[-2]
        children = inline.children or []
        marks = children.pop() if children and children[-1].type == "inline_mark" else None
        while marks and children and not children[-1].content.strip():
            children.pop()  # the space between the two
        if not children or children[-1].type != "math_inline_double" or inline.map is None:
            if marks is not None:
                children.append(marks)
            continue
        following = tokens[at + 1] if at + 1 < len(tokens) else token
        if marks is None and not (following.type == "marks" and "eqlabel" in following.meta):
            continue
        math = children.pop()
        first = inline.map[0] + sum(child.type in ("softbreak", "hardbreak") for child in children)
        first += sum(child.content.count("\n") for child in children)
        while children and children[-1].type in ("softbreak", "hardbreak"):
            children.pop()
        if not children:
            del result[-3:]
        block = Token("math_block", "math", 0, map=[first, inline.map[1]], block=True)
        block.content, block.markup = math.content, "$$"
        result.append(block)
        if marks is not None:
            result.append(Token("marks", "", 0, map=[first, inline.map[1]], meta=marks.meta))
    return result


def _captions(tokens: list[Token]) -> list[Token]:
    """A paragraph that begins with `:` right before a table is the table's caption."""
    result: list[Token] = []
    for token in tokens:
        # The marks of a table may stand between its caption and itself.
        marks = result.pop() if token.type == "table_open" and _is_marks(result) else None
        if token.type == "table_open" and len(result) >= 3 and _is_caption(result[-2]):
            if marks is not None:
                token.meta.update(marks.meta)
                marks = None
            inline = result[-2]
            inline.content = inline.content.lstrip(": ")
            children = inline.children or []
            children[0].content = children[0].content.lstrip(": ")
            token.meta["caption"] = children
            token.meta["caption_text"] = inline.content
            token.meta["caption_line"] = inline.map[0] if inline.map else 0
            del result[-3:]
        if marks is not None:
            result.append(marks)
        result.append(token)
    return result


def _is_marks(tokens: list[Token]) -> bool:
    return bool(tokens) and tokens[-1].type == "marks"


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
            meta = {names.get(name, name): value for name, value in token.meta.items()}
            if "label" in meta and "label" in block.meta:
                block.meta.setdefault("more_labels", []).append(meta.pop("label"))
            block.meta.update(meta)
    return result
