"""What an engine's answers say of a container besides its options (`core.relaunch.launch_spec.RuntimeState`). Pure.

The files that engines write for name look-ups (/etc/hosts, /etc/resolv.conf, /etc/hostname) are bind mounts, so no
list of changes has them. One counts as edited by hand where it was written at another time than the start, and has a
line that the engine would not have written: each alone is also true of files that nobody touched (networks connected
later; a host that moved to another network).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from stratascope.engines.shared.json_reader import JsonObject
from stratascope.value import Value

HOSTS, RESOLVER, HOST_NAME = "/etc/hosts", "/etc/resolv.conf", "/etc/hostname"
_FIELDS = {HOSTS: "HostsPath", RESOLVER: "ResolvConfPath", HOST_NAME: "HostnamePath"}
_AT_START = 5.0  # seconds around its start in which the engine writes these files
_KEPT_LOGS = ("json-file", "local", "k8s-file")
# What engines write into every such file
_USUAL_NAMES = (
    *("localhost", "ip6-localhost", "ip6-loopback", "ip6-localnet", "ip6-mcastprefix", "ip6-allnodes"),
    *("ip6-allrouters", "host.containers.internal", "host.docker.internal", "gateway.docker.internal"),
)
_DOCKERS_RESOLVER = ("nameserver 127.0.0.11", "options ndots:0")
_NO_NETWORKS = ("host", "none", "pasta", "slirp4netns")  # modes; no network can have such a name


class Seen(Value):
    """One of these files: its text, and when it was written (seconds since the epoch)."""

    text: str
    written: float


def named_files(answer: JsonObject) -> dict[str, str]:
    """Path in the container to path on the engine's host, of those that the engine made for this container alone."""
    host = answer.part("HostConfig")
    if host.text("NetworkMode").startswith("container:") or answer.text("Pod"):
        return {}
    wanted = [HOSTS, RESOLVER] + ([HOST_NAME] if host.text("UTSMode") in ("", "private") else [])
    return {path: answer.text(_FIELDS[path]) for path in wanted if answer.text(_FIELDS[path])}


def edited(answer: JsonObject, seen: Mapping[str, Seen], machine: str) -> tuple[str, ...]:
    """Which of these files were edited by hand. `machine`: the lines of the host's own hosts and resolv.conf."""
    started = answer.part("State").moment("StartedAt")
    found = []
    for path, file in seen.items():
        lines = [" ".join(line.partition("#")[0].split()) for line in file.text.splitlines()]
        usual = {" ".join(line.partition("#")[0].split()) for line in machine.splitlines()}
        strange = [line for line in lines if line and line not in usual and not _made(path, line, answer)]
        if strange and abs(file.written - started) > _AT_START:
            found.append(path)
    return tuple(found)


def _made(path: str, line: str, answer: JsonObject) -> bool:
    """Whether the engine would write that line."""
    config, host = answer.part("Config"), answer.part("HostConfig")
    words = line.split(" ")
    if path == HOST_NAME:
        return line in (config.text("Hostname"), f"{config.text('Hostname')}.{config.text('Domainname')}")
    if path == RESOLVER:
        asked = {"nameserver": "Dns", "search": "DnsSearch", "options": "DnsOptions"}.get(words[0], "")
        told = host.texts(asked) or () if asked else ()
        return line in _DOCKERS_RESOLVER or (bool(told) and set(words[1:]) <= set(told))
    extra = {
        f"{address} {name}" for name, _, address in (item.partition(":") for item in host.texts("ExtraHosts") or ())
    }
    links = {item.rpartition("/")[2] for item in host.texts("Links") or ()}
    own = {config.text("Hostname"), answer.text("Id")[:12], answer.text("Name").removeprefix("/")}
    names = words[1:]
    return (
        words[0] in _addresses(answer)
        or all(f"{words[0]} {name}" in extra or name in _USUAL_NAMES or name in own for name in names)
        or bool(links & set(names))
    )


def _addresses(answer: JsonObject) -> set[str]:
    networks = answer.part("NetworkSettings").part("Networks")
    parts = [networks.part(name) for name in networks.names()]
    found = {part.text(field) for part in parts for field in ("IPAddress", "GlobalIPv6Address")}
    return found - {""}


def attached(answer: JsonObject) -> bool:
    """Whether it was started in the foreground, or reads input that somebody may still give.

    Compose asks for AttachStdout of each container, also of those that it starts in the background.
    """
    config = answer.part("Config")
    composed = any(name.startswith("com.docker.compose.") for name, _ in config.pairs("Labels"))
    names = ("AttachStdin", "OpenStdin", "StdinOnce") if composed else ("AttachStdin", "AttachStdout", "OpenStdin")
    return any(config.flag(name) for name in names)


def has_healthcheck(answer: JsonObject) -> bool:
    test = answer.part("Config").part("Healthcheck").texts("Test") or ()
    return bool(test) and test[0].upper() != "NONE"


def keeps_log(answer: JsonObject) -> bool:
    """Whether its log driver keeps what it prints with the container."""
    return answer.part("HostConfig").part("LogConfig").text("Type") in _KEPT_LOGS


def is_session(session: JsonObject, container: JsonObject) -> bool:
    """Whether an exec runs that is not the healthcheck's own."""
    if not session.flag("Running"):
        return False
    process = session.part("ProcessConfig")
    words = (process.text("entrypoint"), *(process.texts("arguments") or ()))
    test = container.part("Config").part("Healthcheck").texts("Test") or ()
    return not test or words[-1:] != test[-1:]


def network_ids(answer: JsonObject) -> dict[str, str]:
    """The networks that it is connected to: name to the id that the engine knew it by.

    Podman lists the host's own among them, which is no network that could go away.
    """
    networks = answer.part("NetworkSettings").part("Networks")
    return {name: networks.part(name).text("NetworkID") for name in networks.names() if name not in _NO_NETWORKS}


def machine_lines() -> str:
    """This machine's own hosts and resolv.conf files, which engines copy from."""
    found = []
    for path in (HOSTS, RESOLVER, "/run/systemd/resolve/resolv.conf"):
        try:
            found.append(Path(path).read_text("utf-8", "replace"))
        except OSError:
            continue
    return "\n".join(found)
