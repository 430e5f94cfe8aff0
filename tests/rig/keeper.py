"""The keeper of one private engine: a small process that owns the daemon and all its descendants.

Started by `engine.py` as `python keeper.py PLAN.json`, with a pipe on stdin. It becomes the reaper of its orphans
(prctl(2) PR_SET_CHILD_SUBREAPER), so shims, monitors and container processes that leave their daemon become its
children: whatever happens, it finds and ends them all by walking /proc from itself. When stdin ends, because the tests
closed it or died, it ends everything, removes the cgroups they were in and the folder of the engine. Mounts need no
undoing: they live in a mount namespace of its own, which ends with the last process.

Stdin takes lines `stop` and `start` for the daemon; each is answered with one line on stdout.

Decided against a PID namespace, which would do the ending for free: a daemon in one counts PIDs that are not the
host's, and most tests need the host's.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

PR_SET_CHILD_SUBREAPER = 36
CLONE_NEWNS = 0x00020000
CLONE_NEWNET = 0x40000000
CGROUPS = Path("/sys/fs/cgroup")
SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}[os.uname().machine]
MNT_DETACH = 2
OF_THE_MACHINE = tuple(f"/etc/{name}" for name in ("passwd", "group", "subuid", "subgid", "resolv.conf", "hosts"))
LIBC = ctypes.CDLL(None, use_errno=True)


def check(result: int, what: str) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


def enter_namespaces(network: bool, hybrid: bool, folder: str | None, unified: bool) -> None:
    """Enter a private mount namespace, so that engines' mounts don't reach the machine.

    `folder`: becomes the root directory. `unified`: only cgroup v2 is mounted.
    """
    check(LIBC.unshare(CLONE_NEWNS | (CLONE_NEWNET if network else 0)), "unshare")
    if folder is not None:
        enter_root(Path(folder))
    mounted = {line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()}
    if "/" not in mounted:
        # In a bare chroot / is no mount point, and pivot_root(2), which runtimes use, refuses to start from there
        root = Path("/mnt")
        run("mount", "--rbind", "/", str(root))
        os.chdir(root)
        os.chroot(".")
    run("mount", "--make-rprivate", "/")
    if unified and not (CGROUPS / "cgroup.procs").exists():
        run("umount", "--recursive", str(CGROUPS))
        run("mount", "-t", "cgroup2", "cgroup2", str(CGROUPS))
        own = CGROUPS / f"strata-rig-{os.getpid()}"  # ours may be closed to ordinary users
        own.mkdir()
        (own / "cgroup.procs").write_text(str(os.getpid()))
    elif not hybrid and str(CGROUPS / "unified") in mounted:  # crun refuses the hybrid layout
        run("umount", str(CGROUPS / "unified"))
    for private in ("/run", "/dev/shm"):  # network namespaces and locks that engines share by fixed names
        if Path(private).is_dir():
            run("mount", "-t", "tmpfs", "-o", "mode=1777" if private == "/dev/shm" else "mode=755", "tmpfs", private)
    if network:
        run("ip", "link", "set", "lo", "up")


def enter_root(root: Path) -> None:
    """Make that folder, unchanged, the root directory, with this machine's devices, processes, /tmp and users.

    Uses pivot_root(2): in a chroot, runtimes can't start containers.
    """
    run("mount", "--make-rprivate", "/")
    run("mount", "--rbind", str(root), str(root))
    for shared in ("proc", "sys", "dev", "tmp"):
        run("mount", "--rbind", f"/{shared}", str(root / shared))
    for name in OF_THE_MACHINE:
        if Path(name).exists():
            if not (root / name[1:]).exists():
                (root / name[1:]).touch()
            run("mount", "--bind", name, str(root / name[1:]))
    run("mount", "-o", "remount,bind,ro", str(root))
    os.chdir(root)
    check(LIBC.syscall(SYS_PIVOT_ROOT, b".", b"."), "pivot_root")
    check(LIBC.umount2(b".", MNT_DETACH), "umount2")
    os.chdir("/")
    for private in ("/var/tmp", "/var/cache"):
        run("mount", "-t", "tmpfs", "-o", "mode=1777", "tmpfs", private)


def run(*command: str) -> None:
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def offspring() -> list[int]:
    """All processes below this one, parents first."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text(errors="replace")
            except OSError:
                continue
            parents.setdefault(int(stat.rpartition(")")[2].split()[1]), []).append(int(entry.name))
    found = [os.getpid()]
    for pid in found:
        found.extend(parents.get(pid, ()))
    return found[1:]


