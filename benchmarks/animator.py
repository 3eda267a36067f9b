"""What Animator costs, beside d2l's: calls of `add` in a real Jupyter kernel.

    python benchmarks/animator.py [--calls 1000] [--d2l-calls 100]

d2l 1.0.3 cannot be installed any more, so its wheel is downloaded without its dependencies and
the three definitions that its Animator consists of are taken out of it.
"""

from __future__ import annotations

import argparse
import ast
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

OURS = "from d2l_shim.plot import Animator"
THEIRS = """\
import types
from IPython import display
from matplotlib import pyplot as plt
from matplotlib_inline import backend_inline

{definitions}
d2l = types.SimpleNamespace(use_svg_display=use_svg_display, plt=plt, set_axes=set_axes)
"""
LOOP = """\
import time

animator = Animator(xlabel="epoch", ylabel="loss", xlim=[1, {calls}], legend=["D", "G"])
start = time.perf_counter()
for i in range({calls}):
    animator.add(i + 1, (1 / (i + 1), i / {calls}))
print(time.perf_counter() - start)
"""


def d2l_definitions() -> str:
    """The source of d2l's Animator and of what it calls."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        subprocess.run([*command, "d2l==1.0.3", "--dest", folder], check=True)
        with zipfile.ZipFile(next(Path(folder).glob("d2l-*.whl"))) as wheel:
            source = wheel.read("d2l/torch.py").decode()
    wanted = ("use_svg_display", "set_axes", "Animator")
    found = {
        node.name: ast.get_source_segment(source, node) or ""
        for node in ast.parse(source).body
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name in wanted
    }
    return "\n\n".join(found[name] for name in wanted)


def seconds(setup: str, calls: int) -> tuple[float, int]:
    """How long `calls` calls take, and the bytes that they leave in the notebook."""
    notebook = nbformat.v4.new_notebook()
    cells = ["%matplotlib inline\n" + setup, LOOP.format(calls=calls)]
    notebook.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
    NotebookClient(notebook, timeout=None).execute()
    outputs = notebook.cells[1].outputs
    printed = "".join(output.text for output in outputs if output.output_type == "stream")
    return float(printed), len(nbformat.writes(notebook))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--d2l-calls", type=int, default=100)
    options = parser.parse_args()
    theirs = THEIRS.format(definitions=d2l_definitions())
    rows = [("d2l_shim", *seconds(OURS, options.calls), options.calls)]
    rows += [("d2l 1.0.3", *seconds(theirs, options.d2l_calls), options.d2l_calls)]
    print(f"{'':10} {'calls':>6} {'seconds':>8} {'ms a call':>10} {'notebook KB':>12}")
    for name, elapsed, size, calls in rows:
        each = elapsed / calls * 1000
        print(f"{name:10} {calls:6} {elapsed:8.2f} {each:10.2f} {size / 1000:12.0f}")
    ratio = (rows[1][1] / rows[1][3]) / (rows[0][1] / rows[0][3])
    print(f"a call of d2l's takes {ratio:.0f} times as long")


if __name__ == "__main__":
    main()
