"""Write chapters/api.md: what d2l_shim offers, from its docstrings and tools/api.md.

    python tools/make_api.py           # writes the page
    python tools/make_api.py --check   # says whether it is current

tools/api.md is the page as it is written by hand: its order, its prose, and below each heading
`### name` what differs from d2l. This tool puts before that text what the sources say about the
name: the signature and the docstring, once where the frameworks agree and in tabs where they
differ. The sources are read as syntax trees, so no framework is needed.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import pprint
import re
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from bookc.book import BookError, Problem
from bookc.files import write_file
from bookc.provenance import Module, Symbol, find, read_library

ROOT = Path(__file__).parents[1]
MODULES = {  # the module of each tab
    "pytorch": "d2l_shim.torch",
    "tensorflow": "d2l_shim.tensorflow",
    "mxnet": "d2l_shim.mxnet",
}
NAMES = {"pytorch": "PyTorch", "tensorflow": "TensorFlow", "mxnet": "MXNet"}

ENTRY = re.compile(r"### (\w+)")
HEADING = re.compile(r"#{1,3} (.+)")
OVERVIEW = "{overview}"  # the line of tools/api.md that becomes the list of all names
NOTE = "[//]: # (Written by tools/make_api.py from docstrings and tools/api.md: edit those.)\n\n"

SECTION = re.compile(r"([A-Z]\w*):(?:\s+(\S.*))?")
TITLES = {
    "Args": "Arguments",
    "Attributes": "Attributes",
    "Returns": "Returns",
    "Raises": "Raises",
    "Source": "Source",
}
LISTS = ("Args", "Attributes", "Raises")
ITEM = re.compile(r"(\w+(?:, \w+)*): (.*)")
SAVED_IN = re.compile(r"# (\S+)")  # `bookc lib` writes the section above what it defines
LABEL = re.compile(r":label:`(\w+)`")

LINE = 72  # letters of a signature before it takes a line for each argument

# What is said about a name in one framework: Markdown by what it is, in reading order.
Blocks = dict[str, str]
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
        listed = library.node((source, "__all__"))
        assert isinstance(listed, (ast.Assign, ast.AnnAssign))
        names += ast.literal_eval(listed.value) if listed.value else []
    found = {name: find((module, name), library.modules) for name in names}
    missing = [name for name, symbol in found.items() if symbol is None]
    if missing:
        file = library.files[module]
        raise BookError(Problem(file, 0, f"no definition of {name!r}") for name in missing)
    return {name: symbol for name, symbol in found.items() if symbol is not None}


# --- Docstrings ----------------------------------------------------------------------


def read_docstring(text: str, links: Mapping[str, str]) -> Blocks:
    """A docstring as blocks: `summary`, `body`, and one for each section of Google's style.

    Args:
        links: the label of each name that becomes a link where it stands in backticks.

    Raises:
        ValueError: a section that is not in `TITLES`, an item without a colon.
    """
    prose: list[str] = []
    sections: dict[str, list[str]] = {}
    current = prose
    for line in inspect.cleandoc(text).split("\n"):
        header = SECTION.fullmatch(line)
        if header and (header[1] in TITLES or not header[2]):
            if header[1] not in TITLES:
                raise ValueError(f"unknown section '{line}' (known: {', '.join(TITLES)})")
            current = sections.setdefault(header[1], [])
            current += [header[2]] if header[2] else []
        else:
            if current is not prose and line.strip() and not line.startswith(" "):
                current = prose
            current.append(line)
    paragraphs = _paragraphs("\n".join(prose), links)
    blocks: Blocks = {}
    if paragraphs:
        blocks["summary"] = paragraphs[0]
        blocks["body"] = "\n\n".join(paragraphs[1:])
    for name in TITLES:
        if name in sections:
            content = inspect.cleandoc("\n" + "\n".join(sections[name]))
            if name in LISTS:
                linked = (
                    links if name == "Raises" else {}
                )  # an argument may be called like a function
                items = [f"- {item}" for item in _items(content, linked, links)]
                blocks[name] = f"**{TITLES[name]}**\n\n" + "\n".join(items)
            else:
                words = "\n\n".join(_paragraphs(inspect.cleandoc(content), links))
                blocks[name] = f"**{TITLES[name]}:** {words}"
    return {name: block for name, block in blocks.items() if block}


def _paragraphs(text: str, links: Mapping[str, str]) -> list[str]:
    """Paragraphs on one line each; indented ones are code."""
    found = []
    for paragraph in re.split(r"\n\s*\n", text.strip("\n")):
        if paragraph.startswith("    "):
            found.append(f"```python\n{inspect.cleandoc(paragraph)}\n```")
        elif paragraph.strip():
            found.append(prose_markdown(" ".join(paragraph.split()), links))
    return found


def _items(text: str, linked: Mapping[str, str], links: Mapping[str, str]) -> Iterator[str]:
    """`name: text` with its continuation lines, as the text of list items."""
    items: list[str] = []
    for line in text.split("\n"):
        if line.startswith(" ") and items:
            items[-1] += f" {line.strip()}"
        elif line.strip():
            items.append(line)
    for item in items:
        if not (parts := ITEM.fullmatch(item)):
            raise ValueError(f"'{item}' is not 'name: what it is'")
        names = ", ".join(f"`{name}`" for name in parts[1].split(", "))
        yield f"{prose_markdown(names, linked)}: {prose_markdown(parts[2], links)}"


def prose_markdown(text: str, links: Mapping[str, str]) -> str:
    """A docstring's sentence as Markdown; what is in backticks stays, or becomes a link."""
    parts = re.split(r"`([^`]+)`", text)
    for at, part in enumerate(parts):
        if at % 2:
            parts[at] = f":ref:`{links[part]}`" if part in links else f"`{part}`"
        else:
            parts[at] = re.sub(r"([\\*<$])", r"\\\1", part)
    return "".join(parts)


