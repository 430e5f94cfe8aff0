"""Lists the modules in a package. Layers, toggles and threats are discovered this way."""

from __future__ import annotations

import os
from collections.abc import Iterable

from stratascope import appimage_environment


def names(path: Iterable[str], *, packages: bool) -> tuple[str, ...]:
    """Sorted names of the packages, or of the plain modules, in a package's `__path__`."""
    if appimage_environment.is_frozen():
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
