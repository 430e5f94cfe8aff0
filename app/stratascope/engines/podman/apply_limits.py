"""Write changed limits and published ports into Podman's create request. Pure."""

from __future__ import annotations

from typing import Any

from stratascope.core.container import Asked
from stratascope.core.options.rules import CPU_PERIOD, memory_and_swap
from stratascope.engines.podman.recreate_limits import NO_LIMIT

Body = dict[str, Any]


def limits(found: Body, had: Asked, asked: Asked) -> None:
    """Memory, processes, CPUs, ulimits."""
    resources: Body = found.get("resource_limits") or {}
    memory: Body = dict(resources.get("memory") or {})
    if had.memory != asked.memory:
        _set(memory, "limit", asked.memory)
        if asked.memory and memory.get("reservation", 0) > asked.memory:
            memory["reservation"] = asked.memory
    if had.memory_swap != asked.memory_swap:
        _set(memory, "swap", asked.memory_swap)
    elif had.memory != asked.memory:
        if asked.memory is None:
            memory.pop("swap", None)
        elif 0 <= memory.get("swap", 0) < asked.memory:
            memory["swap"] = memory_and_swap(asked.memory)
    cpu: Body = dict(resources.get("cpu") or {})
    if had.cpu_cores != asked.cpu_cores:
        cores = asked.cpu_cores
        _set(cpu, "quota", None if cores is None else round(cores * CPU_PERIOD))
        _set(cpu, "period", None if cores is None else CPU_PERIOD)
    if had.cpuset != asked.cpuset:
        _set(cpu, "cpus", asked.cpuset)
    pids: Body = dict(resources.get("pids") or {})
    if had.pids != asked.pids:
        pids = {"limit": asked.pids if asked.pids else -1}  # without one the engine's own comes back
    for key, value in (("memory", memory), ("cpu", cpu), ("pids", pids)):
        _set(resources, key, value)
    _set(found, "resource_limits", resources)
    if had.limits != asked.limits:
        wanted = [
            {"type": each.name.lower(), "soft": each.soft % NO_LIMIT, "hard": each.hard % NO_LIMIT}
            for each in asked.limits
        ]
        _set(found, "r_limits", wanted)


def ports(found: Body, had: Asked, asked: Asked) -> None:
    """Published ports, all of them anew; 0 lets Podman choose."""
    if had.ports == asked.ports:
        return
    wanted = []
    for port in asked.ports:
        number, _, protocol = port.container_port.partition("/")
        wanted.append(
            {
                "container_port": int(number),
                "host_port": int(port.host_port or 0),
                "host_ip": port.host_ip,
                "protocol": protocol or "tcp",
                "range": 1,
            }
        )
    _set(found, "portmappings", wanted)
    if len(asked.ports) < len(had.ports):
        found.pop("publish_image_ports", None)  # they would come back


def _set(where: Body, key: str, value: Any) -> None:
    if value:
        where[key] = value
    else:
        where.pop(key, None)
