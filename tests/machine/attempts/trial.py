"""Runs the program in many containers of one engine, takes the report while they wait, and collects what they tried."""

from __future__ import annotations

import ctypes
import json
import lzma
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from machine.attempts.build import image, program
from machine.attempts.configurations import STRONG, Configuration, write_profiles
from machine.truth import own_reading
from rig.engine import Rig
from rig.ordinary import seen_by_user, socket_for
from rig.plan import ordinary_user
from stratascope.core.snapshot import MachineCapture
from stratascope.probe import beacons
from stratascope.state import capture_file
from stratascope.wiring.engines import open_engines, take_capture, translations

IMAGE = "attempts:latest"  # the peers'
PEER, WEAK_PEER, BARE_PEER = "strata-attempts-peer", "strata-attempts-weak", "strata-attempts-bare"
RECORDED = Path(__file__).with_name("recorded")
AT_ONCE = 4
_PLANTED = {"direct": "strata-planted", "made with the mark": "strata-made"}  # looked at from outside, by route
SECONDS = 90.0  # until a container must be ready, and again until it must have tried everything
KEY, SEGMENT = f"strata-attempts-{os.getpid()}", 0x53000000 | os.getpid()  # of this test run alone

_IPC_CREAT, _IPC_RMID = 0o1000, 0
_OF_THIS_MACHINE = (
    (r"/process_api/[0-9a-f]+", "/user.slice/session.scope"),
    (r"/process_api\b", "/user.slice"),
    (r"/tmp/strata-attempts-[a-z0-9_]+", "/srv"),
    (r"/tmp/strata-rig-[a-z0-9_]+", "/var/lib/other-engine"),
    (r"/mnt/[a-z]+/[^ \\\"]*", "/mnt/tools"),
    (r"/work\b", "/srv/work"),
)  # fmt: skip
_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One line of the program."""

    threat: str
    route: str
    result: str  # open stopped unknown untried
    errno: int
    call: str


@dataclass(frozen=True, slots=True)
class Trial:
    """What one engine's containers came to. `refused`: configurations that it did not start, with its words.

    `told`: the outcomes in an ordinary user's report, by configuration and threat; empty if none was asked for.
    """

    engine: str
    capture: MachineCapture
    attempts: dict[str, tuple[Attempt, ...]]  # by configuration
    refused: dict[str, str]
    told: dict[str, dict[str, str]] = field(default_factory=dict)

    def result(self, configuration: str, threat: str) -> str:
        """open, stopped, unknown, or untried; a threat is open if any of its routes is."""
        results = {item.result for item in self.attempts[configuration] if item.threat == threat}
        return next((word for word in ("open", "unknown", "stopped") if word in results), "untried")


def run(rig: Rig, configurations: Iterable[Configuration], *, told: bool = False) -> Trial:
    """Try everything in each configuration; `told`: have an ordinary user's report made, too. AssertionError where a
    container that started says nothing.
    """
    wanted = tuple(item for item in configurations if rig.name in item.only)
    with ExitStack() as stack:
        folder = stack.enter_context(_folder(rig))
        environment = stack.enter_context(_beacons(rig, folder))
        for variant in {"attempts", *(item.image for item in wanted)}:
            _import(rig, variant, folder)
        arguments = [item.arguments(rig, folder, _made_on_host(stack, rig, item, folder)) for item in wanted]
        stack.callback(rig.remove, PEER, WEAK_PEER, BARE_PEER, STRONG)
        stack.callback(rig.remove, *(item.name for item in wanted))  # first: Podman keeps what others depend on
        rig.run("run", "-d", "--name", PEER, IMAGE, "peer")
        rig.run("run", "-d", "--name", WEAK_PEER, "--user", "1000", "--cap-drop", "ALL", IMAGE, "peer", "weak")
        # root without capabilities: those of the trial have ended when the last ones look for one
        rig.run("run", "-d", "--name", BARE_PEER, "--cap-drop", "ALL", IMAGE, "peer", "weak")
        rig.run("run", "-d", "--name", STRONG, "--privileged", IMAGE, "peer", "strong")
        with ThreadPoolExecutor(AT_ONCE) as pool:
            failures = list(pool.map(lambda item, words: _start(rig, item, environment, words), wanted, arguments))
        refused = {item.name: text for item, text in zip(wanted, failures, strict=True) if text}
        started = [item.name for item in wanted if item.name not in refused]
        pids = _pids(rig, started)
        for name, pid in pids.items():
            _await_ready(rig, name, pid)
        with open_engines(environ=rig.environ) as engines:
            capture = take_capture(engines, translations(), privileged=True)
        outcomes = _told(rig) if told else {}
        attempts = {name: _judged(rig, pid) for name, pid in pids.items()}
        item_images = {item.name: item.image for item in wanted}
        as_root = {name: _judged_as_root(rig, pid) for name, pid in pids.items()}
        for name, pid in pids.items():
            tried = _let_try(rig, name, pid, folder)
            # with capabilities of a file, or a group, it is who it was
            regained = item_images.get(name) not in ("capable", "giving-a-group") and any(
                item.route.endswith(", regained") for item in tried
            )
            attempts[name] += (*tried, *(as_root[name] if regained else ()))
    return Trial(rig.name, capture, attempts, refused, {name: outcomes[name] for name in attempts if name in outcomes})


def _made_on_host(stack: ExitStack, rig: Rig, item: Configuration, folder: Path) -> dict[str, str]:
    words: dict[str, str] = {}
    for make in item.host:
        words |= stack.enter_context(make(rig, folder))
    return words


def _told(rig: Rig) -> dict[str, dict[str, str]]:
    """An ordinary user's outcomes, by container and threat; the engine's socket is open to everybody meanwhile."""
    with ExitStack() as stack:
        if not rig.rootless:
            stack.enter_context(socket_for(rig))
        seen = seen_by_user(rig)
    return {name: {threat: item["outcome"] for threat, item in each["threats"].items()} for name, each in seen.items()}


def _start(rig: Rig, item: Configuration, environment: list[str], arguments: list[str]) -> str:
    """Its words where the engine refuses, else empty."""
    image = f"{item.image}:latest"
    try:
        rig.run("run", "-d", "--name", item.name, *environment, *arguments, image, "wait", *item.program)
    except AssertionError as error:
        rig.remove(item.name)
        return str(error).rpartition("ended with")[2] or "refused"
    return ""


def _import(rig: Rig, variant: str, folder: Path) -> None:
    """Through that folder: an engine of another system sees it, and not the checkout."""
    archive = Path(shutil.copy(image(variant), folder))
    rig.run("import", "--change", 'ENTRYPOINT ["/attempts"]', str(archive), f"{variant}:latest")
    archive.unlink()


@contextmanager
def _folder(rig: Rig) -> Iterator[Path]:
    """A folder of the host's with filters, and one that containers mount, which belongs to the engine's user."""
    with tempfile.TemporaryDirectory(prefix="strata-attempts-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        write_profiles(folder)
        (folder / "of-the-host").touch()
        mounted = folder / "mounted"
        mounted.mkdir()
        mounted.chmod(0o755)
        if rig.user is not None:
            os.chown(mounted, *rig.user[:2])
        for below in ("run", "run/podman", "links", "nodes", "volumes", "volumes/data", "volumes/data/_data"):
            (folder / below).mkdir()
        os.link(rig.socket, folder / "links" / "plain")
        os.mknod(folder / "nodes" / "harmless", stat.S_IFBLK | 0o600, os.makedev(7, 0))
        with socket.socket(socket.AF_UNIX) as other:  # another engine's
            other.bind(str(folder / "run" / "podman" / "podman.sock"))
            other.listen(64)
            yield folder


@contextmanager
def _beacons(rig: Rig, folder: Path) -> Iterator[list[str]]:
    """What a process could only reach in the host's own namespaces, as the environment of the containers."""
    with ExitStack() as stack:
        hidden = stack.enter_context(socket.socket(socket.AF_UNIX))
        name = f"strata-attempts-{os.getpid()}-{rig.name}"
        hidden.bind("\0" + name)
        hidden.listen(64)
        local = stack.enter_context(socket.socket())
        local.bind(("127.0.0.1", 0))
        local.listen(64)
        datagrams = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
        datagrams.bind(local.getsockname())
        segment = _LIBC.shmget(SEGMENT, 4096, _IPC_CREAT | 0o444)
        assert segment >= 0, os.strerror(ctypes.get_errno())
        stack.callback(_LIBC.shmctl, segment, _IPC_RMID, None)
        users = {0, 1000, 1001, 65534, *((rig.user[0],) if rig.user is not None else ())}
        for uid in sorted(users):
            assert stack.enter_context(beacons.key_of(uid, KEY)), f"no key for uid {uid}"
        stack.callback(
            _end,
            subprocess.Popen((_host_copy(folder), "peer", "user"), user=ordinary_user()[0], group=ordinary_user()[1]),
        )
        values = {
            "SOCKET": name,
            "TREES": str(Path("/sys/fs/cgroup").stat().st_dev),
            "PORT": str(local.getsockname()[1]),
            "SEGMENT": str(SEGMENT),
            "KEY": KEY,
            "ENGINE": str(rig.socket),
            "HOST": str(folder),
        }
        yield [word for key, value in values.items() for word in ("-e", f"STRATA_{key}={value}")]


