"""From processes to sandboxes: who confined them, by which sign, and what belongs to whom."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence

from stratascope.core.container import Asked
from stratascope.core.message import Message, msg
from stratascope.core.sandbox import Group, Sandbox
from stratascope.core.sandboxes.asked.asked_of import AskedOf
from stratascope.core.sandboxes.asked.read import asked_of
from stratascope.core.sandboxes.groups import Machine, Together, manages, unit_of
from stratascope.core.sandboxes.makers import INTERPRETERS, MAKERS, TOOLS, Maker, by_program, maker, pattern
from stratascope.core.shell_quote import words
from stratascope.linux.confined import ConfinedHost, ConfinedProcess
from stratascope.value import Struct, Value, field

NAME_MAX, COMMAND_MAX, WORDS_MAX = 100, 4096, 256
_SLUG = re.compile(r"[^A-Za-z0-9_.@-]+")
_SCRIPT_AT = 4  # a path that an interpreter runs is one of its first arguments
_SHELLS = ("sh", "bash", "dash", "zsh", "busybox")


class FoundSandbox(Value):
    """A sandbox, and what its maker was asked for; None: not known."""

    sandbox: Sandbox
    asked: Asked | None


class _Found(Struct, eq=False):
    """One group and who made it, until all are known."""

    group: Together
    tool: Maker
    maker: Maker
    sign: Message
    wrapper: ConfinedProcess | None  # the tool's process, outside
    by: ConfinedProcess | None = None  # the maker's, who had the tool do it
    helpers: list[ConfinedProcess] = field(default_factory=list)
    above: Together | None = None
    name: str = ""
    owner: int = 0  # of a program that confines parts of itself: the first of its processes
    whole: Hashable = None  # equal for those that are one row
    folded: bool = False
    into: _Found | None = None  # it is part of that one
    free: bool = False  # nothing confines it


def sandboxes(
    processes: Sequence[ConfinedProcess], host: ConfinedHost, engines: Mapping[str, int | None]
) -> tuple[FoundSandbox, ...]:
    """All of them, in order of start. `engines`: the full ids of the engines' containers and their first processes."""
    return _Finder(Machine(processes, host, engines)).sandboxes()


