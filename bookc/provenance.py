"""Which code of the book's own library a notebook uses, as digests of that code.

The library is read as syntax trees, never imported. A symbol's digest covers its definition and
every definition of the library that it names, so a change deep inside reaches each notebook that
depends on it, and no other.
"""

from __future__ import annotations

import ast
import hashlib
import io
import tokenize
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bookc.marks import python_of

Symbol = tuple[str, str]  # (module, name)


@dataclass(frozen=True, slots=True)
class Module:
    """One file of the library.

    Attributes:
        defined: the statements that give each top-level name its meaning.
        imported: for each name taken from the library, where it comes from.
        starred: the library's modules of which everything is taken.
        lines: its source, line by line, without comments.
    """

    defined: dict[str, list[ast.stmt]] = field(default_factory=dict)
    imported: dict[str, Symbol] = field(default_factory=dict)
    starred: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)


def read_library(sources: Mapping[str, str]) -> dict[str, Module]:
    """Modules by dotted name from their sources; a file that does not parse counts as empty."""
    library = {}
    for name, source in sources.items():
        module = library[name] = Module()
        try:
            body = ast.parse(source).body
        except SyntaxError:
            continue
        module.lines.extend(_without_comments(source))
        for node in body:
            for target in _defined_names(node):
                module.defined.setdefault(target, []).append(node)
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                for alias in node.names:
                    if alias.name == "*" and node.module in sources:
                        module.starred.append(node.module)
                    elif node.module.split(".")[0] == name.split(".")[0]:
                        module.imported[alias.asname or alias.name] = (node.module, alias.name)
    return library


def used_symbols(cells: Iterable[str], library: Mapping[str, Module]) -> dict[str, str]:
    """What code cells take from the library: `{"d2l.Animator": digest}`, by the name they use."""
    trees = [tree for source in cells if (tree := _parsed(source)) is not None]
    modules: dict[str, str] = {}  # the notebook's name for a module of the library
    used: dict[str, Symbol] = {}
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                dotted = f"{node.module}.{alias.name}"
                if dotted in library:
                    modules[alias.asname or alias.name] = dotted
                elif node.module in library:
                    used[alias.asname or alias.name] = (node.module or "", alias.name)
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module = modules.get(node.value.id)
            if module is not None:
                used[f"{node.value.id}.{node.attr}"] = (module, node.attr)
    return {
        name: digest
        for name, symbol in sorted(used.items())
        if (digest := _digest(symbol, library))
    }


def _digest(symbol: Symbol, library: Mapping[str, Module]) -> str:
    """A short digest of all that a symbol's meaning rests on; "" if the library has none."""
    texts: dict[Symbol, str] = {}
    waiting = [symbol]
    while waiting:
        found = _find(waiting.pop(), library)
        if found is None or found in texts:
            continue
        nodes = library[found[0]].defined[found[1]]
        lines = library[found[0]].lines
        texts[found] = "\n".join(_meaning(node, lines) for node in nodes)
        waiting += [(found[0], name) for node in nodes for name in _names(node)]
        waiting += [
            (source[0] + "." + source[1], node.attr)  # plot.Animator after `import plot`
            for node in (inner for outer in nodes for inner in ast.walk(outer))
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
            if (source := library[found[0]].imported.get(node.value.id)) is not None
        ]
    if not texts:
        return ""
    whole = "\n".join(texts[key] for key in sorted(texts))
    return hashlib.sha256(whole.encode()).hexdigest()[:16]


def _find(symbol: Symbol, library: Mapping[str, Module]) -> Symbol | None:
    """Follow imports inside the library to the module that defines a name."""
    seen = set()
    waiting = [symbol]
    while waiting:
        module, name = current = waiting.pop()
        if current in seen or module not in library:
            continue
        seen.add(current)
        if name in library[module].defined:
            return current
        if name in library[module].imported:
            waiting.append(library[module].imported[name])
        waiting += [(starred, name) for starred in library[module].starred]
    return None


def _defined_names(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield node.name
    elif isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            # DATA_HUB['pokemon'] = ... is part of what DATA_HUB means.
            yield from (part.id for part in ast.walk(target) if isinstance(part, ast.Name))
    elif isinstance(node, (ast.If, ast.Try, ast.With)):
        for inner in ast.iter_child_nodes(node):
            if isinstance(inner, ast.stmt):
                yield from _defined_names(inner)


def _names(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def _meaning(node: ast.stmt, lines: Sequence[str]) -> str:
    """A definition's own lines without its docstrings: what they say changes no output.

    Lines and not a dump of the tree: dumps differ between versions of Python.
    """
    silent: set[int] = set()
    for part in ast.walk(node):
        if isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            first = part.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                silent.update(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    decorators = [decorator.lineno for decorator in getattr(node, "decorator_list", [])]
    span = range(min([node.lineno, *decorators]), (node.end_lineno or node.lineno) + 1)
    own = (lines[number - 1] for number in span if number not in silent)
    return "\n".join(line for line in own if line)


def _without_comments(source: str) -> list[str]:
    lines = source.split("\n")
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            line, column = token.start
            lines[line - 1] = lines[line - 1][:column]
    return [line.rstrip() for line in lines]


def _parsed(source: str) -> ast.Module | None:
    try:
        return ast.parse(python_of(source))
    except SyntaxError:
        return None
