"""`markdown.parse(brief=True)`: what notebooks read of prose is what pages read of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from markdown_it.token import Token

from bookc import markdown

ROOT = Path(__file__).parent.parent
NAMED = ("image", "role", "inline_mark", "math_inline_double")


def block(token: Token) -> tuple[object, ...]:
    return token.type, token.map, token.meta.get("label"), token.meta.get("caption_text")


def named(tokens: list[Token]) -> list[tuple[object, ...]]:
    children = [child for token in tokens for child in token.children or ()]
    return [(c.type, str(c.meta), c.attrs.get("src")) for c in children if c.type in NAMED]


@pytest.mark.parametrize(
    "file",
    [*ROOT.glob("chapters/**/*.md"), *ROOT.glob("tests/**/*.md")],
    ids=lambda file: file.relative_to(ROOT).as_posix(),
)
def test_brief_tokens_name_the_same(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    full, brief = markdown.parse(text), markdown.parse(text, brief=True)
    assert [block(token) for token in full] == [block(token) for token in brief]
    assert named(full) == named(brief)
