"""The background service as a unit of the user's systemd: written, started, stopped and removed by one command each.

The unit starts this very installation, as the menu's entry does. It ends at logout with the user's systemd, and needs
no lingering. Root is not asked. Decided against NoNewPrivileges=, which an AppImage's mount does not survive, and
against what takes a user namespace (ProtectSystem= and the like): in it no other process could be read.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from stratascope import resources, sealed_files
from stratascope.desktop_files import UnfitError
from stratascope.sealed_files import Placed, Taken
from stratascope.value import Value

NAME = "stratascope-background.service"
_LIMIT = 30.0  # seconds for systemctl
# By these the program finds engines and its own folders; systemd does not have what a shell's start-up files set.
CARRIED = (
    "STRATASCOPE_ENGINES",
    "DOCKER_HOST",
    "DOCKER_CONTEXT",
    "DOCKER_CONFIG",
    "DOCKER_TLS_VERIFY",
    "DOCKER_CERT_PATH",
    "CONTAINER_HOST",
    "CONTAINER_SSHKEY",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_STATE_HOME",
)
_UNIT = """\
[Unit]
Description=Stratascope: records what changes in containers
Documentation=man:stratascope(1)
ConditionFileIsExecutable={program}
StartLimitIntervalSec=300
StartLimitBurst=5

[Service]
ExecStart={command}
{environment}Restart=on-failure
RestartSec=10
RestartPreventExitStatus=2
TimeoutStopSec=15
Nice=10
CPUWeight=20
MemoryHigh=256M
UMask=0077

[Install]
WantedBy=default.target
"""


class Manager(Value):
    """What the user's systemd answered. `words`: its own, where it failed."""

    done: bool
    words: str = ""


def unit_path(environ: Mapping[str, str] = os.environ) -> Path:
    """Where the unit is written; see systemd.unit(5). Raises RuntimeError if the user has no home."""
    return resources.config_home(environ) / "systemd" / "user" / NAME


def unit(command: Sequence[str], environ: Mapping[str, str]) -> bytes:
    """The unit's text. Raises UnfitError for what can't be written into one."""
    program, *rest = command
    if any(letter in program for letter in "\"'\\"):  # not allowed in the path of what is started, but in arguments
        if "=" in program:  # env(1) would take it for a variable
            raise UnfitError(program)
        program, rest = "/usr/bin/env", list(command)
    words = " ".join((_quoted(program, variables=False), *(_quoted(word) for word in (*rest, "background"))))
    kept = [f"{name}={environ[name]}" for name in CARRIED if environ.get(name)]
    lines = "".join(f"Environment={_quoted(each, variables=False)}\n" for each in kept)
    condition = _fit(command[0]).replace("%", "%%")
    return _UNIT.format(program=condition, command=words, environment=lines).encode()


def planned(path: Path, command: Sequence[str], environ: Mapping[str, str] = os.environ) -> list[sealed_files.File]:
    """The file. Raises UnfitError."""
    return [(str(path), 0o644, sealed_files.sealed(unit(command, environ)))]


def install(path: Path, command: Sequence[str], environ: Mapping[str, str] = os.environ) -> Placed:
    """Write it. Raises UnfitError, BlockedError, OSError; then nothing was changed."""
    wanted = planned(path, command, environ)
    written = tuple(Path(each) for each in sealed_files.put(wanted))
    return Placed(written, () if written else (path,))


def remove(path: Path) -> Taken:
    """Remove it, and the link by which systemd starts it, which a systemd that does not run leaves. Raises OSError."""
    gone, kept = sealed_files.take([str(path)], [])
    link = path.parent / "default.target.wants" / NAME
    with suppress(OSError):
        if gone and link.parent / link.readlink() == path:
            link.unlink()
    return Taken(tuple(Path(each) for each in gone), tuple((Path(each), state) for each, state in kept))


def begin() -> Manager:
    """Start it now and at each login; one that runs is started again, by the new unit."""
    for words in (("daemon-reload",), ("enable", NAME), ("restart", NAME)):
        answer = _systemctl(*words)
        if not answer.done:
            return answer
    return answer


def end() -> Manager:
    """Stop it, and start it no more. Before its file is removed."""
    return _systemctl("disable", "--now", NAME)


def forget() -> None:
    """Have systemd see that its file is gone."""
    _systemctl("daemon-reload")


def _systemctl(*words: str) -> Manager:
    try:
        done = subprocess.run(
            ("systemctl", "--user", "--no-ask-password", *words),
            check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=_LIMIT,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return Manager(False, str(error))
    return Manager(done.returncode == 0, done.stderr.strip() if done.returncode else "")


def _fit(text: str) -> str:
    """Raises UnfitError for control characters and what is no text: a unit can't hold them, or hides them."""
    if any("\ud800" <= letter <= "\udfff" or ord(letter) < 32 or ord(letter) == 127 for letter in text):
        raise UnfitError(text)
    return text


def _quoted(word: str, *, variables: bool = True) -> str:
    """As one word; see systemd.service(5), "Command lines", and systemd.syntax(7). `variables`: `$` is one there, as in
    arguments.
    """
    word = _fit(word).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return '"' + (word.replace("$", "$$") if variables else word) + '"'
