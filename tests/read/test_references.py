"""Labels, numbers and references: pairs of page and result in fixtures/*.md."""

from pathlib import Path

import pytest
from conftest import CONFIG
from markdown_it.utils import read_fixture_file

from bookc.notebook.notebook import make_notebook
from bookc.notebook.prose import readable_prose
from bookc.problems import BookError
from bookc.read.read import read_book

FIXTURES = Path(__file__).parents[1] / "fixtures"
LABELS = read_fixture_file(FIXTURES / "labels.md")
READABLE = read_fixture_file(FIXTURES / "readable.md")
ERRORS = read_fixture_file(FIXTURES / "ref-errors.md")
# The page of a pair, with others around it.
AROUND = {
    "config.ini": CONFIG + "[pdf]\nbibfile = refs.bib\n",
    "refs.bib": (
        "@book{smith2001, author = {Smith, Ann}, title = {A}, publisher = {P}, year = {2001},\n"
        "  doi = {10.1/x}}\n"
        "@book{lee2002, author = {Lee, Bo and Kim, Di}, title = {B}, publisher = {P},\n"
        "  year = {2002}}\n"
    ),
    "index.md": "# Book\n\n```toc\nfirst\n```\n\n```toc\n:numbered:\npage\nother\n```\n",
    "first.md": "# Words First\n:label:`sec_unnumbered`\n",
    "other.md": "# Another Page\n:label:`sec_other`\n",
    "img/x.svg": "<svg/>",
}


@pytest.fixture
def book_with(make_book):
    """A book around a page, which is its section 1."""

    def make(page: str) -> Path:
        return make_book({**AROUND, "page.md": page})

    return make


@pytest.mark.parametrize("line,title,text,expected", LABELS, ids=[pair[1] for pair in LABELS])
def test_labels(book_with, line, title, text, expected):
    _, refs = read_book(book_with(text))
    shown = [
        f"{label.name}: {label.kind} {label.number} {label.title!r} #{label.anchor}\n"
        for label in refs.labels.values()
        if label.chapter == "page"
    ]
    assert "".join(shown) == expected


@pytest.mark.parametrize("line,title,text,expected", READABLE, ids=[pair[1] for pair in READABLE])
def test_references_are_readable_in_notebooks(book_with, line, title, text, expected):
    book, refs = read_book(book_with(text))
    page = next(chapter for chapter in book.chapters if chapter.path == "page")
    cells = make_notebook(page, "pytorch", readable_prose(page, refs)).cells
    assert "\n\n".join(cell.source for cell in cells) + "\n" == expected


@pytest.mark.parametrize("line,title,text,expected", ERRORS, ids=[pair[1] for pair in ERRORS])
def test_errors(book_with, line, title, text, expected):
    with pytest.raises(BookError) as error:
        read_book(book_with(text))
    assert f"{error.value}\n" == expected


def test_numbers_follow_the_tables_of_contents(make_book):
    book, refs = read_book(
        make_book(
            {
                "index.md": (
                    "# Book\n```toc\npreface\n```\n```toc\n:numbered:\nb/index\na/index\n```"
                ),
                "preface.md": "# Preface\n:label:`preface`\n## Why\n:label:`why`\n",
                "a/index.md": "# A\n:label:`a`\n```toc\none\n```\n## Not numbered\n:label:`not`\n",
                "a/one.md": "# One\n:label:`a_one`\n![Fig.](x.png)\n:label:`fig`\n",
                "a/x.png": "",
                "b/index.md": "# B\n:label:`b`\n```toc\ntwo\none\n```\n",
                "b/one.md": "# One\n:label:`b_one`\n## Part\n:label:`part`\n",
                "b/two.md": "# Two\n:label:`b_two`\n",
                "unlisted.md": "# Alone\n:label:`alone`\n",
            }
        )
    )
    numbers = {name: label.number for name, label in refs.labels.items()}
    assert numbers == {
        "preface": "",
        "why": "",
        "b": "1",
        "b_two": "1.1",
        "b_one": "1.2",
        "part": "1.2.1",
        "a": "2",
        "not": "",
        "a_one": "2.1",
        "fig": "2.1.1",
        "alone": "",
    }
    paths = [chapter.path for chapter in book.chapters]
    assert paths == [
        "index",
        "preface",
        "b/index",
        "b/two",
        "b/one",
        "a/index",
        "a/one",
        "unlisted",
    ]
    assert [child.path for child in refs.tree.children] == ["preface", "b/index", "a/index"]


def test_a_page_listed_twice_or_above_itself_stands_once(make_book):
    book, refs = read_book(
        make_book({"index.md": "# B\n```toc\none\none\n```", "one.md": "# 1\n```toc\nindex\n```"})
    )
    assert [chapter.path for chapter in book.chapters] == ["index", "one"]
    assert [child.path for child in refs.tree.children] == ["one"]
    assert refs.tree.children[0].children == ()


def test_anchors_are_unique_on_a_page(book_with):
    _, refs = read_book(book_with("# Same\n\n## Same\n\n## Same!\n\n## 你好\n"))
    tokens = refs.tokens["page-p1"]
    anchors = [token.meta["anchor"] for token in tokens if token.type == "heading_open"]
    assert anchors == ["same", "same-2", "same-3", "你好"]


def test_cited_is_in_order_of_first_citation(book_with):
    _, refs = read_book(book_with("# P\n:cite:`lee2002`, :cite:`smith2001,lee2002`"))
    assert refs.cited == ("lee2002", "smith2001")


def test_an_error_in_the_bibliography_does_not_make_citations_unknown(book_with):
    root = book_with("# Page\n:cite:`smith2001`\n")
    (root / "refs.bib").write_text("@book{smith2001,\n  title = {A\n")
    with pytest.raises(BookError) as error:
        read_book(root)
    assert [problem.path for problem in error.value.problems] == ["refs.bib"]


def test_what_cannot_be_read_does_not_make_its_labels_unknown(book_with):
    root = book_with("# Page\n:numref:`sec_other`\n")
    (root / "other.md").write_bytes(b"# Another\n\n\xff\n")
    with pytest.raises(BookError) as error:
        read_book(root)
    assert str(error.value) == "other.md:3: not UTF-8: save the file as UTF-8"
