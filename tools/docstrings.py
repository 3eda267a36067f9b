"""Docstrings in Google's style -> Markdown."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping

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

# What is said about a name in one framework: Markdown by what it is, in reading order.
Blocks = dict[str, str]


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
