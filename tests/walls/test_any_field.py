"""A hostile text in every field of a book: its pages have what pages have, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from chromium import served
from conftest import MakeBook
from hostile import TEXTS, unexpected
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser, Page

from bookc.problems import BookError
from bookc.run.build import make_build
from bookc.site.write import write_site

CONFIG = """\
[project]
title = {text}
author = {text}
copyright = 2026 {text}
release = {text}
[build]
tabs = pytorch, mxnet
resources = img
[pdf]
bibfile = refs.bib
[bookc]
notebook_branch = {text}
[colab]
github_repo = a/b
"""
INDEX = """\
# {text}
:label:`{text}`

{text}

See :numref:`{text}`, :ref:`sec_one`, :eqref:`{text}`, :cite:`{text}`, :citet:`key`.
[{text}]({text}) [x](<{text}> "{text}") ![{text}]({text}) <http://127.0.0.1:9/{text}>

![{text}](img/dot.svg)
:width:`{text}`
:label:`fig_{text}`

: {text}

| {text} | b |
|:--|--:|
| a | {text} |
:label:`tab_{text}`

$${text}$$
:eqlabel:`eq_{text}`

```{{.python .input}}
#@tab pytorch
plot(x, label='{text}')  # {text}
```

```{{.python .input}}
#@tab mxnet
'{text}'
```

:begin_tab:`mxnet`
{text}
:end_tab:

```{text}
{text}
```

    {text}

> {text}

