"""What is said that a container or sandbox gets at, against what it gets at when it tries.

*Closed* must never be said of what is open. What is open only by a detour (`reached`, `_chain`), or by a program that
gives more rights, is not tried here and not counted.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from machine.reach.tally import Tally, waiting
from machine.reach.trying import Target, said
from rig.collector.asking import needs_root
from rig.engine import Rig
from rig.ordinary import as_user
from rig.sandboxes import BY_ID, descendants, started
from stratascope.core.container import NO_ENGINE, OTHER_KERNEL
from stratascope.core.ground import decode_ground
from stratascope.core.ports import ProbeError
from stratascope.core.reach.row import Answer, Known, Reached
from stratascope.i18n.translate import translate
from stratascope.layers import all_layers
from stratascope.makers.translate import translate as translate_raw
from stratascope.probe.local import LocalProber
from stratascope.usecases.reach.attempts import attempts_by, tried
from stratascope.usecases.reach.judge import reached
from stratascope.usecases.reach.subject import of_process
from stratascope.value import Value
from stratascope.wiring.engines import Engines, open_engines
from stratascope.wiring.reach import subject_of


class Case(Value):
    """One container. `folders`: where it looks for the home, which is HOME in them and in the options."""

    name: str
    options: tuple[str, ...] = ()
    folders: tuple[str, ...] = ("HOME",)


CASES = (
    Case("plain"),
    Case("home", ("-v", "HOME:HOME")),
    Case("read-only-other-user", ("-v", "HOME:/h:ro", "--user", "1234"), ("/h",)),
    Case("keys-elsewhere", ("-v", "HOME/.ssh:/keys:ro"), ("/keys", "HOME")),
    Case("no-capabilities", ("-v", "HOME:/h", "--cap-drop", "ALL"), ("/h",)),
    Case("keys-hidden", ("-v", "HOME:/h", "-v", "FOLDER/empty:/h/.ssh"), ("/h",)),
    Case("owner", ("-v", "HOME:/h", "--user", "1000:1000"), ("/h",)),
    Case("no-override", ("-v", "HOME:/h:ro", "--cap-drop", "DAC_OVERRIDE", "--cap-drop", "SETUID"), ("/h",)),
    Case("project", ("-v", "HOME/src/portal:/work"), ("/work", "HOME")),
    Case("no-network", ("--network", "none")),
    Case("their-processes", ("--pid", "host")),
    Case("no-new-privileges", ("--security-opt", "no-new-privileges", "-v", "HOME:/h", "--user", "1000"), ("/h",)),
    Case("unfiltered", ("--security-opt", "seccomp=unconfined", "-v", "HOME/.codex:/c"), ("/c",)),
    Case("privileged", ("--privileged", "-v", "HOME:/h"), ("/h",)),
)
QUICK = CASES[:6]
AS_USER = ("setpriv", "--reuid=1000", "--regid=1000", "--clear-groups")
_GETS = "--landlock-rule=path-beneath:execute,read-file:FOLDER/gets"
_LANDLOCK = "--landlock-rule=path-beneath:execute,read-file,read-dir:"
_IPV6 = (
    "ip link add v type veth peer name w; ip addr add 2001:db8:1::2/64 dev v nodad; "
    "ip link set v up; ip link set w up; ip -6 route add default via 2001:db8:1::1; exec "
)
SANDBOXES = {
    "user": AS_USER,
    "hidden keys": (*AS_USER, "bwrap", "--bind", "/", "/", "--tmpfs", "HOME/.ssh", "--unshare-pid", "--proc", "/proc"),
    "read-only": (*AS_USER, "bwrap", "--ro-bind", "/", "/", "--unshare-all", "--proc", "/proc"),
    "no network": (*AS_USER, "unshare", "-Urnpf", "--mount-proc"),
    "IPv6 alone": ("unshare", "-n", "sh", "-c", _IPV6 + '"$@"', "sh", *AS_USER),
    "landlock": (*AS_USER, "--no-new-privs", "--landlock-access=fs", f"{_LANDLOCK}/usr", _GETS),
}  # fmt: skip


def with_home(words: tuple[str, ...], there: Target) -> list[str]:
    return [word.replace("HOME", str(there.home)).replace("FOLDER", str(there.folder)) for word in words]


def _containers(rig: Rig, cases: tuple[Case, ...], there: Target, tally: Tally) -> None:
    for case in cases:
        name = f"reach-{case.name}"
        options = ("-d", "--name", name, "-e", "STAY=1", "-v", f"{there.program}:/gets:ro")
        folders = with_home(case.folders, there)
        rig.run("run", *options, *with_home(case.options, there), "busybox", "/gets", *there.arguments(*folders))
        try:
            while "done" not in (text := rig.run("logs", name)).split():
                time.sleep(0.05)
            with open_engines() as engines:
                judged, _ = subject_of(engines, name)
            tally.compare(case.name, reached(judged).rows, said(text), there.home)
        finally:
            rig.run("rm", "-f", name)


def test_what_a_container_gets_at(one_engine: Rig, there: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRATASCOPE_ENGINES", one_engine.endpoint)
    tally = Tally()
    _containers(one_engine, QUICK, there, tally)
    tally.judge()


def test_what_another_containers_process_leads_to(
    one_engine: Rig, there: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not looked at which files that one has, so that none of them is closed."""
    monkeypatch.setenv("STRATASCOPE_ENGINES", one_engine.endpoint)
    with (
        one_engine.container("-v", f"{there.home}:/h:ro") as given,
        one_engine.container("--pid", f"container:{given}") as beside,
        one_engine.container("--pid", f"container:{given}", "--cap-drop", "ALL", "-u", "1234") as weak,
        one_engine.container("--pid", f"container:{given}", "--cap-drop", "ALL") as alike,
    ):
        assert one_engine.said(beside, "sh", "-c", "kill -0 1 && ls /proc/1/root/h/.ssh")
        one_engine.run("exec", alike, "kill", "-0", "1")  # with its ids, and without KILL
        rows = {}
        with open_engines() as engines:
            for container in (beside, weak, alike):
                judged, _ = subject_of(engines, container)
                rows[container] = {row.thing.id: row.answer for row in reached(judged).rows}
        assert {rows[beside][name] for name in ("ssh-keys", "home-read")} == {Answer.UNKNOWN}
        assert rows[beside]["signal-others"] is Answer.OPEN
        assert rows[weak]["signal-others"] is Answer.UNKNOWN
        assert rows[alike]["signal-others"] is Answer.OPEN


