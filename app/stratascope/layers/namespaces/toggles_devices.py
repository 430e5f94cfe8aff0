"""The toggle of layer 1 for devices of the host: taken away, or one handed in.

A node that is handed in is one of the host's /dev by its name there, and has the same name inside.
"""

from __future__ import annotations

import posixpath
import re

from stratascope.core.container import Asked, AskedDevice
from stratascope.core.message import Message, msg
from stratascope.core.relaunch.toggle import (
    MORE,
    Cure,
    Given,
    Preset,
    Proof,
    Proven,
    Subject,
    Toggle,
    ToggleError,
)
from stratascope.core.relaunch.want import DeviceNode, Want
from stratascope.layers.namespaces.facts import NamespacesFacts
from stratascope.layers.shared.devices import OF_RUNTIMES, runtime_default
from stratascope.layers.shared.signs_of_use import path_used
from stratascope.layers.shared.toggle_values import NOT_READ, listed, more_of, only
from stratascope.value import replace

_LAYER, _MOUNTS, _NODES = "namespaces", "@mountinfo", "@root/dev"
_SHOWN = 5
_ACCESS = re.compile(r"[rwm]{1,3}").fullmatch


def _device_risks(value: str, subject: Subject) -> tuple[Message, ...]:
    if value != "remove":
        return ()
    names = ", ".join(device.target or device.source for device in subject.container.asked.devices[:_SHOWN])
    return (msg("It was given {devices}, and may need them for its work.", devices=names),) if names else ()


def _check_devices(value: str, subject: Subject) -> str:
    return more_of(value, subject, _node) or only("remove")(value, subject)


def _node(word: str, subject: Subject) -> str:
    """`/dev/fuse` or `/dev/fuse:rw`. Raises ToggleError."""
    path, _, access = word.partition(":")
    path = posixpath.normpath(path)
    if not path.startswith("/dev/") or not path.isprintable() or (access and not _ACCESS(access)):
        raise ToggleError(msg("Use a device of the host such as /dev/fuse or /dev/fuse:rw, not {value}.", value=word))
    return path if set(access) in (set(), set("rwm")) else f"{path}:{access}"


def _wanted(value: str) -> tuple[AskedDevice, ...]:
    words = (word.partition(":") for word in listed(value))
    return tuple(AskedDevice(path, path, access or "rwm") for path, _, access in words)


def _apply(asked: Asked, value: str, subject: Subject) -> Asked:
    if value == "remove":  # with mknod a rule alone is a device, too
        return replace(asked, devices=(), device_rules=asked.device_rules and ())
    wanted = _wanted(value)
    targets = {device.target for device in wanted}
    kept = tuple(device for device in asked.devices if device.target not in targets)
    return asked if set(wanted) <= set(asked.devices) else replace(asked, devices=(*kept, *wanted))


def _prove(facts: NamespacesFacts | None, value: str, subject: Subject) -> Proof:
    if value == "remove":
        return _prove_no_devices(facts, value, subject)
    names = tuple(device.target for device in _wanted(value))
    expected = msg("In its /dev: {devices}", devices=", ".join(names[:_SHOWN]))
    if facts is None or facts.devices is None:
        return Proof(Proven.UNKNOWN, expected, NOT_READ, _MOUNTS)
    there = {*facts.devices, *(subject.nodes or ())}
    missing = [name for name in names if name not in there]
    if not missing:
        return Proof(Proven.ENFORCED, expected, msg("They are present"), _NODES if subject.nodes else _MOUNTS)
    if subject.nodes is None and not subject.engine.rootless:
        return Proof(Proven.UNKNOWN, expected, NOT_READ, _NODES)
    return Proof(Proven.NOT_ENFORCED, expected, msg("There is no {device}", device=missing[0]), _NODES)


def _allows(want: Want, subject: Subject) -> Given | None:
    if not isinstance(want, DeviceNode) or not want.of_host or subject.container.asked.privileged:
        return None
    path = want.of_host
    had = next((device for device in subject.container.asked.devices if device.target == path), None)
    access = "".join(letter for letter in "rwm" if letter in want.access + ("" if had is None else had.permissions))
    try:
        value = more_of(f"{MORE}{path}:{access or 'rwm'}", subject, _node)
    except ToggleError:
        return None
    if _apply(subject.container.asked, value, subject) == subject.container.asked:
        return None
    return Given(value, msg("Pass in {device}", device=path))


def _prove_no_devices(facts: NamespacesFacts | None, value: str, subject: Subject) -> Proof:
    """Rootless engines bind device nodes, so mounts show them; others make them in its /dev, and rules allow them.

    Control groups of version 2 hold the rules in a program that no file shows: there the nodes alone tell.
    """
    expected = msg("No device of the host was passed in")
    if facts is None or facts.devices is None:
        return Proof(Proven.UNKNOWN, expected, NOT_READ, _MOUNTS)
    if facts.devices:
        return Proof(Proven.NOT_ENFORCED, expected, msg("{device} is accessible", device=facts.devices[0]), _MOUNTS)
    if subject.nodes:
        return Proof(Proven.NOT_ENFORCED, expected, msg("{device} is accessible", device=subject.nodes[0]), _NODES)
    if subject.engine.rootless:
        return Proof(Proven.ENFORCED, expected, msg("None is accessible"), _MOUNTS)
    limits = subject.of("cgroup")
    rules: tuple[str, ...] | None = None if limits is None else limits.devices
    if rules is None and subject.nodes is not None:
        return Proof(Proven.ENFORCED, expected, msg("Only the standard devices are in its /dev"), _NODES)
    if rules is None:
        text = msg("This kernel does not show the device nodes that the engine creates, or their rules")
        return Proof(Proven.UNKNOWN, expected, text, "@cgroup:devices")
    beyond = [rule for rule in rules if rule not in (*runtime_default(False, ()), *OF_RUNTIMES)]
    if beyond:
        return Proof(Proven.NOT_ENFORCED, expected, msg("The rules allow {rule}", rule=beyond[0]), "@cgroup:devices")
    return Proof(Proven.ENFORCED, expected, msg("The rules allow only the standard devices"), "@cgroup:devices")


def _used(value: str, subject: Subject) -> Message | None:
    names = {name for device in subject.container.asked.devices for name in (device.target, device.source) if name}
    return next((why for name in sorted(names) if (why := path_used(name, subject)) is not None), None)


DEVICES = Toggle(
    "devices",
    _LAYER,
    msg("Remove devices"),
    msg("It has only the standard devices, such as /dev/null."),
    "remove",
    _check_devices,
    _apply,
    lambda asked, subject: not asked.devices and not asked.privileged,
    _device_risks,
    _prove,
    lambda preset, subject: "remove" if preset is Preset.STRICT and subject.container.asked.devices else None,
    cure=lambda value, subject: Cure.GRANT,
    used=_used,
    gives="+DEVICE,DEVICE",
    allows=_allows,
    word=msg("Devices"),
    overridden=True,
)
