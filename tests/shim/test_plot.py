"""Figures: in a real Jupyter kernel, and in a plain script."""

from __future__ import annotations

import base64
import csv
import importlib
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib
import nbclient
import nbformat
import numpy as np
import pytest
from frameworks import FRAMEWORKS
from PIL import Image

matplotlib.use("Agg")

from d2l_shim import plot as shim

CELLS = {
    "imports": f"""\
%matplotlib inline
import time
import matplotlib
import numpy as np
from d2l_shim import {FRAMEWORKS[0]} as d2l
before = dict(matplotlib.rcParams)""",
    "training": """\
animator = d2l.Animator(xlabel='epoch', ylabel='loss', xlim=[1, 20], nrows=2,
                        figsize=(5, 5), legend=['discriminator', 'generator'])
animator.fig.subplots_adjust(hspace=0.3)
updates = 0
original = type(animator._display)._png
def counted(display):
    global updates
    updates += 1
    return original(display)
type(animator._display)._png = counted
for epoch in range(1, 21):
    grid = np.full((3 * 64, 7 * 64, 3), (0, 0, 255) if epoch == 20 else (255, 0, 0), np.uint8)
    animator.axes[1].cla()
    animator.axes[1].imshow(grid)
    animator.add(epoch, (1 / epoch, 2 / epoch))
    time.sleep(0.05)
print('loss 0.123')""",
    "updates": "print(1 < updates < 8)",
    "many": """\
start = time.perf_counter()
animator = d2l.Animator(legend=['a'])
for i in range(1000):
    animator.add(i, i)
print(time.perf_counter() - start < 20, len(animator.Y[0]))""",
    "noise": """\
rng = np.random.default_rng(0)
animator = d2l.Animator(nrows=2, figsize=(5, 5))
animator.axes[1].imshow(rng.random((3 * 64, 7 * 64, 3)))
animator.add(1, 2)""",
    "after show": """\
animator = d2l.Animator()
animator.add(1, 2)
animator.show()
animator.axes[0].set_title('later')
animator.fig.savefig('/dev/null', format='png')
animator.add(2, 3)""",
    "error": """\
animator = d2l.Animator()
animator.add(1, 2)
animator.add(2, 3)
raise KeyboardInterrupt""",
    "unused": "animator = d2l.Animator()",
    "plot": "d2l.plot([1, 2, 3], [[1, 2, 3], [3, 2, 1]], 'x', 'y', legend=['a', 'b'])",
    "two plots": "d2l.plot([1, 2])\nd2l.plot([3, 4])",
    "images": "d2l.show_images(rng.random((21, 64, 64, 3)), 3, 7)",
    "titles": """\
for ax in d2l.show_images(list(rng.random((4, 32, 32))), 2, 2, titles='abcd', scale=1):
    ax.set_title('changed')""",
    "scatter": "d2l.plt.scatter([1, 2], [3, 4]);",
    "state": """\
after = dict(matplotlib.rcParams)
print([key for key in before if before[key] != after[key]], d2l.plt.get_fignums())""",
}
ONE_PICTURE = [
    "training",
    "many",
    "noise",
    "after show",
    "error",
    "plot",
    "images",
    "titles",
    "scatter",
]


@pytest.fixture(scope="module")
def outputs() -> dict[str, list[Any]]:
    """The outputs of the executed cells, by name."""
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS.values()]
    cells[list(CELLS).index("error")].metadata["tags"] = ["raises-exception"]
    notebook = nbformat.v4.new_notebook(cells=cells)
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    return {name: cell.outputs for name, cell in zip(CELLS, notebook.cells, strict=True)}


def pictures(cell: list[Any]) -> list[bytes]:
    return [
        base64.b64decode(output.data["image/png"])
        for output in cell
        if "image/png" in output.get("data", {})
    ]


def text(cell: list[Any]) -> str:
    return "".join(output.text for output in cell if output.output_type == "stream")


@pytest.mark.parametrize("name", ONE_PICTURE)
def test_one_picture_below_150_kb(outputs: dict[str, list[Any]], name: str) -> None:
    shown = [output for output in outputs[name] if output.output_type not in ("stream", "error")]
    assert len(shown) == len(pictures(outputs[name])) == 1
    assert shown[0].output_type == "display_data"
    assert shown[0].data["text/plain"].startswith("<Figure size")
    assert len(pictures(outputs[name])[0]) < 150_000


def test_animator_ends_with_the_last_state(outputs: dict[str, list[Any]]) -> None:
    with Image.open(io.BytesIO(pictures(outputs["training"])[0])) as picture:
        pixels = np.asarray(picture.convert("RGB")).reshape(-1, 3)
    assert text(outputs["training"]) == "loss 0.123\n"
    assert (pixels == (0, 0, 255)).all(axis=1).mean() > 0.1
    assert (pixels == (255, 0, 0)).all(axis=1).mean() == 0


def test_animator_redraws_a_few_times_a_second(outputs: dict[str, list[Any]]) -> None:
    assert text(outputs["updates"]) == "True\n"
    assert text(outputs["many"]) == "True 1000\n"


