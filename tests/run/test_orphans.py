"""Executed notebooks whose section was renamed or deleted."""

import pytest
from test_kernels import ONE_TAB, cells


@pytest.fixture
def root(make_book, bookc):
    root = make_book(
        {"config.ini": ONE_TAB, "index.md": cells("1"), "old.md": cells("print('kept')"),
         "gone.md": cells("print('gone')")}
    )  # fmt: skip
    assert bookc("execute", "--book", root).returncode == 0
    (root / "gone.md").unlink()
    return root


def test_a_renamed_section_keeps_its_record(root, bookc):
    before = (root / "notebooks/pytorch/old.ipynb").read_bytes()
    (root / "part").mkdir()
    (root / "old.md").rename(root / "part" / "new.md")
    run = bookc("execute", "--book", root)
    assert (run.returncode, run.stderr) == (0, "")
    assert "notebooks/pytorch/old.ipynb has the code of part/new: renamed to " in run.stdout
    assert "nothing to execute" in run.stdout
    assert (root / "notebooks/pytorch/part/new.ipynb").read_bytes() == before
    assert not (root / "notebooks/pytorch/old.ipynb").exists()
    assert bookc("test", "--book", root, "part/new").returncode == 0


def test_other_code_inherits_nothing(root, bookc):
    (root / "old.md").rename(root / "new.md")
    (root / "new.md").write_text(cells("print('kept')", "2"))
    run = bookc("execute", "--book", root)
    assert "renamed" not in run.stdout and "pytorch new ran in" in run.stdout
    assert (root / "notebooks/pytorch/old.ipynb").exists()


def test_what_no_section_has_is_told_and_removed(root, bookc):
    run = bookc("lint", "--record", "--book", root)
    assert "notebooks/pytorch/gone.ipynb: no section has this notebook" in run.stderr
    (root / "notebooks/pytorch/notes.txt").write_text("mine")
    run = bookc("clean", "--record", "--book", root)
    assert (run.returncode, run.stderr) == (0, "")
    assert "1 executed notebooks removed" in run.stdout
    left = sorted(file.name for file in (root / "notebooks/pytorch").iterdir())
    assert left == ["index.ipynb", "notes.txt", "old.ipynb", "requirements.txt"]
