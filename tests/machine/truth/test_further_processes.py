"""A container is all its processes and threads: really made in real engines, found, and gone when they end."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from machine.truth import own_reading
from machine.truth.fleet import report
from machine.truth.sessions import session
from rig.collector import target
from rig.engine import Rig
from rig.ordinary import seen_by_user, socket_for

HARD = ("--cap-drop", "ALL", "--security-opt", "no-new-privileges")


@pytest.fixture(scope="module", autouse=True)
def program() -> Iterator[None]:
    yield
    target.remove()


def threaded(rig: Rig, *what: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The program of collector/threaded.c as options and command of a container."""
    folder = rig.folder / "programs"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    program = folder / "threaded"
    if not program.exists():
        program.write_bytes(target.built("threaded").read_bytes())
        program.chmod(0o755)
    return ("-i", "-v", f"{folder}:/programs:ro"), ("/programs/threaded", *what)


def one(rig: Rig, name: str, *options: str) -> dict[str, Any]:
    found: dict[str, Any] = report(rig, name, *options)[name]
    return found


def gives_up(rig: Rig, container: str, expected: Any) -> None:
    """Wait until the program has done what it is to do: by the test's own reading."""
    pid = rig.pid(container)
    until = time.monotonic() + 10
    while not expected(Path(f"/proc/{pid}/status").read_text()):
        assert time.monotonic() < until
        time.sleep(0.02)


@contextmanager
def killed(pid: int) -> Iterator[None]:
    """Kill this process at the end: runc takes one whose first thread is a zombie for ended, and kills nothing.

    Rootless Podman on control groups v1 can then not remove its container ("given PID did not die within timeout").
    """
    pidfd = os.pidfd_open(pid)
    try:
        yield
    finally:
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        os.close(pidfd)


def test_a_thread_that_keeps_what_the_first_gave_up(any_engine: Rig) -> None:
    options, command = threaded(any_engine, "5", "caps")
    kept = ("--security-opt", "no-new-privileges")  # or its first thread could get it back
    with any_engine.container(*options, *kept, name="threads", command=command) as container:
        gives_up(any_engine, container, lambda text: "CapEff:\t0000000000000000" in text)
        found = one(any_engine, "threads")
        (thread,) = [each for each in found["processes"] if "thread_of" in each]
        assert thread["thread_of"] == found["pid"]
        assert "capabilities.effective" in thread["drift"]
        assert thread["exposure"] == found["exposure"] >= found["exposure_of_first"]
        assert found["layers"]["capabilities"]["facts"]["effective"] == "0x0000000000000000"
        threat = found["threats"]["bypass-file-permissions"]
        assert (threat["outcome"], threat["stances"]["capabilities"]) == ("open", "LETS_THROUGH")
        assert threat["reasons"]["capabilities"]["source"].startswith(f"/proc/{found['pid']}/task/{thread['pid']}/")
        mine = [each for each in found["findings"] if each["code"].startswith("capabilities.drift-")]
        assert len(mine) == 1
        assert f"Thread {thread['pid']} of process {found['pid']}" in mine[0]["text"]


def test_a_thread_that_is_still_root(each_api: Rig) -> None:
    options, command = threaded(each_api, "5", "uid")
    with each_api.container(*options, name="still-root", command=command) as container:
        gives_up(each_api, container, lambda text: "CapEff:\t0000000000000000" in text)
        found = one(each_api, "still-root")
        (thread,) = [each for each in found["processes"] if "thread_of" in each]
        assert "usermap.uid" in thread["drift"]
        assert found["exposure"] > found["exposure_of_first"]
        assert found["threats"]["bypass-file-permissions"]["outcome"] == "open"


def test_a_thread_that_has_no_filter(any_engine: Rig) -> None:
    options, command = threaded(any_engine, "5", "filter")
    unconfined = ("--security-opt", "seccomp=unconfined", "--cap-add", "SYS_ADMIN")
    with any_engine.container(*options, *unconfined, name="unfiltered", command=command) as container:
        gives_up(any_engine, container, lambda text: "Seccomp:\t2" in text)
        found = one(any_engine, "unfiltered", "--privileged")
        (thread,) = [each for each in found["processes"] if "thread_of" in each]
        assert {"seccomp.mode", "capabilities.no_new_privs"} <= set(thread["drift"])
        assert found["layers"]["seccomp"]["verdict"] == "OPEN"
        assert found["threats"]["unmount"]["stances"]["seccomp"] == "LETS_THROUGH"


def test_a_thread_under_fewer_filters_is_judged_by_its_own(each_api: Rig) -> None:
    """The first one's own filter refuses umount2 whatever it may hold; with SYS_ADMIN the default lets it through."""
    options, command = threaded(each_api, "5", "filter")
    with each_api.container(*options, "--cap-add", "SYS_ADMIN", name="fewer", command=command) as container:
        gives_up(each_api, container, lambda text: "Seccomp_filters:\t2" in text)
        found = one(each_api, "fewer", "--privileged")
        (thread,) = [each for each in found["processes"] if "thread_of" in each]
        assert "seccomp.filters" in thread["drift"]
        assert found["layers"]["seccomp"]["facts"]["source"] == "kernel"
        assert found["layers"]["seccomp"]["facts"]["filters"] == 2
        umount = found["threats"]["unmount"]
        assert umount["stances"]["seccomp"] == "LETS_THROUGH"
        assert umount["reasons"]["capabilities"]["source"].endswith(f"/task/{thread['pid']}/status:CapEff")


