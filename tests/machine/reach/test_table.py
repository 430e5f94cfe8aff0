"""The table of questions and sandboxes: what is said of each kind, as predicted and as tried by the program, against
what `gets.c` gets at inside.
"""

from __future__ import annotations

import os
import shutil
import signal
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from machine.reach.tally import Tally, waiting
from machine.reach.trying import QUESTIONS, Target, said
from rig.collector.asking import needs_root
from rig.plan import ordinary_user
from rig.sandboxes import BY_ID, agents, missing
from stratascope.core.ground import decode_ground
from stratascope.core.reach.row import Answer, Reached
from stratascope.layers import all_layers
from stratascope.probe.local import LocalProber
from stratascope.usecases.reach.attempts import attempts_by, tried
from stratascope.usecases.reach.judge import reached
from stratascope.usecases.reach.subject import of_process

_LONGEST = 90.0  # seconds until all was tried inside
_NR, _ARCH = 0, 4  # of struct seccomp_data
_X86_64, _X32, _CONNECT, _IO_URING_SETUP = 0xC000003E, 0x40000000, 42, 425
Made = Callable[[Target, Path], list[str]]


def _as_user(words: list[str]) -> list[str]:
    uid, gid, _ = ordinary_user()
    return ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", *words]


def _plain(kind: str, *, user: bool = True) -> Made:
    """As it is started elsewhere, with the program that tries in place of the one that sleeps."""

    def made(there: Target, folder: Path) -> list[str]:
        words = BY_ID[kind].command(folder, [str(there.program), *there.arguments()])
        return _as_user(words) if user else words

    return made


def _without_connect(there: Target, folder: Path) -> list[str]:
    """A filter that refuses connect and io_uring, so that only datagrams leave."""
    words = _plain("bwrap-filter")(there, folder)
    code = (
        *((0x20, 0, 0, _ARCH), (0x15, 0, 5, _X86_64)),  # load; other architectures have a connect of their own
        *((0x20, 0, 0, _NR), (0x35, 3, 0, _X32), (0x15, 2, 0, _CONNECT), (0x15, 1, 0, _IO_URING_SETUP)),
        *((0x06, 0, 0, 0x7FFF0000), (0x06, 0, 0, 0x00050001)),  # allow; EPERM
    )
    (folder / "filter").write_bytes(b"".join(struct.pack("=HBBI", *each) for each in code))
    return words


def _nspawn(there: Target, folder: Path) -> list[str]:
    words = BY_ID["nspawn"].command(folder, [str(os.getpid())])[:-2]
    shown = (f"--bind-ro={there.program}:/gets", f"--bind={there.home}")
    return [*words, *shown, "-E", "STAY=1", "-a", "/gets", *there.arguments()]


def _with(made: Made, after: str, *options: str) -> Made:
    """The same with these options behind that word."""

    def more(there: Target, folder: Path) -> list[str]:
        words = made(there, folder)
        place = words.index(after) + 1
        return [*words[:place], *options, *words[place:]]

    return more


def _lxc(there: Target, folder: Path) -> list[str]:
    words = BY_ID["lxc"].command(folder, ["/run-gets"])
    root, inside = folder / "root", str(there.home)[1:]
    (root / "gets").touch()
    (root / inside).mkdir(parents=True)
    (root / "run-gets").write_text(f"#!/bin/sh\nSTAY=1 exec /gets {' '.join(there.arguments())} > /out\n")
    (root / "run-gets").chmod(0o755)
    with (folder / "lxc/box/config").open("a") as config:
        config.write(f"lxc.mount.entry = {there.program} gets none bind,ro 0 0\n")
        config.write(f"lxc.mount.entry = {there.home} {inside} none bind 0 0\n")
    return words


def _flatpak(there: Target, folder: Path) -> list[str]:
    words = BY_ID["flatpak"].command(folder, [str(there.program), *there.arguments()])
    metadata = folder / "app/metadata"
    metadata.write_text(metadata.read_text().replace("xdg-download;", f"{there.folder};"))
    uid, gid, _ = ordinary_user()
    subprocess.run(["chown", "-R", f"{uid}:{gid}", str(folder)], check=True)
    return _as_user(["env", f"HOME={folder}", *words])


def _at_home(kind: str) -> Made:
    """An agent in that home, which the ordinary user can start: root's are copied to where he may read them."""

    def made(there: Target, _: Path) -> list[str]:
        own = there.folder / "stratascope-agents"
        if not own.exists():
            shutil.copytree(agents().parents[1], own, symlinks=True)
        words = _plain(kind)(there, there.home)
        uid, gid, _path = ordinary_user()
        subprocess.run(["chown", "-R", f"{uid}:{gid}", str(there.home)], check=True)
        return ["env", "-C", str(there.home), f"HOME={there.home}", *(_from(word, own) for word in words)]

    def _from(word: str, own: Path) -> str:
        return word.replace(str(agents().parents[1]), str(own))

    return made


