"""Layer 3, capabilities: what is left of root's powers. Read from /proc/PID/status; see capabilities(7).

Verdict (design, section 6), as it is understood here. "The engine's default" is what the engine itself says, else the
measured list of its kind. ENFORCED: effective and bounding set lie within it. OPEN: a capability of `TAKE_OVER` is
effective or permitted (the process can make it effective at will), in the initial user namespace, and nothing of the
default was dropped; so `--cap-drop ALL --cap-add SYS_ADMIN` counts as WEAKENED, and has a critical finding all the
same. WEAKENED: any other capability beyond the default, in any user namespace. A no_new_privs of 0 is a finding, not a
verdict: every engine's default has it.

Decided against `Securebits`: they are not in /proc.
"""

from __future__ import annotations

from functools import lru_cache

from stratascope.core.capture import Capture
from stratascope.core.container import Asked, Container
from stratascope.core.ground import Surroundings
from stratascope.core.layer import About, Assessment, BitGrid, BitRow, BitSet, Drift, Row, Tab, Table, Tone, Verdict
from stratascope.core.message import Message, msg
from stratascope.core.threats.needs import Need
from stratascope.core.threats.threat import Ruling
from stratascope.layers.capabilities.facts import (
    SETS,
    CapabilitiesAsked,
    CapabilityFacts,
    asked_bounding,
    capability_facts,
    held_now,
)
from stratascope.layers.capabilities.findings import capability_drift, capability_findings, short
from stratascope.layers.capabilities.prediction import predict_capabilities
from stratascope.layers.capabilities.stances import CapabilityPosture, capability_posture, capability_stance
from stratascope.layers.capabilities.words import TAKE_OVER, words
from stratascope.layers.shared.process_status import NOT_ASKED, OFF, ON, UNKNOWN, why_unknown
from stratascope.layers.shared.unprivileged_ports import PORT_START
from stratascope.linux.capability import LAST, CapabilitySet, name_of

_EFFECTIVE_COLUMN = 2


class _Capabilities:
    id = "capabilities"
    number = 3
    about = About(
        msg("Capabilities"),
        msg("takes root's powers away"),
        msg("Key cards: root once had one key for every door; now each door has its own card, and few are given out."),
        (
            msg("Linux has split root's power into some forty rights. A process can do only what it holds one for."),
            msg(
                "Without this layer root in the container could do what root on the host can: mount its disks,"
                " load code into its kernel, set its clock."
            ),
            msg(
                "A capability is the right to do a thing; seccomp closes the way into the kernel. To mount, a process"
                " needs SYS_ADMIN and a filter that lets the call mount through: either of the two can stop it."
            ),
        ),
    )
    wants = ("status", "uid_map", "ns/user", "ns/pid", "ns/net")
    member_wants = ("status", "ns/user")

    def asked(self, container: Container) -> CapabilitiesAsked:
        """What the engine was told, for this layer."""
        asked = container.asked
        return CapabilitiesAsked(
            asked.privileged, asked.cap_add, asked.cap_drop, asked.capabilities, asked.no_new_privileges
        )

    def decode(self, capture: Capture, container: Container, around: Surroundings) -> CapabilityFacts:
        """The facts of one process; never raises."""
        return capability_facts(capture, around)

    def assess(self, facts: CapabilityFacts, asked: CapabilitiesAsked, around: Surroundings) -> Assessment:
        """Verdict, findings and views, from facts alone."""
        wanted = asked_bounding(asked, facts.last)
        return Assessment(
            _verdict(facts),
            _fact(facts),
            capability_findings(facts, asked, wanted, around.ground.lsms),
            lambda: (
                Tab(msg("Bits"), (_grid_of(facts),)),
                Tab(msg("Meaning"), (_table(facts, asked, wanted),)),
            ),
            facts.gaps,
        )

    privileged_wants = (PORT_START,)

    def posture(self, facts: CapabilityFacts, asked: CapabilitiesAsked, around: Surroundings) -> CapabilityPosture:
        """See `core.layer.Layer`."""
        return capability_posture(facts, around)

    def predict(
        self, facts: CapabilityFacts | None, before: Asked, after: Asked, around: Surroundings
    ) -> CapabilityFacts | None:
        """See `core.layer.Layer`."""
        return predict_capabilities(facts, before, after, around)

    def stance(self, need: Need, posture: CapabilityPosture) -> Ruling | None:
        """See `core.layer.Layer`."""
        return capability_stance(need, posture)

    def drift(self, first: Capture, other: Capture) -> tuple[Drift, ...]:
        """Sets in which a further process differs from the first."""
        return capability_drift(first, other)


