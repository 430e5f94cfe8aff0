"""Starts a program as a unit of its own in the user's systemd, so that it does not end with the service that started
it, and has the environment that the desktop gave to systemd (the display). See org.freedesktop.systemd1(5).
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

from stratascope.desktop_bus.connection import Connection

MANAGER = ("/org/freedesktop/systemd1", "org.freedesktop.systemd1", "org.freedesktop.systemd1.Manager")


def start(link: Connection, command: Sequence[str], variables: Mapping[str, str]) -> None:
    """Start it; returns when systemd has taken the order. Raises one of FAILURES, such as without systemd."""
    name = f"app-stratascope-{os.getpid()}-{time.time_ns():x}.service"
    properties: list[tuple[str, tuple[str, Any]]] = [
        ("Description", ("s", "Stratascope")),
        ("ExecStartEx", ("a(sasas)", [(command[0], list(command), ["no-env-expand"])])),
        ("Environment", ("as", [f"{key}={value}" for key, value in variables.items()])),
        ("CollectMode", ("s", "inactive-or-failed")),
    ]
    link.call(MANAGER, "StartTransientUnit", "ssa(sv)a(sa(sv))", (name, "fail", properties, []))
