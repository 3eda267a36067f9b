"""`if tab.selected('mxnet'):` -> the branch of one tab, at the syntax tree's lines.

The chosen branch moves out to the level of its `if`, with its comments. A condition that also asks
for something else stays, with True or False for what it asks about tabs.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from bookc.book import Cell, Chapter
from bookc.notebook.edits import BEHIND, Edit, Positions, apply_edits, string_lines, with_lines
from bookc.read.python import nodes, parse_python

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
COLON = re.compile(f"{BEHIND}:")
ASKS = re.compile(r"\btab\.selected\b|\bd2l\.USE_[A-Z]")


def select_branches(cell: Cell, tab: str) -> Cell:
    """The code cell as one tab's readers see it; unchanged if it is not Python."""
    if not ASKS.search(cell.source):
        return cell
    tree = parse_python(cell.source)
    if tree is None:
        return cell
    try:
        methods = _meant_for_methods(tree) if "class " in cell.source else {}
        selector = _Selector(cell.source, tab, methods)
        selector.block(tree.body)
    except RecursionError:  # branches within branches as no author writes them
        return cell
    lines = [
        (text, cell.line_at(number))
        for number, text in enumerate(selector.lines, start=1)
        if text is not None
    ]
    if not lines:
        return replace(cell, source="")
    chosen = with_lines(
        replace(cell, source="\n".join(text for text, _ in lines)), [line for _, line in lines]
    )
    return _answer(chosen, tab)


class _Selector:
    """Drops and dedents lines: `lines` holds what is left of each, None for nothing."""

    def __init__(self, source: str, tab: str, methods: Mapping[int, ast.stmt]) -> None:
        self.tab, self.methods = tab, methods
        self.text, self.positions = source, Positions(source)
        self.source = source.split("\n")
        self.lines: list[str | None] = list(self.source)

    def block(self, body: Sequence[ast.stmt]) -> bool:
        """Select within statements; False if none of them is left."""
        return sum(self.statement(node) for node in body) > 0  # each of them, not only up to one

    def statement(self, node: ast.stmt) -> bool:
        if isinstance(node, ast.If):
            indent = self.indent(self.methods.get(id(node), node))
            return self.choose(node, self.last_line(node), indent)
        for name in ("body", "orelse", "finalbody"):
            body = getattr(node, name, None)
            if body and not self.block(body):
                self.fill(body[0])
        for part in [*getattr(node, "handlers", ()), *getattr(node, "cases", ())]:
            if not self.block(part.body):
                self.fill(part.body[0])
        return True

    def choose(self, node: ast.If, last: int, indent: str) -> bool:
        """One `if` or `elif` with what follows it, up to line `last`; False if nothing is left."""
        first = node.lineno
        opening, _ = self.colon(node.test)
        following = self.clause(node, last)  # the line of its elif or else
        own_last = following - 1 if node.orelse else last
        value = _value(node.test, self.tab)
        if value is None:
            if not self.block(node.body):
                self.fill(node.body[0])
            if node.orelse:
                self.choose_after(node, following, last)
            return True
        if value:
            self.drop(own_last + 1, last)
            return self.move_out(node.body, first, opening, own_last, indent)
        self.drop(first, own_last)
        if not node.orelse:
            self.drop_blank_after(last)
            return False
        if self.is_elif(node):
            elif_node = node.orelse[0]
            assert isinstance(elif_node, ast.If)
            left = self.choose(elif_node, last, indent)
            if _value(elif_node.test, self.tab) is None:  # it asks for more than tabs, and stays
                row, column = self.source[following - 1], elif_node.col_offset
                self.lines[following - 1] = row[:column] + row[column + len("el") :]
            return left
        return self.move_out(node.orelse, following, following, last, indent)

    def choose_after(self, node: ast.If, following: int, last: int) -> None:
        """What follows a branch that stays: its elif may be decided."""
        if not self.is_elif(node):
            if not self.block(node.orelse):
                self.fill(node.orelse[0])
            return
        after = node.orelse[0]
        assert isinstance(after, ast.If)
        value = _value(after.test, self.tab)
        next_clause = self.clause(after, last)
        own_last = next_clause - 1 if after.orelse else last
        if value is None:
            self.choose(after, last, self.indent(after))
        elif value:
            opening, colon = self.colon(after.test)
            self.drop(following, opening - 1)
            self.lines[opening - 1] = f"{self.indent(after)}else{self.source[opening - 1][colon:]}"
            self.drop(own_last + 1, last)
            if not self.block(after.body):
                self.fill(after.body[0])
        else:
            self.drop(following, own_last)
            if after.orelse:
                self.choose_after(after, next_clause, last)

    def move_out(
        self, body: Sequence[ast.stmt], first: int, opening: int, last: int, indent: str
    ) -> bool:
        """Put a branch, whose clause is lines `first` to `opening`, in the place of its `if`."""
        inside = body[0]
        start = min([inside.lineno, *(d.lineno for d in getattr(inside, "decorator_list", ()))])
        self.drop(first, min(opening, start - 1))
        if start <= opening:  # `if tab.selected('mxnet'): x = 1`
            row = self.source[start - 1].encode()[inside.col_offset :].decode()
            self.lines[start - 1] = indent + row
            return self.block(body)
        left = self.block(body)
        inner = self.indent(inside)
        kept = string_lines(body)
        for number in range(opening + 1, last + 1):
            text = self.lines[number - 1]
            if text is not None and number not in kept:
                self.lines[number - 1] = _moved(text, inner, indent)
        return left

    def last_line(self, node: ast.If) -> int:
        """The `if`'s last line, with the comments below it that are indented deeper."""
        last = node.end_lineno or node.lineno
        for number in range(last + 1, len(self.source) + 1):
            text = self.source[number - 1]
            if not text.strip():
                continue
            indent = len(text) - len(text.lstrip())
            if not text.lstrip().startswith("#") or indent <= node.col_offset:
                break
            last = number
        return last

    def colon(self, test: ast.expr) -> tuple[int, int]:
        """Line and column of the colon that ends the clause of a condition."""
        found = COLON.match(self.text, self.positions.span(test)[1])
        assert found
        line = self.positions.line(found.end() - 1)
        return line, found.end() - 1 - self.positions.offset(line, 0)

    def indent(self, node: ast.stmt) -> str:
        """The white space before a statement that begins its line."""
        return self.source[node.lineno - 1][: node.col_offset]

    def clause(self, node: ast.If, last: int) -> int:
        """The line of the elif or else of an `if`."""
        if not node.orelse:
            return last + 1
        if self.is_elif(node):
            return node.orelse[0].lineno
        line = node.orelse[0].lineno
        while not re.match(r"\s*else\b", self.source[line - 1]):
            line -= 1
        return line

    def is_elif(self, node: ast.If) -> bool:
        if len(node.orelse) != 1 or not isinstance(node.orelse[0], ast.If):
            return False
        after = node.orelse[0]
        return self.source[after.lineno - 1][after.col_offset :].startswith("elif")

    def drop(self, first: int, last: int) -> None:
        for number in range(first, last + 1):
            self.lines[number - 1] = None

    def drop_blank_after(self, last: int) -> None:
        while last < len(self.source) and not self.source[last].strip():
            last += 1
            self.lines[last - 1] = None

    def fill(self, node: ast.stmt) -> None:
        """A block of which nothing is left still needs a statement."""
        self.lines[node.lineno - 1] = self.indent(node) + "pass"


