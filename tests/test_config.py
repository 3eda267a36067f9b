"""config.ini -> Config: d2lbook's file as it is, and every error with its line."""

from pathlib import Path

import pytest

from bookc.config import parse_config, read_config
from bookc.problems import BookError

ROOT = Path(__file__).parent.parent

ALIAS = "[build]\ntabs = a\n[library-a]\nlib_name = np\n"


def errors(text: str, root: Path) -> list[str]:
    with pytest.raises(BookError) as error:
        parse_config(text, root)
    return str(error.value).split("\n")


def test_values(tmp_path):
    (tmp_path / "text").mkdir()
    config = parse_config(
        "[project]\n"
        "title = A Book\n"
        "[build]\n"
        "source_dir = text\n"
        "index = start.md\n"
        "tabs = PyTorch, mxnet\n"
        "exclusions = README.md old/*.md\n"
        "[library-pytorch]\n"
        "lib_file = lib/pytorch.py\n"
        "[bookc]\n"
        "timeout = 7\n"
        "frameworks = pytorch, torch, torch>=2.2\n"
        "             mxnet, mxnet, mxnet numpy<2\n",
        tmp_path,
    )
    assert config.title == "A Book"
    assert config.source_dir == tmp_path / "text"
    assert config.index == "start"
    assert config.tabs == ("pytorch", "mxnet")
    assert config.exclusions == ("README.md", "old/*.md")
    assert config.libraries == {"pytorch": tmp_path / "lib" / "pytorch.py"}
    assert config.timeout == 7
    assert config.frameworks == {
        "pytorch": ("torch", "torch>=2.2"),
        "mxnet": ("mxnet", "mxnet numpy<2"),
    }


def test_defaults_are_those_of_d2lbook(tmp_path):
    config = parse_config("", tmp_path)
    assert (config.index, config.notebooks, config.lang) == ("index", ("**/*.md",), "en")
    assert config.output_dir == tmp_path / "_build"
    assert config.record_dir == tmp_path / "notebooks"
    assert config.tabs == ("python",)


def test_repositories_of_notebooks(tmp_path):
    text = "[build]\ntabs = a, b\n[colab]\ngithub_repo = {}\n"
    assert parse_config(text.format("me/all"), tmp_path).colab == {"a": "me/all", "b": "me/all"}
    config = parse_config(text.format("a, me/one\n  b, me/two"), tmp_path)
    assert config.colab == {"a": "me/one", "b": "me/two"}
    assert (config.sagemaker, config.notebook_branch) == ({}, "master")


def test_every_key_of_d2lbook_is_known(tmp_path):
    text = (ROOT / ".venv-d2lbook").glob("lib/python3*/site-packages/d2lbook/config_default.ini")
    files = list(text)
    assert files, "no .venv-d2lbook: `make .venv-d2lbook/stamp` makes it"
    parse_config(files[0].read_text(encoding="utf-8"), tmp_path)


def test_our_own_file_is_read():
    config = read_config(ROOT)
    assert config.tabs == ("pytorch", "tensorflow", "mxnet")
    assert set(config.frameworks) == set(config.libraries) == set(config.tabs)


def test_a_byte_order_mark_is_read_over(tmp_path):
    (tmp_path / "config.ini").write_text("\ufeff[project]\ntitle = A Book\n", encoding="utf-8")
    assert read_config(tmp_path).title == "A Book"