def reap() -> None:
    """Collect ended children that nobody else waits for."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def wake() -> None:
    """Continue processes that a test stopped."""
    for pid in offspring():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


class Keeper:
    """One daemon by its plan: `argv`, `env`, `uid` or null, `folder`, `network`, `log`."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.plan = plan
        self.daemon: subprocess.Popen[bytes] | None = None
        self.cgroups: set[Path] = set()

    def start(self) -> None:
        reap()  # a zombie of a killed daemon's containerd would pass for one that runs
        uid = self.plan["uid"]
        with Path(self.plan["log"]).open("ab") as log:
            self.daemon = subprocess.Popen(
                self.plan["argv"],
                env=self.plan["env"],
                user=uid,
                group=uid if uid is None else self.plan["gid"],
                extra_groups=None if uid is None else [],
                cwd=self.plan["folder"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def stop(self) -> None:
        """End the daemon as an administrator would; not its containers."""
        daemon, self.daemon = self.daemon, None
        if daemon is None:
            return
        wake()
        daemon.terminate()
        try:
            daemon.wait(60)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()

    def end(self) -> None:
        """End everything, and leave no trace."""
        self.note_cgroups()
        self.remove_containers()
        self.stop()
        deadline = time.monotonic() + 120
        quiet = 0  # a single scan can miss a process that is just being reparented from a dying parent to us
        while quiet < 3 and time.monotonic() < deadline:
            self.note_cgroups()
            alive = offspring()
            quiet = 0 if alive else quiet + 1
            for pid in alive:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)
            reap()
        self.remove_cgroups()
        if self.plan["rules"] and not any(Path("/sys/class/net").glob("podman*")):
            with contextlib.suppress(OSError):  # netavark leaves its table behind
                subprocess.run(("nft", "delete", "table", "inet", "netavark"), capture_output=True, check=False)
        self.unmount()
        for _ in range(20):
            shutil.rmtree(self.plan["folder"], ignore_errors=True)
            if not Path(self.plan["folder"]).exists():
                break
            time.sleep(0.1)

    def remove_containers(self) -> None:
        """Have the engine remove its containers, and so its networks; a failure does no harm."""
        if self.daemon is None:
            return
        wake()
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            found = subprocess.run(
                self.plan["list"], env=self.plan["env"], capture_output=True, text=True, check=True, timeout=60
            ).stdout.split()
            if found:
                command = (*self.plan["remove"], *found)
                subprocess.run(command, env=self.plan["env"], capture_output=True, check=True, timeout=60)

    def note_cgroups(self) -> None:
        """Remember the cgroups of all that live, to remove them when they are empty."""
        for pid in offspring():
            try:
                text = Path(f"/proc/{pid}/cgroup").read_text()
            except OSError:
                continue
            for line in text.splitlines():
                _, controllers, path = line.split(":", 2)
                name = controllers.removeprefix("name=")
                unified = CGROUPS / "unified" if (CGROUPS / "unified" / "cgroup.procs").exists() else CGROUPS
                top = CGROUPS / name if name and (CGROUPS / name).is_dir() else unified
                self.cgroups.add(top / path.lstrip("/"))

    def unmount(self) -> None:
        """Unmount what a daemon left mounted in its folder (network namespaces, overlays), or rmdir would fail."""
        places = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
        for place in reversed(places):
            if place.startswith(self.plan["folder"] + "/"):
                subprocess.run(("umount", "-l", place), stdin=subprocess.DEVNULL, capture_output=True, check=False)

    def remove_cgroups(self) -> None:
        """Remove them, and their parents as long as they are empty; rmdir(2) fails on a cgroup in use."""
        if self.plan["unified"] and (CGROUPS / "cgroup.procs").exists():
            (CGROUPS / "cgroup.procs").write_text(str(os.getpid()))
            self.cgroups.add(CGROUPS / f"strata-rig-{os.getpid()}")
        for top in (CGROUPS, *(path for path in CGROUPS.iterdir() if path.is_dir())):
            self.cgroups.update((top / "docker", top / "libpod_parent" / "conmon"))
        for leaf in sorted(self.cgroups, key=lambda path: -len(path.parts)):
            path = leaf
            while len(path.parts) > len(CGROUPS.parts) + 1 or (path / "cgroup.procs").exists():
                try:
                    path.rmdir()
                except FileNotFoundError:
                    pass
                except OSError:
                    break
                path = path.parent


def say(word: str) -> None:
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


def main() -> None:
    plan = json.loads(Path(sys.argv[1]).read_text())
    check(LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "prctl")
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # Ctrl-C is for the tests: the end of stdin tells us
    enter_namespaces(plan["network"], plan["hybrid"], plan["root"], plan["unified"])
    keeper = Keeper(plan)
    keeper.start()
    say("started")
    for line in sys.stdin:
        match line.strip():
            case "stop":
                keeper.stop()
            case "start":
                keeper.start()
        say("done")
    keeper.end()


if __name__ == "__main__":
    main()
