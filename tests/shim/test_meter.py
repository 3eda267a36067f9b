"""Timer and Accumulator, and the devices, in every framework."""

from __future__ import annotations

import importlib
import subprocess
import sys
import time
import types
import warnings
from typing import Any

import numpy as np
import pytest
from frameworks import FRAMEWORKS

from d2l_shim import meter
from d2l_shim.helpers import device


@pytest.fixture(params=FRAMEWORKS)
def d2l(request: pytest.FixtureRequest) -> types.ModuleType:
    return importlib.import_module(f"d2l_shim.{request.param}")


def run_python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_package_imports_no_framework_and_no_matplotlib() -> None:
    heavy = "{'torch', 'tensorflow', 'keras', 'mxnet', 'matplotlib', 'PIL', 'IPython'}"
    code = f"import d2l_shim, sys; print({heavy} & sys.modules.keys())"
    assert run_python(code).strip() == "set()"
    modules = "d2l_shim.plot, d2l_shim.images, d2l_shim.archive, d2l_shim.helpers.datasets"
    code = f"import {modules}, sys; print({heavy} & sys.modules.keys())"
    assert run_python(code).strip() == "set()"


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_framework_module_imports_no_other_framework(framework: str) -> None:
    first = "" if framework == "mxnet" else f"import {framework}"  # MXNet needs our module
    code = f"""
import sys, warnings
warnings.simplefilter("ignore")  # of the frameworks themselves
{first}
before = set(sys.modules)  # TensorFlow imports matplotlib, where there is one
from d2l_shim import {framework} as d2l
others = {{"torch", "tensorflow", "mxnet", "matplotlib.pyplot"}} - {{"{framework}"}}
print(others & sys.modules.keys() - before)
"""
    assert run_python(code).strip() == "set()"


# What the two sections on GANs of "Dive into Deep Learning" take from its library.
D2L_NAMES = [
    "Accumulator",
    "Animator",
    "DATA_HUB",
    "DATA_URL",
    "Timer",
    "arange",
    "download_extract",
    "get_dataloader_workers",
    "load_array",
    "matmul",
    "normal",
    "numpy",
    "plot",
    "plt",
    "set_figsize",
    "show_images",
    "tensor",
    "try_gpu",
    "update_D",
    "update_G",
]


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_d2l_names(name: str) -> None:
    module = importlib.import_module(f"d2l_shim.{name}")
    assert [known for known in D2L_NAMES if not hasattr(module, known)] == []


def test_same_public_names_in_every_framework() -> None:
    names = [set(importlib.import_module(f"d2l_shim.{f}").__all__) for f in FRAMEWORKS]
    assert all(others - {"Device"} == names[0] - {"Device"} for others in names)


@pytest.mark.needs("mxnet")
@pytest.mark.parametrize("first", ["numpy", *FRAMEWORKS])
def test_mxnet_imports_after_anything(first: str) -> None:
    code = f"""
try:
    import warnings
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import {first}
except AttributeError as error:  # MXNet alone does not import
    assert "bool" in str(error), error
from d2l_shim import mxnet as d2l
from mxnet import autograd, gluon, np
net = gluon.nn.Dense(3)
net.initialize()
with autograd.record():
    y = net(np.ones((2, 4))).sum()
y.backward()
print(net.weight.grad().shape, (np.ones(2) > 0).dtype)
"""
    assert run_python(code).strip() == "(3, 4) bool"


def test_mxnet_says_what_to_do_under_numpy_2() -> None:
    code = """
import numpy
numpy.__version__ = "2.1.0"
try:
    from d2l_shim import mxnet
except ImportError as error:
    print(error)
"""
    message = run_python(code)
    assert "NumPy 2.1.0" in message and "pip install 'numpy<2'" in message


# --- Devices -----------------------------------------------------------------------


