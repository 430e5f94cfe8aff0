"""Findings on a container's capabilities: one for each that can take over the host, one for all other additions, and
drift from the options.
"""

from __future__ import annotations

from functools import cache
from sys import intern

from stratascope.bounded_cache import alike
from stratascope.core.ground import Surroundings
from stratascope.core.known_flaws import flaws_of
from stratascope.core.layer import Finding
from stratascope.core.message import Message, msg
from stratascope.core.severity import Severity
from stratascope.core.threats.catalogue import all_threats
from stratascope.layers.capabilities.explanations import BASELINE, SERIOUS, TAKE_OVER
from stratascope.layers.capabilities.facts import CapabilitiesAsked, CapabilityFacts, asked_bounding, held_now
from stratascope.linux.capability import CapabilitySet, name_of, number_of

_SYS_PTRACE = number_of("CAP_SYS_PTRACE")
_CIS_CAPABILITIES = "CIS-Docker-1.6.0:5.4"
_REFS = (_CIS_CAPABILITIES, "PSS:baseline")
_CIS_PRIVILEGED = "CIS-Docker-1.6.0:5.5"
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
        found.append(_traces_the_host(f"{facts.status_source}:CapEff", around.ground.lsms))
    if facts.no_new_privs is False:
        found.append(_new_privileges(facts, asked))
    if wanted is not None and facts.bounding is not None and wanted != facts.bounding:
        found += _asked_drift(facts, wanted, facts.bounding)
    if asked.restored:
        found.append(
            Finding(
                "capabilities.restored",
                "capabilities",
                Severity.LOW,
                msg(
                    "It was restored from a checkpoint: it has the settings it was saved with, whatever options this "
                    "start was given."
                ),
                msg("Start it from its image, where options apply, and do not restore checkpoints made by others."),
                "inspect:State.Restored",
                (*flaws_of("capabilities.restored"), "podman-container-restore(1)"),
            )
        )
    if facts.inheritable and facts.ambient is not None and not facts.ambient:
        found.append(
            Finding(
                "capabilities.inheritable",
                "capabilities",
                Severity.LOW,
                msg("The inheritable set is not empty: programs with file capabilities can get them from it."),
                msg("Update the engine: Docker before 20.10.14 and Podman before 4.0.3 filled it by mistake."),
                f"{facts.status_source}:CapInh",
                ("capabilities(7)",),
            )
        )
    return tuple(found)


# How the host is taken over with this capability alone; SYS_ADMIN offers many ways
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
    # not "all 41": an engine in a container or VM of its own may lack one and can't pass it on
    everything = _everything(held)
    held_line = f"{facts.status_source}:CapEff"
    found: list[Finding] = []
    if everything:
        found.append(
            Finding(
                "capabilities.all",
                "capabilities",
                Severity.MEDIUM if own else Severity.HIGH if initial is None else Severity.CRITICAL,
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
                    "It holds {held} of the kernel's {total} capabilities: enough to take over the host.",
                    held=len(held),
                    total=facts.last + 1,
                ),
                msg("Start it without --privileged or --cap-add ALL, and add only those that it needs."),
                held_line,
                (_CIS_CAPABILITIES, *((_CIS_PRIVILEGED,) if asked.privileged else ()), "PSS:baseline"),
                _critical(),
            )
        )
    for number in added & TAKE_OVER:
        if everything and name_of(number) != "CAP_SYS_ADMIN":
            continue  # one finding for all is clearer than more than five
        found.append(_take_over(facts, number, number in held if known else None))
    if not everything and (rest := added - TAKE_OVER):
        in_use = known and rest & held
        found.append(
            Finding(
                "capabilities.added",
                "capabilities",
                Severity.MEDIUM if rest & SERIOUS and not own else Severity.LOW,
                msg("More than the engine's default: {names}.", names=short(rest)),
                msg("Start it without the --cap-add that added them, and see whether it still works."),
                held_line if in_use else f"{facts.status_source}:CapBnd",
                (_CIS_CAPABILITIES, "PSS:restricted" if rest <= BASELINE else "PSS:baseline"),
            )
        )
    return found


def _everything(held: CapabilitySet) -> bool:
    return not (TAKE_OVER | SERIOUS) - held


def _traces_the_host(line: str, lsms: tuple[str, ...] | None) -> Finding:
    # AppArmor and SELinux may keep a container from tracing processes outside
    unguarded = lsms is not None and not {"apparmor", "selinux", "smack"} & set(lsms)
    return Finding(
        "capabilities.traces-host",
        "capabilities",
        Severity.CRITICAL if unguarded else Severity.HIGH,
        msg("SYS_PTRACE is held and the host's processes are visible: it can inject its own code into any of them.")
        if unguarded
        else msg(
            "SYS_PTRACE is held and the host's processes are visible: only mandatory access control can keep it out "
            "of them."
        ),
        msg("Start it without --pid host, or without --cap-add SYS_PTRACE."),
        line,
        (_CIS_CAPABILITIES, "CIS-Docker-1.6.0:5.16", "PSS:baseline"),
        ("enter-host-process",) if unguarded else (),
    )


