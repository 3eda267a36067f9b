"""Figures for every framework: plot, show_images, and Animator, which redraws in place.

matplotlib is imported when the first figure is drawn, not before.
"""

from __future__ import annotations

import base64
import contextlib
import csv
import importlib
import io
import itertools
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DPI = 100
_MAX_BYTES = 140_000  # of one PNG, so that notebooks stay small
_FMTS = ("-", "m--", "g-.", "r:")

DARK_PNG = "image/x-dark+png"
"""The type under which a figure's picture for dark pages stands beside its PNG."""
_DARK_PAPER, _DARK_INK = 0.09, 0.88  # grey levels that white and black become


class _Pyplot:
    """matplotlib.pyplot, imported when it is first used."""

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module("matplotlib.pyplot"), name)

    def __dir__(self) -> Iterable[str]:
        return dir(importlib.import_module("matplotlib.pyplot"))


plt: Any = _Pyplot()
"""matplotlib.pyplot, imported when it is first used."""


def to_numpy(x: Any) -> NDArray[Any]:
    """A tensor of any framework, on any device and with a gradient or not, or a list."""
    if hasattr(x, "detach") and hasattr(x, "cpu"):  # PyTorch
        x = x.detach().cpu()
        if x.dtype.is_floating_point and x.dtype.itemsize == 2:
            x = x.float()  # NumPy has no bfloat16
        return np.asarray(x.numpy())
    if hasattr(x, "asnumpy"):  # MXNet
        return np.asarray(x.asnumpy())
    if hasattr(x, "numpy"):  # TensorFlow
        return np.asarray(x.numpy())
    return np.asarray(x)


def _number(x: Any) -> float:
    return float(to_numpy(x).reshape(()) if hasattr(x, "shape") else x)


def _list(x: Any) -> list[Any]:
    """`x` as a list; a number or a tensor without axes becomes a list of one."""
    if isinstance(x, np.ndarray) or hasattr(x, "shape"):
        return list(to_numpy(x).reshape(-1))
    return list(x) if hasattr(x, "__len__") else [x]


# --- Showing a figure in a notebook ---------------------------------------------------


def _kernel_shell() -> Any:
    """The IPython shell, where it belongs to a Jupyter kernel; else None."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell if getattr(shell, "kernel", None) is not None else None


def _new_figure(**kwargs: Any) -> Figure:
    """A figure that only we display, in a kernel; pyplot's own elsewhere."""
    if _kernel_shell() is None:
        figure: Figure = plt.figure(**kwargs)
        return figure
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as BareFigure

    # Outside pyplot's list, so that the inline backend does not show it a second time.
    bare = BareFigure(**kwargs)
    FigureCanvasAgg(bare)
    return bare


class _Display:
    """The one picture of a figure in a notebook, made anew in place."""

    def __init__(self, figure: Figure) -> None:
        self.figure = figure
        self.changed = True
        self._handle: Any = None
        self._box: Any = None

    def _png(self) -> bytes:
        """The figure as PNG, cut to what is drawn, below `_MAX_BYTES`."""
        from matplotlib.transforms import Bbox
        from PIL import Image

        # The union of all boxes so far: the picture does not jump as labels change.
        box = self.figure.get_tightbbox().padded(0.1)
        self._box = box if self._box is None else Bbox.union([self._box, box])
        dpi = _DPI
        while True:
            buffer = io.BytesIO()
            self.figure.savefig(buffer, format="png", dpi=dpi, bbox_inches=self._box)
            if buffer.tell() > _MAX_BYTES:
                # Noise, as from an untrained generator, does not compress; 256 colours do.
                with Image.open(buffer) as image:
                    reduced = image.convert("RGB").quantize(256)
                buffer = io.BytesIO()
                reduced.save(buffer, format="png", optimize=True)
            if buffer.tell() <= _MAX_BYTES or dpi <= 30:
                return buffer.getvalue()
            dpi = int(dpi * 0.8)

    def draw(self) -> None:
        """Show the figure as it is now: in the notebook, or in pyplot's window."""
        self.changed = False
        if _kernel_shell() is None:
            self.figure.canvas.draw_idle()
            self.figure.canvas.flush_events()
            return
        from IPython.display import display

        width, height = self.figure.get_size_inches() * _DPI
        text = f"<Figure size {width:.0f}x{height:.0f} with {len(self.figure.axes)} Axes>"
        data: dict[str, Any] = {"image/png": self._png(), "text/plain": text}
        if _wants_dark():
            with _in_the_dark(self.figure):
                data[DARK_PNG] = base64.b64encode(self._png()).decode()
        if self._handle is None:
            self._handle = display(data, raw=True, display_id=True)
        else:
            self._handle.update(data, raw=True)
        self.figure.stale = False


