"""Finds the toggle to blame for a replacement that failed: the one that took away what an error message needs. Pure.

`core.refusals.ended.complaints` maps error messages to needs, and the difference of the options shows what a choice
took away, so no toggle lists messages. A possibly wrong explanation is useful if it states its certainty: the most
certain complaint wins, and a toggle that was the only one chosen needs none. If nothing fits, that is reported, and the
search on twins finds the toggle (`usecases.trial.strategy`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stratascope.core.container import Asked, AskedMount
from stratascope.core.message import Message, followed, msg
from stratascope.core.options.capabilities import bounding, named, starts_as_root
from stratascope.core.refusals.ended import engine_words
from stratascope.core.refusals.ended.complaints import Complaint, complaints, of_kernel_files
from stratascope.core.refusals.ended.why import meaning
from stratascope.core.relaunch.evidence import Failure
from stratascope.core.relaunch.toggle import MORE, Choice, Subject, Toggle, Unit
from stratascope.core.relaunch.want import (
    DeviceNode,
    GainedRights,
    HeldCapability,
    HostsNamespace,
    LooserMount,
    MappedId,
    MoreOf,
    Network,
    PassedCall,
    ReadablePlace,
    RunsAs,
    Unconfined,
    Want,
    WritablePlace,
)
from stratascope.core.sanitize import plain
from stratascope.layers.shared.host_paths import within
from stratascope.layers.toggles import all_toggles
from stratascope.value import replace

_NEAR = 15  # as sure as the surest, for all that can be told
_LINE_MAX = 200
_MODES = {"pid": "pid_mode", "ipc": "ipc_mode", "uts": "uts_mode", "net": "network_mode", "cgroup": "cgroupns_mode"}


def blame(chosen: Sequence[Choice], failure: Failure, subject: Subject) -> tuple[Message, tuple[str, ...]]:
    """Our best explanation, and the toggles that it points to, likeliest first."""
    if not chosen:
        return _with_meaning(msg("No option was changed, so none is the cause."), failure, subject), ()
    found = _suspected(chosen, failure, subject)
    if not found and len(chosen) > 1:
        text = msg("None of its output points to one of the {count} changes.", count=len(chosen))
        return _with_meaning(text, failure, subject), ()
    if not found:
        text = msg("{toggle} was the only change, so it is the cause.", toggle=chosen[0].id)
        return _with_meaning(text, failure, subject), (chosen[0].id,)
    complaint, best = found[0]
    why = _explained(complaint, best, failure, subject)
    if len(chosen) == 1:
        return msg("{toggle} is the cause. {why}", toggle=best.id, why=why), (best.id,)
    near = tuple(choice.id for each, choice in found if each.weight > complaint.weight - _NEAR)
    if len(near) == 1:
        return msg("{toggle} is probably the cause. {why}", toggle=near[0], why=why), near
    others = ", ".join(near[1:])
    return msg("{toggle} is probably the cause, or {others}. {why}", toggle=near[0], others=others, why=why), near


def points_to(chosen: Sequence[Choice], failure: Failure, subject: Subject) -> bool:
    """Whether what it says points to any of the choices."""
    return bool(_suspected(chosen, failure, subject))


def still_lacking(wanted: Asked, failure: Failure, subject: Subject) -> Message:
    """Of one that had ended before, and ended again with these options."""
    text = msg("It ended again: it lacks something else.")
    return _with_meaning(text, failure, _asking(wanted, subject))


def leave_out(failed: Sequence[Choice]) -> tuple[Message, tuple[str, ...]]:
    """The same for toggles that /proc does not confirm."""
    names = tuple(choice.id for choice in failed)
    text = msg("Leave out what does not take effect here: {toggles}.", toggles=", ".join(names))
    return text, names


def _suspected(chosen: Sequence[Choice], failure: Failure, subject: Subject) -> list[tuple[Complaint, Choice]]:
    """With the surest complaint of each. Leaving privileged mode takes what filter, profiles and masks take, so of
    equally sure ones it comes after these.
    """
    said = sorted(complaints(failure), key=lambda each: -each.weight)
    found = []
    for choice in chosen:
        steps = list(_steps(choice, chosen, subject))
        first = next((each for each in said if any(_took(each.want, *step, subject) for step in steps)), None)
        if first is not None:
            found.append((first, choice))

    def order(pair: tuple[Complaint, Choice]) -> tuple[int, bool]:
        complaint, choice = pair
        whole = choice.toggle.leaves_privileged and not isinstance(complaint.want, HeldCapability)
        return -complaint.weight, whole

    return sorted(found, key=order)


def _steps(choice: Choice, chosen: Sequence[Choice], subject: Subject) -> Iterator[tuple[Asked, Asked]]:
    """The options before and after that choice: of the container as it was and, where it was privileged and is not to
    stay so, of what it is then.
    """
    asked = subject.container.asked
    yield asked, choice.apply(asked, subject)
    for other in chosen:
        if asked.privileged and other.toggle.leaves_privileged and other != choice:
            left = other.apply(asked, subject)
            yield left, choice.apply(left, subject)


def _took(want: Want, before: Asked, after: Asked, subject: Subject) -> bool:
    """Whether what was wanted was there before, and is not after."""
    match want:
        case HeldCapability(names=names):
            lost = bounding(before, subject.engine) - bounding(after, subject.engine)
            return bool(lost & named(names) if names else lost)
        case RunsAs():
            return before.user != after.user and not starts_as_root(after)
        case MappedId():
            return before.userns_mode != after.userns_mode or before.uid_map != after.uid_map
        case GainedRights():
            return after.no_new_privileges and not before.no_new_privileges
        case PassedCall():
            return (before.seccomp, before.seccomp_profile) != (after.seccomp, after.seccomp_profile)
        case Unconfined(system="apparmor"):
            return (before.apparmor, before.apparmor_profile) != (after.apparmor, after.apparmor_profile)
        case Unconfined():
            return before.selinux_options != after.selinux_options
        case WritablePlace(path=path, mount=mount):
            return _took_writing(path, mount, before, after)
        case ReadablePlace(path="docker.sock"):
            gone = _gone(before, after)
            return any(name.endswith(".sock") for mount in gone for name in (mount.source, mount.target))
        case ReadablePlace(path=path):
            return any(_on(path, mount) for mount in (*_gone(before, after), *_in_memory(before, after)))
        case LooserMount(path=path) | MoreOf(what="tmpfs", path=path):
            return any(_on(path, mount) for mount in _in_memory(before, after))
        case MoreOf(what=what):
            return _less(_limit(what, before), _limit(what, after))
        case DeviceNode(path=path):
            devices = (device for device in before.devices if device not in after.devices)
            return any(path in ("", device.target, device.source) for device in devices)
        case Network():
            return before.network_mode != after.network_mode
        case HostsNamespace(kind=kind):
            return bool(getattr(before, _MODES[kind]) != getattr(after, _MODES[kind]))
    return False


def _took_writing(path: str, mount: str, before: Asked, after: Asked) -> bool:
    if of_kernel_files(path):
        return (before.masked_paths, before.read_only_paths) != (after.masked_paths, after.read_only_paths)
    kept = {each.target for each in after.mounts if not each.writable}
    if mount != "/" and any(
        each.writable and each.target in kept and (not path or _on(path, each)) for each in before.mounts
    ):
        return True
    of_host = path and any(each.kind == "bind" and _on(path, each) for each in before.mounts)
    return after.read_only_root and not before.read_only_root and not of_host and bool(path or mount)


def _on(path: str, mount: AskedMount) -> bool:
    return within(path, mount.target.rstrip("/") or "/")


def _gone(before: Asked, after: Asked) -> list[AskedMount]:
    kept = {mount.target for mount in after.mounts}
    return [mount for mount in before.mounts if mount.target not in kept]


def _in_memory(before: Asked, after: Asked) -> list[AskedMount]:
    return [mount for mount in after.mounts if mount.kind == "tmpfs" and mount not in before.mounts]


def _limit(what: str, asked: Asked) -> float | None:
    match what:
        case "memory":
            return asked.memory or None
        case "pids":
            return asked.pids or None
        case "cpus":
            return asked.cpu_cores or None
    return next((each.soft for each in asked.limits if each.name == what), None)


def _less(before: float | None, after: float | None) -> bool:
    return after is not None and (before is None or after < before)


def _explained(complaint: Complaint, choice: Choice, failure: Failure, subject: Subject) -> Message:
    """What the words mean with that choice alone, where that is what it took; else what it did and the words. And the
    value with which it would work, as far as one is known.
    """
    which, before = choice.toggle, subject.container.asked
    after = _asking(choice.apply(before, subject), subject)
    asked = after.container.asked
    if complaint.line and complaint.line not in failure.log:
        claim = engine_words.meaning(failure.words, asked)
    else:
        known = meaning(replace(failure, log=complaint.line, words=""), asked)
        claim = None if known is None else known.claim
    met = () if claim is None else tuple(want for want in claim.wants if _took(want, before, asked, subject))
    if complaint.text is not None:
        what = complaint.text
    elif claim is not None and (met or claim.certain or not complaint.line):
        what = claim.what
    else:
        what = msg("{what} It says “{line}”.", what=which.what, line=plain(complaint.line, _LINE_MAX))
    remedy = _remedy(which, met or (complaint.want,), after)
    return what if remedy is None else followed(what, remedy)


def _remedy(suspect: Toggle, wants: Sequence[Want], after: Subject) -> Message | None:
    """The choice with which it would have just that; None where the suspect is to be left out."""
    for want in wants:
        if not isinstance(want, HeldCapability | WritablePlace | LooserMount | MoreOf):
            continue
        for each in sorted(all_toggles(), key=lambda each: each is not suspect):
            given = each.allows(want, after)
            if given is None or given.value in each.gives.split("|"):
                continue
            value = given.value
            if value.startswith(MORE):  # beside what it has with that choice: as a value of its own
                if each.unit is not Unit.CAPABILITIES or not (each is suspect or suspect.leaves_privileged):
                    continue
                held = bounding(each.apply(after.container.asked, value, after), after.engine)
                value = ",".join(name.removeprefix("CAP_") for name in held.names())
            return msg("{remedy}: {choice}.", remedy=given.text, choice=f"{each.id}={value}")
        if isinstance(want, WritablePlace) and want.mount == "/":
            return msg("Give it a volume there, or leave out {toggle}.", toggle=suspect.id)
    return None


def _asking(wanted: Asked, subject: Subject) -> Subject:
    return replace(subject, container=replace(subject.container, asked=wanted))


def _with_meaning(text: Message, failure: Failure, subject: Subject) -> Message:
    known = meaning(failure, subject.container.asked)
    return text if known is None else followed(text, known.claim.what)
