"""The threats, as data: one file per family, found by scanning this folder.

A threat states what a compromised process might try and what that needs; each layer's rulings are in its package.
"""

from __future__ import annotations

import importlib
from functools import cache

from stratascope import resources
from stratascope.core.threats.catalogue.rings import with_rings
from stratascope.core.threats.threat import Family, Threat


@cache
def all_threats() -> tuple[Threat, ...]:
    """Every threat, by family in the order of `Family`, within a family in the order of its file."""
    found: list[Threat] = []
    for module in resources.module_names(__path__, packages=False):
        threats: tuple[Threat, ...] = getattr(importlib.import_module(f"{__name__}.{module}"), "THREATS", ())
        found.extend(map(with_rings, threats))
    order = list(Family)
    return tuple(sorted(found, key=lambda threat: order.index(threat.family)))


@cache
def threats_by_id() -> dict[str, Threat]:
    """Every threat by its id."""
    return {threat.id: threat for threat in all_threats()}
