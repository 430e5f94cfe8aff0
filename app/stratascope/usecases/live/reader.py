"""One reading of everything: engines into records, processes through probers. No decoding of readings, no waiting for
events.

`Reader` knows which prober reaches an engine's processes, and falls back to Podman's own `top` if /proc is not of the
engine's kernel. Decided against reading container by container: one call may be one round trip.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from stratascope.background_call import BackgroundCall
from stratascope.bounded_cache import alike
from stratascope.collector.names import CONFINED, SECCOMP
from stratascope.core.capture import Capture, Gap, GapKind, Reading, unread, whole_gap
from stratascope.core.container import Container, Engine, EngineKind, EngineState, ProfileKind, Status
from stratascope.core.ground import MOUNTS, Ground, decode_ground, with_mounts_of
from stratascope.core.layer import Layer
from stratascope.core.overview.shared_parts import WANTS as SHARING_WANTS
from stratascope.core.ports import (
    ConfinedError,
    ContainerCapture,
    EngineError,
    EnginePort,
    NoSuchContainerError,
    ProbeError,
    Prober,
    RawContainer,
    Translator,
    Wish,
)
from stratascope.core.process_match import WANTS as BELONGING_WANTS
from stratascope.core.process_match import belongs
from stratascope.core.snapshot import CapturedContainer, MachineCapture, Trouble
from stratascope.layers.capabilities.programs import gains_by_programs
from stratascope.usecases.live.further_processes import (
    differs,
    ends_matter,
    exec_sessions,
    only_root_can_read,
    stat_of,
)
from stratascope.usecases.live.root_readings import Loss, RootReadings
from stratascope.value import Value, replace

if TYPE_CHECKING:
    from stratascope.usecases.live.exported_programs import Export, ExportedPrograms, Kept


class Translations:
    """Caches the last translation of each container. A damaged answer becomes a container with an error."""

    def __init__(self, translators: Mapping[EngineKind, Translator]) -> None:
        self._translators = translators
        self._last: dict[tuple[str, str], tuple[RawContainer, Engine, Container]] = {}

    def container(self, raw: RawContainer, engine: Engine) -> Container:
        """The container that `raw` describes; the same object as before if nothing changed."""
        last = self._last.get((raw.engine, raw.id))
        if last is not None and last[0] == raw and last[1] == engine:
            return last[2]
        try:
            container = self._translators[engine.kind](raw, engine)
        except ValueError as error:
            container = Container(
                engine=raw.engine,
                id=raw.id,
                name=raw.id[:12],
                image="",
                status=Status.UNKNOWN,
                pid=None,
                created=0.0,
                started=0.0,
                error=str(error),
            )
        container = replace(container, asked=alike(container.asked))
        self._last[raw.engine, raw.id] = (raw, engine, container)
        return container

    def forget_all_but(self, keys: set[tuple[str, str]]) -> None:
        """Keep only these containers."""
        for key in self._last.keys() - keys:
            self._last.pop(key, None)  # another thread may have removed it meanwhile


PERSON = "id:uid"
PROFILE = "seccomp:named"  # the profile's file, where that configuration can't be read
CONFIGURATION = "oci:config"  # the container's OCI config.json: the parts that a layer asks for
_MEMBER_IDENTITY = ("status", "comm")
_KINDS_MAX = 64  # of further processes whose filters are read; more than that is an attack on the reader
AT_ONCE = 25  # containers: what reading all took for a moment, memory keeps for ever
_WITH_PROCESS = frozenset({Status.RUNNING, Status.PAUSED, Status.RESTARTING, Status.STOPPING})


Wanted = Callable[[Container], bool]  # whether a container is one that is asked for


class Reach(Value):
    """How to reach the processes of one engine. `prober` None: its kernel is out of reach.

    `top` asks the engine itself (Podman) what its kernel enforces, by container id and PID. `configuration` extracts
    the filter from a container's OCI config.json, given its path; `profile` reads a profile's file, unless it was
    changed after that time; they raise OSError, ValueError. `export`: all of a
    container's files, as the engine hands them out.
    """

    prober: Prober | None
    top: Callable[[str, int], ContainerCapture] | None = None
    configuration: Callable[[str], str] | None = None
    profile: Callable[[str, float], str] | None = None
    export: Export | None = None


class Reader:
    """Reads processes for the containers of engines. As thread-safe as its probers."""

    def __init__(
        self,
        layers: tuple[Layer, ...],
        translations: Translations,
        local: Prober,
        reach: Callable[[Engine], Reach],
        kept: Callable[[], Kept] | None = None,
    ) -> None:
        wants = (*BELONGING_WANTS, *(name for layer in layers for name in layer.wants))
        members = (*_MEMBER_IDENTITY, *(name for layer in layers for name in layer.member_wants))
        # stat last: it shows whether the process was exiting while the rest was read
        self._wants, self._member_wants = (
            (*(name for name in dict.fromkeys(names) if name != "stat"), "stat") for names in (wants, members)
        )
        privileged = tuple(dict.fromkeys(name for layer in layers for name in layer.privileged_wants))
        self._root = RootReadings(privileged)
        # a person's own rootless engine lets them read all that takes rights over its user namespace alone
        self._own = RootReadings(tuple(name for name in privileged if name != SECCOMP))
        self._own.use(local, None)
        self._translations = translations
        self._local = local
        self._reach = reach
        self._kept = kept
        self._exported: ExportedPrograms | None = None
        self._trouble: Trouble | None = None

    def use(self, root: Prober, on_loss: Loss | None = None) -> None:
        """Read this machine with this prober, which is root, and everything that only root can read; see
        RootReadings.
        """
        self._root.use(root, on_loss)

    def container(self, raw: RawContainer, engine: Engine) -> Container:
        """What that record says."""
        return self._translations.container(raw, engine)

    def forget(self, key: tuple[str, str] | None = None) -> None:
        """Read again what only root can, of one container or of all."""
        self._root.forget(key)
        self._own.forget(key)

    def forget_all_but(self, keys: Collection[tuple[str, str]]) -> None:
        """Keep what was read of these containers only."""
        self._root.forget_all_but(keys)
        self._own.forget_all_but(keys)

    def due(self, key: tuple[str, str]) -> float:
        """See `RootReadings.due`."""
        return min(self._root.due(key), self._own.due(key))

    @property
    def trouble(self) -> Trouble | None:
        """Why this machine could not be read at the last attempt; None if it could."""
        return self._trouble

    def host(self, names: tuple[str, ...] | None = None) -> Capture:
        """This machine's facts, or these of them; if even these are out of reach, a capture with the reason."""
        try:
            own = self._local.host(names)
        except ProbeError as error:
            self._note(error)
            own = unread(0, _gap(error))
        else:
            self._note(None)
        as_root = None if self._root.is_by(self._local) else self._root.host(names)
        return own if as_root is None else _of_person(as_root, own)

    def confined(self) -> Reading:
        """All processes of this machine that are confined. Raises ProbeError."""
        found = self._root.host((CONFINED,))
        return confined_by(self._local) if found is None else _confined_of(found)

    def host_of(self, engine: Engine) -> Capture | None:
        """The facts of the machine that this engine runs on, if it is another one; raises ProbeError."""
        prober = self._reach(engine).prober
        return None if prober is self._local or prober is None else prober.host()

    def captured(
        self, engine: Engine, raws: Sequence[RawContainer], ground: Ground, wanted: Wanted = lambda _: True
    ) -> tuple[CapturedContainer, ...]:
        """What was read for each container, in order. A container without a process has no reading. `wanted`: those of
        which more is read than what they share with others.
        """
        containers = [self._translations.container(raw, engine) for raw in raws]
        reach = self._reach(engine)
        asked = [place for place, item in enumerate(containers) if item.pid and item.status in _WITH_PROCESS]
        wishes = tuple(
            Wish(item.pid or 0, self._wants, self._member_wants, container=item.id, others=_others(item))
            if wanted(item)
            else Wish(item.pid or 0, (*BELONGING_WANTS, *SHARING_WANTS), members=False, container=item.id)
            for item in map(containers.__getitem__, asked)
        )
        found: dict[int, ContainerCapture] = {}
        compared: dict[int, ContainerCapture] = {}  # with those that are wanted, and no more
        if wishes and reach.prober is not None:
            try:
                found = dict(zip(asked, self._capture(reach.prober, wishes), strict=True))
                if reach.prober is self._local:
                    self._note(None)
            except ProbeError as error:
                if reach.prober is self._local:
                    self._note(error)
                gap = _gap(error)
                found = {place: ContainerCapture(unread(containers[place].pid or 0, gap)) for place in asked}
            asked = [place for place in asked if wanted(containers[place])]
            compared = {place: each for place, each in found.items() if place not in asked}
            found = {place: found[place] for place in asked}
            if self._root.wanted:
                other = None if reach.prober is self._local else reach.prober
                self._add_privileged(containers, found, ground, self._root, other)
            elif reach.prober is self._local:
                own = {place: each for place, each in found.items() if _is_own(containers[place], engine, ground)}
                if own:
                    self._add_privileged(containers, own, ground, self._own, None)
                    found |= own
        if reach.top is not None:
            for place in asked:
                found[place] = self._found_or_top(containers[place], found.get(place), ground, reach.top)
        if reach.export is not None and not self._root.wanted:
            self._add_programs(containers, found, reach.export)
        if reach.configuration is not None:
            for place, each in found.items():
                found[place] = _with_filter(containers[place], each, reach.configuration, reach.profile)
        found |= compared
        return tuple(CapturedContainer(raw, found.get(place)) for place, raw in enumerate(raws))

    def ended(self, engine: Engine, found: Sequence[CapturedContainer]) -> tuple[CapturedContainer, ...]:
        """Those of which a further process has ended, or is ending, that mattered when they were read."""
        prober = self._reach(engine).prober
        asked = [(item, member) for item in found if item.found is not None for member in ends_matter(item.found)]
        if prober is None or not asked:
            return ()
        try:
            answers = self._capture(prober, tuple(Wish(member.pid, ("stat",), members=False) for _, member in asked))
        except ProbeError:
            return ()
        over = {item.raw.id for (item, before), answer in zip(asked, answers, strict=True) if _over(before, answer)}
        return tuple(item for item in found if item.raw.id in over)

    def once(
        self, engine: Engine, pid: int, wants: tuple[str, ...], member_wants: tuple[str, ...] = (), container: str = ""
    ) -> ContainerCapture | None:
        """One-off readings of one process that no layer wants. None: out of reach.

        `container`: its id, if its further processes are to be read too.
        """
        prober = self._reach(engine).prober
        if prober is None:
            return None
        try:
            return self._capture(prober, (Wish(pid, wants, member_wants, bool(member_wants), container),))[0]
        except ProbeError:
            return None

    def _capture(self, prober: Prober, wishes: tuple[Wish, ...]) -> tuple[ContainerCapture, ...]:
        """Read as root if possible, else without; some at a time. Raises ProbeError."""
        found: list[ContainerCapture] = []
        for at in range(0, len(wishes), AT_ONCE):
            some = wishes[at : at + AT_ONCE]
            as_root = self._root.capture(some) if prober is self._local else None
            found += prober.capture(some) if as_root is None else as_root
        return tuple(found)

    def _add_privileged(
        self,
        containers: Sequence[Container],
        found: dict[int, ContainerCapture],
        ground: Ground,
        readings: RootReadings,
        other: Prober | None,
    ) -> None:
        """Only for processes known to be the container's: reading filters stops a process, so no other may be
        touched.
        """
        ours = {
            place: each.first
            for place, each in found.items()
            if whole_gap(each.first) is None and belongs(containers[place], each.first, ground) is None
        }
        asked = [
            (containers[place], each)
            for place, first in ours.items()
            for each in (first, *_unlike(first, found[place].members))
        ]
        more = readings.of(asked, other)

        def whole(place: int, capture: Capture) -> Capture:
            added = more.get((containers[place].key, capture.pid), ())
            return replace(capture, readings=(*capture.readings, *added)) if added else capture

        for place in ours:
            each = found[place]
            members = tuple([whole(place, member) for member in each.members])
            found[place] = replace(each, first=whole(place, each.first), members=members)

    def _add_programs(
        self, containers: Sequence[Container], found: dict[int, ContainerCapture], export: Export
    ) -> None:
        """What root would see in the containers' files."""
        able = [(containers[place], each.first) for place, each in found.items() if gains_by_programs(each.first)]
        if not able:
            return
        if self._exported is None:
            # few need it, and importing it takes as long as reading ten containers
            from stratascope.usecases.live.exported_programs import ExportedPrograms

            self._exported = ExportedPrograms(None if self._kept is None else self._kept())
        made = self._exported.of(able, export)
        for place, each in found.items():
            reading = made.get(containers[place].key)
            if reading is not None:
                first = replace(each.first, readings=(*each.first.readings, reading))
                found[place] = replace(each, first=first)

    def _note(self, error: ProbeError | None) -> None:
        command = error.command if isinstance(error, ConfinedError) else ""
        self._trouble = None if error is None else Trouble(error.message, command, error.words)

    @staticmethod
    def _found_or_top(
        container: Container,
        found: ContainerCapture | None,
        ground: Ground,
        top: Callable[[str, int], ContainerCapture],
    ) -> ContainerCapture:
        """`found`, or the engine's own report if our /proc can't reach the process."""
        gap = Gap(GapKind.UNSUPPORTED) if found is None else whole_gap(found.first)
        if found is not None and gap is None:
            gap = belongs(container, found.first, ground)
        if gap is None or gap.kind not in (GapKind.FOREIGN, GapKind.UNSUPPORTED, GapKind.GONE, GapKind.CONFINED):
            return (
                found if found is not None else ContainerCapture(unread(container.pid or 0, Gap(GapKind.UNSUPPORTED)))
            )
        try:
            answer = top(container.id, container.pid or 0)
        except (EngineError, NoSuchContainerError):  # it hangs, or the container is gone
            return found if found is not None else ContainerCapture(unread(container.pid or 0, gap))
        return answer if gap.kind is not GapKind.CONFINED else _confined(answer, gap)


