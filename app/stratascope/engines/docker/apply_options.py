"""Write the difference between two sets of options into Docker's create request. Pure.

Only what differs is changed, with what one option implies in Docker: leaving privileged mode, for instance, leaves an
injected `label=disable` and missing masks behind.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence
from typing import Any

from stratascope.core.container import Asked, AskedPort, EngineKind, ProfileKind
from stratascope.core.message import msg
from stratascope.core.options.capabilities import ENGINE_DEFAULTS, bounding_from, named
from stratascope.core.options.rules import CPU_PERIOD, label_disabled, memory_and_swap, profile_text, security_option
from stratascope.core.relaunch.data_volume import DataVolume
from stratascope.core.relaunch.launch_spec import CHECK_FAILURES, CHECK_INTERVAL, LaunchSpec, PlainOptions, TwinMount
from stratascope.core.relaunch.toggle import ToggleError
from stratascope.engines.docker.mounts import target, without_no_copy, write_mounts
from stratascope.engines.shared.asked_options import MODES, PLAIN
from stratascope.engines.shared.json_reader import JsonObject, parse_object
from stratascope.engines.shared.rest_engine import compact

_DISABLED = "disable"
# Docker's values for a private namespace, where they are not "private"
_OWN = {"PidMode": "", "UTSMode": "", "NetworkMode": "bridge"}


def body(spec: LaunchSpec, asked: Asked, seccomp: str = "builtin") -> str:
    """The spec's create request, with the difference from `spec.asked` to `asked` written into it.

    `seccomp` is the daemon's default profile. Raises ToggleError for what Docker can't do.
    """
    before = spec.asked
    if asked == before:
        return spec.body
    request = parse_object(spec.body)
    host: dict[str, Any] = request["HostConfig"]
    if asked.user != before.user:
        request["User"] = asked.user
    if asked.uid_map != before.uid_map:
        raise ToggleError(msg("Docker has one user namespace for all its containers, not one for each."))
    _namespaces(request, host, before, asked)
    host["Privileged"] = asked.privileged
    _paths(host, before, asked)
    _capabilities(host, before, asked)
    _security(host, before, asked, seccomp)
    if asked.read_only_root != before.read_only_root:
        host["ReadonlyRootfs"] = asked.read_only_root
    if asked.mounts != before.mounts:
        write_mounts(host, before, asked)
    if asked.devices != before.devices:
        host["Devices"] = _devices(host, before, asked)
    if asked.device_rules != before.device_rules:
        host["DeviceCgroupRules"] = list(asked.device_rules or ()) or None
    if asked.ports != before.ports:
        host["PortBindings"], host["PublishAllPorts"] = _bindings(asked.ports), False
    _resources(host, before, asked)
    return compact(request)


def _devices(host: dict[str, Any], before: Asked, asked: Asked) -> list[dict[str, Any]]:
    """The remaining devices unchanged, and the new ones."""
    same = {(each.source, each.target) for each in asked.devices if each in before.devices}
    kept = [
        device
        for device in host.get("Devices") or ()
        if (device.get("PathOnHost"), device.get("PathInContainer")) in same
    ]
    new = [
        {"PathOnHost": each.source, "PathInContainer": each.target, "CgroupPermissions": each.permissions}
        for each in asked.devices
        if each not in before.devices
    ]
    return [*kept, *new]


def _namespaces(request: dict[str, Any], host: dict[str, Any], before: Asked, asked: Asked) -> None:
    for name, key in (MODES | {"cgroupns_mode": "CgroupnsMode", "userns_mode": "UsernsMode"}).items():
        wanted = getattr(asked, name)
        if wanted != getattr(before, name):
            host[key] = _OWN.get(key, wanted) if wanted == "private" else wanted
    if asked.network_mode != before.network_mode:
        networks = (request.get("NetworkingConfig") or {}).get("EndpointsConfig") or {}
        if host["NetworkMode"] not in networks:
            request.pop("NetworkingConfig", None)
    if asked.uts_mode == "host" or asked.network_mode.startswith("container:"):
        request.pop("Hostname", None)
        request.pop("Domainname", None)


def _paths(host: dict[str, Any], before: Asked, asked: Asked) -> None:
    """Null is the engine's default; an empty list is none. Privileged mode means none, and shows null or []."""
    left = before.privileged and not asked.privileged
    for key, was, wanted in (
        ("MaskedPaths", before.masked_paths, asked.masked_paths),
        ("ReadonlyPaths", before.read_only_paths, asked.read_only_paths),
    ):
        if left and (wanted == was or wanted is None):
            host.pop(key, None)
        elif wanted != was:
            host.pop(key, None)
            if wanted is not None:
                host[key] = list(wanted)
        if asked.unmasked and wanted and host.get(key):
            host[key] = [path for path in host[key] if path not in asked.unmasked]


