"""The public names of d2l_shim, read as syntax trees: signatures and docstrings as Markdown."""

from __future__ import annotations

import ast
import contextlib
import copy
import pprint
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from docstrings import LISTS, TITLES, Blocks, read_docstring

from bookc.notebook.uses import Module, Symbol, find, read_library
from bookc.problems import BookError, Problem

LINE = 72  # letters of a signature before it takes a line for each argument
SAYS_NOTHING = ("Any", "Any | None")

Definition = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Library:
    """The sources of d2l_shim.

    Attributes:
        root: the folder that holds d2l_shim and chapters.
        sources: the text of each module by its dotted name.
        files: for each module its file relative to `root`, for messages.
        modules: what each module defines and imports.
    """

    root: Path
    sources: dict[str, str]
    files: dict[str, str]
    modules: dict[str, Module]

    def node(self, symbol: Symbol) -> ast.stmt:
        """The statement that gives a symbol its meaning."""
        return self.modules[symbol[0]].defined[symbol[1]][0]

    def problem(self, symbol: Symbol, node: ast.AST, message: str) -> Problem:
        return Problem(self.files[symbol[0]], getattr(node, "lineno", 0), message)


def read_sources(root: Path) -> Library:
    """The library below `root`."""
    sources, names = {}, {}
    for file in sorted((root / "d2l_shim").rglob("*.py")):
        inside = file.relative_to(root)
        module = ".".join(part for part in inside.with_suffix("").parts if part != "__init__")
        sources[module] = file.read_text(encoding="utf-8")
        names[module] = inside.as_posix()
    return Library(root, sources, names, read_library(sources))


def public_names(library: Library, module: str) -> dict[str, Symbol]:
    """What `import *` would bring, each name with the place that defines it."""
    names: list[str] = []
    for source in (module, *library.modules[module].starred):
        place = find((source, "__all__"), library.modules)
        listed = library.node(place) if place else None
        assert isinstance(listed, (ast.Assign, ast.AnnAssign))
        names += ast.literal_eval(listed.value) if listed.value else []
    found = {name: find((module, name), library.modules) for name in names}
    missing = [name for name, symbol in found.items() if symbol is None]
    if missing:
        file = library.files[module]
        raise BookError(Problem(file, 0, f"no definition of {name!r}") for name in missing)
    return {name: symbol for name, symbol in found.items() if symbol is not None}


def describe(library: Library, symbol: Symbol, links: Mapping[str, str]) -> Blocks:
    """The blocks of one public name in one framework.

    Raises:
        BookError: it, or a public method of it, has no docstring or one that cannot be read.
    """
    node = library.node(symbol)
    if isinstance(node, ast.ClassDef):
        return _class(library, symbol, links)
    if isinstance(node, Definition):
        code = signature(f"def {node.name}", node, library.modules[symbol[0]])
        text = ast.get_docstring(node, clean=False)
        return _documented(library, symbol, node, text, links, code)
    assert isinstance(node, (ast.Assign, ast.AnnAssign))
    if method := _bound_method(library, symbol, node):
        place, definition = method
        code = signature(f"def {symbol[1]}", definition, library.modules[place[0]], method=True)
        text = ast.get_docstring(definition, clean=False)
        return _documented(library, place, definition, text, links, code)
    code = ""
    if isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation) != "Any":
        code = f"{symbol[1]}: {ast.unparse(node.annotation)}"
    if isinstance(node, ast.Assign):
        with contextlib.suppress(ValueError):  # a value that is computed says nothing
            value = pprint.pformat(ast.literal_eval(node.value), width=LINE, compact=True)
            if "\n" in value:  # brackets on lines of their own
                inner = textwrap.indent(textwrap.dedent(f" {value[1:-1]}"), "    ")
                value = f"{value[0]}\n{inner},\n{value[-1]}"
            code = f"{symbol[1]} = {value}"
    text = _variable_docstring(library, symbol, node)
    return _documented(library, symbol, node, text, links, code)


