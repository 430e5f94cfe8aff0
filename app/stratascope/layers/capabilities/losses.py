"""What a container may lose with capabilities: by what it was seen doing, else by what such programs usually do."""

from __future__ import annotations

from stratascope.core.message import NOTHING, Message, msg
from stratascope.core.options.capabilities import bounding, engine_default, starts_as_root
from stratascope.core.relaunch.toggle import Subject
from stratascope.layers.capabilities import imported
from stratascope.layers.capabilities.facts import CapabilityFacts
from stratascope.layers.capabilities.findings import short
from stratascope.layers.shared.unprivileged_ports import PRIVILEGED_PORTS
from stratascope.linux.capability import CapabilitySet

_SHOWN = 5
_BIND = CapabilitySet.of(("CAP_NET_BIND_SERVICE",))
_CHANGES_USER = CapabilitySet.of(("CAP_SETUID", "CAP_SETGID"))
_OTHERS_FILES = CapabilitySet.of(("CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER"))
_RAW = CapabilitySet.of(("CAP_NET_RAW",))
_KILL = CapabilitySet.of(("CAP_KILL",))
_ORDINARY = _CHANGES_USER | _OTHERS_FILES | _RAW | _KILL | _BIND
_LOSSES = (
    (
        _CHANGES_USER,
        msg("It starts as root: programs that then change to another user (nginx, Redis, su, gosu) would fail."),
    ),
    (
        _OTHERS_FILES,
        msg("It starts as root: a start script that changes owners (chown), or reads others' files, would fail."),
    ),
    (_BIND, msg("It could not bind ports below 1024 unless its network allows everyone to.")),
    (_KILL, msg("Root inside could no longer signal processes of other users, as a supervisor does.")),
    (_RAW, msg("ping and other programs with raw sockets may fail.")),
)


def losses(left: CapabilitySet, subject: Subject) -> tuple[Message, ...]:
    """What it may lose with those of its bounding set that are not in `left`."""
    facts: CapabilityFacts | None = subject.of("capabilities")
    asked = subject.container.asked
    now = bounding(asked, subject.engine)
    holds = None
    if facts is not None and facts.effective is not None:
        holds = facts.effective | (facts.permitted or CapabilitySet())
    lost = (now if holds is None or starts_as_root(asked) else holds) - left
    found = [_seen(group, subject) or text for group, text in _LOSSES if lost & group]
    found = [text for text in found if text.id]
    rest = (lost if holds is None else lost & holds) - _ORDINARY - (engine_default(subject.engine) - _BIND)
    if rest and asked.privileged:
        found.append(msg("As a privileged container it holds all capabilities; which of them it uses is not known."))
    elif rest:
        found.append(msg("It was given {names}, so it may need them for its work.", names=short(rest)))
    return (*found, *imported.lost(lost, subject))


def _seen(group: CapabilitySet, subject: Subject) -> Message | None:
    """What was seen of this use in the container; empty: it is not used so, None: unknown."""
    if group == _BIND and subject.listens is not None:
        low = [str(port) for port in subject.listens if port < PRIVILEGED_PORTS]
        if not low:
            return NOTHING
        return msg("It listens on port {ports}, which requires this unless its network allows everyone to.",
                   ports=", ".join(low[:_SHOWN]))  # fmt: skip
    if group == _CHANGES_USER:
        others = [f"{name} ({user})" for name, user in subject.users or () if user]
        if others and starts_as_root(subject.container.asked):
            return msg("It starts as root and runs these as other users, which would fail: {names}.",
                       names=", ".join(others[:_SHOWN]))  # fmt: skip
    return None
