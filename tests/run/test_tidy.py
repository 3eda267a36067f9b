"""What is made of outputs before they are recorded."""

import base64
import io

import nbformat
import numpy as np
import pytest
from PIL import Image

from bookc.run.lint_record import lint_notebook
from bookc.run.tidy import settle, shrunk, tidy
from bookc.run.tolerance import settled_text


def notebook(*outputs: nbformat.NotebookNode, source: str = "run()"):
    cell = nbformat.v4.new_code_cell(source, outputs=list(outputs), execution_count=1)
    cell.metadata["bookc"] = {"source": "page.md", "line": 4}
    return nbformat.v4.new_notebook(cells=[cell], metadata={"bookc": {"seconds": 1.0}})


def stream(text: str, name: str = "stdout"):
    return nbformat.v4.new_output("stream", name=name, text=text)


def png(picture: Image.Image) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, format="png")
    return base64.b64encode(buffer.getvalue()).decode()


def pixels(data: str) -> np.ndarray:
    with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
        return np.asarray(picture.convert("RGB"), float)


def test_a_machine_leaves_no_trace():
    made = notebook(
        stream("\x1b[31m/opt/lib/python/keras/x.py\x1b[0m of /opt/lib/python and /opt/lib/book/a"),
        stream("/tmp/ipykernel_12/345.py:2: UserWarning: w\n('/var/tmp/ipykernel_1/2.py')"),
    )
    tidy(made, ["/opt/lib/python", "/opt/lib/book/", "/opt/lib"])
    texts = [output.text for output in made.cells[0].outputs]
    assert texts == ["keras/x.py of . and a", "<cell 1>:2: UserWarning: w\n('<cell 1>')"]
    assert made.cells[0].metadata.tags == ["nbval-ignore-output"]


@pytest.mark.parametrize(
    "text",
    ["12 examples/sec on cuda:0", "took 1.2 s", "1min 3s", "0x7f00aa11", "3 μs ± 2 ns",
     "5.1 ms (mean ± std. dev. of 7 runs, 100 loops each)"],
)  # fmt: skip
def test_what_varies_is_tagged_unless_its_author_checks_it(text):
    made = notebook(stream(text))
    tidy(made, [])
    assert made.cells[0].metadata.tags == ["nbval-ignore-output"]
    assert list(lint_notebook(made, "n")) == []
    checked = notebook(stream(text), source="# NBVAL_CHECK_OUTPUT\nrun()")
    tidy(checked, [])
    assert "tags" not in checked.cells[0].metadata


def test_pictures_lose_bytes_and_not_their_look():
    x, y = np.meshgrid(np.arange(200), np.arange(150))
    smooth = np.stack([x, y + 50, 255 - x], axis=-1).astype("uint8")
    curve = np.full((150, 200, 3), 255, "uint8")
    curve[(y - 75 - 50 * np.sin(x / 20)) ** 2 < 9] = (31, 119, 180)
    for look in (smooth, curve):
        before = png(Image.fromarray(look).convert("RGBA"))
        after = shrunk(before)
        assert len(after) < len(before)
        assert np.sqrt(np.mean((pixels(after) - pixels(before)) ** 2)) < 2
    noise = np.random.default_rng(0).integers(0, 256, (60, 80, 3)).astype("uint8")
    assert np.array_equal(pixels(shrunk(png(Image.fromarray(noise)))), noise)
    for odd in ("", "bm8gcGljdHVyZQ==", "=!", png(Image.fromarray(noise))[:100]):
        assert shrunk(odd) == odd


def test_a_picture_that_is_the_same_in_the_dark_is_kept_once():
    photograph = png(Image.new("RGB", (40, 40), (10, 20, 30)))
    display = nbformat.v4.new_output(
        "display_data", data={"image/png": photograph}, metadata={"image/x-dark+png": photograph}
    )
    made = notebook(display)
    assert any("same picture twice" in str(fault) for fault in lint_notebook(made, "n"))
    tidy(made, [])
    assert made.cells[0].outputs[0].metadata == {}
    assert list(lint_notebook(made, "n")) == []


