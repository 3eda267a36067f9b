"""Each tab may run in an environment of its own. `.venv-kernel` has MXNet, and nothing of ours."""

import json
import os
from pathlib import Path

import pytest
from test_kernels import record

from bookc.run.environments import environment, providers

ROOT = Path(__file__).parents[2]
OTHER = ROOT / ".venv-kernel" / "bin" / "python"
CONFIG = """\
[build]
notebooks = *.md
tabs = pytorch, mxnet
[kernels]
mxnet = other
[bookc]
frameworks = pytorch, torch, torch
             mxnet, mxnet, mxnet
"""
PAGE = """\
# Page

```{.python .input}
#@tab mxnet
import numpy
numpy.bool = bool
import mxnet
print(mxnet.nd.ones(3).sum().asscalar())
```

```{.python .input}
#@tab all
import pathlib, sys
print(pathlib.Path(sys.prefix).name)
```
"""


@pytest.fixture
def jupyter(tmp_path, monkeypatch):
    """A folder in which Jupyter finds the kernel `other`."""
    assert OTHER.exists(), f"no {OTHER}: `make .venv-kernel/stamp` makes it"
    argv = [str(OTHER), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    file = tmp_path / "jupyter" / "kernels" / "other" / "kernel.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"argv": argv, "display_name": "other", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    environment.cache_clear()
    yield
    environment.cache_clear()


def test_a_framework_in_an_environment_of_its_own(jupyter, make_book, bookc):
    root = make_book({"config.ini": CONFIG, "index.md": PAGE})
    run = bookc("kernels", "--book", root)
    assert (run.returncode, run.stderr) == (0, "")
    rows = [line for line in run.stdout.splitlines() if "mxnet" in line]
    assert len(rows) == 1 and "other" in rows[0] and "mxnet 1.9.1" in rows[0]
    run = bookc("execute", "--book", root)
    assert (run.returncode, run.stderr) == (0, "")
    assert record(root, "index", "mxnet").cells[1].outputs[-1].text == "3.0\n"
    assert record(root, "index", "mxnet").cells[2].outputs[0].text == ".venv-kernel\n"
    assert record(root, "index").cells[1].outputs[0].text != ".venv-kernel\n"
    assert record(root, "index", "mxnet").metadata.bookc.versions == {"mxnet": "1.9.1"}
    # The notebook that a learner opens asks for no kernel that only this machine has.
    assert record(root, "index", "mxnet").metadata.kernelspec.name == "python3"
    pins = (root / "notebooks" / "mxnet" / "requirements.txt").read_text()
    assert "mxnet==1.9.1\n" in pins and "numpy==1.26.4\n" in pins and "torch" not in pins
    run = bookc("test", "--book", root)
    assert (run.returncode, run.stderr) == (0, "")
    assert bookc("status", "--book", root).returncode == 0


def test_what_an_environment_has(jupyter):
    other = environment("other")
    assert other.python.startswith("3.") and other.fault == ""
    assert other.has("mxnet") and not other.has("torch") and not other.has("bookc")
    assert other.version("mxnet") == "1.9.1" and other.version("torch") == ""
    assert "mxnet" in providers(other.path)["mxnet"]


def test_a_framework_that_the_environment_lacks(jupyter, make_book, bookc):
    config = CONFIG.replace("mxnet = other", "pytorch = other\nmxnet = nowhere\njax = other")
    root = make_book({"config.ini": config, "index.md": PAGE})
    run = bookc("kernels", "--book", root)
    assert run.returncode == 1
    assert "config.ini:7: unknown key 'jax' in [kernels] (known: pytorch, mxnet)" in run.stderr
    (root / "config.ini").write_text(config.replace("jax = other\n", ""))
    run = bookc("kernels", "--book", root)
    assert (
        "config.ini: tab pytorch needs torch, which is not installed in the environment of kernel "
        "other: pip install 'torch'\n" in run.stderr
    )
    assert "config.ini: tab mxnet: no kernel 'nowhere' (known: " in run.stderr


def test_a_kernel_whose_python_is_gone(jupyter, tmp_path, make_book, bookc):
    file = tmp_path / "jupyter" / "kernels" / "other" / "kernel.json"
    file.write_text(file.read_text().replace(str(OTHER), os.fspath(tmp_path / "gone")))
    root = make_book({"config.ini": CONFIG, "index.md": PAGE})
    run = bookc("execute", "--book", root)
    assert run.returncode == 1
    assert "tab mxnet: the Python of kernel 'other' does not run: " in run.stderr
    assert (root / "notebooks" / "pytorch" / "index.ipynb").exists()
