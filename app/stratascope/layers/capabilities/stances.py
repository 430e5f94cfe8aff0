"""The posture of layer 3 (the capability facts that decide its stances), and its stance towards each need.

The permitted set matters as much as the effective one: a compromised process can make effective whatever it is
permitted (capset(2)), and the effective set is always a subset. The permissive process of a stance is uid 0 in the
initial user namespace, so this layer does not ask in which namespace a capability is checked. no_new_privs belongs here
too.
"""

from __future__ import annotations

from stratascope.bounded_cache import remembered
from stratascope.collector.names import PORT_START
from stratascope.core.ground import Neighbour, Surroundings
from stratascope.core.message import Message, msg
from stratascope.core.threats import needs
from stratascope.core.threats.needs import Need
from stratascope.core.threats.threat import Ruling, Stance, lets, stops, unknown
from stratascope.layers.capabilities.facts import CapabilitiesAsked, CapabilityFacts, rights_of
from stratascope.layers.capabilities.programs import Way, way
from stratascope.layers.shared.deciding_settings import (
    SETTING,
    Answers,
    answers,
    asked_for,
    low_ports_free,
    not_asked_for,
    perhaps_asked_for,
)
from stratascope.layers.shared.host_programs import may_be
from stratascope.layers.shared.readings import kernel_release
from stratascope.linux.capability import CapabilitySet
from stratascope.linux.machine import path_of
from stratascope.value import Value, replace


class CapabilityPosture(Value):
    """Bits of the sets; None: unknown. `held`: effective or permitted."""

    held: int | None
    bounding: int | None
    no_new_privs: bool | None
    root: bool | None  # whether it is root inside the container
    default: int  # the engine's, which other containers are assumed to hold
    last: int
    port_start: int | None  # the first port that needs no capability in its network namespace
    port_source: str
    settings: Answers
    kernel: tuple[int, int] | None = None  # kernel release
    root_by_exec: bool | None = None  # whether exec as root gives it its bounding set
    neighbours: tuple[int | None, ...] = ()  # permitted sets of other containers in its PID namespace, with its ids
    # permitted sets of the host's programs in its sight, those worth comparing (None among them: perhaps of others):
    # root's, and those with its own ids. None: no particular ones.
    of_root: tuple[int | None, ...] | None = None
    of_same_ids: tuple[int | None, ...] | None = None
    of_containers: tuple[int | None, ...] | None = None  # likewise, of other containers' processes with its ids
    # what programs of the container give who is not root (None: not looked at): the user root; capabilities
    to_root: Way | None = None
    to_capabilities: Way | None = None
    by_program: int = 0  # of `held`, what such a program gave it


def posture_of(facts: CapabilityFacts, asked: CapabilitiesAsked, around: Surroundings) -> CapabilityPosture:
    """From the facts of the container's first process."""
    held = None
    if facts.effective is not None:
        held = facts.effective.bits | (0 if facts.permitted is None else facts.permitted.bits)
    # what root gets back by exec may let it take other ids
    back = 0 if facts.bounding is None or not facts.root_by_exec or facts.no_new_privs else facts.bounding.bits
    within = (held or 0) | (back if facts.root_inside else 0)
    rights = None if facts.root_inside else rights_of(facts)
    to_root, to_capabilities = (
        (rights and way(facts.giving, facts.who, rights, to_root=root)) or None for root in (True, False)
    )
    return CapabilityPosture(
        held,
        None if facts.bounding is None else facts.bounding.bits,
        facts.no_new_privs,
        facts.root_inside,
        facts.default.bits,
        facts.last,
        facts.port_start,
        path_of(SETTING) if facts.host_network else f"@{PORT_START}",
        answers(around.ground),
        kernel_release(around.ground),
        facts.root_by_exec,
        tuple(sorted({each.permitted for each in _alike(facts, within, around)}, key=lambda one: one or 0)),
        facts.programs.sets_of_root(),
        None if facts.ids is None else facts.programs.sets_of(*facts.ids, held or 0),
        None if facts.ids is None else facts.programs.sets_in_others(*facts.ids, within),
        to_root,
        to_capabilities,
        facts.by_program,
    )