def _capabilities(host: dict[str, Any], before: Asked, asked: Asked) -> None:
    if asked.cap_add != before.cap_add:
        host["CapAdd"] = list(asked.cap_add) or None
    if asked.cap_drop != before.cap_drop:
        host["CapDrop"] = list(asked.cap_drop) or None
    if asked.capabilities is None or asked.capabilities == before.capabilities:
        return
    if bounding_from(asked, ENGINE_DEFAULTS[EngineKind.DOCKER]) != named(
        asked.capabilities
    ):  # only the result was known: the options that lead there
        host["CapAdd"], host["CapDrop"] = list(asked.capabilities) or None, ["ALL"]


def _security(host: dict[str, Any], before: Asked, asked: Asked, seccomp: str) -> None:
    """Entries are replaced, never appended: Docker uses the last of some and the first of others."""
    options = list(host.get("SecurityOpt") or ())
    if asked.no_new_privileges != before.no_new_privileges:
        words = ("no-new-privileges",) if asked.no_new_privileges else ("no-new-privileges=false",)
        options = _replaced(options, "no-new-privileges", words)
    if (asked.seccomp, asked.seccomp_profile) != (before.seccomp, before.seccomp_profile):
        options = _replaced(options, "seccomp", _seccomp(asked, seccomp))
    if (asked.apparmor, asked.apparmor_profile) != (before.apparmor, before.apparmor_profile):
        options = _replaced(options, "apparmor", _profile("apparmor", asked.apparmor, asked.apparmor_profile))
    labels = asked.selinux_options
    if labels == before.selinux_options and label_disabled(before) and not label_disabled(asked):
        labels = tuple(label for label in labels if label != _DISABLED)
    if labels != before.selinux_options:
        options = _replaced(options, "label", (f"label={label}" for label in labels))
    if options or host.get("SecurityOpt"):
        host["SecurityOpt"] = options or None


def _replaced(options: list[str], name: str, words: Iterable[str]) -> list[str]:
    return [*(word for word in options if security_option(word)[0] != name), *words]


def _seccomp(asked: Asked, default: str) -> tuple[str, ...]:
    if asked.seccomp is ProfileKind.DEFAULT:
        # A daemon whose default is unconfined needs the name; "builtin" exists since Docker 23
        return () if default == "builtin" else ("seccomp=builtin",)
    if asked.seccomp is ProfileKind.CUSTOM and not asked.seccomp_profile.lstrip().startswith("{"):
        raise ToggleError(msg("Docker takes a seccomp profile only as JSON text, not as a path."))
    return _profile("seccomp", asked.seccomp, asked.seccomp_profile)


def _profile(name: str, kind: ProfileKind, profile: str) -> tuple[str, ...]:
    text = profile_text(kind, profile)
    return (f"{name}={text}",) if text else ()


def _bindings(ports: tuple[AskedPort, ...]) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    for port in ports:
        found.setdefault(port.container_port, []).append({"HostIp": port.host_ip, "HostPort": port.host_port})
    return found


def _resources(host: dict[str, Any], before: Asked, asked: Asked) -> None:
    changed = {field: key for field, key in PLAIN.items() if getattr(asked, field) != getattr(before, field)}
    if "memory" in changed:
        host.update(memory_options(host, asked.memory or 0))
        del changed["memory"]
    host.update({key: getattr(asked, field) for field, key in changed.items()})
    # The two may equal the swap limit before, which then must not be taken for unchanged
    if asked.memory and asked.memory_swap == asked.memory:
        host["MemorySwap"] = asked.memory_swap or 0
    if asked.cpu_cores != before.cpu_cores:
        # These are mutually exclusive
        host["CpuPeriod"], host["CpuQuota"] = 0, 0
        host["NanoCpus"] = round((asked.cpu_cores or 0) * 1e9)
    if asked.sysctls != before.sysctls:
        host["Sysctls"] = dict(asked.sysctls)
    if asked.limits != before.limits:
        same = set(before.limits) & set(asked.limits)
        raw = {limit.get("Name"): limit for limit in host.get("Ulimits") or ()}
        host["Ulimits"] = [
            raw[limit.name]
            if limit in same and limit.name in raw
            else {"Name": limit.name, "Soft": limit.soft, "Hard": limit.hard}
            for limit in asked.limits
        ]


