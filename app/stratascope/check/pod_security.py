"""The Pod Security level of a pod, by its fields, and what keeps it from the next one.

As kubernetes.io/docs/concepts/security/pod-security-standards has them. Nobody but a cluster enforces a level: here it
is named only.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratascope.check.reading import Place, Problem
from stratascope.check.yaml_nodes import Mapping, Node, Text, at, flag_at, items_at, text_at
from stratascope.core.message import msg

_ADDED = frozenset(
    (
        *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE"),
        *("SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
    )
)
_SYSCTLS = frozenset(
    (
        *("kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start"),
        *("net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range", "net.ipv4.ip_local_reserved_ports"),
        *("net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl"),
        "net.ipv4.tcp_keepalive_probes",
    )
)
_LABELS = frozenset(("", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"))
_VOLUMES = frozenset(
    ("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret", "name")
)
_GROUPS = ("initContainers", "containers", "ephemeralContainers")


def level(spec: Mapping, place: Place) -> Problem:
    """A note: the level, and the fields that keep it from the next."""
    lacking = tuple(dict.fromkeys(_against_baseline(spec)))
    if lacking:
        what = msg("Pod Security: privileged. Not baseline because of: {fields}.", fields=", ".join(lacking))
        return Problem(place, what)
    lacking = tuple(dict.fromkeys(_against_restricted(spec)))
    if lacking:
        what = msg("Pod Security: baseline. Not restricted because of: {fields}.", fields=", ".join(lacking))
        return Problem(place, what)
    return Problem(place, msg("Pod Security: restricted."))


def _containers(spec: Mapping) -> Iterator[Node]:
    for group in _GROUPS:
        yield from items_at(spec, group)


def _capabilities(container: Node, field: str) -> set[str]:
    items = items_at(container, "securityContext", "capabilities", field)
    return {item.text.upper().removeprefix("CAP_") for item in items if isinstance(item, Text)}


def _against_baseline(spec: Mapping) -> Iterator[str]:
    yield from (field for field in ("hostNetwork", "hostPID", "hostIPC") if flag_at(spec, field))
    if any(at(each, "hostPath") is not None for each in items_at(spec, "volumes")):
        yield "hostPath"
    if any(text_at(each, "name") not in _SYSCTLS for each in items_at(spec, "securityContext", "sysctls")):
        yield "sysctls"
    for each in (spec, *_containers(spec)):
        for field in ("seccompProfile", "appArmorProfile"):
            if text_at(each, "securityContext", field, "type") == "Unconfined":
                yield field
        if text_at(each, "securityContext", "seLinuxOptions", "type") not in _LABELS:
            yield "seLinuxOptions"
    for each in _containers(spec):
        if flag_at(each, "securityContext", "privileged"):
            yield "privileged"
        if not _capabilities(each, "add") <= _ADDED:
            yield "capabilities.add"
        if text_at(each, "securityContext", "procMount") not in ("", "Default"):
            yield "procMount"
        if any(text_at(port, "hostPort") not in ("", "0") for port in items_at(each, "ports")):
            yield "hostPort"


def _against_restricted(spec: Mapping) -> Iterator[str]:
    for each in items_at(spec, "volumes"):
        if isinstance(each, Mapping) and any(key.text not in _VOLUMES for key, _ in each.pairs()):
            yield "volumes"
    for each in _containers(spec):
        if flag_at(each, "securityContext", "allowPrivilegeEscalation") is not False:
            yield "allowPrivilegeEscalation"
        own = flag_at(each, "securityContext", "runAsNonRoot")
        if (flag_at(spec, "securityContext", "runAsNonRoot") if own is None else own) is not True:
            yield "runAsNonRoot"
        user = text_at(each, "securityContext", "runAsUser") or text_at(spec, "securityContext", "runAsUser")
        if user == "0":
            yield "runAsUser"
        kind = text_at(each, "securityContext", "seccompProfile", "type")
        if (kind or text_at(spec, "securityContext", "seccompProfile", "type")) not in ("RuntimeDefault", "Localhost"):
            yield "seccompProfile"
        if "ALL" not in _capabilities(each, "drop"):
            yield "capabilities.drop"
        if not _capabilities(each, "add") <= {"NET_BIND_SERVICE"}:
            yield "capabilities.add"
