"""Code that the chapters define once and use again: one generated module per framework.

`bookc lib` writes the modules from the cells marked `#@save`; do not edit them by hand.
"""

from __future__ import annotations

import importlib
import types
from typing import Any


def public_names(tab: str, taken: dict[str, Any]) -> dict[str, Any]:
    """The names that `d2l_shim.saved.<tab>` defines, for its framework's module to add.

    Imported modules and names with a leading underscore are left out. A module that has
    not been generated yet counts as empty.

    Args:
        tab: `pytorch`, `tensorflow` or `mxnet`.
        taken: what the framework's module defines already.

    Raises:
        ImportError: a saved name would replace another one in `taken`.
    """
    name = f"{__name__}.{tab}"
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name == name:
            return {}
        raise
    found = {
        key: value
        for key, value in vars(module).items()
        if not key.startswith("_") and not isinstance(value, types.ModuleType)
    }
    for key, value in found.items():
        # A cell may save `from __future__ import annotations` or re-import a helper.
        if key in taken and key != "annotations" and taken[key] is not value:
            raise ImportError(f"{name} defines {key!r}, which d2l_shim defines already")
    found.pop("annotations", None)
    return found
