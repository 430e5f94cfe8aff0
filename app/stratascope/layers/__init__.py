"""The layers, discovered in this package: a seventh layer is a new subpackage whose `layer.py` has a `LAYER`.

Decided against a list of their names, which would be another place to edit.
"""

from __future__ import annotations

import importlib
from functools import cache
from typing import TYPE_CHECKING

from stratascope import resources

if TYPE_CHECKING:
    from stratascope.core.layer import Layer


@cache
def all_layers() -> tuple[Layer, ...]:
    """Every layer in this package, from 1 (just above the kernel) up."""
    found: list[Layer] = []
    for package in resources.module_names(__path__, packages=True):
        if package != "shared":
            layer: Layer = importlib.import_module(f"{__name__}.{package}.layer").LAYER
            found.append(layer)
    return tuple(sorted(found, key=lambda layer: layer.number))