def test_what_shows_nothing(outputs: dict[str, list[Any]]) -> None:
    assert outputs["unused"] == []  # an Animator without points
    assert outputs["imports"] == []


def test_each_plot_has_its_picture(outputs: dict[str, list[Any]]) -> None:
    assert len(pictures(outputs["two plots"])) == 2


DARK_CELLS = {
    "imports": CELLS["imports"],
    "animator": """\
animator = d2l.Animator(xlabel='x', legend=['a', 'b', 'c', 'd'], nrows=2, figsize=(4, 4))
animator.axes[1].imshow(np.full((8, 8, 3), (250, 10, 10), np.uint8))
for i in range(5):
    animator.add(i, (i, 4 - i, 2, i / 2))""",
    "after": "print(animator.fig.get_facecolor()[:3], animator.axes[0].title.get_color())",
    "pyplot": "d2l.plt.scatter([1, 2], [3, 4], c='k');",
    "plot": CELLS["plot"],
}


def luminance(color: Any) -> Any:
    """Relative luminance of sRGB colours in [0, 1], by WCAG 2."""
    c = np.asarray(color, float)
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    return linear @ (0.2126, 0.7152, 0.0722)


def test_pictures_for_dark_pages() -> None:
    cells = [nbformat.v4.new_code_cell(source) for source in DARK_CELLS.values()]
    notebook = nbformat.v4.new_notebook(cells=cells)
    environment = {**os.environ, "D2L_DARK": "1"}
    client = nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3")
    client.execute(env=environment)
    shown = dict(zip(DARK_CELLS, (cell.outputs for cell in notebook.cells), strict=True))
    for name in ("animator", "pyplot", "plot"):
        (output,) = (one for one in shown[name] if one.output_type == "display_data")
        light, dark = (
            np.asarray(Image.open(io.BytesIO(base64.b64decode(output.data[kind]))).convert("RGB"))
            for kind in ("image/png", shim.DARK_PNG)
        )
        assert light.shape == dark.shape
        assert np.median(light) > 250 and np.median(dark) < 30
        # The letters and the frame: the lightest grey stands out from the paper.
        assert luminance(dark.reshape(-1, 3) / 255).max() > 0.5
    red = (dark_pixels(shown["animator"]) == (250, 10, 10)).all(axis=1).mean()
    assert red > 0.05  # an image stays as it is
    assert text(shown["after"]) == "(1.0, 1.0, 1.0) black\n"


def dark_pixels(cell: list[Any]) -> np.ndarray:
    data = next(o.data[shim.DARK_PNG] for o in cell if o.output_type == "display_data")
    with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
        return np.asarray(picture.convert("RGB")).reshape(-1, 3)


@pytest.mark.parametrize("color", ["C0", "m", "g", "r", "C1", "k", "gray"])
def test_lines_stand_out_on_dark_paper(color: str) -> None:
    line, paper = (luminance(shim._darker(one)[0, :3]) for one in (color, "white"))
    assert (line + 0.05) / (paper + 0.05) > 3  # WCAG 2 asks this of graphics


def test_only_a_record_has_pictures_for_dark_pages(outputs: dict[str, list[Any]]) -> None:
    kinds = {kind for cell in outputs.values() for one in cell for kind in one.get("data", {})}
    assert kinds == {"image/png", "text/plain"}


def test_no_global_state_is_left(outputs: dict[str, list[Any]]) -> None:
    assert text(outputs["state"]) == "[] []\n"


# --- In a plain script ----------------------------------------------------------------


@pytest.fixture(autouse=True)
def _close() -> Any:
    yield
    shim.plt.close("all")


def test_animator_keeps_its_data(tmp_path: Path) -> None:
    animator = shim.Animator(xlabel="epoch", legend=["d", "g"], nrows=2)
    animator.add(1, (0.5, None))
    animator.add((2, 3), np.array([0.25, 0.75]))
    assert animator.X == [[1.0, 2.0], [3.0]]
    assert animator.Y == [[0.5, 0.25], [0.75]]
    assert len(animator.axes) == len(animator.fig.axes) == 2
    animator.to_csv(tmp_path / "curves.csv")
    with (tmp_path / "curves.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["curve", "x", "y"],
        ["d", "1.0", "0.5"],
        ["d", "2.0", "0.25"],
        ["g", "3.0", "0.75"],
    ]


def test_animator_draws_curves_and_keeps_what_else_is_there() -> None:
    animator = shim.Animator(xlim=[1, 3], yscale="log", legend=["a"])
    animator.axes[0].axhline(0.69, color="gray")
    animator.add(1, 1)
    (curve,) = [line for line in animator.axes[0].lines if line.get_label() == "a"]
    assert curve.get_marker() == "o"  # one point would not be seen as a line
    animator.add(2, 10)
    assert curve.get_marker() == "None"
    assert curve.get_xydata().tolist() == [[1, 1], [2, 10]]
    assert len(animator.axes[0].lines) == 2
    assert animator.axes[0].get_xlim() == (1, 3) and animator.axes[0].get_yscale() == "log"
    assert [t.get_text() for t in animator.axes[0].get_legend().get_texts()] == ["a"]


