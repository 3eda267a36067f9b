"""(Book, tab) -> the text of the module that collects the book's #@save code."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping, Sequence
from itertools import takewhile
from pathlib import Path

from bookc import disk, files
from bookc.book import Book, Cell
from bookc.config import Aliases
from bookc.notebook.edits import Edit, Positions, apply_edits
from bookc.notebook.helpers import helpers_import, import_helpers, with_bare_names
from bookc.notebook.methods import MODULE, Block, classes_added_to, methods_apart, with_methods
from bookc.notebook.tabs import select_tab
from bookc.problems import BookError, Problem, collecting
from bookc.read.marks import saved_blocks
from bookc.read.python import nodes

HEADER = '''"""Code that the chapters mark with #@save. Written by `bookc build lib`; edit those."""
'''
# What d2lbook writes between an author's own lines of a module and those that it generates.
D2LBOOK_HEADER = re.compile(r"^#{17} +WARNING +#{16}$", re.MULTILINE)
NOT_GENERATED = (
    "is not a module that `bookc build lib` or d2lbook wrote, and would be overwritten: move it "
    "away, or name another lib_file in config.ini"
)
GENERATED = "# The part below is written by `bookc build lib`: edit the chapters instead."
LABELLED = re.compile(r"^#+ [^\n]*\n\s*:label:`([^`\n]+)`", re.MULTILINE)
Place = tuple[str, int]  # file and line
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def make_library(book: Book, tab: str, module: str = "") -> str:
    """Every saved block of a tab in book order, each under the section that defines it.

    Imports come first and once; they hold for the whole module. A method that
    `@d2l.add_to_class` adds stands in its class. What config.ini's aliases name comes last.
    Where config.ini names a module of helpers, that is `d2l`, and saved names are bare.

    Args:
        module: the file as it is. An author's own lines before d2lbook's warning stay.

    Raises:
        BookError: a saved cell is not Python, or a mark saves nothing, or what it saves would
            have to stand above an author's own lines, or a saved name is hidden where it is used.
    """
    imports, saved = _collect(book, tab)
    aliases = _alias_code(book.config.aliases.get(tab))
    names = {name for block in saved for name in block.names}
    names.update(name for text in aliases for name in _bound(text))
    if helpers := book.config.helpers.get(tab, ""):
        saved = with_bare_names(saved, names)
    texts = [f"# {block.path}\n{block.text}" for block in with_methods(saved)] + aliases
    if (warning := D2LBOOK_HEADER.search(module)) is not None:
        # Beside an author's own lines no list of names can be whole.
        head = module[: warning.end()] + f"\n{GENERATED}"
        _check_futures(imports, head)
        lines = [text for text in imports if not _is_future(text)]
        first = ["\n".join(lines)] if lines else []
        return "\n\n\n".join([head, *first, *texts]) + "\n"
    lines = list(imports)
    own = []
    if _lacks_module([*imports, *texts]):
        if helpers:
            lines.insert(0, helpers_import(helpers))
        else:
            lines += [] if "import sys" in lines else ["import sys"]
            own = [f"{MODULE} = sys.modules[__name__]  # as chapters call this module"]
    lines.sort(key=_is_future, reverse=True)  # Python wants these first
    head = "\n".join([HEADER, *lines]) if lines else HEADER.rstrip()
    listed = "".join(f'    "{name}",\n' for name in sorted(names) if not name.startswith("_"))
    public = f"__all__ = [\n{listed}]" if listed else "__all__: list[str] = []"
    return "\n\n\n".join(["\n\n".join([head, public, *own]), *texts]) + "\n"


def _collect(book: Book, tab: str) -> tuple[dict[str, Place], list[Block]]:
    """The imports that a tab saves, each with its first place, and other code, in book order.

    Raises:
        BookError: a saved cell is not Python, or a mark saves nothing.
    """
    imports: dict[str, Place] = {}
    blocks: list[Block] = []
    problems: list[Problem] = []
    helpers = book.config.helpers.get(tab, "")
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
            where = f":numref:`{label}`" if label else chapter.path
            place = chapter.file, cell.line
            for block in saved:
                if helpers:
                    block = import_helpers(block, helpers)
                lines, code = _imports_apart(block)
                for line in lines:
                    imports.setdefault(line, place)
                for text in methods_apart(code):
                    if book.config.sections_in_docstrings:
                        text = _with_section(text, f"Defined in {where}")
                    classes = classes_added_to(text)
                    names = [] if classes else _bound(text)
                    blocks.append(Block(chapter.path, text, classes, names, place))
    if problems:
        raise BookError(problems)
    return imports, blocks


def _imports_apart(block: str) -> tuple[list[str], str]:
    """The imports that go to the top of the module, and the code that is left.

    Imports with other code stay with it; but the top alone may import from `__future__`.
    """
    body = ast.parse(block).body
    top: list[ast.stmt] = [n for n in body if isinstance(n, (ast.Import, ast.ImportFrom))]
    if len(top) < len(body):
        top = list(takewhile(_of_future, body))
    if not top:
        return [], block
    positions = Positions(block)
    lines = [slice(*positions.span(node)) for node in top]
    code = block[lines[-1].stop :].lstrip("; \n") if len(top) < len(body) else ""
    return [block[line] for line in lines], code


def _of_future(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__" and not node.level


def _is_future(line: str) -> bool:
    return _of_future(ast.parse(line).body[0])


def _check_futures(imports: Mapping[str, Place], own: str) -> None:
    """See that an author's own lines have the imports that cannot stand below them.

    Raises:
        BookError: they do not.
    """
    message = (
        "has to be the first line of code: write it at the top of your own lines of the module"
    )
    problems = [
        Problem(file, number, f"'{line}' {message}, too")
        for line, (file, number) in imports.items()
        if _is_future(line) and line not in own.split("\n")
    ]
    if problems:
        raise BookError(problems)


def _lacks_module(texts: Sequence[str]) -> bool:
    """Whether code speaks of `d2l` and nothing imports or defines that."""
    found = [node for text in texts for node in nodes(ast.parse(text))]
    bound = {node.asname or node.name for node in found if isinstance(node, ast.alias)}
    names = [node for node in found if isinstance(node, ast.Name) and node.id == MODULE]
    assigned = any(isinstance(node.ctx, ast.Store) for node in names)
    return bool(names) and not assigned and MODULE not in bound


def with_version(module: str, release: str) -> str:
    """A module's text with the book's release in the line that sets `__version__`."""
    return re.sub(r"^__version__ *=.*$", f"__version__ = {json.dumps(release)}", module, flags=re.M)


def _with_section(block: str, where: str) -> str:
    """The block with a line that says where it is defined at the end of each docstring."""
    cell = Cell("", "code", block, (), 1)
    positions = Positions(block)
    edits = []
    for node in ast.parse(block).body:
        if not isinstance(node, DEFINITIONS):
            continue
        first = node.body[0]
        start, end = positions.span(first)
        indent = block[:start].rpartition("\n")[2]
        if indent.strip():  # the body stands on the line of the `def`
            continue
        documented = ast.get_docstring(node, clean=False) is not None
        if documented and block[end - 3 : end] in ('"""', "'''"):
            edits.append(Edit(end - 3, end - 3, (f"\n\n{indent}{where}",)))
        elif not documented:
            if isinstance(first, DEFINITIONS) and first.decorator_list:
                start = positions.span(first.decorator_list[0])[0] - 1
            line = positions.offset(positions.line(start), 0)
            edits.append(Edit(line, line, (f'{indent}"""{where}"""\n',)))
    return apply_edits(cell, edits, positions).source


