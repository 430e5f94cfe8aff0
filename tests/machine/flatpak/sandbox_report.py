"""What the program reports of containers from inside the sandbox."""

from __future__ import annotations

import json
from typing import Any

from machine.flatpak.desk_session import Session

COMMAND = "flatpak override --user --talk-name=org.freedesktop.Flatpak io.github.stratascope.Stratascope"


def report(session: Session, *words: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(session.run(session.sandboxed("report", "--json", *words)).stdout)
    return document


def verdicts(container: dict[str, Any]) -> dict[str, str]:
    return {name: layer["verdict"] for name, layer in container["layers"].items()}
