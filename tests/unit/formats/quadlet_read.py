"""Quadlet drop-ins as Podman and systemd read them: Podman's own generator writes the services, systemd loads those.

read(drop_ins, folder)     # one Service a drop-in, of a unit that says little else; one run of each program for all

The words are those that systemd would start: its own test mode prints them, with everything but variables filled in.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

QUADLET = "/usr/libexec/podman/quadlet"
SYSTEMD = "/usr/lib/systemd/systemd"
UNIT = "[Container]\nImage=localhost/busybox\n"
_NOBODY = 65534  # systemd refuses to play for root
_LINE = re.compile(r"^\t?\S+ Unit (\S+):$|^\t\t\tCommand Line: (.*)$", re.MULTILINE)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"|([^ "\\]+)|( +)', re.DOTALL)
_ESCAPE = re.compile(rb'\\([0-7]{3}|x[0-9a-f]{2}|[abfnrtv"\\$`])')
_LETTERS = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}
_VALUED = re.compile(r"-v|--(name|cidfile|pids-limit|tmpfs|ulimit|network|security-opt|device|cap-drop|cap-add|user|"
                     r"userns|uidmap|gidmap|volume|publish|mount)").fullmatch  # fmt: skip


class Service(NamedTuple):
    keys: tuple[tuple[str, str], ...]  # section and key of each line
    required: tuple[str, ...]  # what RequiresMountsFor= says
    words: tuple[str, ...]  # of ExecStart=

    @property
    def options(self) -> list[tuple[str, str]]:
        """`--x=y` and `--x y` are the same to Podman."""
        found = []
        words = iter(self.words[2:])
        for word in words:
            name, equals, value = word.partition("=")
            if not equals and _VALUED(name):
                value = next(words)
            found.append(({"-v": "--volume"}.get(name, name), value))
        return found


def read(drop_ins: Sequence[str], folder: Path) -> list[Service]:
    for program in (QUADLET, SYSTEMD):
        if not Path(program).exists():
            pytest.skip(f"{program} is not installed")
    units, services, home = folder / "units", folder / "services", folder / "home"
    for path in (units, services, home):
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir()
    for number, drop_in in enumerate(drop_ins):
        (units / f"u{number}.container").write_text(UNIT)
        (units / f"u{number}.container.d").mkdir()
        (units / f"u{number}.container.d/50-stratascope.conf").write_text(drop_in)
    names = [f"u{number}.service" for number in range(len(drop_ins))]
    done = subprocess.run(
        (QUADLET, "-no-kmsg-log", str(services)),
        env={"QUADLET_UNIT_DIRS": str(units), "PATH": "/usr/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "nsupported key" not in done.stderr
    texts = [(services / name).read_text() for name in names]
    (services / "all.target").write_text(f"[Unit]\nDefaultDependencies=no\nWants={' '.join(names)}\n")
    lines = _loaded(services, home)
    return [_service(text, lines.get(name, [])) for name, text in zip(names, texts, strict=True)]


def _loaded(services: Path, home: Path) -> dict[str, list[str]]:
    """The commands of each unit, as systemd has them."""
    command: tuple[str, ...] = (SYSTEMD, "--test", "--user", "--unit=all.target")
    if os.geteuid() == 0:
        for path in (services, home, *services.iterdir()):
            os.chown(path, _NOBODY, _NOBODY)
        for path in services.parents:
            if path.stat().st_uid == 0 and path != Path("/"):
                path.chmod(path.stat().st_mode | 0o011)
        command = ("setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups", *command)
    home.chmod(0o700)
    done = subprocess.run(
        command,
        env={"HOME": str(home), "XDG_RUNTIME_DIR": str(home), "SYSTEMD_UNIT_PATH": f"{services}:", "PATH": "/usr/bin"},
        cwd=home,
        capture_output=True,
        text=True,
        errors="surrogateescape",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, list[str]] = {}
    unit = ""
    for match in _LINE.finditer(done.stdout):
        if match[1]:
            unit = match[1]
        else:
            found.setdefault(unit, []).append(match[2])
    return found


def _service(text: str, lines: list[str]) -> Service:
    section = ""
    keys, required = [], []
    for line in text.split("\n"):
        if line.startswith("["):
            section = line
        elif line and not line.startswith("#") and section != "[X-Container]":
            key, _, value = line.partition("=")
            keys.append((section, key))
            if key == "RequiresMountsFor":
                required.append(value)
    started = [words for line in lines if (words := _words(line))[1:2] == ("run",)]
    assert len(started) == 1, text
    assert len(lines) == 3, lines  # to start, to stop, and what is left after that
    return Service(tuple(keys), tuple(required), started[0])


def _words(line: str) -> tuple[str, ...]:
    words, word = [], b""
    for match in _QUOTED.finditer(f"{line} "):
        if match[3]:
            words.append(word.decode("utf-8", "surrogateescape"))
            word = b""
        else:
            word += _ESCAPE.sub(_letter, (match[1] or match[2] or "").encode("utf-8", "surrogateescape"))
    return tuple(_filled_in(word) for word in words)


def _letter(match: re.Match[bytes]) -> bytes:
    found = match[1]
    if len(found) == 3:
        return bytes((int(found[1:], 16) if found[:1] == b"x" else int(found, 8),))
    return _LETTERS.get(found, found)


def _filled_in(word: str) -> str:
    """As systemd.service(5) has it when it starts the command; a variable would be foreign text that acts."""
    assert "$" not in word.replace("$$", ""), word
    return word.replace("$$", "$")
