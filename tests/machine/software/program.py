"""What a program of the table is: how it is started, what it must be able to do, what a careful person would set.

A program is one entry in the list of its family (`families/`), beside its deep check: functions that each try one thing
that people do with it, also rarely, and raise Broken where it is not as it was. They go the way of its clients, through
the published port or inside its network, or are sessions of `docker exec`. The product knows nothing of them.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rig.engine import Rig

SESSION = 60.0  # seconds: postdrop(1) without its group tries again for ever
# By hand, unless a program has others: room for each of them, and an end to it
BY_HAND = ("memory=512m", "cpus=1.5", "pids=100", "no-new-privileges=on")
_LIMITS, _CONTROLLERS = ("memory", "cpus", "pids"), Path("/sys/fs/cgroup/cgroup.controllers")
# Docker sets it for each container; Podman by the containers.conf that distributions ship, which the rig's replaces
PING = ("--sysctl", "net.ipv4.ping_group_range=0 65535")
PATH = "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class BrokenError(Exception):
    """A function of the program does not work; says how."""


@dataclass(frozen=True, slots=True)
class Service:
    """One running container of a program: where it is, and under which port of the machine."""

    rig: Rig
    name: str
    port: int

    def session(self, *words: str, user: str = "", typed: str = "") -> tuple[int, str]:
        """A command in there, as by `docker exec`: its exit code and all that it printed."""
        options = [*(("-i",) if typed else ()), *(("-u", user) if user else ())]
        try:
            done = subprocess.run(
                self.rig.command("exec", *options, self.name, *words),
                env=self.rig.env,
                text=True,
                capture_output=True,
                check=False,
                errors="replace",
                input=typed,
                timeout=SESSION,
            )
        except subprocess.TimeoutExpired:
            return 124, "it did not end"
        return done.returncode, (done.stdout + done.stderr).strip()

    def does(self, *words: str, user: str = "", typed: str = "") -> str:
        """The same for what must end well. Raises BrokenError."""
        code, text = self.session(*words, user=user, typed=typed)
        if code != 0:
            raise BrokenError(f"{' '.join(words)[:80]}: {code}: {text[-300:]}")
        return text

    def says(self, *words: str, user: str = "") -> str:
        """The same for what must print something: on a busy machine Podman's API now and then loses it."""
        for _ in range(4):
            if text := self.does(*words, user=user):
                return text
        return ""

    def shell(self, script: str, *words: str, user: str = "") -> str:
        return self.does("sh", "-c", script, "sh", *words, user=user)


Check = Callable[[Service], None]


@dataclass(frozen=True, slots=True)
class Data:
    """How people give a program something to keep, by its name, and whether it has it: asked as they ask for it."""

    write: Callable[[Service, str], object]
    has: Callable[[Service, str], bool]


def in_folder(folder: str) -> Data:
    """Files that people put there, by their tools on the machine."""

    def file(at: Service, name: str) -> Path:
        return Path(f"/proc/{at.rig.pid(at.name)}/root{folder}/{name}")

    return Data(lambda at, name: file(at, name).write_text("kept\n"), lambda at, name: file(at, name).exists())


@dataclass(frozen=True, slots=True)
class Program:
    """`hand` is what `--set` takes: the tightest settings by which all of `deep` works, found by hand.

    The first check of `deep` says whether it is up at all. `BY_HAND` holds where `hand` has nothing else for a toggle;
    one without a value is left out. `hand_podman` comes instead where Podman needs others: its containers may not bind
    ports below 1024 by themselves. `hand_before` is a script that root runs in the original before, such as one that
    gives the volume to the user.

    `data`: what it keeps, which has to be there after each relaunch, restart and undo.

    `breaks`: options of `docker run` by which one thing is taken from it, and the check that must fail then.
    """

    name: str
    family: str
    inner_port: int
    command: tuple[str, ...]
    deep: tuple[Check, ...]
    hand: tuple[str, ...]
    volumes: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    hand_podman: tuple[str, ...] = ()
    hand_before: str = ""
    data: Data | None = None
    breaks: tuple[tuple[str, str], ...] = ()
    health: tuple[str, ...] = ()  # for Docker: Podman leaves it to timers of systemd, which does not run here
    slow: bool = False

    def by_hand(self, at: Service, profile: Path) -> tuple[str, ...]:
        """The settings for the container of an engine, with the user by its number and the filter of that file."""
        chosen = {each.partition("=")[0]: each for each in (*BY_HAND, f"seccomp={profile}", *self.hand)}
        if at.rig.kind == "podman":
            chosen |= {each.partition("=")[0]: each for each in self.hand_podman}
        if at.rig.rootless and not _CONTROLLERS.exists():  # control groups of version 1 are root's alone
            chosen = {toggle: each for toggle, each in chosen.items() if toggle not in _LIMITS}
        return tuple(_numbered(each, at) for each in chosen.values() if not each.endswith("="))


def _numbered(setting: str, at: Service) -> str:
    toggle, _, name = setting.partition("=")
    return f"user={at.says('id', '-u', name)}:{at.says('id', '-g', name)}" if toggle == "user" else setting


def expect(found: object, wanted: object, what: str) -> None:
    """Raises BrokenError where that is not so."""
    if found != wanted:
        raise BrokenError(f"{what}: {found!r}, not {wanted!r}"[:400])
