"""Write chapters/api.md: what d2l_shim offers, from its docstrings and tools/api.md.

    python tools/make_api.py           # writes the page
    python tools/make_api.py --check   # says whether it is current

tools/api.md is the page as it is written by hand: its order, its prose, and below each heading
`### name` what differs from d2l. This tool puts before that text what the sources say about the
name: the signature and the docstring, once where the frameworks agree and in tabs where they
differ. The sources are read as syntax trees, so no framework is needed.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path

from definitions import Library, describe, public_names, read_sources
from docstrings import TITLES, Blocks

from bookc.disk import write_file
from bookc.notebook.uses import Symbol
from bookc.problems import BookError, Problem

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
SAVED_IN = re.compile(r"# (\S+)")  # `bookc build lib` writes the section above what it defines
LABEL = re.compile(r":label:`(\w+)`")


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
