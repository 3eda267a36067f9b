"""Which frameworks this environment has: tests run over these, and `needs` asks for them."""

from __future__ import annotations

from importlib.util import find_spec

ALL = ("torch", "tensorflow", "mxnet")
FRAMEWORKS = [name for name in ALL if find_spec(name)]
