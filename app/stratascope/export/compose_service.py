"""A whole service of a Compose file, but for rights, storage and limits, which an override says, too (`compose.py`)."""

from __future__ import annotations

import re

from stratascope.core.container import EngineKind
from stratascope.core.message import Message
from stratascope.core.relaunch.run_options import RunOptions
from stratascope.export.run import health_times, log, network_known
from stratascope.export.shared import USUAL, may_be_secret, one
from stratascope.export.yaml_writer import Node

_LABELS = "com.docker.compose."
_EXTENSION = "x-"  # what Compose takes for somebody's own, in mappings of labels and of variables too
_UNNAMED = re.compile(r"[^a-zA-Z0-9._-]+")
_NUMBERS = {
    "cpu-shares": "cpu_shares",
    "cpu-period": "cpu_period",
    "cpu-quota": "cpu_quota",
    "oom-score-adj": "oom_score_adj",
    "memory-swappiness": "mem_swappiness",
}
_TEXTS = {"cpuset-cpus": "cpuset", "cgroup-parent": "cgroup_parent", "runtime": "runtime"}
_LISTS = {"device-cgroup-rule": "device_cgroup_rules", "expose": "expose"}
Service = dict[str, Node]


def key_of(name: str) -> str:
    """What a volume or network of that name is called in the file. `x-…` would be no name to Compose."""
    key = _UNNAMED.sub("-", name)
    return f"_{key}" if key.startswith(_EXTENSION) else key


def _named(option: str, values: dict[str, Node], unsaid: list[Message]) -> Node:
    """A mapping; but a list where a name in it would be taken for an extension, which splits at the equals sign."""
    if not any(name.startswith(_EXTENSION) for name in values):
        return values
    unsaid.extend(one(option, f"{name}={value}") for name, value in values.items() if "=" in name)
    pairs = [(name, value) for name, value in values.items() if "=" not in name]
    return [name if value is None else f"{name}={value}" for name, value in pairs]


def whole_service(
    options: RunOptions, secrets: bool, said: Service, networks: dict[str, Node], unsaid: list[Message]
) -> list[str]:
    """Puts it into `said`; returns the variables whose values are left out."""
    said["image"] = options.image
    said["container_name"] = options.name
    if options.entrypoint is not None:
        said["entrypoint"] = list(options.entrypoint)
    if options.command:
        said["command"] = list(options.command)
    hidden = []
    environment: dict[str, Node] = {}
    for name, value in options.environment:
        if name in options.plain:
            continue
        if not secrets and may_be_secret(options, name, value):
            hidden.append(name)
            environment[name] = None  # the value of whoever calls Compose
        else:
            environment[name] = value
    labels: dict[str, Node] = {name: value for name, value in options.labels if not name.startswith(_LABELS)}
    rest: tuple[tuple[str, Node], ...] = (
        ("environment", _named("env", environment, unsaid)),
        ("labels", _named("label", labels, unsaid)),
        ("annotations", _named("annotation", dict(options.annotations), unsaid)),
        ("sysctls", _named("sysctl", dict(options.sysctls), unsaid)),
        ("group_add", list(options.groups)),
        ("dns", list(options.dns)),
        ("dns_search", list(options.dns_search)),
        ("dns_opt", list(options.dns_options)),
        ("extra_hosts", list(options.hosts)),
        ("working_dir", options.workdir),
        ("hostname", options.hostname),
        ("domainname", options.domainname),
        ("stop_signal", options.stop_signal),
        ("tty", options.tty),
        ("stdin_open", options.stdin),
        ("init", options.init),
        ("shm_size", options.shm_size),
        ("mem_reservation", options.memory_reservation),
    )
    said |= {key: item for key, item in rest if item}
    if options.restart.name not in ("", "no"):
        retries = f":{options.restart.retries}" if options.restart.retries else ""
        said["restart"] = f"{options.restart.name}{retries}"
    if options.stop_timeout is not None:
        said["stop_grace_period"] = f"{options.stop_timeout}s"
    if options.network and network_known(options.network, options.kind, EngineKind.DOCKER):
        said["network_mode"] = options.network
    elif options.network not in ("", "private"):
        unsaid.append(one("network", options.network))
    elif options.networks:
        said["networks"] = _networks(options, networks)
    if options.health is not None:
        times = {name.replace("-", "_"): duration_ for name, duration_ in health_times(options.health)}
        retried: Service = {"retries": options.health.retries} if options.health.retries else {}
        disabled = options.health.test == ("NONE",)
        said["healthcheck"] = {"disable": True} if disabled else {"test": list(options.health.test), **times, **retried}
    driver, log_options = log(options, EngineKind.DOCKER, unsaid)
    if driver:
        said["logging"] = {"driver": driver, "options": dict(log_options)}
    _further(options, said, unsaid)
    return hidden


def _further(options: RunOptions, said: Service, unsaid: list[Message]) -> None:
    """The options that only the command lines have names for, where Compose has one, too."""
    lists: dict[str, list[Node]] = {}
    for name, value in (*options.shared, *options.own):
        if name in _NUMBERS:
            said[_NUMBERS[name]] = int(value)
        elif name in _TEXTS:
            said[_TEXTS[name]] = value
        elif name in _LISTS:
            lists.setdefault(_LISTS[name], []).append(value)
        elif (name, value) not in USUAL:
            unsaid.append(one(name, value))
    said.update(lists)


def _networks(options: RunOptions, networks: dict[str, Node]) -> Node:
    joined: dict[str, Node] = {}
    for endpoint in options.networks:
        if endpoint.network in ("bridge", "podman"):
            joined["default"] = None  # the engine's own, which has no name that Compose takes
            continue
        key = key_of(endpoint.network)
        networks[key] = {"external": True, "name": endpoint.network}
        found: Service = {}
        if endpoint.aliases:
            found["aliases"] = list(endpoint.aliases)
        for address in endpoint.addresses:
            found["ipv6_address" if ":" in address else "ipv4_address"] = address
        if endpoint.mac:
            found["mac_address"] = endpoint.mac
        joined[key] = found or None
    return joined
