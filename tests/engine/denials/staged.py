"""A case carried out on a real engine: whether it is what it claims to be, and what our program says of it.

Standard library only, as the same runs inside the virtual machines. Our program is called as a user calls it.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.denials.case import FOREIGN, Case
from rig.cli.hardened import QUICK

IMAGE = "denials:latest"
SECONDS = 60  # of watching, at the most: it is over once the command has ended


@dataclass
class Engine:
    """`kind` as in `case`; `command` begins its command line, `program` ours; `folder` is of the machine, for what
    cases mount.
    """

    kind: str
    command: tuple[str, ...]
    program: tuple[str, ...]
    folder: Path
    env: dict[str, str] | None = None  # of the engine's command line
    own_env: dict[str, str] | None = None  # of our program
    enforcing: bool = False  # SELinux does so only while something is tried: its policy knows no engines
    rootless: bool = False
    _names: int = field(default=0)

    def run(self, *words: str) -> tuple[int, str]:
        """Status and what was printed."""
        done = _run((*self.command, *words), self.env)
        return done.returncode, done.stdout + done.stderr

    def prepare(self, archive: Path) -> None:
        """Import the image."""
        status, said = self.run("import", str(archive), IMAGE)
        assert status == 0, said

    def filled(self, case: Case, options: tuple[str, ...], name: str) -> list[str]:
        """Options with the words in braces filled in; the folder is root's, and has a file of another user."""
        volume = self.folder / name
        volume.mkdir()
        volume.chmod(0o755)
        private = volume / "private"
        private.write_text("another's\n")
        private.chmod(0o600)
        os.chown(private, FOREIGN, FOREIGN)
        words = {"folder": str(volume), "filter": "", "unmask": "unmask=ALL"}
        if self.kind == "docker":
            words["unmask"] = "systempaths=unconfined"
        if case.rules:
            path = self.folder / f"{case.id}.json"
            path.write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": list(case.rules),
                                        "architectures": ["SCMP_ARCH_X86_64"]}))  # fmt: skip
            path.chmod(0o644)
            words["filter"] = str(path)
        return [option.format(**words) for option in options]

    @contextlib.contextmanager
    def container(self, case: Case, options: tuple[str, ...]) -> Iterator[str]:
        """Its name. AssertionError where the engine does not start it."""
        self._names += 1
        name = f"case-{self._names}-{case.id}"
        try:
            status, said = self.run("run", "-d", "--name", name, *self.filled(case, options, name), IMAGE, *QUICK)
            assert status == 0, said
            yield name
        finally:
            self.run("rm", "-f", *(() if self.kind == "docker" else ("-t", "0")), "-v", name)

    @contextlib.contextmanager
    def enforced(self) -> Iterator[None]:
        """While something is tried."""
        if self.enforcing:
            _run(("setenforce", "1"), None)
        try:
            yield
        finally:
            if self.enforcing:
                _run(("setenforce", "0"), None)

    def tried(self, name: str, attempt: str) -> int:
        """The status of an attempt in there."""
        with self.enforced():
            status, said = self.run("exec", name, "/try", *attempt.split())
        assert status not in (125, 126, 127, 240, 255), said
        return status


@dataclass
class Told:
    """What our program said of one case. `lines`: all of its lines that are of the attempt. `seconds`: from the refusal
    to its line. `remedy`: TOGGLE=VALUE; `helped`: whether the attempt passed after it was applied; None: not tried.
    """

    lines: list[dict[str, Any]]
    seconds: float | None = None
    remedy: str = ""
    helped: bool | None = None
    words: str = ""


def true(engine: Engine, case: Case) -> str:
    """Why the case is not what it claims: refused just so with its options, passed without; empty where it is."""
    with engine.container(case, case.options) as name:
        status = engine.tried(name, case.attempt)
        if status != case.status:
            return f"ended with {status}, not with {case.status}"
        if case.control is None:
            status = engine.tried(name, case.passing)
    if case.control is not None:
        with engine.container(case, case.control) as name:
            status = engine.tried(name, case.passing or case.attempt)
    return "" if status in case.passes else f"the control ended with {status}"


def told(engine: Engine, case: Case, *, remedy: bool = True) -> Told:
    """Our program's words on the attempt, and whether what it offers helps."""
    with engine.container(case, case.options) as name:
        with engine.enforced():
            found = _watched(engine, case, name)
        if not remedy or not found.lines:
            return found
        offered = found.lines[-1].get("remedy")
        if not offered or not offered.get("toggle"):
            return found
        found.remedy = f"{offered['toggle']}={offered['value']}"
        command = ("harden", name, "--set", found.remedy, "--yes", "--watch", "1", "--enforced-is-enough", "--json")
        done = _run((*engine.program, *command), engine.own_env)
        if done.returncode:
            found.helped, found.words = False, f"harden ended with {done.returncode}: {done.stdout[-600:]}{done.stderr}"
            return found
        status = engine.tried(name, case.attempt)
        found.helped = status in case.passes
        found.words = "" if found.helped else f"it still ends with {status}"
        engine.run("rm", "-f", name)
        _run((*engine.program, "discard", name), engine.own_env)
    return found


def _watched(engine: Engine, case: Case, name: str) -> Told:
    command = ("denials", name, "--all", "--json", "--for", str(SECONDS), "--", "/try", *case.attempt.split())
    lines, seconds = [], None
    with subprocess.Popen(
        (*engine.program, *command),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=engine.own_env,
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        for text in child.stdout:
            with contextlib.suppress(ValueError):
                line = json.loads(text)
                if _is_of(line, case):
                    lines.append(line)
                    if seconds is None:
                        seconds = max(0.0, time.time() - float(line["at"]))
        words = child.stderr.read()
    return Told(lines, seconds, words=words if not lines else "")


def _is_of(line: Any, case: Case) -> bool:
    if not isinstance(line, dict) or "layer" not in line:
        return False
    programs = {"try", *(word.rpartition("/")[2] for word in case.attempt.split() if word.startswith("/"))}
    return line.get("process") in programs and (line.get("syscall") or "") in (case.refused or ("",))


def _run(command: tuple[str, ...], env: dict[str, str] | None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, check=False, env=env, capture_output=True, text=True, errors="replace",
                          stdin=subprocess.DEVNULL)  # fmt: skip