def _alias_code(aliases: Aliases | None) -> list[str]:
    """What `d2l.name` means in the module: at most one block."""
    if aliases is None:
        return []
    lines = aliases.defined.split("\n") if aliases.defined else []
    lines += [f"{name} = {aliases.library}.{target}" for name, target in aliases.simple.items()]
    lines += [
        f"{name} = lambda x, *args, **kwargs: x.{target}(*args, **kwargs)"
        for name, target in aliases.fluent.items()
    ]
    for pattern, template in aliases.args.values():
        lines.append(f"def {pattern}:\n    return {template}")
    return ["\n".join(["# The aliases of config.ini", *lines])] if lines else []


def _bound(text: str) -> list[str]:
    """The names that functions, classes and assignments of a block define."""
    names = []
    for node in ast.parse(text).body:
        if isinstance(node, DEFINITIONS):
            names.append(node.name)
        targets = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.AnnAssign) and node.value is not None:
            targets = [node.target]
        names += [
            name.id
            for target in targets
            for name in nodes(target)
            if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
        ]
    return names


def is_generated(module: str) -> bool:
    """Whether a module is one that bookc may write anew: its own, or d2lbook's."""
    return module.startswith(HEADER.rstrip()) or D2LBOOK_HEADER.search(module) is not None


def library_faults(book: Book) -> list[Problem]:
    """What keeps the saved code of some tab from being collected."""
    problems: list[Problem] = []
    for tab in book.config.libraries:
        with collecting(problems):
            make_library(book, tab)
    return problems


def write_libraries(book: Book, check: bool = False) -> list[Path]:
    """Write every module that `#@save` makes; with `check` only say which would change."""
    texts = {}
    for tab, file in book.config.libraries.items():
        name = files.shown(file, book.config)
        present = disk.read_text(file, name) if file.exists() else ""
        if present.strip() and not is_generated(present):
            raise BookError([Problem(name, 0, NOT_GENERATED)])
        texts[file] = make_library(book, tab, present)
    if (version_file := book.config.version_file) is not None and book.config.release:
        name = files.shown(version_file, book.config)
        texts[version_file] = with_version(disk.read_text(version_file, name), book.config.release)
    if check:
        return [f for f, text in texts.items() if not f.exists() or f.read_text("utf-8") != text]
    return [file for file, text in texts.items() if disk.write_file(file, text)]