def confined_by(prober: Prober) -> Reading:
    """All processes of its machine that are confined. Raises ProbeError."""
    return _confined_of(prober.host((CONFINED,)))


def _confined_of(host: Capture) -> Reading:
    return next(iter(host.readings), Reading(CONFINED, "/proc", None, Gap(GapKind.UNSUPPORTED)))


def _others(container: Container) -> tuple[int, ...] | None:
    """The further processes of a sandbox; None: an engine's container, of which the collector finds them."""
    return None if container.sandbox is None else container.sandbox.pids


def _is_own(container: Container, engine: Engine, ground: Ground) -> bool:
    """Whether it is this person's own, so that they may read what takes rights over its user namespace."""
    if container.sandbox is not None:
        return container.sandbox.uid == ground.reader_uid
    return engine.rootless and engine.daemon_uid == ground.reader_uid


def _with_filter(
    container: Container,
    found: ContainerCapture,
    read: Callable[[str], str],
    profile: Callable[[str, float], str] | None,
) -> ContainerCapture:
    """Add the filter as passed to the runtime, if the engine names a profile but does not show its content."""
    path, asked = container.configuration, container.asked
    if not path or asked.seccomp is not ProfileKind.CUSTOM or "seccomp:0" in found.first.names():
        return found
    try:
        reading = Reading(CONFIGURATION, path, read(path))
    except PermissionError as error:
        reading = Reading(CONFIGURATION, path, None, Gap(GapKind.DENIED, error.errno))
        named = container.profile_file
        if profile is not None and named:
            with suppress(OSError, ValueError):
                reading = Reading(PROFILE, named, profile(named, container.created))
    except (OSError, ValueError) as error:
        reading = Reading(CONFIGURATION, path, None, Gap(GapKind.UNSUPPORTED, detail=str(error)))
    return replace(found, first=replace(found.first, readings=(*found.first.readings, reading)))


