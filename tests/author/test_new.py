"""`bookc new`: what it makes is a book, and it writes nothing that is not asked for."""

import re
import sys
from html import unescape

import pytest
import yaml
from frameworks import FRAMEWORKS

from bookc.__main__ import main
from bookc.author.new import BOOK, PLACE, TEMPLATE, new_book, offered_tabs
from bookc.config import parse_config
from bookc.problems import BookError

THREE = ("pytorch", "tensorflow", "mxnet")
TITLES = [
    """It's a "book": <b>100%</b> of $5 & $6""",
    "# 1 = ; [tab] %(title)s @TABS@ #",
    r"snake_case * `code` \\alpha &amp; ~~x~~",
    "  Été à la plage\u00a0?  ",
]


@pytest.fixture
def new(tmp_path, monkeypatch):
    """Make a book as the command does, in a folder of its own."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return lambda *arguments: main(["new", *arguments])


@pytest.mark.parametrize("tabs", [*offered_tabs(), ",".join(offered_tabs())])
def test_every_new_book_can_be_built(new, tabs, capsys, tmp_path):
    assert new("book", "--tabs", tabs) == 0
    assert main(["lint", "--tabs", "--book", "book"]) == 0
    told = capsys.readouterr()
    assert "2 files, no errors" in told.out and "no code for" not in told.out and not told.err
    assert main(["build", "--book", "book"]) == 0
    assert not capsys.readouterr().err
    page = (tmp_path / "work/book/_build/html/descent.html").read_text("utf-8")
    for tab in tabs.split(","):
        notebook = tmp_path / f"work/book/_build/notebooks/{tab}/descent.ipynb"
        assert "def slope(" in notebook.read_text("utf-8")
    for shown in ("Fig. 1.1", "Table 1.1", "(1.2)", "Cauchy, 1847"):
        assert shown in page
    assert "@tab" not in page and "#@quick" not in page


def test_a_new_book_runs_and_passes_its_test(new, bookc, capsys, tmp_path):
    book = tmp_path / "work" / "book"
    tabs = ["python", *({"mxnet"} & set(FRAMEWORKS))]  # of all frameworks, the oddest to import
    assert new("book", "--tabs", ",".join(tabs)) == 0
    assert bookc("execute", "--book", book).returncode == 0
    capsys.readouterr()
    assert main(["execute", "--book", "book"]) == 0
    assert capsys.readouterr().out.startswith("nothing to execute")
    test = bookc("test", "--book", book)
    assert test.returncode == 0, test.stderr
    # All but the cell with #@quick must print the same again.
    executed, compared = map(int, re.findall(r"(\d+) (?:cells executed|of them)", test.stdout))
    assert compared == executed - len(tabs) >= 2
    for tab in tabs:
        record = (book / "notebooks" / tab / "descent.ipynb").read_text("utf-8")
        assert "slope at 3: 12.000" in record and "0.55        6.19        6.19" in record


@pytest.mark.parametrize("title", TITLES)
def test_a_title_is_shown_as_it_was_given(new, title, capsys, tmp_path):
    assert new("book", "--title", title) == 0
    assert main(["lint", "--book", "book"]) == 0
    assert main(["build", "--book", "book"]) == 0
    assert not capsys.readouterr().err
    book = tmp_path / "work" / "book"
    texts = new_book(title)
    assert parse_config(texts["config.ini"], book).title == title.strip()
    page = (book / "_build/html/index.html").read_text("utf-8")
    heading = re.search(r"<h1[^>]*>(.*?)</h1>", page, re.DOTALL)[1]
    assert _text(heading) == title.strip()
    assert texts["README.md"].splitlines()[0] == texts["chapters/index.md"].splitlines()[0]


def _text(html):
    return unescape(re.sub(r"<[^>]*>", "", html)).strip()


@pytest.mark.parametrize("title", ["a\nb", "a\r", "\0", "a\u2028b", "  ", "\udcff"])
def test_a_title_that_is_not_one_line_of_text(new, title, capsys, tmp_path):
    assert new("book", "--title", f"x{title}y" if title.strip() else title) == 1
    assert "want one line of text" in capsys.readouterr().err
    assert not list((tmp_path / "work").iterdir())


def test_the_title_and_the_next_steps_come_from_the_folder(new, capsys, tmp_path):
    assert new("my-new_book") == 0
    said = capsys.readouterr().out
    assert said.startswith(f"made my-new_book: {len(new_book('x'))} files\nnext:\n")
    assert re.findall(r"^  (\w+ \S+)", said, re.MULTILINE) == [
        "cd my-new_book",
        "bookc execute",
        "bookc serve",
    ]
    book = tmp_path / "work" / "my-new_book"
    assert "title = My new book\n" in (book / "config.ini").read_text("utf-8")
    assert new("it's here", "--tab", "pytorch") == 0
    assert "cd 'it'" in capsys.readouterr().out


def test_what_is_not_installed_is_a_step(new, capsys, monkeypatch):
    monkeypatch.setattr("bookc.author.new.find_spec", lambda module: None)
    assert new("book", "--tabs", "pytorch,python") == 0
    assert "  cd book\n  pip install torch\n  bookc execute" in capsys.readouterr().out


def test_config_has_the_tabs_and_their_frameworks():
    def config(*tabs):
        return parse_config(new_book("Book", tabs)["config.ini"], BOOK)

    assert config().tabs == ("python",) and not config().frameworks
    assert config("mxnet", "python", "mxnet").tabs == ("mxnet", "python")
    assert config(*THREE).tabs == THREE
    assert config(*THREE).frameworks == {
        "pytorch": ("torch", "torch"),
        "tensorflow": ("tensorflow", "tensorflow"),
        "mxnet": ("mxnet", "mxnet"),
    }


def test_tabs_may_be_named_one_by_one_or_in_a_list(new, tmp_path):
    assert new("one", "--tab", "pytorch", "--tab", "mxnet", "--title", "Book") == 0
    assert new("list", "--tabs", "pytorch, mxnet", "--title", "Book") == 0
    one, several = (tmp_path / "work" / name / "config.ini" for name in ("one", "list"))
    assert one.read_text("utf-8") == several.read_text("utf-8")
    assert "tabs = pytorch, mxnet\n" in one.read_text("utf-8")


def test_an_unknown_tab(new, capsys, tmp_path):
    assert new("book", "--tab", "pytorch", "--tabs", "pytroch,cobol") == 1
    there = f"(there are {', '.join(offered_tabs())})"
    assert capsys.readouterr().err == (
        f"--tab: no template for 'pytroch': did you mean 'pytorch'? {there}\n"
        f"--tab: no template for 'cobol' {there}\n"
        "2 errors\n"
    )
    assert not list((tmp_path / "work").iterdir())


@pytest.mark.parametrize("name", ["config.ini", "notes.txt", ".hidden", "chapters/x.md"])
def test_a_folder_with_files_is_left_as_it_is(new, name, capsys, tmp_path, files_below):
    mine = tmp_path / "work" / "book" / name
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    before = files_below(tmp_path)
    assert new("book") == 1
    first = name.split("/")[0]
    assert capsys.readouterr().err == (
        f"book: is not empty ({first}): name a folder that is new or empty\n1 error\n"
    )
    assert files_below(tmp_path) == before


def test_a_file_in_the_place_of_the_folder(new, capsys, tmp_path):
    (tmp_path / "work" / "book").write_text("mine")
    assert new("book") == 1
    assert new("book/inside") == 1
    error = capsys.readouterr().err
    assert error.startswith("book: is a file") and "Traceback" not in error
    assert (tmp_path / "work" / "book").read_text() == "mine"


@pytest.mark.parametrize("there", [None, "", ".git/HEAD"])
def test_it_writes_into_its_folder_only(new, there, tmp_path, files_below):
    book = tmp_path / "work" / "deep" / "book"
    if there is not None:
        book.mkdir(parents=True)
    if there:
        (book / there).parent.mkdir()
        (book / there).write_text("ref: refs/heads/main")
    assert new("deep/book") == 0
    written = {f"work/deep/book/{name}" for name in new_book("Book")}
    kept = {f"work/deep/book/{there}"} if there else set()
    assert set(files_below(tmp_path)) == written | kept


def test_the_folder_itself(new, tmp_path, capsys):
    assert new(".", "--title", "Here") == 0
    assert "  cd " not in capsys.readouterr().out
    assert (tmp_path / "work" / "config.ini").is_file()


def test_the_template_is_text_and_filled_everywhere():
    for file in TEMPLATE.rglob("*"):
        if file.is_file():
            text = file.read_bytes().decode("utf-8")
            assert text.endswith("\n") and "\r" not in text and "\t" not in text, file
    for name, text in new_book("Book", offered_tabs()).items():
        assert not PLACE.search(text), name


def test_the_readme_names_the_files():
    readme = (BOOK / "README.md").read_text("utf-8")
    named = set(re.findall(r"`([\w./-]+)`", readme))
    files = {file.relative_to(BOOK).as_posix() for file in BOOK.rglob("*") if file.is_file()}
    not_named = files - named - {"README.md", ".gitignore", "chapters/img/descent.svg"}
    assert not not_named
    later = {"notebooks/", "_build/html", "_build/notebooks"}
    paths = {name for name in named if "/" in name or "." in name}
    assert not [name for name in paths - later if not (BOOK / name).exists()]


def test_its_ci_tests_every_tab():
    texts = new_book("Book", THREE)
    github = yaml.safe_load(texts[".github/workflows/book.yml"])
    gitlab = yaml.safe_load(texts[".gitlab-ci.yml"])
    assert github["jobs"]["test"]["strategy"]["matrix"]["tab"] == list(THREE)
    assert gitlab["test"]["parallel"]["matrix"] == [{"TAB": list(THREE)}]
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert gitlab["image"] == f"python:{version}"
    setup = [step for job in github["jobs"].values() for step in job["steps"] if "with" in step]
    assert {step["with"].get("python-version", version) for step in setup} == {version}
    assert github["jobs"]["publish"]["needs"] == ["build", "test"]
    commands = [texts[".github/workflows/book.yml"], texts[".gitlab-ci.yml"]]
    for text in commands:
        assert {"bookc lint", "bookc test", "bookc build html"} <= set(
            re.findall(r"bookc (?:build html|lint|test)", text)
        )


def test_errors_are_told_together():
    with pytest.raises(BookError) as error:
        new_book("a\nb", ["cobol"])
    assert [problem.path for problem in error.value.problems] == ["--tab", "--title"]
