"""Discovery of engines: standard sockets, environment variables, Docker contexts, Podman connections.

Finds addresses, and only contacts a socket if the kind of its engine is uncertain. Opens nothing else, starts nothing,
and imports no SDK. A user's file that is damaged or unreadable is skipped: the other engines must be found all the
same. At least one endpoint per kind is returned, so that the program can report that it is not installed, or not
running; but never one for each place where a socket might have been.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from stratascope import sandbox
from stratascope.background_call import BackgroundCall
from stratascope.core.container import ENGINES, EngineKind
from stratascope.core.ports import EngineError
from stratascope.engines.shared.endpoint import Endpoint, dial, peer_uid
from stratascope.engines.shared.http_connection import Bounds, HttpConnection
from stratascope.value import Value, replace

VARIABLE = "STRATASCOPE_ENGINES"
_PING_SECONDS = 1.0
_PING = Bounds(_PING_SECONDS, _PING_SECONDS, 4096)


class Candidate(Value):
    """A place where an engine may be. `name`: its owner's name for it; `kind` None: to be determined."""

    endpoint: str
    reason: str
    kind: EngineKind | None = None
    name: str = ""
    certain: bool = False  # the kind was given by the user
    tls: str = ""
    verify: bool = True
    identity: str = ""


def discover(
    environ: Mapping[str, str] = os.environ,
    home: Path | None = None,
    root: Path = Path("/"),
    uid: int | None = None,
    further: Sequence[str] = (),
) -> tuple[Endpoint, ...]:
    """All engine endpoints for this user, each once, with short, stable and unique ids.

    `root` and `uid` replace the file system and the user, in tests. `further`: endpoints from the user's settings, in
    the form of the variable, which overrides them too.
    """
    home = home or Path(environ.get("HOME", "/"))
    uid = os.getuid() if uid is None else uid
    asked = environ.get(VARIABLE, "").split()
    if asked:
        candidates = [_asked_for(word) for word in asked if word != EngineKind.SANDBOXES]
    else:
        added = [_asked_for(word, "settings") for word in further]
        candidates = [*_standard(environ, home, root, uid), *_configured(environ, home), *added]
    unique: dict[str, Candidate] = {}
    for candidate in candidates:
        key = _identity(candidate.endpoint)
        known = unique.get(key)
        unique[key] = candidate if known is None else replace(known, name=known.name or candidate.name)
    found = list(unique.values())
    waiting = [BackgroundCall(partial(_kind, candidate)) for candidate in found]
    kinds = [call.result() for call in waiting]
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    endpoints = [
        _endpoint(candidate, kind, environ, home, runtime) for candidate, kind in zip(found, kinds, strict=True)
    ]
    if not asked:
        endpoints += _placeholders(endpoints, environ, root, uid)
    if sandbox.access() is not sandbox.Access.OUTSIDE:
        # the host's programs are unknown; only socket paths are visible
        endpoints = [replace(endpoint, installed=True, confined=True, may_start=False) for endpoint in endpoints]
    return _named(endpoints)


def sandboxes_wanted(environ: Mapping[str, str], chosen: bool) -> bool:
    """Whether this machine's sandboxes are listed: as the variable says, where it names engines; else as chosen."""
    words = environ.get(VARIABLE, "").split()
    return EngineKind.SANDBOXES in words if words else chosen


def _asked_for(word: str, reason: str = VARIABLE) -> Candidate:
    """Parse `kind=address`, or an address; a bare path is a socket."""
    kind, equals, address = word.partition("=")
    certain = bool(equals) and kind in ENGINES
    address = address if certain else word
    if address.startswith("/"):
        address = f"unix://{address}"
    return Candidate(address, reason, EngineKind(kind) if certain else None, certain=certain)


def _standard(environ: Mapping[str, str], home: Path, root: Path, uid: int) -> Iterator[Candidate]:
    """The existing sockets among those of the engines' own packages."""
    runtime = environ.get("XDG_RUNTIME_DIR")
    user = Path(runtime) if runtime else root / f"run/user/{uid}"
    for path, kind in (
        (root / "run/docker.sock", EngineKind.DOCKER),
        (root / "var/run/docker.sock", EngineKind.DOCKER),
        (user / "docker.sock", EngineKind.DOCKER),
        (home / ".docker/run/docker.sock", EngineKind.DOCKER),
        (root / "run/podman/podman.sock", EngineKind.PODMAN),
        (user / "podman/podman.sock", EngineKind.PODMAN),
    ):
        if _exists(path):
            yield Candidate(f"unix://{path}", "standard", kind)


def _exists(path: Path) -> bool:
    """Whether it exists; in a directory that we may not search it counts as missing, since it is of no use."""
    try:
        path.stat()
    except OSError:
        return False
    return True


def _configured(environ: Mapping[str, str], home: Path) -> Iterator[Candidate]:
    host = environ.get("DOCKER_HOST")
    if host:
        tls = environ.get("DOCKER_TLS_VERIFY", "")
        folder = environ.get("DOCKER_CERT_PATH", str(home / ".docker")) if tls or "DOCKER_CERT_PATH" in environ else ""
        yield Candidate(host, "DOCKER_HOST", EngineKind.DOCKER, tls=folder, verify=bool(tls))
    for found in contexts(environ, home):
        yield Candidate(
            found.address,
            f"context {found.name}",
            EngineKind.DOCKER,
            found.name,
            tls=found.tls,
            verify=found.verify,
        )  # fmt: skip
    host = environ.get("CONTAINER_HOST")
    if host:
        yield Candidate(host, "CONTAINER_HOST", EngineKind.PODMAN, identity=environ.get("CONTAINER_SSHKEY", ""))
    for found in connections(environ, home):
        yield Candidate(
            found.address, f"connection {found.name}", EngineKind.PODMAN, found.name, identity=found.identity
        )  # fmt: skip


