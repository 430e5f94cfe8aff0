"""The layers, found by looking into this folder: a seventh layer is one new package whose `layer.py` has a `LAYER`.

Decided against a list that names them: it would be a second place to edit.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stratascope.core.layer import Layer


@cache
def all_layers() -> tuple[Layer, ...]:
    """Every layer of this folder, from 1 (just above the kernel) up."""
    found: list[Layer] = []
    for package in pkgutil.iter_modules(__path__):
        if package.ispkg and package.name != "shared":
            layer: Layer = importlib.import_module(f"{__name__}.{package.name}.layer").LAYER
            found.append(layer)
    return tuple(sorted(found, key=lambda layer: layer.number))
