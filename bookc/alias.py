"""`d2l.name` -> the framework's own name, as config.ini's aliases say.

Names are found in the syntax tree, so `d2l.stack_frames` is not touched by an alias `stack`, nor
is a comment or a string. All but what an alias replaces stays as the author wrote it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache, lru_cache

from bookc.book import Aliases, Cell, Chapter
from bookc.edit import Edit, Positions, Span, apply_edits
from bookc.marks import nodes, parse_python

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
BRACKETS = (ast.List, ast.Tuple, ast.Dict, ast.Set, ast.ListComp, ast.SetComp, ast.DictComp)


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
    return re.compile(rf"d2l\s*\.\s*({'|'.join(map(re.escape, sorted(names)))})\b")


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
            yield from _by_template(call, positions, *aliases.args[name])


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
        rest = source.index(",", receiver[1]) + 1
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
    call: ast.Call, positions: Positions, pattern: str, template: str
) -> Iterator[Edit]:
    """`d2l.a(x, k=y)` -> the template with `x` and `y` for its names; keywords not given go."""
    wanted = _call(pattern)
    target = _call(template)
    if wanted is None or target is None:
        return
    names = [argument.id for argument in wanted.args if isinstance(argument, ast.Name)]
    names += [keyword.arg for keyword in wanted.keywords if keyword.arg]
    if len(call.args) > len(names) or any(isinstance(arg, ast.Starred) for arg in call.args):
        return
    given = {name: positions.span(value) for name, value in zip(names, call.args, strict=False)}
    for keyword in call.keywords:
        if keyword.arg not in names:
            return
        given[keyword.arg] = positions.span(keyword.value)
    within = Positions(template)
    places = [
        (within.span(node), node.id)
        for node in ast.walk(target)
        if isinstance(node, ast.Name) and node.id in given
    ]
    dropped = [
        keyword
        for keyword in target.keywords
        if isinstance(keyword.value, ast.Name)
        and keyword.value.id in names
        and keyword.value.id not in given
    ]
    parts: list[str | Span] = []
    at = 0
    cuts = [(_with_comma(template, within, keyword), "") for keyword in dropped]
    for (begin, stop), name in sorted([*places, *cuts]):
        parts.append(template[at:begin])
        if name:
            parts.append(given[name])
        at = stop
    parts.append(template[at:])
    yield Edit(*positions.span(call), tuple(parts))


def _with_comma(template: str, within: Positions, keyword: ast.keyword) -> Span:
    """Where a keyword argument stands in a call, with the comma before it."""
    start = within.offset(keyword.lineno, keyword.col_offset)
    _, end = within.span(keyword.value)
    before = template[:start].rstrip()
    if before.endswith(","):
        return len(before) - 1, end
    after = re.match(r"\s*,\s*", template[end:])
    return start, end + (after.end() if after else 0)


def _call(text: str) -> ast.Call | None:
    expression = ast.parse(text, mode="eval").body
    return expression if isinstance(expression, ast.Call) else None