def _identity(address: str) -> str:
    """A canonical address: two paths of one socket are one engine."""
    if not address.startswith("unix://"):
        return address.rstrip("/")
    try:
        return f"unix://{os.path.realpath(address.removeprefix('unix://'))}"
    except ValueError:  # an embedded null byte
        return address


def _kind(candidate: Candidate) -> EngineKind:
    """The user's choice, else the engine that answers, else the kind usual at that place."""
    if candidate.certain and candidate.kind is not None:
        return candidate.kind
    heard = answering(candidate.endpoint)
    if heard is not None:
        return heard
    if candidate.kind is not None:
        return candidate.kind
    return EngineKind.PODMAN if "podman" in candidate.endpoint else EngineKind.DOCKER


def answering(address: str) -> EngineKind | None:
    """The kind of engine that answers a ping at a unix:// or plain tcp:// address within a second, else None."""
    endpoint = Endpoint("", EngineKind.DOCKER, address, "")
    try:
        if endpoint.path is None:
            parts = urlsplit(address)
            if parts.scheme not in ("tcp", "http") or not parts.hostname or not parts.port or parts.port == 2376:
                return None  # 2376 is Docker with TLS by convention: the adapter will ask
        with closing(HttpConnection(partial(dial, endpoint, _PING_SECONDS))) as link:
            link.call("/_ping", _PING)
            head = link.head
    except (OSError, ValueError, EngineError):
        return None
    if "api-version" not in head:
        return None
    return EngineKind.PODMAN if "libpod-api-version" in head else EngineKind.DOCKER


def _endpoint(
    candidate: Candidate, kind: EngineKind, environ: Mapping[str, str], home: Path, runtime: str
) -> Endpoint:  # fmt: skip
    path = candidate.endpoint.removeprefix("unix://")
    own = (f"{runtime}/" if runtime else "/run/user/", "/run/user/", f"{home}/.docker/")
    return Endpoint(
        id=candidate.name,
        kind=kind,
        endpoint=candidate.endpoint,
        reason=candidate.reason,
        rootless=candidate.endpoint.startswith("unix://") and (path.startswith(own) or bool(peer_uid(Path(path)))),
        installed=_program(kind, environ),
        tls=candidate.tls,
        verify=candidate.verify,
        identity=candidate.identity,
    )


def _program(kind: EngineKind, environ: Mapping[str, str]) -> bool:
    # sbin is not in every user's PATH, and a daemon may be installed without its command line
    path = f"{environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/usr/local/bin:/usr/bin"
    names = ("podman",) if kind is EngineKind.PODMAN else ("dockerd", "docker")
    files = (Path(folder, name) for folder in path.split(":") if folder for name in names)
    return any(os.access(file, os.X_OK) and file.is_file() for file in files)  # shutil.which loads all archive formats


def _placeholders(
    endpoints: list[Endpoint], environ: Mapping[str, str], root: Path, uid: int
) -> Iterator[Endpoint]:  # fmt: skip
    """One endpoint for a kind without any socket; and this user's Podman, which we may start."""
    runtime = environ.get("XDG_RUNTIME_DIR", str(root / f"run/user/{uid}"))
    if not any(endpoint.kind is EngineKind.DOCKER for endpoint in endpoints):
        installed = _program(EngineKind.DOCKER, environ)
        yield Endpoint("", EngineKind.DOCKER, f"unix://{root / 'run/docker.sock'}", "standard", False, installed)
    own = f"unix://{root / 'run/podman/podman.sock'}" if uid == 0 else f"unix://{runtime}/podman/podman.sock"
    installed = _program(EngineKind.PODMAN, environ)
    for place, endpoint in enumerate(endpoints):
        if endpoint.endpoint == own:
            endpoints[place] = replace(endpoint, may_start=installed)
            return
    if installed or not any(endpoint.kind is EngineKind.PODMAN for endpoint in endpoints):
        yield Endpoint("", EngineKind.PODMAN, own, "standard", uid != 0, installed, may_start=installed)


def _named(endpoints: list[Endpoint]) -> tuple[Endpoint, ...]:
    """Ids by the owner's name, else by kind, else by place; numbered if two would be the same."""
    taken: dict[str, int] = {}
    found = []
    for endpoint in endpoints:
        name = endpoint.id or _short(endpoint)
        taken[name] = taken.get(name, 0) + 1
        number = taken[name]
        while number > 1 and f"{name}-{number}" in taken:
            number += 1
        unique = name if number == 1 else f"{name}-{number}"
        taken.setdefault(unique, 1)
        found.append(replace(endpoint, id=unique))
    return tuple(found)


def _short(endpoint: Endpoint) -> str:
    if endpoint.endpoint.startswith("unix://"):
        return f"{endpoint.kind}-rootless" if endpoint.rootless else str(endpoint.kind)
    try:
        host = urlsplit(endpoint.endpoint).hostname
    except ValueError:
        host = None
    return f"{endpoint.kind}-{host}" if host else str(endpoint.kind)


class Configured(Value):
    """A named address; `tls`: directory with ca.pem, cert.pem and key.pem; `identity`: private key file for ssh."""

    name: str
    address: str
    tls: str = ""
    verify: bool = True
    identity: str = ""


def contexts(environ: Mapping[str, str], home: Path) -> Iterator[Configured]:
    """Docker's contexts, the current one first; `default` is the standard socket and not a context of its own."""
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
        # The directory's name is the SHA-256 of the context's name, the same below meta and below tls
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
        import tomllib  # rarely needed

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