@pytest.mark.slow
def test_what_containers_of_all_engines_get_at(any_engine: Rig, there: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRATASCOPE_ENGINES", any_engine.endpoint)
    tally = Tally()
    _containers(any_engine, CASES, there, tally)
    tally.judge()


@needs_root
def test_what_sandboxes_get_at(there: Target) -> None:
    prober, tally = LocalProber(), Tally()
    ground = decode_ground(prober.host())
    environment = {**os.environ, "STAY": "1"}
    for name, words in SANDBOXES.items():
        command = [*with_home(words, there), str(there.program), *there.arguments()]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd="/") as process:
            assert process.stdout is not None
            text = ""
            while (line := process.stdout.readline()) not in ("done\n", ""):
                text += line
            pid = waiting(there)
            try:
                subject = of_process(all_layers(), pid, ground, prober)
                found, by_trying = reached(subject), tried(subject, attempts_by(prober, subject))
            finally:
                os.kill(pid, 9)
                process.kill()
        tally.compare(name, found.rows, said(text), there.home)
        tally.compare(f"{name}, tried", by_trying.rows, said(text), there.home)
        assert by_trying.differing == (), (name, by_trying.differing)
        least = 1 if name == "landlock" else 15  # an engine's socket, which Landlock lets through, leads to the others
        assert sum(row.known is Known.TRIED for row in by_trying.rows) >= least, by_trying
    tally.judge()


@needs_root
def test_an_ordinary_user_knows_what_closes_his_own_sandbox(there: Target) -> None:
    """Only Landlock is unknown to him: nodes on a mount without devices, and what lies behind them, are not."""
    command = with_home(SANDBOXES["read-only"], there)
    with subprocess.Popen([*command, str(there.program), *there.arguments()], env={"STAY": "1"}, cwd="/") as process:
        try:
            pid = awaited(there)
            try:
                done = as_user("reach", str(pid), "--json", endpoint="docker=unix:///nowhere")
            finally:
                os.kill(pid, 9)
            rows = {row["id"]: row["outcome"] for row in json.loads(done.stdout)["rows"]}
        finally:
            process.kill()
    decided = ("host-disks", "devices", "system-write", "shadow", "internet", "signal-others")
    assert {name: rows[name] for name in decided} == dict.fromkeys(decided, "closed")


def awaited(there: Target) -> int:
    """The same as `waiting`, which may not have begun."""
    for _ in range(100):
        with suppress(AssertionError):
            return waiting(there)
        time.sleep(0.1)
    return waiting(there)