def _host_copy(folder: Path) -> str:
    """The program where every user may run it. On the host it only waits."""
    return shutil.copy(str(program()), str(folder / "attempts"))


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def _pids(rig: Rig, names: list[str]) -> dict[str, int]:
    if not names:
        return {}
    found: list[dict[str, Any]] = json.loads(rig.run("inspect", "--type", "container", *names))
    return {name: item["State"]["Pid"] for name, item in zip(names, found, strict=True)}


def _await_ready(rig: Rig, name: str, pid: int) -> None:
    """Until it has blocked the signal that it waits for."""
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        try:
            if own_reading.status(pid)["Name"] == "attempts-ready":
                return
        except (OSError, KeyError):
            raise AssertionError(f"{rig.name}: {name} ended early: {rig.run('logs', name, check=False)}") from None
        time.sleep(0.02)
    raise AssertionError(f"{rig.name}: {name} does not say that it is ready")


def _let_try(rig: Rig, name: str, pid: int, folder: Path) -> tuple[Attempt, ...]:
    planted = {route: folder / "mounted" / file for route, file in _PLANTED.items()}
    os.kill(pid, signal.SIGUSR1)
    while _lives(pid):
        time.sleep(0.02)
    until = time.monotonic() + SECONDS  # the log of one that was killed has no end
    lines: list[dict[str, Any]] = []
    while not lines or "done" not in lines[-1]:
        assert time.monotonic() < until, f"{rig.name}: {name} ended before it had tried everything"
        lines = [json.loads(line) for line in rig.run("logs", name).splitlines() if line.startswith("{")]
    attempts = [Attempt(**{key: line[key] for key in Attempt.__slots__}) for line in lines if "threat" in line]
    truly = {route for route, path in planted.items() if _for_root(path)}
    for path in planted.values():
        path.unlink(missing_ok=True)
    in_vain = {f"{route}{again}" for route in planted.keys() - truly for again in ("", ", after exec", ", regained")}
    return tuple(
        Attempt(item.threat, item.route, "stopped", 0, "set-uid, but not for the host's root")
        if item.threat == "plant-set-uid-on-host" and item.route in in_vain and item.result == "open"
        else item
        for item in attempts
    )


