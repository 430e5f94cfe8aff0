"""Real engines for tests: private daemons of all four kinds, started on first use, gone without a trace at the end.

Usage, from any test (the fixtures are exposed by tests/conftest.py):

    def test_it(docker_rootful: Rig) -> None:               # also docker_rootless, podman_rootful, podman_rootless
        with docker_rootful.container("--cap-drop", "ALL", command=("sleep", "600")) as container:
            status = Path(f"/proc/{docker_rootful.pid(container)}/status").read_text()

    def test_all(any_engine: Rig) -> None: ...              # runs four times, once for each kind
    def test_api(each_api: Rig) -> None: ...                # for one Docker and one Podman; all four in make test-all
    def test_one(one_engine: Rig) -> None: ...              # for one; all four in make test-all
    from rig.engine import Rig                              # `tests` is on pytest's pythonpath

    rig.run("exec", "--privileged", container, "id")        # the engine's own command line, returns its output
    rig.said(container, "id")                               # an exec that must print something
    rig.endpoint                                            # "unix:///…/engine.sock"
    rig.environ                                             # os.environ with STRATASCOPE_ENGINES set to this engine
    rig.config(container)                                   # the OCI config.json, parsed
    rig.daemon_pids(); rig.freeze(); rig.thaw(); rig.stop(); rig.start()
    rig.user                                                # of a rootless engine: (uid, gid, home), else None
    rig.root                                                # the folder of an engine of another system, else None

The image `busybox` has every applet as a link, users root, daemon, app (1000), a world-writable /tmp and CMD sleep.
`-v`, published ports and user networks work. What to know when comparing with the host:
- rootful Docker has a network namespace of its own: its `--network host` is that one, not the machine's. Podman,
  rootful and rootless, runs in the machine's network: there `--network host` is the host's.
- PIDs are the machine's for all four. Each has a mount namespace with its own /run: sockets are in `rig.folder`.
- the OCI runtime is runc, but crun for rootful Podman. Rootless engines ignore limits on cgroup v1.

Without root or without the packages the fixtures skip; with STRATASCOPE_REQUIRE_ENGINES=1 they fail instead.
A user `strata-test` with sub-ids is made if it is missing, and stays.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rig.image import write_image
from rig.plan import (
    NoEngineError,
    client,
    knows_only_version_2,
    ordinary_user,
    path_variable,
    plan_docker,
    plan_podman,
)

KINDS = ("docker_rootful", "docker_rootless", "podman_rootful", "podman_rootless")
# Rootful engines that keep the unified hierarchy next to the v1 ones, if the machine has both: events need it there
HYBRID = ("docker_hybrid", "podman_hybrid")


@dataclass
class Rig:
    """One running private engine; see the top of this file."""

    name: str  # docker_rootful …
    folder: Path
    user: tuple[int, int, Path] | None
    env: dict[str, str]
    root: Path | None = None  # the root folder of the engine's programs, if they are not this machine's
    keeper: subprocess.Popen[str] = field(init=False)
    _names: int = field(default=0)

    @property
    def kind(self) -> str:
        """`docker` or `podman`."""
        return self.name.partition("_")[0]

    @property
    def rootless(self) -> bool:
        return self.user is not None

    @property
    def id(self) -> str:
        """The engine's id in reports when only this engine is asked for."""
        return f"{self.kind}-rootless" if self.rootless else self.kind

    @property
    def socket(self) -> Path:
        return self.folder / "run" / "engine.sock"

    @property
    def endpoint(self) -> str:
        return f"unix://{self.socket}"

    @property
    def environ(self) -> dict[str, str]:
        return {**os.environ, "STRATASCOPE_ENGINES": self.endpoint}

    def command(self, *args: str) -> tuple[str, ...]:
        """The whole argv of the engine's command line, to be run with `rig.env`."""
        there = () if self.root is None else ("nsenter", f"--mount=/proc/{self.keeper.pid}/ns/mnt", "--")
        return (*there, *client(self.kind, self.endpoint), *args)

    def run(self, *args: str, check: bool = True) -> str:
        """Run the engine's command line; its stdout without the last newline. AssertionError on failure."""
        for _ in range(2):
            done = subprocess.run(
                self.command(*args),
                check=False,
                env=self.env,
                capture_output=True,
                text=True,
                stdin=subprocess.DEVNULL,
            )
            # on a busy machine, Docker 26 sometimes fails to start an exec session, without a message
            if args[0] != "exec" or done.returncode != 126 or done.stderr:
                break
        if check and done.returncode != 0:
            raise AssertionError(f"{self.name}: {' '.join(args)} ended with {done.returncode}:\n{done.stderr}")
        return done.stdout.rstrip("\n")

    def said(self, container: str, *command: str) -> str:
        """The output of a command in the container, retried until it is not empty. Over Podman's API, early output is
        sometimes lost, with exit status 0 (containers/podman#18025): conmon reads it before the client is attached. On
        a busy machine 19 of 440 commands lost it, and none of 220 that waited 0.3 s before printing.
        """
        while not (text := self.run("exec", container, *command)):
            pass
        return text

    @contextmanager
    def container(
        self,
        *args: str,
        name: str | None = None,
        image: str = "busybox",
        command: tuple[str, ...] = ("sleep", "3600"),
        start: bool = True,
    ) -> Iterator[str]:
        """`run -d` (or `create`) with these options; yields the full id and removes the container after."""
        self._names += 1
        name = name or f"strata-{os.getpid()}-{self._names}"
        try:
            verb = ("run", "-d") if start else ("create",)
            yield self.run(*verb, "--name", name, *args, image, *command).splitlines()[-1]
        finally:
            self.remove(name)

    def remove(self, *names: str) -> None:
        """Remove containers at once, running or not; no error if they are gone."""
        self.run("rm", "-f", *self.at_once, "-v", *names, check=False)

    @property
    def at_once(self) -> tuple[str, ...]:
        """Options of `rm -f` that kill without a stop timeout."""
        return () if self.kind == "docker" else ("-t", "0")

    def inspect(self, container: str) -> dict[str, Any]:
        """The engine's inspect JSON."""
        found: dict[str, Any] = json.loads(self.run("inspect", "--type", "container", container))[0]
        return found

    def pid(self, container: str) -> int:
        """The host PID of its first process."""
        pid: int = self.inspect(container)["State"]["Pid"]
        assert pid > 0, f"{container} does not run"
        return pid

    def config(self, container: str) -> dict[str, Any]:
        """The OCI config.json that the runtime was given."""
        if self.kind == "podman":
            path = Path(self.inspect(container)["OCIConfigPath"])
        else:
            full = self.inspect(container)["Id"]
            path = self.folder / "exec/containerd/daemon/io.containerd.runtime.v2.task/moby" / full / "config.json"
        found: dict[str, Any] = json.loads(path.read_text())
        return found

    def offspring(self) -> list[int]:
        """Every process of this engine: daemon, shims, containers."""
        children: dict[int, list[int]] = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    text = (entry / "stat").read_text(errors="replace")
                except OSError:
                    continue
                children.setdefault(int(text.rpartition(")")[2].split()[1]), []).append(int(entry.name))
        found = [self.keeper.pid]
        for pid in found:
            found.extend(children.get(pid, ()))
        return found[1:]

    def daemon_pids(self) -> list[int]:
        """The processes that answer on the socket, without those that have ended."""
        # Rootless Podman answers from a child of its own, started as /proc/self/exe
        wanted = ("dockerd",) if self.kind == "docker" else ("podman", "exe")
        found = []
        for pid in self.offspring():
            try:
                name, _, rest = Path(f"/proc/{pid}/stat").read_text(errors="replace").partition("(")[2].rpartition(")")
                if name in wanted and rest.split()[0] != "Z":  # the keeper reaps zombies only when it starts a daemon
                    found.append(pid)
            except OSError:
                continue
        return found

    def freeze(self) -> None:
        """SIGSTOP: it accepts connections and never answers."""
        for pid in self.daemon_pids():
            os.kill(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        for pid in self.daemon_pids():
            os.kill(pid, signal.SIGCONT)

    def stop(self) -> None:
        """End the daemon; Docker's containers end with it, Podman's live on."""
        self._tell("stop")

    def start(self) -> None:
        """Start the daemon again, and wait until it answers."""
        self.socket.unlink(missing_ok=True)
        self._tell("start")
        self.wait_ready()

    def _tell(self, line: str) -> None:
        assert self.keeper.stdin is not None
        assert self.keeper.stdout is not None
        self.keeper.stdin.write(line + "\n")
        self.keeper.stdin.flush()
        assert self.keeper.stdout.readline() == "done\n"

    def wait_ready(self) -> None:
        """Wait until the daemon answers a ping; one that has not within five minutes is hung."""
        deadline = time.monotonic() + 300
        while not answers(self.socket):
            if self.keeper.poll() is not None or time.monotonic() > deadline:
                raise NoEngineError(f"{self.name} does not answer:\n{self.log()[-3000:]}")
            time.sleep(0.05)

    def log(self) -> str:
        """What daemon and keeper printed."""
        try:
            return (self.folder / "log").read_text(errors="replace")
        except OSError:
            return ""

    def close(self) -> None:
        """End the engine and everything it started."""
        assert self.keeper.stdin is not None
        assert self.keeper.stdout is not None
        self.keeper.stdin.close()
        self.keeper.wait()
        self.keeper.stdout.close()


def answers(path: Path) -> bool:
    """Whether an engine answers on that socket."""
    try:
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(2)
            link.connect(str(path))
            link.sendall(b"GET /_ping HTTP/1.0\r\nHost: d\r\n\r\n")
            return b" 200 " in link.recv(64)
    except OSError:
        return False


def launch(name: str, prefix: tuple[str, ...] = (), options: tuple[str, ...] = (), root: Path | None = None) -> Rig:
    """Start an engine without waiting for it; `complete` does that. Raises NoEngineError.

    `prefix`: a command that runs the daemon's, such as unshare(1); `options`: further options of the daemon. `root`: a
    folder with another system, whose engine is started (packaging/engines-today.sh).
    """
    kind, _, how = name.partition("_")
    needed = ["unshare", "runc", *(("dockerd", "docker") if kind == "docker" else ("podman", "conmon", "crun"))]
    needed += ["newuidmap", "slirp4netns", *(("rootlesskit",) if kind == "docker" else ())] if how == "rootless" else []
    places = path_variable() if root is None else ":".join(f"{root}{place}" for place in path_variable().split(":"))
    missing = [program for program in needed if shutil.which(program, path=places) is None]
    if os.geteuid() != 0:
        raise NoEngineError("engines are started as root only")
    if missing:
        raise NoEngineError(f"{name} needs {', '.join(missing)}")
    user = ordinary_user() if how == "rootless" else None
    version_2 = kind == "podman" and root is not None and knows_only_version_2(root)
    folder = Path(tempfile.mkdtemp(prefix="strata-rig-"))
    try:
        env, argv = (
            plan_docker(folder, user)
            if kind == "docker"
            else plan_podman(folder, user, "crun" if how == "rootful" or version_2 else "runc", version_2)
        )
        rig = Rig(name, folder, user, env, root)
        for path in (folder, *folder.rglob("*")):
            os.chown(path, *(user[:2] if user else (0, 0)))
        folder.chmod(0o755)
        plan = {
            "argv": [*prefix, *argv, *options],
            "env": env,
            "uid": user[0] if user else None,
            "gid": user[1] if user else None,
            "folder": str(folder),
            "rules": kind == "podman" and user is None,
            "network": user is None and (kind == "docker" or root is not None),
            "hybrid": how == "hybrid",
            "root": None if root is None else str(root),
            "unified": version_2,
            "log": str(folder / "log"),
            "list": (*client(kind, rig.endpoint), "ps", "-aq"),
            "remove": (*client(kind, rig.endpoint), "rm", "-f", *rig.at_once, "-v"),
        }
        (folder / "plan.json").write_text(json.dumps(plan))
        with (folder / "log").open("ab") as log:
            rig.keeper = subprocess.Popen(
                (sys.executable, str(Path(__file__).with_name("keeper.py")), str(folder / "plan.json")),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
                env={"PATH": path_variable(), "LC_ALL": "C.UTF-8"},
            )
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return rig


def complete(rig: Rig) -> Rig:
    """Wait until it answers, and import its image."""
    try:
        assert rig.keeper.stdout is not None
        rig.keeper.stdout.readline()  # "started"
        rig.wait_ready()
        image = rig.folder / "busybox.tar"
        write_image(image)
        rig.run("import", "--change", 'CMD ["sleep","3600"]', str(image), "busybox:latest")
        image.unlink()
    except BaseException:
        rig.close()
        raise
    return rig
