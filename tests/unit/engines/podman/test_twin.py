"""The create request of a twin for Podman: what is left out, what is overlaid."""

from __future__ import annotations

import json
from typing import Any

from stratascope.core.container import Asked, EngineKind
from stratascope.core.relaunch.launch_spec import LaunchSpec, TwinMount
from stratascope.engines.podman import apply_options

ID = "0123456789ab" + "c" * 52


def made(*mounts: TwinMount, parent: str = "", **body: Any) -> dict[str, Any]:
    told = {"Config": {"Hostname": "kept"}}
    spec = LaunchSpec("podman", EngineKind.PODMAN, ID, "web", "web:1", "1", Asked(), "", json.dumps(told))
    found: dict[str, Any] = json.loads(apply_options.twin(spec, json.dumps(body), "1234", mounts, parent))
    return found


def test_nothing_leads_out_and_nothing_starts_it_again() -> None:
    found = made(
        netns={"nsmode": "bridge"},
        Networks={"net": {"static_ips": ["10.0.0.9"], "aliases": ["db"]}},
        portmappings=[{"container_port": 80, "host_port": 80}],
        restart_policy="always",
        remove=True,
        labels={"PODMAN_SYSTEMD_UNIT": "web.service"},
        annotations={"io.podman.annotations.autoremove": "TRUE", "io.podman.annotations.seccomp": "/p"},
        cgroup_parent="/limited",
        dependencyContainers=["other"],
        health_check_on_failure_action=2,
        log_configuration={"driver": "journald"},
        env={"A": "b"},
    )
    assert found == {
        "netns": {"nsmode": "none"},
        "labels": {},
        "annotations": {"io.podman.annotations.seccomp": "/p"},
        "log_configuration": {"driver": "k8s-file", "size": 4 << 20},
        "sdnotifyMode": "ignore",
        "hostname": "kept",
        "mounts": [],
        "overlay_volumes": [],
        "env": {"A": "b"},
    }
    assert made(parent="/watched")["cgroup_parent"] == "/watched"


def test_mounts() -> None:
    found = made(
        TwinMount("/v/data/_data", "/data", overlaid=True, volume="data"),
        TwinMount("/etc/x", "/x", overlaid=False),
        TwinMount("/merged", "/over", overlaid=True),
        mounts=[{"type": "bind", "source": "/etc/x", "destination": "/x"}, {"type": "tmpfs", "destination": "/tmp"}],
        volumes=[{"Name": "data", "Dest": "/data"}],
        overlay_volumes=[{"source": "/lower", "destination": "/over", "options": ["O"]}],
        volumes_from=["other"],
    )
    assert "volumes" not in found
    assert "volumes_from" not in found
    assert found["mounts"] == [
        {"type": "tmpfs", "destination": "/tmp"},
        {"type": "bind", "source": "/etc/x", "destination": "/x", "options": ["rbind", "ro"]},
    ]
    assert found["overlay_volumes"] == [
        {"source": "/v/data/_data", "destination": "/data", "options": ["O"]},
        {"source": "/merged", "destination": "/over", "options": ["O"]},
    ]


def test_a_healthcheck_may_fail_as_often_as_it_likes() -> None:
    found = made(healthconfig={"Test": ["CMD", "true"], "Interval": 30_000_000_000, "Retries": 3})
    assert found["healthconfig"]["Retries"] > 1000
    assert made(healthconfig={"Test": ["NONE"]})["healthconfig"] == {"Test": ["NONE"]}