# --- Pictures for dark pages ----------------------------------------------------------


def _wants_dark() -> bool:
    """Whether each figure of a notebook also gets a picture for dark pages."""
    return os.environ.get("D2L_DARK") == "1"


def _darker(colors: Any) -> Any:
    """Greys from white to black as greys from dark to light; other colours a little lighter."""
    from matplotlib.colors import to_rgba_array

    rgba = to_rgba_array(colors)
    grey = np.ptp(rgba[:, :3], axis=1) < 0.02
    rgba[grey, :3] = _DARK_INK + (_DARK_PAPER - _DARK_INK) * rgba[grey, :3]
    rgba[~grey, :3] += 0.25 * (1 - rgba[~grey, :3])
    return rgba


@contextlib.contextmanager
def _in_the_dark(figure: Figure) -> Iterator[None]:
    """Let everything grey in a figure, its paper and its ink, fit a dark page meanwhile."""
    names = ("color", "facecolor", "edgecolor", "markeredgecolor", "markerfacecolor")
    # All are read before the first is set: an axes and its patch share theirs.
    found: list[tuple[Any, Any]] = []
    for artist in figure.findobj():
        for name in names:
            get, put = (getattr(artist, f"{verb}_{name}", None) for verb in ("get", "set"))
            if get is not None and put is not None:
                color = get()
                if color is not None and not (isinstance(color, str) and color == "none"):
                    found.append((put, color))
    try:
        for put, color in found:
            dark = _darker(color)
            put(dark if np.ndim(color) == 2 else tuple(dark[0]))
        yield
    finally:
        for put, color in found:
            put(color)


def _dark_picture(figure: Figure) -> str:
    """A figure for a dark page as base64, of the size that the inline backend gives it."""
    from IPython.core.pylabtools import print_figure

    with _in_the_dark(figure):
        return str(print_figure(figure, "png", base64=True))


def _show_figures_in_the_dark() -> None:
    """Let the kernel give a dark picture to figures that the inline backend shows."""
    from IPython.core.formatters import BaseFormatter
    from traitlets import ObjectName, Unicode

    class DarkFormatter(BaseFormatter):
        format_type = Unicode(DARK_PNG)
        print_method = ObjectName("_repr_dark_png_")
        _return_type = str

    formatter: Any = DarkFormatter()
    formatter.for_type_by_name("matplotlib.figure", "Figure", _dark_picture)
    _kernel_shell().display_formatter.formatters[DARK_PNG] = formatter


if _wants_dark() and _kernel_shell() is not None:
    _show_figures_in_the_dark()


_waiting: list[_Display] = []  # shown when the cell ends, in the order of creation


def _show_at_cell_end(display: _Display) -> None:
    shell = _kernel_shell()
    if shell is None:
        return
    if display not in _waiting:
        _waiting.append(display)
    if _flush not in shell.events.callbacks["post_run_cell"]:
        shell.events.register("post_run_cell", _flush)


def _flush(result: object = None) -> None:
    shown, _waiting[:] = _waiting[:], []
    for display in shown:
        # `stale` knows of what was drawn on the axes, until something saves the figure.
        if display.changed or display.figure.stale:
            display.draw()


# --- Plots -------------------------------------------------------------------------


def set_figsize(figsize: tuple[float, float] = (3.5, 2.5)) -> None:
    """Set the size in inches of the figures that pyplot makes from now on."""
    plt.rcParams["figure.figsize"] = figsize


def _set_axes(
    axes: Axes,
    xlabel: str | None,
    ylabel: str | None,
    xlim: Sequence[float] | None,
    ylim: Sequence[float] | None,
    xscale: str,
    yscale: str,
) -> None:
    axes.set_xlabel(xlabel or "")
    axes.set_ylabel(ylabel or "")
    axes.set_xscale(xscale)
    axes.set_yscale(yscale)
    if xlim is not None and xlim[0] != xlim[1]:  # an axis of one epoch has no extent
        axes.set_xlim(xlim[0], xlim[1])
    if ylim is not None:
        axes.set_ylim(ylim[0], ylim[1])
    if xlabel == "epoch" and xscale == "linear":
        from matplotlib.ticker import MaxNLocator

        axes.xaxis.set_major_locator(MaxNLocator(integer=True))  # epochs are counted
    axes.grid(True)


