"""Compares a real engine's filters and settings with the program's measured tables."""

from __future__ import annotations

from pathlib import Path

from machine.truth import own_reading
from rig.engine import Rig
from stratascope.collector.filters import read_filters
from stratascope.core.layer import CallVerdict
from stratascope.layers.seccomp.filter_source import KernelFilters, MeasuredDefault, ProfileFilter
from stratascope.layers.seccomp.tables import more, verdict_of
from stratascope.linux.capability import NAMES, CapabilitySet
from stratascope.linux.defaults import deciding, settings_for
from stratascope.linux.process import parse_status
from stratascope.linux.syscalls import Abi

ABIS = (Abi.X86_64, Abi.I386, Abi.X32)


def filters_of(rig: Rig, container: str) -> KernelFilters:
    return KernelFilters(tuple(bytes.fromhex(text) for text in read_filters(rig.pid(container), lambda: True)))


def bounding(rig: Rig, container: str) -> frozenset[str]:
    held = parse_status(Path(f"/proc/{rig.pid(container)}/status").read_text()).bounding
    assert held is not None
    return frozenset(name for number, name in enumerate(NAMES) if held >> number & 1)


def server_version(rig: Rig) -> str:
    return rig.run("version", "--format", "{{.Server.Version}}")


def differences(
    one: KernelFilters, other: MeasuredDefault | ProfileFilter
) -> list[tuple[str, str, CallVerdict, CallVerdict]]:
    """Calls whose verdicts differ, or depend on different values."""
    found = []
    for abi in ABIS:
        real, ours = one.answers(abi), other.answers(abi)
        for (name, outcomes), (_, told) in zip(real.calls, ours.calls, strict=True):
            if verdict_of(outcomes) is not verdict_of(told):
                found.append((abi.value, name, verdict_of(outcomes), verdict_of(told)))
        for name in (*more(real, ours), *more(ours, real)):
            found.append((abi.value, name, CallVerdict.DEPENDS, CallVerdict.DEPENDS))
    return found


def unlike_measured(rig: Rig, version: str) -> list[str]:
    """Capabilities, masks, read-only paths and namespaces of a default container that differ from the measured ones."""
    known = settings_for(rig.kind, version)[0]
    with rig.container() as container:
        pid, config = rig.pid(container), rig.config(container)["linux"]
        held = CapabilitySet(int(own_reading.status(pid)["CapBnd"], 16))
        own, host = own_reading.namespaces(pid), own_reading.host_namespaces()
        masked, guarded = own_reading.masked_and_read_only(pid)
    private = {kind for kind in own if own[kind] != host[kind]} - {"user"}
    asked = {"cgroup"} & {each["type"] for each in config["namespaces"]}  # by the version of control groups here
    of_each_cpu = {path for path in masked if path.endswith("/thermal_throttle")}
    pairs = {
        "capabilities": (held, known.capabilities),
        "masked": (set(config["maskedPaths"]) - of_each_cpu, known.masked),
        "read-only": (set(config["readonlyPaths"]), known.read_only),
        "read-only here": (guarded, {path for path in known.read_only - masked if Path(path).exists()}),
        "namespaces": (private, known.private - {"cgroup"} | asked),
    }
    return [f"{what}: {found}, measured {wanted}" for what, (found, wanted) in pairs.items() if found != wanted]


def single(name: str) -> tuple[str, ...]:
    return ("--cap-drop", "ALL", "--cap-add", name.removeprefix("CAP_"))


# Sets of capabilities that together enable every conditional rule of a default filter, singly and in combination
OPTIONS: list[tuple[str, ...]] = [
    (),
    ("--cap-drop", "ALL"),
    ("--cap-add", "ALL"),
    ("--user", "1000", "--security-opt", "no-new-privileges"),
    ("--cap-add", "SYS_ADMIN", "--cap-add", "BPF"),
    ("--cap-add", "SYS_ADMIN", "--cap-add", "PERFMON"),
    ("--cap-add", "BPF", "--cap-add", "PERFMON"),
    *(single(name) for name in sorted(deciding("docker") | deciding("podman"))),
]