class _Finder:
    """Who made the groups of one machine."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._found: dict[int, _Found] = {}
        self._containers: set[int] = set()
        for group in machine.groups:
            above = group.above
            if group.container and (above is None or above.container != group.container):
                self._containers.add(id(group))  # the engine's container itself
            elif self._is_reader(group):
                continue
            else:
                self._found[id(group)] = self._made(group)

    def _is_reader(self, group: Together) -> bool:
        return all(each.pid == self._machine.host.reader for each in group.members)

    # who

    def _made(self, group: Together) -> _Found:
        first = group.first
        way = [each for each in self._machine.above(first) if self._machine.group(each) is not group]
        found = self._by_neighbour(group, way[0] if way else None)
        found.above = group.above
        if found.tool.id == "none":
            self._by_cgroup(found, way)
        self._refine(found, way)
        if found.maker.id in ("none", "itself") and group.all_are(maker("engine").helpers):
            found.maker, found.folded = maker("engine"), True
            # one for each container, all alike
            found.whole = ("engine", first.program, first.uid, id(found.above), self._shape(first))
        return found

    def _by_neighbour(self, group: Together, outside: ConfinedProcess | None) -> _Found:
        """By the process next to it."""
        first = group.first
        if outside is not None:
            tool = by_program(outside.program)
            if tool is not None and not self._is_systems(tool, group):
                found = _Found(group, tool, tool, _started(outside), outside)
                found.whole = (tool.id, outside.pid) if tool.helping else None
                return found
            same = outside.exe is not None and outside.exe == first.exe
            if same and not manages(outside) and first.program not in _SHELLS:
                return self._itself(group, outside)
        tool = by_program(first.program)
        if tool is not None and first.exe_of_host:
            sign = msg("its first process is {program}, PID {pid}", program=first.exe or "", pid=first.pid)
            return _Found(group, tool, tool, sign, None)
        return _Found(group, maker("none"), maker("none"), msg("nothing tells who confined it"), None)

    @staticmethod
    def _is_systems(tool: Maker, group: Together) -> bool:
        """An engine's runtime is next to a container that no engine told of."""
        return tool.id == "containerd" and "moby" in (group.first.argv or ())

    def _itself(self, group: Together, outside: ConfinedProcess) -> _Found:
        first = group.first
        owner = outside
        for each in self._machine.above(outside):
            if each.exe != first.exe:
                break
            owner = each
        # some write their title over their arguments: then all of it is one word
        said = [" ".join((one.argv or ())[:_SCRIPT_AT])[:COMMAND_MAX] for one in group.members]
        rows = (each for each in MAKERS if each.itself and any(pattern(each.itself).search(text) for text in said))
        row = next(rows, maker("itself"))
        sign = msg("a part of {program}, PID {pid}, which confines itself", program=owner.exe or "", pid=owner.pid)
        found = _Found(group, row, row, sign, None, name=owner.program, owner=owner.pid)
        if row.itself:
            found.whole = (row.id, owner.pid)
        return found

    def _by_cgroup(self, found: _Found, way: Sequence[ConfinedProcess]) -> None:
        first = found.group.first
        unit = unit_of(first)
        if unit.endswith(".service") and (not way or manages(way[0])):
            named = unit.rsplit("/", 1)[-1]
            machine = self._cgroup_row(first, ("nspawn", "snap"))
            found.tool = found.maker = machine[0] if machine else maker("systemd")
            found.name, found.folded = machine[1] if machine else named, found.maker.folded
            found.sign = _in_cgroup(unit)
            return
        row = self._cgroup_row(first, ("lxc", "containerd", "cri-o", "snap"))
        outer = (
            None
            if found.group.above is None
            else self._cgroup_row(found.group.above.first, (row[0].id,) if row else ())
        )
        if row and row != outer:
            found.tool, found.name = row[0], row[1]
            found.maker, found.sign = row[0], _in_cgroup(row[2])

    @staticmethod
    def _cgroup_row(process: ConfinedProcess, ids: Iterable[str]) -> tuple[Maker, str, str] | None:
        for row in map(maker, ids):
            for path in process.cgroups:
                for text in row.cgroups:
                    hit = pattern(text).search(path)
                    if hit:
                        return row, hit.group("name"), path
        return None

    # for whom

    def _refine(self, found: _Found, way: Sequence[ConfinedProcess]) -> None:
        """Whoever has the tool do it."""
        if found.maker.itself:
            return
        tool = found.tool.id
        rows = [row for row in MAKERS if tool in row.uses]
        for each in way:
            for row in rows:
                if each.program in row.programs or _runs(each, row):
                    found.maker, found.sign, found.by = row, self._below(found, each), each
                    return
        said = {name for each in found.group.members for name in each.environment or ()}
        programs = {each.program: each for each in reversed(way)}
        for row in rows:
            near = next((programs[name] for name in row.below if name in programs), None)
            if row.environment and near is not None and said.intersection(row.environment):
                found.maker, found.sign, found.by = row, self._below(found, near), near
                return
            if row.files and self._has_files(found.group, row):
                found.maker = row
                return
            hit = self._cgroup_row(found.group.first, (row.id,)) if row.cgroups else None
            if hit is not None and found.wrapper is not None:
                found.maker, found.name = row, hit[1]
                return

    @staticmethod
    def _below(found: _Found, process: ConfinedProcess) -> Message:
        if found.wrapper is None or found.wrapper is process:
            return _started(process)
        return msg(
            "started by {program}, PID {pid}, below {above}, PID {other}",
            program=found.wrapper.exe or "",
            pid=found.wrapper.pid,
            above=process.exe or "",
            other=process.pid,
        )

    @staticmethod
    def _has_files(group: Together, row: Maker) -> bool:
        for each in group.members:
            names, places = dict(each.files), dict(each.mounts)
            if any(name in names for name in row.files) and any(
                pattern(text).search(places.get("/usr", "")) for text in row.mounts
            ):
                return True
        return False

    # what belongs together

    def sandboxes(self) -> tuple[FoundSandbox, ...]:
        """All of them."""
        for each in list(self._found.values()):
            self._take_stage(each)
        self._take_wholes()
        self._take_helpers()
        self._add_free()
        kept = sorted(
            (each for each in self._found.values() if each.into is None),
            key=lambda one: (one.group.first.started, one.group.first.pid),
        )
        ids: dict[int, str] = {}
        counts: dict[str, int] = {}
        asked = {id(each): self._asked(each) for each in kept}
        for each in sorted(kept, key=lambda one: one.folded):
            word = f"{each.maker.id}-{_slug(self._name(each, asked[id(each)], self._command(each, asked[id(each)])))}"
            counts[word] = counts.get(word, 0) + 1
            ids[id(each)] = word if counts[word] == 1 else f"{word}-{counts[word]}"
        return tuple(self._sandbox(each, asked[id(each)], ids) for each in kept)

    def _add_free(self) -> None:
        """What agents run of which no sandbox lives."""
        busy = {each.pid for found in self._found.values() for each in (found.by, found.wrapper) if each is not None}
        for each in self._machine.processes.values():
            row = None if each.confined or each.pid in busy else _agent(each)
            if row is None:
                continue
            group = Together(each)
            found = _Found(group, row, row, _started(each), None, each, free=True)
            group.members = self._outside(found)
            if group.members:
                group.first = min(group.members, key=lambda one: (one.started, one.pid))
                self._found[id(group)] = found

    def _take_stage(self, found: _Found) -> None:
        """What lies around it, if that holds nothing but its maker's own processes on the way to it."""
        around = None if found.above is None else self._found.get(id(found.above))
        if around is None or around.into is not None:
            return
        row, tool = found.maker, found.tool
        own = (*tool.programs, *tool.helpers, *row.programs, *row.helpers, *row.stages)
        mine = around.maker is row or (around.maker.id == "none" and self._trusted(around.group))
        if not mine or not around.group.all_are(own):
            return
        if tool.helping and around.tool is tool:
            around.group.members += found.group.members  # what runs in it is its own processes
            found.into = around
            return
        if around.maker is row:
            if around.wrapper is not None or found.wrapper is None:
                found.sign, found.wrapper, found.by = around.sign, around.wrapper, around.by or found.by
            found.tool = around.tool if around.tool.id != "none" else found.tool
        found.helpers += [*around.helpers, *around.group.members]
        found.above, around.into = around.above, found

    def _trusted(self, group: Together) -> bool:
        """Whether the executables of these processes are the host's, although they are in a sandbox."""
        return all(each.exe_of_host is True for each in group.members)

    def _take_wholes(self) -> None:
        """Make one row of what one program confines of itself; parts that are confined alike are one."""
        rows: dict[Hashable, list[_Found]] = {}
        for each in self._found.values():
            if each.whole is not None and each.into is None:
                rows.setdefault(each.whole, []).append(each)
        for parts in rows.values():
            if parts[0].tool.helping:
                rest = [each for each in parts if not _helps(each)]
                for each in parts:
                    if rest and each not in rest:
                        each.into = rest[0]
                        rest[0].helpers += each.group.members
                continue
            shapes: dict[object, _Found] = {}
            for each in parts:
                shape = self._shape(each.group.first)
                same = shapes.setdefault(shape, each)
                if same is not each:
                    same.group.members += each.group.members
                    each.into = same
            kept = sorted(shapes.values(), key=lambda one: (-len(one.group.members), one.group.first.started))
            for each in kept[1:]:
                each.folded, each.above = True, kept[0].group
            kept[0].above = parts[0].above if parts[0].above not in [one.group for one in parts] else None

    def _shape(self, process: ConfinedProcess) -> object:
        """How it is confined, without who it is."""
        own, host = process.confinement, dict(self._machine.host.confinement.namespaces)
        kinds = frozenset(kind for kind, inode in own.namespaces if host.get(kind, inode) != inode)
        return (
            kinds,
            own.no_new_privs,
            own.seccomp,
            own.filters,
            own.bounding,
            own.domain is not None and own.domain > 0,
        )

    def _take_helpers(self) -> None:
        """Put groups that hold nothing but a maker's helpers below one that it made from the same place."""
        for each in list(self._found.values()):
            if each.into is not None:
                continue
            for other in self._found.values():
                own = (*other.maker.helpers, *other.tool.programs) if other.maker.helpers else ()
                if (
                    other is not each
                    and other.into is None
                    and other.maker.id != "engine"
                    and each.group.all_are(own)
                    and not other.group.all_are(own)
                    and self._from_one_place(each, other)
                ):
                    each.into = other
                    other.helpers += [*each.group.members, *each.helpers]
                    break

    def _from_one_place(self, one: _Found, other: _Found) -> bool:
        """Whether one stands in the other, shares its network namespace or its control group, or has its parent."""
        if one.above is other.group or other.above is one.group:
            return True
        first, second = one.group.first, other.group.first
        cgroups = [path for path in first.cgroups if path in second.cgroups]
        if cgroups and unit_of(first).endswith(".scope"):
            return True
        beside = {each.pid for each in self._machine.above(first)} & {each.pid for each in self._machine.above(second)}
        return bool(beside - {1}) or abs(first.started - second.started) < 500

    # as a value

    def _asked(self, found: _Found) -> AskedOf:
        inside = [*found.group.members, *found.helpers]
        return asked_of(found.tool, found.maker, found.wrapper, found.by, inside)

    @staticmethod
    def _name(found: _Found, asked: AskedOf, command: Sequence[str]) -> str:
        first = _first(found)
        words = " ".join(command[:1]).split(" ", 1)  # a title that was written over it
        name = asked.name or found.name or words[0].rsplit("/", 1)[-1]
        return (name or first.program or first.comm or found.maker.id)[:NAME_MAX]

    def _command(self, found: _Found, asked: AskedOf) -> tuple[str, ...]:
        owner = self._machine.processes.get(found.owner)
        return (asked.command or (owner or _first(found)).argv or ())[:WORDS_MAX]

    def _sandbox(self, found: _Found, asked: AskedOf, ids: Mapping[int, str]) -> FoundSandbox:
        first, row = _first(found), found.maker
        members = _own(found)
        helpers = {each.pid: each for each in (*found.helpers, *found.group.members) if each not in members}
        for each in (found.wrapper, found.by, self._machine.processes.get(found.owner)):
            if each is not None:
                helpers[each.pid] = each
        outside = self._outside(found) if row.group is Group.AGENTS else []
        told = {
            each.pid: each for each in (*members, *helpers.values(), *outside, *self._machine.above(found.group.first))
        }
        command = self._command(found, asked)
        sandbox = Sandbox(
            ids[id(found)],
            row.id,
            row.title,
            _group(row, members),
            found.sign,
            self._name(found, asked, command),
            words(command)[:COMMAND_MAX],
            first.pid,
            first.started,
            tuple(sorted((each.pid, each.started) for each in members)),
            tuple(sorted(helpers)),
            self._parent(found, ids),
            found.folded,
            first.uid,
            asked.texts,
            tuple([(each.pid, each.program or each.comm) for each in outside]),
            (self._machine.host.line, *(each.line for each in sorted(told.values(), key=lambda one: one.pid))),
            found.free,
        )
        return FoundSandbox(sandbox, asked.asked)

    def _outside(self, found: _Found) -> list[ConfinedProcess]:
        """What the agent itself runs without a sandbox: no part of its own, and nothing on the way to one."""
        agent = found.by or found.wrapper
        every = self._machine.processes.values()
        if agent is None or agent.confined:
            return []
        own = (agent.program, *found.maker.helpers, *found.tool.programs)
        on_the_way = {each.parent for each in every}
        return [
            each
            for each in sorted(every, key=lambda one: one.pid)
            if each.parent == agent.pid and not each.confined and each.pid not in on_the_way and each.program not in own
        ]

    def _parent(self, found: _Found, ids: Mapping[int, str]) -> str:
        above = found.above
        while above is not None:
            if id(above) in self._containers:
                return above.container
            around = self._found.get(id(above))
            while around is not None and around.into is not None:
                around = around.into
            if around is not None and around is not found:
                return ids.get(id(around), "")
            above = above.above
        return found.group.container


