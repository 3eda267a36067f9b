"""`d2l.name` -> the framework's own name, as config.ini's aliases say.

Names are found in the syntax tree, so `d2l.stack_frames` is not touched by an alias `stack`, nor
is a comment or a string. All but what an alias replaces stays as the author wrote it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache

from bookc.book import Cell, Chapter
from bookc.config import Aliases
from bookc.notebook.edits import BEHIND, Edit, Positions, Span, apply_edits
from bookc.read.python import nodes, parse_python

# An expression that a `.name` can follow without parentheses.
ATOMS = (
    ast.Name,
    ast.Attribute,
    ast.Call,
    ast.Subscript,
    ast.List,
    ast.Tuple,
    ast.Dict,
    ast.Set,
    ast.ListComp,
    ast.SetComp,
    ast.DictComp,
    ast.JoinedStr,
)
COMMA = re.compile(f"{BEHIND},")
BRACKETS = (ast.List, ast.Tuple, ast.Dict, ast.Set, ast.ListComp, ast.SetComp, ast.DictComp)
ALWAYS_IN_PARENTHESES = (ast.NamedExpr, ast.Yield, ast.YieldFrom)


def apply_aliases(chapter: Chapter, aliases: Aliases) -> Chapter:
    """Rewrite the code of one tab's chapter. A cell that is not Python stays as it is."""
    may_apply = _first_look(aliases)
    cells = tuple(
        rewrite(cell, aliases) if cell.kind == "code" and may_apply(cell.source) else cell
        for cell in chapter.cells
    )
    return replace(chapter, cells=cells)


def _first_look(aliases: Aliases) -> Callable[[str], object]:
    """Finds what could be an alias in a source: to read its syntax takes much longer."""
    names = aliases.simple.keys() | aliases.fluent.keys() | aliases.args.keys()
    known = _any_of(frozenset(names))
    patterns = [known, *(pattern for pattern, _ in aliases.reverse)]
    return lambda source: "d2l" in source and any(found.search(source) for found in patterns)


@cache
def _any_of(names: frozenset[str]) -> re.Pattern[str]:
    return re.compile(rf"d2l[\s\\]*\.[\s\\]*({'|'.join(map(re.escape, sorted(names)))})\b")


def rewrite(cell: Cell, aliases: Aliases) -> Cell:
    """One code cell with its aliases replaced."""
    uses = _uses(cell.source)
    if not uses:
        return cell
    positions = Positions(cell.source)
    return apply_edits(cell, list(_edits(cell.source, uses, positions, aliases)), positions)


@lru_cache(maxsize=4096)  # every tab asks
def _uses(source: str) -> tuple[tuple[ast.Attribute, ast.Call | None], ...]:
    """Every `d2l.name` in a source, with the call of it; none if it is not Python."""
    calls: dict[int, ast.Call] = {}
    uses = []
    tree = parse_python(source)
    for node in nodes(tree) if tree else ():
        if isinstance(node, ast.Call):
            calls[id(node.func)] = node  # it comes before the name that it calls
        if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
            continue
        if node.value.id == "d2l":
            uses.append((node, calls.get(id(node))))
    return tuple(sorted(uses, key=lambda use: (use[0].lineno, use[0].col_offset)))


def _edits(
    source: str,
    uses: Sequence[tuple[ast.Attribute, ast.Call | None]],
    positions: Positions,
    aliases: Aliases,
) -> Iterator[Edit]:
    for node, call in uses:
        start, end = positions.span(node)
        name = node.attr
        if (edit := _reversed(source, start, aliases)) is not None:
            yield edit
        elif name in aliases.simple and isinstance(node.ctx, ast.Load):
            yield Edit(start, end, (f"{aliases.library}.{aliases.simple[name]}",))
        elif call is None:
            continue
        elif name in aliases.fluent and call.args and not isinstance(call.args[0], ast.Starred):
            yield _fluent(source, call, positions, aliases.fluent[name])
        elif name in aliases.args:
            yield from _by_template(source, call, positions, *aliases.args[name])


def _reversed(source: str, start: int, aliases: Aliases) -> Edit | None:
    for pattern, replacement in aliases.reverse:
        found = pattern.match(source, start)
        # `d2l.to` must not match the beginning of `d2l.tokenize`.
        if found and not re.fullmatch(r"\w\w", source[found.end() - 1 : found.end() + 1]):
            return Edit(start, found.end(), (found.expand(replacement),))
    return None


def _fluent(source: str, call: ast.Call, positions: Positions, method: str) -> Edit:
    """`d2l.a(x, y)` -> `x.b(y)`."""
    start, end = positions.span(call)
    first = call.args[0]
    receiver = positions.span(first)
    before, after = ("", "") if _is_atom(first, source, positions) else ("(", ")")
    if len(call.args) + len(call.keywords) > 1:
        comma = COMMA.match(source, receiver[1])
        assert comma
        rest = comma.end()
        if "#" not in source[rest:end]:
            rest += len(source[rest:end]) - len(source[rest:end].lstrip())
    else:
        rest = end - 1
    return Edit(start, end, (before, receiver, f"{after}.{method}(", (rest, end)))


