"""The facts of layer 5: what AppArmor or SELinux reports on a process.

Both modules use attr/current; the host's list of active modules tells which of them did, else the text's form.
EINVAL from that file only means that no module provides a label. If this reader may not read another user's
/proc/PID/attr, the engine reports the label: everybody may read which module is active and whether SELinux enforces.
The mode of a profile with another name is not reported, so nothing is claimed about it.

A profile is only predicted to be in force if it is the engine's default, which is known to enforce; the mode of any
other is unknown here. The engine chooses a new SELinux level for each container, so that is not predicted.
"""

from __future__ import annotations

import errno

from stratascope.collector.names import PERMISSIVE
from stratascope.core.capture import Capture, Gap, GapKind, or_none
from stratascope.core.container import Asked, Container, Engine, ProfileKind
from stratascope.core.ground import Ground, Surroundings, inode_of
from stratascope.core.layer import NamedGap
from stratascope.core.options.rules import rules_of
from stratascope.core.overview.shared_parts import OWN_MODES
from stratascope.layers.mac.landlock import Confinement, LandlockFacts
from stratascope.layers.mac.landlock import read as landlocked
from stratascope.layers.shared.readings import no_policy, process_status
from stratascope.layers.shared.whose_namespace import hosts_after, own_user_namespace_after, shared_mode
from stratascope.linux.decode import DecodeError
from stratascope.linux.lsm import AppArmorMode, parse_apparmor, parse_selinux
from stratascope.linux.namespace import parse_full
from stratascope.value import Value, replace

CURRENT = "attr/current"
APPARMOR_CURRENT = "attr/apparmor/current"
UID_MAP = "uid_map"
NAMESPACES = ("ipc", "mnt", "net", "pid", "uts")
LSM_LIST = "/sys/kernel/security/lsm"
ENFORCING = frozenset((AppArmorMode.ENFORCE.value, AppArmorMode.KILL.value))
# Domains in the reference and targeted policies that permit everything
UNCONFINED_TYPES = frozenset(
    ("spc_t", "unconfined_t", "unconfined_service_t", "kernel_t", "init_t", "initrc_t", "container_runtime_t")
)


class MacFacts(Value):
    """`system`: apparmor, selinux, none; None if unknown. Fields of the other module are None.

    `mode` is a profile's (enforce, complain, kill, unconfined, user, mixed) or the SELinux host's (enforcing,
    permissive). `stack` has the stacked profiles, several only if there is a stack. `policy_loaded` is False if SELinux
    runs without a policy. `modules`: the active security modules, None if unreadable. `own_user_namespace`: whether the
    process is outside the initial user namespace, where SELinux checks capabilities by other rules; None if it does not
    matter or is unknown. `shared_with_host`: the kinds of namespaces shared with the host, for the same purpose.
    `may_be_landlocked`: it gave up new privileges, as landlock(7) requires, that module is active, and whether it then
    restricted itself could not be read. `landlock`: how it did, None if it did not. `permissive_type`: the policy only
    warns about its type, on an enforcing host; None if that was not checked.
    """

    UNPRINTED = ("confinements",)

    system: str | None
    label: str | None
    mode: str | None
    profile: str | None = None
    stack: tuple[str, ...] = ()
    user: str | None = None
    role: str | None = None
    type: str | None = None
    level: str | None = None
    policy_loaded: bool | None = None
    modules: tuple[str, ...] | None = None
    label_source: str = ""
    mode_source: str = ""
    gaps: tuple[NamedGap, ...] = ()
    own_user_namespace: bool | None = None
    shared_with_host: tuple[str, ...] | None = None
    may_be_landlocked: bool = False
    permissive_type: bool | None = None
    landlock: LandlockFacts | Gap | None = None
    confinements: tuple[Confinement, ...] = ()  # what decides of it


class MacAsked(Value):
    """The requested options. `selinux_label`: the one that the engine chose, empty if it chose none."""

    privileged: bool
    apparmor: ProfileKind
    apparmor_profile: str
    selinux_label: str
    selinux_options: tuple[str, ...]
    host_processes: bool = False  # the host's pid or ipc namespace: both engines disable SELinux for these
    no_new_privileges: bool = False

    @property
    def selinux_off(self) -> bool:
        """Whether SELinux confinement was switched off by an option."""
        return (
            self.privileged
            or self.host_processes
            or "disable" in self.selinux_options
            or "type:spc_t" in self.selinux_options
        )


def asked_of(container: Container) -> MacAsked:
    """The engine's options for this layer."""
    asked = container.asked
    return MacAsked(
        asked.privileged,
        asked.apparmor,
        asked.apparmor_profile,
        asked.selinux_label,
        asked.selinux_options,
        "host" in (asked.pid_mode, asked.ipc_mode),
        asked.no_new_privileges,
    )


