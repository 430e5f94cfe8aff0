"""Real sandboxes that can be started here: a row each, with its Debian packages and what it must be found as.

All run `sleep` with a number of their own, by which they are known. What is started here is ended here, with all that
came of it.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from rig.plan import ordinary_user

_NUMBERS = itertools.count(1_000_000 + os.getpid() % 4096 * 1000)
_ALLOW = bytes.fromhex("06000000 0000ff7f")  # BPF_RET | BPF_K, SECCOMP_RET_ALLOW
_ROOT = ("--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc")


@dataclass(frozen=True, slots=True)
class Startable:
    """One of them. `command`: given a folder of its own and the command that it is to run."""

    id: str
    program: str  # without it it can't be started
    packages: tuple[str, ...]
    command: Callable[[Path, list[str]], list[str]]
    maker: str
    group: str
    asked: bool  # whether what was asked for is known from its processes alone
    nested: bool = False  # it stands in another
    quick: bool = False
    user: bool = False  # as the ordinary user, with a message bus
    titled: bool = False  # it does not run the command, but something of its own


class Started(NamedTuple):
    """A running one: the process that was started, the one that sleeps, and its folder."""

    top: int
    sleeper: int
    folder: Path


def _bwrap(folder: Path, command: list[str]) -> list[str]:
    return ["bwrap", *_ROOT, "--unshare-all", "--die-with-parent", *command]


def _nested(folder: Path, command: list[str]) -> list[str]:
    inner = ["bwrap", "--ro-bind", "/", "/", "--unshare-pid", "--proc", "/proc", *command]
    return ["bwrap", *_ROOT, "--unshare-user", "sh", "-c", '"$@"; true', "sh", *inner]


def _filtered(folder: Path, command: list[str]) -> list[str]:
    (folder / "filter").write_bytes(_ALLOW)
    script = f'exec 9<{folder}/filter; exec bwrap --seccomp 9 "$@"'
    return ["sh", "-c", script, "sh", *_ROOT, "--unshare-pid", *command]


def _root(folder: Path) -> Path:
    """A root directory with busybox alone."""
    root = folder / "root"
    for name in ("bin", "dev", "etc", "proc", "root", "run", "sys", "tmp", "usr", "var"):
        (root / name).mkdir(parents=True, exist_ok=True)
    shutil.copy(shutil.which("busybox") or "/bin/busybox", root / "bin/busybox")
    for name in ("sh", "sleep"):
        (root / "bin" / name).symlink_to("busybox")
    (root / "etc/os-release").write_text("ID=test\n")
    return root


def _nspawn(folder: Path, command: list[str]) -> list[str]:
    name = f"rig{command[-1]}"
    return [
        "systemd-nspawn",
        "-q",
        "--register=no",
        "--keep-unit",
        "-M",
        name,
        "-D",
        str(_root(folder)),
        "-a",
        *command,
    ]


def _lxc(folder: Path, command: list[str]) -> list[str]:
    machine = folder / "lxc" / "box"
    machine.mkdir(parents=True)
    (machine / "config").write_text(
        f"lxc.rootfs.path = dir:{_root(folder)}\nlxc.uts.name = box\nlxc.net.0.type = empty\n"
        f"lxc.init.cmd = {' '.join(command)}\nlxc.mount.auto = proc sys\n"
    )
    return ["lxc-start", "-P", str(folder / "lxc"), "-n", "box", "-F"]


def _containerd(folder: Path, command: list[str]) -> list[str]:
    (folder / "config.toml").write_text(
        f'version = 2\nroot = "{folder}/data"\nstate = "{folder}/state"\n'
        f'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\naddress = "{folder}/c.sock"\n'
    )
    script = (
        f"containerd -c {folder}/config.toml & "
        f"until ctr -a {folder}/c.sock version; do sleep 0.2; done; "
        f'ctr -a {folder}/c.sock run --runc-root {folder}/runc --rootfs {_root(folder)} task{command[-1]} "$@"; kill %1'
    )
    return ["sh", "-c", script, "sh", f"/bin/{command[0]}", *command[1:]]


def agents() -> Path:
    """Where the agents of npm are installed; made once, and kept."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "stratascope-agents"
    if not (folder / "node_modules/.bin/srt").exists():
        folder.mkdir(parents=True, exist_ok=True)
        packages = ["@openai/codex", "@anthropic-ai/sandbox-runtime"]
        subprocess.run(
            ["npm", "install", "--no-audit", "--no-fund", *packages], cwd=folder, check=True, capture_output=True
        )
    return folder / "node_modules/.bin"


