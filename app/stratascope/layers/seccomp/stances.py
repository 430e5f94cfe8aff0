"""The posture of layer 4 (its filters' answers for each entry point), and its stance towards a route's calls.

An attacker uses whichever call, entry point and value of an unspecified argument is let through. The kernel uses 32
bits of some arguments where a filter may compare 64: `socket` with the upper half set is the same call to the kernel,
but a different one to such a filter.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import combinations
from weakref import WeakKeyDictionary, ref

from stratascope.bounded_cache import remembered
from stratascope.core.ground import Surroundings
from stratascope.core.message import Message, msg
from stratascope.core.threats.needs import Call, Calls, Need
from stratascope.core.threats.threat import Basis, Ruling, Stance, lets, stops, unknown
from stratascope.layers.seccomp.facts import SeccompAsked, SeccompFacts
from stratascope.layers.seccomp.filter_source import (
    FilterSource,
    KernelFilters,
    NoFilter,
    entry_points,
    opened_by,
)
from stratascope.layers.seccomp.tables import errno_name
from stratascope.layers.shared.readings import kernel_release
from stratascope.linux.capability import NAMES
from stratascope.linux.seccomp import ALL_BITS, LOW_BITS, UNDECIDED, Action, ActionKind, Answers, Given, SeccompMode
from stratascope.linux.syscalls import Abi, numbers
from stratascope.value import Value, replace

STATUS = "@status:Seccomp"
_ALL = frozenset(NAMES)


class SeccompPosture(Value, cache_hash=True, weakref=True):
    """`points`: each entry point, whether the kernel certainly has it, and its answers.

    `points` is empty if the machine is unknown. `opened`: for an engine's default, the answers that one more capability
    would change. `unseen`: there are further filters, which are unknown.
    """

    mode: SeccompMode | None
    source: str
    points: tuple[tuple[Abi, bool, Answers | None], ...]
    opened: tuple[tuple[str, Answers], ...]
    unseen: bool
    kernel: tuple[int, int] | None
    read: bool = True  # whether it was read from the kernel, rather than a profile that the engine names


def posture_of(facts: SeccompFacts, asked: SeccompAsked, around: Surroundings) -> SeccompPosture:
    """See `core.layer.Layer.posture`."""
    origin = facts.origin
    by_default = facts.default if facts.profile == "default" and origin is not None else None
    ground = around.ground
    return _posture(facts.mode, origin, by_default, facts.unseen > 0, entry_points(ground), kernel_release(ground))


@remembered()
def _posture(
    mode: SeccompMode | None,
    origin: FilterSource | None,
    default: FilterSource | None,
    unseen: bool,
    entries: tuple[tuple[Abi, bool], ...],
    kernel: tuple[int, int] | None,
) -> SeccompPosture:
    points = tuple((abi, certain, None if origin is None else origin.answers(abi)) for abi, certain in entries)
    opened = () if default is None else opened_by(default, _ALL)
    source = STATUS if origin is None else origin.source
    read = origin is None or isinstance(origin, KernelFilters | NoFilter)
    return _one(SeccompPosture(mode, source, points, opened, unseen, kernel, read))


_held: WeakKeyDictionary[SeccompPosture, ref[SeccompPosture]] = WeakKeyDictionary()


def _one(posture: SeccompPosture) -> SeccompPosture:
    """Return the first of equal postures that is still alive: comparing two means walking thousands of outcomes."""
    known = _held.get(posture)
    first = None if known is None else known()
    if first is None:
        _held[posture] = ref(posture)
        return posture
    return first


# Arguments that the kernel takes as int or unsigned int, or of which it uses the lower half: SYSCALL_DEFINE of each;
# kernel/fork.c takes lower_32_bits of clone's flags
NARROW = frozenset(
    (
        *(("socket", place) for place in range(3)),
        *(("socketpair", place) for place in range(3)),
        *(("clone", 0), ("personality", 0), ("prctl", 0), ("ioctl", 0), ("ioctl", 1), ("bpf", 0), ("keyctl", 0)),
        *(("syslog", 0), ("setns", 0), ("setns", 1), ("fcntl", 0), ("fcntl", 1), ("quotactl", 0), ("socketcall", 0)),
        ("userfaultfd", 0),
        ("mount", 3),  # all 64 bits are handed on, and none of the upper half is looked at
    )
)


def actions_of(way: Call, answers: Answers, *, narrow: bool) -> Collection[Action]:
    """The answers this call can get; most don't depend on arguments."""
    outcomes = answers.of(way.name)
    if not outcomes:
        return ()
    if len(outcomes) == 1 and not outcomes[0].constraints:
        return (outcomes[0].action,)
    plain = answers.actions(way.name, _given(way, answers.abi, narrow=narrow)) or ()
    if not way.free or any(action.lets_through for action in plain):
        return plain
    free = _given(way, answers.abi, narrow=narrow, free=dict(way.free))
    if not any(action.lets_through for action in answers.actions(way.name, free) or ()):
        return plain
    return _with_more(way, answers, narrow=narrow)