def test_devices(d2l: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "cpu" in str(d2l.cpu()).lower()
    assert str(d2l.gpu(1)) != str(d2l.gpu(0))
    assert d2l.try_gpu(99) == d2l.cpu()
    assert len(d2l.try_all_gpus()) == max(d2l.num_gpus(), 1)
    monkeypatch.setenv("D2L_DEVICE", "cpu")
    assert d2l.num_gpus() == 0
    assert d2l.try_gpu() == d2l.cpu()
    assert d2l.try_all_gpus() == [d2l.cpu()]
    monkeypatch.setenv("D2L_DEVICE", "gpu")
    with pytest.raises(ValueError, match="D2L_DEVICE is 'gpu'"):
        d2l.try_gpu()


def test_a_device_that_cannot_run_falls_back_with_one_warning(
    d2l: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    helpers = importlib.import_module(d2l.try_gpu.__module__)
    monkeypatch.setattr(helpers, "num_gpus", lambda: 92)  # the last ones are not there
    monkeypatch.setattr(device, "_failed", set())
    with pytest.warns(RuntimeWarning, match="is present but cannot run") as caught:
        assert d2l.try_gpu(90) == d2l.cpu()
        assert d2l.try_gpu(90) == d2l.cpu()
    assert len(caught) == 1
    with pytest.warns(RuntimeWarning, match="cannot run"):
        assert d2l.try_gpu(91) == d2l.cpu()


@pytest.mark.needs("tensorflow")
def test_tensorflow_device_is_a_scope() -> None:
    import tensorflow as tf

    from d2l_shim import tensorflow as d2l

    here = d2l.cpu()
    with here, here, tf.device(here):
        assert tf.ones(1).device.endswith("CPU:0")


def test_works_gives_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "_failed", set())

    def trial() -> None:
        raise RuntimeError("no kernel image is available\nmore")

    with pytest.warns(RuntimeWarning, match=r"cuda:7 .* \(no kernel image is available\)"):
        assert not device.works("cuda:7", trial)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not device.works("cuda:7", trial)
    assert device.works("cuda:8", lambda: None)


# --- Timer -------------------------------------------------------------------------


def test_timer_sums(d2l: Any) -> None:
    timer = d2l.Timer()
    time.sleep(0.02)
    first = timer.stop()
    timer.start()
    second = timer.stop()
    assert first >= 0.02 > second > 0
    assert timer.times == [first, second]
    assert timer.sum() == pytest.approx(first + second)
    assert timer.avg() == pytest.approx((first + second) / 2)
    assert timer.cumsum() == pytest.approx([first, first + second])


def test_timer_as_context() -> None:
    with meter.Timer() as timer:
        time.sleep(0.01)
    assert len(timer.times) == 1 and timer.sum() >= 0.01


def test_timer_without_times() -> None:
    with pytest.raises(ValueError, match="call stop"):
        meter.Timer().avg()


# --- Accumulator -------------------------------------------------------------------


def test_accumulator(d2l: Any) -> None:
    metric = d2l.Accumulator(3)
    metric.add(d2l.tensor(1.5), 2, d2l.tensor([3]))
    metric.add(np.float64(0.25), d2l.tensor([[4]]), 5.0)
    assert len(metric) == 3
    assert [metric[i] for i in range(3)] == [1.75, 6.0, 8.0]
    assert all(type(metric[i]) is float for i in range(3))
    metric.add(1, 1, 1)
    assert [metric[i] for i in range(3)] == [2.75, 7.0, 9.0]
    metric.reset()
    assert [metric[i] for i in range(3)] == [0.0, 0.0, 0.0]


def test_accumulator_sums_in_double_precision(d2l: Any) -> None:
    metric = d2l.Accumulator(1)
    metric.add(d2l.tensor(2.0**24))
    for _ in range(10):
        metric.add(d2l.tensor(1.0))
    assert metric[0] == 2.0**24 + 10


def test_accumulator_refuses(d2l: Any) -> None:
    metric = d2l.Accumulator(2)
    with pytest.raises(ValueError, match="expected 2 values, got 3"):
        metric.add(1, 2, 3)
    with pytest.raises(ValueError, match=r"value 1 has shape \(2,\)"):
        metric.add(1, d2l.tensor([1, 2]))
    assert [metric[0], metric[1]] == [0.0, 0.0]  # a refused call adds nothing


def test_accumulator_reads_only_when_asked(d2l: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = []
    original = d2l.Accumulator._read
    monkeypatch.setattr(
        d2l.Accumulator,
        "_read",
        lambda self, values: reads.append(len(values)) or original(self, values),
    )
    metric = d2l.Accumulator(1)
    for _ in range(100):
        metric.add(d2l.tensor(0.5))
    assert reads == []
    assert metric[0] == 50.0
    assert reads == [100]


def test_accumulator_bounds_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meter.Accumulator, "_limit", 4)
    metric = meter.Accumulator(1)
    for _ in range(9):
        metric.add(np.float32(1))
    assert len(metric._pending[0]) == 1
    assert metric[0] == 9.0


@pytest.mark.needs("torch")
def test_accumulator_keeps_the_value_of_the_moment_torch() -> None:
    import torch

    from d2l_shim import torch as d2l

    loss = torch.ones((), requires_grad=True) * 2
    metric: Any = d2l.Accumulator(1)
    metric.add(loss)
    assert not metric._pending[0][0].requires_grad  # the graph is let go
    with torch.no_grad():
        loss.zero_()
    assert metric[0] == 2.0


@pytest.mark.needs("tensorflow")
def test_accumulator_keeps_the_value_of_the_moment_tensorflow() -> None:
    import tensorflow as tf

    from d2l_shim import tensorflow as d2l

    variable = tf.Variable(2.0)
    metric = d2l.Accumulator(1)
    metric.add(variable)
    variable.assign(0.0)
    assert metric[0] == 2.0


@pytest.mark.needs("mxnet")
def test_accumulator_keeps_the_value_of_the_moment_mxnet() -> None:
    from d2l_shim import mxnet as d2l

    array = d2l.tensor([2.0])
    metric = d2l.Accumulator(1)
    metric.add(array)
    array[:] = 0
    assert metric[0] == 2.0


def test_accumulator_keeps_the_value_of_the_moment_numpy() -> None:
    host = np.full((), 2.0)
    metric = meter.Accumulator(1)
    metric.add(host)
    host[...] = 0
    assert metric[0] == 2.0


@pytest.mark.needs("torch")
def test_accumulator_mixes_types() -> None:
    import torch

    from d2l_shim import torch as d2l

    metric = d2l.Accumulator(1)
    for value in (torch.tensor(1.0), torch.tensor(2), torch.tensor(0.5, dtype=torch.float64), 1):
        metric.add(value)
    assert metric[0] == 4.5
