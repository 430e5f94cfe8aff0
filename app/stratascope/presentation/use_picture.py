"""What a container was seen to use, compared with what it has: numbers and rows of the page *Use*. Pure.

Each part states whether it was observed at all. What was not observed is not "never used": without an observation, the
rows show only what the container has.
"""

from __future__ import annotations

from enum import StrEnum

from stratascope.core.capture import or_none
from stratascope.core.container import Asked, AskedPort, Engine
from stratascope.core.layer import CallMap, CallTable, CallVerdict
from stratascope.core.observation.observation import Coverage, Needs, Observation, UsedCall, coverage
from stratascope.core.relaunch.toggle import Learned, Subject
from stratascope.core.snapshot import ContainerState, first_view
from stratascope.layers.cgroup.facts import CgroupFacts, most_used
from stratascope.layers.toggles import all_toggles
from stratascope.linux.capability import CapabilitySet, name_of
from stratascope.linux.decode import DecodeError
from stratascope.linux.process import parse_status
from stratascope.presentation.syscall_map import dangerous, table_of
from stratascope.value import Value

_PASSES = (CallVerdict.ALLOWED, CallVerdict.DEPENDS)
_LAST = 40
PEAKS = ("memory", "pids", "cpu", "open_files")  # an observation's names, in the order of the page


class Standing(StrEnum):
    """What is known about one capability in this container."""

    USED = "used"
    NEVER = "never"  # held, and observed not to be used
    HELD = "held"  # held; its use was not observed
    ABSENT = "absent"
    UNKNOWN = "unknown"  # it is not known whether it is held


class CapabilityUse(Value):
    """One capability. `name` without CAP_."""

    name: str
    standing: Standing
    uses: int = 0
    by: tuple[str, ...] = ()


class CallsUse(Value):
    """System calls of the machine's native entry point. None: not known. `never`: calls that pass and were not used.

    `dangerous`: how many dangerous calls that pass were used, and how many pass.
    """

    used: int | None
    passing: int | None
    never: int | None
    refused: int | None
    dangerous: tuple[int, int] | None
    notable: tuple[UsedCall, ...]
    growth: tuple[tuple[float, int], ...]
    seconds: float


class Folder(Value):
    """Written paths in one folder of the root file system, including subfolders. `only`: the path, if there is one."""

    path: str
    count: int
    only: str


class PortUse(StrEnum):
    """The observed use of a port."""

    IN_USE = "in-use"  # it had connections from outside
    SERVED = "served"  # it listens, without connections from outside
    LOOPBACK = "loopback"  # it listens on loopback only
    SILENT = "silent"  # published, and never listened on
    PUBLISHED = "published"  # published; listening was not observed


class PortRow(Value):
    """Ports of one kind. `published`: to nobody, this machine only, or all addresses."""

    ports: tuple[int, ...]
    protocol: str
    use: PortUse
    published: str  # "", "machine", "all"


class PeakRow(Value):
    """A peak in bytes, counts or cores. None: not seen, not known, no limit (if `known`), or no proposal."""

    name: str
    peak: float | None
    now: float | None
    limit: float | None
    known: bool
    proposal: float | None


class UsePicture(Value):
    """The whole page. `seen`: parts that could be observed."""

    needs: Needs | None
    observed: bool
    coverage: Coverage
    capabilities: tuple[CapabilityUse, ...]
    calls: CallsUse
    written: tuple[Folder, ...]
    ports: tuple[PortRow, ...]
    peaks: tuple[PeakRow, ...]

    @property
    def observation(self) -> Observation:
        """The observation; an empty one if there is none."""
        return Observation() if self.needs is None else self.needs.observation

    def unseen(self, *parts: str) -> tuple[tuple[str, str], ...]:
        """Which of these parts could not be observed, and why."""
        return tuple(each for each in self.observation.unseen if each[0] in parts)


def use_picture(
    state: ContainerState,
    needs: Needs | None,
    held: CapabilitySet | None,
    engine: Engine | None = None,
    memory_total: int | None = None,
) -> UsePicture:
    """The page for one container. `held`: its bounding set from the kernel; if None, the engine's settings count."""
    seen = Observation() if needs is None else needs.observation
    container = state.container
    text = None if state.capture is None else or_none(state.capture.decoded("status", parse_status))
    return UsePicture(
        needs,
        seen != Observation(),
        coverage(seen, container, None if text is None else text.caught),
        _capabilities(seen, _asked_set(container.asked) if held is None else held),
        _calls(seen, first_view(state, CallMap)),
        folders(seen.written),
        _ports(seen, container.asked.ports),
        _peaks(state, seen, engine, memory_total),
    )


def _asked_set(asked: Asked) -> CapabilitySet | None:
    try:
        return None if asked.capabilities is None else CapabilitySet.of(asked.capabilities)
    except DecodeError:
        return None


def _capabilities(seen: Observation, held: CapabilitySet | None) -> tuple[CapabilityUse, ...]:
    used = {each.name: each for each in seen.capabilities}
    watched = seen.saw("capabilities")
    numbers = () if held is None else tuple(held)
    found = []
    for number in range(max(_LAST, *numbers, 0) + 1):
        full = name_of(number)
        name = full.removeprefix("CAP_")
        if full in used:
            found.append(CapabilityUse(name, Standing.USED, used[full].uses, used[full].by))
        elif held is None:
            found.append(CapabilityUse(name, Standing.UNKNOWN))
        elif number not in held:
            found.append(CapabilityUse(name, Standing.ABSENT))
        else:
            found.append(CapabilityUse(name, Standing.NEVER if watched else Standing.HELD))
    return tuple(found)


