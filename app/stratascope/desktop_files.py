"""The menu entry and the icons, in the data folder of one user or of the machine.

The entry has the command that starts this very installation, written as the Desktop Entry Specification requires (1.5,
"The Exec key"): quoted, then escaped again as a value. Symbolic links are not resolved: a link in ~/.local/bin outlives
the folder that it points to.

The desktop and icon caches are refreshed if they exist and the tool is installed; none is created, since a cache that
nobody else keeps up to date hides other programs' icons. Instead the icon folder's timestamp is updated, which desktops
watch (Icon Theme Specification, "Implementation Notes").
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from enum import StrEnum
from pathlib import Path

from stratascope import resources, sealed_files
from stratascope.sealed_files import Placed, Taken
from stratascope.value import Value

_RESERVED = " \t\n\"'\\><~|&;$*?#()`"  # "Reserved characters"
_IN_QUOTES = '"`$\\'
_VALUE = {"\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


class Origin(StrEnum):
    """How this program was installed, as far as the menu is concerned."""

    APPIMAGE = "appimage"
    FLATPAK = "flatpak"  # installs its menu entries itself
    PROGRAM = "program"  # a script of pip or pipx, or a folder made by PyInstaller
    MODULE = "module"  # a Python interpreter with `-m stratascope`


class Start(Value):
    """The command that starts this installation, without arguments."""

    origin: Origin
    command: tuple[str, ...]


class UnfitError(Exception):
    """This path can't be written into a menu entry."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


def start(
    *, flatpak: bool = False, image: str = "", frozen: bool = False, script: str = "", python: str = sys.executable
) -> Start:
    """How this installation is started. `image`: our AppImage, if it is one; `script`: sys.argv[0]."""
    if flatpak:
        return Start(Origin.FLATPAK, ())
    if image:
        return Start(Origin.APPIMAGE, (os.path.abspath(image),))  # noqa: PTH100 - links are kept
    if frozen:
        return Start(Origin.PROGRAM, (python,))
    if Path(script).name == "stratascope" and os.access(script, os.X_OK):
        return Start(Origin.PROGRAM, (os.path.abspath(script),))  # noqa: PTH100
    return Start(Origin.MODULE, (python, "-m", "stratascope"))


def entry(template: str, command: tuple[str, ...], folders: tuple[str, ...] = ()) -> bytes:
    """The entry with this command. `folders`: folders that `remove` may delete as well. Raises UnfitError.

    `template` is the file in packaging/desktop; its Exec line is replaced by ours.
    """
    # GLib looks the program up by the text as written, without unescaping %%; it finds env, which then gets the real
    # name
    start_by = ("/usr/bin/env",) if "%" in command[0] else ()
    words = " ".join(_quoted(word) for word in (*start_by, *command))
    ours = f"TryExec={_value(_fit(command[0]))}\nExec={_value(words)}"
    lines = [ours if line.startswith("Exec=") else line for line in template.splitlines()]
    if folders:
        lines.append("X-Stratascope-Folders=" + "".join(f"{folder};" for folder in folders))
    return "".join(f"{line}\n" for line in lines).encode()


def folders_of(text: str) -> tuple[str, ...]:
    """The folders that an entry lists as created for it, below the data folder; none that leads out of it."""
    for line in text.splitlines():
        if line.startswith("X-Stratascope-Folders="):
            names = line.partition("=")[2].split(";")
            return tuple(name for name in names if name and not name.startswith("/") and ".." not in name.split("/"))
    return ()


def _fit(path: str) -> str:
    """Rejects `=`, which is forbidden in the program's name, and control characters, which menus don't show. Raises
    UnfitError.
    """
    encodable = not any("\ud800" <= letter <= "\udfff" for letter in path)
    if "=" in path or not encodable or any(ord(letter) < 32 or ord(letter) == 127 for letter in path):
        raise UnfitError(path)
    return path


def _quoted(word: str) -> str:
    word = word.replace("%", "%%")
    if word and not any(letter in _RESERVED for letter in word):
        return word
    return '"' + "".join("\\" + letter if letter in _IN_QUOTES else letter for letter in word) + '"'


def _value(text: str) -> str:
    """As a value of type string: "Values of type string may contain all ASCII characters except control characters"."""
    escaped = "".join(_VALUE.get(letter, letter) for letter in text)
    return escaped.replace(" ", "\\s", 1) if escaped.startswith(" ") else escaped


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
