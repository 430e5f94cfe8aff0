"""Findings on a container's capabilities: one for each that can take over the host, one for all other additions, drift
from the options, and other processes and threads that differ from the first process.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

from stratascope.bounded_cache import alike
from stratascope.core.capture import Capture, Gap
from stratascope.core.ground import Surroundings, inode_of
from stratascope.core.layer import Drift, Finding
from stratascope.core.message import Message, msg
from stratascope.core.process_match import thread_of
from stratascope.core.severity import Severity, flaws_of
from stratascope.core.threats.catalogue import all_threats
from stratascope.layers.capabilities.explanations import BASELINE, SERIOUS, SET_WORDS, TAKE_OVER
from stratascope.layers.capabilities.facts import SETS, CapabilitiesAsked, CapabilityFacts, asked_bounding, held_now
from stratascope.layers.capabilities.programs import named, startable
from stratascope.layers.shared.readings import finding, no_policy, process_status, who
from stratascope.linux.capability import CapabilitySet, name_of, number_of
from stratascope.linux.namespace import Namespace, is_initial

_SYS_PTRACE = number_of("CAP_SYS_PTRACE")
_CIS_CAPABILITIES = "CIS-Docker-1.6.0:5.4"
_REFS = (_CIS_CAPABILITIES, "PSS:baseline")
_CIS_PRIVILEGED = "CIS-Docker-1.6.0:5.5"
_NAMES_MAX = 3
CIS_NO_NEW_PRIVILEGES = "CIS-Docker-1.6.0:5.26"


def short(these: CapabilitySet) -> str:
    """`SYS_ADMIN, NET_ADMIN`."""
    return ", ".join(name.removeprefix("CAP_") for name in these.names())


def findings_of(facts: CapabilityFacts, asked: CapabilitiesAsked, around: Surroundings) -> tuple[Finding, ...]:
    """The findings on the first process."""
    wanted = asked_bounding(asked, facts.last)
    found: list[Finding] = []
    held = held_now(facts)
    bounding = facts.bounding or CapabilitySet()
    added = (held | bounding) - facts.default
    if added:
        found += _added(facts, asked, held, added)
    if _SYS_PTRACE in held and facts.host_processes and facts.initial_user_namespace and not _everything(held):
        found.append(_traces_the_host(f"{facts.status_source}:CapEff", no_policy(around.ground)))
    if facts.no_new_privs is False:
        found.append(_new_privileges(facts, asked))
    if wanted is not None and facts.bounding is not None and wanted != facts.bounding:
        found += _asked_drift(facts, wanted, facts.bounding)
    if asked.restored:
        text = msg(
            "It was restored from a checkpoint: it has the settings it was saved with, whatever options this "
            "start was given."
        )
        advice = msg("Start it from its image, where options apply, and do not restore checkpoints made by others.")
        found.append(
            finding(
                "capabilities.restored",
                Severity.LOW,
                text,
                advice,
                "inspect:State.Restored",
                *flaws_of("capabilities.restored"),
                "podman-container-restore(1)",
            )
        )
    if facts.inheritable and facts.ambient is not None and not facts.ambient:
        text = msg("The inheritable set is not empty: programs with file capabilities can get them from it.")
        advice = msg("Update the engine: Docker before 20.10.14 and Podman before 4.0.3 filled it by mistake.")
        found.append(
            finding(
                "capabilities.inheritable",
                Severity.LOW,
                text,
                advice,
                f"{facts.status_source}:CapInh",
                "capabilities(7)",
            )
        )
    return tuple(found)


# The threat by which this capability alone takes over the host; SYS_ADMIN has many
_BEHIND = {
    "CAP_SYS_MODULE": ("load-module",),
    "CAP_SYS_RAWIO": ("open-host-memory-device", "port-io"),
    "CAP_DAC_READ_SEARCH": ("open-by-handle",),
}


def _added(
    facts: CapabilityFacts, asked: CapabilitiesAsked, held: CapabilitySet, added: CapabilitySet
) -> list[Finding]:
    """Capabilities beyond the default: one finding for each that can take over the host, one for all others."""
    initial, known = facts.initial_user_namespace, facts.effective is not None
    own = initial is False
    if not known:
        held = facts.bounding or held  # the most that may be in use
    # not "all 41": an engine that itself runs in a container or VM may lack one and can't pass it on
    everything = _everything(held)
    held_line = f"{facts.status_source}:CapEff"
    found: list[Finding] = []
    if everything:
        text = (
            msg(
                "It may use {held} of the kernel's {total} capabilities; which of them it does is not known.",
                held=len(held),
                total=facts.last + 1,
            )
            if not known
            else msg(
                "It holds {held} of the kernel's {total} capabilities; whether over the whole machine could not "
                "be read.",
                held=len(held),
                total=facts.last + 1,
            )
            if initial is None
            else msg(
                "It holds {held} of the kernel's {total} capabilities, over what its user namespace owns.",
                held=len(held),
                total=facts.last + 1,
            )
            if own
            else msg(
                "Can take over the host: it holds {held} of the kernel's {total} capabilities.",
                held=len(held),
                total=facts.last + 1,
            )
        )
        advice = msg("Start it without --privileged or --cap-add ALL, and add only those that it needs.")
        severity = Severity.MEDIUM if own else Severity.HIGH if initial is None else Severity.CRITICAL
        found.append(
            finding(
                "capabilities.all",
                severity,
                text,
                advice,
                held_line,
                _CIS_CAPABILITIES,
                *((_CIS_PRIVILEGED,) if asked.privileged else ()),
                "PSS:baseline",
                behind=_critical(),
            )
        )
    for number in added & TAKE_OVER:
        if everything and name_of(number) != "CAP_SYS_ADMIN":
            continue  # one finding for all is clearer than more than five
        found.append(_take_over(facts, number, number in held if known else None))
    if not everything and (rest := added - TAKE_OVER):
        in_use = known and rest & held
        text = msg("More than the engine's default: {names}.", names=short(rest))
        advice = msg("Start it without the --cap-add that added them, and see whether it still works.")
        severity = Severity.MEDIUM if rest & SERIOUS and not own else Severity.LOW
        found.append(
            finding(
                "capabilities.added",
                severity,
                text,
                advice,
                held_line if in_use else f"{facts.status_source}:CapBnd",
                _CIS_CAPABILITIES,
                "PSS:restricted" if rest <= BASELINE else "PSS:baseline",
            )
        )
    return found


def _everything(held: CapabilitySet) -> bool:
    return not (TAKE_OVER | SERIOUS) - held


def _traces_the_host(line: str, unguarded: bool) -> Finding:
    # AppArmor and SELinux may keep a container from tracing processes outside
    text = (
        msg("Can inject code into any host process: it holds SYS_PTRACE and sees the host's processes.")
        if unguarded
        else msg(
            "SYS_PTRACE is held and the host's processes are visible: only AppArmor or SELinux keeps it out of them."
        )
    )
    advice = msg("Start it without --pid host, or without --cap-add SYS_PTRACE.")
    severity = Severity.CRITICAL if unguarded else Severity.HIGH
    return finding(
        "capabilities.traces-host",
        severity,
        text,
        advice,
        line,
        _CIS_CAPABILITIES,
        "CIS-Docker-1.6.0:5.16",
        "PSS:baseline",
        behind=("enter-host-process",) if unguarded else (),
    )


def _take_over(facts: CapabilityFacts, number: int, in_use: bool | None) -> Finding:
    """The finding on a capability that can take over the host. `in_use`: None if unknown."""
    name = name_of(number)
    line = "CapEff" if in_use else "CapBnd"
    if in_use is None and facts.initial_user_namespace is not False:
        severity = Severity.CRITICAL
        text = msg(
            "{name} alone can take over the host; whether it is held now is not known.",
            name=name,
        )
    elif in_use is False and facts.no_new_privs:
        severity = Severity.LOW
        text = msg("{name} is in the bounding set but not held; no-new-privileges keeps it so.", name=name)
    elif in_use is False and facts.initial_user_namespace is False:
        severity = Severity.LOW
        text = msg("{name} is not held; exec can bring it back, but only for its own user namespace.", name=name)
    elif facts.initial_user_namespace is None:
        severity = Severity.HIGH
        text = msg("{name} is allowed; over the whole machine, it alone can take over the host.", name=name)
    elif facts.initial_user_namespace is False:
        severity = Severity.MEDIUM
        text = msg(
            "{name} is held for its own user namespace only, not for the host.",
            name=name,
        )
    elif in_use:
        severity = Severity.CRITICAL
        text = msg("{name} alone can take over the host, and is held over the whole machine.", name=name)
    else:
        severity = Severity.HIGH
        text = msg("{name} alone can take over the host; it is not held, but exec can bring it back.", name=name)
    text = alike(text)
    advice = msg("Find out which call needs it; most programs work with a narrower capability, or without.")
    return finding(
        f"capabilities.{name.removeprefix('CAP_').lower().replace('_', '-')}",
        severity,
        text,
        advice,
        f"{facts.status_source}:{line}",
        *_REFS,
        behind=_BEHIND.get(name) or _critical() if severity in (Severity.CRITICAL, Severity.HIGH) else (),
        milder=alike(_milder(name, held=bool(in_use))),
    )


def _milder(name: str, *, held: bool) -> Message:
    if held:
        return msg("{name} is held, but every way to take over the host with it is stopped here.", name=name)
    return msg("{name} is allowed, but every way to take over the host with it is stopped here.", name=name)


@cache
def _critical() -> tuple[str, ...]:
    return tuple(threat.id for threat in all_threats() if threat.severity is Severity.CRITICAL)


def _new_privileges(facts: CapabilityFacts, asked: CapabilitiesAsked) -> Finding:
    line = f"{facts.status_source}:NoNewPrivs"
    refs = (CIS_NO_NEW_PRIVILEGES, "PSS:restricted")
    if asked.no_new_privileges:
        text = msg("no-new-privileges was asked for, but the kernel does not enforce it on the first process.")
        advice = msg("Start the container again, and check which runtime the engine uses.")
        return finding("capabilities.no-new-privileges-not-applied", Severity.HIGH, text, advice, line, *refs)
    regain, programs = facts.regain_by_exec, _programs(facts)
    if regain:
        if programs is None:
            text = msg(
                "Starting a set-uid program, or any program as root, can bring back capabilities that it lacks now: "
                "{names}.",
                names=short(regain),
            )
        else:
            text = msg(
                "Starting {programs} can bring back capabilities that it lacks now: {names}.",
                programs=programs,
                names=short(regain),
            )
        advice = msg("Start it with --security-opt no-new-privileges, or drop what the container does not need.")
        return finding("capabilities.regain-by-exec", Severity.LOW, text, advice, line, *refs)
    if programs is None:
        text = msg("A program in the container can still gain privileges by running a set-uid file.")
    else:
        text = msg("A program in the container can still gain privileges by running {programs}.", programs=programs)
    advice = msg("Start it with --security-opt no-new-privileges, unless it needs su, sudo or an old ping.")
    return finding("capabilities.new-privileges", Severity.LOW, text, advice, line, *refs)


def _programs(facts: CapabilityFacts) -> Message | None:
    """The names of those that give it more rights; None: it needs none, has none, or they were not looked at."""
    if facts.giving is None or facts.root_inside:
        return None
    telling, asking = startable(facts.giving, facts.who, held_now(facts).bits)
    return named(telling or asking, _NAMES_MAX) if telling or asking else None


def _asked_drift(facts: CapabilityFacts, wanted: CapabilitySet, bounding: CapabilitySet) -> list[Finding]:
    found: list[Finding] = []
    line = f"{facts.status_source}:CapBnd"
    if more := bounding - wanted:
        text = msg("The kernel allows more than the engine was asked for: {names}.", names=short(more))
        advice = msg("Start the container again, and check which runtime the engine uses.")
        found.append(finding("capabilities.more-than-asked", Severity.HIGH, text, advice, line, _CIS_CAPABILITIES))
    if less := wanted - bounding:
        text = msg("The engine was asked for more than the kernel allows: {names}.", names=short(less))
        advice = msg("No added risk: the engine lacks them itself, or the first program gave them up.")
        found.append(finding("capabilities.less-than-asked", Severity.LOW, text, advice, line, "capabilities(7)"))
    return found


_THREADS = msg(
    "Let the program give up its capabilities before it starts threads, or in each of them (capabilities(7))."
)
_CIS_EXEC_PRIVILEGED = "CIS-Docker-1.6.0:5.23"
_LINES = {field: line for field, _, line in SETS}
# most significant first: what a process can do now
_BY_SIGNIFICANCE = ("effective", "permitted", "ambient", "bounding", "inheritable")


def drift(first: Capture, other: Capture) -> tuple[Drift, ...]:
    """Sets in which `other` differs from the first process; more is a serious finding, less a low one."""
    if first.text("status") == other.text("status"):
        return ()
    one, two = process_status(first), process_status(other)
    if isinstance(one, Gap) or isinstance(two, Gap):
        return ()
    mine, its = inode_of(first.text("ns/user")), inode_of(other.text("ns/user"))
    nested = mine is not None and its is not None and mine != its and not is_initial(Namespace.USER, its)
    more: dict[str, CapabilitySet] = {}
    less: dict[str, CapabilitySet] = {}
    for field, _, _ in SETS:
        before, after = getattr(one, field), getattr(two, field)
        if before != after and before is not None and after is not None:
            gained = CapabilitySet(after) - CapabilitySet(before)
            (more if gained else less)[field] = gained or CapabilitySet(before) - CapabilitySet(after)
    found = [*_set_drifts(more, partial(_more, other, nested)), *_set_drifts(less, partial(_less, other))]
    if one.no_new_privs != two.no_new_privs and one.no_new_privs is not None and two.no_new_privs is not None:
        found.append(_no_new_privs_drift(two.no_new_privs, other))
    return tuple(found)


def _set_drifts(sets: dict[str, CapabilitySet], say: Callable[[str, CapabilitySet], Finding]) -> list[Drift]:
    """One finding for all sets, about the most significant: they change together."""
    if not sets:
        return []
    field = min(sets, key=_BY_SIGNIFICANCE.index)
    finding = say(field, sets[field])
    return [Drift(f"capabilities.{each}", finding) for each in sets]


def _more(other: Capture, nested: bool, field: str, names: CapabilitySet) -> Finding:
    source = f"{other.source('status')}:{_LINES[field]}"
    if nested:
        text = msg(
            "{process} holds more in its {field} set than the first process, but in another user namespace: {names}.",
            process=who(other),
            field=SET_WORDS[field],
            names=short(names),
        )
        advice = msg("Find out what started it; a nested container or a browser's sandbox does this on purpose.")
        return finding(f"capabilities.drift-{field}-nested", Severity.LOW, text, advice, source, "user_namespaces(7)")
    text = msg(
        "{process} holds more in its {field} set than the container's first process: {names}.",
        process=who(other),
        field=SET_WORDS[field],
        names=short(names),
    )
    advice = (
        _THREADS
        if thread_of(other)
        else msg("Look for an exec with --privileged or another user; end that session when it is no longer needed.")
    )
    severity = Severity.HIGH if names & (TAKE_OVER | SERIOUS) else Severity.MEDIUM
    return finding(f"capabilities.drift-{field}", severity, text, advice, source, _CIS_EXEC_PRIVILEGED)


def _less(other: Capture, field: str, names: CapabilitySet) -> Finding:
    text = msg(
        "{process} holds less in its {field} set than the container's first process: it gave up {names}.",
        process=who(other),
        field=SET_WORDS[field],
        names=short(names),
    )
    advice = msg("Nothing to do: services give up capabilities that they no longer need.")
    return finding(
        f"capabilities.drift-{field}-less",
        Severity.LOW,
        text,
        advice,
        f"{other.source('status')}:{_LINES[field]}",
        "capabilities(7)",
    )


def _no_new_privs_drift(on: bool, other: Capture) -> Drift:
    source = f"{other.source('status')}:NoNewPrivs"
    if on:
        text = msg("{process} has no_new_privs set; the container's first process has not.", process=who(other))
        advice = msg("Nothing to do: it is stricter than the first process.")
        drifted = finding(
            "capabilities.drift-no-new-privs-on", Severity.LOW, text, advice, source, CIS_NO_NEW_PRIVILEGES
        )
    else:
        text = msg(
            "{process} can gain privileges through exec; the container's first process can't.", process=who(other)
        )
        advice = msg("Look for an exec session that was started without no-new-privileges, and end it.")
        drifted = finding(
            "capabilities.drift-no-new-privs", Severity.MEDIUM, text, advice, source, CIS_NO_NEW_PRIVILEGES
        )
    return Drift("capabilities.no_new_privs", drifted)
