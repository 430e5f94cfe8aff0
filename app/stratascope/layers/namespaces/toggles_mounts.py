"""The toggles of layer 1 that are about what of the host is in sight: masks, host paths, sockets, devices.

A data directory that is bound from the host counts as a host path here, since whoever breaks in can write to it all the
same; named volumes do not. An engine's socket stays in every preset but the strictest: whoever mounted it meant the
container to use it, and a read-only mount of a socket is as open as any.
"""

from __future__ import annotations

import posixpath
import re

from stratascope.core.container import Asked, AskedMount
from stratascope.core.denials.complaints import READ_ONLY, REFUSED, find
from stratascope.core.message import Message, msg
from stratascope.core.relaunch.toggle import Failure, Preset, Proof, Proven, Subject, Suspicion, Toggle, ToggleError
from stratascope.layers.namespaces.facts import NamespacesFacts
from stratascope.layers.shared.device_rules import OF_RUNTIMES, runtime_default
from stratascope.layers.shared.host_paths import is_socket, within
from stratascope.layers.shared.symptoms import mounted, of_kernel
from stratascope.layers.shared.toggle_values import LATER_PRESETS, NOT_READ, only, proof_of
from stratascope.value import replace

_LAYER, _MOUNTS, _NODES = "namespaces", "@mountinfo", "@root/dev"
_SHOWN = 5


def _facts(subject: Subject) -> NamespacesFacts | None:
    facts: NamespacesFacts | None = subject.of(_LAYER)
    return facts


# Masks


def _masked(asked: Asked, subject: Subject) -> bool:
    return not asked.privileged and asked.masked_paths != () and asked.read_only_paths != ()


def _mask(asked: Asked, value: str, subject: Subject) -> Asked:
    return asked if _masked(asked, subject) else replace(asked, masked_paths=None, read_only_paths=None)


def _mask_risks(value: str, subject: Subject) -> tuple[Message, ...]:
    if _masked(subject.container.asked, subject):
        return ()
    return (msg("It could no longer set kernel parameters below /proc/sys, nor mount a /proc in a nested container."),)


def _mask_preset(preset: Preset, subject: Subject) -> str | None:
    asked = subject.container.asked
    return None if asked.privileged or _masked(asked, subject) else "default"


def _mask_symptoms(failure: Failure, value: str, subject: Subject) -> Suspicion | None:
    line = find(failure, rf"{READ_ONLY}|{REFUSED}", lambda line: of_kernel(line.path))
    if line is None:
        return None
    return Suspicion(90, msg("It tried to use {path}, which is hidden or read-only now.", path=line.path))


MASKED_PATHS = Toggle(
    "masked-paths",
    _LAYER,
    msg("Mask kernel files"),
    msg(
        "Hides files of /proc and /sys that tell of the host, and makes kernel settings read-only, as the engine does."
    ),
    "default",
    only("default"),
    _mask,
    _masked,
    _mask_risks,
    lambda facts, value, subject: proof_of(
        None if facts is None or facts.mounts is None else facts.mounts.proc_guarded,
        msg("/proc/sys is read-only, and files of /proc are masked"),
        msg("They are"),
        msg("They are in sight, or can be written"),
        _MOUNTS,
    ),
    _mask_preset,
    symptoms=_mask_symptoms,
    word=msg("Masks"),
    overridden=True,
)


# Paths of the host


def _is_host_path(mount: AskedMount, subject: Subject) -> bool:
    return mount.kind == "bind" and not _shows_socket(mount, subject)


def _protect(asked: Asked, value: str, subject: Subject) -> Asked:
    mounts = tuple(
        replace(mount, writable=False) if mount.writable and _is_host_path(mount, subject) else mount
        for mount in asked.mounts
    )
    return asked if mounts == asked.mounts else replace(asked, mounts=mounts)


def _protected(asked: Asked, subject: Subject) -> bool:
    return not any(mount.writable and _is_host_path(mount, subject) for mount in asked.mounts)


def _protect_risks(value: str, subject: Subject) -> tuple[Message, ...]:
    asked = subject.container.asked
    writable = [mount for mount in asked.mounts if mount.writable and _is_host_path(mount, subject)]
    return tuple(
        msg("If it stores anything in {target}, that fails: {source} of the host is mounted there.",
            target=mount.target, source=mount.source)
        for mount in writable[:_SHOWN]
    )  # fmt: skip


