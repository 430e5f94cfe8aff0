"""A container's state besides its options, from an engine's answers (`core.relaunch.launch_spec.RuntimeState`). Pure.

The files that engines write for name resolution (/etc/hosts, /etc/resolv.conf, /etc/hostname) are bind mounts, so no
list of changes contains them. One counts as edited by hand if it was written at another time than the start, and has a
line that the engine would not have written: each alone is also true of untouched files (networks connected later; a
host that moved to another network).
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from stratascope import sandbox
from stratascope.child_output import printed
from stratascope.collector.paths import Sight, reopen
from stratascope.core import shell_quote
from stratascope.core.container import Status
from stratascope.engines.shared.json_reader import JsonObject, parse_object, status_of
from stratascope.value import Value

if TYPE_CHECKING:
    from stratascope.core.refusals.ended.ending import End

HOSTS, RESOLVER, HOST_NAME = "/etc/hosts", "/etc/resolv.conf", "/etc/hostname"
_FIELDS = {HOSTS: "HostsPath", RESOLVER: "ResolvConfPath", HOST_NAME: "HostnamePath"}
_AT_START = 5.0  # seconds around its start in which the engine writes these files
_KEPT_LOGS = ("json-file", "local", "k8s-file")
# Lines that engines write into every such file
_USUAL_NAMES = (
    *("localhost", "ip6-localhost", "ip6-loopback", "ip6-localnet", "ip6-mcastprefix", "ip6-allnodes"),
    *("ip6-allrouters", "host.containers.internal", "host.docker.internal", "gateway.docker.internal"),
)
_DOCKERS_RESOLVER = ("nameserver 127.0.0.11", "options ndots:0")


class Seen(Value):
    """One of these files: its text, and when it was written (seconds since the epoch)."""

    text: str
    written: float


def named_files(answer: JsonObject) -> dict[str, str]:
    """Map path in the container to path on the engine's host, for files made for this container alone."""
    host = answer.part("HostConfig")
    if host.text("NetworkMode").startswith("container:") or answer.text("Pod"):
        return {}
    wanted = [HOSTS, RESOLVER] + ([HOST_NAME] if host.text("UTSMode") in ("", "private") else [])
    return {path: answer.text(_FIELDS[path]) for path in wanted if answer.text(_FIELDS[path])}


def edited(answer: JsonObject, seen: Mapping[str, Seen], machine: str) -> tuple[str, ...]:
    """The files that were edited by hand. `machine`: the lines of the host's own hosts and resolv.conf."""
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
        configured = host.texts(asked) or () if asked else ()
        return line in _DOCKERS_RESOLVER or (bool(configured) and set(words[1:]) <= set(configured))
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

    Compose sets AttachStdout for every container, also for those that it starts in the background.
    """
    config = answer.part("Config")
    composed = any(name.startswith("com.docker.compose.") for name, _ in config.pairs("Labels"))
    names = ("AttachStdin", "OpenStdin", "StdinOnce") if composed else ("AttachStdin", "AttachStdout", "OpenStdin")
    return any(config.flag(name) for name in names)


def has_healthcheck(answer: JsonObject) -> bool:
    test = answer.part("Config").part("Healthcheck").texts("Test") or ()
    return bool(test) and test[0].upper() != "NONE"


def keeps_log(answer: JsonObject) -> bool:
    """Whether its log driver keeps its output with the container."""
    return answer.part("HostConfig").part("LogConfig").text("Type") in _KEPT_LOGS


def is_session(session: JsonObject, container: JsonObject) -> bool:
    """Whether an exec is running that is not the healthcheck's."""
    if not session.flag("Running"):
        return False
    process = session.part("ProcessConfig")
    words = (process.text("entrypoint"), *(process.texts("arguments") or ()))
    test = container.part("Config").part("Healthcheck").texts("Test") or ()
    return not test or words[-1:] != test[-1:]


def machine_lines() -> str:
    """This machine's own hosts and resolv.conf files, which engines copy from."""
    found = []
    for path in (HOSTS, RESOLVER, "/run/systemd/resolve/resolv.conf"):
        try:
            found.append(Path(path).read_text("utf-8", "replace"))
        except OSError:
            continue
    return "\n".join(found)


# -- read the OCI runtime's config.json, at the engine's path: here, on a Flatpak's host, or on the engine's machine

CONFIG_MOST = 1 << 24  # bytes; a privileged container's has some hundred thousand
FILTER_MOST = 1 << 20  # bytes of its filter; an engine's default has fifteen thousand
_SECONDS = 20.0


def read_config(shell: Sequence[str], path: str) -> str:
    """Read the configuration. `shell`: the prefix that runs a command on the engine's machine, empty if that is this
    one.

    Raises OSError, ValueError, subprocess.SubprocessError.
    """
    if shell:  # ssh passes it to a shell of the user's choice
        return _read_there((*shell, shell_quote.words(_command(path))))
    match sandbox.access():
        case sandbox.Access.OUTSIDE:
            return read_config_here(path)
        case sandbox.Access.GRANTED:
            return _read_there((*sandbox.HOST, *_command(path)))
        case sandbox.Access.WITHHELD:
            raise OSError(f"this Flatpak may not read {path}, which is a file of the host")


