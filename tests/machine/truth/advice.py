"""Advice taken on real engines: a container that gets it, and the same one when it has taken it, by advice.txt.

The advice is taken by the engine's own options. A threat is held better where it is stopped, or stopped by more layers.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from machine.truth.on_other_ground import judged_on
from machine.truth.sessions import session
from rig.engine import Rig
from stratascope.core.snapshot import ContainerState
from stratascope.core.threats.catalogue import all_threats
from stratascope.core.threats.needs import Calls
from stratascope.core.threats.states import ThreatState, strength
from stratascope.core.threats.threat import Outcome, Stance
from stratascope.linux.capability import CapabilitySet
from stratascope.linux.syscalls import known_names
from stratascope.wiring.engines import Engines, assembler, take_capture, translations
from stratascope.wiring.hardening import ConnectedHardening

TABLE = Path(__file__).with_name("advice.txt")
PEER = "advice-peer"
_WAY = re.compile(r"(?:on (?P<on>[\w, ]+): *)?(?P<mark>[!~]?) *(?P<before>.*?) *-> *(?P<after>.*)").fullmatch
_WORDS = {
    "POWERS": ("--cap-add", "ALL"),
    "FREE": ("--cap-add", "ALL", "--security-opt", "seccomp=unconfined"),
    "OWN_USERS": ("--uidmap", "0:200000:65536"),
    "no-new-privileges": ("--security-opt", "no-new-privileges"),
    "seccomp=unconfined": ("--security-opt", "seccomp=unconfined"),
}


@dataclass(frozen=True)
class Way:
    """One line of the table. `mark`: `!` it changes nothing and is said not to, `~` nothing is left to change."""

    before: str
    after: str
    mark: str = ""
    engines: tuple[str, ...] = ("",)

    def on(self, engine: str, layout: str) -> bool:
        """Whether this is for that engine, on a machine with such control groups."""
        return any(
            engine.startswith(each.removeprefix("v1 ")) and (layout != "v2" or not each.startswith("v1 "))
            for each in self.engines
        )


@dataclass
class Advice:
    """A sentence, the ways to take it, and why others are not tried."""

    sentence: str
    ways: list[Way] = field(default_factory=list)
    not_here: str = ""


def table() -> dict[str, Advice]:
    """advice.txt, by its sentences."""
    found: dict[str, Advice] = {}
    for line in TABLE.read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        if not line.startswith(" "):
            assert line not in found, line
            found[line] = last = Advice(line)
        elif line.strip().startswith("not here: "):
            last.not_here = line.strip().removeprefix("not here: ")
        else:
            way = _WAY(line.strip())
            assert way is not None, line
            engines = tuple(each.strip() for each in (way["on"] or "").split(","))
            last.ways.append(Way(way["before"], way["after"], way["mark"], engines))
    return found


@dataclass
class Bench:
    """Containers of one engine, each read once, by their half of a line."""

    rig: Rig
    engines: Engines
    hardening: ConnectedHardening
    lacking: CapabilitySet  # what not even root of this machine has
    known: dict[str, ContainerState] = field(default_factory=dict)

    def state(self, text: str) -> ContainerState:
        """Of the container that the half line asks for, as root reads it."""
        if text not in self.known:
            plain, *settings = text.split("@")
            self.known[text] = judged_on(self._read(plain.strip()), self.hardening, settings)
        return self.known[text]

    def can(self, way: Way) -> bool:
        """Whether this machine's root has the capabilities that it drops."""
        names = re.findall(r"(?:^| )-([A-Z_]+)", way.before + " " + way.after)
        return self.rig.rootless or not CapabilitySet.of(tuple(f"CAP_{name}" for name in names)) & self.lacking

    def _read(self, text: str) -> ContainerState:
        if text in self.known:
            return self.known[text]
        options, *beside = text.split("&")
        with ExitStack() as stack:
            for each in (words for words in beside if words.split()[0] == "beside"):
                stack.enter_context(self.rig.container(*self.options(each.strip().partition(" ")[2]), name=PEER))
            container = stack.enter_context(self.rig.container(*self.options(options)))
            for each in (words for words in beside if words.split()[0] == "exec"):
                stack.enter_context(session(self.rig, container, *self.options(each.strip().partition(" ")[2])))
            shared = translations()
            snapshot = assembler(shared).snapshot(take_capture(self.engines, shared))
        found = next(state for state in snapshot.containers if state.container.id == container)
        assert found.matrix is not None, found.gap
        self.known[text] = found
        return found

    def options(self, text: str) -> tuple[str, ...]:
        """The engine's own for these words."""
        return tuple(option for word in shlex.split(text) for option in self._option(word))

    def _option(self, word: str) -> tuple[str, ...]:
        if word in _WORDS:
            return _WORDS[word]
        if word.startswith("-") and word[1:].replace("_", "").isupper() and len(word) > 2:
            return ("--cap-drop", word[1:])
        if word.startswith("stops="):
            return self._filter(frozenset(word.removeprefix("stops=").split(",")), "SCMP_ACT_ERRNO")
        if word == "few":
            return self._filter(known_names() - _newest(), "SCMP_ACT_ALLOW")
        if word == "UNMASK":
            return "--security-opt", "systempaths=unconfined" if self.rig.kind == "docker" else "unmask=ALL"
        shared = self.rig.folder / "shared"
        shared.mkdir(exist_ok=True)
        shared.chmod(0o777)
        places = {"SHARED": str(shared), "SOCKET": str(self.rig.socket), "PEER": PEER, "GROUP": "/advice"}
        for name, text in places.items():
            word = word.replace(name, text)
        return (word,)

    def _filter(self, names: frozenset[str], action: str) -> tuple[str, ...]:
        """A profile that does this with these calls, and the other thing with all else."""
        other = {"SCMP_ACT_ERRNO": "SCMP_ACT_ALLOW", "SCMP_ACT_ALLOW": "SCMP_ACT_ERRNO"}[action]
        rule = {"names": sorted(names), "action": action}
        text = json.dumps({"defaultAction": other, "syscalls": [rule]})
        path = self.rig.folder / f"{sha256(text.encode()).hexdigest()}.json"
        path.write_text(text)
        path.chmod(0o644)
        return "--security-opt", f"seccomp={path}"