def decode(capture: Capture, container: Container, around: Surroundings) -> MacFacts:
    """Decode the process's label, the module it is from, and its Landlock domain; never raises."""
    facts = _label(capture, around.ground)
    modules = around.ground.lsms
    if modules is not None and "landlock" not in modules:
        return facts
    landlock, confinements = landlocked(capture)
    if not isinstance(landlock, Gap):
        return facts if landlock is None else replace(facts, landlock=landlock, confinements=confinements)
    status = process_status(capture)
    alone = modules is not None and not isinstance(status, Gap) and status.no_new_privs is True
    return replace(facts, landlock=landlock, may_be_landlocked=alone)


def _label(capture: Capture, ground: Ground) -> MacFacts:
    own, current = capture.text(APPARMOR_CURRENT), capture.text(CURRENT)
    source = capture.source(CURRENT)
    if isinstance(own, str) and own.strip("\n\0"):
        return _apparmor(own, ground, capture.source(APPARMOR_CURRENT))
    if isinstance(current, Gap):
        if _no_label(current, ground):
            return MacFacts("none", None, None, modules=ground.lsms, label_source=source)
        unread = MacFacts(None, None, None, modules=ground.lsms, gaps=(NamedGap(CURRENT, current, source),))
        return replace(unread, own_user_namespace=_own_user_namespace(capture)) if ground.selinux else unread
    selinux = bool(ground.selinux) or "selinux" in (ground.lsms or ())
    if selinux == ground.apparmor:  # neither or both are known: go by the form, as AppArmor never ends in NUL
        selinux = current.endswith("\0") or (current.count(":") >= 2 and not current.rstrip().endswith(")"))
    if selinux:
        facts = _of_its_type(selinux_facts(current, ground, source), capture)
        return replace(
            facts, own_user_namespace=_own_user_namespace(capture), shared_with_host=_shared(capture, ground)
        )
    return _apparmor(current, ground, source)


def _of_its_type(facts: MacFacts, capture: Capture) -> MacFacts:
    """An enforcing host may have types it only warns about (semanage-permissive(8))."""
    if facts.mode != "enforcing":
        return facts
    answer, source = capture.text(PERMISSIVE), capture.source(PERMISSIVE)
    if isinstance(answer, Gap):
        if answer.kind is GapKind.ABSENT:  # the kernel, or an old capture, has no such answer
            return facts
        return replace(facts, mode=None, gaps=(*facts.gaps, NamedGap(PERMISSIVE, answer, source)))
    if answer == "yes":
        return replace(facts, mode="permissive", mode_source=source, permissive_type=True)
    return replace(facts, permissive_type=False)


def _own_user_namespace(capture: Capture) -> bool | None:
    full = or_none(capture.decoded(UID_MAP, parse_full))
    return None if full is None else not full


def _shared(capture: Capture, ground: Ground) -> tuple[str, ...] | None:
    pairs = [(inode_of(capture.text(f"ns/{kind}")), ground.namespace(kind)) for kind in NAMESPACES]
    if any(here is None or host is None for here, host in pairs):
        return None
    return tuple(kind for kind, (here, host) in zip(NAMESPACES, pairs, strict=True) if here == host)


def _no_label(gap: Gap, ground: Ground) -> bool:
    if gap.errno == errno.EINVAL:
        return True
    return no_policy(ground) and gap.kind in (GapKind.ABSENT, GapKind.UNSUPPORTED)


def _apparmor(text: str, ground: Ground, source: str) -> MacFacts:
    try:
        label = parse_apparmor(text)
    except DecodeError as error:
        return _unparsed("apparmor" if ground.apparmor else None, error, ground, source)
    stack = tuple([f":{part.namespace}:{part.profile}" if part.namespace else part.profile for part in label.parts])
    return MacFacts(
        "apparmor", label.label, label.mode.value, label.label, stack, modules=ground.lsms,
        label_source=source, mode_source=source,
    )  # fmt: skip


def selinux_facts(text: str, ground: Ground, source: str) -> MacFacts:
    """Facts from a label, whatever its source."""
    try:
        label = parse_selinux(text)
    except DecodeError as error:
        return _unparsed("selinux" if ground.selinux else None, error, ground, source)
    gaps: tuple[NamedGap, ...] = ()
    if not ground.selinux and label.policy_loaded:
        enforce = "/sys/fs/selinux/enforce"
        gaps = (NamedGap(enforce, Gap(GapKind.ABSENT, detail="whether SELinux enforces was not read"), enforce),)
    loaded = label.policy_loaded
    return MacFacts(
        "selinux",
        label.label,
        ground.selinux or None,
        None,
        (),
        label.user if loaded else None,
        label.role if loaded else None,
        label.type,
        label.level or None,
        loaded,
        ground.lsms,
        source,
        "/sys/fs/selinux/enforce",
        gaps,
    )


def _unparsed(system: str | None, error: DecodeError, ground: Ground, source: str) -> MacFacts:
    gap = NamedGap(CURRENT, Gap(GapKind.UNPARSED, detail=str(error)), source)
    return MacFacts(system, None, None, modules=ground.lsms, label_source=source, gaps=(gap,))


_SOURCE = "inspect"