def _below_host_path(path: str, subject: Subject) -> bool:
    """Whether it came in with a path of the host that is to be read-only.

    What is mounted below such a path comes along, and stays writable where the engine makes only the path itself
    read-only: Podman, and Docker before 25.
    """
    mounts = [mount for mount in subject.container.asked.mounts if within(path, mount.target.rstrip("/") or "/")]
    return bool(mounts) and _is_host_path(max(mounts, key=lambda mount: len(mount.target)), subject)


def _prove_protected(facts: NamespacesFacts | None, value: str, subject: Subject) -> Proof:
    expected = msg("The host's paths are mounted read-only")
    view = None if facts is None else facts.mounts
    if view is None:
        return Proof(Proven.UNKNOWN, expected, NOT_READ, _MOUNTS)
    writable = [path for path in view.writable_paths if _below_host_path(path, subject)]
    if writable:
        return Proof(
            Proven.NOT_ENFORCED, expected, msg("{path} can be written", path=writable[0]), f"{_MOUNTS}:{writable[0]}"
        )
    return Proof(Proven.ENFORCED, expected, msg("None of them can be written"), _MOUNTS)


def _protect_symptoms(failure: Failure, value: str, subject: Subject) -> Suspicion | None:
    line = find(failure, READ_ONLY, lambda line: mounted(line.path, subject, "bind"))
    if line is not None:
        return Suspicion(95, msg("It tried to write {path}, which is in a folder of the host.", path=line.path))
    if find(failure, READ_ONLY, lambda line: not line.path) is not None and not _protected(
        subject.container.asked, subject
    ):
        return Suspicion(50, msg("It tried to write where it may only read now. Its log does not say where."))
    return None


HOST_PATHS = Toggle(
    "host-paths",
    _LAYER,
    msg("Host paths read-only"),
    msg("Folders and files of the host that are mounted in it can be read, but not written."),
    "read-only",
    only("read-only"),
    _protect,
    _protected,
    _protect_risks,
    _prove_protected,
    lambda preset, subject: (
        "read-only" if preset in LATER_PRESETS and not _protected(subject.container.asked, subject) else None
    ),
    symptoms=_protect_symptoms,
    word=msg("Host paths"),
)


# The engine's socket

_SOCKET_FOLDERS = re.compile(r"(?:/var)?/run(?:/(?:docker|podman|containerd|crio|user/[0-9]+(?:/podman)?))?").fullmatch


def _shows_socket(mount: AskedMount, subject: Subject) -> bool:
    facts = _facts(subject)
    if mount.kind != "bind":
        return False
    inside = () if facts is None else facts.engine_sockets or ()
    return _is_socket(mount, subject) or any(within(place, mount.target.rstrip("/") or "/") for place in inside)


def _is_socket(mount: AskedMount, subject: Subject) -> bool:
    engine = subject.engine
    return (
        is_socket(mount.source)
        or is_socket(mount.target)
        or (engine.local and mount.source == engine.endpoint.removeprefix("unix://"))
    )


def _check_socket(value: str, subject: Subject) -> str:
    value = only("remove")(value, subject)
    for mount in subject.container.asked.mounts:
        if not _shows_socket(mount, subject) or _is_socket(mount, subject) or _SOCKET_FOLDERS(mount.source):
            continue
        raise ToggleError(
            msg("The socket comes in with {source}, in which there is more. Mount only what the container needs of it.",
                source=mount.source)
        )  # fmt: skip
    return value


def _remove_socket(asked: Asked, value: str, subject: Subject) -> Asked:
    mounts = tuple(mount for mount in asked.mounts if not _shows_socket(mount, subject))
    return asked if mounts == asked.mounts else replace(asked, mounts=mounts)


def _no_socket(asked: Asked, subject: Subject) -> bool:
    return not any(_shows_socket(mount, subject) for mount in asked.mounts)


def _socket_risks(value: str, subject: Subject) -> tuple[Message, ...]:
    mounts = [mount for mount in subject.container.asked.mounts if _shows_socket(mount, subject)]
    if not mounts:
        return ()
    return (
        msg("The socket was mounted at {target} so that it can control the engine; that would fail.",
            target=mounts[0].target),
    )  # fmt: skip


def _prove_no_socket(facts: NamespacesFacts | None, value: str, subject: Subject) -> Proof:
    expected = msg("No engine's socket is in sight")
    if facts is None or facts.engine_sockets is None:
        return Proof(Proven.UNKNOWN, expected, NOT_READ, _MOUNTS)
    if facts.engine_sockets:
        place = facts.engine_sockets[0]
        return Proof(Proven.NOT_ENFORCED, expected, msg("There is one at {path}", path=place), f"{_MOUNTS}:{place}")
    return Proof(Proven.ENFORCED, expected, msg("There is none"), _MOUNTS)


