"""Tabs of the capabilities layer: the bits of all five sets, and what they mean for this container."""

from __future__ import annotations

from stratascope.bounded_cache import remembered
from stratascope.core.layer import BitGrid, BitRow, BitSet, Place, Row, Tab, Table, Tone
from stratascope.core.message import Message, msg, verbatim
from stratascope.layers.capabilities.explanations import TAKE_OVER, explain
from stratascope.layers.capabilities.facts import SETS, CapabilitiesAsked, CapabilityFacts, asked_bounding, held_now
from stratascope.layers.capabilities.findings import short
from stratascope.layers.capabilities.programs import Programs, named, startable
from stratascope.layers.shared.readings import NONE, NOT_ASKED, OFF, ON, UNKNOWN
from stratascope.linux.capability import LAST, name_of

_EFFECTIVE_COLUMN = 2


def tabs_of(facts: CapabilityFacts, asked: CapabilitiesAsked) -> tuple[Tab, ...]:
    """Both tabs."""
    return Tab(msg("Bits"), (_grid_of(facts),)), Tab(msg("Meaning"), (_table(facts, asked),), Place.MEANING)


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


@remembered()  # most containers on a machine have the same sets
def _rows(values: tuple[int, ...], default: int | None, own: bool, last: int) -> tuple[BitRow, ...]:
    inheritable, permitted, effective, bounding, ambient = values
    present = inheritable | permitted | effective | bounding | ambient
    rows = []
    for number in range(max(last + 1, present.bit_length())):
        tone, word, sign = Tone.PLAIN, None, ""
        if default is not None:
            expected, here = default >> number & 1, present >> number & 1
            if here and not expected:
                tone = Tone.BAD if number in TAKE_OVER and not own else Tone.WARN
                word, sign = msg("added"), "+"
            elif expected and not here:
                tone, word, sign = Tone.GOOD, msg("dropped"), "−"
        explanation, note = explain(number)
        bits = tuple(bool(value >> number & 1) for value in values)
        rows.append(BitRow(number, _short(number), bits, explanation, tone, word, note, sign))
    return tuple(rows)


_NAMESPACE_LABEL = msg("Apply to")
_NAMESPACE_UNKNOWN = (UNKNOWN, Tone.UNKNOWN, None)
_NAMESPACE = {
    True: (
        msg("The whole machine: the initial user namespace"),
        Tone.PLAIN,
        msg("Kernel checks for a right of the host are answered by these sets."),
    ),
    False: (
        msg("Only what its own user namespace owns"),
        Tone.GOOD,
        msg(
            "For the host's clock, modules or disks the kernel checks the initial namespace, where they have no effect."
        ),
    ),
}
_NO_NEW_PRIVS_LABEL = msg("No new privileges")
_NO_NEW_PRIVS = {
    True: (ON, Tone.GOOD, msg("No exec can give more than the process holds now: set-uid files have no effect.")),
    False: (OFF, Tone.WARN, msg("Set-uid files and files with capabilities work, up to the bounding set.")),
}
_REGAIN_LABEL = msg("Could come back through exec")
_NAMES_MAX = 12
_TELLING_LABEL = msg("Programs that give rights")
_TELLING_NOTE = msg("Set-uid or with capabilities, and none that is known to check who asks.")
_ASKING_LABEL = msg("Programs that check who asks")
_ASKING_NOTE = msg(
    "Set-uid or with capabilities; recognised by name and by what they contain, which a program made to deceive can "
    "contain as well."
)
_ASKED_LABEL = msg("Asked for")
_DEFAULT_LABEL = msg("The engine's default")


_NO_ROOT = msg("With noroot, being root gives a program no capabilities: only files with capabilities do.")


def _source(status: str) -> str:
    """Where securebits come from, as the collector says it."""
    return f"{status.removesuffix('/status')}: cred.securebits"


def _table(facts: CapabilityFacts, asked: CapabilitiesAsked) -> Table:
    wanted = asked_bounding(asked, facts.last)
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
        value, tone = verbatim(short(regain)), Tone.WARN
    else:
        value, tone = NONE, Tone.PLAIN
    rows.append(Row(_REGAIN_LABEL, value, f"{source}:CapBnd", tone))
    if facts.giving is not None and not facts.root_inside:
        rows += _programs(facts, facts.giving)
    if facts.securebits is not None:
        bits = verbatim(", ".join(facts.securebits)) if facts.securebits else NONE
        good = facts.root_by_exec is False
        note = _NO_ROOT if good else None
        rows.append(Row(msg("Securebits"), bits, _source(source), Tone.GOOD if good else Tone.PLAIN, None, note))
    rows.append(Row(_ASKED_LABEL, _asked_value(asked), "inspect:HostConfig.CapAdd"))
    if wanted is not None and facts.bounding is not None:
        rows.append(
            Row(
                msg("Bounding set"),
                verbatim(str(facts.bounding)),
                f"{source}:CapBnd",
                Tone.PLAIN if facts.bounding == wanted else Tone.WARN,
                verbatim(str(wanted)),
            )
        )
    rows.append(Row(_DEFAULT_LABEL, verbatim(str(facts.default)), "", Tone.PLAIN))
    return Table(msg("What it means"), tuple(rows))


def _programs(facts: CapabilityFacts, giving: Programs) -> list[Row]:
    """The programs that it may start, by whether they check who asks."""
    source = f"{facts.status_source.removesuffix('/status')}/root"
    tone = Tone.GOOD if facts.no_new_privs else Tone.WARN
    telling, asking = startable(giving, facts.who, held_now(facts).bits)
    rows = [Row(_TELLING_LABEL, named(telling, _NAMES_MAX), source, tone, None, _TELLING_NOTE)] if telling else []
    if asking:
        rows.append(Row(_ASKING_LABEL, named(asking, _NAMES_MAX), source, Tone.PLAIN, None, _ASKING_NOTE))
    return rows or [
        Row(_TELLING_LABEL, NONE if giving.whole else UNKNOWN, source, Tone.GOOD if giving.whole else Tone.UNKNOWN)
    ]


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


def _short(number: int) -> str:
    """`SYS_ADMIN`; a capability newer than this program keeps its prefix, `CAP_42`."""
    return name_of(number).removeprefix("CAP_") if number <= LAST else name_of(number)
