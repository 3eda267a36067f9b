"""`prose.parse(brief=True)`: what notebooks read of prose is what pages read of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from fuzz import TEXTS
from hypothesis import HealthCheck, given, settings
from markdown_it.token import Token

from bookc.read import prose

ROOT = Path(__file__).parents[2]
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
    full, brief = prose.parse(text), prose.parse(text, brief=True)
    assert [block(token) for token in full] == [block(token) for token in brief]
    assert named(full) == named(brief)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(TEXTS)
def test_headings_are_underlined_only_where_a_line_ends_as_one(text: str) -> None:
    """The rule for them is left out where it would find nothing."""
    always = prose._parser(False, True).parse(prose.strip_slides(text))
    if prose.UNDERLINE.search(prose.strip_slides(text)) is None:
        left_out = prose._parser(False, False).parse(prose.strip_slides(text))
        assert [token.as_dict() for token in always] == [token.as_dict() for token in left_out]