def _verdict(facts: CapabilityFacts) -> Verdict:
    held = held_now(facts)
    if held & TAKE_OVER and facts.default <= held:
        if facts.initial_user_namespace is None:
            return Verdict.UNKNOWN
        if facts.initial_user_namespace:
            return Verdict.OPEN
    if facts.effective is None or facts.bounding is None:
        return Verdict.UNKNOWN
    return Verdict.ENFORCED if held | facts.bounding <= facts.default else Verdict.WEAKENED


def _fact(facts: CapabilityFacts) -> Message:
    effective, bounding = facts.effective, facts.bounding
    if effective is None or bounding is None:
        return why_unknown(facts.gaps)
    total = facts.last + 1
    added = (effective | bounding) - facts.default
    if len(effective) >= total:
        if facts.initial_user_namespace is False:
            return msg("All {total}, in a user namespace of its own", total=total)
        if facts.initial_user_namespace is None:
            return msg("All {total}, not known over what", total=total)
        return msg("All {total}, over the whole machine", total=total)
    if added and not added & effective:
        return msg("{count} of {total}, {added} more in the bounding set", count=len(effective), total=total,
                   added=len(added))  # fmt: skip
    if len(added) == 1:
        return msg("{count} of {total}, {name} added", count=len(effective), total=total, name=short(added))
    if added:
        return msg("{count} of {total}, {added} added", count=len(effective), total=total, added=len(added))
    if not effective:
        if facts.regain_by_exec:
            return msg("None now, {count} could come back by exec", count=len(facts.regain_by_exec))
        return msg("None of {total}", total=total)
    if effective == facts.default:
        return msg("{count} of {total}, the engine's default", count=len(effective), total=total)
    return msg(
        "{count} of {total}, {dropped} of the default dropped",
        count=len(effective),
        total=total,
        dropped=len(facts.default - effective),
    )


def _grid_of(facts: CapabilityFacts) -> BitGrid:
    values = (facts.inheritable, facts.permitted, facts.effective, facts.bounding, facts.ambient)
    return BitGrid(
        tuple(
            [
                BitSet(head, line, "" if value is None else str(value), f"{facts.status_source}:{line}")
                for (_, head, line), value in zip(SETS, values, strict=True)
            ]
        ),
        _EFFECTIVE_COLUMN,
        _rows(
            tuple([0 if value is None else value.bits for value in values]),
            None if facts.bounding is None else facts.default.bits,
            facts.initial_user_namespace is False,
            facts.last,
        ),
        facts.initial_user_namespace,
    )


@lru_cache(maxsize=256)  # most containers of a machine have the same sets
def _rows(values: tuple[int, ...], default: int | None, own: bool, last: int) -> tuple[BitRow, ...]:
    inheritable, permitted, effective, bounding, ambient = values
    present = inheritable | permitted | effective | bounding | ambient
    rows = []
    for number in range(max(last + 1, present.bit_length())):
        tone, word = Tone.PLAIN, None
        if default is not None:
            expected, here = default >> number & 1, present >> number & 1
            if here and not expected:
                tone = Tone.BAD if number in TAKE_OVER and not own else Tone.WARN
                word = msg("added")
            elif expected and not here:
                tone, word = Tone.GOOD, msg("dropped")
        explanation, note = words(number)
        bits = tuple(bool(value >> number & 1) for value in values)
        rows.append(BitRow(number, _short(number), bits, explanation, tone, word, note))
    return tuple(rows)


