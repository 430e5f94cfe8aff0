"""What all exports share: comments, variables whose values may be secrets, names of files, capabilities."""

from __future__ import annotations

import json
import re
from enum import StrEnum

from stratascope.core.container import EngineKind
from stratascope.core.message import Message, MessageError, msg
from stratascope.core.options.request import RunOptions
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate


class ExportKind(StrEnum):
    DOCKER_RUN = "docker-run"
    PODMAN_RUN = "podman-run"
    COMPOSE = "compose"
    QUADLET = "quadlet"
    KUBERNETES = "kubernetes"
    SECCOMP = "seccomp"


class ExportError(MessageError):
    """This container can't be exported so; `message` says why."""


# Variables that say where things are or how to speak, in every system
_HARMLESS = frozenset(
    ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TERM", "HOSTNAME", "PWD", "SHELL", "USER", "LOGNAME", "container")
)
# What Podman's requests say of any container, and what no other tool would do
USUAL = frozenset((("systemd", "false"), ("image-volume", "ignore"), ("http-proxy", "false")))
_FILE = re.compile(r"[^A-Za-z0-9_.-]+")


_DEFAULT_APPARMOR = re.compile(r"docker-default|containers-default-\d[\w.-]*").fullmatch


def variables(options: RunOptions, secrets: bool) -> list[tuple[str, str | None]]:
    """Those that the image has not by itself; None: a value left out, since nobody can tell a secret by its name."""
    return [
        (name, value if secrets or not value or name in _HARMLESS else None)
        for name, value in options.environment
        if name not in options.plain
    ]


def restart_text(options: RunOptions) -> str:
    """`on-failure:3`; empty where it is not started again."""
    name, retries = options.restart.name, options.restart.retries
    return "" if name in ("", "no") else f"{name}:{retries}" if retries else name


def file_name(options: RunOptions) -> str:
    """The container's name as part of a file's name."""
    return _FILE.sub("-", options.name).strip("-.") or "container"


def is_default_apparmor(profile: str) -> bool:
    """Whether an engine puts that profile on containers by itself; Podman's has the version of containers/common."""
    return bool(_DEFAULT_APPARMOR(profile))


def has_profile(options: RunOptions) -> bool:
    """Whether its seccomp profile is given as JSON text, which other tools take as a file only."""
    return options.seccomp.lstrip().startswith("{")


def compact_profile(options: RunOptions) -> str:
    """That JSON, easy to read."""
    return json.dumps(json.loads(options.seccomp), indent=2) + "\n"


def capabilities(options: RunOptions, kind: EngineKind | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(added, dropped) for an engine of that kind, None for any: engines differ in what they give by default."""
    result = options.asked.capabilities
    if options.asked.privileged or options.kind is kind or result is None:
        return options.asked.cap_add, options.asked.cap_drop
    return result, ("ALL",)


def comment(message: Message) -> str:
    """A line of comment for a shell, YAML or a unit file."""
    return "# " + plain(translate(message))


def title(options: RunOptions, message: Message) -> list[str]:
    """The first lines: what this is, and what is not in it."""
    return [comment(message), *(missing(each) for each in options.unsaid)]


def missing(what: Message) -> str:
    """A comment that something could not be said."""
    return comment(msg("Not included: {what}", what=what))


def withheld(names: list[str]) -> list[str]:
    """The comment about variables without their values; nothing where there are none."""
    if not names:
        return []
    return [
        comment(
            msg(
                "The values of these variables are left out, because they may be secrets. Set them first: {names}",
                names=", ".join(names),
            )
        )
    ]


def one(name: str, value: str = "") -> Message:
    """An option that another tool has no word for, as it was typed."""
    return msg("The option {option}.", option=f"--{name} {value}".rstrip())
