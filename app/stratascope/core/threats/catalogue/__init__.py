"""The threats, as data: one file a family, found by looking into this folder.

A threat says what a compromised process might try and what that needs; how each layer answers stands in the layers.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from stratascope.core.threats.threat import Family, Threat


@cache
def all_threats() -> tuple[Threat, ...]:
    """Every threat, by family in the order of `Family`, inside a family in the order of its file."""
    found: list[Threat] = []
    for module in pkgutil.iter_modules(__path__):
        threats: tuple[Threat, ...] = getattr(importlib.import_module(f"{__name__}.{module.name}"), "THREATS", ())
        found.extend(threats)
    order = list(Family)
    return tuple(sorted(found, key=lambda threat: order.index(threat.family)))
