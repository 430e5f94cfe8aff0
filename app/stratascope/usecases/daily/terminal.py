"""The user's terminal, chosen as desktops do, with a command in it that was handed over word by word.

$TERMINAL, then xdg-terminal-exec, the terminal of the desktop that runs, x-terminal-emulator, then any known one.
Decided against those that take a command only as one text, or may do so (lxterminal, qterminal, tilix): a shell would
read it. Where one of them is the desktop's own, x-terminal-emulator or xdg-terminal-exec hand it the words.
In a Flatpak all of it is on the host, where flatpak-spawn may start commands.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence

from stratascope import sandbox
from stratascope.core import shell_quote
from stratascope.core.message import Message, msg

# what stands between a terminal and the words of a command
_BEFORE = {
    "xdg-terminal-exec": (), "kgx": ("--",), "ptyxis": ("--new-window", "--"), "gnome-terminal": ("--",),
    "mate-terminal": ("-x",), "konsole": ("-e",), "xfce4-terminal": ("-x",), "terminator": ("-x",),
    "x-terminal-emulator": ("-e",), "foot": (), "footclient": (), "kitty": (), "wezterm": ("start", "--"),
    "ghostty": ("-e",), "alacritty": ("-e",), "urxvt": ("-e",), "st": ("-e",), "xterm": ("-e",),
}  # fmt: skip
_OF_DESKTOP = {
    "gnome": ("ptyxis", "kgx", "gnome-terminal"), "unity": ("gnome-terminal",), "x-cinnamon": ("gnome-terminal",),
    "kde": ("konsole",), "xfce": ("xfce4-terminal",), "mate": ("mate-terminal",), "sway": ("foot",),
    "hyprland": ("foot", "kitty"),
}  # fmt: skip
_ASK = 'for name; do command -v -- "$name" >/dev/null && printf "%s\\n" "$name"; done; :'
_SECONDS = 20.0
_AT_ONCE = 1.5  # seconds within which a terminal that fails has failed

Has = Callable[[Sequence[str]], frozenset[str]]  # which of these programs are there


class TerminalError(Exception):
    """No terminal with that command; `message` says why, `command` is what could be typed instead."""

    def __init__(self, message: Message, command: Sequence[str], words: str = "") -> None:
        super().__init__(words or message.id)
        self.message = message
        self.command = shell_quote.words(tuple(command))


def known() -> tuple[str, ...]:
    """All that may be asked for."""
    return tuple(_BEFORE)


def terminal(environ: Mapping[str, str], there: frozenset[str]) -> tuple[str, ...] | None:
    """What to put before a command so that it runs in a terminal; None where there is none. Pure."""
    named = _words(environ.get("TERMINAL", ""))
    if named and (named[0] in there or "/" in named[0]):
        return (*named, *_BEFORE.get(named[0].rpartition("/")[2], ("-e",)))
    desktops = environ.get("XDG_CURRENT_DESKTOP", "").lower().split(":")
    own = [name for desktop in desktops for name in _OF_DESKTOP.get(desktop, ())]
    found = next((name for name in ("xdg-terminal-exec", *own, "x-terminal-emulator", *_BEFORE) if name in there), None)
    return None if found is None else (found, *_BEFORE[found])


def open_in_terminal(command: Sequence[str], environ: Mapping[str, str], has: Has | None = None) -> None:
    """Returns once it runs. Raises TerminalError."""
    access = sandbox.access()
    if access is sandbox.Access.WITHHELD:
        text = msg("This Flatpak can't start a terminal on the host. Allow it with: {command}", command=sandbox.GRANT)
        raise TerminalError(text, command)
    asked = (*known(), *_words(environ.get("TERMINAL", ""))[:1], command[0])
    there = (has or _here)(asked)
    if command[0] not in there:
        raise TerminalError(msg("The program {name} is not installed here.", name=command[0]), command)
    before = terminal(environ, there)
    if before is None:
        raise TerminalError(
            msg("No terminal was found. Install one, or name yours in the variable TERMINAL."), command
        )  # fmt: skip
    outside = access is sandbox.Access.OUTSIDE
    _start((*(() if outside else sandbox.HOST), *before, *command), command, environ if outside else None)


def _words(text: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text))
    except ValueError:
        return ()


def _here(names: Sequence[str]) -> frozenset[str]:
    """Of this machine; from inside a Flatpak of the host."""
    if sandbox.access() is sandbox.Access.OUTSIDE:
        return frozenset(name for name in names if shutil.which(name) is not None)
    asked = (*sandbox.HOST, "sh", "-c", _ASK, "sh", *names)
    try:
        done = subprocess.run(
            asked, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=_SECONDS, cwd="/"
        )
    except (OSError, subprocess.TimeoutExpired):
        return frozenset()
    return frozenset(done.stdout.split("\n")) & frozenset(names)


def _start(whole: Sequence[str], command: Sequence[str], environ: Mapping[str, str] | None) -> None:
    try:
        child = subprocess.Popen(
            whole, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/",
            start_new_session=True, env=None if environ is None else dict(environ),
        )  # fmt: skip
    except OSError as error:
        raise TerminalError(msg("The terminal {name} can't be started.", name=whole[0]), command, str(error)) from error
    try:
        status = child.wait(_AT_ONCE)
    except subprocess.TimeoutExpired:
        threading.Thread(target=child.wait, name="terminal", daemon=True).start()  # or it would stay as a zombie
        return
    if status:
        raise TerminalError(
            msg("The terminal {name} exited at once, with {status}.", name=whole[0], status=status), command
        )  # fmt: skip
