"""The layers, found by looking into this folder: a seventh layer is one new file with a `LAYER` in it.

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
    for module in pkgutil.iter_modules(__path__):
        layer: Layer | None = getattr(importlib.import_module(f"{__name__}.{module.name}"), "LAYER", None)
        if layer is not None:
            found.append(layer)
    return tuple(sorted(found, key=lambda layer: layer.number))
