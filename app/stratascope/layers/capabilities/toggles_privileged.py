"""The toggle that leaves privileged mode.

It drags along what that mode switched off: filter, profile, masks and SELinux's type; namespaces shared with the host
are toggles of their own.
"""

from __future__ import annotations

from stratascope.core.container import Asked, EngineKind, ProfileKind
from stratascope.core.message import Message, msg
from stratascope.core.options.capabilities import bounding, engine_default, with_result
from stratascope.core.relaunch.toggle import Cure, Proof, Proven, Subject, Toggle
from stratascope.layers.capabilities.explanations import TAKE_OVER
from stratascope.layers.capabilities.facts import CapabilityFacts
from stratascope.layers.capabilities.findings import short
from stratascope.layers.capabilities.losses import doubts
from stratascope.layers.shared.signs_of_use import any_device_used, capabilities_used
from stratascope.layers.shared.toggle_values import LATER_PRESETS, NOT_READ, only
from stratascope.value import replace

_LAYER, _BOUNDING = "capabilities", "@status:CapBnd"


def _leave(asked: Asked, value: str, subject: Subject) -> Asked:
    if not asked.privileged:
        return asked
    # Podman's lists are computed back from the process and say nothing of what was typed
    computed = subject.engine.kind is EngineKind.PODMAN
    left = replace(
        asked,
        privileged=False,
        cap_add=() if computed else asked.cap_add,
        cap_drop=() if computed else asked.cap_drop,
        seccomp=ProfileKind.DEFAULT if asked.seccomp is not ProfileKind.CUSTOM else asked.seccomp,
        apparmor=ProfileKind.DEFAULT if asked.apparmor is ProfileKind.UNCONFINED else asked.apparmor,
        selinux_options=tuple(option for option in asked.selinux_options if option not in ("disable", "type:spc_t")),
        masked_paths=None,
        read_only_paths=None,
    )
    return with_result(left, subject.engine)


def _leave_risks(value: str, subject: Subject) -> tuple[Message, ...]:
    if not subject.container.asked.privileged:
        return ()
    return (
        msg("Mounting, loading modules and setting up networks will fail, and it no longer sees the host's devices."),
        msg("Why it was started as privileged is not known; whatever needs that must be given by name."),
    )


def _prove_left(facts: CapabilityFacts | None, value: str, subject: Subject) -> Proof:
    expected = msg("It does not hold all capabilities of the engine")
    if facts is None or facts.bounding is None:
        return Proof(Proven.UNKNOWN, expected, NOT_READ, _BOUNDING)
    asked = subject.container.asked
    before: CapabilityFacts | None = subject.of(_LAYER)
    if not asked.privileged:
        left = facts.bounding <= bounding(asked, subject.engine)
    elif before is not None and before.bounding is not None:
        left = facts.bounding <= before.bounding and facts.bounding != before.bounding
    else:
        left = not facts.bounding & TAKE_OVER
    found = msg("{names}", names=short(facts.bounding)) if facts.bounding else msg("It holds none")
    return Proof(Proven.ENFORCED if left else Proven.NOT_ENFORCED, expected, found, _BOUNDING)


PRIVILEGED = Toggle(
    "privileged",
    _LAYER,
    msg("Leave privileged mode"),
    msg("Restores the engine's default capabilities, filter, profile, masked paths and device rules."),
    "off",
    only("off"),
    _leave,
    lambda asked, subject: not asked.privileged,
    _leave_risks,
    _prove_left,
    lambda preset, subject: "off" if preset in LATER_PRESETS and subject.container.asked.privileged else None,
    doubts=lambda value, subject: doubts(
        bounding(subject.container.asked, subject.engine)
        - bounding(_leave(subject.container.asked, value, subject), subject.engine),
        subject,
    ),
    cure=lambda value, subject: Cure.GRANT,
    used=lambda value, subject: (
        capabilities_used(bounding(subject.container.asked, subject.engine) - engine_default(subject.engine), subject)
        or any_device_used(subject)
    ),
    leaves_privileged=True,
    word=msg("Privileged"),
)