def _newest() -> set[str]:
    """What a filter of named calls has not heard of yet."""
    newest = next(each for each in all_threats() if each.id == "newest-calls")
    needs = (need for route in newest.routes for step in route.steps for need in step.needs)
    return {way.name for need in needs if isinstance(need, Calls) for way in need.ways}


def threat(state: ContainerState, name: str) -> ThreatState:
    assert state.matrix is not None
    found = state.matrix.of(name)
    assert found is not None
    return found


def better(old: ThreatState, new: ThreatState) -> bool:
    """Stopped where it was not, or by more layers; also on another route than the weakest, if on none by fewer."""
    before, after = (strength(each.outcome, *each.depth) for each in (old, new))
    return after > before or (after == before and _stops(old) < _stops(new))


def impossible(state: ThreatState) -> bool:
    """Whether this machine's kernel or settings stop it, whatever the container is."""
    return state.weakest.ground is not None and state.weakest.ground.stance is Stance.STOPS


def closed(state: ThreatState) -> bool:
    return state.outcome is Outcome.STOPPED


def _stops(state: ThreatState) -> frozenset[tuple[int, str]]:
    return frozenset(
        (place, each.layer)
        for place, route in enumerate(state.routes)
        for each in route.rulings
        if each.ruling.stance is Stance.STOPS
    )


@contextmanager
def no_group_left() -> Iterator[None]:
    """The control group of --cgroup-parent outlives its containers."""
    yield
    for top in (*Path("/sys/fs/cgroup").glob("advice"), *Path("/sys/fs/cgroup").glob("*/advice")):
        for group in sorted((*top.rglob("*/"), top), key=lambda path: -len(path.parts)):
            if group.is_dir():
                group.rmdir()