def _over(before: Capture, now: ContainerCapture) -> bool:
    one, two = stat_of(before), stat_of(now.first)
    return one is not None and (two is None or two.exiting or two.start != one.start)


def _unlike(first: Capture, members: Sequence[Capture]) -> list[Capture]:
    """Further processes and threads that must be read as root: one per kind, since each is stopped for it."""
    sessions = exec_sessions(first, members)
    found: dict[Hashable, Capture] = {}
    for member in members:
        session = member.pid in sessions
        if only_root_can_read(first, member, session=session) and len(found) < _KINDS_MAX:
            found.setdefault((session, differs(first, member)), member)
    return list(found.values())


def _gap(error: ProbeError) -> Gap:
    """The error as a gap."""
    return Gap(GapKind.CONFINED if isinstance(error, ConfinedError) else GapKind.UNSUPPORTED, detail=error.words)


def _confined(found: ContainerCapture, gap: Gap) -> ContainerCapture:
    """What the engine did not report would be readable if only this program were permitted."""

    def confined(capture: Capture) -> Capture:
        readings = tuple(
            replace(each, gap=gap) if each.gap is not None and each.gap.kind is GapKind.UNSUPPORTED else each
            for each in capture.readings
        )
        return replace(capture, readings=readings)

    return replace(found, first=confined(found.first), members=tuple(confined(member) for member in found.members))