def _codex(folder: Path, command: list[str]) -> list[str]:
    return ["env", f"HOME={folder}", str(agents() / "codex"), "sandbox", "--", *command]


def _sandbox_runtime(folder: Path, command: list[str]) -> list[str]:
    settings = {
        "network": {"allowedDomains": ["example.com"], "deniedDomains": []},
        "filesystem": {"denyRead": [str(folder / ".ssh")], "allowWrite": ["."], "denyWrite": []},
    }
    (folder / "srt.json").write_text(json.dumps(settings))
    srt = str(agents() / "srt")
    return ["env", f"HOME={folder}", srt, "-s", str(folder / "srt.json"), "-c", " ".join(command)]


def _flatpak(folder: Path, command: list[str]) -> list[str]:
    """A runtime of busybox alone and an application on it, built, installed and run."""
    for name in ("runtime/usr/bin", "runtime/files", "app/files/bin"):
        (folder / name).mkdir(parents=True)
    shutil.copy(shutil.which("busybox") or "/bin/busybox", folder / "runtime/usr/bin/busybox")
    for name in ("sh", "sleep"):
        (folder / "runtime/usr/bin" / name).symlink_to("busybox")
    machine = os.uname().machine
    platform = f"org.example.Platform/{machine}/1"
    (folder / "runtime/metadata").write_text(
        f"[Runtime]\nname=org.example.Platform\nruntime={platform}\nsdk={platform}\n"
    )
    (folder / "app/metadata").write_text(
        f"[Application]\nname=org.example.Nap\nruntime={platform}\ncommand=nap\n\n[Context]\nshared=ipc;\n"
        "sockets=session-bus;\nfilesystems=xdg-download;\n"
    )
    (folder / "app/files/bin/nap").write_text(f"#!/bin/sh\n{' '.join(command)}\n")
    (folder / "app/files/bin/nap").chmod(0o755)
    script = (
        f"set -e; cd {folder}; export HOME={folder}/home XDG_DATA_HOME={folder}/home/data; "
        f"export XDG_RUNTIME_DIR={folder}/run; "
        "export DBUS_SYSTEM_BUS_ADDRESS=$DBUS_SESSION_BUS_ADDRESS; mkdir -p -m 700 home run app/export; "
        "flatpak build-export --disable-sandbox --runtime repo runtime 1; "
        "flatpak build-export --disable-sandbox repo app stable; "
        f"flatpak --user remote-add --no-gpg-verify here file://{folder}/repo; "
        "flatpak --user install -y --noninteractive here org.example.Platform//1 org.example.Nap//stable; "
        "exec flatpak --user run --branch=stable org.example.Nap"
    )
    return ["dbus-run-session", "--", "sh", "-c", script]


def _chromium(folder: Path, command: list[str]) -> list[str]:
    return [
        "chromium",
        "--headless",
        f"--user-data-dir={folder}/profile",
        "--disable-gpu",
        "--remote-debugging-port=0",
        "about:blank",
    ]


def _firefox(folder: Path, command: list[str]) -> list[str]:
    return ["env", f"HOME={folder}", "firefox-esr", "--headless", "--profile", str(folder), "about:blank"]


def _prefix(*words: str) -> Callable[[Path, list[str]], list[str]]:
    return lambda folder, command: [*words, *command]


