"""Helpers for TensorFlow: `from d2l_shim import tensorflow as d2l`."""

from d2l_shim.helpers.tensorflow import *  # noqa: F403
from d2l_shim.helpers.tensorflow import __all__ as __all__
from d2l_shim.saved.tensorflow import *  # noqa: F403
