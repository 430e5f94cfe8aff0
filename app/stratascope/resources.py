"""Where files are: the program's data (icons, styles, translations, the demo capture), its modules, and the user's
directories by the XDG Base Directory Specification.

Data is in the first of four locations that exists: next to the package (`_resources` in a wheel and in a PyInstaller
folder), the checkout's `resources/`, a Flatpak's `/app/share/stratascope`, and `share/stratascope` in the Python's own
prefix.
Files that packagers also install elsewhere (the menu entry, the AppStream metadata, the polkit action) are in the
checkout's `packaging/`, and everywhere else among the rest under the same name.

Decided against importlib.resources: Qt wants real file names, and nothing here runs from a zip. Decided against
platformdirs: it takes longer to load than the three functions took to write.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path, PurePosixPath

from stratascope import appimage_environment

APPLICATION_ID = "io.github.stratascope.Stratascope"
ICON = f"icons/hicolor/scalable/apps/{APPLICATION_ID}.svg"
SYMBOLIC_ICON = f"icons/hicolor/symbolic/apps/{APPLICATION_ID}-symbolic.svg"
DESKTOP_ENTRY = f"desktop/{APPLICATION_ID}.desktop"
METAINFO = f"metainfo/{APPLICATION_ID}.metainfo.xml"

PACKAGED = ("desktop", "metainfo", "polkit")  # folders of `packaging/` that pyproject.toml adds to the resources
PACKAGE = Path(__file__).resolve().parent
FLATPAK = Path("/app/share/stratascope")


class MissingResourceError(FileNotFoundError):
    """A data file of the program is missing: the installation is incomplete."""


def homes(package: Path = PACKAGE, prefix: Path | None = None) -> tuple[Path, ...]:
    """Every folder that may hold the resources, best first; none of them needs to exist."""
    found = [package / "_resources"]
    # A checkout is recognized by what only it has, so that a stray folder above site-packages is never taken for it.
    checkout = package.parent.parent
    if package.parent.name == "app" and (checkout / "pyproject.toml").is_file():
        found.append(checkout / "resources")
    found.append(FLATPAK)
    found.append((Path(sys.prefix) if prefix is None else prefix) / "share" / "stratascope")
    return tuple(found)


def find(candidates: tuple[Path, ...]) -> Path:
    """The first of these folders that exists. Raises MissingResourceError, which names them all."""
    for folder in candidates:
        if folder.is_dir():
            return folder
    raise MissingResourceError(
        "Stratascope's data files were not found; looked in " + ", ".join(str(folder) for folder in candidates)
    )


@cache
def root() -> Path:
    """The folder of the resources. Raises MissingResourceError."""
    return find(homes())


def path(name: str) -> Path:
    """The file or folder of that name, such as `style/light.qss`. Raises MissingResourceError; ValueError for `..`."""
    relative = PurePosixPath(name)
    if relative.is_absolute() or ".." in relative.parts or not relative.parts:
        raise ValueError(f"not the name of a resource: {name!r}")
    home = root()
    if relative.parts[0] in PACKAGED and home == PACKAGE.parent.parent / "resources":
        home = home.parent / "packaging"
    found = home / relative
    if not found.exists():
        raise MissingResourceError(f"Stratascope's data file {name} is missing from {home}")
    return found


def read_text(name: str) -> str:
    """A text file of the resources, as UTF-8. Raises MissingResourceError."""
    return path(name).read_text(encoding="utf-8")


def config_home(environ: Mapping[str, str] = os.environ) -> Path:
    """For settings. Like the others, raises RuntimeError if no variable sets it and the user has no home."""
    return _folder(environ, "XDG_CONFIG_HOME", "~/.config")


def data_home(environ: Mapping[str, str] = os.environ) -> Path:
    """For files that other programs read too, such as menu entries."""
    return _folder(environ, "XDG_DATA_HOME", "~/.local/share")


def state_home(environ: Mapping[str, str] = os.environ) -> Path:
    """For data that has to outlast a run."""
    return _folder(environ, "XDG_STATE_HOME", "~/.local/state")


def _folder(environ: Mapping[str, str], variable: str, otherwise: str) -> Path:
    named = Path(environ.get(variable, "").strip())
    # "All paths set in these environment variables must be absolute"; others are to be ignored
    return named if named.is_absolute() else Path(otherwise).expanduser()


def module_names(path: Iterable[str], *, packages: bool) -> tuple[str, ...]:
    """Sorted names of the packages, or of the plain modules, in a package's `__path__`: how layers, toggles and threats
    are found.
    """
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