def _lines(data: Any) -> list[Any]:
    """`data` as a list of lines: a vector is one line, a matrix or nested list several."""
    array = to_numpy(data) if hasattr(data, "shape") else data
    if isinstance(array, np.ndarray):
        return [array] if array.ndim == 1 else list(array)
    array = list(array)
    nested = bool(array) and hasattr(array[0], "__len__") and np.ndim(to_numpy(array[0])) > 0
    return (
        [to_numpy(line) for line in array]
        if nested
        else [np.asarray([_number(value) for value in array])]
    )


def plot(
    X: Any,
    Y: Any = None,
    xlabel: str | None = None,
    ylabel: str | None = None,
    legend: Sequence[str] | None = None,
    xlim: Sequence[float] | None = None,
    ylim: Sequence[float] | None = None,
    xscale: str = "linear",
    yscale: str = "linear",
    fmts: Sequence[str] = _FMTS,
    figsize: tuple[float, float] = (3.5, 2.5),
    axes: Axes | None = None,
) -> None:
    """Plot one line or several.

    Args:
        X: a vector shared by all lines, or one vector per line; the values to plot where
            Y is None. Tensors of any framework, arrays or lists.
        Y: a vector, or one vector per line.
        xlabel, ylabel, legend, xlim, ylim, xscale, yscale: of the axes, as in matplotlib.
        fmts: line formats, used in turn.
        figsize: inches, of a new figure.
        axes: where to plot, cleared first; by default the current axes if they are
            empty, else those of a new figure.

    Raises:
        ValueError: the number of vectors in X fits neither 1 nor that in Y.
    """
    if Y is None:
        ys = _lines(X)
        xs: list[Any] = [np.arange(len(y)) for y in ys]
    else:
        xs, ys = _lines(X), _lines(Y)
        if len(xs) == 1:
            xs = xs * len(ys)
        if len(xs) != len(ys):
            raise ValueError(f"{len(xs)} vectors in X for {len(ys)} in Y")
    if axes is None:
        figure = plt.gcf() if plt.get_fignums() else None
        if figure is None or not figure.axes or figure.gca().has_data():
            figure = plt.figure(figsize=figsize)
        axes = figure.gca()
    assert axes is not None
    axes.cla()
    for x, y, fmt in zip(xs, ys, itertools.cycle(fmts), strict=False):
        axes.plot(x, y, fmt)
    _set_axes(axes, xlabel, ylabel, xlim, ylim, xscale, yscale)
    if legend:
        axes.legend(legend)


class _AxesList(list["Axes"]):
    """A list of axes that prints nothing when it is the last value of a cell."""

    def _ipython_display_(self) -> None:
        pass


def show_images(
    imgs: Any, num_rows: int, num_cols: int, titles: Sequence[str] | None = None, scale: float = 1.5
) -> list[Axes]:
    """Show images in a grid, row by row.

    Args:
        imgs: images of shape (height, width), (height, width, 1) or (height, width, 3):
            an array with a first axis more, or a list. Colours are bytes, or floats in
            [0, 1]; `to_images` makes these of a batch.
        num_rows, num_cols: of the grid; images beyond it are not shown.
        titles: one for each image.
        scale: inches along a side of each image.

    Returns:
        The axes of the grid, row by row.

    Raises:
        ValueError: an image has another shape, or float colours outside [0, 1].
    """
    images = [to_numpy(image) for image in imgs[: num_rows * num_cols]]
    for image in images:
        if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] not in (1, 3, 4)):
            raise ValueError(
                f"an image has shape {image.shape}; expected (height, width) or "
                "(height, width, channels)"
            )
        if (
            image.ndim == 3
            and image.dtype.kind == "f"
            and image.size
            and not (image.min() >= -1e-3 and image.max() <= 1 + 1e-3)
        ):
            raise ValueError(
                f"an image has values from {image.min():.3g} to "
                f"{image.max():.3g}; expected [0, 1], see to_images"
            )
    figure = _new_figure(figsize=(num_cols * scale, num_rows * scale))
    grid = figure.subplots(num_rows, num_cols, squeeze=False)
    figure.subplots_adjust(0, 0, 1, 1, wspace=0.05, hspace=0.25 if titles else 0.05)
    axes = _AxesList(grid.reshape(-1))
    for ax in axes:
        ax.set_axis_off()
    for i, (ax, image) in enumerate(zip(axes, images, strict=False)):
        if image.ndim == 3 and image.shape[2] == 1:
            image = image[:, :, 0]
        if image.dtype.kind == "f" and image.ndim == 3:
            image = np.clip(image, 0, 1)
        unit = (
            image.ndim == 2
            and image.dtype.kind == "f"
            and image.size
            and (image.min() >= 0 and image.max() <= 1)
        )
        ax.imshow(
            image,
            cmap="gray",
            interpolation="nearest",
            vmin=0 if unit else None,
            vmax=1 if unit else None,
        )
        if titles:
            ax.set_title(str(titles[i]), fontsize=9)
    _show_at_cell_end(_Display(figure))
    return axes


