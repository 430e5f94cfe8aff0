"""A home full of marked files and sockets, and what a process says of them that tries (`gets.c`)."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from rig.places import CHECKOUT

COMM = "reachmark"
FILES = {
    "ssh-keys": ".ssh/id_ed25519",
    "gpg": ".gnupg/private-keys-v1.d/A.key",
    "aws": ".aws/credentials",
    "gcloud": ".config/gcloud/credentials.db",
    "kube": ".kube/config",
    "docker-login": ".docker/config.json",
    "gh": ".config/gh/hosts.yml",
    "git-credentials": ".git-credentials",
    "netrc": ".netrc",
    "npm": ".npmrc",
    "keyring": ".local/share/keyrings/login.keyring",
    "browser": ".mozilla/firefox/abc.default/logins.json",
    "dotenv": "src/portal/.env",
    "shell-history": ".bash_history",
    "agent-settings": ".codex/auth.json",
}
SOCKETS = {
    "docker-socket": (".docker/run/docker.sock", 0o666),
    "ssh-agent": (".ssh/agent/ssh-agent.sock", 0o600),
    "gpg-agent": (".gnupg/S.gpg-agent", 0o600),
}
QUESTIONS = (
    *FILES,
    *SOCKETS,
    *("home-read", "home-write", "host-loopback", "internet", "metadata", "abstract-sockets"),
    *("host-processes", "signal-others", "trace-others", "new-user-namespace"),
)
_SAID = {"docker": "docker-socket", "S.gpg-agent": "gpg-agent"}  # a socket's name, without its ending
_OWNER = 1000


class Target:
    """The home, and the arguments of the program that tries."""

    def __init__(self, folder: Path, port: int, name: str) -> None:
        self.folder, self.home, self.program = folder, folder / "home", folder / "gets"
        self._port, self.name = port, name

    def arguments(self, *folders: str) -> list[str]:
        """What follows the program's path."""
        return [str(self._port), self.name, COMM, *(folders or (str(self.home),))]


def said(text: str) -> frozenset[str]:
    """What is open, by the words of the program."""
    words = (line.split() for line in text.splitlines())
    return frozenset(_SAID.get(each[0], each[0]) for each in words if len(each) == 2 and each[1] == "open")


@contextmanager
def target(folder: Path) -> Iterator[Target]:
    """Make all that is tried; `folder` is short (a socket's path) and removed in the end."""
    with ExitStack() as held:
        folder.mkdir()
        held.callback(shutil.rmtree, folder, True)
        folder.chmod(0o755)
        (folder / "empty").mkdir()
        home = folder / "home"
        for kind, path in FILES.items():
            file = home / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"REACH-MARK {kind}\n")
            file.chmod(0o644 if kind in ("npm", "dotenv", "gh") else 0o600)
        (home / ".reach-home").touch()
        for path, mode in SOCKETS.values():
            (home / path).parent.mkdir(parents=True, exist_ok=True)
            _listen(held, str(home / path))
            (home / path).chmod(mode)
        for each in (home, *home.rglob("*")):
            os.chown(each, _OWNER, _OWNER)
        for name in (".ssh", ".gnupg"):
            (home / name).chmod(0o700)
        name = f"reach-{os.getpid()}-{folder.stat().st_ino}"
        _listen(held, f"\0{name}")
        local = held.enter_context(socket.socket())
        local.bind(("127.0.0.1", 0))
        _accept(local)
        datagrams = held.enter_context(socket.socket(type=socket.SOCK_DGRAM))
        datagrams.bind(local.getsockname())
        _send_back(datagrams)
        shutil.copy("/usr/bin/sleep", folder / COMM)
        user = ["setpriv", f"--reuid={_OWNER}", f"--regid={_OWNER}", "--clear-groups"]
        for command in ([], user):
            process = held.enter_context(subprocess.Popen([*command, str(folder / COMM), "9999"], cwd="/"))
            held.callback(process.kill)
        made = Target(folder, local.getsockname()[1], name)
        shutil.copy(program(), made.program)
        made.program.chmod(0o755)
        yield made


def _listen(held: ExitStack, path: str) -> None:
    listening = held.enter_context(socket.socket(socket.AF_UNIX))
    listening.bind(path)
    _accept(listening)


def _accept(listening: socket.socket) -> None:
    listening.listen(64)

    def accept() -> None:
        with suppress(OSError):  # it was closed
            while True:
                listening.accept()[0].close()

    threading.Thread(target=accept, daemon=True).start()


def _send_back(local: socket.socket) -> None:
    def send_back() -> None:
        with suppress(OSError):  # it was closed
            while True:
                local.sendto(*local.recvfrom(1))

    threading.Thread(target=send_back, daemon=True).start()


def program() -> Path:
    """The program that tries, built once for its source."""
    source = Path(__file__).parent / "gets.c"
    made = CHECKOUT / "build" / "reach" / f"gets-{source.stat().st_mtime_ns}"
    if not made.exists():
        made.parent.mkdir(parents=True, exist_ok=True)
        flags = ("-static", "-O1", "-std=gnu11", "-Wall", "-Wextra", "-Werror")
        subprocess.run(["cc", *flags, "-o", str(made), str(source)], check=True)
    return made