def _bound_method(
    library: Library, symbol: Symbol, node: ast.Assign | ast.AnnAssign
) -> tuple[Symbol, Definition] | None:
    """What `load = data.load` stands for, if it is a method of ours: its class, and the method.

    `data: Data[int]` says what the type variables of `Data` are, and the method then has that.
    """
    value = node.value
    if not isinstance(value, ast.Attribute) or not isinstance(value.value, ast.Name):
        return None
    instance = find((symbol[0], value.value.id), library.modules)
    made = library.node(instance) if instance else None
    if not (instance and isinstance(made, ast.AnnAssign)):
        return None
    if not isinstance(made.annotation, ast.Subscript):
        return None
    place = find((instance[0], ast.unparse(made.annotation.value)), library.modules)
    kind = library.node(place) if place else None
    if not (place and isinstance(kind, ast.ClassDef)):
        return None
    (variables,) = [base.slice for base in kind.bases if isinstance(base, ast.Subscript)]
    names = [ast.unparse(variable) for variable in _parts(variables)]
    types = dict(zip(names, _parts(made.annotation.slice), strict=True))
    for member in kind.body:
        if isinstance(member, Definition) and member.name == value.attr:
            return place, _WithTypes(types).visit(copy.deepcopy(member))
    return None


def _parts(types: ast.expr) -> list[ast.expr]:
    return types.elts if isinstance(types, ast.Tuple) else [types]


class _WithTypes(ast.NodeTransformer):
    """Puts types in the places of type variables."""

    def __init__(self, types: Mapping[str, ast.expr]) -> None:
        self.types = types

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.types.get(node.id, node)


def _documented(
    library: Library,
    symbol: Symbol,
    node: ast.AST,
    text: str | None,
    links: Mapping[str, str],
    code: str = "",
) -> Blocks:
    """A docstring's blocks, and the signature as one more."""
    if not text:
        message = f"'{getattr(node, 'name', symbol[1])}' is public and has no docstring"
        raise BookError([library.problem(symbol, node, message)])
    try:
        blocks = read_docstring(text, links)
    except ValueError as error:
        message = f"the docstring of '{getattr(node, 'name', symbol[1])}': {error}"
        raise BookError([library.problem(symbol, node, message)]) from None
    return blocks | ({"signature": f"```python\n{code}\n```"} if code else {})


def _variable_docstring(library: Library, symbol: Symbol, node: ast.stmt) -> str | None:
    """The string below an assignment, or else the docstring of the class of its value."""
    body = ast.parse(library.sources[symbol[0]]).body
    below = [after for at, after in pairwise(body) if at.lineno == node.lineno]
    for after in below:
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            return str(after.value.value)
    value = getattr(node, "value", None)
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
        made = find((symbol[0], value.func.id), library.modules)
        if made and isinstance(definition := library.node(made), ast.ClassDef):
            return ast.get_docstring(definition, clean=False)
    return None


def _class(library: Library, symbol: Symbol, links: Mapping[str, str]) -> Blocks:
    """A class: what its docstring and that of `__init__` say, then its public methods."""
    lineage, foreign = _lineage(library, symbol)
    docstrings = [ast.get_docstring(node, clean=False) for _, node in lineage]
    text = next((text for text in docstrings if text), None)
    methods: dict[str, list[tuple[Symbol, Definition]]] = {}
    for place, node in reversed(lineage):
        for member in node.body:
            if isinstance(member, Definition):
                methods.setdefault(member.name, []).insert(0, (place, member))
    code = f"class {symbol[1]}" + (f"({', '.join(foreign)})" if foreign else "")
    made: Blocks = {}
    if "__init__" in methods:
        place, member = methods["__init__"][0]
        code = signature(f"class {symbol[1]}", member, library.modules[place[0]], method=True)
        if own := ast.get_docstring(member, clean=False):
            made = _documented(library, place, member, own, links)
    blocks = _documented(library, symbol, lineage[0][1], text, links, code)
    blocks |= {name: block for name, block in made.items() if name in TITLES}
    problems: list[Problem] = []
    for name, definitions in methods.items():
        special = name.startswith("_")
        texts = [ast.get_docstring(member, clean=False) for _, member in definitions]
        found = next((text for text in texts if text), None)
        if name != "__init__" and not (special and (name[1] != "_" or not found)):
            place, member = definitions[0]
            try:
                about = _documented(library, place, member, found, links)
            except BookError as error:
                problems += error.problems
                continue
            call = signature(name, member, library.modules[place[0]], method=True, wrap=False)
            blocks[f"method {name}"] = _method(call, about)
    if problems:
        raise BookError(problems)
    return blocks