class Animator:
    """Curves that grow while a model trains, redrawn in place.

    In a notebook the picture is redrawn at most every `interval` seconds and always at
    the end of the cell, so that its last state stays. Elsewhere the figure is an ordinary
    one of pyplot's. `axes[0]` holds the curves; other axes are free, for samples say.

    Attributes:
        X, Y: for each curve, the coordinates so far, as lists of floats.
        fig: the figure.
        axes: its axes as a list, row by row.
        interval: seconds between two pictures, at least.
    """

    interval = 0.5

    def __init__(
        self,
        xlabel: str | None = None,
        ylabel: str | None = None,
        legend: Sequence[str] | None = None,
        xlim: Sequence[float] | None = None,
        ylim: Sequence[float] | None = None,
        xscale: str = "linear",
        yscale: str = "linear",
        fmts: Sequence[str] = _FMTS,
        nrows: int = 1,
        ncols: int = 1,
        figsize: tuple[float, float] = (3.5, 2.5),
    ) -> None:
        """
        Args:
            xlabel, ylabel, xlim, ylim, xscale, yscale: of `axes[0]`, as in matplotlib.
            legend: the names of the curves.
            fmts: line formats, used in turn.
            nrows, ncols: of the grid of axes.
            figsize: inches.
        """
        self.fig = _new_figure(figsize=figsize)
        # Room for the label of the upper axis above whatever stands in the lower one.
        grid = self.fig.subplots(nrows, ncols, squeeze=False, gridspec_kw={"hspace": 0.4})
        self.axes: list[Axes] = list(grid.reshape(-1))
        self.X: list[list[float]] = []
        self.Y: list[list[float]] = []
        self._legend = list(legend or [])
        self._fmts = fmts
        self._lines: list[Any] = []
        self._markers: list[Any] = []
        self._display = _Display(self.fig)
        self._next = 0.0
        _set_axes(self.axes[0], xlabel, ylabel, xlim, ylim, xscale, yscale)

    def add(self, x: Any, y: Any) -> None:
        """Add a point to each curve.

        Args:
            x: one number for all curves, or one for each.
            y: one number for each curve, or just a number if there is one curve; None
                leaves a curve as it is. Tensors of one element count as numbers.

        Raises:
            ValueError: x and y, or y now and y before, differ in length.
        """
        ys = _list(y)
        xs = _list(x)
        if len(xs) == 1:
            xs = xs * len(ys)
        if not self.Y:
            self.X, self.Y = [[] for _ in ys], [[] for _ in ys]
            self._make_lines()
        if len(ys) != len(self.Y) or len(xs) != len(ys):
            raise ValueError(
                f"expected {len(self.Y)} values, got {len(xs)} for x and {len(ys)} for y"
            )
        for i, (a, b) in enumerate(zip(xs, ys, strict=True)):
            if a is not None and b is not None:
                self.X[i].append(_number(a))
                self.Y[i].append(_number(b))
                self._lines[i].set_data(self.X[i], self.Y[i])
                # A line needs two points to be seen; one gets a mark.
                self._lines[i].set_marker("o" if len(self.X[i]) == 1 else self._markers[i])
        self.axes[0].relim()
        self.axes[0].autoscale_view()
        self._display.changed = True
        _show_at_cell_end(self._display)
        if time.monotonic() >= self._next:
            self.show()

    def _make_lines(self) -> None:
        names = [*self._legend, *[None] * len(self.Y)]
        for fmt, name, _ in zip(itertools.cycle(self._fmts), names, self.Y, strict=False):
            self._lines += self.axes[0].plot([], [], fmt, label=name)
        self._markers = [line.get_marker() for line in self._lines]
        if self._legend:
            self.axes[0].legend(self._lines[: len(self._legend)], self._legend[: len(self._lines)])

    def show(self) -> None:
        """Draw the figure as it is now."""
        start = time.monotonic()
        self._display.draw()
        end = time.monotonic()
        # Slow pictures come less often: at most a fifth of the time goes into drawing.
        self._next = end + max(self.interval, 4 * (end - start))
        # What is drawn on the axes later in this cell is shown at its end.
        _show_at_cell_end(self._display)

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write the points as CSV with the columns curve, x, y."""
        with Path(path).open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["curve", "x", "y"])
            for i, (xs, ys) in enumerate(zip(self.X, self.Y, strict=True)):
                name = self._legend[i] if i < len(self._legend) else str(i)
                writer.writerows([name, x, y] for x, y in zip(xs, ys, strict=True))
