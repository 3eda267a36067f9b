"""Saved code -> the same for a module that the library imports, which cannot import the library.

Chapters call the whole library `d2l`. In the module of saved code `d2l` is the module of helpers
that config.ini names, and what is saved has its bare name: `d2l.train` is `train`.
"""

from __future__ import annotations

import ast
import symtable
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from bookc.book import Cell
from bookc.notebook.edits import Edit, Positions, apply_edits
from bookc.notebook.methods import MODULE, Block
from bookc.problems import BookError, Problem
from bookc.read.python import nodes


def helpers_import(helpers: str) -> str:
    """The line that imports a module by its full name as `d2l`."""
    package, _, name = helpers.rpartition(".")
    return f"from {package} import {name} as {MODULE}" if package else f"import {name} as {MODULE}"


def import_helpers(code: str, helpers: str) -> str:
    """The code with `d2l` imported from the helpers, wherever the chapter has it from."""
    positions = Positions(code)
    edits = []
    for node in nodes(ast.parse(code)):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            others = [one for one in node.names if (one.asname or one.name) != MODULE]
            if len(others) < len(node.names):
                statements = [helpers_import(helpers)]
                if others:
                    node.names = others
                    statements.append(ast.unparse(node))
                edits.append(Edit(*positions.span(node), ("; ".join(statements),)))
    return _edited(code, edits)


def with_bare_names(blocks: Sequence[Block], saved: Collection[str]) -> list[Block]:
    """The blocks with `train` for `d2l.train`, for each name that is saved.

    Raises:
        BookError: something else has such a name where it is used.
    """
    done = []
    problems = []
    for block in blocks:
        uses = [
            node
            for node in nodes(ast.parse(block.text))
            if isinstance(node, ast.Attribute) and node.attr in saved
            if isinstance(node.value, ast.Name) and node.value.id == MODULE
        ]
        for name in sorted(_hidden(block.text, uses)):
            message = (
                f"'{MODULE}.{name}' is '{name}' in the module of saved code, and something else "
                "has that name here: give it another one"
            )
            problems.append(Problem(*block.place, message))
        done.append(replace(block, text=_renamed(block.text, uses)))
    if problems:
        raise BookError(problems)
    return done


def _hidden(code: str, uses: Sequence[ast.Attribute]) -> set[str]:
    """The names that would mean something else than the module's in the place of `d2l.name`.

    Python's own symbol tables say so, one for each scope. They do not tell one use of a name from
    another, so the same code with names that nobody else gives shows which scopes have `d2l.name`.
    """
    names = {node.attr for node in uses}
    if not names:
        return names
    marked = "__d2l_{}__"
    try:
        pairs = zip(
            _scopes(_renamed(code, uses, marked)), _scopes(_renamed(code, uses)), strict=True
        )
        return {
            name
            for before, after in pairs
            for name in names
            if marked.format(name) in before.get_identifiers()
            and not after.lookup(name).is_global()
        }
    except SyntaxError:  # a name that is said to be global or nonlocal after it was used
        return names


def _scopes(code: str) -> Iterator[symtable.SymbolTable]:
    waiting = [symtable.symtable(code, "saved code", "exec")]
    while waiting:
        yield (table := waiting.pop())
        waiting += table.get_children()


def _renamed(code: str, uses: Sequence[ast.Attribute], form: str = "{}") -> str:
    """The code with another name for each `d2l.name`."""
    positions = Positions(code)
    edits = [Edit(*positions.span(node), (form.format(node.attr),)) for node in uses]
    return _edited(code, edits)


def _edited(code: str, edits: Sequence[Edit]) -> str:
    return apply_edits(Cell("", "code", code, (), 1), edits, Positions(code)).source