def _method(call: str, about: Blocks) -> str:
    """A method as an item of a list, its arguments and errors below it."""
    summary = " ".join(about[name] for name in ("summary", "body") if name in about)
    lines = [f"- `{call}`: {summary}"]
    for name in TITLES:
        if name in about and name in LISTS:
            word = "raises " if name == "Raises" else ""
            items = about[name].split("\n\n", 1)[1].split("\n")
            lines += [f"    - {word}{item.removeprefix('- ')}" for item in items]
        elif name in about:
            lines.append(f"    - {TITLES[name].lower()}: {about[name].partition(' ')[2]}")
    return "\n".join(lines)


def _lineage(
    library: Library, symbol: Symbol
) -> tuple[list[tuple[Symbol, ast.ClassDef]], list[str]]:
    """A class and its bases within the library, then the names of those outside."""
    inside: list[tuple[Symbol, ast.ClassDef]] = []
    outside: list[str] = []
    waiting = [symbol]
    while waiting:
        place = waiting.pop(0)
        node = library.node(place)
        assert isinstance(node, ast.ClassDef)
        inside.append((place, node))
        for base in node.bases:
            expression = base.value if isinstance(base, ast.Subscript) else base
            module, name = place[0], getattr(expression, "id", "")
            if isinstance(expression, ast.Attribute) and isinstance(expression.value, ast.Name):
                source = library.modules[module].imported.get(expression.value.id, ("", ""))
                module, name = ".".join(source), expression.attr
            if (found := find((module, name), library.modules)) is not None:
                waiting.append(found)
            elif name != "Generic":
                outside.append(ast.unparse(base))
    return inside, outside


def signature(
    name: str, node: Definition, module: Module, method: bool = False, wrap: bool = True
) -> str:
    """A call as Python writes it, without `self` and without annotations that say nothing."""
    arguments = list(_arguments(node.args, module))[1 if method else 0 :]
    returned = ast.unparse(node.returns) if node.returns else "Any"
    # A class is called like a function, but what its __init__ returns is not what one gets.
    arrow = "" if name.startswith("class ") or returned == "Any" else f" -> {returned}"
    one_line = f"{name}({', '.join(arguments)}){arrow}"
    if len(one_line) <= LINE or not wrap:
        return one_line
    lines = "".join(f"    {argument},\n" for argument in arguments)
    return f"{name}(\n{lines}){arrow}"


def _arguments(arguments: ast.arguments, module: Module) -> Iterator[str]:
    """Each argument with its annotation and default, and the marks `/` and `*` between them."""
    positional = [*arguments.posonlyargs, *arguments.args]
    required: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults))
    for at, (argument, default) in enumerate(
        zip(positional, [*required, *arguments.defaults], strict=True), start=1
    ):
        yield _argument(argument, default, module)
        if at == len(arguments.posonlyargs):
            yield "/"
    if arguments.vararg:
        yield "*" + _argument(arguments.vararg, None, module)
    elif arguments.kwonlyargs:
        yield "*"
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        yield _argument(argument, default, module)
    if arguments.kwarg:
        yield "**" + _argument(arguments.kwarg, None, module)


def _argument(argument: ast.arg, default: ast.expr | None, module: Module) -> str:
    annotation = ast.unparse(argument.annotation) if argument.annotation else "Any"
    is_said = annotation not in SAYS_NOTHING
    text = argument.arg + (f": {annotation}" if is_said else "")
    if default is None:
        return text
    if isinstance(default, ast.Name) and default.id.startswith("_"):
        for node in module.defined.get(default.id, ()):  # readers want a private constant's value
            default = getattr(node, "value", None) or default
    return f"{text}{' = ' if is_said else '='}{ast.unparse(default)}"