def memory_options(host: dict[str, Any], memory: int) -> dict[str, int]:
    """A memory limit in bytes, with matching swap and reservation.

    Swap limits the sum of both, must not be below memory, and defaults to twice the memory (moby,
    daemon/daemon_unix.go: adaptContainerSettings); -1 is no limit.
    """
    old, swap, reserved = (int(host.get(key) or 0) for key in ("Memory", "MemorySwap", "MemoryReservation"))
    if memory == 0:
        return {"Memory": 0, "MemorySwap": 0}
    if swap in (0, memory_and_swap(old)):
        swap = memory_and_swap(memory)
    elif swap > 0:
        swap = max(swap, memory)
    found = {"Memory": memory, "MemorySwap": swap}
    return found if reserved <= memory else {**found, "MemoryReservation": memory}


def live_options(host: dict[str, Any], limits: Asked) -> dict[str, int]:
    """The update request for limits of a running container, given its HostConfig."""
    found: dict[str, int] = {}
    if limits.memory is not None:
        found |= memory_options(host, limits.memory)
    if limits.memory_swap is not None:
        found["MemorySwap"] = limits.memory_swap
    if limits.pids is not None:
        found["PidsLimit"] = limits.pids
    if limits.cpu_cores is not None:
        period = int(host.get("CpuPeriod") or 0) or CPU_PERIOD
        # Docker refuses one field while the other is in use
        quota = bool(host.get("CpuQuota")) or bool(host.get("CpuPeriod"))
        found |= (
            {"CpuPeriod": period, "CpuQuota": round(limits.cpu_cores * period)}
            if quota
            else {"NanoCpus": round(limits.cpu_cores * 1e9)}
        )
    return found


def filling(body: str, volumes: tuple[DataVolume, ...]) -> str:
    """See `core.relaunch.data_volume.DataVolumes`."""
    request = parse_object(body)
    host = dict(request["HostConfig"])
    without_no_copy(host, {target(volume.target) for volume in volumes})
    return compact({**request, "HostConfig": host})


# -- the create request of a twin, and the volumes through which it sees its original's files
# Each writable directory becomes three volumes of the `local` driver: two empty ones for the upper layer and the work
# directory, and one of type overlay, which the daemon mounts with the container and unmounts when that ends. The lower
# layer is the source's parent directory, and the twin mounts the source below it (Subpath): the root of a mounted
# overlay has owner and mode of its upper layer, so that the data's directory would belong to root. Decided against
# creating directories for these layers ourselves: users of the engine's socket need not be root.

SUBPATH = (1, 45)  # the first API version that can mount a part of a volume: Docker 26
_SPECIAL = frozenset(',:\\"')  # characters that would end a path among an overlay's options, for the kernel or Docker
_LOG = {"Type": "json-file", "Config": {"max-size": "4m", "max-file": "1"}}


def twin(spec: LaunchSpec, body: str, number: str, mounts: tuple[TwinMount, ...], cgroup_parent: str) -> str:
    """See `core.ports.Relauncher`. Raises ToggleError for what can't be overlaid."""
    request = parse_object(body)
    host: dict[str, Any] = dict(request["HostConfig"])
    for key in ("NetworkingConfig", "MacAddress"):
        request.pop(key, None)
    request["Labels"] = {}
    if name := JsonObject(parse_object(spec.inspect)).part("Config").text("Hostname"):
        request["Hostname"] = name  # programs name their data after it
        # and look up its address, which Docker only enters for networks
        host["ExtraHosts"] = [*(host.get("ExtraHosts") or ()), f"{name}:127.0.0.1"]
    check = request.get("Healthcheck") or {}
    if (check.get("Test") or ["NONE"])[0] != "NONE":
        often = {"Interval": CHECK_INTERVAL, "StartInterval": CHECK_INTERVAL, "Retries": CHECK_FAILURES}
        request["Healthcheck"] = {**check, "StartPeriod": check.get("StartPeriod") or CHECK_INTERVAL, **often}
    if host.get("DeviceRequests"):
        raise ToggleError(msg("It uses a graphics card of this machine, which a copy would share with it."))
    parts = {
        target(str(mount.get("Target", ""))): str((mount.get("VolumeOptions") or {}).get("Subpath") or "")
        for mount in host.get("Mounts") or ()
    }
    kept = [mount for mount in host.get("Mounts") or () if mount.get("Type") not in ("bind", "volume")]
    made = []
    for place, mount in enumerate(mounts):
        part = parts.get(target(mount.target), "")
        if mount.fresh:
            made.append({"Type": "volume", "Source": twin_volume(number, place), "Target": mount.target})
        else:
            made.append(_overlaid(number, place, mount, part) if mount.overlaid else _read_only(mount, part))
    host.update(
        NetworkMode="none",
        PortBindings={},
        PublishAllPorts=False,
        RestartPolicy={"Name": "no", "MaximumRetryCount": 0},
        AutoRemove=False,
        Links=None,
        Binds=None,
        VolumesFrom=None,
        Mounts=[*kept, *made],
        CgroupParent=cgroup_parent,
        LogConfig=_LOG,
    )
    return compact({**request, "HostConfig": host})


