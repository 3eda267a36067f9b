"""Helpers for MXNet: `from d2l_shim import mxnet as d2l`, before `import mxnet`.

Importing this module makes MXNet 1.9 importable with NumPy 1.24 to 1.26, and turns on
MXNet's NumPy interface (`npx.set_np`).
"""

from d2l_shim.helpers.mxnet import *  # noqa: F403
from d2l_shim.helpers.mxnet import __all__ as __all__
from d2l_shim.saved.mxnet import *  # noqa: F403