def _moved(text: str, old: str, new: str) -> str:
    """A line of a block whose indentation changes; less indented lines move as far as they can."""
    if text.startswith(old):
        return new + text[len(old) :]
    return text[min(max(len(old) - len(new), 0), len(text) - len(text.lstrip())) :]


def _meant_for_methods(tree: ast.Module) -> dict[int, ast.stmt]:
    """The ifs in a class's body that speak of `self`, with the first statement of the method above.

    There `self` has no meaning. d2lbook, which counts spaces, moves such a branch into the
    method, and a book that relies on it shall mean the same here.
    """
    methods: dict[int, ast.stmt] = {}

    def visit(body: Sequence[ast.stmt]) -> None:
        above: ast.stmt | None = None
        for node in body:
            if isinstance(node, ast.If):
                if isinstance(above, ast.FunctionDef) and above.args.args:
                    own = above.args.args[0].arg
                    parts = (part for inner in node.body for part in nodes(inner))
                    plain = not any(isinstance(inner, DEFINITIONS) for inner in node.body)
                    if plain and any(isinstance(p, ast.Name) and p.id == own for p in parts):
                        methods[id(node)] = above.body[0]
                visit(node.body)
                visit(node.orelse)
            above = node

    for node in nodes(tree):
        if isinstance(node, ast.ClassDef):
            visit(node.body)
    return methods


def _value(test: ast.expr, tab: str) -> bool | None:
    """Whether a condition holds for a tab; None if it depends on something else."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        value = _value(test.operand, tab)
        return None if value is None else not value
    if isinstance(test, ast.BoolOp):
        values = [_value(part, tab) for part in test.values]
        deciding = isinstance(test.op, ast.Or)
        if deciding in values:
            return deciding
        return None if None in values else not deciding
    return _answer_of(test, tab)


def _answer_of(node: ast.expr, tab: str) -> bool | None:
    """The answer to `tab.selected('a', 'b')`, or to `d2l.USE_A` of older books."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        if node.value.id == "d2l" and node.attr.startswith("USE_"):
            return node.attr == f"USE_{tab.upper()}"
        return None
    if not isinstance(node, ast.Call) or not _is_tab_selected(node.func):
        return None
    names: list[object] = []
    for argument in node.args:
        parts = argument.elts if isinstance(argument, (ast.List, ast.Tuple)) else [argument]
        names += [part.value if isinstance(part, ast.Constant) else None for part in parts]
    return None if None in names else tab in names


def _is_tab_selected(node: ast.expr) -> bool:
    if not isinstance(node, ast.Attribute) or node.attr != "selected":
        return False
    return isinstance(node.value, ast.Name) and node.value.id == "tab"


def _answer(cell: Cell, tab: str) -> Cell:
    """Put True or False for the questions about tabs that are left, outside of any decided if."""
    if not ASKS.search(cell.source) or (tree := parse_python(cell.source)) is None:
        return cell
    positions = Positions(cell.source)
    edits = [
        Edit(*positions.span(node), (str(answer),))
        for node in nodes(tree)
        if isinstance(node, ast.expr) and (answer := _answer_of(node, tab)) is not None
    ]
    return apply_edits(cell, edits, positions)


def select_tab(chapter: Chapter, tab: str) -> Chapter | None:
    """Keep the cells of one tab, and of their `if tab.selected(..)` that tab's branches.

    Returns:
        The chapter with that tab's cells; None if the tab has no notebook of it.
    """
    if chapter.tabs is not None and tab not in chapter.tabs:
        return None
    cells = tuple(
        select_branches(cell, tab) if cell.kind == "code" else cell
        for cell in chapter.cells
        if not cell.tabs or tab in cell.tabs
    )
    return replace(chapter, cells=cells)
