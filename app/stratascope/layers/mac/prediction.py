"""Predicts the AppArmor or SELinux confinement of a relaunched container. Pure.

A profile is only predicted to be in force if it is the engine's default, which is known to enforce; the mode of any
other is unknown here. The engine chooses a new SELinux level for each container, so that stays open.
"""

from __future__ import annotations

from stratascope.core.capture import Gap, GapKind
from stratascope.core.container import Asked, ProfileKind
from stratascope.core.ground import Surroundings
from stratascope.core.layer import NamedGap
from stratascope.layers.mac.facts import CURRENT, MacFacts, with_profile
from stratascope.layers.shared.whose_namespace import hosts_after, own_user_namespace_after, shared_mode
from stratascope.value import replace

_KINDS = (("pid", "pid_mode"), ("ipc", "ipc_mode"), ("uts", "uts_mode"), ("net", "network_mode"))
_NOT_PREDICTED = Gap(GapKind.UNSUPPORTED, detail="what the label will be can't be predicted")
_CONFINED, _UNCONFINED = "container_t", "spc_t"


def predict(facts: MacFacts | None, before: Asked, after: Asked, around: Surroundings) -> MacFacts | None:
    """See `core.layer.Layer.predict`."""
    if facts is None or before == after:
        return facts
    facts = _surroundings(facts, before, after, around)
    if facts.system == "apparmor":
        return _apparmor(facts, before, after, around)
    if facts.system == "selinux":
        return _selinux(facts, before, after)
    return facts


def _surroundings(facts: MacFacts, before: Asked, after: Asked, around: Surroundings) -> MacFacts:
    own = facts.own_user_namespace
    if own is not None:
        after_it = own_user_namespace_after(before, after, around.engine)
        own = own if after_it is None else after_it
    shared = facts.shared_with_host
    if shared is not None:
        changed = {kind: getattr(after, field) for kind, field in _KINDS
                   if getattr(before, field) != getattr(after, field)}  # fmt: skip
        private = {kind for kind, mode in changed.items() if not shared_mode(mode)}
        more = (kind for kind, mode in changed.items() if hosts_after(mode, around, network=kind == "net"))
        shared = tuple(dict.fromkeys((*(kind for kind in shared if kind not in private), *more)))
    return replace(facts, own_user_namespace=own, shared_with_host=shared)


def _apparmor(facts: MacFacts, before: Asked, after: Asked, around: Surroundings) -> MacFacts:
    def decides(asked: Asked) -> tuple[ProfileKind, str]:
        kind = asked.apparmor
        # both engines drop the profile of a privileged container unless one is named
        if asked.privileged and kind is not ProfileKind.CUSTOM:
            kind = ProfileKind.UNCONFINED
        return kind, asked.apparmor_profile

    if decides(before) == decides(after):
        return facts
    kind, _ = decides(after)
    return with_profile(facts, kind, False, around.engine) or _open(facts)


def _selinux(facts: MacFacts, before: Asked, after: Asked) -> MacFacts:
    def decides(asked: Asked) -> tuple[bool, tuple[str, ...]]:
        off = asked.privileged or "host" in (asked.pid_mode, asked.ipc_mode) or "disable" in asked.selinux_options
        return off, asked.selinux_options

    if decides(before) == decides(after) or facts.policy_loaded is False:
        return facts
    off, options = decides(after)
    chosen = next((option.removeprefix("type:") for option in options if option.startswith("type:")), "")
    if after.userns_mode.startswith("ns:") or facts.type is None:
        return _open(facts)
    kind = _UNCONFINED if off else chosen or _CONFINED
    label = f"{facts.user or 'system_u'}:{facts.role or 'system_r'}:{kind}"
    if facts.permissive_type is not None and kind != facts.type:
        # whether the policy enforces another type is only checked on a process that has it
        facts = replace(facts, mode="enforcing", permissive_type=None)
    return replace(facts, label=label, type=kind, level=None)


def _open(facts: MacFacts) -> MacFacts:
    gaps = (NamedGap(CURRENT, _NOT_PREDICTED, facts.label_source),)
    return replace(facts, label=None, mode=None, profile=None, stack=(), type=None, level=None, gaps=gaps)