def _alike(facts: CapabilityFacts, within: int, around: Surroundings) -> list[Neighbour]:
    """The neighbours with its ids, or with such as it can take, or perhaps."""
    return [each for each in around.peers.neighbours if may_be(each.ids, facts.ids, within) is not False]


_EFFECTIVE, _BOUNDING, _NNP = "@status:CapEff", "@status:CapBnd", "@status:NoNewPrivs"
_PROGRAMS = "@root"
_TRACE = CapabilitySet.of(("CAP_SYS_PTRACE",))
_OVERRIDE = CapabilitySet.of(("CAP_DAC_OVERRIDE",))
_BIND = CapabilitySet.of(("CAP_NET_BIND_SERVICE",))
# most needs; tested first, since matching all cases is slow
_NOT_OURS = frozenset((needs.Calls, needs.Device, needs.Feature, needs.KernelFile))


def stance_of(need: Need, posture: CapabilityPosture) -> Ruling | None:
    """This layer's ruling; None: not its concern."""
    if type(need) in _NOT_OURS:
        return None
    match need:
        case needs.Capability():
            return _capability(need, posture)
        case needs.LowPort():
            return _low_port(posture)
        case needs.SetUidExec():
            return _set_uid(posture)
        case needs.RegainByExec():
            return _regain(posture)
        case needs.HostRoot(capable=True):
            return _root_with_powers(posture)
        case needs.InspectHost():
            return _inspect_program(posture, posture.of_root)
        case needs.SameUser():
            if posture.of_same_ids is None and posture.root is False:
                return lets(msg("Programs of ordinary users hold no capabilities."), _EFFECTIVE)
            if posture.of_same_ids == ():
                return lets(msg("No program of the host that runs under its ID holds more."), _EFFECTIVE)
            return _inspect_program(posture, posture.of_same_ids)
        case needs.InspectContainer(traced=False):
            return _inspect_neighbour(posture) if need.neighbours else _inspect_container(posture)
    return None


_NOT_READ = msg("Its capabilities could not be read.")
_UNKNOWN = unknown(_NOT_READ, _EFFECTIVE)
_NO_NEW_PRIVS_UNREAD = unknown(msg("Whether exec can give it more could not be read."), _NNP)
_SECUREBITS = msg(
    "As root it regains it with any program that it starts, unless its securebits forbid that: only root can read "
    "them, by BPF."
)
_BITS = "@bpf:securebits"
_NO_ROOT = unknown(msg("Its securebits give root nothing, but files with capabilities may."), _BITS)
_REGAINS = msg("As root it regains it with any program that it starts: its bounding set has it, and its securebits do "
               "not forbid it.")  # fmt: skip


@remembered()
def _set_of(names: tuple[str, ...]) -> CapabilitySet:
    return CapabilitySet.of(names)


def _capability(need: needs.Capability, posture: CapabilityPosture) -> Ruling:
    asked = asked_for(need, posture.settings)
    if asked is False and need.only_if is not None:
        return not_asked_for(need.only_if)
    names, doubtful = need.any_of, False
    if need.older is not None:
        name, until = need.older
        if posture.kernel is not None and posture.kernel < until:
            names = (*names, name)
        doubtful = posture.kernel is None and bool((posture.held or 0) & _set_of((name,)).bits)
    wanted = _set_of(names)
    if posture.held is None:
        return _UNKNOWN
    if posture.held & wanted.bits:
        name = next(name for name in names if _set_of((name,)).bits & posture.held)
        if not posture.held & ~posture.by_program & wanted.bits:
            return lets(msg("That program gives it {capability}.", capability=_short(name)), _PROGRAMS)
        return lets(msg("It holds {capability}.", capability=_short(name)), _EFFECTIVE)
    if asked is None and need.only_if is not None:
        return perhaps_asked_for(need.only_if)
    regained = _regained(wanted, posture)
    if regained is not None:
        return regained
    if doubtful:
        return unknown(msg("It depends on the kernel's version, which is not known."), _EFFECTIVE)
    return stops(_lacks(names), _EFFECTIVE, _hinges(names, posture))


