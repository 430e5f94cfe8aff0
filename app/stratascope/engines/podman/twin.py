"""The create request of a twin for Podman. Pure.

Podman has overlays of its own (`-v SOURCE:/place:O`), rootless too: the upper layer lies with the container, has the
source's owner and mode, and goes with it. It overlooks that one is to be read-only, so those are mounted as they are.
"""

from __future__ import annotations

import json
from typing import Any

from stratascope.core.relaunch.launch_spec import LaunchSpec
from stratascope.core.relaunch.twin import CHECK_FAILURES, CHECK_INTERVAL, TwinMount
from stratascope.engines.podman.sources import ANNOTATION
from stratascope.engines.shared.json_reader import JsonObject, parse_object

Body = dict[str, Any]

_LOG: Body = {"driver": "k8s-file", "size": 4 << 20}
# Of a network, of what starts and removes it, and of others that it is tied to
_LEFT = (
    *("Networks", "network_options", "portmappings", "publish_image_ports", "static_ip", "static_ipv6", "static_mac"),
    *("restart_policy", "restart_tries", "remove", "volatile", "removeImage", "dependencyContainers", "pod"),
    *("volumes", "volumes_from", "cgroup_parent", "cgroups_mode", "health_check_on_failure_action"),
    *("startupHealthConfig", "healthLogDestination"),
)
_NOTES = (f"{ANNOTATION}autoremove", f"{ANNOTATION}publish-all", f"{ANNOTATION}volumes-from")


def twin(spec: LaunchSpec, body: str, mounts: tuple[TwinMount, ...], cgroup_parent: str) -> str:
    """See `core.ports.Relauncher`."""
    request: Body = {key: value for key, value in json.loads(body).items() if key not in _LEFT}
    request["netns"] = {"nsmode": "none"}
    request["labels"] = {}
    request["annotations"] = {
        name: value for name, value in (request.get("annotations") or {}).items() if name not in _NOTES
    }
    request["log_configuration"] = _LOG
    request["sdnotifyMode"] = "ignore"
    if cgroup_parent:
        request["cgroup_parent"] = cgroup_parent
    if name := JsonObject(parse_object(spec.inspect)).part("Config").text("Hostname"):
        request["hostname"] = name  # programs name their data after it
    check = request.get("healthconfig") or {}
    if (check.get("Test") or ["NONE"])[0] != "NONE":
        request["healthconfig"] = {**check, "Interval": CHECK_INTERVAL, "Retries": CHECK_FAILURES}
    request["mounts"] = [mount for mount in request.get("mounts") or () if mount.get("type") != "bind"]
    request["mounts"] += [_read_only(mount) for mount in mounts if not mount.overlaid]
    places = {mount.target for mount in mounts}  # its own overlays too, as inspect shows them
    kept = [each for each in request.get("overlay_volumes") or () if each.get("destination") not in places]
    request["overlay_volumes"] = [*kept, *(_overlaid(mount) for mount in mounts if mount.overlaid)]
    return json.dumps(request)


def _overlaid(mount: TwinMount) -> Body:
    return {"source": mount.source, "destination": mount.target, "options": ["O"]}


def _read_only(mount: TwinMount) -> Body:
    return {"type": "bind", "source": mount.source, "destination": mount.target, "options": ["rbind", "ro"]}
