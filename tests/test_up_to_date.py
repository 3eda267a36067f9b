"""Nothing changed: nothing is compiled; anything changed: all of it is."""

import time

import pytest


@pytest.fixture
def compile_again(tiny, bookc):
    def run(*more):
        return bookc("build", "notebooks", "--book", tiny, *more).stdout.rsplit(",", 1)[1].strip()

    assert run() != "0 changed"
    return run


def test_nothing_changed(tiny, compile_again):
    stamps = list((tiny / "_build" / "stamps").iterdir())
    before = stamps[0].stat().st_mtime_ns
    assert compile_again() == "0 changed"
    assert stamps[0].stat().st_mtime_ns == before  # it was not compiled to find that out


@pytest.mark.parametrize("name", ["preface.md", "config.ini", "refs.bib"])
def test_a_changed_source(tiny, compile_again, name):
    file = tiny / name
    file.write_text(file.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    stamp = next((tiny / "_build" / "stamps").iterdir())
    before = stamp.read_text()
    compile_again()
    assert stamp.read_text() != before


def test_a_changed_or_lost_output(tiny, compile_again):
    notebook = next((tiny / "_build" / "notebooks" / "mxnet").rglob("*.ipynb"))
    text = notebook.read_text()
    notebook.unlink()
    assert compile_again() == "1 changed"
    time.sleep(0.01)
    notebook.write_text(text.replace("cells", "CELLS"))
    assert compile_again() == "1 changed"
    assert notebook.read_text() == text
    assert compile_again("--raw") != "0 changed"


def test_a_broken_stamp_is_no_stamp(tiny, compile_again):
    for text in ("", "[]", "{}", '{"inputs": 1, "outputs": 2}'):
        next((tiny / "_build" / "stamps").iterdir()).write_text(text)
        assert compile_again() == "0 changed"
