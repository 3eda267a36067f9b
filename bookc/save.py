"""(Book, tab) -> the text of the module that collects the book's #@save code."""

from __future__ import annotations

import ast
import json
import re

from bookc.book import Aliases, Book, BookError, Cell, Chapter, Problem
from bookc.edit import Edit, Positions, apply_edits, string_lines
from bookc.marks import saved_blocks
from bookc.tabs import select_tab

HEADER = '''"""Code that the chapters mark with #@save. Written by `bookc lib`; edit those."""
'''
# What d2lbook writes between an author's own lines of a module and those that it generates.
D2LBOOK_HEADER = re.compile(r"^#{17} +WARNING +#{16}$", re.MULTILINE)
GENERATED = "# The part below is written by `bookc lib`: edit the chapters instead."
LABELLED = re.compile(r"^#+ [^\n]*\n\s*:label:`([^`\n]+)`", re.MULTILINE)
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def make_library(book: Book, tab: str, module: str = "") -> str:
    """Every saved block of a tab in book order, each under the section that defines it.

    Imports come first and once; they hold for the whole module. A method that
    `@d2l.add_to_class` adds stands in its class. What config.ini's aliases name comes last.

    Args:
        module: the file as it is. An author's own lines before d2lbook's warning stay.

    Raises:
        BookError: a saved cell is not Python, or a mark saves nothing.
    """
    imports: dict[str, None] = {}
    blocks = _Blocks()
    problems: list[Problem] = []
    for chapter in book.chapters:
        selected = select_tab(chapter, tab)
        label = ""
        for cell in selected.cells if selected else ():
            if cell.kind == "markdown":
                label = (LABELLED.findall(cell.source) or [label])[-1]
                continue
            try:
                saved = saved_blocks(cell, chapter.file)
            except BookError as error:
                problems += error.problems
                continue
            for block in saved:
                statements = ast.parse(block).body
                if all(isinstance(node, (ast.Import, ast.ImportFrom)) for node in statements):
                    segments = (ast.get_source_segment(block, node) for node in statements)
                    imports.update((segment, None) for segment in segments if segment)
                else:
                    if book.config.sections_in_docstrings:
                        where = f":numref:`{label}`" if label else chapter.path
                        block = _with_section(block, f"Defined in {where}")
                    blocks.add(block, chapter)
    if problems:
        raise BookError(problems)
    aliases = _alias_code(book.config.aliases.get(tab, Aliases()))
    if (warning := D2LBOOK_HEADER.search(module)) is not None:
        # Beside an author's own lines no list of names can be whole.
        head = module[: warning.end()] + f"\n{GENERATED}"
        first = ["\n".join(imports)] if imports else []
        return "\n\n\n".join([head, *first, *blocks.texts, *aliases]) + "\n"
    head = "\n".join([HEADER, *imports]) if imports else HEADER.rstrip()
    names = sorted({name for block in [*blocks.texts, *aliases] for name in _defined(block)})
    listed = "".join(f'    "{name}",\n' for name in names)
    public = f"__all__ = [\n{listed}]" if names else "__all__: list[str] = []"
    return "\n\n\n".join([f"{head}\n\n{public}", *blocks.texts, *aliases]) + "\n"


def with_version(module: str, release: str) -> str:
    """A module's text with the book's release in the line that sets `__version__`."""
    return re.sub(r"^__version__ *=.*$", f"__version__ = {json.dumps(release)}", module, flags=re.M)


class _Blocks:
    """The saved code in book order, with added methods in their classes."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._classes: dict[str, int] = {}  # where a class was last defined

    def add(self, block: str, chapter: Chapter) -> None:
        tree = ast.parse(block)
        if len(tree.body) == 1 and isinstance(method := tree.body[0], ast.FunctionDef):
            name = _class_added_to(method)
            if name in self._classes:
                at = self._classes[name]
                self.texts[at] += "\n\n" + _indented(block, method)
                return
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                self._classes[node.name] = len(self.texts)
        self.texts.append(f"# {chapter.path}\n{block}")


def _class_added_to(method: ast.FunctionDef) -> str:
    """`C` for a function under `@d2l.add_to_class(C)`, else ""."""
    for decorator in method.decorator_list:
        if not isinstance(decorator, ast.Call) or len(decorator.args) != 1:
            continue
        if ast.unparse(decorator.func).split(".")[-1] == "add_to_class":
            return ast.unparse(decorator.args[0]).split(".")[-1]
    return ""


def _indented(block: str, method: ast.FunctionDef) -> str:
    """A method's source without the decorator that adds it, as its class holds it."""
    (adding,) = (node for node in method.decorator_list if "add_to_class" in ast.unparse(node))
    inside = string_lines([method])
    lines = []
    for number, line in enumerate(block.split("\n"), start=1):
        if not adding.lineno <= number <= (adding.end_lineno or adding.lineno):
            lines.append(line if number in inside or not line.strip() else f"    {line}")
    return "\n".join(lines)


def _with_section(block: str, where: str) -> str:
    """The block with a line that says where it is defined at the end of each docstring."""
    cell = Cell("", "code", block, (), 1)
    positions = Positions(block)
    edits = []
    for node in ast.parse(block).body:
        if not isinstance(node, DEFINITIONS) or node.body[0].lineno == node.lineno:
            continue
        first = node.body[0]
        start, end = positions.span(first)
        indent = " " * first.col_offset
        documented = ast.get_docstring(node, clean=False) is not None
        if documented and block[end - 3 : end] in ('"""', "'''"):
            edits.append(Edit(end - 3, end - 3, (f"\n\n{indent}{where}",)))
        elif not documented:
            if isinstance(first, DEFINITIONS) and first.decorator_list:
                start = positions.span(first.decorator_list[0])[0] - 1
            line = positions.offset(positions.line(start), 0)
            edits.append(Edit(line, line, (f'{indent}"""{where}"""\n',)))
    return apply_edits(cell, edits, positions).source


def _alias_code(aliases: Aliases) -> list[str]:
    """What `d2l.name` means in the module: at most one block."""
    lines = aliases.defined.split("\n") if aliases.defined else []
    lines += [f"{name} = {aliases.library}.{target}" for name, target in aliases.simple.items()]
    lines += [
        f"{name} = lambda x, *args, **kwargs: x.{target}(*args, **kwargs)"
        for name, target in aliases.fluent.items()
    ]
    for pattern, template in aliases.args.values():
        lines.append(f"def {pattern}:\n    return {template}")
    return ["\n".join(["# The aliases of config.ini", *lines])] if lines else []


def _defined(block: str) -> list[str]:
    """The public functions and classes of a block, which `import *` shall bring."""
    names = [node.name for node in ast.parse(block).body if isinstance(node, DEFINITIONS)]
    return [name for name in names if not name.startswith("_")]