_LANDLOCK = ("setpriv", "--landlock-access", "fs", "--landlock-rule", "path-beneath:execute,read-file,read-dir:/")
SANDBOXES = (
    Startable("bwrap", "bwrap", ("bubblewrap",), _bwrap, "bubblewrap", "other", asked=True, quick=True),
    Startable(
        "bwrap-nested", "bwrap", ("bubblewrap",), _nested, "bubblewrap", "other", asked=True, nested=True, quick=True
    ),
    Startable("bwrap-filter", "bwrap", ("bubblewrap",), _filtered, "bubblewrap", "other", asked=True, quick=True),
    Startable(
        "unshare", "unshare", ("util-linux",), _prefix("unshare", "-Urm"), "none", "other", asked=False, quick=True
    ),
    Startable(
        "unshare-fork",
        "unshare",
        ("util-linux",),
        _prefix("unshare", "-Urpmf", "--mount-proc"),
        "unshare",
        "other",
        asked=True,
        quick=True,
    ),
    Startable(
        "no-new-privs",
        "setpriv",
        ("util-linux",),
        _prefix("setpriv", "--no-new-privs"),
        "none",
        "other",
        asked=False,
        quick=True,
    ),
    Startable("landlock", "setpriv", ("util-linux",), _prefix(*_LANDLOCK), "none", "other", asked=False, quick=True),
    Startable(
        "firejail",
        "firejail",
        ("firejail",),
        _prefix("firejail", "--quiet", "--noprofile", "--seccomp"),
        "firejail",
        "application",
        asked=True,
    ),
    Startable("nspawn", "systemd-nspawn", ("systemd-container",), _nspawn, "nspawn", "machine", asked=True),
    Startable("lxc", "lxc-start", ("lxc",), _lxc, "lxc", "machine", asked=False),
    Startable(
        "gvisor",
        "runsc",
        ("runsc",),
        _prefix("runsc", "--network=none", "do"),
        "gvisor",
        "other",
        asked=False,
        titled=True,
    ),
    Startable("containerd", "ctr", ("containerd",), _containerd, "containerd", "task", asked=False),
    Startable(
        "flatpak",
        "flatpak",
        ("flatpak", "xdg-dbus-proxy", "dbus"),
        _flatpak,
        "flatpak",
        "application",
        asked=True,
        user=True,
    ),
    Startable("codex", "npm", ("npm", "bubblewrap"), _codex, "codex", "agent", asked=True),
    Startable(
        "sandbox-runtime",
        "npm",
        ("npm", "bubblewrap", "socat", "ripgrep"),
        _sandbox_runtime,
        "sandbox-runtime",
        "agent",
        asked=True,
    ),
    Startable(
        "chromium",
        "chromium",
        ("chromium",),
        _chromium,
        "chromium",
        "application",
        asked=False,
        user=True,
        titled=True,
    ),
    Startable(
        "firefox",
        "firefox-esr",
        ("firefox-esr",),
        _firefox,
        "firefox",
        "application",
        asked=False,
        user=True,
        titled=True,
    ),
)
BY_ID = {each.id: each for each in SANDBOXES}


def missing(row: Startable) -> str:
    """Why it can't be started here; empty if it can."""
    if shutil.which(row.program) is None:
        return f"needs {', '.join(row.packages)}"
    return ""


@contextmanager
def started(row: Startable, folder: Path) -> Iterator[Started]:
    """Run it until the block ends."""
    number = next(_NUMBERS)
    command = ["sleep", str(number)]
    if row.user:
        uid, gid, _ = ordinary_user()
        os.chown(folder, uid, gid)
    words = row.command(folder, command)
    environ = {**os.environ, "LC_ALL": "C.UTF-8"}
    if row.user:
        subprocess.run(["chown", "-R", f"{uid}:{gid}", str(folder)], check=True)
        words = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", *words]
        environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8"}
    log = folder / "log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            words,
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        ) as process,
    ):
        try:
            yield Started(process.pid, _awaited(row, process, number, log), folder)
        finally:
            _end(process.pid, folder)


def _awaited(row: Startable, process: subprocess.Popen[bytes], number: int, log: Path) -> int:
    """The process that sleeps; for one that runs its own, the last that came of it once no more come."""
    before: list[int] = []
    quiet = 0
    while process.poll() is None:
        below = descendants(process.pid)
        if row.titled:
            quiet = quiet + 1 if below and below == before else 0
            if quiet > 8:
                return below[-1]
        for pid in () if row.titled else _all():
            if _words(pid) in (["sleep", str(number)], ["/bin/sleep", str(number)]):
                return pid
        before = below
        time.sleep(0.25)
    raise AssertionError(f"{row.id} has ended: {log.read_text(errors='replace')[-2000:]}")


def descendants(top: int) -> list[int]:
    """It and all that came of it, by their parents."""
    children: dict[int, list[int]] = {}
    for pid in _all():
        with suppress(OSError, ValueError, IndexError):
            stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
            children.setdefault(int(stat[stat.rfind(")") + 1 :].split()[1]), []).append(pid)
    found = [top]
    for each in found:
        found += children.get(each, [])
    return found


def _all() -> list[int]:
    return sorted(int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit())


def _words(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").split("\0")[:-1]
    except OSError:
        return []


def _end(top: int, folder: Path) -> None:
    """End what came of it, and what has its folder in its command line, since some leave their parents."""
    for _ in range(20):
        left = descendants(top)
        left += [pid for pid in _all() if str(folder) in " ".join(_words(pid)) and pid != os.getpid()]
        alive = [pid for pid in left if not _ended(pid)]
        if not alive:
            return
        for pid in alive:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.1)


def _ended(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return True
    return stat[stat.rfind(")") + 2] in "ZX"
