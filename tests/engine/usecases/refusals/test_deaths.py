"""Containers that really die, each in a way of its own, on real engines: the answer names what killed them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rig.engine import Rig
from rig.fixtures import Engines
from stratascope.core.refusals.ended.ending import Ending, Phase
from stratascope.core.relaunch.want import HeldCapability, LooserMount, MoreOf, Network, Setting, Want, WritablePlace
from stratascope.i18n.translate import translate
from stratascope.usecases.refusals.service import why_ended
from stratascope.wiring.hardening import ConnectedHardening, open_hardening

# The first 20 bytes of a program for 64-bit Arm, and as many of nothing as a header has
ARM = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00\xb7\x00" + bytes(44)
FILTERS = {
    "kill": {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_KILL_PROCESS"}]},
    "nothing": {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": []},
    "nonsense": {"defaultAction": "SCMP_ACT_NONSENSE", "syscalls": []},
}
PROGRAMS = {
    "arm": (ARM, 0o755),
    "crlf": (b"#!/bin/sh\r\necho\r\n", 0o755),
    "no-interpreter": (b"#!/usr/bin/python3\n", 0o755),
    "no-first-line": (b"echo\n", 0o755),
    "marked": (b"\xef\xbb\xbf#!/bin/sh\necho\n", 0o755),
    "empty": (b"", 0o755),
    "no-right": (b"#!/bin/sh\n", 0o644),
    "dynamic": (Path("/bin/ls").read_bytes(), 0o755),
}


@dataclass(frozen=True)
class Death:
    """`said`: words of the answer. `code`: exit code; None: any."""

    name: str
    options: tuple[str, ...]
    command: tuple[str, ...]
    layer: str
    said: str
    certain: bool = False
    code: int | None = 1
    wants: tuple[Want, ...] = ()
    started: bool = True


def never(name: str, options: tuple[str, ...], command: tuple[str, ...], layer: str, said: str, *wants: Want) -> Death:
    return Death(name, options, command, layer, said, True, None, wants, started=False)


def sh(text: str) -> tuple[str, ...]:
    return ("sh", "-c", text)


LOW = ("--user", "1000", "--sysctl", "net.ipv4.ip_unprivileged_port_start=1024")
WORKS = ("sleep", "1")
DEATHS = (
    # -- the program does not run
    Death("arm", (), ("/f/arm",), "image", "/f/arm is built for another machine type: arm64", True),
    Death("crlf", (), ("/f/crlf",), "image", "(CRLF), so the kernel looks for /bin/sh with", True),
    Death("no-interpreter", (), ("/f/no-interpreter",), "image", "names /usr/bin/python3 as its interpreter", True),
    Death("no-first-line", (), ("/f/no-first-line",), "image", "neither a binary nor a script", True),
    Death("marked", (), ("/f/marked",), "image", "starts with a byte order mark", True),
    Death("empty", (), ("/f/empty",), "image", "/f/empty is empty", True),
    Death("dynamic", (), ("/f/dynamic",), "image", "needs the dynamic linker /lib64/ld-linux", True),
    never("no-right", (), ("/f/no-right",), "files", "/f/no-right has no execute permission"),
    never("nowhere", (), ("/nowhere",), "image", "There is no program /nowhere in it."),
    never("not-in-path", (), ("nowhere",), "image", "There is no program nowhere in it."),
    never("folder", (), ("/etc",), "image", "/etc, which it should run, is a directory."),
    # -- the engine or the runtime can't
    never("user", ("--user", "nobody-here"), WORKS, "image", "no user nobody-here in /etc/passwd"),
    never("group", ("--user", "0:nobody-here"), WORKS, "image", "no group nobody-here in /etc/group"),
    never("port", ("-p", "18099:80"), WORKS, "network", "Port 18099 of the host"),
    never("setting", ("--sysctl", "net.nowhere.x=1"), WORKS, "kernel", "This kernel has no setting net/nowhere/x"),
    never("file-on-folder", ("-v", "/etc/hostname:/etc"), WORKS, "engine", "inside are a file and a directory"),
    never("ulimit", ("--ulimit", "nofile=99999999999:99999999999"), WORKS, "cgroup", "is higher than the engine's"),
    never("no-files", ("--ulimit", "nofile=4:4"), WORKS, "cgroup", "too low even to start", MoreOf("nofile", 4)),
    never("nonsense", ("--security-opt", "seccomp={nonsense}"), WORKS, "seccomp", "SCMP_ACT_NONSENSE has no meaning"),
    never("nothing", ("--security-opt", "seccomp={nothing}"), WORKS, "seccomp", "It ended before its program ran"),
    # -- the kernel ends it
    Death("memory", ("-m", "16m"), ("tail", "/dev/zero"), "cgroup", "The kernel killed it", True, 137,
          (MoreOf("memory", 16 << 20),)),
    Death("memory-of-child", ("-m", "16m"), sh("tail /dev/zero; exit 3"), "cgroup", "killed one of its processes", True,
          3, (MoreOf("memory", 16 << 20),)),
    Death("call", ("--security-opt", "seccomp={kill}"), ("mkdir", "/tmp/q"), "seccomp", "A seccomp filter",
          True, 159),
    Death("killed", (), sh("trap '' TERM; sleep 3600 & wait"), "kernel", "It was killed, and", code=137),
    Death("stopped", (), sh("trap 'exit 143' TERM; sleep 3600 & wait"), "engine", "It was stopped through the engine",
          True, 143),
    # -- it says so
    Death("read-only", ("--read-only",), ("touch", "/x"), "namespaces", "It can't write to /x: its root",
          wants=(WritablePlace("/x", "/"),)),
    Death("read-only-mount", ("-v", "{folder}:/data:ro"), ("touch", "/data/x"), "namespaces", "that mount is read-only",
          wants=(WritablePlace("/data/x", "/data"),)),
    Death("owner", ("--cap-drop", "ALL"), ("chown", "7:7", "/etc"), "capabilities", "requires CHOWN",
          wants=(HeldCapability(("CAP_CHOWN",), 0),)),
    Death("mount", (), ("mount", "-t", "tmpfs", "x", "/mnt"), "capabilities", "requires SYS_ADMIN",
          wants=(HeldCapability(("CAP_SYS_ADMIN",), 0),)),
    Death("low-port", LOW, ("httpd", "-f", "-p", "80"), "capabilities", "can't listen on its port",
          wants=(HeldCapability(("CAP_NET_BIND_SERVICE",), 1000), Setting("net.ipv4.ip_unprivileged_port_start", "0"))),
    Death("processes", ("--pids-limit", "1"), sh("sleep 1; echo"), "cgroup", "not start more processes", code=2,
          wants=(MoreOf("pids", 1),)),
    Death("names", ("--network", "none"), ("wget", "-O-", "http://nowhere.example/"), "network", "can't resolve names",
          wants=(Network(),)),
    Death("no-exec", ("--tmpfs", "/q:noexec"), sh("cp /bin/busybox /q/; exec /q/busybox true"), "namespaces",
          "no program can be run (noexec)", code=126, wants=(LooserMount("/q/busybox", "/q", "exec"),)),
    Death("mode", ("--user", "1000"), ("cat", "/root/x"), "files", "It can't use /root/x"),
)  # fmt: skip


@dataclass
class Morgue:
    """All of them on one engine, asked by name."""

    rig: Rig
    found: ConnectedHardening

    def ending(self, name: str) -> Ending:
        access, state = self.found.state(f"dead-{name}")
        return why_ended(access, state)


@pytest.fixture(scope="module", params=("docker_rootful", "podman_rootful"))
def morgue(
    engines: Engines, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Morgue]:
    rig = engines.get(request.param)
    folder = tmp_path_factory.mktemp("programs")
    for name, (data, mode) in PROGRAMS.items():
        (folder / name).write_bytes(data)
        (folder / name).chmod(mode)
    places = {"folder": str(folder)}
    for name, text in FILTERS.items():
        places[name] = str(folder / f"{name}.json")
        Path(places[name]).write_text(json.dumps(text))
    names = ["dead-taker"]
    try:
        rig.run("run", "-d", "--name", "dead-taker", "-p", "18099:80", "busybox")
        for death in DEATHS:
            names.append(f"dead-{death.name}")
            options = (word.format(**places) for word in death.options)
            rig.run("run", "-d", "--name", names[-1], "-v", f"{folder}:/f:ro", *options, "busybox", *death.command,
                    check=death.started)  # fmt: skip
        rig.run("create", "--name", "dead-new", "busybox")
        rig.run(
            "run",
            "-d",
            "--name",
            "dead-loop",
            "--restart",
            "always",
            "busybox",
            "sh",
            "-c",
            "echo why; sleep 0.3; exit 3",
        )
        rig.run("run", "--name", "dead-well", "busybox", "true")
        names += ["dead-new", "dead-loop", "dead-well"]
        rig.run("stop", "dead-stopped")
        os.kill(rig.pid("dead-killed"), 9)
        rig.run("wait", *(f"dead-{death.name}" for death in DEATHS if death.started))
        os.environ["STRATASCOPE_ENGINES"] = f"{rig.kind}={rig.endpoint}"
        with open_hardening() as found:
            yield Morgue(rig, found)
    finally:
        os.environ.pop("STRATASCOPE_ENGINES", None)
        rig.remove(*names)


@pytest.mark.parametrize("death", DEATHS, ids=lambda death: str(death.name))
def test_what_killed_it(morgue: Morgue, death: Death) -> None:
    ending = morgue.ending(death.name)
    assert ending.phase is (Phase.EXITED if death.started else Phase.NEVER_STARTED)
    assert ending.cause is not None, ending
    what = translate(ending.cause.claim.what)
    assert (ending.cause.claim.layer, ending.cause.certain) == (death.layer, death.certain), (
        what,
        ending.cause.evidence,
    )
    assert death.said in what
    assert ending.cause.claim.wants == death.wants
    if death.code is not None:
        assert ending.exit_code == death.code


def test_no_folder_of_the_host_is_made_to_look_at_a_file(morgue: Morgue, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    program = tmp_path / "arm"
    program.write_bytes(ARM)
    program.chmod(0o755)
    options = ("-v", f"{gone}:/gone", "-v", f"{program}:/arm:ro")
    try:
        morgue.rig.run("run", "--name", "dead-folder-gone", *options, "busybox", "/arm", check=False)
        gone.rmdir()
        ending = morgue.ending("folder-gone")
        assert not gone.exists()
    finally:
        morgue.rig.remove("dead-folder-gone")
    assert ending.cause is not None
    assert ending.cause.claim.layer == "image"
    assert "/arm is built for another machine type" in translate(ending.cause.claim.what)
    assert not ending.cause.certain, "Docker is not asked for the file, and Podman can't tell then"


def test_one_that_was_never_started(morgue: Morgue) -> None:
    ending = morgue.ending("new")
    assert (ending.phase, ending.cause) == (Phase.NOT_TRIED, None)


def test_one_that_ended_well(morgue: Morgue) -> None:
    ending = morgue.ending("well")
    assert (ending.phase, ending.exit_code, ending.cause) == (Phase.EXITED, 0, None)


def test_one_that_is_started_again_and_again(morgue: Morgue) -> None:
    # for a moment after each start it runs, and the engine has no exit code of it
    while (ending := morgue.ending("loop")).phase is Phase.RUNNING or not ending.restarts or ending.exit_code is None:
        pass
    assert ending.phase is Phase.RESTARTING
    assert ending.exit_code == 3
    assert ending.log[-1] == "why"


def test_one_that_runs(morgue: Morgue) -> None:
    ending = morgue.ending("taker")
    assert (ending.phase, ending.cause) == (Phase.RUNNING, None)


def test_one_that_runs_at_its_limit(morgue: Morgue) -> None:
    """Before anybody watches it, by what the kernel counts for its control group."""
    try:
        morgue.rig.run("run", "-d", "--name", "dead-not-yet", "--pids-limit", "2", "busybox", "sh", "-c",
                       "(sleep 1 & sleep 1 & sleep 1); sleep 3600")  # fmt: skip
        while (ending := morgue.ending("not-yet")).cause is None:
            pass
    finally:
        morgue.rig.remove("dead-not-yet")
    assert ending.phase is Phase.RUNNING
    assert (ending.cause.claim.layer, ending.cause.certain) == ("cgroup", True)
    assert ending.cause.claim.wants == (MoreOf("pids", 2),)
