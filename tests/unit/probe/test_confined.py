"""The collector from a sandbox; flatpak-spawn is played by a script. tests/machine/flatpak has the real one."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from stratascope import sandbox
from stratascope.core.ports import ConfinedError, ProbeError, Wish
from stratascope.i18n.translate import translate
from stratascope.probe.local import LocalProber
from stratascope.probe.observer import Root
from stratascope.probe.piped import HostProber, WithheldProber
from stratascope.wiring.engines import own_prober

GONE = 'echo "Portal call failed: The name org.freedesktop.Flatpak was not provided by any .service files" >&2; exit 1'
NO_PYTHON = (
    "echo 'Portal call failed: Failed to start command: Failed to execute child process “python3” "
    "(No such file or directory)' >&2; exit 1"
)
THROUGH = '[ "$1" = --host ] && shift && exec "$@"'
ME = Wish(os.getpid(), ("status",), members=False)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder where flatpak-spawn will be found."""
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return tmp_path


def play(folder: Path, script: str) -> None:
    path = folder / "flatpak-spawn"
    path.write_text(f"#!/bin/sh\necho >>{folder}/calls\n{script}\n")
    path.chmod(0o755)


def calls(folder: Path) -> int:
    return len((folder / "calls").read_text().splitlines())


def test_which_prober_it_is() -> None:
    assert isinstance(own_prober(sandbox.Access.OUTSIDE), LocalProber)
    assert isinstance(own_prober(sandbox.Access.GRANTED), HostProber)
    assert isinstance(own_prober(sandbox.Access.WITHHELD), WithheldProber)


def test_where_it_is_withheld_nothing_is_read_and_the_command_is_told() -> None:
    prober = WithheldProber()
    assert prober.capture(()) == ()
    for ask in (prober.host, lambda: prober.capture((ME,))):
        with pytest.raises(ConfinedError) as caught:
            ask()
        assert caught.value.command == sandbox.GRANT
    prober.close()


def test_root_is_not_asked_for_where_it_is_withheld(host: Path) -> None:
    play(host, THROUGH)
    root = Root({"PATH": str(host)}, [], access=sandbox.Access.WITHHELD, terminal=False)
    assert root.command == ""
    with pytest.raises(ConfinedError):
        root.open()
    assert not (host / "calls").exists()


def test_one_child_answers_everything_and_a_dead_one_is_started_again(host: Path) -> None:
    play(host, THROUGH)
    prober = HostProber()
    try:
        first = prober.capture((ME,))[0].first.text("status")
        assert f"Pid:\t{os.getpid()}" in str(first)
        prober.host()
        assert calls(host) == 1
        child = prober.child
        assert child is not None
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        assert f"Pid:\t{os.getpid()}" in str(prober.capture((ME,))[0].first.text("status"))
        assert calls(host) == 2
    finally:
        prober.close()


def test_one_that_dies_in_the_middle_is_tried_once_more_and_no_further(host: Path) -> None:
    """It greets, and ends at the first question: each call starts at most two."""
    play(host, THROUGH)
    prober = HostProber()
    prober.host()
    play(host, 'head -c 4000 >/dev/null; echo \'{"stratascope": "collector", "protocol": 0}\'; exit 0')
    child = prober.child
    assert child is not None
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    (host / "calls").unlink()
    with pytest.raises(ProbeError):
        prober.host()
    assert calls(host) <= 2
    prober.close()


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (GONE, "its service org.freedesktop.Flatpak is not available"),
        (NO_PYTHON, "The host has no python3"),
        ("echo who knows >&2; exit 3", "could not be started"),
    ],
)
def test_what_it_says_of_a_host_that_does_not_answer(host: Path, script: str, said: str) -> None:
    play(host, script)
    prober = HostProber()
    with pytest.raises(ProbeError) as caught:
        prober.host()
    assert said in translate(caught.value.message)
    assert calls(host) == 1
    play(host, THROUGH)  # mended: the second try works
    prober.host()
    prober.close()