def test_animator_takes_more_curves_than_formats() -> None:
    animator = shim.Animator(xlim=[1, 1])  # one epoch: an axis without extent
    animator.add(1, range(6))
    assert len(animator.axes[0].lines) == 6


def test_animator_refuses_another_number_of_curves() -> None:
    animator = shim.Animator()
    animator.add(1, (1, 2))
    with pytest.raises(ValueError, match="expected 2 values, got 3 for x and 3 for y"):
        animator.add(2, (1, 2, 3))


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_animator_takes_tensors(framework: str) -> None:
    d2l = importlib.import_module(f"d2l_shim.{framework}")
    animator = shim.Animator()
    animator.add(1, d2l.tensor(4.0))
    animator.add(d2l.tensor([2]), d2l.tensor([[5.0]]))
    animator.add(3, [d2l.tensor([6])])
    assert animator.Y == [[4.0, 5.0, 6.0]]


@pytest.mark.needs("torch")
def test_animator_takes_tensors_with_gradient() -> None:
    import torch

    animator = shim.Animator()
    animator.add(1, torch.tensor(2.0, requires_grad=True) * 2)
    assert animator.Y == [[4.0]]


def test_works_without_display_and_kernel() -> None:
    code = (
        "from d2l_shim.plot import Animator, plot, show_images, set_figsize\n"
        "import numpy as np\n"
        "set_figsize((3, 2)); plot([1, 2]); show_images(np.zeros((1, 8, 8, 3)), 1, 1)\n"
        "a = Animator(); a.add(1, 1); a.show(); a.fig.savefig('/dev/null', format='png')\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        check=False,
        capture_output=True,
        text=True,
        env={"PATH": "", "HOME": "/tmp"},
        cwd=Path(shim.__file__).parents[1],
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("X", "Y", "expected"),
    [
        ([1, 4], None, [[[0, 1], [1, 4]]]),
        ([[1, 4], [2, 3]], None, [[[0, 1], [1, 4]], [[0, 2], [1, 3]]]),
        ([1, 2], [3, 4], [[[1, 3], [2, 4]]]),
        (np.array([1, 2]), [np.array([3, 4]), [5, 6]], [[[1, 3], [2, 4]], [[1, 5], [2, 6]]]),
        ([[1, 2], [3]], [[3, 4], [5]], [[[1, 3], [2, 4]], [[3, 5]]]),
    ],
)
def test_plot_forms(X: Any, Y: Any, expected: list[Any]) -> None:
    shim.plot(X, Y, xlabel="x", legend=["a", "b"][: len(expected)])
    axes = shim.plt.gca()
    assert [line.get_xydata().tolist() for line in axes.lines] == expected
    assert axes.get_xlabel() == "x"


@pytest.mark.needs("torch", "tensorflow")
def test_plot_of_tensors() -> None:
    import tensorflow as tf
    import torch

    shim.plot(torch.arange(2), [torch.ones(2, requires_grad=True), tf.zeros(2)])
    assert [line.get_ydata().tolist() for line in shim.plt.gca().lines] == [[1, 1], [0, 0]]


def test_plot_places() -> None:
    shim.plot([1, 2])
    first = shim.plt.gca()
    shim.plot([3, 4])  # the axes are taken: a new figure
    assert shim.plt.gca() is not first
    assert shim.plt.gcf().get_size_inches().tolist() == [3.5, 2.5]
    figure, (left, right) = shim.plt.subplots(1, 2)
    shim.plot([5, 6], axes=left)
    shim.plot([7, 8])  # the current axes, right, are free
    assert len(figure.axes) == 2 and len(left.lines) == len(right.lines) == 1


def test_plot_refuses() -> None:
    with pytest.raises(ValueError, match="2 vectors in X for 3 in Y"):
        shim.plot([[1], [2]], [[1], [2], [3]])


def test_show_images() -> None:
    axes = shim.show_images(np.zeros((5, 8, 8, 3), np.uint8), 2, 3, titles="abcde")
    assert len(axes) == 6
    assert [len(ax.images) for ax in axes] == [1, 1, 1, 1, 1, 0]
    assert axes[1].get_title() == "b"
    assert len(shim.show_images(np.zeros((5, 8, 8)), 1, 2)) == 2
    assert len(shim.show_images([np.zeros((8, 8, 1))], 1, 1)) == 1


def test_show_images_refuses() -> None:
    with pytest.raises(ValueError, match=r"values from -1 to 1; expected \[0, 1\]"):
        shim.show_images([np.linspace(-1, 1, 12).reshape(2, 2, 3)], 1, 1)
    with pytest.raises(ValueError, match=r"shape \(3, 8, 8\)"):
        shim.show_images(np.zeros((1, 3, 8, 8)), 1, 1)