def seccomp_here(path: str) -> str:
    """The same configuration reduced to its filter: the rest has secrets, such as the environment.

    Raises OSError, ValueError; also if the filter alone is too long: it is kept as long as the reading.
    """
    linux = parse_object(read_config_here(path)).get("linux")
    found = json.dumps({"linux": {"seccomp": linux.get("seccomp") if isinstance(linux, dict) else None}})
    if len(found) > FILTER_MOST:
        raise ValueError("the filter is too long")
    return found


def profile_here(path: str, until: float) -> str:
    """A filter's file as the engine was given it at that time. Raises OSError; ValueError if it was changed since."""
    text, written = read_with_time(path)
    if written > until:
        raise ValueError("the profile was changed since the container was made")
    if len(text) > FILTER_MOST:
        raise ValueError("the profile is too long")
    return text


def read_config_here(path: str, below: str = "/", process: str = "self") -> str:
    """Read a file at an untrusted path. Raises OSError; ValueError if it is too long or not text.

    `below`: the root directory, as that process sees it.
    """
    return read_with_time(path, below, process)[0]


def read_with_time(path: str, below: str = "/", process: str = "self") -> tuple[str, float]:
    """Its text, and when it was written, in seconds since the epoch."""
    place = Sight(below, process).answering(path)
    try:
        found = os.fstat(place)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(f"{path} is not a file")
        with os.fdopen(reopen(place, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            return _text(file.read(CONFIG_MOST + 1)), found.st_mtime
    finally:
        os.close(place)


def _read_there(command: Sequence[str]) -> str:
    """Run a command that prints the file there. Raises subprocess.SubprocessError too."""
    return _text(printed(command, seconds=_SECONDS, most=CONFIG_MOST + 1))


def _command(path: str) -> tuple[str, ...]:
    return ("head", "-c", str(CONFIG_MOST + 1), "--", path)


def _text(content: bytes) -> str:
    if len(content) > CONFIG_MOST:
        raise ValueError("the file is too long")
    return content.decode("utf-8")


# -- how a container ended, from an engine's answers
# Docker has stop requests in its events (the last 256), Podman in the container's state. Docker's state also has the
# error of a failed start; so has Podman's.

_WORDS_MAX = 8000  # characters: a runtime's error may contain all options of a mount
_EVENTS_MAX = 1000
_AGAIN = ("always", "unless-stopped", "on-failure")
_SEARCH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
_DEADLY = frozenset((1, 2, 3, 6, 9, 15))  # of the signals that people send: signal(7)
# uname(2)'s names for machines that Go, images and Podman call otherwise: go.dev, internal/platform; containerd,
# platforms
_MACHINES = {
    "x86_64": "amd64",
    "aarch64": "arm64",
    "armv7l": "arm",
    "armv6l": "arm",
    "i386": "386",
    "i686": "386",
    "loongarch64": "loong64",
}


def machine_named(word: str) -> str:
    """A machine's name as in images."""
    return _MACHINES.get(word, word)


def end_of(answer: JsonObject, image: str | None, machine: str, events: str | None) -> End:
    """How a container ended. `image`: the engine's answer about its image; `events`: one line each, of this container,
    since it started; None: unavailable. Raises ValueError.
    """
    from stratascope.core.refusals.ended.ending import End  # few containers have ended and are asked why

    state, config = answer.part("State"), answer.part("Config")
    sent, stopped = ((), None) if events is None else _signals_and_stop(events)
    if state.has("StoppedByUser"):
        stopped = state.flag("StoppedByUser")
    variables = dict(word.partition("=")[::2] for word in config.texts("Env") or ())
    status = status_of(state)
    policy = answer.part("HostConfig").part("RestartPolicy").text("Name")
    return End(
        status=status,
        words=state.text("Error")[:_WORDS_MAX],
        exit_code=state.whole("ExitCode") if state.has("ExitCode") and status is not Status.RUNNING else None,
        out_of_memory=state.flag("OOMKilled"),
        begun=state.moment("StartedAt"),
        ended=state.moment("FinishedAt"),
        restarts=answer.whole("RestartCount"),
        again=policy in _AGAIN,
        requested=stopped,
        sent=sent,
        platform=_platform(image),
        machine=machine_named(machine),
        command=tuple(word for word in (answer.text("Path"), *(answer.texts("Args") or ())) if word),
        search=tuple(folder for folder in variables.get("PATH", "").split(":") if folder.startswith("/")) or _SEARCH,
        folder=config.text("WorkingDir"),
    )


def _platform(image: str | None) -> str:
    if image is None:
        return ""
    answer = JsonObject(parse_object(image))
    words = (answer.text("Os"), machine_named(answer.text("Architecture")))
    return "/".join(words) if all(words) else ""


def _signals_and_stop(events: str) -> tuple[tuple[int, ...], bool]:
    """The signals sent, and whether somebody had it stopped."""
    sent: list[int] = []
    stopped = False
    for item in _events(events):
        match item.text("Action"):
            case "start" | "restart":
                sent, stopped = [], False
            case "kill":
                word = item.part("Actor").part("Attributes").text("signal")
                number = int(word) if word.isascii() and word.isdigit() and len(word) < 3 else 0
                sent.append(number)
                stopped = stopped or number in _DEADLY
            case "stop":
                stopped = True
    return tuple(number for number in sent if number)[-8:], stopped


def _events(text: str) -> Iterator[JsonObject]:
    for line in text.splitlines()[-_EVENTS_MAX:]:
        if line.strip():
            yield JsonObject(parse_object(line))