def _with_more(way: Call, answers: Answers, *, narrow: bool) -> Collection[Action]:
    """The answers to the call with those further bits with which it passes; UNDECIDED if none were found.

    A filter may compare the whole word with one value, so that any further bit makes a difference (libseccomp's
    SCMP_CMP_EQ for a flag, instead of SCMP_CMP_MASKED_EQ). Tried are each bit, two of them, and values that it names.
    """
    for further in _further(way, answers):
        more = replace(way, args=tuple([(place, value | further.get(place, 0)) for place, value in way.args]))
        actions = answers.actions(way.name, _given(more, answers.abi, narrow=narrow)) or ()
        if any(action.lets_through for action in actions):
            return actions
    return (UNDECIDED,)


def _further(way: Call, answers: Answers) -> Iterator[dict[int, int]]:
    """Bits to add, by argument."""
    named: dict[int, set[int]] = {}
    for outcome in answers.of(way.name) or ():
        for each in outcome.constraints:
            named.setdefault(each.arg, set()).update((each.value, each.value - 1 & ALL_BITS, each.value + 1 & ALL_BITS))
    for place, mask in way.free:
        bits = [1 << bit for bit in range(mask.bit_length()) if mask >> bit & 1]
        yield from ({place: bit} for bit in bits)
        yield from ({place: value & mask} for value in sorted(named.get(place, ())))
        yield {place: mask}
        yield from ({place: one | two} for one, two in combinations(bits, 2))


def _given(way: Call, abi: Abi, *, narrow: bool, free: Mapping[int, int] | None = None) -> dict[int, Given]:
    """The arguments as a filter sees them. `narrow`: with any upper half where the kernel ignores it. `free`: bits of
    them that are open.
    """
    found = {}
    for place, value in way.args:
        known = ALL_BITS & ~(free or {}).get(place, 0)
        if not abi.wide:
            found[place] = Given(value & LOW_BITS, known)
        elif narrow and (way.name, place) in NARROW:
            found[place] = Given(value & LOW_BITS, known & LOW_BITS)
        else:
            found[place] = Given(value & ALL_BITS, known)
    return found


# Calls that pass every filter, and the release that introduced this: Linux commit cf6cb56ef244 ("seccomp: passthrough
# uretprobe systemcall without filtering") (in v6.14), and its counterpart for uprobe (in v6.18). No threat counts them:
# made from anywhere but the kernel's own trampoline they do nothing (arch/x86/kernel/uprobes.c)
PASSING = {"uretprobe": (6, 14), "uprobe": (6, 18)}
# Calls that always fail with ENOSYS from that release on, so that letting them through opens nothing: unimplemented(2),
# create_module(2), nfsservctl(2), _sysctl(2), lookup_dcookie(2); vm86(2) on 64-bit kernels
_GONE = {
    **dict.fromkeys(("afs_syscall", "getpmsg", "putpmsg", "security", "tuxcall", "vserver", "vm86", "vm86old"), (0, 0)),
    **dict.fromkeys(("create_module", "get_kernel_syms", "query_module"), (2, 6)),
    "nfsservctl": (3, 1),
    "_sysctl": (5, 5),
    "lookup_dcookie": (5, 12),
}
_STRICT = frozenset(("read", "write", "exit", "rt_sigreturn", "sigreturn"))  # mode1_syscalls, kernel/seccomp.c


def stance_of(need: Need, known: SeccompPosture) -> Ruling | None:
    """The ruling on the easiest of these calls; None if this machine has none of them, or for any other need."""
    if not isinstance(need, Calls):
        return None
    match known.mode:
        case None:
            return unknown(msg("Whether there is a filter could not be read."), STATUS)
        case SeccompMode.DISABLED:
            return lets(msg("There is no filter: {call} reaches the kernel.", call=need.ways[0].name), STATUS)
        case SeccompMode.STRICT:
            return _strict(need)
    if not known.points:
        return unknown(msg("The system calls of this machine's architecture are not known here."), STATUS)
    if any(answers is None for _, _, answers in known.points):
        return unknown(msg("There is a filter, but its answer to {call} is not known.", call=need.ways[0].name), STATUS)
    ruling = _filtered(need, known)
    if ruling is None or known.read or ruling.stance is Stance.UNKNOWN:
        return ruling
    return replace(ruling, basis=Basis.ASKED)


def _strict(need: Calls) -> Ruling:
    through = next((way.name for way in need.ways if way.name in _STRICT), None)
    if through is not None:
        return lets(msg("Strict mode lets {call} through.", call=through), STATUS)
    return stops(msg("Strict mode allows only reading, writing, exiting and returning from a signal."), STATUS)