def _calls(seen: Observation, view: CallMap | None) -> CallsUse:
    tables = () if view is None else view.tables
    watched = seen.saw("calls")
    table = _table(seen, tables)
    used = {call.name for call in seen.calls} if table is None else {
        call.name for call in seen.calls if call.abi == table.abi
    }  # fmt: skip
    passing = None if table is None else {call.name for call in table.calls if call.verdict in _PASSES}
    notable = tuple(sorted(seen.notable(), key=lambda call: (-call.uses, call.name)))
    growth = seen.growth()
    if table is None or passing is None:
        return CallsUse(len(used) if watched else None, None, None, None, None, notable, growth, seen.seen.seconds)
    warned = {name for name in passing if dangerous(name)}
    return CallsUse(
        len(used) if watched else None,
        len(passing),
        len(passing - used) if watched else None,
        sum(call.verdict is CallVerdict.DENIED for call in table.calls),
        (len(warned & used), len(warned)) if watched else None,
        notable,
        growth,
        seen.seen.seconds,
    )


def _table(seen: Observation, tables: tuple[CallTable, ...]) -> CallTable | None:
    """The table of the entry point that was used most, if it has one."""
    counts: dict[str, int] = {}
    for call in seen.calls:
        counts[call.abi] = counts.get(call.abi, 0) + 1
    most = max(counts, key=lambda abi: counts[abi], default="")
    return table_of(tables, most) or (tables[0] if tables else None)


def folders(paths: tuple[str, ...]) -> tuple[Folder, ...]:
    """Written paths by folder; a folder below another written one is counted with that, unless that is the root."""
    whole = sorted({path for path in paths if path.startswith("/")})
    parents = {path.rstrip("/").rpartition("/")[0] for path in whole}
    found: dict[str, list[str]] = {}
    for path in whole:
        if path.rstrip("/") in parents:
            continue  # a folder whose contents are listed
        parent = path.rstrip("/").rpartition("/")[0]
        found.setdefault(_outermost(parent, found), []).append(path)
    return tuple(
        Folder(path or "/", len(each), each[0] if len(each) == 1 else "") for path, each in sorted(found.items())
    )


def _outermost(path: str, there: dict[str, list[str]]) -> str:
    at = path
    while at:
        if at in there:
            return at
        at = at.rpartition("/")[0]
    return path


def _ports(seen: Observation, asked: tuple[AskedPort, ...]) -> tuple[PortRow, ...]:
    published: dict[tuple[str, int], str] = {}
    for each in asked:
        number, _, protocol = each.container_port.partition("/")
        if number.isascii() and number.isdigit():
            key = protocol or "tcp", int(number)
            alone = each.host_ip in ("127.0.0.1", "::1") and published.get(key) != "all"
            published[key] = "machine" if alone else "all"
    watched, found = seen.saw("ports"), dict[tuple[PortUse, str, str], list[int]]()
    for port in seen.ports:
        key = port.protocol, port.port
        use = PortUse.IN_USE if port.outside else PortUse.LOOPBACK if port.loopback else PortUse.SERVED
        found.setdefault((use, published.pop(key, ""), port.protocol), []).append(port.port)
    for (protocol, number_), where in published.items():
        use = PortUse.SILENT if watched else PortUse.PUBLISHED
        found.setdefault((use, where, protocol), []).append(number_)
    order = tuple(PortUse)
    return tuple(
        PortRow(tuple(sorted(numbers)), protocol, use, where)
        for (use, where, protocol), numbers in sorted(
            found.items(), key=lambda item: (order.index(item[0][0]), item[0])
        )
    )


def _peaks(
    state: ContainerState, seen: Observation, engine: Engine | None, memory_total: int | None
) -> tuple[PeakRow, ...]:
    facts = state.facts_of(CgroupFacts)
    now: dict[str, float | None] = {}
    limits: dict[str, float | None] = {}
    unknown = {"memory", "pids", "cpu"} if facts is None else set[str]()
    files = None
    if facts is not None:
        if facts.own is not False:
            now = {"memory": facts.memory_current, "pids": facts.pids_current}
        limits = {"memory": facts.memory_max, "pids": facts.pids_max, "cpu": facts.cpu_cores}
        unknown = {name.removesuffix("_max").removesuffix("_cores") for name in facts.unknown}
        files = next((each for each in facts.process_limits or () if each.name == "nofile"), None)
    limits["open_files"] = None if files is None else files.soft
    if files is None:
        unknown.add("open_files")
    proposals = {} if engine is None else _proposals(state, seen, engine, memory_total)
    return tuple(
        PeakRow(
            name,
            most_used(name, facts, seen),
            now.get(name),
            limits.get(name),
            name not in unknown,
            proposals.get(name),
        )
        for name in PEAKS
    )


def _proposals(
    state: ContainerState, seen: Observation, engine: Engine, memory_total: int | None
) -> dict[str, float | None]:
    """The limit that each resource's toggle would propose from the observation."""
    if seen == Observation():
        return {}
    facts = tuple((layer.id, layer.facts) for layer in state.layers if layer.facts is not None)
    subject = Subject(state.container, engine, facts, memory_total=memory_total, seen=seen)
    found: dict[str, float | None] = {}
    for each in all_toggles():
        if each.measure in PEAKS and each.learned_words:
            learned: Learned | None = each.learned(each.learned_words[0], subject, state.container.asked)
            found[each.measure] = None if learned is None else float(learned.value)
    return found