def _of_person(as_root: Capture, own: Capture) -> Capture:
    """Root's facts of the machine, with the uid of the person looking at them."""
    uid = next((reading for reading in own.readings if reading.name == PERSON), None)
    kept = tuple(reading for reading in as_root.readings if reading.name != PERSON)
    return replace(as_root, readings=kept if uid is None else (*kept, uid))


class EngineQueries:
    """Queries state and containers of all engines at the same time, in the background."""

    def __init__(self, engines: Sequence[EnginePort]) -> None:
        self.taken_at = time.time()
        # state and list at once; a list is only used if the state is good
        self.engines = [(BackgroundCall(port.describe), BackgroundCall(port.list)) for port in engines]


def take(queries: EngineQueries, reader: Reader, wanted: Wanted = lambda _: True) -> MachineCapture:
    """One capture of everything; no engine waits for another. `wanted`: as for `Reader.captured`."""

    def one(
        state: BackgroundCall[Engine], listing: BackgroundCall[tuple[RawContainer, ...]]
    ) -> tuple[Engine, tuple[CapturedContainer, ...], Capture | None]:
        engine = state.result()
        if engine.state is not EngineState.CONNECTED:
            return engine, (), None
        try:
            raws = listing.result()
        except EngineError as error:
            return replace(engine, state=error.state, message=error.message, error=error.words), (), None
        elsewhere = machine_of(reader, engine)
        ground = here if elsewhere is None else decode_ground(elsewhere)
        return engine, reader.captured(engine, raws, ground, wanted), elsewhere

    machine = reader.host()
    here = decode_ground(machine)
    waiting = [BackgroundCall(partial(one, state, listing)) for state, listing in queries.engines]
    answers = [call.result() for call in waiting]
    machine = with_mounts_of(machine, reader.host((MOUNTS,)))  # once more: an engine may have taken seconds to answer
    return MachineCapture(
        taken_at=queries.taken_at,
        host=machine,
        engines=tuple(engine for engine, _, _ in answers),
        containers=tuple(item for _, captured, _ in answers for item in captured),
        hosts=tuple((engine.id, elsewhere) for engine, _, elsewhere in answers if elsewhere is not None),
        trouble=reader.trouble,
    )


def machine_of(reader: Reader, engine: Engine) -> Capture | None:
    """The other machine's facts, or None for this one; an empty capture if it can't be read."""
    try:
        return reader.host_of(engine)
    except ProbeError as error:
        return unread(0, _gap(error))