SANDBOXES: dict[str, tuple[str, Made]] = {
    "bwrap": ("bwrap", _plain("bwrap")),
    "bwrap-nested": ("bwrap", _plain("bwrap-nested")),
    "bwrap-filter": ("bwrap-filter", _without_connect),
    "unshare": ("unshare", _plain("unshare")),
    "unshare-fork": ("unshare-fork", _plain("unshare-fork")),
    "no-new-privs": ("no-new-privs", _plain("no-new-privs")),
    "landlock": ("landlock", _plain("landlock")),
    "landlock-root": ("landlock", _plain("landlock", user=False)),
    "firejail": ("firejail", _plain("firejail")),
    "firejail-unix": ("firejail", _with(_plain("firejail"), "firejail", "--protocol=unix")),
    "nspawn": ("nspawn", _nspawn),
    "nspawn-users": (
        "nspawn",
        _with(_nspawn, "systemd-nspawn", "--private-users=pick", "--private-users-ownership=chown"),
    ),
    "lxc": ("lxc", _lxc),
    "flatpak": ("flatpak", _flatpak),
    "codex": ("codex", _at_home("codex")),
    "sandbox-runtime": ("sandbox-runtime", _at_home("sandbox-runtime")),
}


@contextmanager
def _running(words: list[str], there: Target, folder: Path) -> Iterator[tuple[int, str]]:
    """The process that has tried all, and what it said; it is ended with all that it was started with."""
    log, out = folder / "log", folder / "root/out"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "STAY": "1"},
            cwd="/",
            start_new_session=True,
        ) as process,
    ):
        pid = 0
        try:
            text, until = "", time.monotonic() + _LONGEST
            while "done" not in text.split() and process.poll() is None and time.monotonic() < until:
                time.sleep(0.1)
                text = "".join(each.read_text(errors="replace") for each in (log, out) if each.exists())
            assert "done" in text.split(), text[-2000:]
            pid = waiting(there)
            yield pid, text
        finally:
            with suppress(ProcessLookupError, subprocess.TimeoutExpired):
                if pid:
                    os.kill(pid, signal.SIGKILL)
                    process.wait(5)  # who made it takes its mounts away
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def _line(name: str, found: Reached, opened: frozenset[str]) -> str:
    """A column a question: open as tried (o), closed as tried (.), open by a detour alone (~), not known (?), wrong."""
    by_id = {row.thing.id: row for row in found.rows}
    signs = []
    for question in QUESTIONS:
        row, reaches = by_id.get(question), question in opened
        answer = Answer.CLOSED if row is None else row.answer
        sign = "?" if answer is Answer.UNKNOWN else "o" if reaches else "."
        if (answer is Answer.OPEN) != reaches and answer is not Answer.UNKNOWN:
            sign = "~" if row is not None and row.indirect else "!"
        signs.append(sign)
    return f"{name:24} {' '.join(signs)}"


@needs_root
@pytest.mark.slow  # a minute: a dozen makers, two of which are installed from npm
def test_all_kinds_of_sandboxes_get_at_what_is_said(there: Target) -> None:
    prober, tally, lines = LocalProber(), Tally(), []
    ground = decode_ground(prober.host())
    for name, (kind, made) in SANDBOXES.items():
        if missing(BY_ID[kind]):
            lines.append(f"{name:24} {missing(BY_ID[kind])}")
            continue
        folder = there.folder / f"box-{name}"
        folder.mkdir(mode=0o755)
        with _running(made(there, folder), there, folder) as (pid, text):
            subject = of_process(all_layers(), pid, ground, prober)
            predicted = reached(subject)
            by_trying = tried(subject, attempts_by(prober, subject))
        opened = said(text)
        tally.compare(name, predicted.rows, opened, there.home)
        tally.compare(f"{name}, tried", by_trying.rows, opened, there.home)
        lines += [_line(name, predicted, opened), _line(f"{name}, tried", by_trying, opened)]
        tally.differs += [f"{name}: {row.thing.id} was predicted otherwise" for row in by_trying.differing]
        if name == "sandbox-runtime":  # its proxy is outside, behind two that hand on
            (proxy,) = (row for row in predicted.rows if row.thing.id == "proxy")
            assert (proxy.answer, str(proxy.why).count("socat")) == (Answer.OPEN, 2), proxy
    total = tally.equal + len(tally.differs) + len(tally.false_closed)
    print("\n".join([" ".join(QUESTIONS), *lines, f"{tally.equal} of {total} equal", *tally.differs]))  # noqa: T201
    tally.judge()
