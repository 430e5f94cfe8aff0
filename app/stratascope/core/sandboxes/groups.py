"""Processes that are confined together, as a tree: what the kernel says alone, whoever did it.

One that is confined as its parent is belongs to it. One that got namespaces of its own belongs to all that are in just
these. A maker's own process that stays in its parent's namespaces, and has a child confined more, stands outside:
bwrap gives up rights before it makes a sandbox.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from stratascope.core.sandboxes.makers import by_program
from stratascope.linux.confined import ConfinedHost, ConfinedProcess, Confinement
from stratascope.value import Struct, field

_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
# Control groups of Docker's and Podman's containers by their usual names, whether or not the engine was asked
_ENGINES = re.compile(r"/(?:docker[/-]|libpod-)([0-9a-f]{64})(?![0-9a-f])")
_UNIT = re.compile(r"/([^/]+\.(?:service|scope|slice))(?=/|$)")


class Together(Struct, eq=False):
    """Processes that are confined together. `above`: the one that they stand in; `container`: the engine's."""

    first: ConfinedProcess
    above: Together | None = None
    container: str = ""
    members: list[ConfinedProcess] = field(default_factory=list)

    def all_are(self, programs: Iterable[str]) -> bool:
        """Whether all run one of these programs."""
        known = frozenset(programs)
        return all(each.program in known for each in self.members)


class Machine:
    """One look at it. `groups`: in order of start, parents before what stands in them."""

    def __init__(
        self, processes: Sequence[ConfinedProcess], host: ConfinedHost, engines: Mapping[str, int | None]
    ) -> None:
        self.processes = {each.pid: each for each in processes}
        self.host = host
        self._engines = engines
        self._firsts = {pid: name for name, pid in engines.items() if pid}
        self._containers: dict[int, str] = {}
        confined = [each for each in processes if each.confined]
        children: dict[int, list[ConfinedProcess]] = {}
        for each in confined:
            children.setdefault(each.parent, []).append(each)
        self.outside = {each.pid for each in confined if self._stands_outside(each, children.get(each.pid, ()))}
        self._of: dict[int, Together] = {}
        self._alike: dict[object, Together] = {}
        self.groups: list[Together] = []
        for each in sorted(confined, key=lambda one: (one.started, one.pid)):
            way = [each, *self.above(each)]
            for one in reversed(way):
                if one.confined and one.pid not in self.outside and one.pid not in self._of:
                    self._place(one)

    def above(self, process: ConfinedProcess) -> Iterator[ConfinedProcess]:
        """Its ancestors, nearest first."""
        seen = {process.pid}
        while (found := self.processes.get(process.parent)) is not None and found.pid not in seen:
            seen.add(found.pid)
            yield found
            process = found

    def group(self, process: ConfinedProcess) -> Together | None:
        """The one that it belongs to."""
        return self._of.get(process.pid)

    def container(self, process: ConfinedProcess) -> str:
        """The full id of the engine's container that it is in; empty: none."""
        known = self._containers.get(process.pid)
        if known is None:
            known = self._by_itself(process)
            for each in self.above(process) if not known and process.confined else ():
                known = self._containers.get(each.pid) or self._by_itself(each)
                if known or not each.confined:
                    break
            self._containers[process.pid] = known
        return known

    def _by_itself(self, process: ConfinedProcess) -> str:
        for path in process.cgroups:
            for found in _ID.findall(path):
                if found in self._engines and f"conmon-{found}" not in path:
                    return str(found)
            named = _ENGINES.search(path)
            if named:
                return named.group(1)
        return self._firsts.get(process.pid, "")

    def _stands_outside(self, process: ConfinedProcess, children: Sequence[ConfinedProcess]) -> bool:
        if by_program(process.program) is None or not children:
            return False
        parent = self.processes.get(process.parent)
        around = parent.confinement if parent is not None else self.host.confinement
        own = process.confinement
        if own == around or different(own, around) or own.depth != around.depth:
            return False
        return any(different(each.confinement, own) or each.confinement != own for each in children)

    def _place(self, process: ConfinedProcess) -> None:
        parent = next((each for each in self.above(process) if each.pid not in self.outside), None)
        around = None if parent is None else self._of.get(parent.pid)
        container = self.container(process)
        own = process.confinement
        if around is not None and parent is not None and parent.confinement == own and around.container == container:
            found = around
        else:
            outer = self.host.confinement if parent is None else parent.confinement
            keys: list[object] = [(container, own)] if different(own, outer) else []
            if around is not None:
                keys.append((id(around), own))
            unit = unit_of(process)
            if unit.endswith(".service") and parent is not None and manages(parent):
                keys.append((unit, own))
            known = next((self._alike[key] for key in keys if key in self._alike), None)
            found = known or Together(process, around, container)
            if known is None:
                self.groups.append(found)
            for key in keys:
                self._alike.setdefault(key, found)
        found.members.append(process)
        self._of[process.pid] = found


def different(one: Confinement, other: Confinement) -> bool:
    """Whether they are known to differ in a namespace or in the root directory."""
    theirs = dict(other.namespaces)
    if one.root and other.root and one.root != other.root:
        return True
    return any(theirs.get(kind, inode) != inode for kind, inode in one.namespaces)


def unit_of(process: ConfinedProcess) -> str:
    """The path of its systemd unit's control group; empty if it is in none."""
    for path in process.cgroups:
        ends = [hit.end() for hit in _UNIT.finditer(path)]
        if ends:
            return path[: ends[-1]]
    return ""


def manages(process: ConfinedProcess) -> bool:
    """Whether it is systemd, the system's or a user's: by its executable, or where that may not be read by its unit."""
    if process.exe is None:
        return process.pid == 1 or unit_of(process).endswith("/init.scope")
    return process.program == "systemd"
