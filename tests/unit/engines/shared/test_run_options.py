"""Create requests as options for exports: damaged ones raise ValueError, whatever stands in them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.core.container import Asked, EngineKind
from stratascope.core.relaunch.launch_spec import ORIGINAL, LaunchSpec
from stratascope.engines.docker import run_options as docker
from stratascope.engines.podman import run_options as podman

_READERS = ((EngineKind.DOCKER, docker.run_options), (EngineKind.PODMAN, podman.run_options))
_DOCKER_HOST = ("SecurityOpt", "Binds", "Tmpfs", "Mounts", "Devices", "PortBindings", "RestartPolicy", "Ulimits",
                "LogConfig", "DeviceRequests", "Sysctls", "NanoCpus", "MaskedPaths", "IpcMode", "Memory")  # fmt: skip
_PODMAN = ("env", "labels", "mounts", "volumes", "devices", "portmappings", "resource_limits", "r_limits", "netns",
           "Networks", "network_options", "idmappings", "healthconfig", "expose", "secrets", "personality", "unified",
           "log_configuration", "device_cgroup_rule", "startupHealthConfig", "image_volumes", "secret_env")  # fmt: skip
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def _spec(kind: EngineKind) -> LaunchSpec:
    return LaunchSpec(
        "e", kind, "i" * 64, "web", "busybox", "sha256:1", Asked(), "{}", "{}", image_environment=("A=1",)
    )


@pytest.mark.parametrize(("kind", "read"), _READERS)
@pytest.mark.parametrize("body", ["", "[]", "null", "{", '{"Labels": 1, "labels": 1}'])
def test_damaged_requests(kind: EngineKind, read: Any, body: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read(_spec(kind), Asked(), body)


@pytest.mark.parametrize(("kind", "read"), _READERS)
@given(
    host=st.dictionaries(st.sampled_from(_DOCKER_HOST), _VALUES), top=st.dictionaries(st.sampled_from(_PODMAN), _VALUES)
)
def test_anything_else_is_read_or_refused(kind: EngineKind, read: Any, host: Any, top: Any) -> None:
    try:
        found = read(_spec(kind), Asked(), json.dumps({**top, "HostConfig": host}))
    except ValueError:
        return
    assert found.name == "web"


def test_what_is_of_the_image_or_ours() -> None:
    body = json.dumps({"Env": ["A=1", "B=2"], "Labels": {ORIGINAL: "x", "kept": "y"}, "HostConfig": {}})
    found = docker.run_options(_spec(EngineKind.DOCKER), Asked(), body)
    assert found.plain == {"A"}
    assert found.labels == (("kept", "y"),)
    assert found.environment == (("A", "1"), ("B", "2"))