def _socket_symptoms(failure: Failure, value: str, subject: Subject) -> Suspicion | None:
    names = [posixpath.basename(mount.target) for mount in subject.container.asked.mounts if _is_socket(mount, subject)]
    sought = "|".join([*map(re.escape, names), r"docker daemon", r"(?:docker|podman|containerd|crio)\.sock"])
    if find(failure, sought) is None:
        return None
    return Suspicion(95, msg("It wants the engine's socket. A program that controls the engine can't do without."))


ENGINE_SOCKET = Toggle(
    "engine-socket",
    _LAYER,
    msg("Take the engine's socket away"),
    msg("It can no longer command the engine, and so no longer has its rights: root's, unless it is rootless."),
    "remove",
    _check_socket,
    _remove_socket,
    _no_socket,
    _socket_risks,
    _prove_no_socket,
    lambda preset, subject: (
        "remove" if preset is Preset.STRICT and not _no_socket(subject.container.asked, subject) else None
    ),
    symptoms=_socket_symptoms,
    word=msg("Socket"),
)


# Devices


def _device_risks(value: str, subject: Subject) -> tuple[Message, ...]:
    names = ", ".join(device.target or device.source for device in subject.container.asked.devices[:_SHOWN])
    return (msg("It was given {devices}, and may need that for its work.", devices=names),) if names else ()


def _prove_no_devices(facts: NamespacesFacts | None, value: str, subject: Subject) -> Proof:
    """Rootless engines bind device nodes, so mounts show them; others make them in its /dev, and rules allow them.

    Control groups of version 2 hold the rules in a program that no file shows: there the nodes alone tell.
    """
    expected = msg("No device of the host was passed in")
    if facts is None or facts.devices is None:
        return Proof(Proven.UNKNOWN, expected, NOT_READ, _MOUNTS)
    if facts.devices:
        return Proof(Proven.NOT_ENFORCED, expected, msg("{device} is in sight", device=facts.devices[0]), _MOUNTS)
    if subject.nodes:
        return Proof(Proven.NOT_ENFORCED, expected, msg("{device} is in sight", device=subject.nodes[0]), _NODES)
    if subject.engine.rootless:
        return Proof(Proven.ENFORCED, expected, msg("None is in sight"), _MOUNTS)
    limits = subject.of("cgroup")
    rules: tuple[str, ...] | None = None if limits is None else limits.devices
    if rules is None and subject.nodes is not None:
        return Proof(Proven.ENFORCED, expected, msg("Only the standard devices are in its /dev"), _NODES)
    if rules is None:
        text = msg("Device nodes that the engine makes, and the rules for them, are not shown by this kernel")
        return Proof(Proven.UNKNOWN, expected, text, "@cgroup:devices")
    beyond = [rule for rule in rules if rule not in (*runtime_default(False, ()), *OF_RUNTIMES)]
    if beyond:
        return Proof(Proven.NOT_ENFORCED, expected, msg("The rules allow {rule}", rule=beyond[0]), "@cgroup:devices")
    return Proof(Proven.ENFORCED, expected, msg("The rules allow the standard devices only"), "@cgroup:devices")


def _device_symptoms(failure: Failure, value: str, subject: Subject) -> Suspicion | None:
    for device in subject.container.asked.devices:
        for name in {device.target, device.source} - {""}:
            if find(failure, rf"{re.escape(name)}(?![\w/])") is not None:
                return Suspicion(95, msg("Its log names {device}, which it no longer has.", device=name))
    if find(failure, r"no such device|\bENODEV\b|\bENXIO\b", lambda line: True) is not None:
        return Suspicion(70, msg("Its log says that a device is missing."))
    return None


DEVICES = Toggle(
    "devices",
    _LAYER,
    msg("Take devices away"),
    msg("It has only the standard devices, such as /dev/null."),
    "remove",
    only("remove"),
    # with mknod a rule alone is a device, too
    lambda asked, value, subject: replace(asked, devices=(), device_rules=asked.device_rules and ()),
    lambda asked, subject: not asked.devices and not asked.privileged,
    _device_risks,
    _prove_no_devices,
    lambda preset, subject: "remove" if preset is Preset.STRICT and subject.container.asked.devices else None,
    symptoms=_device_symptoms,
    word=msg("Devices"),
    overridden=True,
)

MOUNT_TOGGLES = (MASKED_PATHS, HOST_PATHS, ENGINE_SOCKET, DEVICES)
