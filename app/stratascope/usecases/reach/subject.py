"""A process that is asked about, with its layers' rulings: of a container as it was assessed, or of any process.

Of a process without an engine nothing is known that somebody asked for, so only what was read counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property

from stratascope.collector.names import FIREWALL, GIVING_PROGRAMS, HOST_PROGRAMS, PORTS, REACH, VARIABLES
from stratascope.core.capture import Capture, Gap, or_none
from stratascope.core.container import Asked, Container, Engine, EngineKind, Status
from stratascope.core.ground import Ground, Surroundings
from stratascope.core.layer import Layer
from stratascope.core.message import NOTHING, Message, msg
from stratascope.core.ports import ProbeError, Prober, Wish
from stratascope.core.process_match import WANTS as BELONGING_WANTS
from stratascope.core.snapshot import ContainerState, LayerState
from stratascope.core.threats.needs import Need
from stratascope.core.threats.states import ThreatState, ruled
from stratascope.core.threats.threat import Ruling
from stratascope.linux.namespace import IdMap, Namespace, is_initial, parse_idmap, parse_link
from stratascope.linux.permissions import Ranges, Writer
from stratascope.linux.process import ProcessStatus, parse_status
from stratascope.linux.reach import Found, parse_reach
from stratascope.usecases.judging import Part, gains_of, matrix_of, parts_of
from stratascope.value import Value, replace

ROUTES6 = "net/ipv6_route"
# of that engine's container (its id) with that first process
Once = Callable[[Engine, int, tuple[str, ...], str], Capture | None]
WANTS = ("status", "mountinfo", "uid_map", "gid_map", "net/route", ROUTES6, "ns/net", REACH, VARIABLES, PORTS, FIREWALL)


class Judged(Value, dict=True):
    """One process. `capture`: what was read of it for this, WANTS; `engine`: None where none made it."""

    layers: tuple[Layer, ...]
    state: ContainerState
    around: Surroundings
    capture: Capture
    engine: Engine | None

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """Its layers with their postures; of the first process, whatever others of the container may do."""
        states = {each.id: each for each in self.state.first_layers or self.state.layers if each.facts is not None}
        layers = [layer for layer in self.layers if layer.id in states]
        return parts_of(layers, [states[layer.id] for layer in layers], self.around)

    def rulings(self, need: Need) -> tuple[tuple[str, Ruling], ...]:
        """What each layer says, alone; those whose job it is not are left out."""
        found = ((part.layer.id, ruled(part.layer, need, part.posture)) for part in self.parts)
        return tuple((layer, ruling) for layer, ruling in found if ruling is not None)

    def facts(self, layer: str) -> object:
        """The facts of one layer, None where nothing could be read."""
        return next((part.facts for part in self.parts if part.layer.id == layer), None)

    def threat(self, name: str) -> ThreatState | None:
        """One threat of the catalogue, as judged for it."""
        return None if self.state.matrix is None else self.state.matrix.of(name)

    @property
    def found(self) -> Found | Gap:
        """Files and sockets of the machine."""
        return self.capture.decoded(REACH, parse_reach)

    @cached_property
    def writers(self) -> tuple[tuple[Writer, Message], ...]:
        """Its rights to files: as it is, and as it becomes by a program that does what it is told, with how. Empty: not
        read.
        """
        status = or_none(self.capture.decoded("status", parse_status))
        maps = (or_none(self.capture.decoded(name, parse_idmap)) for name in ("uid_map", "gid_map"))
        uids, gids = (None if each is None else _ranges(each) for each in maps)
        if status is None or uids is None or gids is None:
            return ()
        own = _writer(status, uids, gids)
        return () if own is None else ((own, NOTHING), *self._gained(own))

    def _gained(self, own: Writer) -> Iterable[tuple[Writer, Message]]:
        root = next((outside for inside, outside, _ in own.uids if inside == 0), None)
        for gain in gains_of(self.parts):
            if gain.hold is None:
                uid = root if gain.root and root is not None else own.uid
                how = msg("By a program that gives it more rights ({name}).", name=gain.name)
                yield Writer(uid, own.gids, own.uids, own.gid_ranges, gain.held), how


def _writer(status: ProcessStatus, uids: Ranges, gids: Ranges) -> Writer | None:
    if status.uids is None or status.gids is None or status.permitted is None:
        return None
    groups = (status.gids.file_system, *status.groups)
    return Writer(status.uids.file_system, groups, uids, gids, status.permitted | (status.effective or 0))


def _ranges(found: IdMap) -> Ranges:
    return tuple((each.inside, each.outside, each.length) for each in found)


def read_for(prober: Prober, pid: int, container: str = "") -> Capture:
    """What is read of one process for this. Raises ProbeError."""
    return prober.capture((Wish(pid, WANTS, members=False, container=container),))[0].first


def of_container(layers: tuple[Layer, ...], state: ContainerState, around: Surroundings, prober: Prober) -> Judged:
    """A container as it was assessed, and one more reading. Raises ProbeError."""
    container = state.container
    capture = read_for(prober, container.pid or 0, container.id)
    return Judged(layers, state, around, capture, None if container.sandbox is not None else around.engine)


def of_shown(layers: tuple[Layer, ...], state: ContainerState, around: Surroundings, once: Once) -> Judged:
    """A container as it is shown. `once`: one more reading. Raises ProbeError."""
    container = state.container
    capture = once(around.engine, container.pid, WANTS, container.id) if container.pid else None
    if capture is None:
        raise ProbeError(msg("Its processes can't be read from here."))
    return Judged(layers, state, around, capture, None if container.sandbox is not None else around.engine)


def of_process(layers: tuple[Layer, ...], pid: int, ground: Ground, prober: Prober) -> Judged:
    """Any process. What only root can read of others an ordinary user may read of his own. Raises ProbeError."""
    names = [*BELONGING_WANTS, *WANTS]
    for layer in layers:
        names += [*layer.wants, *layer.privileged_wants]
    if _gains_nothing(prober, pid):
        names = [name for name in names if name != GIVING_PROGRAMS]
    capture = _without_own(prober.capture((Wish(pid, tuple(dict.fromkeys(names)), members=False),))[0].first)
    engine = Engine("", EngineKind.SANDBOXES, "")
    around = Surroundings(ground, engine, verified_only=True)
    container = Container("", str(pid), _name(capture, pid), "", Status.RUNNING, pid, 0.0, 0.0, asked=Asked())
    states = tuple(_layer(layer, capture, container, around) for layer in layers)
    matrix = matrix_of(parts_of(layers, states, around), around)
    state = ContainerState(container=container, layers=states, capture=capture, matrix=matrix, first_layers=states)
    return Judged(layers, state, around, capture, None)


def _without_own(capture: Capture) -> Capture:
    """Without the processes of its own user namespace, if it has one, among those of the machine: they are no way out
    of it.
    """
    link = or_none(capture.decoded("ns/user", parse_link))
    if link is None or is_initial(Namespace.USER, link.inode) is not False:
        return capture
    own = str(link.inode)
    readings = []
    for each in capture.readings:
        if each.name == HOST_PROGRAMS and each.text is not None:
            lines = each.text.splitlines(keepends=True)
            readings.append(replace(each, text="".join(line for line in lines if line.split(" ")[3:4] != [own])))
        else:
            readings.append(each)
    return Capture(capture.pid, tuple(readings), capture.via)


def _gains_nothing(prober: Prober, pid: int) -> bool:
    """Whether no program gives it more than it has: all files of the machine take seconds to look through."""
    first = prober.capture((Wish(pid, ("status",), members=False),))[0].first
    status = or_none(first.decoded("status", parse_status))
    return status is not None and (status.no_new_privs is True or (status.uids is not None and status.uids.real == 0))


def _name(capture: Capture, pid: int) -> str:
    status = or_none(capture.decoded("status", parse_status))
    return str(pid) if status is None or status.name is None else status.name


def _layer(layer: Layer, capture: Capture, container: Container, around: Surroundings) -> LayerState:
    facts, asked = layer.decode(capture, container, around), layer.asked(container)
    return LayerState(layer.id, layer.number, facts, asked, layer.assessed(facts, asked, around))