def plain(image: str, words: Sequence[str], options: PlainOptions) -> str:
    """See `core.ports.CopyEngine`."""
    security = ["seccomp=unconfined"] * options.unconfined + ["no-new-privileges"] * options.no_new_privileges
    security += ["apparmor=unconfined", "label=disable"] * options.unlabelled
    host: dict[str, Any] = {
        "Privileged": options.privileged,
        "ReadonlyRootfs": options.read_only,
        "CapAdd": list(options.add),
        "CapDrop": ["ALL"] * options.drop_all + list(options.drop),
        "SecurityOpt": security,
        "LogConfig": _LOG,
    }
    if options.host_namespaces:
        host.update(dict.fromkeys(("NetworkMode", "PidMode", "UTSMode", "CgroupnsMode"), "host"))
    if options.host_processes:
        host.update(PidMode="host")
    if options.processes:
        host.update(PidsLimit=options.processes)
    return compact({"Image": image, "Cmd": list(words), "User": options.user, "HostConfig": host})


def attempting(body: str, twin: str, program: str, words: Sequence[str]) -> str:
    """See `core.ports.CopyEngine`."""
    request = parse_object(twin)
    host: dict[str, Any] = dict(request["HostConfig"])
    before = parse_object(body)["HostConfig"]
    mode = str(before.get("NetworkMode") or "")
    if mode == "host" or mode.startswith("container:"):
        host.update(NetworkMode=mode, ExtraHosts=None)
        request.pop("Hostname", None)
    if before.get("UTSMode") == "host":
        request.pop("Hostname", None)
    host.update(Init=False)
    request.update(
        Entrypoint=[program],
        Cmd=list(words),
        Healthcheck={"Test": ["NONE"]},
        WorkingDir="/",
        Tty=False,
        OpenStdin=False,
        StopSignal="SIGTERM",
    )
    return compact({**request, "HostConfig": host})


def volumes(number: str, mounts: tuple[TwinMount, ...]) -> tuple[tuple[str, str], ...]:
    """Name and lower layer of each overlay volume."""
    return tuple(
        (twin_volume(number, place), posixpath.dirname(mount.source))
        for place, mount in enumerate(mounts)
        if mount.overlaid
    )


def overlay_options(lower: str, upper: str, work: str) -> dict[str, str]:
    """The local driver's options for an overlay volume."""
    return {"type": "overlay", "device": "overlay", "o": f"lowerdir={lower},upperdir={upper},workdir={work}"}


def twin_volume(number: str, place: int) -> str:
    """Name of the twin's volume for the mount at that place in the list."""
    return f"stratascope-twin-{number}-{place}"


def _overlaid(number: str, place: int, mount: TwinMount, part: str) -> dict[str, Any]:
    if _SPECIAL & set(posixpath.dirname(mount.source)):
        raise ToggleError(msg("The path {path} contains characters that overlay options can't.", path=mount.source))
    below = posixpath.join(posixpath.basename(mount.source), part) if part else posixpath.basename(mount.source)
    options = {"NoCopy": True, "Subpath": below}
    return {"Type": "volume", "Source": twin_volume(number, place), "Target": mount.target, "VolumeOptions": options}


def _read_only(mount: TwinMount, part: str) -> dict[str, Any]:
    wanted: dict[str, Any] = {"Target": mount.target, "ReadOnly": True}
    if mount.volume:
        options = {"NoCopy": True, **({"Subpath": part} if part else {})}
        return {**wanted, "Type": "volume", "Source": mount.volume, "VolumeOptions": options}
    return {**wanted, "Type": "bind", "Source": mount.source}
