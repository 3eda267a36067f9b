"""Parsed prose -> plain Markdown, as Jupyter shows it: references are links, labels are gone."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable

from bookc.book import Cell, Chapter, Reference, Refs
from bookc.read.references import citation_text, reference_text
from bookc.read.slides import strip_slides
from bookc.read.syntax import (
    BLOCK_MARK_LINE,
    ROLE,
    is_toc,
    role_name,
    section_path,
    toc_names,
)

ROLE_OR_RUN = re.compile(rf"{ROLE.pattern}|(`+)")


def readable_prose(chapter: Chapter, refs: Refs) -> dict[str, str]:
    """A chapter's prose by cell id: references are links, equations tagged, labels gone."""
    return {
        cell.id: _readable(cell, chapter.path, refs)
        for cell in chapter.cells
        if cell.kind == "markdown"
    }


def _readable(cell: Cell, path: str, refs: Refs) -> str:
    lines: list[str | None] = list(strip_slides(cell.source).split("\n"))
    verbatim: set[int] = set()
    for token in refs.tokens[cell.id]:
        if token.map is None:
            continue
        first, end = token.map
        if token.type == "fence":
            verbatim.update(range(first, end))
            if is_toc(token.info):
                lines[first:end] = [None] * (end - first)
                lines[first] = _toc_links(token.content, path, refs)
        elif token.type == "math_block":
            verbatim.update(range(first, end))
            if token.meta.get("number"):
                head, dollars, tail = str(lines[end - 1]).rpartition("$$")
                lines[end - 1] = f"{head}\\tag{{{token.meta['number']}}}{dollars}{tail}"
        elif token.type == "figure" and token.meta["number"]:
            # Jupyter shows a picture's caption only where the picture is missing.
            caption = (token.children or [token])[0].content
            lines[end - 1] = f"{lines[end - 1]}\n\n**Fig. {token.meta['number']}.** {caption}"
        elif token.type == "table_open" and "caption" in token.meta:
            at = token.meta["caption_line"]
            caption = str(lines[at]).lstrip(": ")
            lines[at] = f"**Table {token.meta['number']}.** {caption}"
    read = _reader(path, refs)
    result = []
    for at, line in enumerate(lines):
        if line is None or (BLOCK_MARK_LINE.fullmatch(line) and at not in verbatim):
            continue
        result.append(line if at in verbatim else _replace_roles(line, read))
    return "\n".join(result).strip()


def _replace_roles(line: str, read: Callable[[re.Match[str]], str]) -> str:
    """A line with each role outside of code spans replaced; what begins first wins."""
    if ":" not in line:
        return line
    starts: dict[int, list[int]] = {}  # of the runs of backticks, by length, last one first
    for run in reversed(list(re.finditer("`+", line))):
        starts.setdefault(len(run[0]), []).append(run.start())
    parts = []
    at = 0
    while found := ROLE_OR_RUN.search(line, at):
        parts.append(line[at : found.start()])
        at = found.end()
        if found[1]:
            parts.append(read(found))
            continue
        same = starts.get(len(found[3]), [])
        while same and same[-1] < at:
            same.pop()
        if same:
            at = same.pop() + len(found[3])
        parts.append(line[found.start() : at])
    return "".join([*parts, line[at:]])


def _toc_links(content: str, path: str, refs: Refs) -> str:
    """The lines of a `toc` block as a list of links between notebooks."""
    links = []
    read = _reader(path, refs, linked=False)
    for _, name in toc_names(content):
        target = section_path(name, path)
        if target in refs.titles:
            links.append(f"- [{_replace_roles(refs.titles[target], read)}]({name}.ipynb)")
    return "\n".join(links)


def _reader(path: str, refs: Refs, linked: bool = True) -> Callable[[re.Match[str]], str]:
    """Replaces one role by the text that a reader of the notebook sees.

    Args:
        linked: whether it is a link; in the text of a link there is none.
    """

    def read(found: re.Match[str]) -> str:
        role, value = role_name(found), found[2]
        names = value.split(",") if role in ("cite", "citet") else [value]
        known = refs.bibliography if role in ("cite", "citet") else refs.labels
        if not all(name.strip() in known for name in names):
            return found[0]  # in a code span of several lines, or an author's fault
        if role in ("cite", "citet"):
            cited = [refs.bibliography[key.strip()] for key in names]
            texts = [_link(citation_text(one, role == "citet"), one, linked) for one in cited]
            return ", ".join(texts) if role == "citet" else f"({'; '.join(texts)})"
        label = refs.labels[value.strip()]
        text = reference_text(label)
        if role == "ref" and label.title:
            # A title may hold roles itself, but in those a title is not looked into again.
            within = _reader(path, refs, linked=False)
            text = _replace_roles(label.title, within) if linked else label.title
        if label.chapter == path or label.kind == "equation" or not linked:
            return text
        return f"[{text}]({posixpath.relpath(label.chapter, posixpath.dirname(path) or '.')}.ipynb)"

    return read


def _link(text: str, reference: Reference, linked: bool) -> str:
    address = reference.url.replace("(", "%28").replace(")", "%29")  # they would end the link
    return f"[{text}]({address})" if address and linked else text