def _regained(wanted: CapabilitySet, posture: CapabilityPosture) -> Ruling | None:
    """Capabilities that root gave up and regains, within the bounding set, by exec of any file; None: it does not.

    handle_privileged_root, security/commoncap.c. Not if SECBIT_NOROOT is set (capabilities(7), "The securebits flags"),
    which only root can read. Engines never set it and give root the whole bounding set, so a process that holds less
    has given it up itself in one of the two ways.
    """
    if posture.root is False or posture.no_new_privs or posture.root_by_exec is False:
        return None
    if posture.bounding is not None and not posture.bounding & wanted.bits:
        return None
    if posture.root is None or posture.no_new_privs is None or posture.bounding is None:
        return _NO_NEW_PRIVS_UNREAD
    return lets(_REGAINS, _BITS) if posture.root_by_exec else unknown(_SECUREBITS, _BOUNDING)


def _lacks(names: tuple[str, ...]) -> Message:
    if len(names) == 1:
        return msg("It does not hold {capability}.", capability=_short(names[0]))
    *others, last = map(_short, names)
    return msg("It holds neither {others} nor {capability}.", others=", ".join(others), capability=last)


def _hinges(names: tuple[str, ...], posture: CapabilityPosture) -> frozenset[str]:
    """Hinges: each of these capabilities alone, and root, if they are only missing because it runs as another user."""
    found = {f"capability:{name}" for name in names}
    if posture.root is False and (posture.bounding or 0) & _set_of(names).bits:
        found.add("user")
    return frozenset(found)


def _low_port(posture: CapabilityPosture) -> Ruling:
    start = posture.port_start
    if low_ports_free(start):
        text = msg("In its network namespace everyone can use ports from {port} on.", port=start or 0)
        return lets(text, posture.port_source)
    if posture.held is None:
        return _UNKNOWN
    if posture.held & _BIND.bits:
        return lets(msg("It holds {capability}.", capability="NET_BIND_SERVICE"), _EFFECTIVE)
    regained = _regained(_BIND, posture)
    if regained is not None:
        return regained
    if start is None:
        text = msg("It depends on the first free port of its network namespace, which only root can read.")
        return unknown(text, posture.port_source)
    names = ("CAP_NET_BIND_SERVICE",)
    return stops(_lacks(names), _EFFECTIVE, _hinges(names, posture))


def _set_uid(posture: CapabilityPosture) -> Ruling:
    if posture.no_new_privs is None:
        return _NO_NEW_PRIVS_UNREAD
    if posture.no_new_privs:
        return stops(msg("no_new_privs is on: set-uid files have no effect."), _NNP, frozenset({"no-new-privileges"}))
    if posture.to_root is Way.NONE and posture.root is False:
        return stops(msg("No program that it may start is set-uid root."), _PROGRAMS)
    if posture.to_root is Way.HELD and posture.root is False:
        return _held(msg("The set-uid programs that it may start check who asks."))
    return lets(msg("no_new_privs is off: set-uid files work."), _NNP)


def _held(reason: Message) -> Ruling:
    return replace(stops(reason, _PROGRAMS), weak=True)


def _regain(posture: CapabilityPosture) -> Ruling:
    if posture.no_new_privs:
        text = msg("no_new_privs is on: no program can give it more than it holds.")
        return stops(text, _NNP, frozenset({"no-new-privileges"}))
    if posture.held is None or posture.bounding is None:
        return _UNKNOWN
    more = CapabilitySet(posture.bounding & ~posture.held)
    if not more:
        return stops(msg("It holds all that its bounding set allows: nothing can come back."), _BOUNDING)
    if posture.no_new_privs is None:
        return _NO_NEW_PRIVS_UNREAD
    if posture.root and posture.root_by_exec is not True:
        return unknown(_SECUREBITS, _BOUNDING) if posture.root_by_exec is None else _NO_ROOT
    if posture.to_capabilities is Way.NONE and posture.root is False:
        return stops(msg("No program that it may start gives it more than it holds."), _PROGRAMS)
    if posture.to_capabilities is Way.HELD and posture.root is False:
        return _held(msg("The programs that could give it more check who asks."))
    return lets(msg("Its bounding set allows more than it holds now, and no_new_privs is off."), _BOUNDING)


