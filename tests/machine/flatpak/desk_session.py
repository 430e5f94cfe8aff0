"""A desktop session for the sandbox: a user, a home, buses of its own, and engines at the places of the manifest.

It lives in a mount namespace: /run is empty but for what is put there, so that nothing of the machine is touched, and
the installation of `local_runtime` is the system's. What is run in it is run as the rig's ordinary user, who is in the
group of Docker's socket as people are. `flatpak override --user` writes into the home of the session, which ends with
it. The bus starts the real flatpak-session-helper when the sandbox asks for the host.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import manifest

from rig.engine import Rig
from rig.ordinary import opened
from rig.places import APP
from rig.plan import ordinary_user, path_variable
from stratascope.sandbox import GRANT

_INSTALLED = "/run/stratascope-flatpak"
# A bus that knows no service to start: a session without the helper
_BARE_BUS = """<busconfig><type>session</type><listen>{address}</listen>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/>
<allow own="*"/></policy></busconfig>"""


class Session:
    """A context manager. `docker`: whose socket is /run/docker.sock; `podman`: whose is xdg-run/podman/podman.sock."""

    def __init__(
        self,
        installed: Path,
        *,
        docker: Rig | None = None,
        podman: Rig | None = None,
        helper: bool = True,
        path: str = path_variable(),
    ) -> None:
        """`helper`: whether the bus starts the service of the host. `path`: where that one finds commands."""
        self._installed, self._helper, self._path = installed, helper, path
        self.docker, self.podman = docker, podman
        self.uid, self.gid, _ = ordinary_user()
        self.folder = Path(tempfile.mkdtemp(prefix="strata-flatpak-"))
        self.home = self.folder / "home"
        self.runtime = f"/run/user/{self.uid}"
        self._groups: set[int] = set()
        self._started: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Session:
        self.folder.chmod(0o755)
        for name in ("home", "run", "run/podman"):
            (self.folder / name).mkdir(mode=0o700)
            os.chown(self.folder / name, self.uid, self.gid)
        opening = "\n".join(opened())  # the interpreter of these tests may lie where only root may look
        script = f"""
            mount -t tmpfs -o mode=755 tmpfs /run
            mkdir -p {_INSTALLED} {self.runtime}
            mount --bind {self._installed} {_INSTALLED}
            mount --bind {self.folder}/run {self.runtime}
            {opening}
            echo ready
            exec cat
        """
        self._keeper = subprocess.Popen(
            ("unshare", "--mount", "--propagation", "private", "sh", "-ec", script),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd="/",
        )
        assert self._keeper.stdout is not None
        assert self._keeper.stdout.readline() == b"ready\n"
        try:
            self.place_sockets()
            self._bus("bus", bare=not self._helper)
            self._bus("system", bare=True)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.end_all()
        for child in reversed(self._started):
            child.terminate()
            child.wait(10)
        assert self._keeper.stdin is not None
        assert self._keeper.stdout is not None
        self._keeper.stdin.close()
        self._keeper.wait(10)
        self._keeper.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def place_sockets(self) -> None:
        """The engines' sockets as they are now at their places on the host; again after an engine was restarted."""
        if self.podman is not None:
            place = self.folder / "run" / "podman" / "podman.sock"
            place.unlink(missing_ok=True)
            os.link(self.podman.socket, place)  # a socket's other name is the same socket
        if self.docker is not None:
            self._groups.add(self.docker.socket.stat().st_gid)
            self.as_root("sh", "-ec", f"umount /run/docker.sock 2>/dev/null || true; : >/run/docker.sock; "
                         f"mount --bind {self.docker.socket} /run/docker.sock")  # fmt: skip

    def as_root(self, *command: str) -> None:
        """In the namespace of the session."""
        subprocess.run((*self._inside(), *command), check=True, stdin=subprocess.DEVNULL)

    @property
    def environ(self) -> dict[str, str]:
        """What a program of the session gets."""
        return {
            "PATH": path_variable(),
            "HOME": str(self.home),
            "USER": "strata-test",
            "LC_ALL": "C.UTF-8",
            "XDG_RUNTIME_DIR": self.runtime,
            "DBUS_SESSION_BUS_ADDRESS": f"unix:path={self.runtime}/bus",
            "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={self.runtime}/system",
            "FLATPAK_SYSTEM_DIR": _INSTALLED,
        }

    def words(self, *command: str) -> tuple[str, ...]:
        """The argv that runs a command as the user of the session."""
        groups = f"--groups={','.join(map(str, sorted(self._groups)))}" if self._groups else "--clear-groups"
        who = (f"--reuid={self.uid}", f"--regid={self.gid}", groups)
        return (*self._inside(), "setpriv", *who, "--", *command)

    def sandboxed(self, *words: str, options: Sequence[str] = (), command: str = "") -> tuple[str, ...]:
        """The argv that runs the program, or another `command`, in its sandbox."""
        other = (f"--command={command}",) if command else ()
        return self.words("flatpak", "run", *other, *options, manifest.APP, *words)

    def start(self, argv: Sequence[str], environ: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Start it, with pipes for what it reads and says; the caller ends it."""
        return subprocess.Popen(
            tuple(argv),
            env={**self.environ, **(environ or {})},
            cwd="/",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )

    def outside(self, *words: str) -> tuple[str, ...]:
        """The argv that runs the program of this checkout as the same user in the same session, in no sandbox."""
        python = (sys.executable, "-m", "stratascope", *words)
        return self.words("env", f"PYTHONPATH={APP}", "PYTHONDONTWRITEBYTECODE=1", *python)

    def run(
        self, argv: Sequence[str], environ: Mapping[str, str] | None = None, *, check: bool = True, timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run it to its end. AssertionError where it fails and `check`."""
        done = subprocess.run(
            tuple(argv),
            env={**self.environ, **(environ or {})},
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=timeout,
        )
        assert not check or done.returncode == 0, f"{argv[-6:]} ended with {done.returncode}:\n{done.stderr[-4000:]}"
        return done

    def grant(self) -> None:
        """What the program tells a person to do, word for word."""
        self.run(self.words(*GRANT.split()))

    def revoke(self) -> None:
        """As it was before."""
        self.run(self.words("flatpak", "override", "--user", "--reset", manifest.APP))

    def end_all(self) -> None:
        """End every sandbox of the session."""
        self.run(self.words("flatpak", "kill", manifest.APP), check=False)

    def _inside(self) -> tuple[str, ...]:
        return ("nsenter", f"--mount=/proc/{self._keeper.pid}/ns/mnt", "--wd=/")

    def _bus(self, name: str, *, bare: bool) -> None:
        address = f"unix:path={self.runtime}/{name}"
        config: tuple[str, ...] = ("--session", f"--address={address}")
        if bare:
            path = self.folder / f"{name}.conf"
            path.write_text(_BARE_BUS.format(address=address), encoding="utf-8")
            config = (f"--config-file={path}",)
        self._started.append(
            subprocess.Popen(
                self.words("env", f"PATH={self._path}", str(shutil.which("dbus-daemon")), "--nofork", *config),
                env=self.environ,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )
        until = time.monotonic() + 10
        while not (self.folder / "run" / name).exists():
            assert time.monotonic() < until, f"no bus at {address}"
            time.sleep(0.02)