def test_another_run_changes_nothing_where_only_time_has_passed():
    def run(rate: str, loss: str, seconds: float, source: str = "run()"):
        made = notebook(stream(f"loss {loss}, {rate} examples/sec on cpu"), source=source)
        made.metadata.bookc.seconds = seconds
        return made

    old = run("9.5", "0.5", 3.0)
    same, other, changed = (
        run("11", "0.5", 4.0),
        run("11", "0.6", 4.0),
        run("11", "0.5", 4.0, "f()"),
    )
    for made in (same, other, changed):
        settle(made, old)
    assert same.cells[0].outputs == old.cells[0].outputs and same.metadata == old.metadata
    assert "0.6, 11" in other.cells[0].outputs[0].text and other.metadata.bookc.seconds == 4.0
    assert "0.5, 11" in changed.cells[0].outputs[0].text


@pytest.mark.parametrize(
    ("output", "fault"),
    [
        (stream("\x1b[1mbold"), "has escapes of a terminal"),
        (stream("saved in /home/ann/x.pt"), "names a place on a machine: /home/ann/x.pt"),
        (stream("(C:\\Users\\ann)"), "names a place on a machine: C:\\Users\\ann)"),
        (stream("at /tmp/ipykernel_3/4.py"), "names a place on a machine: /tmp/ipykernel_3/4.py"),
        (stream("x.py:3: FutureWarning: soon", "stderr"), "shows a warning: x.py:3: FutureWarning"),
        (stream("took 3 s"), "differs from run to run, and has no tag nbval-ignore-output"),
        (
            nbformat.v4.new_output("display_data", data={"image/png": "A" * 300_000}),
            "has a picture of 225 KB: 150 KB are allowed",
        ),
    ],
)
def test_the_lint_of_records(output, fault):
    (found,) = lint_notebook(notebook(output), "notebooks/pytorch/page.ipynb")
    assert str(found).startswith(f"notebooks/pytorch/page.ipynb: cell 1 (page.md:4) {fault}")


def test_a_record_too_many_and_one_too_large(make_book, bookc):
    page = "# Page\n\n```{.python .input}\nprint('fine')\n```\n"
    root = make_book({"config.ini": "[build]\nnotebooks = *.md\ntabs = t\n", "index.md": page})
    assert bookc("execute", "--book", root).returncode == 0
    assert bookc("lint", "--record", "--book", root).returncode == 0
    (root / "notebooks/t/gone.ipynb").write_bytes(b" " * 1_100_000)
    with (root / "config.ini").open("a") as config:
        config.write("[bookc]\nrecord_limit = 1\n")
    run = bookc("lint", "--record", "--book", root)
    assert run.returncode == 1
    assert "notebooks/t/gone.ipynb: no section has this notebook" in run.stderr
    assert "notebooks: 1.1 MB, and record_limit in config.ini is 1\n" in run.stderr


@pytest.mark.parametrize(
    ("new", "old", "is_near"),
    [
        ("loss 0.5004", "loss 0.5", True),
        ("loss 0.502", "loss 0.5", False),
        ("loss -0.5", "loss 0.5", False),
        ("1000.9", "1000", True),  # of a large number, a part of it
        ("1002", "1000", False),
        ("[1.0, 2.0]", "[1.0,  2.0001]", True),
        ("[1.0]", "[1.0, 2.0]", False),
        ("cost 0.5", "loss 0.5", False),
        ("nan", "0.5", False),
        ("1e-9", "2.5e-8", True),
        ("v1.2", "v1.3", False),  # a version is no number
    ],
)
def test_near_numbers(new, old, is_near):
    assert settled_text(new, old, 1e-3) == (old if is_near else new)