def _root_with_powers(posture: CapabilityPosture) -> Ruling:
    """As root, exec gives the whole bounding set (capabilities(7)), unless no_new_privs is set."""
    if posture.held is None:
        return _UNKNOWN
    if posture.held:
        return lets(msg("It holds capabilities."), _EFFECTIVE)
    if posture.no_new_privs:
        return stops(msg("It holds no capability, and no_new_privs keeps it that way."), _EFFECTIVE)
    if posture.bounding is None:
        return _UNKNOWN
    if not posture.bounding:
        return stops(msg("It holds no capability, and none can come back."), _BOUNDING)
    if posture.no_new_privs is None:
        return _NO_NEW_PRIVS_UNREAD
    if posture.root_by_exec is None:
        return unknown(_SECUREBITS, _BOUNDING)
    if posture.root_by_exec:
        return lets(_REGAINS, _BITS)
    return _NO_ROOT


def _inspect(posture: CapabilityPosture, target: CapabilitySet) -> Ruling:
    """cap_ptrace_access_check, security/commoncap.c: the target's capabilities must be a subset, or SYS_PTRACE held."""
    if posture.held is None:
        return _UNKNOWN
    if posture.held & _TRACE.bits:
        return lets(msg("It holds {capability}.", capability="SYS_PTRACE"), _EFFECTIVE)
    if not target.bits & ~posture.held:
        return lets(msg("It has at least the capabilities of the process that it accesses."), _EFFECTIVE)
    regained = _regained(_TRACE, posture)
    if regained is not None:
        return regained
    text = msg("It has fewer capabilities than the process that it accesses, and does not hold SYS_PTRACE.")
    return stops(text, _EFFECTIVE, _hinges(("CAP_SYS_PTRACE",), posture))


def _as_capable(posture: CapabilityPosture, target: CapabilitySet) -> Ruling:
    """The same without SYS_PTRACE."""
    if posture.held is None:
        return _UNKNOWN
    missing = CapabilitySet(target.bits & ~posture.held)
    if not missing:
        return lets(msg("It has at least the capabilities of the process that it accesses."), _EFFECTIVE)
    regained = _regained(missing, posture)
    if regained is not None and not missing.bits & ~(posture.bounding or 0):
        return regained
    text = msg("It has fewer capabilities than the process that it accesses.")
    return stops(text, _EFFECTIVE, _hinges(missing.names(), posture))


def _inspect_program(posture: CapabilityPosture, sets: tuple[int | None, ...] | None) -> Ruling:
    """Of the host's: the weakest decides. Where none is known, they are taken as fully capable."""
    full = CapabilitySet.full(posture.last)
    rulings = [_inspect(posture, full if each is None else CapabilitySet(each)) for each in sets or (full.bits,)]
    if (ruling := _weakest(rulings)).stance is not Stance.STOPS:
        return ruling
    if sets is not None and None in sets:
        return unknown(msg("Whether a program of the host holds as few capabilities was not read."), _EFFECTIVE)
    return rulings[0]


def _inspect_container(posture: CapabilityPosture) -> Ruling:
    """Compare with the other container's permitted set, which may be less than its engine's default."""
    if posture.of_containers == ():
        return lets(msg("No process of another container that runs under its ID holds more."), _EFFECTIVE)
    if posture.of_containers is not None and None not in posture.of_containers:
        return _weakest([_as_capable(posture, CapabilitySet(each or 0)) for each in posture.of_containers])
    ruling = _as_capable(posture, CapabilitySet(posture.default))
    if ruling.stance is not Stance.STOPS:
        return ruling
    return unknown(msg("Whether another container has as few capabilities was not read."), _EFFECTIVE)


def _inspect_neighbour(posture: CapabilityPosture) -> Ruling:
    rulings = [_as_capable(posture, CapabilitySet(held)) for held in posture.neighbours if held is not None]
    if rulings:
        ruling = _weakest(rulings)
        if ruling.stance is not Stance.STOPS or None not in posture.neighbours:
            return ruling
    return _inspect_container(posture)


def _weakest(rulings: list[Ruling]) -> Ruling:
    return next((ruling for ruling in rulings if ruling.stance is not Stance.STOPS), rulings[0])


def _short(name: str) -> str:
    return name.removeprefix("CAP_")
