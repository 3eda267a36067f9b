"""Prose -> tokens with d2lbook's marks: pairs in fixtures/prose.md."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from markdown_it.token import Token
from markdown_it.utils import read_fixture_file

from bookc.read import prose

PAIRS = read_fixture_file(Path(__file__).parents[1] / "fixtures" / "prose.md")
WITH_OWN_LINE = ("heading_open", "paragraph_open", "table_open")


def shown(tokens: list[Token]) -> Iterator[str]:
    """The opening tokens of blocks with what they carry, and the inline tokens in them."""
    for token in tokens:
        if token.type == "inline":
            yield from inline(token.children or [], "  ")
        elif token.type in (*WITH_OWN_LINE, "figure", "math_block", "fence", "marks") or (
            token.type == "bibliography"
        ):
            name = f"{token.type} {token.tag}" if token.type == "heading_open" else token.type
            first, end = token.map or (0, 0)
            marks = [f"{key}={token.meta[key]}" for key in ("width", "height", "label", "eqlabel")
                     if key in token.meta]  # fmt: skip
            if "caption_text" in token.meta:
                marks.append(f"caption={token.meta['caption_text']!r}")
            content = [repr(token.content)] if token.content else []
            yield " ".join([name, f"lines {first}-{end}", *marks, *content])
            yield from inline(token.meta.get("caption", ()), "  ")
            yield from inline(token.children or (), "  ")


def inline(children, indent: str) -> Iterator[str]:
    for child in children:
        if child.type == "role":
            yield f"{indent}role {child.meta['name']} {child.meta['value']!r}"
        elif child.type == "image":
            yield f"{indent}image {child.attrs['src']}"
            yield from inline(child.children or (), indent + "  ")
        elif child.type != "text" or child.content:
            yield f"{indent}{child.type} {child.content!r}".removesuffix(" ''")


@pytest.mark.parametrize("line,title,text,expected", PAIRS, ids=[pair[1] for pair in PAIRS])
def test_markdown(line, title, text, expected):
    assert "".join(f"{row}\n" for row in shown(prose.parse(text))) == expected