def _started(process: ConfinedProcess) -> Message:
    return msg("started by {program}, PID {pid}", program=process.exe or process.comm, pid=process.pid)


def _in_cgroup(path: str) -> Message:
    return msg("in the control group {path}", path=path)


def _agent(process: ConfinedProcess) -> Maker | None:
    """Which agent it is, of those that run commands without a sandbox, too."""
    rows = (row for row in MAKERS if row.alone)
    return next((row for row in rows if process.program in row.programs or _runs(process, row)), None)


def _runs(process: ConfinedProcess, row: Maker) -> bool:
    """Whether it is an interpreter that runs one of the maker's scripts."""
    if process.program not in INTERPRETERS:
        return False
    words = [word for word in (process.argv or ())[:_SCRIPT_AT] if not word.startswith("-")]
    return any(pattern(text).search(word) for text in row.scripts for word in words)


def _group(row: Maker, inside: Iterable[ConfinedProcess]) -> Group:
    """Where it stands: an agent that somebody put into a sandbox is one, though its maker is the tool."""
    if row.id not in (*TOOLS, "firejail"):
        return row.group
    agents = [each for each in MAKERS if each.group is Group.AGENTS]
    runs = any(each.program in agent.programs or _runs(each, agent) for agent in agents for each in inside)
    return Group.AGENTS if runs else row.group


def _helps(found: _Found) -> bool:
    words = (found.group.first.argv or ("",))[:1]
    return words[:1] == ("runsc-gofer",)


def _own(found: _Found) -> list[ConfinedProcess]:
    """Its processes without the maker's own, if any are left."""
    own = (*found.tool.programs, *found.maker.programs, *found.maker.helpers)
    return [each for each in found.group.members if each.program not in own] or found.group.members


def _first(found: _Found) -> ConfinedProcess:
    return min(_own(found), key=lambda one: (one.started, one.pid))


def _slug(text: str) -> str:
    """For an id: what can be typed."""
    return _SLUG.sub("-", text).strip("-.")[:64] or "sandbox"