class _Found(Value):
    """One call by one entry point. `through` None: undecided."""

    way: Call
    abi: Abi
    certain: bool
    through: bool | None
    actions: Collection[Action]
    narrow: bool  # it only passes with the upper half of an argument set
    more: bool = False  # it only passes with further flags

    @property
    def aside(self) -> bool:
        """Whether it is no call of the machine's own architecture."""
        return self.abi in (Abi.I386, Abi.X32)


def _filtered(need: Calls, known: SeccompPosture) -> Ruling | None:
    found = []
    for abi, certain, answers in known.points:
        for way in need.ways:
            each = None if answers is None else _look(way, abi, certain, answers, known)
            if each is None:
                continue
            if each.through and certain and not known.unseen:
                return lets(_passing(each), known.source, aside=each.aside)
            found.append(each)
    if not found:
        return None
    through = [each for each in found if each.through]
    passes = next((each for each in through if each.certain), None)
    if passes is not None:
        reason = msg("The known filter lets {call} through, but there is another one.", call=passes.way.name)
        return unknown(reason, known.source)
    if through:
        reason = msg(
            "The filter stops {call}, but not through {entry}, which this kernel may have.",
            call=through[0].way.name,
            entry=_ENTRIES[through[0].abi],
        )
        return unknown(reason, known.source)
    undecided = next((each for each in found if each.through is None), None)
    if undecided is not None:
        return unknown(_undecided(undecided), known.source)
    trapped = any(action.kind is ActionKind.TRAP for each in found for action in each.actions)
    return replace(stops(_stopping(found[0]), known.source, _hinges(need, known)), trapped=trapped)


def _look(way: Call, abi: Abi, certain: bool, answers: Answers, known: SeccompPosture) -> _Found | None:
    if way.name not in numbers(abi) or _gone(way.name, known.kernel):
        return None
    actions = actions_of(way, answers, narrow=True)
    through = [action.lets_through for action in actions]
    if True not in through:
        return _Found(way, abi, certain, None if None in through else False, actions, False)
    upper = abi.wide and any((way.name, place) in NARROW for place, _ in way.args)
    plain = actions_of(way, answers, narrow=False) if upper else actions
    alone = actions_of(replace(way, free=()), answers, narrow=True) if way.free else actions
    return _Found(way, abi, certain, True, actions, not _any_passes(plain), not _any_passes(alone))


def _any_passes(actions: Collection[Action]) -> bool:
    return any(action.lets_through for action in actions)


def _gone(name: str, kernel: tuple[int, int] | None) -> bool:
    last = _GONE.get(name)
    return last is not None and kernel is not None and kernel >= last


_ENTRIES = {
    Abi.X86_64: msg("the machine's native calls"),
    Abi.AARCH64: msg("the machine's native calls"),
    Abi.I386: msg("the calls of 32-bit programs (i386)"),
    Abi.X32: msg("the x32 calls"),
}


def _passing(found: _Found) -> Message:
    call = found.way.name
    if found.narrow:
        return msg(
            "The filter stops {call} only while the upper half of its argument is empty. The kernel does not look "
            "there.",
            call=call,
        )
    if found.more:
        return msg("The filter stops {call} only while no other flag is set along with it.", call=call)
    if found.aside:
        return msg("The filter lets {call} through if made with {entry}.", call=call, entry=_ENTRIES[found.abi])
    return msg("The filter lets {call} through.", call=call)


def _undecided(found: _Found) -> Message:
    if any(action.kind is ActionKind.USER_NOTIF for action in found.actions):
        return msg("The filter leaves the decision on {call} to another process.", call=found.way.name)
    return msg("The filter's answer to {call} could not be determined for certain.", call=found.way.name)


def _stopping(found: _Found) -> Message:
    call = found.way.name
    action = min(found.actions, key=str)
    match action.kind:
        case ActionKind.ERRNO | ActionKind.TRACE:
            return msg("The filter answers {call} with {errno}.", call=call, errno=errno_name(action))
        case ActionKind.TRAP:
            return msg("The filter answers {call} with the signal SIGSYS.", call=call)
        case ActionKind.KILL_THREAD:  # only the thread: the process continues if it has others
            return msg("The filter ends a thread that calls {call}.", call=call)
        case _:
            return msg("The filter ends a process that calls {call}.", call=call)


def _hinges(need: Calls, known: SeccompPosture) -> frozenset[str]:
    """Capabilities with which the engine's default would let one of the calls through."""
    ways = [way for way in need.ways if not _gone(way.name, known.kernel)]
    return frozenset(
        f"capability:{name}"
        for name, answers in known.opened
        for way in ways
        if any(action.lets_through for action in actions_of(way, answers, narrow=True))
    )
