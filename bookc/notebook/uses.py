"""Which code of the book's own library a notebook uses, as digests of that code.

The library is read as syntax trees, never imported. A symbol's digest covers its definition and
every definition of the library that it names, so a change deep inside reaches each notebook that
depends on it, and no other.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bookc import disk, files
from bookc.config import Config
from bookc.read.python import NOT_PYTHON, python_of

Symbol = tuple[str, str]  # (module, name)
DOCUMENTED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True, slots=True)
class Module:
    """One file of the library.

    Attributes:
        defined: the statements that give each top-level name its meaning.
        imported: for each name taken from the library, where it comes from.
        starred: the library's modules of which everything is taken.
    """

    defined: dict[str, list[ast.stmt]] = field(default_factory=dict)
    imported: dict[str, Symbol] = field(default_factory=dict)
    starred: list[str] = field(default_factory=list)


def read_library(sources: Mapping[str, str]) -> dict[str, Module]:
    """Modules by dotted name from their sources; a file that does not parse counts as empty."""
    library = {}
    for name, source in sources.items():
        module = library[name] = Module()
        try:
            body = ast.parse(source).body
        except NOT_PYTHON:
            continue
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
    return {
        name: digest
        for name, symbol in sorted(_used(cells, library).items())
        if (digest := _digest(symbol, library))
    }


def definitions(cells: Iterable[str], library: Mapping[str, Module]) -> dict[str, str]:
    """The full names of what code cells use: `{"d2l.Animator": "d2l_shim.plot.Animator"}`."""
    return {
        name: ".".join(found)
        for name, symbol in _used(cells, library).items()
        if (found := find(symbol, library)) is not None
    }


def _used(cells: Iterable[str], library: Mapping[str, Module]) -> dict[str, Symbol]:
    """What code cells take from the library, by the name they use."""
    if not library:
        return {}
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
    return used


def _digest(symbol: Symbol, library: Mapping[str, Module]) -> str:
    """A short digest of all that a symbol's meaning rests on; "" if the library has none.

    Of an object of which one method is used, as in `load = data.load`, it is how the object is
    made, that method, and those that it calls: not the others of its class.
    """
    texts: dict[tuple[str, str, str], str] = {}
    waiting = [(*symbol, "")]  # module, name, and a method where no more is used
    while waiting:
        module, name, method = waiting.pop()
        found = find((module, name), library)
        if found is None or (*found, method) in texts or (*found, "") in texts:
            continue
        key = (*found, method)
        nodes: Sequence[ast.AST] = library[found[0]].defined[found[1]]
        if method:
            nodes = _parts_of(nodes[0], method)
        texts[key] = "\n".join(_meaning(node) for node in nodes)
        for name, attribute in (pair for node in nodes for pair in _references(node)):
            if name == found[1]:  # it names itself
                continue
            source = library[found[0]].imported.get(name)
            made = find((found[0], name), library)
            if source is not None and attribute:  # plot.Animator after `import plot`
                waiting.append((f"{source[0]}.{source[1]}", attribute, ""))
            if attribute and made is not None and _is_object(library[made[0]].defined[made[1]]):
                waiting.append((*made, attribute))
            elif method and name == _class_of(nodes[0]):
                waiting.append((found[0], name, method))
            else:
                waiting.append((found[0], name, ""))
    if not texts:
        return ""
    whole = "\n".join(texts[key] for key in sorted(texts))
    return hashlib.sha256(whole.encode()).hexdigest()[:16]


def _is_object(nodes: Sequence[ast.stmt]) -> bool:
    """Whether a name is bound once, to what a call of a name gives, as in `data = Data(...)`."""
    return len(nodes) == 1 and _class_of(nodes[0]) != ""


def _class_of(node: ast.AST) -> str:
    """`Data`, for `data = Data(...)`; else ""."""
    value = node.value if isinstance(node, (ast.Assign, ast.AnnAssign)) else None
    called = value.func if isinstance(value, ast.Call) else None
    return called.id if isinstance(called, ast.Name) else ""


def _parts_of(node: ast.AST, method: str) -> Sequence[ast.AST]:
    """What counts of an object or a class of which one method is used."""
    if isinstance(node, ast.AnnAssign) and node.value is not None:
        return [ast.Assign([node.target], node.value)]  # an annotation changes no output
    if not isinstance(node, ast.ClassDef):
        return [node]
    methods = {part.name: part for part in node.body if isinstance(part, DOCUMENTED)}
    if method not in methods or "__getattr__" in methods:
        return [node]
    used: set[str] = set()
    waiting = [method, *(name for name in methods if name.startswith("__"))]
    while waiting:
        used.add(name := waiting.pop())
        waiting += [
            attribute
            for one, attribute in _references(methods[name])
            if one in ("self", "cls", node.name) and attribute in methods.keys() - used
        ]
    body = [part for part in node.body if getattr(part, "name", None) in used | {None}]
    return [ast.ClassDef(node.name, node.bases, node.keywords, body, node.decorator_list)]


def _references(node: ast.AST) -> Iterator[tuple[str, str]]:
    """The names in some code, each with the attribute that is taken of it, or ""."""
    waiting = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name):
            yield part.value.id, part.attr
        elif isinstance(part, ast.Name):
            yield part.id, ""
        else:
            waiting += ast.iter_child_nodes(part)


def find(symbol: Symbol, library: Mapping[str, Module]) -> Symbol | None:
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


def _meaning(node: ast.AST) -> str:
    """A definition as text, without layout, comments and docstrings: they change no output.

    Not `ast.dump`, which writes the same tree differently from one version of Python to another.
    """
    parts = [type(node).__name__]
    for name, value in ast.iter_fields(node):
        if isinstance(node, DOCUMENTED) and name == "body" and _is_text(value[0]):
            value = value[1:]
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, ast.AST):
                parts.append(f"{name}={_meaning(item)}")
            elif item is not None and name not in ("kind", "type_comment"):
                parts.append(f"{name}={item!r}")
    return f"({' '.join(parts)})"


def _is_text(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _parsed(source: str) -> ast.Module | None:
    try:
        return ast.parse(python_of(source))
    except NOT_PYTHON:
        return None


def library_sources(config: Config) -> dict[str, str]:
    """The library's Python files by dotted module name."""
    if config.library is None:
        return {}
    sources = {}
    for file in sorted(config.library.rglob("*.py")):
        if not files.is_own(config, file):
            continue
        parts = file.relative_to(config.library.parent).with_suffix("").parts
        dotted = ".".join(part for part in parts if part != "__init__")
        sources[dotted] = disk.read_text(file, files.shown(file, config))
    return sources
