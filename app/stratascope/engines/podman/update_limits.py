"""Limits that Podman changes while a container runs, as its update call takes them and as inspect shows them. Pure."""

from __future__ import annotations

from typing import Any

from stratascope.core.options.rules import CPU_PERIOD, memory_and_swap
from stratascope.core.relaunch.launch_spec import Limits
from stratascope.engines.shared.json_reader import JsonObject, cores


def resources(host: JsonObject, limits: Limits) -> dict[str, Any]:
    """The body of the update call, from what the container has (`HostConfig`) and what is wanted."""
    wanted: dict[str, Any] = {}
    memory: dict[str, int] = {}
    if limits.memory is not None:
        memory["limit"] = limits.memory
    if limits.memory_swap is not None:
        memory["swap"] = limits.memory_swap
    elif limits.memory is not None and 0 <= host.whole("MemorySwap") < limits.memory:
        memory["swap"] = memory_and_swap(limits.memory)  # the kernel wants no less than the memory
    if memory:
        wanted["memory"] = memory
    if limits.pids is not None:
        wanted["pids"] = {"limit": limits.pids}
    if limits.cpu_cores is not None:
        wanted["cpu"] = {"quota": round(limits.cpu_cores * CPU_PERIOD), "period": CPU_PERIOD}
    return wanted


def differences(host: JsonObject, limits: Limits) -> list[str]:
    """What is not as wanted, in the engine's names."""
    found = [
        f"{name}: {host.whole(name)}"
        for name, value in (
            ("Memory", limits.memory),
            ("MemorySwap", limits.memory_swap),
            ("PidsLimit", limits.pids),
        )
        if value is not None and host.whole(name) != value
    ]
    now = cores(host) or 0.0
    if limits.cpu_cores is not None and abs(now - limits.cpu_cores) > 0.001:
        found.append(f"NanoCpus: {now:g}")
    return found
