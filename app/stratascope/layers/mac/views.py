"""The tabs of the access-control layer: module, label and mode; and how it restricted itself with Landlock."""

from __future__ import annotations

from stratascope.core.capture import Gap, GapKind
from stratascope.core.container import ProfileKind
from stratascope.core.layer import Place, Row, Tab, Table, Tone, Verdict
from stratascope.core.message import Message, msg, plural, verbatim
from stratascope.layers.mac.facts import LSM_LIST, MacAsked, MacFacts
from stratascope.layers.shared.readings import NONE, NOT_ASKED, UNKNOWN

_LABEL = msg("Label")
_SYSTEM_LABEL = msg("Module")
_SYSTEMS = {
    None: UNKNOWN,
    "none": msg("None active"),
    "apparmor": msg("AppArmor"),
    "selinux": msg("SELinux"),
}
_MODE_LABEL = msg("Mode")
_MODES = {
    "enforce": (msg("Enforce: refuses what the profile forbids"), Tone.GOOD),
    "kill": (msg("Kill: ends a process that does something forbidden"), Tone.GOOD),
    "complain": (msg("Complain: only logs it"), Tone.WARN),
    "user": (msg("Prompt: asks a program of the user"), Tone.WARN),
    "mixed": (msg("Mixed: the stacked profiles are in different modes"), Tone.WARN),
    "unconfined": (msg("Unconfined: nothing is forbidden"), Tone.BAD),
    "enforcing": (msg("Enforcing: the whole host"), Tone.GOOD),
    "permissive": (msg("Permissive: the whole host only warns"), Tone.WARN),
}
_PERMISSIVE_TYPE = msg("Permissive: it only warns about this type")
_STACK_NOTE = msg("Several profiles at once: only what all of them allow is allowed.")
_LEVEL_NOTE = msg("The categories keep containers of one type apart from each other.")
_TONES = {
    Verdict.ENFORCED: Tone.GOOD,
    Verdict.WEAKENED: Tone.WARN,
    Verdict.OPEN: Tone.BAD,
    Verdict.UNKNOWN: Tone.UNKNOWN,
}


def tabs_of(facts: MacFacts, asked: MacAsked, verdict: Verdict) -> tuple[Tab, ...]:
    """The label's, and Landlock's where that module is active."""
    label = Tab(_LABEL, (_table(facts, asked, verdict),))
    return (
        (label, Tab(_LANDLOCK, (_landlock(facts),), Place.DETAILS)) if "landlock" in (facts.modules or ()) else (label,)
    )


def _table(facts: MacFacts, asked: MacAsked, verdict: Verdict) -> Table:
    source, tone = facts.label_source, _TONES[verdict]
    rows = [Row(_SYSTEM_LABEL, _SYSTEMS[facts.system], source if facts.modules is None else LSM_LIST)]
    if facts.label is not None:
        selinux = facts.system == "selinux"
        rows.append(Row(_LABEL, _text(facts.label), source, tone, _asked_label(facts, asked)))
        mode, mode_tone = (UNKNOWN, Tone.UNKNOWN) if facts.mode is None else _MODES[facts.mode]
        if facts.permissive_type:
            mode = _PERMISSIVE_TYPE
        rows.append(Row(_MODE_LABEL, mode, facts.mode_source, mode_tone))
        if len(facts.stack) > 1:
            rows.append(Row(msg("Stacked"), _text(", ".join(facts.stack)), source, Tone.PLAIN, None, _STACK_NOTE))
        if selinux and facts.policy_loaded:
            rows += (
                Row(msg("User"), _text(facts.user), source),
                Row(msg("Role"), _text(facts.role), source),
                Row(msg("Type"), _text(facts.type), source),
                Row(msg("Level"), _text(facts.level), source, Tone.PLAIN, None, _LEVEL_NOTE),
            )
    elif facts.system == "none":
        rows.append(Row(_LABEL, msg("None"), source, tone, _asked_label(facts, asked)))
    if facts.modules:
        rows.append(Row(msg("Active modules"), _text(", ".join(facts.modules)), LSM_LIST))
    return Table(_LABEL, tuple(rows))


_LANDLOCK = msg("Landlock")
_BY_BPF = "BPF: cred.security"
_RULES_SHOWN = 200
_ITSELF = msg("Its programs restricted themselves: no engine does that.")
_ONLY_ROOT = msg("Only root can read it, by BPF.")


def _landlock(facts: MacFacts) -> Table:
    found, source = facts.landlock, _BY_BPF
    if isinstance(found, Gap):
        unread = found.kind in (GapKind.DENIED, GapKind.ABSENT)  # ABSENT: nobody with the right to was asked
        note = _ONLY_ROOT if unread else verbatim(found.detail)
        return Table(_LANDLOCK, (Row(_STATE, UNKNOWN, source, Tone.UNKNOWN, None, note),))
    if found is None:
        return Table(_LANDLOCK, (Row(_STATE, msg("Not restricted"), source),))
    layers = plural("Restricted by {count} layer", "Restricted by {count} layers", found.layers)
    rows = [
        Row(_STATE, layers, source, Tone.GOOD, None, _ITSELF),
        Row(msg("Handled"), _text(", ".join(found.handled)) if found.handled else NONE, source),
        Row(msg("Scopes"), _text(", ".join(found.scopes)) if found.scopes else NONE, source),
    ]
    for rule in found.rules[:_RULES_SHOWN]:
        what = _text(rule.path) if rule.port is None else msg("TCP port {port}", port=str(rule.port))
        rows.append(Row(what, _text(", ".join(rule.allowed)) if rule.allowed else NONE, source))
    if not found.whole or len(found.rules) > _RULES_SHOWN:
        rows.append(Row(msg("Further rules"), msg("There are more, or where they hold is not known"), source))
    return Table(_LANDLOCK, tuple(rows))


_STATE = msg("State")


def _text(value: str | None) -> Message:
    return verbatim(value) if value else UNKNOWN


def _asked_label(facts: MacFacts, asked: MacAsked) -> Message | None:
    if facts.system == "selinux":
        if asked.selinux_label:
            return _text(asked.selinux_label)
        return msg("Privileged: unconfined") if asked.privileged else NOT_ASKED
    if asked.apparmor is ProfileKind.CUSTOM:
        return _text(asked.apparmor_profile)
    if asked.privileged or asked.apparmor is ProfileKind.UNCONFINED:
        return msg("Unconfined")
    return msg("The engine's default") if asked.apparmor is ProfileKind.DEFAULT else None
