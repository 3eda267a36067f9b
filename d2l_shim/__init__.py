"""Helpers for the notebooks: `from d2l_shim import torch as d2l` (or tensorflow, mxnet).

The three modules offer the same names with the same meaning. Importing this package
imports no framework and no plotting library; each module imports its own framework.
"""
