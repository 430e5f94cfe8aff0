"""What a Kubernetes Pod says beside its container: namespaces of the host, restarts, DNS, names of hosts, groups."""

from __future__ import annotations

import ipaddress
import re

from stratascope.core.message import Message, msg
from stratascope.core.relaunch.run_options import RunOptions
from stratascope.export.shared import one
from stratascope.export.yaml_writer import Node
from stratascope.layers.shared.toggle_values import own_user_namespace

_NOT_A_NAME = re.compile(r"[^a-z0-9]+")
_MOST = 63  # characters of a DNS label
_RESTART = {"always": "Always", "unless-stopped": "Always", "on-failure": "OnFailure"}
# As Kubernetes counts: `²` and `３` are digits to Python only
is_number = re.compile(r"[0-9]{1,19}").fullmatch
Map = dict[str, Node]


def dns_name(name: str) -> str:
    """A name as a DNS label (RFC 1123)."""
    return _NOT_A_NAME.sub("-", name.lower())[:_MOST].strip("-") or "container"


def pod_spec(options: RunOptions, unsaid: list[Message]) -> Map:
    """The spec, but for its containers and volumes."""
    spec: Map = {}
    for key, mode in (("hostNetwork", options.network), ("hostPID", options.pid), ("hostIPC", options.ipc)):
        if mode == "host":
            spec[key] = True
    if options.uts == "host" and options.network != "host":
        unsaid.append(one("uts", "host"))
    for name, mode in (("network", options.network), ("pid", options.pid), ("ipc", options.ipc)):
        if mode.startswith(("container:", "ns:")) or (name == "network" and mode == "none"):
            unsaid.append(one(name, mode))
    if own_user_namespace(options.asked):
        spec["hostUsers"] = False  # Kubernetes 1.33 has user namespaces on by default
    if options.hostname:
        spec["hostname"] = dns_name(options.hostname)
    spec["restartPolicy"] = _RESTART.get(options.restart.name, "Never")
    if options.stop_timeout is not None:
        spec["terminationGracePeriodSeconds"] = options.stop_timeout
    # What a container alone has not: the cluster's token, and variables of its services
    spec["automountServiceAccountToken"] = False
    spec["enableServiceLinks"] = False
    dns: Map = {}
    if options.dns:
        dns["nameservers"] = list(options.dns)
    if options.dns_search:
        dns["searches"] = list(options.dns_search)
    if options.dns_options:
        dns["options"] = [
            {"name": name, "value": value} if value else {"name": name}
            for name, _, value in (word.partition(":") for word in options.dns_options)
        ]
    if dns:
        spec["dnsPolicy"] = "None" if options.dns else "ClusterFirst"
        spec["dnsConfig"] = dns
    aliases: list[Node] = []
    for word in options.hosts:
        name, _, address = word.partition(":")
        if _is_address(address.strip("[]")):
            aliases.append({"ip": address.strip("[]"), "hostnames": [name]})
        else:
            unsaid.append(one("add-host", word))  # host-gateway, which the engine fills in
    if aliases:
        spec["hostAliases"] = aliases
    context: Map = {}
    groups = [int(group) for group in options.groups if is_number(group)]
    if groups:
        context["supplementalGroups"] = list(groups)
    unsaid.extend(
        msg("The group {group}: Kubernetes accepts only numbers.", group=group)
        for group in options.groups
        if not is_number(group)
    )
    if options.sysctls:
        context["sysctls"] = [{"name": name, "value": value} for name, value in options.sysctls]
    if context:
        spec["securityContext"] = context
    return spec


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
