"""Containers of the demo, as real kernels described them, with names, labels and ports that a filter looks at."""

from __future__ import annotations

from functools import cache

from stratascope.core.container import AskedPort
from stratascope.core.snapshot import ContainerState, ProcessState
from stratascope.value import replace
from stratascope.wiring.engines import demo_snapshot

NET_ADMIN = 1 << 12


@cache
def states() -> dict[str, ContainerState]:
    """By name."""
    found = {state.container.name: state for state in demo_snapshot().containers}
    web = found["web"]
    asked = replace(
        web.container.asked,
        ports=(AskedPort("80/tcp", "127.0.0.1", "8080"), AskedPort("9000-9009/udp", "", "9100-9109")),
    )
    labels = (("com.docker.compose.project", "shop"), ("tier", "Front end"))
    found["web"] = replace(
        web,
        container=replace(web.container, asked=asked, labels=labels, exposed=("80/tcp", "443/tcp")),
        processes=(ProcessState(4300, 12, "ip", ("capabilities.effective",), effective=NET_ADMIN, user=33),),
    )
    thumbnailer = found["thumbnailer"]
    named = replace(thumbnailer.container.asked, user="imgproxy:imgproxy")
    found["thumbnailer"] = replace(thumbnailer, container=replace(thumbnailer.container, asked=named))
    return found
