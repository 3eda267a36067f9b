"""Which frameworks this environment has: tests run over these, and `needs` asks for them."""

from __future__ import annotations

import importlib
from importlib.util import find_spec

ALL = ("torch", "tensorflow", "mxnet")
FRAMEWORKS = [name for name in ALL if find_spec(name)]

# PyTorch's wheels for CUDA bring Triton, and loading it after TensorFlow ends the process: both
# carry LLVM. Tests of all frameworks share a process, so it comes first.
if find_spec("triton"):
    importlib.import_module("triton")