@pytest.mark.parametrize(
    "text,expected",
    [
        (
            "[bookc]\n\ntimoeut = 1\n",
            "config.ini:3: unknown key 'timoeut' in [bookc]: did you mean 'timeout'?",
        ),
        (
            "[build]\nwarning_is_error = perhaps\n",
            "config.ini:2: warning_is_error = perhaps: want true or false",
        ),
        (
            "[build]\n[bookc]\ntimeout = soon\n",
            "config.ini:3: timeout = soon: want a whole number of seconds",
        ),
        ("[build]\noutput_dir = .\n", "config.ini:2: "),
        ("[bookc]\nrecord_dir = _build/notebooks\n", "config.ini:2: "),
        ("[bookc]\ntimeout = 0\n", "config.ini:2: timeout = 0: want a whole number of seconds"),
        ("[build]\nsource_dir = nowhere\n", "config.ini:2: no such folder: "),
        (
            "[build]\ntabs = a\n[bookc]\nframeworks = b, module, pip\n",
            "config.ini:4: 'b, module, pip': want 'tab, module, what pip installs'",
        ),
        (
            "[colab]\ngithub_repo = pytorch\n",
            "config.ini:2: 'pytorch': want owner/name, or lines of 'tab, owner/name'",
        ),
        ("[build]\nnotebooks = /a/*.md\n", "config.ini:2: '/a/*.md' names nothing in the book's"),
        ("[build]\nexclusions = a /b\n", "config.ini:2: '/b' names nothing in the book's folder"),
        ("[build]\nnotebooks = .\n", "config.ini:2: '.' names nothing in the book's folder"),
        ("[build]\nnotebooks = ../*.md\n", "config.ini:2: '../*.md' names nothing"),
        ("[build]\nindex = .\n", "config.ini:2: index = .: want a Markdown file in the book's"),
        ("[build]\nindex = /a\n", "config.ini:2: index = /a: want a Markdown file"),
        ("[bookc]\ntimeout = \u00b2\n", "config.ini:2: timeout = \u00b2: want a whole number"),
        (f"[bookc]\ntimeout = 1{'0' * 5000}\n", "config.ini:2: timeout = 10000"),
        ("[build]\ntabs = a\0b\n", "config.ini:2: 'a\\x00b' is no tab: want letters, digits"),
        ("[build]\ntabs = a, ../../evil\n", "config.ini:2: '../../evil' is no tab"),
        (
            ALIAS + "lib_helpers = a/b.py\n",
            "config.ini:5: lib_helpers = a/b.py: want a module's full",
        ),
        (ALIAS + "lib_helpers = a..b\n", "config.ini:5: lib_helpers = a..b: want a module's full"),
        (ALIAS + "lib_helpers = a.class\n", "config.ini:5: lib_helpers = a.class: want a module's"),
        (ALIAS + "simple_alias = 1x\n", "config.ini:5: '1x -> 1x': want 'name' or 'name -> other'"),
        (ALIAS + "simple_alias = x -> 1\n", "config.ini:5: 'x -> 1': want 'name' or"),
        (ALIAS + "fluent_alias = x -> y z\n", "config.ini:5: 'x -> y z': want 'name' or"),
        (ALIAS + "args_alias = f(1) -> g(1)\n", "config.ini:5: 'f(1) -> g(1)': want 'name(a, k="),
        (ALIAS + "args_alias = f(a) -> a\n", "config.ini:5: 'f(a) -> a': want 'name(a, k="),
        (ALIAS + "args_alias = 1( -> a(\n", "config.ini:5: '1( -> a(': want 'name(a, k="),
        (ALIAS + "args_alias = a)(b -> a)(b\n", "config.ini:5: 'a)(b -> a)(b': want 'name(a, k="),
        ("[build]\nnotebooks = //a\n", "config.ini:2: '//a' names nothing in the book's"),
        (ALIAS + "alias = x =\n", "config.ini:5: not Python (lines lose their indentation"),
        (
            ALIAS + "reverse_alias = d2l.x -> \\3\n",
            "config.ini:5: 'd2l.x -> \\3' is no pattern and what becomes of it: invalid group",
        ),
        (ALIAS + "reverse_alias = d2l.( -> x\n", "config.ini:5: 'd2l.( -> x' is no pattern"),
        ("title = A Book\n", "config.ini:1: File contains no section headers."),
        ("[build]\nno key\n", "config.ini:2: "),
        ("[build]\n[build]\n", "config.ini:2: "),
        ("[build]\ntabs = a\ntabs = b\n", "config.ini:3: "),
        ("[project]\ntitle = 100%\n", "config.ini:2: "),
    ],
)
def test_errors(tmp_path, text, expected):
    assert errors(text, tmp_path)[0].startswith(expected)


def test_all_errors_in_one_run(tmp_path):
    strict = "[build]\nwarning_is_error = True\ntbas = a\n"
    found = errors(f"{strict}[bookc]\ntimeout = x\n[htlm]\n", tmp_path)
    assert [line.split(": ")[0] for line in found] == [
        "config.ini:3",
        "config.ini:5",
        "config.ini:6",
    ]


def test_what_d2lbook_does_not_know_is_a_warning(tmp_path):
    config = parse_config("[build]\n\ntbas = a\n[bulid]\n", tmp_path)
    assert [str(problem).partition(" (known")[0] for problem in config.warnings] == [
        "config.ini:3: unknown key 'tbas' in [build]: did you mean 'tabs'?",
        "config.ini:4: unknown section [bulid]: did you mean 'build'?",
    ]


def test_files_that_only_bookc_lib_misses_are_warnings(tmp_path):
    text = "[project]\nrelease = 1\n[build]\ntabs = a\n[library]\nversion_file = d2l.py\n"
    config = parse_config(f"{text}[library-a]\nlib_file = .\n", tmp_path)
    assert [str(problem) for problem in config.warnings] == [
        f"config.ini:8: {tmp_path} is a folder: want a Python file",
        f"config.ini:6: no such file: {tmp_path / 'd2l.py'}",
    ]


def test_no_config(tmp_path):
    with pytest.raises(BookError, match=r"config\.ini: not found: name the book's folder"):
        read_config(tmp_path)
    (tmp_path / "config.ini").write_bytes(b"[project]\ntitle = \xff\n")
    with pytest.raises(BookError, match="cannot be read"):
        read_config(tmp_path)


def test_stars_that_are_part_of_a_name(tmp_path):
    text = "[build]\nnotebooks = **.md a/**b** **/*.md **/c/**\n"
    assert parse_config(text, tmp_path).notebooks == ("*.md", "a/*b*", "**/*.md", "**/c/**")


@pytest.mark.parametrize(
    "said,meant", [("v1.0", "v1.0"), ("v1.0.md", "v1.0"), ("index.rst", "index"), ("./a/b", "a/b")]
)
def test_the_index_is_named_with_or_without_its_ending(tmp_path, said, meant):
    assert parse_config(f"[build]\nindex = {said}\n", tmp_path).index == meant


@pytest.mark.parametrize("said", ["yes", "on", "1", "True"])
def test_what_is_true(tmp_path, said):
    assert parse_config(f"[build]\nwarning_is_error = {said}\n", tmp_path).warning_is_error
