"""The names of what a package holds. Layers, toggles and threats are found by looking into their folders.

Decided against pkgutil: it loads `inspect` for that, which takes longer than the looking. It is the one that can look
into a bundle (PyInstaller), which has no folders.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from stratascope import frozen


def names(path: Iterable[str], *, packages: bool) -> tuple[str, ...]:
    """Of the packages, or of the plain modules, in a package's `__path__`; sorted."""
    if frozen.is_frozen():
        import pkgutil

        return tuple(sorted(each.name for each in pkgutil.iter_modules(path) if each.ispkg is packages))
    found = set()
    for folder in path:
        for entry in os.scandir(folder):
            name, _, kind = entry.name.partition(".")
            if packages:
                ours = not kind and os.access(f"{entry.path}/__init__.py", os.R_OK)
            else:
                ours = kind == "py" and name != "__init__"
            if ours:
                found.add(name)
    return tuple(sorted(found))
