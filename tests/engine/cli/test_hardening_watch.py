"""What a replacement must do, on real engines: listen again, keep to its memory limit; and who is to blame if not."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.cli.hardened import NAME, STAYS, Desk, desk_at, start
from rig.engine import Rig

# A server that writes a file before it listens, and sits there if it can't
SERVER = (
    "sh",
    "-c",
    "trap 'exit 0' TERM; mkdir -p /var/cache/www;"
    " (touch /var/cache/www/here && exec httpd -f -p 8080) & sleep 3600 & wait",
)


@pytest.fixture
def desk(each_api: Rig, tmp_path: Path) -> Iterator[Desk]:
    with desk_at(each_api, tmp_path) as found:
        yield found


def listening(desk: Desk, port: int = 8080) -> bool:
    pid = desk.rig.pid(NAME)
    return f":{port:04X} " in Path(f"/proc/{pid}/net/tcp").read_text() + Path(f"/proc/{pid}/net/tcp6").read_text()


def wait_until_listening(desk: Desk) -> None:
    while not listening(desk):
        time.sleep(0.05)


@pytest.mark.slow
def test_it_listens_again(desk: Desk) -> None:
    start(desk, command=SERVER)
    wait_until_listening(desk)
    code, last, err = desk.harden("--set", "no-new-privileges=on")
    assert (code, last["result"]) == (0, "verified"), (last, err)
    assert listening(desk)
    assert not [item for item in last["warnings"] if item["code"] == "ports-unknown"]


@pytest.mark.slow  # half a minute of grace
def test_one_that_no_longer_listens_is_rolled_back(desk: Desk) -> None:
    original = start(desk, command=SERVER)
    wait_until_listening(desk)
    code, last, _ = desk.harden("--set", "read-only-root=on", "--set", "no-new-privileges=on")
    assert (code, last["result"]) == (4, "rolled-back")
    assert last["why"] == "It listened on port 8080 before, and does not now."
    assert "Read-only file system" in last["log"]
    assert last["suspects"] == ["read-only-root"]
    # no tmpfs: /var/cache is no folder for temporary files
    assert "It can't write to /var/cache" in last["blame"]
    assert "Give it a volume there, or leave out read-only-root." in last["blame"]
    assert desk.only_one_runs() == original
    assert listening(desk)


def test_one_that_ends_tells_who_is_to_blame(desk: Desk) -> None:
    command = ("sh", "-c", "chown 1000 /tmp || exit 1; trap 'exit 0' TERM; sleep 3600 & wait")
    original = start(desk, command=command)
    code, last, _ = desk.harden("--set", "capabilities=NET_BIND_SERVICE", "--set", "no-new-privileges=on")
    assert (code, last["result"]) == (4, "rolled-back"), last
    assert last["suspects"] == ["capabilities"]
    assert "capabilities=CHOWN,NET_BIND_SERVICE" in last["blame"]
    assert desk.only_one_runs() == original


@pytest.mark.slow
def test_a_warning_that_the_original_got_too_does_not_stop_it(desk: Desk) -> None:
    """Rootless engines warn of limits that they can't set, whatever else is asked."""
    start(desk, "--memory", "64m")
    code, last, err = desk.harden("--set", "no-new-privileges=on")
    assert (code, last["result"] in STAYS) == (0, True), (last, err)
    assert len(desk.all()) == 2, "nothing but the original is left"


@pytest.mark.slow
def test_the_hosts_network_is_shared_but_its_ports_are_its_own(desk: Desk) -> None:
    """The machine's own listeners must not be awaited."""
    port = 20000 + os.getpid() % 10000
    command = ("sh", "-c", f"trap 'exit 0' TERM; httpd -f -p 127.0.0.1:{port} & sleep 3600 & wait")
    start(desk, "--network", "host", command=command)
    while not listening(desk, port):
        time.sleep(0.05)
    code, last, err = desk.harden("--set", "no-new-privileges=on")
    assert (code, last["result"]) == (0, "verified"), (last, err)
    assert listening(desk, port)


