"""Helpers for the notebooks: `from d2l_shim import torch as d2l` (or tensorflow, mxnet).

The three modules offer the same names with the same meaning. Importing this package
imports no framework and no plotting library; each module imports its own framework.

    torch, tensorflow, mxnet    what notebooks import: all of helpers and all of saved
    saved                       what chapters define for one another; `bookc build lib` writes it
    helpers                     what differs from framework to framework, and the loaders
    plot, meter, images,        once for all frameworks
    archive, download

Each line imports from itself and the lines below it.
"""
