"""A label as reported by the engine, where this reader may not read another user's /proc/PID/attr. Pure.

Everybody may read which module is active and whether SELinux enforces. The mode of a profile with another name is not
reported, so nothing is claimed about it.
"""

from __future__ import annotations

from stratascope.core.container import Engine, EngineKind, ProfileKind
from stratascope.core.ground import Surroundings
from stratascope.layers.mac.facts import MacAsked, MacFacts, selinux_facts
from stratascope.linux.lsm import AppArmorMode
from stratascope.value import replace

_SOURCE = "inspect"
# followed by the version of containers/common in the real one; rules are matched by this prefix
_PODMAN = "containers-default-0"


def as_requested(facts: MacFacts, asked: MacAsked, around: Surroundings) -> MacFacts:
    """See `core.layer.Layer.as_requested`."""
    if facts.system is not None or not facts.gaps:
        return facts
    ground = around.ground
    if ground.selinux and asked.selinux_label:
        reported = selinux_facts(asked.selinux_label, ground, _SOURCE)
        return replace(reported, own_user_namespace=facts.own_user_namespace)
    if ground.apparmor and not ground.selinux:
        return with_profile(facts, asked.apparmor, asked.privileged, around.engine) or facts
    return facts


def with_profile(facts: MacFacts, kind: ProfileKind, privileged: bool, engine: Engine) -> MacFacts | None:
    """AppArmor confinement as the engine sets it up; None if that is unknown."""
    # both engines drop the profile of a privileged container unless one is named
    if kind is ProfileKind.UNCONFINED or (privileged and kind is not ProfileKind.CUSTOM):
        return _labelled(facts, "unconfined", AppArmorMode.UNCONFINED, ())
    if kind is ProfileKind.DEFAULT and not engine.rootless:
        name = "docker-default" if engine.kind is EngineKind.DOCKER else _PODMAN
        return _labelled(facts, name, AppArmorMode.ENFORCE, (name,))
    return None


def _labelled(facts: MacFacts, name: str, mode: AppArmorMode, stack: tuple[str, ...]) -> MacFacts:
    return replace(facts, system="apparmor", label=name, mode=mode.value, profile=name, stack=stack)