def test_a_first_thread_that_has_ended(any_engine: Rig) -> None:
    options, command = threaded(any_engine, "4", "exit")
    with (
        any_engine.container(*options, name="ended", command=command) as container,
        any_engine.container(*options, name="lives", command=(*command[:1], "4")),
        killed(any_engine.pid(container)),
    ):
        gives_up(any_engine, container, lambda text: "State:\tZ" in text)
        ended, lives = one(any_engine, "ended"), one(any_engine, "lives")
        assert ended["exposure"] == lives["exposure"]
        assert ended["layers"]["cgroup"]["facts"]["version"] == lives["layers"]["cgroup"]["facts"]["version"]
        assert [each["code"] for each in ended["findings"]] == [each["code"] for each in lives["findings"]]
        assert {key: value["outcome"] for key, value in ended["threats"].items()} == {
            key: value["outcome"] for key, value in lives["threats"].items()
        }


def test_a_privileged_session_counts_and_ends(any_engine: Rig) -> None:
    with any_engine.container(*HARD, name="hardened") as container:
        before = one(any_engine, "hardened", "--privileged")
        with session(any_engine, container, "--privileged"):
            found = one(any_engine, "hardened", "--privileged")
            os.kill(next(each["pid"] for each in found["processes"] if each["command"] == "sleep"), signal.SIGKILL)
        (sleeper,) = [each for each in found["processes"] if each["command"] == "sleep"]
        assert sleeper["kind"] == "exec"
        assert sleeper["exposure"] == found["exposure"] > before["exposure"] == found["exposure_of_first"]
        assert found["layers"]["capabilities"]["verdict"] in ("OPEN", "WEAKENED")
        new = [each for each in found["findings"] if each["code"] not in {item["code"] for item in before["findings"]}]
        assert len({each["layer"] for each in new}) == len(new)  # one paragraph a layer
        assert sum("exec session" in each["text"] for each in new) == 1
        after = one(any_engine, "hardened", "--privileged")
        assert (after["exposure"], after["findings"]) == (before["exposure"], before["findings"])


def test_an_ordinary_session_and_what_holds_less_raise_nothing(any_engine: Rig) -> None:
    with any_engine.container(name="plain") as container:
        before = one(any_engine, "plain")
        with session(any_engine, container), session(any_engine, container, "--user", "1000"):
            found = one(any_engine, "plain")
        sleepers = [each for each in found["processes"] if each["command"] == "sleep"]
        assert {each["kind"] for each in sleepers} == {"exec"}
        assert found["exposure"] == before["exposure"]
        assert {key: value["outcome"] for key, value in found["threats"].items()} == {
            key: value["outcome"] for key, value in before["threats"].items()
        }


def test_subprocesses_are_no_session(each_api: Rig) -> None:
    words = ("sh", "-c", "sleep 3598 & sleep 3597")
    with each_api.container(name="family", command=words):
        found = one(each_api, "family")
        assert found["processes"]
        assert all("kind" not in each and "exposure" not in each for each in found["processes"])


SANDBOX = ("sh", "-c", "unshare -U -r -m -p -f sleep 3596 & exec sleep 3595")
OVER_THE_HOST = ("write-core-pattern", "write-host-sysctl", "cgroup-release-agent", "write-sysfs")
# It may add flags to what is mounted, and copy it: change-mounts is open
OVER_THE_CONTAINER = ("bind-mount", "unmount", "unmask-kernel-files", "read-firmware")


def test_a_sandbox_below_the_container_has_no_power_over_it(any_engine: Rig) -> None:
    """Its process holds every capability in its own user namespace, where all that the engine mounted is locked."""
    unconfined = ("--security-opt", "seccomp=unconfined")
    with (
        any_engine.container(*unconfined, name="alone"),
        any_engine.container(*unconfined, name="sandboxed", command=SANDBOX) as container,
    ):
        own = any_engine.pid(container)
        while not (below := _in_another_user_namespace(own)):
            time.sleep(0.05)
        alone, found = one(any_engine, "alone", "--privileged"), one(any_engine, "sandboxed", "--privileged")
        told = seen_by_user(any_engine) if any_engine.rootless else _told(any_engine)
    assert {each["pid"] for each in found["processes"] if "usermap.uid_map" in each["drift"]} == below
    for reader in (found, told["sandboxed"]):
        outcomes = {name: reader["threats"][name]["outcome"] for name in (*OVER_THE_HOST, *OVER_THE_CONTAINER)}
        assert outcomes == dict.fromkeys(outcomes, "stopped")
    changed = {name for name, each in found["threats"].items() if each["outcome"] != alone["threats"][name]["outcome"]}
    assert not changed & {name for name, each in found["threats"].items() if each["severity"] == "critical"}


def _told(rig: Rig) -> dict[str, Any]:
    with socket_for(rig):
        return seen_by_user(rig)


def _in_another_user_namespace(pid: int) -> set[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    family = {int(child) for child in children}
    for child in children:
        family |= set(map(int, Path(f"/proc/{child}/task/{child}/children").read_text().split()))
    own = own_reading.namespaces(pid)["user"]
    found = {each for each in family if own_reading.namespaces(each)["user"] != own}
    sleeping = [each for each in found if own_reading.status(each)["Name"] == "sleep"]
    return found if sleeping else set()
