"""The create request of a twin for Docker: what is left out, what is overlaid, row by row."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stratascope.core.container import Asked, EngineKind
from stratascope.core.relaunch.launch_spec import LaunchSpec, TwinMount
from stratascope.core.relaunch.toggle import ToggleError
from stratascope.engines.docker import apply_options

ID = "0123456789ab" + "c" * 52
NUMBER = "0123456789abcdef"


def made(
    host: dict[str, Any] | None = None, *mounts: TwinMount, parent: str = "", **config: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The request, and its HostConfig."""
    body = {"Image": "web:1", "Labels": {"com.docker.compose.project": "p"}, **config, "HostConfig": host or {}}
    told = {"Config": {"Hostname": ID[:12]}}
    spec = LaunchSpec("docker", EngineKind.DOCKER, ID, "web", "web:1", "sha256:1", Asked(), "", json.dumps(told))
    request = json.loads(apply_options.twin(spec, json.dumps(body), NUMBER, mounts, parent))
    return request, request["HostConfig"]


def test_nothing_leads_out_and_nothing_starts_it_again() -> None:
    endpoints = {"EndpointsConfig": {"net": {"IPAMConfig": {"IPv4Address": "10.0.0.9"}, "Aliases": ["db"]}}}
    request, host = made(
        {
            "NetworkMode": "net",
            "PortBindings": {"80/tcp": [{"HostPort": "80"}]},
            "PublishAllPorts": True,
            "RestartPolicy": {"Name": "always"},
            "AutoRemove": True,
            "Links": ["db:db"],
            "CgroupParent": "/limited",
            "LogConfig": {"Type": "syslog", "Config": {"syslog-address": "udp://log"}},
        },
        NetworkingConfig=endpoints,
    )
    assert "NetworkingConfig" not in request
    assert request["Labels"] == {}
    assert request["Hostname"] == ID[:12]
    assert host["ExtraHosts"] == [f"{ID[:12]}:127.0.0.1"]
    assert (host["NetworkMode"], host["PortBindings"], host["PublishAllPorts"], host["Links"]) == (
        "none",
        {},
        False,
        None,
    )
    assert (host["RestartPolicy"]["Name"], host["AutoRemove"], host["CgroupParent"]) == ("no", False, "")
    assert host["LogConfig"]["Type"] == "json-file"
    assert made(parent="/watched")[1]["CgroupParent"] == "/watched"


def test_mounts() -> None:
    _, host = made(
        {
            "Binds": ["data:/data", "/srv:/srv", "/etc/x:/x:ro"],
            "Mounts": [
                {"Type": "volume", "Source": "part", "Target": "/part/", "VolumeOptions": {"Subpath": "in/it"}},
                {"Type": "tmpfs", "Target": "/tmp"},
            ],
            "VolumesFrom": ["other"],
        },
        TwinMount("/v/data/_data", "/data", overlaid=True, volume="data"),
        TwinMount("/srv", "/srv", overlaid=True),
        TwinMount("/etc/x", "/x", overlaid=False),
        TwinMount("/v/part/_data", "/part", overlaid=True, volume="part"),
        TwinMount("/v/lent/_data", "/lent", overlaid=False, volume="lent"),
    )
    assert (host["Binds"], host["VolumesFrom"]) == (None, None)
    tmpfs, *mounts = host["Mounts"]
    assert tmpfs == {"Type": "tmpfs", "Target": "/tmp"}
    name = f"stratascope-twin-{NUMBER}"

    def overlaid(place: int, target: str, below: str) -> dict[str, Any]:
        options = {"NoCopy": True, "Subpath": below}
        return {"Type": "volume", "Source": f"{name}-{place}", "Target": target, "VolumeOptions": options}

    assert mounts == [
        overlaid(0, "/data", "_data"),
        overlaid(1, "/srv", "srv"),
        {"Type": "bind", "Source": "/etc/x", "Target": "/x", "ReadOnly": True},
        overlaid(3, "/part", "_data/in/it"),
        {"Type": "volume", "Source": "lent", "Target": "/lent", "ReadOnly": True, "VolumeOptions": {"NoCopy": True}},
    ]


def test_volumes_have_the_folder_above_as_their_lower_layer() -> None:
    mounts = (TwinMount("/v/data/_data", "/data", overlaid=True), TwinMount("/etc/x", "/x", overlaid=False))
    (_, lower), *others = apply_options.volumes(NUMBER, mounts)
    assert (lower, others) == ("/v/data", [])
    assert apply_options.overlay_options(lower, "/up", "/work")["o"] == "lowerdir=/v/data,upperdir=/up,workdir=/work"


@pytest.mark.parametrize("path", ["/a,b/c", "/a:b/c", "/a\\b/c", '/a"b/c'])
def test_a_path_that_would_say_something_else_is_refused(path: str) -> None:
    with pytest.raises(ToggleError):
        made({}, TwinMount(path, "/data", overlaid=True))


def test_a_healthcheck_is_made_each_second() -> None:
    request, _ = made(Healthcheck={"Test": ["CMD", "true"], "Interval": 30_000_000_000, "Retries": 3, "Timeout": 5})
    check = request["Healthcheck"]
    assert (check["Test"], check["Interval"], check["Timeout"]) == (["CMD", "true"], 1_000_000_000, 5)
    assert check["Retries"] > 1000
    assert made(Healthcheck={"Test": ["NONE"]})[0]["Healthcheck"] == {"Test": ["NONE"]}


def test_a_graphics_card_is_shared_by_no_twin() -> None:
    with pytest.raises(ToggleError):
        made({"DeviceRequests": [{"Count": -1, "Capabilities": [["gpu"]]}]})
