"""The one place that knows where the program's data files are: icons, styles, translations, the demo capture.

Four locations, the first that exists wins: next to the package (`_resources` in a wheel and in a PyInstaller folder),
the checkout's `resources/`, a Flatpak's `/app/share/stratascope`, and `share/stratascope` in the Python's own prefix.
Files that packagers also install elsewhere (the menu entry, the AppStream metadata, the polkit action) are in the
checkout's `packaging/`, and everywhere else among the rest under the same name.

Decided against importlib.resources: Qt wants real file names, and nothing here runs from a zip.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path, PurePosixPath

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