def as_requested(facts: MacFacts, asked: MacAsked, around: Surroundings) -> MacFacts:
    """See `core.layer.Layer.as_requested`. No engine restricts a container with Landlock, so where it was asked for
    no_new_privs nothing speaks for a domain.
    """
    if facts.may_be_landlocked and asked.no_new_privileges:
        facts = replace(facts, may_be_landlocked=False)
    if facts.system is not None or not facts.gaps:
        return facts
    ground = around.ground
    if ground.selinux and asked.selinux_label:
        reported = selinux_facts(asked.selinux_label, ground, _SOURCE)
        return replace(reported, own_user_namespace=facts.own_user_namespace)
    if ground.apparmor and not ground.selinux:
        return with_profile(facts, asked.apparmor, asked.privileged, around.engine) or facts
    return facts


def profile_in_effect(kind: ProfileKind, privileged: bool) -> ProfileKind:
    """Both engines drop the AppArmor profile of a privileged container unless one is named."""
    return ProfileKind.UNCONFINED if privileged and kind is not ProfileKind.CUSTOM else kind


def with_profile(facts: MacFacts, kind: ProfileKind, privileged: bool, engine: Engine) -> MacFacts | None:
    """AppArmor confinement as the engine sets it up; None if that is unknown."""
    kind = profile_in_effect(kind, privileged)
    if kind is ProfileKind.UNCONFINED:
        return _labelled(facts, "unconfined", AppArmorMode.UNCONFINED, ())
    if kind is ProfileKind.DEFAULT and not engine.rootless:
        name = rules_of(engine).apparmor
        return _labelled(facts, name, AppArmorMode.ENFORCE, (name,))
    return None


def _labelled(facts: MacFacts, name: str, mode: AppArmorMode, stack: tuple[str, ...]) -> MacFacts:
    return replace(facts, system="apparmor", label=name, mode=mode.value, profile=name, stack=stack)


_NOT_PREDICTED = Gap(GapKind.UNSUPPORTED, detail="what the label will be can't be predicted")
_CONFINED, _UNCONFINED = "container_t", "spc_t"


def predict(facts: MacFacts | None, before: Asked, after: Asked, around: Surroundings) -> MacFacts | None:
    """See `core.layer.Layer.predict`."""
    if facts is None or before == after:
        return facts
    facts = _surroundings(facts, before, after, around)
    if facts.system == "apparmor":
        return _predicted_apparmor(facts, before, after, around)
    if facts.system == "selinux":
        return _predicted_selinux(facts, before, after)
    return facts


def _surroundings(facts: MacFacts, before: Asked, after: Asked, around: Surroundings) -> MacFacts:
    own = facts.own_user_namespace
    if own is not None:
        after_it = own_user_namespace_after(before, after, around.engine)
        own = own if after_it is None else after_it
    shared = facts.shared_with_host
    if shared is not None:
        changed = {kind: getattr(after, field) for kind, field in OWN_MODES
                   if kind in NAMESPACES
                   if getattr(before, field) != getattr(after, field)}  # fmt: skip
        private = {kind for kind, mode in changed.items() if not shared_mode(mode)}
        more = (kind for kind, mode in changed.items() if hosts_after(mode, around, kind))
        shared = tuple(dict.fromkeys((*(kind for kind in shared if kind not in private), *more)))
    return replace(facts, own_user_namespace=own, shared_with_host=shared)


def _predicted_apparmor(facts: MacFacts, before: Asked, after: Asked, around: Surroundings) -> MacFacts:
    def decides(asked: Asked) -> tuple[ProfileKind, str]:
        return profile_in_effect(asked.apparmor, asked.privileged), asked.apparmor_profile

    if decides(before) == decides(after):
        return facts
    kind, _ = decides(after)
    return with_profile(facts, kind, False, around.engine) or _not_predicted(facts)


def _predicted_selinux(facts: MacFacts, before: Asked, after: Asked) -> MacFacts:
    def decides(asked: Asked) -> tuple[bool, tuple[str, ...]]:
        off = asked.privileged or "host" in (asked.pid_mode, asked.ipc_mode) or "disable" in asked.selinux_options
        return off, asked.selinux_options

    if decides(before) == decides(after) or facts.policy_loaded is False:
        return facts
    off, options = decides(after)
    chosen = next((option.removeprefix("type:") for option in options if option.startswith("type:")), "")
    if after.userns_mode.startswith("ns:") or facts.type is None:
        return _not_predicted(facts)
    kind = _UNCONFINED if off else chosen or _CONFINED
    label = f"{facts.user or 'system_u'}:{facts.role or 'system_r'}:{kind}"
    if facts.permissive_type is not None and kind != facts.type:
        # whether the policy enforces another type is only checked on a process that has it
        facts = replace(facts, mode="enforcing", permissive_type=None)
    return replace(facts, label=label, type=kind, level=None)


def _not_predicted(facts: MacFacts) -> MacFacts:
    gaps = (NamedGap(CURRENT, _NOT_PREDICTED, facts.label_source),)
    return replace(facts, label=None, mode=None, profile=None, stack=(), type=None, level=None, gaps=gaps)