# --- Definitions ---------------------------------------------------------------------


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
    text = argument.arg + (f": {annotation}" if annotation != "Any" else "")
    if default is None:
        return text
    if isinstance(default, ast.Name) and default.id.startswith("_"):
        for node in module.defined.get(default.id, ()):  # readers want a private constant's value
            default = getattr(node, "value", None) or default
    return f"{text}{' = ' if annotation != 'Any' else '='}{ast.unparse(default)}"


# --- The page ------------------------------------------------------------------------


def make_page(library: Library, template: str, file: str = "tools/api.md") -> str:
    """The page's Markdown.

    Args:
        template: what is written by hand.
        file: its name for messages.

    Raises:
        BookError: every name that the library or the template lacks, every public name
            without a docstring or without a word on d2l.
    """
    offered = {tab: public_names(library, module) for tab, module in MODULES.items()}
    lines = template.split("\n")
    headings = [at for at, line in enumerate(lines) if HEADING.fullmatch(line)] + [len(lines)]
    entries = {m[1]: at for at in headings[:-1] if (m := ENTRY.fullmatch(lines[at]))}
    links = {name: f"api_{name}" for name in entries}
    problems = list(_differences(library, offered, entries, file))
    page = lines[: headings[0]]
    for at, end in pairwise(headings):
        entry = ENTRY.fullmatch(lines[at])
        if not entry:
            page += lines[at:end]
            continue
        text = "\n".join(lines[at + 1 : end]).strip()
        symbols = {tab: names[entry[1]] for tab, names in offered.items() if entry[1] in names}
        if not text:
            message = f"'{entry[1]}': write what differs from d2l, or 'Not in d2l.'"
            problems.append(Problem(file, at + 1, message))
        others = {name: label for name, label in links.items() if name != entry[1]}
        found: dict[str, Blocks] = {}
        for tab, symbol in symbols.items():
            try:
                found[tab] = describe(library, symbol, others)
            except BookError as error:
                problems += error.problems
        if symbols:
            page.append(_entry(entry[1], found, _saved_in(library, symbols.values()), text))
    if problems:
        raise BookError(dict.fromkeys(problems))
    whole = "\n".join(page).replace(OVERVIEW, _overview(lines))
    return NOTE + re.sub(r"\n{3,}", "\n\n", whole).strip() + "\n"


