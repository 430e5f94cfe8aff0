"""In the sandbox with access to the host: one collector runs there, and everything is as outside."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from machine.flatpak.conftest import INSIDE
from machine.flatpak.desk_session import Session
from machine.flatpak.sandbox_report import COMMAND, report, verdicts
from rig.engine import Rig

pytestmark = [pytest.mark.flatpak, pytest.mark.engines, pytest.mark.usefixtures("containers")]

# What differs from one moment to the next, whoever looks; and what a sandbox can't know of a socket
MOVING = re.compile(r"taken_at|current|usage|used|peak|events|psi|pressure|cpu_stat|elapsed|uptime")
_SOCKET = ("daemon_uid", "socket_group")


def still(value: Any) -> Any:
    """Without what moves."""
    if isinstance(value, dict):
        return {name: still(each) for name, each in value.items() if not MOVING.search(name) and name not in _SOCKET}
    if isinstance(value, list):
        return [still(each) for each in value]
    return value


def test_it_reports_what_the_same_program_reports_outside(granted: Session) -> None:
    for _ in range(3):  # a process may come or go between the two
        outside = json.loads(granted.run(granted.outside("report", "--json")).stdout)
        inside = report(granted)
        if still(inside) == still(outside):
            break
    assert inside["trouble"] is None
    assert still(inside["ground"]) == still(outside["ground"])
    assert still(inside["engines"]) == still(outside["engines"])
    assert len(inside["containers"]) == 3
    for here, there in zip(inside["containers"], outside["containers"], strict=True):
        assert still(here) == still(there)
    assert len(json.dumps(still(inside))) > 100_000  # not empty by what was left out


def test_one_collector_answers_fast(granted: Session, record_property: Callable[[str, object], None]) -> None:
    done = granted.run(granted.sandboxed("-c", INSIDE, "speed", "500", command="python3"))
    seconds = json.loads(done.stdout)
    for name, value in seconds.items():
        record_property(name, value)
    assert seconds["each"] * 5 < seconds["call"]  # measured: 0.1 ms against 5.8 ms


def collectors(uid: int) -> list[int]:
    """The collectors of that user on the host."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdigit() else []
            if words[:2] == [b"python3", b"-SI"] and entry.stat().st_uid == uid:
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def test_a_collector_that_is_ended_is_started_again(granted: Session, talk: Callable[..., Callable[[], Any]]) -> None:
    ask = talk("chores")
    assert ask() == ""
    (before,) = collectors(granted.uid)
    assert ask() == ""
    assert collectors(granted.uid) == [before]
    os.kill(before, signal.SIGKILL)
    assert ask() == ""
    (after,) = collectors(granted.uid)
    assert after != before


def test_none_is_left_on_the_host(granted: Session) -> None:
    granted.run(granted.sandboxed("report"))
    until = time.monotonic() + 5
    while collectors(granted.uid) and time.monotonic() < until:
        time.sleep(0.05)
    assert collectors(granted.uid) == []


def test_without_the_service_it_says_so_and_a_second_try_works(
    installed: Path, podman_rootless: Rig, talk: Callable[..., Callable[[], Any]]
) -> None:
    with Session(installed, podman=podman_rootless, helper=False) as bare:
        bare.grant()
        found = report(bare)
        assert "its service org.freedesktop.Flatpak is not available" in found["trouble"]["message"]
        assert found["trouble"]["command"] == ""
        assert verdicts(found["containers"][0])["namespaces"] == "UNKNOWN"
        ask = talk("chores", bare)
        assert "is not available" in ask()
        helper = bare.start(bare.words("/usr/libexec/flatpak-session-helper"))
        until = time.monotonic() + 10
        while ask() and time.monotonic() < until:
            time.sleep(0.1)
        assert ask() == ""
        assert report(bare)["trouble"] is None
        helper.terminate()
        helper.communicate(timeout=10)


def test_without_python_on_the_host_it_says_so(installed: Path, podman_rootless: Rig) -> None:
    with Session(installed, podman=podman_rootless, path="/nowhere") as bare:
        bare.grant()
        found = report(bare)
        assert "The host has no python3" in found["trouble"]["message"]
        assert verdicts(found["containers"][0])["namespaces"] == "UNKNOWN"


def test_the_window_has_no_notice(granted: Session, display: str) -> None:
    picture = granted.home / ".var/app/io.github.stratascope.Stratascope/data/window.png"
    done = granted.run(
        granted.sandboxed("-c", INSIDE, "window", str(picture), "3", command="python3"),
        {"DISPLAY": display, "STRATASCOPE_THEME": "light"},
    )
    said = json.loads(done.stdout.splitlines()[-1])
    assert not said["visible"]
    assert said["root"]
    assert "flatpak-spawn --host pkexec /usr/bin/python3" in said["root_told"]
    assert "UNKNOWN" not in said["verdicts"]["db"].values()


def test_what_only_root_can_read(granted: Session, tmp_path: Path) -> None:
    """pkexec's stand-in becomes root without a question: what counts here is the way through the sandbox."""
    without = {each["name"]: each for each in report(granted)["containers"]}
    source = without["web"]["layers"]["seccomp"]["facts"]["source"]
    assert source != "kernel"  # root's process, and this user is not root
    folder = granted.folder / "local"
    folder.mkdir()
    shutil.copy("/usr/bin/setpriv", folder / "as-root")
    (folder / "as-root").chmod(0o4755)
    script = '#!/bin/sh\nexec /usr/local/bin/as-root --reuid=0 --regid=0 --clear-groups -- "$@"\n'
    (folder / "pkexec").write_text(script)
    (folder / "pkexec").chmod(0o755)
    granted.as_root("mount", "--bind", str(folder), "/usr/local/bin")
    try:
        found = report(granted, "--privileged")
    finally:
        granted.as_root("umount", "/usr/local/bin")
    by_name = {each["name"]: each for each in found["containers"]}
    assert by_name["web"]["layers"]["seccomp"]["facts"]["source"] == "kernel"


def test_it_says_what_it_could_not_start_as_root(granted: Session) -> None:
    if shutil.which("pkexec") or shutil.which("sudo"):
        pytest.skip("pkexec or sudo is here, and would ask a person")
    done = granted.run(granted.sandboxed("report", "--privileged"), check=False)
    assert done.returncode == 2
    assert "Nothing was started as root" in done.stderr
    assert COMMAND not in done.stderr