def _for_root(path: Path) -> bool:
    return path.exists() and path.stat().st_uid == 0 and bool(path.stat().st_mode & 0o4000)


def _lives(pid: int) -> bool:
    try:
        return own_reading.status(pid)["State"][0] not in "ZX"
    except (OSError, KeyError):
        return False


def _judged(rig: Rig, pid: int) -> tuple[Attempt, ...]:
    """What can't be tried without harm, from what the kernel says of the process."""
    limits, status = own_reading.cgroup(pid), own_reading.status(pid)
    uid = own_reading.on_host(own_reading.id_map(pid, "uid"), 0)
    uids = [int(word) for word in status["Uid"].split()]  # as the reader, in the first user namespace, sees them
    total = int(Path("/proc/meminfo").read_text().split()[1]) * 1024
    holds = int(status["CapEff"], 16) or (int(status["CapBnd"], 16) and status["NoNewPrivs"] == "0")
    assert uid is not None or uids
    found = {
        "exhaust-memory": limits["memory_max"] is None or limits["memory_max"] >= total,
        "exhaust-cpu": limits["cpu_cores"] is None or limits["cpu_cores"] >= (os.cpu_count() or 1),
        # cgroup v1 does not limit what a file system writes later; tried by hand, 48 MB at once under 1 MB/s
        "exhaust-disk-rate": not limits["io"] or limits["version"] != "v2",
        "be-host-root": uids[1] == 0,
        "hold-root-powers": uids[1] == 0 and bool(holds),
        "be-engine-user": rig.user is not None and uids[1] == rig.user[0],
    }
    return tuple(Attempt(name, "as read", "open" if so else "stopped", 0, "/proc") for name, so in found.items())


