"""The menu entry, with the command that starts this very installation.

The command is written as the Desktop Entry Specification requires (1.5, "The Exec key"): quoted, then escaped again as
a value. Symbolic links are not resolved: a link in ~/.local/bin outlives the folder that it points to.
"""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path

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
