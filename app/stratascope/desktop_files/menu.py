"""The menu entry and the icons, in the data folder of one user or of the machine.

The desktop and icon caches are refreshed if they exist and the tool is installed; none is created, since a cache that
nobody else keeps up to date hides other programs' icons. Instead the icon folder's timestamp is updated, which desktops
watch (Icon Theme Specification, "Implementation Notes").
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from pathlib import Path

from stratascope import resources, sealed_files
from stratascope.desktop_files.entry import entry, folders_of
from stratascope.sealed_files import Placed, Taken

SYSTEM = Path("/usr/local/share")  # /usr/share belongs to the packages of the distribution
_APPLICATIONS, _ICONS = Path("applications"), Path("icons/hicolor")
_REFRESH_LIMIT = 20.0  # seconds; not essential, a desktop may lack these tools


def paths(data: Path) -> tuple[Path, Path, Path]:
    """Paths of entry, icon and symbolic icon below this data folder."""
    return (
        data / _APPLICATIONS / Path(resources.DESKTOP_ENTRY).name,
        data / resources.ICON,
        data / resources.SYMBOLIC_ICON,
    )


def planned(data: Path, command: tuple[str, ...]) -> list[sealed_files.File]:
    """All three files. Raises UnfitError, MissingResourceError."""
    menu, icon, symbolic = paths(data)
    made = sealed_files.missing_folders([str(path) for path in paths(data)])
    # the data folder and its parents stay, even if we created them: other programs use them as well
    below = {Path(folder).relative_to(data) for folder in made if data in Path(folder).parents}
    known = {folder.relative_to(data) for folder in _made_before(data, menu)}
    inside = sorted(str(folder) for folder in below | known)
    text = entry(resources.read_text(resources.DESKTOP_ENTRY), command, tuple(inside))
    return [
        (str(menu), 0o644, sealed_files.sealed(text)),
        (str(icon), 0o644, _image(resources.ICON)),
        (str(symbolic), 0o644, _image(resources.SYMBOLIC_ICON)),
    ]


def install(data: Path, command: tuple[str, ...]) -> Placed:
    """Write them. Raises UnfitError, BlockedError, OSError; then nothing was changed."""
    wanted = planned(data, command)
    written = tuple(Path(path) for path in sealed_files.put(wanted))
    unchanged = tuple(Path(path) for path, _, _ in wanted if Path(path) not in written)
    return Placed(written, unchanged, refresh(data) if written else ())


def remove(data: Path) -> Taken:
    """Remove exactly those. Raises OSError."""
    menu = paths(data)[0]
    folders = [str(folder) for folder in _made_before(data, menu)]
    gone, kept = sealed_files.take([str(path) for path in paths(data)], folders)
    remaining = tuple((Path(path), state) for path, state in kept)
    return Taken(tuple(Path(path) for path in gone), remaining, refresh(data) if gone else ())


def refresh(data: Path) -> tuple[str, ...]:
    """Notify the desktop; returns the commands that ran successfully."""
    with contextlib.suppress(OSError):
        os.utime(data / _ICONS)
    tools = (
        (data / _APPLICATIONS / "mimeinfo.cache", ("update-desktop-database", "-q", str(data / _APPLICATIONS))),
        (data / _ICONS / "icon-theme.cache", ("gtk-update-icon-cache", "-q", "-f", "-t", str(data / _ICONS))),
    )
    return tuple(command[0] for cache, command in tools if cache.exists() and _runs(command))


def _runs(command: tuple[str, ...]) -> bool:
    if shutil.which(command[0]) is None:
        return False
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run(
            command, check=False, stdin=subprocess.DEVNULL, capture_output=True, timeout=_REFRESH_LIMIT
        )
        return done.returncode == 0
    return False


def _made_before(data: Path, menu: Path) -> tuple[Path, ...]:
    """The folders listed in the existing entry, if it is ours."""
    if sealed_files.state_of(str(menu)) != sealed_files.OURS:
        return ()
    return tuple(data / name for name in folders_of(menu.read_text(encoding="utf-8")))


def _image(name: str) -> bytes:
    return sealed_files.sealed(resources.path(name).read_bytes(), b"<!-- ", b" -->")
