"""d2lbook as an oracle: it compiles the same Markdown, and our notebooks must be its notebooks.

It runs in an environment of its own, .venv-d2lbook, because its pinned packages are old.
"""

import os
import shutil
import subprocess
from itertools import groupby
from pathlib import Path

import nbformat
import pytest
from markdown_it.utils import read_fixture_file

from bookc.config import read_config
from bookc.notebook.compile import compile_notebooks
from bookc.notebook.notebook import make_notebook
from bookc.notebook.tabs import select_tab
from bookc.read.marks import find_marks
from bookc.read.read import read_book

ROOT = Path(__file__).parents[2]
D2LBOOK = ROOT / ".venv-d2lbook" / "bin" / "d2lbook"
TABS = ("pytorch", "tensorflow", "mxnet")


# Ways of writing that neither book uses.
SYNTAX = """\
# Syntax

```{.python .input}
%%tab mxnet, pytorch
x = 1
```

```{.python .input  n=2}
# @tab tensorflow
x = 2
```

```{.python .input}
# A comment before the mark.
#@tab pytorch
y = 1

z = 2
```


:begin_tab:`mxnet`

```bash
pip install mxnet
```

Two paragraphs.

:end_tab:
:begin_tab:`pytorch,tensorflow`
Others.
:end_tab:

```{.bash .input}
ls
```

| a | b |
|---|---|
| 1 | 2 |
:label:`tab_x`

````markdown
```{.python .input}
shown = 1
```
````

```{.python .input}
%%writefile index.md
````toc
first
````
```

~~~{.python .input n=3}
tildes = '''
```
'''
~~~

```{.python .output}
not_an_output = 1
```

```{.python .input}
default = 1
```
"""


@pytest.fixture(scope="module", params=["tiny", "syntax", "book"])
def root(request, tmp_path_factory) -> Path:
    """A copy of a book's sources, with the one key that keeps d2lbook from running it."""
    original = ROOT if request.param == "book" else ROOT / "tests" / "books" / "tiny"
    folder = tmp_path_factory.mktemp(request.param) / "book"
    source = read_config(original).source_dir
    shutil.copytree(
        source, folder / source.relative_to(original), ignore=shutil.ignore_patterns("_build", ".*")
    )
    config = (original / "config.ini").read_text(encoding="utf-8")
    assert "[build]\n" in config
    if request.param == "syntax":
        config = config.replace("warning_is_error = true\n", "")  # ways that lint warns of, too
        (folder / "part" / "cells.md").write_text(SYNTAX, encoding="utf-8")
        (folder / "preface.md").write_text("# Preface\n:label:`sec_preface`\n", encoding="utf-8")
    (folder / "config.ini").write_text(
        config.replace("[build]\n", "[build]\neval_notebook = False\n"), encoding="utf-8"
    )
    return folder


def plain(kind: str, source: str) -> tuple[str, str]:
    """A cell without what the two write differently by choice."""
    lines = source.split("\n")
    if kind == "code":
        # d2lbook leaves #@save, and does not know our other marks.
        for mark in find_marks(source):
            lines[mark.line - 1] = lines[mark.line - 1][: mark.column]
        # It runs isort, which sorts imports and puts empty lines around them.
        lines = [line for line in lines if line.strip()]
        runs = groupby(lines, key=lambda line: line.startswith(("import ", "from ")))
        lines = [line for is_import, run in runs for line in (sorted(run) if is_import else run)]
    else:
        # It puts one empty line between its blocks of prose, wherever there were more or none.
        lines = [line for line in lines if line.strip()]
    return kind, "\n".join(line.rstrip() for line in lines)