def _take_over(facts: CapabilityFacts, number: int, in_use: bool | None) -> Finding:
    """`in_use` None: unknown."""
    name = name_of(number)
    line = "CapEff" if in_use else "CapBnd"
    if in_use is None and facts.initial_user_namespace is not False:
        severity = Severity.CRITICAL
        text = msg(
            "{name} is allowed, and whether it is in use is not known; alone it is enough to take over the host.",
            name=name,
        )
    elif in_use is False and facts.no_new_privs:
        severity = Severity.LOW
        text = msg("{name} is left in the bounding set, but not in use; no-new-privileges keeps it away.", name=name)
    elif in_use is False and facts.initial_user_namespace is False:
        severity = Severity.LOW
        text = msg("{name} is not in use; exec can bring it back, but only in a user namespace of its own.", name=name)
    elif facts.initial_user_namespace is None:
        severity = Severity.HIGH
        text = msg("{name} is allowed; over the whole machine it is enough to take over the host.", name=name)
    elif facts.initial_user_namespace is False:
        severity = Severity.MEDIUM
        text = msg(
            "{name} is held in a user namespace of its own: it applies to what belongs to that, not to the host.",
            name=name,
        )
    elif in_use:
        severity = Severity.CRITICAL
        text = msg("{name} is held over the whole machine; alone it is enough to take over the host.", name=name)
    else:
        severity = Severity.HIGH
        text = msg(
            "{name} is not in use, but exec can bring it back; alone it is enough to take over the host.", name=name
        )
    return Finding(
        intern(f"capabilities.{name.removeprefix('CAP_').lower().replace('_', '-')}"),
        "capabilities",
        severity,
        alike(text),
        msg("Find out which call needs it; most programs work with a narrower capability, or with none."),
        f"{facts.status_source}:{line}",
        _REFS,
        _BEHIND.get(name) or _critical() if severity in (Severity.CRITICAL, Severity.HIGH) else (),
        alike(_milder(name, held=bool(in_use))),
    )


def _milder(name: str, *, held: bool) -> Message:
    if held:
        return msg("{name} is held, but the ways in which it could take over the host are stopped here.", name=name)
    return msg("{name} is allowed, but the ways in which it could take over the host are stopped here.", name=name)


@cache
def _critical() -> tuple[str, ...]:
    return tuple(threat.id for threat in all_threats() if threat.severity is Severity.CRITICAL)


def _new_privileges(facts: CapabilityFacts, asked: CapabilitiesAsked) -> Finding:
    line = f"{facts.status_source}:NoNewPrivs"
    refs = (CIS_NO_NEW_PRIVILEGES, "PSS:restricted")
    if asked.no_new_privileges:
        return Finding(
            "capabilities.no-new-privileges-not-applied",
            "capabilities",
            Severity.HIGH,
            msg("no-new-privileges was asked for, but the kernel does not enforce it on the first process."),
            msg("Start the container again, and check which runtime the engine uses."),
            line,
            refs,
        )
    regain = facts.regain_by_exec
    if regain:
        return Finding(
            "capabilities.regain-by-exec",
            "capabilities",
            Severity.LOW,
            msg(
                "Starting a set-uid program, or any program as root, can bring back capabilities that it lacks now: "
                "{names}.",
                names=short(regain),
            ),
            msg("Start it with --security-opt no-new-privileges, or drop what the container does not need."),
            line,
            refs,
        )
    return Finding(
        "capabilities.new-privileges",
        "capabilities",
        Severity.LOW,
        msg("A program in the container can still gain privileges by running a set-uid file."),
        msg("Start it with --security-opt no-new-privileges, unless it needs su, sudo or an old ping."),
        line,
        refs,
    )


def _asked_drift(facts: CapabilityFacts, wanted: CapabilitySet, bounding: CapabilitySet) -> list[Finding]:
    found: list[Finding] = []
    line = f"{facts.status_source}:CapBnd"
    if more := bounding - wanted:
        found.append(
            Finding(
                "capabilities.more-than-asked",
                "capabilities",
                Severity.HIGH,
                msg("The kernel allows more than the engine was asked for: {names}.", names=short(more)),
                msg("Start the container again, and check which runtime the engine uses."),
                line,
                (_CIS_CAPABILITIES,),
            )
        )
    if less := wanted - bounding:
        found.append(
            Finding(
                "capabilities.less-than-asked",
                "capabilities",
                Severity.LOW,
                msg("The engine was asked for more than the kernel allows: {names}.", names=short(less)),
                msg("It is no less safe for that. The engine lacks them itself, or the first program gave them up."),
                line,
                ("capabilities(7)",),
            )
        )
    return found
