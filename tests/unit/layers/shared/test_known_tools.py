"""Tools are known by their program or image, and by nothing that only looks like it."""

from __future__ import annotations

import pytest

from stratascope.core.options.capabilities import named
from stratascope.layers.shared.known_tools import TOOLS, tools_of


@pytest.mark.parametrize(
    ("image", "texts", "running", "names"),
    [
        ("docker.io/containrrr/watchtower:latest", (), (), ("watchtower",)),
        ("registry.example:5000/netdata/netdata@sha256:0", (), (), ("netdata",)),
        ("gcr.io/datadoghq/agent:7", (), (), ("datadoghq/agent",)),
        ("example/agent", (), (), ()),
        ("example/nginx", ("/usr/sbin/tcpdump -i any",), (), ("tcpdump",)),
        ("example/nginx", ("sh -c 'exec dockerd'",), (), ("dockerd",)),
        ("example/nginx", ("fetch http://traefik",), (), ()),
        ("example/nginx", ("serve --name traefik-like",), (), ()),
        ("example/nginx", ("podman", "docker"), (), ()),  # what engines put into the environment
        ("sha256:0", (), ("sh", "restic"), ("restic",)),
    ],
)
def test_by_which_names(image: str, texts: tuple[str, ...], running: tuple[str, ...], names: tuple[str, ...]) -> None:
    assert tuple(name for name, _ in tools_of(image, texts, running)) == names


def test_each_is_made_for_something() -> None:
    for tool in TOOLS:
        assert tool.purposes or tool.capabilities
        assert len(named(tool.capabilities).names()) == len(tool.capabilities)
        assert not any(name != name.strip("/") or name.count("/") > 1 for name in tool.names)