def test_before_an_undo_what_it_wrote_is_listed(desk: Desk) -> None:
    """Without the folders that lead there, and without what the engine makes in every container."""
    original = start(desk, "-v", "hardened-data:/data")
    assert desk.run("undo", NAME, "--dry-run")[0] == 2
    code, last, err = desk.harden("--set", "no-new-privileges=on")
    assert code == 0, err
    code, out, err = desk.run("undo", NAME, "--dry-run")
    assert (code, "It has written nothing" in out) == (0, True), err
    desk.rig.run("exec", NAME, "sh", "-c", "mkdir /kept; echo 1 > /kept/a; echo 2 > /data/b")
    code, out, err = desk.run("undo", NAME, "--dry-run", "--json")
    plan = json.loads(out.splitlines()[-1])
    assert (code, plan["result"], plan["written"]) == (0, "possible", ["/kept/a"]), err
    assert desk.only_one_runs() == last["replacement_id"], "nothing was changed"
    code, out, err = desk.run("undo", NAME, "--watch", "0")
    assert (code, "/kept/a" in out) == (0, True), err
    assert desk.only_one_runs() == original
    aside = next(name for name in desk.all() if name != NAME)
    desk.rig.run("start", aside)
    # no exec: Podman's over the API now and then loses its output
    assert Path(f"/proc/{desk.rig.pid(aside)}/root/kept/a").read_text() == "1\n", "it is still there"


# A master with a worker of another user, and one more for each line that it is given, as Postfix has them
MASTER = (
    "sh",
    "-c",
    "trap 'exit 0' TERM; su -s /bin/sh app -c 'exec tail -f /dev/null' & mkfifo /run/asked; exec 3<>/run/asked;"
    " while read x <&3; do su -s /bin/sh app -c 'exec sleep 3602' & done & sleep 3600 & wait",
)


@pytest.mark.slow
@pytest.mark.parametrize("comes_back", [True, False])
def test_a_worker_that_came_on_demand(desk: Desk, comes_back: bool) -> None:
    """It need not come back where nothing asks for it; where no process of its user does, that is no accident."""
    start(desk, command=MASTER)
    inside = Path(f"/proc/{desk.rig.pid(NAME)}/root")
    while not (inside / "run/asked").exists():
        time.sleep(0.05)
    (inside / "run/asked").write_text("one more\n")
    while not _has(desk.rig.pid(NAME), b"sleep\0003602\0"):
        time.sleep(0.05)
    words = ("--set", "no-new-privileges=on") if comes_back else ("--set", "capabilities=none")
    code, last, err = desk.harden(*words)
    if comes_back:
        assert (code, last["result"] in STAYS) == (0, True), (last, err)
    else:
        assert (code, last["result"]) == (4, "rolled-back"), (last, err)
        assert "did not start again" in last["why"]


def _has(first: int, command: bytes) -> bool:
    """Whether that runs in the PID namespace of that process; `docker top` fails without root on control groups v1."""
    whole = Path(f"/proc/{first}/ns/pid").readlink()
    for each in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (each / "ns/pid").readlink() == whole and (each / "cmdline").read_bytes() == command:
                return True
    return False


@pytest.mark.slow
def test_what_was_removed_by_somebody_else_can_not_be_undone(desk: Desk) -> None:
    """Both of them: where one is left, it can (tests/engine/traps/test_way_back.py)."""
    original = start(desk)
    assert desk.harden("--set", "no-new-privileges=on")[0] == 0
    desk.rig.run("rm", "-f", original)
    desk.rig.run("rm", "-f", NAME)
    code, out, _ = desk.run("undo", NAME, "--json")
    last = json.loads(out.splitlines()[-1])
    assert (code, last["result"], [item["code"] for item in last["blocks"]]) == (3, "refused", ["gone"])
    assert len(out.splitlines()) == 1


# Each holds 100 MiB or more of text: the program itself, or a process that it starts
EATERS = {
    "the program": "sleep 1; x=$(head -c 100m /dev/zero | tr '\\0' x); sleep 3600",
    "one of its processes": "trap 'exit 0' TERM; sleep 1; head -c 100m /dev/zero | tail > /dev/null; sleep 3600 & wait",
}


@pytest.mark.slow
@pytest.mark.parametrize("which", EATERS)
def test_one_that_eats_its_memory(desk: Desk, which: str) -> None:
    original = start(desk, "--stop-timeout", "1", command=("sh", "-c", EATERS[which]))
    if desk.rig.rootless:  # sets no limits on cgroup v1, and is not asked to
        assert desk.harden("--set", "memory=16m")[0] == 2
        assert desk.only_one_runs() == original
        return
    time.sleep(3)
    code, last, _ = desk.harden("--set", "memory=16m", "--set", "no-new-privileges=on", "--watch", "8")
    assert (code, last["result"]) == (4, "rolled-back"), last
    assert "more memory than its limit allows" in last["why"]
    assert last["suspects"] == ["memory"]
    assert "32 MiB" in last["blame"]
    assert desk.only_one_runs() == original