def _judged_as_root(rig: Rig, pid: int) -> tuple[Attempt, ...]:
    """The same of the user that root's set-uid file makes of it."""
    status, uid = own_reading.status(pid), own_reading.on_host(own_reading.id_map(pid, "uid"), 0)
    found = {
        "be-host-root": uid == 0,
        "hold-root-powers": uid == 0 and bool(int(status["CapBnd"], 16)),
        "be-engine-user": rig.user is not None and uid == rig.user[0],
    }
    return tuple(
        Attempt(name, "as read, regained", "open" if so else "stopped", 0, "/proc") for name, so in found.items()
    )


def dumps(trial: Trial, rig: Rig) -> bytes:
    """To be replayed without engines: the capture, and what was open and what stopped, without this machine's paths."""
    results: dict[str, dict[str, list[str]]] = {}
    for name, attempts in trial.attempts.items():
        for threat in dict.fromkeys(item.threat for item in attempts):
            results.setdefault(name, {}).setdefault(trial.result(name, threat), []).append(threat)
    capture = capture_file.dumps(trial.capture)
    capture = capture.replace(str(rig.socket), "/run/engine.sock").replace(str(rig.folder), "/var/lib/engine")
    for pattern, text in _OF_THIS_MACHINE:
        capture = re.sub(pattern, text, capture)
    document = {"engine": trial.engine, "record": json.loads(capture), "results": results, "refused": trial.refused}
    return lzma.compress(json.dumps(document, separators=(",", ":")).encode(), preset=9)


def loads(data: bytes) -> Trial:
    """A trial that was recorded; its attempts have no routes."""
    document: dict[str, Any] = json.loads(lzma.decompress(data))
    attempts = {
        name: tuple(Attempt(threat, "", word, 0, "") for word, threats in words.items() for threat in threats)
        for name, words in document["results"].items()
    }
    capture = capture_file.loads(json.dumps(document["record"]), document["engine"])
    return Trial(document["engine"], capture, attempts, document["refused"])


def recorded() -> tuple[Trial, ...]:
    """What `record.py` kept: a trial for each kind of engine."""
    return tuple(loads(path.read_bytes()) for path in sorted(RECORDED.glob("*.json.xz")))
