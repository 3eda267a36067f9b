"""Rules of the code that keep the walls whole."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import bookc
from bookc import terminal
from bookc.read import addresses

SITE = Path(bookc.__file__).parent / "site"
# Where text that is HTML already becomes Markup, and why it may: see docs/security.md.
MARKUP = {
    "code.py": 2,  # Pygments escapes what it highlights; pieces of HTML in a row
    "navigation.py": 1,  # the tree with its current page marked
    "outputs.py": 1,  # what nh3 cleaned, or what config.ini trusts
    "prose.py": 4,  # pybtex and math-core by their wrappers, markdown-it's tags, th as td
    "render.py": 1,  # Jinja escapes
}
LIKE_HTML = re.compile(r"<[a-z/]|\s[a-z-]+=[\"']")


def strings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Strings that are put together of parts, with what stands between the parts."""
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = [part.value for part in node.values if isinstance(part, ast.Constant)]
            yield node.lineno, "".join(map(str, parts))
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Mod)):
            for side in (node.left, node.right):
                if isinstance(side, ast.Constant) and isinstance(side.value, str):
                    yield node.lineno, side.value
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            text = node.func.value
            if node.func.attr in ("format", "join") and isinstance(text, ast.Constant):
                yield node.lineno, str(text.value)


@pytest.mark.parametrize("file", sorted(SITE.glob("*.py")), ids=lambda file: file.name)
def test_no_html_is_put_together_of_plain_strings(file: Path) -> None:
    """`Markup(...).format(...)` escapes what it puts in; a plain string would not."""
    tree = ast.parse(file.read_text("utf-8"))
    if file.name in ("metadata.py", "serve.py"):  # sitemap.xml; a script's number
        return
    wrong = [(line, text) for line, text in strings(tree) if LIKE_HTML.search(text)]
    assert wrong == []


@pytest.mark.parametrize("file", sorted(SITE.glob("*.py")), ids=lambda file: file.name)
def test_few_places_say_that_a_text_is_html(file: Path) -> None:
    calls = [
        node
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "Markup"
        and node.args
        and not isinstance(node.args[0], ast.Constant)
    ]
    assert len(calls) == MARKUP.get(file.name, 0)


def test_templates_escape() -> None:
    for file in (SITE / "theme").glob("*.html"):
        text = file.read_text("utf-8")
        assert "|safe" not in text.replace(" ", "") and "autoescape" not in text


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("a/b.md#c", "inside"), ("", "inside"), ("#x", "inside"), ("/a", "inside"),
        ("?q", "inside"), ("x:y", "refused"),
        ("http://a", "outside"), ("HTTPS://a", "outside"), ("mailto:a@b", "outside"),
        ("//a/b", "outside"), ("\\\\a/b", "refused"), ("/\\a", "refused"), ("\\/a", "refused"),
        ("///a", "refused"), ("https:a", "refused"), ("https:///a", "refused"),
        ("https:", "refused"),
        ("javascript:a", "refused"), (" java\nscript:a", "refused"), ("data:x", "refused"),
        ("ftp://a", "refused"), ("blob:https://a", "refused"), ("file:///a", "refused"),
        ("tel:1", "refused"), ("\x01javascript:a", "refused"), ("view-source:a", "refused"),
        ("x:y", "refused"), ("C:\\a", "refused"), ("./x:y", "inside"), ("mailto:", "refused"),
    ],
)  # fmt: skip
def test_addresses(address: str, kind: str) -> None:
    assert addresses.kind_of(address) == kind
    assert bool(addresses.outside(address)) == (kind == "outside")


def test_no_letter_leaves_an_attribute() -> None:
    every = "".join(map(chr, range(1, 0x180)))
    for made in (addresses.encoded(every), addresses.path(every), addresses.fragment(every)):
        assert not set(made) & set("\"'<> \\`\n\t")


def test_a_terminal_obeys_no_text(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.complain("a\x1b]0;x\x07\x9b31m\u202eb\x00\tc\n")
    assert capsys.readouterr().err == "a\\x1b]0;x\\x07\\x9b31m\\u202eb\\x00\tc\n\n"
