"""Simulates another machine: a private sshd for root on a high port of 127.0.0.1, with its own keys.

`environ` has a PATH whose `ssh` is the real one with our configuration, in which the machine is called HOST.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

HOST = "Strata-There"
_SSHD = "/usr/sbin/sshd"
_SSH = shutil.which("ssh")  # before a test puts another one first on PATH


def missing() -> str:
    """The first missing program; empty if all are installed."""
    return next((name for name in (_SSHD, "ssh", "ssh-keygen") if shutil.which(name) is None), "")


@dataclass
class SshMachine:
    """Started at once; `close` ends it. `extra` is for sshd_config."""

    folder: Path
    extra: str = ""
    port: int = 0
    command: tuple[str, ...] = ()
    server: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        for name in ("host", "good", "wrong"):
            command = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(self.folder / name))
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        with socket.socket() as link:
            link.bind(("127.0.0.1", 0))
            self.port = link.getsockname()[1]
        shutil.copy(self.folder / "good.pub", self.folder / "authorized")
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where Debian's sshd chroots its unprivileged process
        (self.folder / "sshd_config").write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {self.folder}/host\nPidFile none\nStrictModes no\n"
            f"AuthorizedKeysFile {self.folder}/authorized\nPermitRootLogin prohibit-password\nUsePAM no\n"
            f"PasswordAuthentication no\nKbdInteractiveAuthentication no\n{self.extra}\n"
        )
        config = self.folder / "sshd_config"
        patient = ("-o", "PerSourcePenalties=no")  # of OpenSSH 9.8: refused logins would slow down the next ones
        known = subprocess.run((_SSHD, "-t", *patient, "-f", str(config)), capture_output=True, check=False)
        self.command = (_SSHD, "-D", "-e", *(patient if known.returncode == 0 else ()), "-f", str(config))
        key = (self.folder / "host.pub").read_text()
        (self.folder / "known").write_text(f"[127.0.0.1]:{self.port} {key}")
        (self.folder / "empty").write_text("")
        (self.folder / "bin").mkdir()
        self.configure()
        self.start()

    def configure(self, key: str = "good", known: str = "known") -> None:
        """Set the client's key (`good` or `wrong`) and known hosts (`known` or `empty`)."""
        (self.folder / "ssh_config").write_text(
            f"Host {HOST}\n HostName 127.0.0.1\n Port {self.port}\n User root\n IdentityFile {self.folder / key}\n"
            f" IdentitiesOnly yes\n IdentityAgent none\n UserKnownHostsFile {self.folder / known}\n"
            " GlobalKnownHostsFile none\n StrictHostKeyChecking yes\n"
        )
        program = self.folder / "bin" / "ssh"
        program.write_text(f'#!/bin/sh\nexec {_SSH} -F {self.folder}/ssh_config "$@"\n')
        program.chmod(0o755)

    @property
    def path(self) -> str:
        """PATH with our ssh first."""
        return f"{self.folder / 'bin'}:{os.environ['PATH']}"

    def start(self) -> None:
        """Start sshd, and wait until it listens."""
        with (self.folder / "log").open("ab") as log:
            self.server = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                log_text = (self.folder / "log").read_text()
                assert self.server.poll() is None, log_text
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        """End sshd; logins that are open stay."""
        if self.server is not None:
            self.server.terminate()
            self.server.wait()
            self.server = None

    def clients(self) -> list[int]:
        """Processes of our ssh."""
        return processes_with(str(self.folder / "ssh_config"))

    def close(self) -> None:
        """End sshd, and clients that a failed test left."""
        self.stop()
        for pid in self.clients():
            os.kill(pid, signal.SIGKILL)


def processes_with(word: str) -> list[int]:
    """PIDs that have this text in one of their arguments."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if word.encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found
