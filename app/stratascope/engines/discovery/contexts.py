"""Engines that the user configured: Docker's contexts and Podman's connections, read from their files.

A damaged or unreadable file is left out: the other engines must be found all the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from stratascope.value import Value


class Configured(Value):
    """A named address; `tls` is a folder with ca.pem, cert.pem and key.pem, `identity` a private key's file for ssh."""

    name: str
    address: str
    tls: str = ""
    verify: bool = True
    identity: str = ""


def contexts(environ: Mapping[str, str], home: Path) -> Iterator[Configured]:
    """Docker's contexts, the current one first; `default` is the standard socket and no context of its own."""
    folder = Path(environ.get("DOCKER_CONFIG") or home / ".docker")
    current = environ.get("DOCKER_CONTEXT") or _read_json(folder / "config.json").get("currentContext")
    found = []
    try:
        metas = sorted((folder / "contexts/meta").glob("*/meta.json"))
    except OSError:
        metas = []
    for meta in metas:
        value = _read_json(meta)
        docker = _object(_object(value.get("Endpoints")).get("docker"))
        name, address = value.get("Name"), docker.get("Host")
        if not isinstance(name, str) or not isinstance(address, str) or not name or not address:
            continue
        # The folder's name is the SHA-256 of the context's name, the same below meta and below tls
        tls = folder / "contexts/tls" / meta.parent.name / "docker"
        verify = docker.get("SkipTLSVerify") is not True
        found.append(Configured(name, address, str(tls) if tls.is_dir() else "", verify))
    yield from sorted(found, key=lambda each: (each.name != current, each.name))


def connections(environ: Mapping[str, str], home: Path) -> Iterator[Configured]:
    """Podman's connections: podman-connections.json (Podman 5), then containers.conf (before)."""
    folder = Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "containers"
    path = environ.get("PODMAN_CONNECTIONS_CONF")
    stored = _object(_read_json(Path(path) if path else folder / "podman-connections.json").get("Connection"))
    seen = set()
    destinations = _object(_object(_read_toml(environ, folder).get("engine")).get("service_destinations"))
    for name, value in (*_object(stored.get("Connections")).items(), *destinations.items()):
        entry = _object(value)
        address = entry.get("URI", entry.get("uri"))
        if isinstance(address, str) and address and name and name not in seen:
            seen.add(name)
            key = entry.get("Identity", entry.get("identity"))
            yield Configured(name, address, identity=key if isinstance(key, str) else "")


def _read_toml(environ: Mapping[str, str], folder: Path) -> dict[str, Any]:
    path = environ.get("CONTAINERS_CONF")
    try:
        text = (Path(path) if path else folder / "containers.conf").read_text("utf-8")
        import tomllib  # most have no such file

        return tomllib.loads(text)
    except (OSError, ValueError, RecursionError):
        return {}


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return _object(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, RecursionError):
        return {}


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