```toc
part/one
```
"""
ONE = "# One {text}\n:label:`sec_one`\n\n## {text}\n\n{text}\n"
BIB = """\
@article{{key, title = {{{text}}}, author = {{{text} and Last, First}}, year = {{{text}}},
  journal = {{{text}}}, url = {{https://example.org/{text}}}, doi = {{{text}}}, note = {{{text}}} }}
@misc{{other, title = {{T}}, author = {{A}}, year = 1999, url = {{{text}}} }}
"""
DOT = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'


def outputs(text: str) -> list[dict[str, object]]:
    """An output of each kind that holds a text."""
    kinds = ("text/plain", "text/html", "image/svg+xml", "text/latex", "image/png", "text/markdown")
    shown: list[dict[str, object]] = [
        {"output_type": "display_data", "data": {kind: text}, "metadata": {kind: text, text: text}}
        for kind in (*kinds, "application/x-new")
    ]
    traceback = [text, f"\x1b[31m{text}"]
    return [
        *shown,
        {"output_type": "display_data", "data": {f"a/{text}": 1}, "metadata": {}},
        {"output_type": "stream", "name": "stdout", "text": text},
        {"output_type": "stream", "name": "stderr", "text": text},
        {"output_type": "error", "ename": text, "evalue": text, "traceback": traceback},
        {"output_type": "error", "ename": text, "evalue": text, "traceback": []},
        {"output_type": "execute_result", "execution_count": 1, "data": {}, "metadata": {}},
        {"output_type": "display_data", "data": {"image/png": 5}, "metadata": {text: 1}},
        {"output_type": text},
    ]


def record(text: str) -> str:
    cells = [
        {"cell_type": "code", "id": "index-c1", "metadata": {text: text}, "source": text,
         "execution_count": 1, "outputs": outputs(text)},
    ]  # fmt: skip
    about = {"bookc": {"source": text, "tab": text}, text: text}
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": about, "cells": cells})


def book(text: str) -> dict[str, str]:
    """The files of a book that holds a text wherever it takes one."""
    line = " ".join(text.replace("%", "%%").split())  # a value of config.ini is a line
    return {
        "config.ini": CONFIG.format(text=line),
        "index.md": INDEX.format(text=text.replace("`", "'")),
        "part/one.md": ONE.format(text=text),
        "refs.bib": BIB.format(text=text.replace("{", "").replace("}", "")),
        "img/dot.svg": DOT,
        "img/evil.js": "ran = 1",
        "notebooks/pytorch/index.ipynb": record(text),
    }


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, but for the output of the book."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "_build" not in path.parts
    }


def build(root: Path) -> Path | None:
    """The site of a book; None if bookc refuses it with a word."""
    before = tree(root.parent)
    try:
        write_site(make_build(root, record=True), index=False)
    except BookError as error:
        assert str(error)
        return None
    finally:
        assert tree(root.parent) == before, "it wrote elsewhere"
    return root / "_build" / "html"


def check(site: Path) -> None:
    for page in site.rglob("*.html"):
        assert unexpected(page.read_text(encoding="utf-8")) == [], page
    assert not (site / "img" / "evil.js").exists()


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_in_every_field_stays_a_text(make_book: MakeBook, name: str) -> None:
    site = build(make_book(book(TEXTS[name])))
    assert site is not None
    check(site)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(parts=st.lists(st.sampled_from([*TEXTS.values(), *"<>\"'&`=/\\$:#|%{}[]()"]), max_size=4))
def test_so_do_all_that_are_made_of_such_parts(
    parts: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("wall") / "book"
    for name, text in book("".join(parts)).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8", errors="replace")
    if (site := build(root)) is not None:
        check(site)


NAMES = [
    "C# and ?x%41", "100%25", "a&b;c", "it's", 'qu"ote', "<b>", '"><script src=x>', "a b", "x:y",
    "javascript:ran", "ü文", "-rf", "$(id)", "a'onclick='b", "*", "[x]", "~", "CON", "%2e%2e",
]  # fmt: skip


def test_a_chapter_may_have_any_name(make_book: MakeBook, page: Page) -> None:
    """Every page is reached by a link of the contents, in a browser, from every page."""
    toc = "\n".join(f"part/{name}" for name in NAMES)
    files = {f"part/{name}.md": f"# Chapter {at}\n\nText." for at, name in enumerate(NAMES)}
    config = "[project]\ntitle = B\n[build]\nnotebooks = *.md */*.md\ntabs = python\n"
    files |= {"config.ini": config, "index.md": f"# Book\n\n```toc\n{toc}\n```\n"}
    site = build(make_book(files))
    assert site is not None
    check(site)
    with served(site) as address:
        for start in ("index.html", "part/a%20b.html"):
            page.goto(f"{address}/{start}")
            links = page.eval_on_selector_all(
                ".sidebar a", "links => links.map(link => [link.href, link.textContent])"
            )
            assert len(links) == len(NAMES) + 1
            for at, (href, _) in enumerate(links[1:]):
                page.goto(href)
                assert page.locator("h1").inner_text() == f"Chapter {at}"


def visited(browser: Browser, address: str, names: list[str]) -> set[str]:
    """What went wrong when pages were opened and their links were clicked."""
    wrong = set()
    page = browser.new_page()
    page.route("http://127.0.0.1:9/**", lambda route: (wrong.add("asked"), route.abort()))
    for name in names:
        page.goto(f"{address}/{name}")
        for link in page.locator("article *").all()[:400]:
            link.dispatch_event("mouseover")
        page.wait_for_timeout(50)
        if page.evaluate("typeof ran !== 'undefined'"):
            wrong.add(f"ran: {name}")
        if not page.url.startswith(address):
            wrong.add(f"left: {name}")
    page.close()
    return wrong


def test_nothing_runs_with_the_policy_or_without_it(
    browser: Browser, make_book: Callable[..., Path], tmp_path: Path
) -> None:
    names = []
    served_folder = tmp_path / "all"
    for at, name in enumerate(sorted(TEXTS)):
        site = build(make_book(book(TEXTS[name])))
        assert site is not None
        target = served_folder / str(at)
        target.parent.mkdir(parents=True, exist_ok=True)
        site.rename(target)
        (target.parent.parent / "book" / "_build" / "stamps").rename(tmp_path / f"stamps{at}")
        for file in ("index.html", "part/one.html", "404.html"):
            names.append(f"{at}/{file}")
            text = (target / file).read_text(encoding="utf-8")
            bare = text.replace('http-equiv="Content-Security-Policy"', 'name="none"', 1)
            (target / file.replace(".html", "-bare.html")).write_text(bare, encoding="utf-8")
            names.append(f"{at}/{file.replace('.html', '-bare.html')}")
    with served(served_folder) as address:
        assert visited(browser, address, names) == set()


ADDRESSES = [
    'https://a"><script>',
    "https://a'b",
    "javascript:a",
    "https://a b",
    "//a",
    "https://<b>",
]


@pytest.mark.parametrize("key", ["site_url", "license_url"])
@pytest.mark.parametrize("address", ADDRESSES)
def test_no_address_of_config_ini_is_markup(make_book: MakeBook, key: str, address: str) -> None:
    config = f"[project]\ntitle = B\n[build]\ntabs = a\n[bookc]\n{key} = {address}\n"
    with pytest.raises(BookError, match=f"{key} = .*want an address such as"):
        make_build(make_book({"config.ini": config, "index.md": "# B"}))


@pytest.mark.parametrize("lang", ["../../x", "e n", "<b>", "en/x", "-", "e" * 9])
def test_no_language_names_a_file_elsewhere(make_book: MakeBook, lang: str) -> None:
    config = f"[project]\ntitle = B\nlang = {lang}\n[build]\ntabs = a\n"
    with pytest.raises(BookError, match=r"lang = .*want a code such as en or pt-BR"):
        make_build(make_book({"config.ini": config, "index.md": "# B"}))


@pytest.mark.parametrize("place", ["#%", "#%E0%A4%A", "#%00", "?tab=%"])
def test_no_address_stops_the_scripts_of_a_page(
    make_book: MakeBook, page: Page, place: str
) -> None:
    text = "# Book\n\n## Part\n\n```{.python .input}\n#@tab pytorch\n1\n```\n"
    text += "\n```{.python .input}\n#@tab mxnet\n2\n```\n"
    site = build(make_book({"index.md": text}))
    assert site is not None
    with served(site) as address:
        page.goto(f"{address}/index.html{place}")
        page.locator(".switch button", has_text="MXNet").click()
        assert page.locator(".panel:visible").inner_text().strip().endswith("2")
        page.goto("about:blank")
