"""The user's terminal, chosen as desktops do, running a command that is passed as separate arguments.

$TERMINAL, then xdg-terminal-exec, the running desktop's terminal, x-terminal-emulator, then any known one. Decided
against those that take a command only as one string, or may do so (lxterminal, qterminal, tilix): a shell would
interpret it. If one of them is the desktop's own, x-terminal-emulator or xdg-terminal-exec pass it the arguments. In a
Flatpak all of this is on the host, if flatpak-spawn may start commands there.

Also reduces a container's output to plain text for our own windows: without colours, cursor movements and any other
control sequence.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence

from stratascope import sandbox
from stratascope.core import shell_quote
from stratascope.core.message import Message, MessageError, msg
from stratascope.core.sanitize import plain

# arguments between a terminal and the command
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
_SECONDS = 20.0  # for the host to answer through flatpak-spawn
_AT_ONCE = 1.5  # seconds within which a failing terminal has failed

Has = Callable[[Sequence[str]], frozenset[str]]  # returns which of these programs exist


class TerminalError(MessageError):
    """No terminal with that command; `message` says why, `command` is what could be typed instead."""

    def __init__(self, message: Message, command: Sequence[str], words: str = "") -> None:
        super().__init__(message, words)
        self.command = shell_quote.words(tuple(command))


def known_terminals() -> tuple[str, ...]:
    """All programs that may be used."""
    return tuple(_BEFORE)


def terminal(environ: Mapping[str, str], installed: frozenset[str]) -> tuple[str, ...] | None:
    """The prefix that runs a command in a terminal; None if there is none. Pure."""
    named = _words(environ.get("TERMINAL", ""))
    if named and (named[0] in installed or "/" in named[0]):
        return (*named, *_BEFORE.get(named[0].rpartition("/")[2], ("-e",)))
    desktops = environ.get("XDG_CURRENT_DESKTOP", "").lower().split(":")
    own = [name for desktop in desktops for name in _OF_DESKTOP.get(desktop, ())]
    found = next(
        (name for name in ("xdg-terminal-exec", *own, "x-terminal-emulator", *_BEFORE) if name in installed), None
    )
    return None if found is None else (found, *_BEFORE[found])


def open_in_terminal(command: Sequence[str], environ: Mapping[str, str], has: Has | None = None) -> None:
    """Returns once it is running. Raises TerminalError."""
    access = sandbox.access()
    if access is sandbox.Access.WITHHELD:
        text = msg("This Flatpak can't start a terminal on the host. Allow it with: {command}", command=sandbox.GRANT)
        raise TerminalError(text, command)
    asked = (*known_terminals(), *_words(environ.get("TERMINAL", ""))[:1], command[0])
    installed = (has or _here)(asked)
    if command[0] not in installed:
        raise TerminalError(msg("The program {name} is not installed here.", name=command[0]), command)
    before = terminal(environ, installed)
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
    """Which of these programs exist on this machine; from inside a Flatpak, on the host."""
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
        # reap the child, or it would stay a zombie
        threading.Thread(target=child.wait, name="terminal", daemon=True).start()
        return
    if status:
        raise TerminalError(
            msg("The terminal {name} exited at once, with {status}.", name=whole[0], status=status), command
        )  # fmt: skip


# ECMA-48: CSI sequences; OSC, DCS, SOS, PM and APC strings, terminated or not; two-character escapes
_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]?|\x9b[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]?"
)
_TAB = 8  # columns, as a terminal has them


def plain_line(text: str) -> str:
    """One line as a terminal would show it in the end: text before a carriage return is overwritten."""
    shown = _ESCAPES.sub("", text.rstrip("\r\n"))
    if "\r" in shown:
        shown = next((part for part in reversed(shown.split("\r")) if part), "")
    if "\b" in shown:
        shown = re.sub(r"[^\x08]\x08", "", shown)
    return plain(shown.expandtabs(_TAB))
