"""The create request of a twin for Docker, and the volumes by which it sees what its original has. Pure.

Each writable folder becomes three volumes of the `local` driver: two empty ones for the upper layer and the work
folder, and one of type overlay, which the daemon mounts with the container and unmounts when that ends. The lower layer
is the folder above the source, and the twin is given the source below it (Subpath): a mounted overlay's own top has
owner and mode of its upper layer, so that the data's folder would belong to root. Decided against making folders for
these layers ourselves: whoever may use the engine's socket need not be root.
"""

from __future__ import annotations

import posixpath
from typing import Any

from stratascope.core.message import msg
from stratascope.core.relaunch.launch_spec import LaunchSpec
from stratascope.core.relaunch.toggle import ToggleError
from stratascope.core.relaunch.twin import CHECK_FAILURES, CHECK_INTERVAL, TwinMount
from stratascope.engines.docker.mounts import target
from stratascope.engines.shared.command import compact
from stratascope.engines.shared.json_reader import JsonObject, parse_object

SUBPATH = (1, 45)  # the first API in which a part of a volume can be mounted: Docker 26
_SPECIAL = frozenset(',:\\"')  # what the kernel or Docker would take for the end of a path among an overlay's options
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
        # and look for its address, which Docker enters for networks only
        host["ExtraHosts"] = [*(host.get("ExtraHosts") or ()), f"{name}:127.0.0.1"]
    check = request.get("Healthcheck") or {}
    if (check.get("Test") or ["NONE"])[0] != "NONE":
        often = {"Interval": CHECK_INTERVAL, "StartInterval": CHECK_INTERVAL, "Retries": CHECK_FAILURES}
        request["Healthcheck"] = {**check, "StartPeriod": check.get("StartPeriod") or CHECK_INTERVAL, **often}
    if host.get("DeviceRequests"):
        raise ToggleError(msg("It uses a graphics card of this machine, which a twin would share with it."))
    parts = {
        target(str(mount.get("Target", ""))): str((mount.get("VolumeOptions") or {}).get("Subpath") or "")
        for mount in host.get("Mounts") or ()
    }
    kept = [mount for mount in host.get("Mounts") or () if mount.get("Type") not in ("bind", "volume")]
    made = []
    for place, mount in enumerate(mounts):
        part = parts.get(target(mount.target), "")
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


def volumes(number: str, mounts: tuple[TwinMount, ...]) -> tuple[tuple[str, str], ...]:
    """Name and lower layer of each volume of type overlay."""
    return tuple(
        (_name(number, place), posixpath.dirname(mount.source)) for place, mount in enumerate(mounts) if mount.overlaid
    )


def overlay_options(lower: str, upper: str, work: str) -> dict[str, str]:
    """The driver's, for one of type overlay."""
    return {"type": "overlay", "device": "overlay", "o": f"lowerdir={lower},upperdir={upper},workdir={work}"}


def _name(number: str, place: int) -> str:
    return f"stratascope-twin-{number}-{place}"


def _overlaid(number: str, place: int, mount: TwinMount, part: str) -> dict[str, Any]:
    if _SPECIAL & set(posixpath.dirname(mount.source)):
        raise ToggleError(msg("The path {path} contains characters that overlay options can't.", path=mount.source))
    below = posixpath.join(posixpath.basename(mount.source), part) if part else posixpath.basename(mount.source)
    options = {"NoCopy": True, "Subpath": below}
    return {"Type": "volume", "Source": _name(number, place), "Target": mount.target, "VolumeOptions": options}


def _read_only(mount: TwinMount, part: str) -> dict[str, Any]:
    wanted: dict[str, Any] = {"Target": mount.target, "ReadOnly": True}
    if mount.volume:
        options = {"NoCopy": True, **({"Subpath": part} if part else {})}
        return {**wanted, "Type": "volume", "Source": mount.volume, "VolumeOptions": options}
    return {**wanted, "Type": "bind", "Source": mount.source}