def of_d2lbook(root: Path, tab: str, plain=plain) -> dict[str, list]:
    """The cells of each notebook that d2lbook makes, by section path."""
    assert D2LBOOK.exists(), f"{D2LBOOK} is missing: `make .venv-d2lbook/stamp` installs it"
    path = f"{D2LBOOK.parent}{os.pathsep}{os.environ['PATH']}"
    run = subprocess.run(
        [D2LBOOK, "build", "eval", "--tab", tab],
        cwd=root,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    folder = root / "_build" / ("eval" if tab == "pytorch" else f"eval_{tab}")
    notebooks = {}
    for file in folder.rglob("*.ipynb"):
        if file.stat().st_size:  # an empty file says that the section has no code for the tab
            cells = nbformat.read(file, as_version=4).cells
            name = file.relative_to(folder).with_suffix("").as_posix()
            notebooks[name] = [plain(cell.cell_type, cell.source) for cell in cells]
    return notebooks


def of_bookc(root: Path, tab: str) -> dict[str, list[tuple[str, str]]]:
    book, _ = read_book(root)
    notebooks = {}
    for chapter in book.chapters:
        if (selected := select_tab(chapter, tab)) is not None:
            cells = make_notebook(selected, tab).cells
            notebooks[chapter.path] = [plain(cell.cell_type, cell.source) for cell in cells]
    return notebooks


@pytest.mark.parametrize("tab", TABS)
def test_the_notebooks_are_those_of_d2lbook(root, tab):
    theirs, ours = of_d2lbook(root, tab), of_bookc(root, tab)
    assert sorted(ours) == sorted(theirs)
    for path in ours:
        assert ours[path] == theirs[path], path
    assert any(kind == "code" for cells in ours.values() for kind, _ in cells)


FAULTS = read_fixture_file(ROOT / "tests" / "fixtures" / "d2lbook-faults.md")
PROSE_FAULTS = read_fixture_file(ROOT / "tests" / "fixtures" / "d2lbook-faults-prose.md")
FAULTY_CONFIG = r"""[build]
eval_notebook = False
tabs = pytorch, mxnet

[library-mxnet]
lib_name = np
simple_alias = stack
fluent_alias = reduce_sum -> sum
reverse_alias = d2l.transpose\(([\w]+)\) -> \1.T
"""


@pytest.fixture(scope="module")
def faulty(tmp_path_factory):
    """A book with a section for each fault, and what the two make of its mxnet tab."""
    root = tmp_path_factory.mktemp("faults")
    (root / "config.ini").write_text(FAULTY_CONFIG)
    opening = "# F\n\n```{.python .input}\n%%tab mxnet\n"
    sections = {"shared": "# S\n\n```{.python .input}\n%%tab all\nx = 1\n```\n"}
    for number, (_, _, source, _) in enumerate(FAULTS):
        sections[f"fault{number}"] = f"{opening}{source}```\n"
    for number, (_, _, source, _) in enumerate(PROSE_FAULTS):
        sections[f"prose{number}"] = f"{opening}x = 0\n```\n\n{source}"
    (root / "index.md").write_text("# Faults\n```toc\n" + "\n".join(sections) + "\n```\n")
    for name, text in sections.items():
        (root / f"{name}.md").write_text(text)
    book, _ = read_book(root)
    ours = compile_notebooks(book, None, ["mxnet"])
    cells = {
        path: [(cell.cell_type, cell.source) for cell in nb.cells] for (_, path), nb in ours.items()
    }
    return of_d2lbook(root, "mxnet", plain=lambda kind, source: (kind, source)), cells


@pytest.mark.parametrize("number", range(len(FAULTS)), ids=[fault[1] for fault in FAULTS])
def test_where_d2lbook_is_wrong(faulty, number):
    theirs, ours = (made[f"fault{number}"][1][1] for made in faulty)
    assert f"{theirs}\n---\n{ours}\n" == FAULTS[number][3]


def shown(cells: list[tuple[str, str]]) -> str:
    lines = []
    for kind, source in cells:
        lines.append(kind)
        lines += [f"| {line}".rstrip() for line in source.removesuffix("\n").split("\n")]
    return "".join(f"{line}\n" for line in lines)


@pytest.mark.parametrize(
    "number", range(len(PROSE_FAULTS)), ids=[fault[1] for fault in PROSE_FAULTS]
)
def test_where_d2lbook_is_wrong_about_prose(faulty, number):
    theirs, ours = (shown(made[f"prose{number}"][2:]) for made in faulty)
    assert f"{theirs}---\n{ours}" == PROSE_FAULTS[number][3]


def test_a_section_that_all_tabs_share_is_for_all_of_them(faulty):
    """d2lbook makes it for the default tab alone, as if no tab had code there."""
    theirs, ours = faulty
    assert "shared" not in theirs
    assert ours["shared"] == [("markdown", "# S"), ("code", "x = 1")]