def _differences(
    library: Library,
    offered: Mapping[str, Mapping[str, Symbol]],
    entries: Mapping[str, int],
    file: str,
) -> Iterator[Problem]:
    """Entries that the library does not have, and names that have no entry."""
    known = {name: symbol for names in offered.values() for name, symbol in names.items()}
    for name in entries.keys() - known.keys():
        yield Problem(file, entries[name] + 1, f"d2l_shim has no public name '{name}'")
    for name in known.keys() - entries.keys():
        message = f"'{name}' is public: give it a heading '### {name}' in {file}"
        yield library.problem(known[name], library.node(known[name]), message)


def _entry(name: str, found: Mapping[str, Blocks], saved_in: str, text: str) -> str:
    """A heading, what the frameworks share, what differs in tabs, and what differs from d2l."""
    parts = [f"### `{name}`\n:label:`api_{name}`"]
    if len(found) < len(NAMES):
        only = " and ".join(NAMES[tab] for tab in found)
        parts.append(f"*In {only} only.*")
    merged = [(key, merge({tab: found[tab].get(key, "") for tab in found})) for key in _keys(found)]
    methods = [(key, texts) for key, texts in merged if key.startswith("method ")]
    parts += [part for key, texts in merged if (key, texts) not in methods for part in texts]
    if methods:
        # What the frameworks share comes first, so that the list is cut only once.
        shared = [texts[0] for _, texts in methods if len(texts) == 1]
        other = [part for _, texts in methods if len(texts) > 1 for part in texts]
        parts += ["**Methods**", "\n".join(shared), *other]
    if saved_in:
        parts.append(f"**Defined in** :numref:`{saved_in}`.")
    return "\n\n".join([*filter(None, parts), f"**In d2l:** {text}"]) + "\n"


def _keys(found: Mapping[str, Blocks]) -> list[str]:
    """The blocks of all frameworks, in reading order."""
    keys = {key for blocks in found.values() for key in blocks}
    order = ["summary", "signature", "body", *TITLES]
    order += [key for blocks in found.values() for key in blocks]
    return sorted(keys, key=order.index)


def merge(texts: Mapping[str, str]) -> list[str]:
    """One text that all frameworks share, or a tab block for each text that some share."""
    if len(set(texts.values())) == 1:
        return list(dict.fromkeys(texts.values()))
    return [
        f":begin_tab:`{', '.join(tab for tab in texts if texts[tab] == text)}`\n{text}\n:end_tab:"
        for text in dict.fromkeys(texts.values())
        if text
    ]


def _saved_in(library: Library, symbols: Iterable[Symbol]) -> str:
    """The label of the section that saves a definition; "" for a name of the library's own."""
    for symbol in symbols:
        if symbol[0].startswith("d2l_shim.saved."):
            above = library.sources[symbol[0]].split("\n")[library.node(symbol).lineno - 2]
            if section := SAVED_IN.fullmatch(above):
                chapter = library.root / "chapters" / f"{section[1]}.md"
                if label := LABEL.search(chapter.read_text(encoding="utf-8")):
                    return label[1]
    return ""


def _overview(lines: Iterable[str]) -> str:
    """A table of the page's parts and the names in each."""
    rows: list[tuple[str, list[str]]] = []
    for line in lines:
        if entry := ENTRY.fullmatch(line):
            rows[-1][1].append(f":ref:`api_{entry[1]}`")
        elif line.startswith("## "):
            rows.append((line.removeprefix("## "), []))
    table = [f"| {title} | {', '.join(names)} |" for title, names in rows if names]
    return "\n".join(["| for | names |", "|:----|:------|", *table])


def main(arguments: list[str]) -> int:
    target = ROOT / "chapters" / "api.md"
    template = (ROOT / "tools" / "api.md").read_text(encoding="utf-8")
    try:
        page = make_page(read_sources(ROOT), template)
    except BookError as error:
        print(error, file=sys.stderr)
        return 1
    if "--check" in arguments:
        current = target.exists() and target.read_text(encoding="utf-8") == page
        if not current:
            message = f"{target.relative_to(ROOT)} is not current: run tools/make_api.py"
            print(message, file=sys.stderr)
        return 0 if current else 1
    if write_file(target, page):
        print(f"wrote {target.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
