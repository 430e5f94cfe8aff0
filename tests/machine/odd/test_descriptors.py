"""Descriptors of what lies outside: sent through a socket, or left over from what was unmounted since.

A runtime's leak and --preserve-fds give such ones too. As root sees them: an ordinary user may not look at the
descriptors of others' processes.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest

from machine.attempts.compare import outcomes, table
from machine.attempts.configurations import Configuration
from machine.attempts.trial import run
from rig.engine import Rig

Opens = Callable[[Path], int]
OnHost = Callable[[Rig, Path], AbstractContextManager[dict[str, str]]]


def sent(name: str, *opened: Opens) -> OnHost:
    """Sends these to whoever connects to the socket in a folder of the host's; the word for it is the name."""

    @contextmanager
    def send(rig: Rig, folder: Path) -> Iterator[dict[str, str]]:
        place = folder / name
        place.mkdir()
        with ExitStack() as stack:
            listening = stack.enter_context(socket.socket(socket.AF_UNIX))
            listening.bind(str(place / "socket"))
            (place / "socket").chmod(0o777)
            listening.listen(4)
            numbers = [each(folder) for each in opened]
            for number in numbers:
                stack.callback(os.close, number)

            def serve() -> None:
                with contextlib.suppress(OSError):
                    while True:
                        connected, _ = listening.accept()
                        with connected:
                            socket.send_fds(connected, [b"x"], numbers)

            thread = threading.Thread(target=serve, daemon=True)
            thread.start()
            try:
                yield {name: str(place)}
            finally:
                listening.shutdown(socket.SHUT_RDWR)
                thread.join()

    return send


def _open(path: str, flags: int = os.O_RDONLY | os.O_DIRECTORY) -> Opens:
    return lambda _: os.open(path, flags)


def _appended(folder: Path) -> int:
    return os.open(folder / "appended", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


_masters: list[int] = []  # kept open until the tests' end: a terminal without one is gone


def _terminal(folder: Path) -> int:
    master, number = os.openpty()
    _masters.append(master)
    return number


def _scenario(name: str, *options: str, opened: tuple[Opens, ...]) -> Configuration:
    word = "held_" + name.replace("-", "_")
    bound = ("-v", f"{{{word}}}:/descriptors:ro")
    return Configuration(f"odd-held-{name}", (*bound, *options), ("descriptors",), host=(sent(word, *opened),))


def _unmounted(name: str, how: str = "", bound: str = "") -> Configuration:
    """A folder of the host's that stays open although its mount is taken away."""
    free = ("--cap-add", "SYS_ADMIN", "--security-opt", "seccomp=unconfined")
    options = ("-v", f"{{folder}}/mounted:/left{bound}", *free)
    return Configuration(f"odd-held-unmounted-{name}", options, (f"unmount=/left,{how}",))


_ROOT = _open("/")
SCENARIOS = (
    _scenario("root", opened=(_ROOT,)),
    _scenario("root-by-path", opened=(_open("/", os.O_PATH | os.O_DIRECTORY),)),
    _scenario("folder", opened=(_open("/usr/share"),)),
    _scenario("without-capabilities", "--cap-drop", "ALL", opened=(_open("/var"),)),
    _scenario("as-user", "--user", "1000", opened=(_ROOT,)),
    _scenario("read-only", "--read-only", opened=(_open("/etc"),)),
    _scenario("nothing-new", "--security-opt", "no-new-privileges", opened=(_ROOT,)),
    _scenario("a-file-to-write", opened=(_appended,)),
    _scenario("null", opened=(_open("/dev/null", os.O_RDWR),)),
    _scenario("a-folder-of-proc", opened=(_open("/proc/sys"),)),
    _scenario("a-control-group", opened=(_open("/sys/fs/cgroup"),)),
    _scenario("terminal", opened=(_terminal,)),
    _scenario("terminal-admin", "--cap-add", "SYS_ADMIN", opened=(_terminal,)),
    _scenario("two", opened=(_open("/dev/null", os.O_RDWR), _open("/var"))),
    _unmounted("folder"),
    _unmounted("folder-alone", "alone"),
    _unmounted("working-directory", "working,alone"),
    _unmounted("read-only", bound=":ro"),
)


# whether tracefs is mounted on the host's sysfs is not looked at (as with `-v /sys:/x`), and here it is not;
# into which programs of the machine it may look: other tests' come and go (`scenarios/host_programs.py`)
_OF_PROGRAMS = {f"enter-{whose}-process" for whose in ("host", "foreign", "same-user")} | {
    "take-over-privileged-process",
    "trace-with-tracefs",
}


@pytest.mark.slow
def test_what_is_held_open(any_engine: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    trial = run(any_engine, SCENARIOS)
    found = [item for item in outcomes(trial) if item.threat not in _OF_PROGRAMS]
    with capsys.disabled():
        sys.stdout.write(f"\nheld open, as root\n{table(found)}\n")
    assert [item for item in found if item.said == "stopped" and item.did == "open"] == []
    assert [item for item in found if item.word == "disagreed"] == []
    opened = {item.configuration for item in found if item.threat == "write-host-files" and item.did == "open"}
    assert opened >= {"odd-held-root", "odd-held-root-by-path", "odd-held-folder", "odd-held-two"}
    left = {name for name in opened if name.startswith("odd-held-unmounted-")}
    assert left == {f"odd-held-unmounted-{name}" for name in ("folder", "folder-alone", "working-directory")}