def _is_atom(node: ast.expr, source: str, positions: Positions) -> bool:
    """Whether a `.name` can follow an expression as it stands.

    Its lines may end within its own brackets; elsewhere it was the call around it that let them.
    """
    if isinstance(node, BRACKETS) or node.lineno == node.end_lineno:
        return isinstance(node, ATOMS)
    if not isinstance(node, ast.Call) or node.func.lineno != node.func.end_lineno:
        return False
    return source.startswith("(", positions.span(node.func)[1])


def _by_template(
    source: str, call: ast.Call, positions: Positions, pattern: str, template: str
) -> Iterator[Edit]:
    """`d2l.a(x, k=y)` -> the template with `x` and `y` for its names.

    The template's keywords that are not given go, as d2lbook has it; other names that are not
    given have the pattern's default. A call that does not fit the pattern stays.
    """
    wanted, target = _call(pattern), _call(template)
    given = _given(call, wanted) if wanted else None
    if wanted is None or target is None or given is None:
        return
    defaults = {keyword.arg: keyword.value for keyword in wanted.keywords if keyword.arg}
    arguments = {}
    for name, value in (defaults | given).items():
        at, text = (positions, source) if name in given else (Positions(pattern), pattern)
        span = at.span(value)
        shown = span if name in given else text[slice(*span)]
        arguments[name] = _Argument(value, shown, _is_atom(value, text, at))
    parts: list[str | Span] = []
    end = 0
    for (start, stop), piece in sorted(
        _pieces(template, target, arguments, defaults.keys() - given), key=lambda one: one[0]
    ):
        if start >= end:  # not within a keyword that goes
            parts += [template[end:start], *piece]
        end = max(end, stop)
    yield Edit(*positions.span(call), (*parts, template[end:]))


@dataclass(frozen=True, slots=True)
class _Argument:
    """What stands for a name of a template."""

    node: ast.expr
    text: str | Span
    is_atom: bool

    def parts(self, is_bare: bool, before_dot: bool) -> tuple[str | Span, ...]:
        """It with the parentheses that it needs in its place."""
        if isinstance(self.node, ALWAYS_IN_PARENTHESES):
            return "(", self.text, ")"
        is_constant = isinstance(self.node, ast.Constant) and not before_dot
        if is_bare or self.is_atom or (is_constant and self.node.lineno == self.node.end_lineno):
            return (self.text,)
        return "(", self.text, ")"


def _pieces(
    template: str, target: ast.Call, arguments: Mapping[str, _Argument], absent: Collection[str]
) -> Iterator[tuple[Span, tuple[str | Span, ...]]]:
    """The places in a template that change, with what stands there; nothing for what goes."""
    within = Positions(template)
    bare = {id(node) for node in _between_commas(target)}
    for keyword in target.keywords:
        if isinstance(keyword.value, ast.Name) and keyword.value.id in absent:
            yield _with_comma(template, within, keyword), ()
    for node in ast.walk(target):
        if isinstance(node, ast.Name) and node.id in arguments:
            span = within.span(node)
            before_dot = template.startswith(".", span[1])
            yield span, arguments[node.id].parts(id(node) in bare, before_dot)


def _given(call: ast.Call, wanted: ast.Call) -> dict[str, ast.expr] | None:
    """The arguments of a call by the names of a pattern; None if they do not fit it."""
    required = [argument.id for argument in wanted.args if isinstance(argument, ast.Name)]
    names = [*required, *(keyword.arg for keyword in wanted.keywords if keyword.arg)]
    if len(call.args) > len(names) or any(isinstance(arg, ast.Starred) for arg in call.args):
        return None
    given = dict(zip(names, call.args, strict=False))
    for keyword in call.keywords:
        if keyword.arg not in names or keyword.arg in given:
            return None
        given[keyword.arg] = keyword.value
    return given if given.keys() >= set(required) else None


def _between_commas(target: ast.Call) -> Iterator[ast.AST]:
    """The parts of an expression that need no parentheses whatever stands there."""
    for node in ast.walk(target):
        if isinstance(node, ast.Call):
            yield from node.args
            yield from (keyword.value for keyword in node.keywords)
        elif isinstance(node, (ast.List, ast.Tuple, ast.Set)):
            yield from node.elts
        elif isinstance(node, ast.Subscript):
            yield node.slice


def _with_comma(template: str, within: Positions, keyword: ast.keyword) -> Span:
    """Where a keyword argument stands in a call, with the comma before it."""
    start = within.offset(keyword.lineno, keyword.col_offset)
    _, end = within.span(keyword.value)
    before = template[:start].rstrip()
    if before.endswith(","):
        return len(before) - 1, end
    after = re.match(r"\s*,\s*", template[end:])
    return start, end + (after.end() if after else 0)


@cache
def _call(text: str) -> ast.Call | None:
    expression = ast.parse(text, mode="eval").body
    return expression if isinstance(expression, ast.Call) else None
