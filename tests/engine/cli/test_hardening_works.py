"""A result has two halves, on real engines: enforced, and seen to work by what it did before."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.cli.hardened import NAME, Desk, desk_at, start
from rig.engine import Rig

_END = "trap 'exit 0' TERM"
PAGES = ("sh", "-c", f"{_END}; httpd -p 8080 -h /etc; sleep 3600 & wait")
# The page is another user's, and nobody else may read it
OTHERS_PAGE = (
    "sh",
    "-c",
    f"{_END}; echo hello > /w/index.html; chmod 600 /w/index.html; chown 7 /w/index.html; httpd -p 8080 -h /w;"
    " sleep 3600 & wait",
)
# Greets in a child for each who comes, as sshd and inetd do: the port is open whatever becomes of the child
CHILDREN = (
    "sh",
    "-c",
    f"{_END}; printf '#!/bin/sh\\nchown 7 /w/greet && echo 220 at your service && cat > /dev/null\\n' > /w/greet;"
    " chmod 755 /w/greet; nc -ll -p 2525 -e /w/greet & sleep 3600 & wait",
)
SILENT = ("sh", "-c", f"{_END}; nc -ll -p 7000 -e sleep 60 & sleep 3600 & wait")


@pytest.fixture
def desk(each_api: Rig, tmp_path: Path) -> Iterator[Desk]:
    with desk_at(each_api, tmp_path) as found:
        yield found


def serving(desk: Desk, port: int) -> None:
    until = time.monotonic() + 30
    while f":{port:04X} " not in Path(f"/proc/{desk.rig.pid(NAME)}/net/tcp6").read_text():
        assert time.monotonic() < until, desk.rig.run("logs", NAME)
        time.sleep(0.05)


def test_what_answers_as_before_works(desk: Desk) -> None:
    start(desk, command=PAGES)
    serving(desk, 8080)
    code, out, err = desk.run("harden", NAME, "--yes", "--watch", "1", "--set", "no-new-privileges=on")
    assert code == 0, (out, err)
    assert "Enforced, and it works:" in out
    assert "Port 8080 answers as before: HTTP 404" in out
    code, last, _ = desk.harden("--set", "ulimit-core=0")
    assert (code, last["result"], last["enforced"], last["works"]) == (0, "verified", True, True)


@pytest.mark.slow
def test_what_shows_nothing_is_kept_and_told(desk: Desk) -> None:
    original = start(desk)
    code, out, err = desk.run("harden", NAME, "--yes", "--watch", "1", "--set", "read-only-root=on")
    assert code == 1, (out, err)
    assert "Enforced, and not tested:" in out
    assert "what it writes on request was not tried" in out
    assert "It has no health check." in out
    assert "Not tested. Try your app" in out
    assert f"{NAME} COMMAND" in out, "the line that tests it"
    assert "Works" not in out
    assert desk.only_one_runs() != original
    assert desk.run("exercise", NAME, "exit 3")[0] == 1
    code, out, err = desk.run("exercise", NAME, "test -e /proc/$STRATASCOPE_TWIN_PID/root/bin/sh", "--json")
    assert (code, json.loads(out)["outcome"]) == (0, "works"), (out, err)
    assert desk.run("undo", NAME, "--watch", "1")[0] == 0
    assert desk.only_one_runs() == original, "an undo proves nothing but that it runs"
    assert desk.run("discard", NAME)[0] == 0
    code, last, _ = desk.harden("--set", "read-only-root=on")
    assert (code, last["result"], last["enforced"], last["works"]) == (0, "enforced", True, None)
    assert last["outcome"] == "not-tested"
    assert last["test"].endswith(f" {NAME} COMMAND")
    assert last["compared"] == []
    assert len(last["not_compared"]) >= 3


def test_what_nothing_showed_is_not_said_to_work(desk: Desk) -> None:
    """It has neither a port nor a health check, so nothing was compared."""
    start(desk)
    code, out, err = desk.run("harden", NAME, "--yes", "--watch", "1", "--set", "ulimit-core=0")
    assert code == 1, (out, err)
    assert "Not tested. Try your app" in out


@pytest.mark.slow
@pytest.mark.parametrize(("command", "port", "taken"), [(OTHERS_PAGE, 8080, "DAC_OVERRIDE"), (CHILDREN, 2525, "CHOWN")])
def test_what_answers_in_another_way_is_rolled_back(
    desk: Desk, command: tuple[str, ...], port: int, taken: str
) -> None:
    """It runs, all its processes are there, and its port takes connections."""
    options = ("-v", "hardened-w:/w") if taken == "CHOWN" else ("--tmpfs", "/w")
    original = start(desk, *options, command=command)
    serving(desk, port)
    code, last, err = desk.harden("--set", f"drop={taken}")
    assert (code, last["result"], last["works"]) == (4, "rolled-back", False), (last, err)
    assert f"Port {port} answers differently than before" in last["why"]
    assert desk.only_one_runs() == original
    code, last, err = desk.harden("--set", f"drop={taken}", "--keep-unverified")
    assert (code, last["result"], last["enforced"], last["works"]) == (1, "kept-unverified", True, False), (last, err)


@pytest.mark.slow
def test_a_port_that_says_nothing_shows_nothing(desk: Desk) -> None:
    start(desk, command=SILENT)
    serving(desk, 7000)
    code, last, err = desk.harden("--set", "read-only-root=on")
    assert (code, last["result"], last["works"]) == (0, "enforced", None), (last, err)
    assert any("port 7000" in text for text in last["not_compared"])


@pytest.mark.slow
def test_a_program_that_nobody_can_look_into_is_in_doubt(desk: Desk) -> None:
    """Busybox is one static program for all: what it does on request with rights of root can't be told."""
    start(desk, command=PAGES)
    serving(desk, 8080)
    code, last, err = desk.harden("--set", "drop=CHOWN,SETUID")
    assert (code, last["result"], last["enforced"], last["works"]) == (0, "enforced", True, None), (last, err)
    assert last["compared"]
    assert any("CHOWN, SETUID" in text for text in last["not_compared"])
