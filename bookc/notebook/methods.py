"""Saved code in which methods stand apart -> the same with each method in its class.

d2l's chapters write a class bit by bit: `@d2l.add_to_class(C)` stands above each later method.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from bookc.notebook.edits import Positions, string_lines
from bookc.read.python import nodes

MODULE = "d2l"  # what chapters call the module that their code is saved to
Function = ast.FunctionDef | ast.AsyncFunctionDef
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, slots=True)
class Block:
    """Saved code.

    Attributes:
        path: the section that it comes from.
        text: the code.
        classes: those that `@d2l.add_to_class` adds it to, if it is a method.
        names: what else it defines, but for imports.
        place: the file and the line of its cell.
    """

    path: str
    text: str
    classes: list[str]
    names: list[str]
    place: tuple[str, int]


def with_methods(blocks: Sequence[Block]) -> list[Block]:
    """The blocks with each method in its class, or set on it where it cannot stand inside.

    A method of a class that is not among them keeps its decorator.
    """
    done: list[Block] = []
    home: dict[str, int] = {}  # where a class was last defined
    for block in _after_their_classes(blocks):
        if block.classes and home.keys() >= set(block.classes):
            method = _without_additions(block.text)
            outside = []
            for name in block.classes:
                # A class defined far above knows nothing of what was defined since, nor itself.
                since = {new for later in done[home[name] + 1 :] for new in later.names}
                if _read_at_definition(method).isdisjoint(since | {name}):
                    at = home[name]
                    done[at] = replace(done[at], text=_with_method(done[at].text, method))
                else:
                    outside.append(name)
            if outside:
                called = ast.parse(method).body[0].name  # type: ignore[attr-defined]
                lines = [f"{name}.{called} = {called}" for name in outside]
                text = method + "\n\n\n" + "\n".join(lines)
                done.append(replace(block, text=text))
            continue
        if isinstance(last := ast.parse(block.text).body[-1], ast.ClassDef):
            home[last.name] = len(done)
        done.append(block)
    return done


def methods_apart(code: str) -> list[str]:
    """Code in two if statements stand before a method, which may go to its class."""
    if not code:
        return []
    last = ast.parse(code).body[-1]
    if isinstance(last, FUNCTIONS) and _additions(last):
        lines = code.split("\n")
        at = last.decorator_list[0].lineno - 1
        return [part for part in ("\n".join(lines[:at]), "\n".join(lines[at:])) if part]
    return [code]


def _after_their_classes(blocks: Sequence[Block]) -> Iterator[Block]:
    """The blocks in order; methods whose class is saved later come just behind it."""
    saved = {name for block in blocks for name in block.names}
    known: set[str] = set()
    waiting: list[Block] = []
    for block in blocks:
        classes = set(block.classes)
        if classes - known and classes <= saved:
            waiting.append(block)
            continue
        yield block
        known.update(block.names)
        for method in [one for one in waiting if known.issuperset(one.classes)]:
            waiting.remove(method)
            yield method


def _additions(method: Function) -> list[tuple[str, ast.expr]]:
    """Each decorator `@d2l.add_to_class(C)` behind its `C`."""
    return [
        (ast.unparse(decorator.args[0]).split(".")[-1], decorator)
        for decorator in method.decorator_list
        if isinstance(decorator, ast.Call)
        and len(decorator.args) == 1
        and ast.unparse(decorator.func).split(".")[-1] == "add_to_class"
    ]


def classes_added_to(text: str) -> list[str]:
    """The classes that a block is a method of."""
    method = _method(text)
    return [name for name, _ in _additions(method)] if method else []


def _method(text: str) -> Function | None:
    """The function that a block consists of."""
    body = ast.parse(text).body
    return body[0] if len(body) == 1 and isinstance(body[0], FUNCTIONS) else None


def _without_additions(text: str) -> str:
    """A method's source without the decorators that add it to classes."""
    method = _method(text)
    assert method is not None
    dropped: set[int] = set()
    for _, decorator in _additions(method):
        dropped.update(range(decorator.lineno, (decorator.end_lineno or decorator.lineno) + 1))
    lines = enumerate(text.split("\n"), start=1)
    return "\n".join(line for number, line in lines if number not in dropped)


def _read_at_definition(text: str) -> set[str]:
    """The names that a `def` reads when it is run: in decorators, defaults and annotations."""
    method = _method(text)
    assert method is not None
    parts = [method.args, *method.decorator_list, *([method.returns] if method.returns else [])]
    found = set()
    for node in (node for part in parts for node in nodes(part)):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == MODULE:
            found.add(node.attr)
    return found


def _with_method(text: str, method: str) -> str:
    """The block whose last statement is a class, with a method at the end of that."""
    first = ast.parse(text).body[-1].body[0]  # type: ignore[attr-defined]
    start, _ = Positions(text).span(first)
    indent = text[:start].rpartition("\n")[2]
    if indent.strip():  # `class A: pass`
        indent = "    "
        text = f"{text[:start].rstrip()}\n{indent}{text[start:]}"
    inside = string_lines(ast.parse(method).body)
    lines = [
        line if number in inside or not line.strip() else indent + line
        for number, line in enumerate(method.split("\n"), start=1)
    ]
    return text + "\n\n" + "\n".join(lines)