@needs_root
def test_what_was_to_be_hidden_and_is_within_reach(there: Target) -> None:
    """A key that is hidden at its place, and shown at another; by name, as who made the sandbox is known then."""
    home, name = str(there.home), f"hides{os.getpid()}"
    words = ["bwrap", "--ro-bind", "/", "/", "--tmpfs", f"{home}/.ssh", "--bind", home, "/mnt"]
    words += ["--unshare-net", "sh", "-c", "sleep 600; true", name]
    with subprocess.Popen(words, start_new_session=True) as process:
        try:
            reached_by_name = _by_name(process.pid)
            inside = max(descendants(process.pid))
            told = subprocess.run(
                [sys.executable, "-m", "stratascope", "report", str(inside), "--json"],
                check=True,
                capture_output=True,
                text=True,
                env={**os.environ, "STRATASCOPE_ENGINES": "docker=unix:///nowhere"},
            )
        finally:
            os.killpg(process.pid, 9)
    rows = {row.thing.id: row for row in reached_by_name.rows}
    assert "/mnt/.ssh/" in translate(rows["ssh-keys"].why)
    assert translate(rows["ssh-keys"].why).startswith("Its maker was told to hide it")
    assert "told to hide" not in translate(rows["aws"].why)
    (container,) = json.loads(told.stdout)["containers"]
    drift = [each["code"] for each in container["findings"] if "not-hidden" in each["code"]]
    assert drift == [f"namespaces.not-hidden.{name}" for name in ("ssh-keys", "ssh-agent")]


def _by_name(top: int) -> Reached:
    """Of the sandbox in which a child of that process is, by its id."""
    until = time.monotonic() + 30
    with open_engines(sandboxes=True) as opened:
        while time.monotonic() < until:
            for raw in opened.port(NO_ENGINE.id).list():
                sandbox = translate_raw(raw, NO_ENGINE).sandbox
                if sandbox is not None and set(sandbox.pids) & set(descendants(top)):
                    with suppress(ProbeError):  # its id is another while its maker still sets it up
                        return reached(subject_of(opened, sandbox.id)[0])
            time.sleep(0.2)
    raise AssertionError("no sandbox was found")


@needs_root
def test_a_command_that_an_agent_runs_outside_of_its_sandbox(there: Target) -> None:
    """A shell with an agent's name: one command in bubblewrap, and then one without."""
    agent = there.folder / "codex"
    shutil.copy(shutil.which("bash") or "/bin/bash", agent)
    inside = "bwrap --ro-bind / / --unshare-net sh -c 'sleep 600; true' & "
    for more, expected in (("", False), ("sleep 700 & ", True)):
        with subprocess.Popen([str(agent), "-c", f"{inside}{more}wait"], start_new_session=True) as process:
            try:
                rows = {row.thing.id: row for row in _by_name(process.pid).rows}
            finally:
                os.killpg(process.pid, 9)
        assert ("outside-sandbox" in rows) is expected
        assert not expected or rows["outside-sandbox"].where.startswith("sleep (")


@needs_root
@pytest.mark.skipif(shutil.which("runsc") is None, reason="needs gVisor")
def test_what_runs_on_another_kernel_is_not_judged_by_this_one(tmp_path: Path) -> None:
    """What the machine's kernel holds gVisor's own process to is not what holds the programs inside."""
    with started(BY_ID["gvisor"], tmp_path) as running, open_engines() as opened:
        while not (kernels := [pid for pid in descendants(running.top) if _named(pid).startswith("runsc-sandbox")]):
            time.sleep(0.1)
        with pytest.raises(ProbeError) as raised:
            subject_of(opened, str(kernels[0]))
    assert translate(OTHER_KERNEL) in translate(raised.value.message)


def _named(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text().partition("\0")[0]
    return ""


@needs_root
def test_a_command_of_an_agent_while_no_sandbox_of_it_lives(there: Target) -> None:
    """As when a command was refused in a sandbox, and is run again without."""
    agent = there.folder / "codex"
    shutil.copy(shutil.which("bash") or "/bin/bash", agent)
    script = "bwrap --ro-bind / / --unshare-net sh -c 'sleep 600; true' & read -r; kill %1; wait; sleep 700 & wait"
    with subprocess.Popen([str(agent), "-c", script], stdin=subprocess.PIPE, start_new_session=True) as process:
        try:
            with open_engines(sandboxes=True) as opened:
                assert _of_agent(opened, process.pid, free=False)
                assert process.stdin is not None
                process.stdin.write(b"\n")
                process.stdin.close()
                free = _of_agent(opened, process.pid, free=True)
                rows = {row.thing.id: row for row in reached(subject_of(opened, free)[0]).rows}
        finally:
            os.killpg(process.pid, 9)
    assert rows["outside-sandbox"].where.startswith("sleep (")
    assert rows["ssh-keys"].answer is Answer.OPEN


def _of_agent(opened: Engines, agent: int, *, free: bool) -> str:
    """The id of what it runs, in a sandbox or without."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        for raw in opened.port(NO_ENGINE.id).list():
            sandbox = translate_raw(raw, NO_ENGINE).sandbox
            if sandbox is not None and agent in sandbox.helpers and sandbox.free is free:
                return sandbox.id
        time.sleep(0.2)
    raise AssertionError("it was not found")
