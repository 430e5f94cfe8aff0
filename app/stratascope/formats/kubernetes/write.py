"""Write a Kubernetes Pod with one container and its securityContext; `podman kube play` reads it, too.

Kubernetes can't express ulimits, swap or devices, so those are in comments. Values of variables come from a Secret
unless they are requested.
"""

from __future__ import annotations

import ipaddress
import re

from stratascope.core.container import ProfileKind
from stratascope.core.message import Message, msg
from stratascope.core.options.request import HealthTest, RunMount, RunOptions
from stratascope.core.options.rules import WRITABLE
from stratascope.core.options.table import LIMITS
from stratascope.core.options.values import LIMIT
from stratascope.formats.shared import (
    capabilities,
    comment,
    file_name,
    has_profile,
    missing,
    one,
    title,
    variables,
)
from stratascope.formats.yaml.write import Node, document
from stratascope.layers.shared.whose_namespace import own_user_namespace

_SECOND = 1_000_000_000
_USUAL_TIME = 30 * _SECOND  # both engines' default interval and timeout of a healthcheck
_PREFIX = "CAP_"
_SAID = frozenset(("memory", "memory-swap", "cpus"))  # limits it can express; swap is the node's decision


def render(options: RunOptions, secrets: bool) -> str:
    """The manifest."""
    unsaid: list[Message] = []
    name = dns_name(options.name)
    container: Map = {"name": name, "image": options.image}
    if options.kind.value == "podman" or "/" not in options.image:
        container["imagePullPolicy"] = "IfNotPresent"
    _command(options, container)
    hidden = _environment(options, container, secrets, f"{name}-environment")
    for key, value in (("workingDir", options.workdir), ("tty", options.tty), ("stdin", options.stdin)):
        if value:
            container[key] = value
    if options.ports:
        container["ports"] = [
            _port(port.container_port, port.host_ip, port.host_port, options.network == "host")
            for port in options.ports
        ]
    _resources(options, container, unsaid)
    if options.health is not None and options.health.test[:1] != ("NONE",) and len(options.health.test) > 1:
        container["livenessProbe"] = _probe(options.health)
    container["securityContext"] = _security(options, unsaid)
    volumes: list[Node] = []
    mounts: list[Node] = []
    for number, mount in enumerate(_mounts(options)):
        _mount(mount, f"mount-{number}", volumes, mounts, unsaid)
    unsaid.extend(
        msg("The device {device}: provided by a device plugin of the cluster.", device=device.source)
        for device in options.devices
    )
    if mounts:
        container["volumeMounts"] = mounts
    spec = pod_spec(options, unsaid)
    spec["containers"] = [container]
    if volumes:
        spec["volumes"] = volumes
    unsaid.extend(one(option, value) for option, value in (*options.shared, *options.own) if option not in _IMPLIED)
    manifest: Map = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": spec,
    }
    head = [
        *title(options, msg("The container {name} as a Kubernetes pod, written by Stratascope.", name=options.name)),
        *(missing(each) for each in unsaid),
    ]
    if hidden:
        head.append(
            comment(
                msg(
                    "The values of these variables are left out, because they may be secrets. Put them into a Secret "
                    "named {secret}: {names}",
                    secret=f"{name}-environment",
                    names=", ".join(hidden),
                )
            )
        )
    if has_profile(options):
        head.append(
            comment(
                msg(
                    "Save the seccomp profile below the kubelet's seccomp directory as {path}: export it with --as "
                    "seccomp.",
                    path=profile_path(options),
                )
            )
        )
    return "\n".join(head) + "\n" + document(manifest)


# Podman's options that are a pod's defaults anyway, or implied by others
_IMPLIED = frozenset(("systemd", "image-volume", "http-proxy", "expose", "publish-all", "init-path"))


def profile_path(options: RunOptions) -> str:
    """The profile's path below the kubelet's folder for profiles."""
    return f"profiles/{file_name(options)}-seccomp.json"


def _literal(text: str) -> str:
    """Escape a text: Kubernetes expands `$(NAME)`, and `$$` to `$` (third_party/forked/golang/expansion/expand.go).

    Podman does that in commands, but not in variables; so only what would be changed is escaped.
    """
    return text.replace("$", "$$") if "$(" in text or "$$" in text else text


def _command(options: RunOptions, container: Map) -> None:
    if options.entrypoint:
        container["command"] = [_literal(word) for word in options.entrypoint]
        if options.command:
            container["args"] = [_literal(word) for word in options.command]
    elif options.command:
        # With the entry point disabled, the command replaces it; else it is the arguments of the image's entry point
        key = "args" if options.entrypoint is None and options.kind.value == "podman" else "command"
        container[key] = [_literal(word) for word in options.command]