_NAMESPACE_LABEL = msg("Count against")
_NAMESPACE_UNKNOWN = (UNKNOWN, Tone.UNKNOWN, None)
_NAMESPACE = {
    True: (
        msg("The whole machine: the initial user namespace"),
        Tone.PLAIN,
        msg("The kernel's checks that ask for the host's own right are answered by these sets."),
    ),
    False: (
        msg("Only what its own user namespace owns"),
        Tone.GOOD,
        msg("For the host's clock, modules or disks the kernel asks the initial namespace, where they count nothing."),
    ),
}
_NO_NEW_PRIVS_LABEL = msg("No new privileges")
_NO_NEW_PRIVS = {
    True: (ON, Tone.GOOD, msg("No exec can give more than the process holds now: set-uid files give nothing.")),
    False: (OFF, Tone.WARN, msg("Set-uid files and files with capabilities work, up to the bounding set.")),
}
_REGAIN_LABEL = msg("Could come back by exec")
_NONE = msg("None")
_ASKED_LABEL = msg("Asked for")
_DEFAULT_LABEL = msg("The engine's default")


def _table(facts: CapabilityFacts, asked: CapabilitiesAsked, wanted: CapabilitySet | None) -> Table:
    source = facts.status_source
    initial, no_new_privs, regain = facts.initial_user_namespace, facts.no_new_privs, facts.regain_by_exec
    value, tone, note = _NAMESPACE_UNKNOWN if initial is None else _NAMESPACE[initial]
    rows = [Row(_NAMESPACE_LABEL, value, facts.user_namespace_source, tone, None, note)]
    value, tone, note = _NAMESPACE_UNKNOWN if no_new_privs is None else _NO_NEW_PRIVS[no_new_privs]
    rows.append(
        Row(
            _NO_NEW_PRIVS_LABEL, value, f"{source}:NoNewPrivs", tone, ON if asked.no_new_privileges else NOT_ASKED, note
        )
    )
    if regain is None:
        value, tone = UNKNOWN, Tone.UNKNOWN
    elif regain:
        value, tone = msg("{names}", names=short(regain)), Tone.WARN
    else:
        value, tone = _NONE, Tone.PLAIN
    rows.append(Row(_REGAIN_LABEL, value, f"{source}:CapBnd", tone))
    rows.append(Row(_ASKED_LABEL, _asked_value(asked), "inspect:HostConfig.CapAdd"))
    if wanted is not None and facts.bounding is not None:
        rows.append(
            Row(
                msg("Bounding set"),
                msg("{text}", text=str(facts.bounding)),
                f"{source}:CapBnd",
                Tone.PLAIN if facts.bounding == wanted else Tone.WARN,
                msg("{text}", text=str(wanted)),
            )
        )
    rows.append(Row(_DEFAULT_LABEL, msg("{text}", text=str(facts.default)), "", Tone.PLAIN))
    return Table(msg("What it means"), tuple(rows))


def _asked_value(asked: CapabilitiesAsked) -> Message:
    if asked.privileged:
        return msg("Privileged: all of them")
    added, dropped = ", ".join(asked.added), ", ".join(asked.dropped)
    if added and dropped:
        return msg("Add {added}; drop {dropped}", added=added, dropped=dropped)
    if added:
        return msg("Add {added}", added=added)
    if dropped:
        return msg("Drop {dropped}", dropped=dropped)
    return msg("The engine's default")


LAYER = _Capabilities()


def _short(number: int) -> str:
    """`SYS_ADMIN`; a capability newer than this program keeps the prefix, `CAP_42`."""
    return name_of(number).removeprefix("CAP_") if number <= LAST else name_of(number)
