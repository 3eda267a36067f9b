"""Equations are tied to the cells that check them."""

import re

BOOK = """\
# Book

$$x = 1 + 2$$
:eqlabel:`eq_sum`

$$y =
  \\log 2 - x$$
:eqlabel:`eq_log`

```{.python .input}
#@checks eq_sum SUM
assert 1 + 2 == 3
```
"""
CONFIG = "[build]\nnotebooks = *.md\ntabs = pytorch\n"


def test_a_cell_checks_the_formula_that_it_was_written_for(make_book, bookc):
    root = make_book({"config.ini": CONFIG, "index.md": BOOK})
    run = bookc("lint", "--book", root)
    said = re.search(r"index\.md:11:1: eq_sum .index\.md:4. is another formula.*(#@checks .*)$",
                     run.stderr, re.M)  # fmt: skip
    assert run.returncode == 1 and said, run.stderr
    mended = BOOK.replace("#@checks eq_sum SUM", said[1])
    (root / "index.md").write_text(mended)
    run = bookc("lint", "--equations", "--book", root)
    assert (run.returncode, run.stderr) == (0, "")
    assert re.search(r"^index\.md:8: no cell checks eq_log \(#@checks eq_log \w{4}\)$", run.stdout,
                     re.M)  # fmt: skip
    assert "1 of 2 numbered equations are checked by a cell\n" in run.stdout
    # Layout is no change; a sign is one.
    (root / "index.md").write_text(mended.replace("x = 1 + 2", "x  =\n1 + 2"))
    assert bookc("lint", "--book", root).returncode == 0
    (root / "index.md").write_text(mended.replace("x = 1 + 2", "x = 1 - 2"))
    assert bookc("lint", "--book", root).returncode == 1
    (root / "index.md").write_text(mended.replace("#@checks eq_sum", "#@checks eq_som"))
    assert "#@checks eq_som: no equation has this label" in bookc("lint", "--book", root).stderr


def test_notebooks_do_not_have_the_mark(make_book, bookc):
    root = make_book({"config.ini": CONFIG, "index.md": BOOK})
    assert bookc("build", "notebooks", "--book", root).returncode == 0
    assert "@checks" not in (root / "_build/notebooks/pytorch/index.ipynb").read_text()