def _environment(options: RunOptions, container: Map, secrets: bool, secret: str) -> list[str]:
    given = variables(options, secrets)
    values: list[Node] = [
        {"name": name, "value": _literal(value)}
        if value is not None
        else {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": name}}}
        for name, value in given
    ]
    if values:
        container["env"] = values
    return [name for name, value in given if value is None]


def _port(port: str, address: str, host_port: str, host_network: bool) -> Node:
    number, _, protocol = port.partition("/")
    found: Map = {"containerPort": int(number), "protocol": (protocol or "tcp").upper()}
    if is_number(host_port) and int(host_port) and not host_network:
        found["hostPort"] = int(host_port)
        if address:
            found["hostIP"] = address
    return found


def _resources(options: RunOptions, container: Map, unsaid: list[Message]) -> None:
    asked, limits = options.asked, Map()
    if asked.memory:
        limits["memory"] = str(asked.memory)
    if asked.cpu_cores:
        limits["cpu"] = f"{asked.cpu_cores:.3f}".rstrip("0").rstrip(".")
    if limits:
        container["resources"] = {"limits": limits}
    if options.memory_reservation:
        unsaid.append(one("memory-reservation", str(options.memory_reservation)))
    for option in LIMITS:
        if option.name not in _SAID and (value := getattr(asked, option.field)):
            unsaid.append(one(option.name, option.form.text(value)))
    if asked.shm_size and asked.shm_size != options.before.shm_size:
        unsaid.append(one("shm-size", str(asked.shm_size)))
    unsaid.extend(one("ulimit", LIMIT.text(limit)) for limit in asked.limits)


def _probe(health: HealthTest) -> Node:
    words = ["/bin/sh", "-c", health.test[1]] if health.test[0] == "CMD-SHELL" else list(health.test[1:])
    probe: Map = {"exec": {"command": [_literal(word) for word in words]}}
    for key, nanoseconds in (
        ("initialDelaySeconds", health.start_period),
        # Kubernetes' defaults are 10 s and 1 s
        ("periodSeconds", health.interval or _USUAL_TIME),
        ("timeoutSeconds", health.timeout or _USUAL_TIME),
    ):
        if nanoseconds:
            probe[key] = max(1, round(nanoseconds / _SECOND))
    if health.retries:
        probe["failureThreshold"] = health.retries
    return probe


def _security(options: RunOptions, unsaid: list[Message]) -> Node:
    found: Map = {}
    if options.asked.privileged:
        found["privileged"] = True
    else:
        # Kubernetes refuses False together with privileged or CAP_SYS_ADMIN
        add, drop = capabilities(options, None)
        found["allowPrivilegeEscalation"] = not options.asked.no_new_privileges
        found["capabilities"] = {
            key: [name.removeprefix(_PREFIX) for name in names]
            for key, names in (("drop", drop), ("add", add))
            if names
        }
    found["readOnlyRootFilesystem"] = options.asked.read_only_root
    _user(options, found, unsaid)
    if not options.asked.privileged:
        found["seccompProfile"] = _profile(options, options.asked.seccomp, options.seccomp)
        if options.unmask == ("ALL",):
            found["procMount"] = "Unmasked"
        elif options.mask or options.unmask:
            unsaid.append(msg("Individual paths below /proc and /sys that are hidden or shown."))
    if options.apparmor == "unconfined":
        found["appArmorProfile"] = {"type": "Unconfined"}
    elif options.apparmor and options.asked.apparmor is ProfileKind.CUSTOM:
        found["appArmorProfile"] = {"type": "Localhost", "localhostProfile": options.apparmor}
    labels = dict(label.split(":", 1) for label in options.asked.selinux_options if ":" in label)
    labels = {name: value for name, value in labels.items() if name in ("user", "role", "type", "level")}
    if "disable" in options.asked.selinux_options:
        labels = {"type": "spc_t"}  # the engines' type if labels are disabled
    if labels:
        found["seLinuxOptions"] = dict(labels)
    return found


def _user(options: RunOptions, found: Map, unsaid: list[Message]) -> None:
    if not options.asked.user:
        return
    user, _, group = options.asked.user.partition(":")
    if is_number(user):
        found["runAsUser"] = int(user)
        found["runAsNonRoot"] = int(user) != 0
    if is_number(group):
        found["runAsGroup"] = int(group)
    if not is_number(user) or (group and not is_number(group)):
        unsaid.append(msg("The user {user}: Kubernetes accepts only numbers.", user=options.asked.user))


def _profile(options: RunOptions, kind: ProfileKind, given: str) -> Node:
    if kind is ProfileKind.UNCONFINED:
        return {"type": "Unconfined"}
    if has_profile(options) or (kind is ProfileKind.CUSTOM and given):
        return {"type": "Localhost", "localhostProfile": profile_path(options)}
    return {"type": "RuntimeDefault"}


def _mounts(options: RunOptions) -> tuple[RunMount, ...]:
    if not (options.asked.read_only_root and options.read_only_tmpfs):
        return options.mounts
    have = {mount.target for mount in options.mounts}
    return (*options.mounts, *(RunMount("tmpfs", "", place) for place in WRITABLE if place not in have))


def _mount(mount: RunMount, name: str, volumes: list[Node], mounts: list[Node], unsaid: list[Message]) -> None:
    words = dict(word.partition("=")[::2] for word in mount.words) | dict(mount.long)
    if mount.kind == "bind":
        volumes.append({"name": name, "hostPath": {"path": mount.source}})
    elif mount.kind == "volume" and mount.source:
        volumes.append({"name": name, "persistentVolumeClaim": {"claimName": mount.source}})
    elif mount.kind == "volume":
        volumes.append({"name": name, "emptyDir": {}})
    elif mount.kind == "tmpfs":
        memory: Map = {"medium": "Memory"}
        size = words.get("size") or words.get("tmpfs-size", "")
        if quantity := _quantity(size):
            memory["sizeLimit"] = quantity
        volumes.append({"name": name, "emptyDir": memory})
    else:
        unsaid.append(msg("The {kind} mount at {path}.", kind=mount.kind, path=mount.target))
        return
    found: Map = {"name": name, "mountPath": mount.target}
    if mount.read_only:
        found["readOnly"] = True
    propagation = {"rslave": "HostToContainer", "rshared": "Bidirectional"}
    wanted = next((each for each in propagation if each in words or words.get("bind-propagation") == each), "")
    if mount.kind == "bind" and wanted:
        found["mountPropagation"] = propagation[wanted]
    if subpath := words.get("volume-subpath") or words.get("subpath"):
        found["subPath"] = subpath
    mounts.append(found)


def _quantity(size: str) -> str:
    """A size of mount(8) as a quantity: `64m` becomes `64Mi`. Empty if not expressible (a percentage of memory)."""
    match = re.fullmatch(r"([0-9]+)([kKmMgG]?)[bB]?", size)
    return (
        f"{match[1]}{ {'k': 'Ki', 'm': 'Mi', 'g': 'Gi', '': ''}[match[2].lower()] }".replace(" ", "") if match else ""
    )


# -- the pod's own fields: host namespaces, restart policy, DNS, host names, groups

_NOT_A_NAME = re.compile(r"[^a-z0-9]+")
_MOST = 63  # characters of a DNS label
_RESTART = {"always": "Always", "unless-stopped": "Always", "on-failure": "OnFailure"}
# ASCII digits only: Python's isdigit also accepts `²` and `３`
is_number = re.compile(r"[0-9]{1,19}").fullmatch
Map = dict[str, Node]


def dns_name(name: str) -> str:
    """The name converted to a DNS label (RFC 1123)."""
    return _NOT_A_NAME.sub("-", name.lower())[:_MOST].strip("-") or "container"


def pod_spec(options: RunOptions, unsaid: list[Message]) -> Map:
    """The pod's spec without containers and volumes."""
    spec: Map = {}
    pid, ipc = options.asked.pid_mode, options.asked.ipc_mode
    for key, mode in (("hostNetwork", options.network), ("hostPID", pid), ("hostIPC", ipc)):
        if mode == "host":
            spec[key] = True
    if options.asked.uts_mode == "host" and options.network != "host":
        unsaid.append(one("uts", "host"))
    for name, mode in (("network", options.network), ("pid", pid), ("ipc", ipc)):
        if mode.startswith(("container:", "ns:")) or (name == "network" and mode == "none"):
            unsaid.append(one(name, mode))
    if own_user_namespace(options.asked):
        spec["hostUsers"] = False  # Kubernetes 1.33 has user namespaces on by default
    if options.hostname:
        spec["hostname"] = dns_name(options.hostname)
    spec["restartPolicy"] = _RESTART.get(options.restart.name, "Never")
    if options.stop_timeout is not None:
        spec["terminationGracePeriodSeconds"] = options.stop_timeout
    # Not in a plain container: the cluster's token, and variables for its services
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
            unsaid.append(one("add-host", word))  # host-gateway, which the engine resolves
    if aliases:
        spec["hostAliases"] = aliases
    context: Map = {}
    groups = [int(group) for group in options.asked.groups if is_number(group)]
    if groups:
        context["supplementalGroups"] = list(groups)
    unsaid.extend(
        msg("The group {group}: Kubernetes accepts only numbers.", group=group)
        for group in options.asked.groups
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
