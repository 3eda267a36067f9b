"""Helpers for PyTorch: `from d2l_shim import torch as d2l`."""

from d2l_shim.helpers.torch import *  # noqa: F403
from d2l_shim.helpers.torch import __all__ as __all__
from d2l_shim.saved.pytorch import *  # noqa: F403
