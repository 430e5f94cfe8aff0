"""Helpers shared by all exports: comments, variables that may be secret, file names, capabilities, profiles."""

from __future__ import annotations

import json
import re
from enum import StrEnum

from stratascope.core.container import EngineKind, ProfileKind
from stratascope.core.message import Message, MessageError, msg
from stratascope.core.options.request import RunOptions
from stratascope.core.options.rules import rules_of
from stratascope.core.relaunch.data_volume import new_volumes
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate
from stratascope.linux.defaults import DOCKER
from stratascope.linux.seccomp_profile import pretty, profile_text
from stratascope.linux.syscalls import Abi


class ExportKind(StrEnum):
    DOCKER_RUN = "docker-run"
    PODMAN_RUN = "podman-run"
    COMPOSE = "compose"
    QUADLET = "quadlet"
    KUBERNETES = "kubernetes"
    SECCOMP = "seccomp"


class ExportError(MessageError):
    """This container can't be exported in this format; `message` says why."""


# Common variables of paths and locale, which hold no secrets
_HARMLESS = frozenset(
    ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TERM", "HOSTNAME", "PWD", "SHELL", "USER", "LOGNAME", "container")
)
# Options in every Podman request, which other tools do not need
USUAL = frozenset((("systemd", "false"), ("image-volume", "ignore"), ("http-proxy", "false")))
_FILE = re.compile(r"[^A-Za-z0-9_.-]+")


_DEFAULT_APPARMOR = re.compile(r"docker-default|containers-default-\d[\w.-]*").fullmatch


def variables(options: RunOptions, secrets: bool) -> list[tuple[str, str | None]]:
    """The variables that are not the image's; value None: left out, since it may be a secret."""
    return [
        (name, value if secrets or not value or name in _HARMLESS else None)
        for name, value in options.environment
        if name not in options.plain
    ]


def restart_text(options: RunOptions) -> str:
    """`on-failure:3`; empty if it is not restarted."""
    name, retries = options.restart.name, options.restart.retries
    return "" if name in ("", "no") else f"{name}:{retries}" if retries else name


def file_name(options: RunOptions) -> str:
    """The container's name as part of a file name."""
    return _FILE.sub("-", options.name).strip("-.") or "container"


def is_default_apparmor(profile: str) -> bool:
    """Whether it is an engine's default profile; the name of Podman's contains the version of containers/common."""
    return bool(_DEFAULT_APPARMOR(profile))


def has_profile(options: RunOptions) -> bool:
    """Whether its seccomp profile is JSON text, which other tools only accept as a file."""
    return options.seccomp.lstrip().startswith("{")


def compact_profile(options: RunOptions) -> str:
    """That JSON, formatted for reading."""
    return json.dumps(json.loads(options.seccomp), indent=2) + "\n"


def capabilities(options: RunOptions, kind: EngineKind | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(added, dropped) for an engine of that kind, None for any: engines have different defaults."""
    result = options.asked.capabilities
    if options.asked.privileged or options.kind is kind or result is None:
        return options.asked.cap_add, options.asked.cap_drop
    return result, ("ALL",)


def comment(message: Message) -> str:
    """A comment line for a shell, YAML or a unit file."""
    return "# " + plain(translate(message))


def title(options: RunOptions, message: Message) -> list[str]:
    """The leading comment: what the export is, and what it does not contain."""
    filled = [
        comment(
            msg(
                "The volume {name} is new: harden fills it with what the container has at {path}; else do so first.",
                name=volume.name,
                path=volume.target,
            )
        )
        for volume in new_volumes(options.before, options.asked)
    ]
    return [comment(message), *filled, *(missing(each) for each in options.unsaid)]


def missing(what: Message) -> str:
    """A comment on something that could not be expressed."""
    return comment(msg("Not included: {what}", what=what))


def withheld(names: list[str]) -> list[str]:
    """The comment on variables whose values are left out; empty if there are none."""
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
    """An option that the tool can't express, as typed."""
    return msg("The option {option}.", option=f"--{name} {value}".rstrip())


# -- the seccomp profile as a file that Docker, Podman and Kubernetes accept
#
# A custom profile stays as it is; the engine's default is copied from its file. Docker has none, so its default is
# written from the newest measured filter (linux/defaults.py), for the wanted capabilities.

_OPEN = {"defaultAction": "SCMP_ACT_ALLOW"}
_ARCHITECTURES = {Abi.X86_64: (Abi.X86_64, Abi.I386, Abi.X32), Abi.AARCH64: (Abi.AARCH64,)}
_ENTRIES = {Abi.X86_64: (Abi.X86_64, Abi.I386), Abi.AARCH64: (Abi.AARCH64,)}


def seccomp_profile(options: RunOptions, text: str, abi: Abi = Abi.X86_64) -> str:
    """The profile's JSON. `text`: that of the profile's file, if the caller read one. Raises ExportError."""
    given = options.seccomp if options.seccomp.lstrip().startswith("{") else text
    kind = options.asked.seccomp
    if kind is ProfileKind.UNCONFINED or (options.asked.privileged and kind is not ProfileKind.CUSTOM):
        return pretty(_OPEN)
    if given:
        try:
            value = json.loads(given)
        except (ValueError, RecursionError) as error:
            raise ExportError(msg("The seccomp profile is not JSON: {words}", words=str(error))) from error
        if not isinstance(value, dict):
            raise ExportError(msg("The seccomp profile is not a JSON object."))
        return pretty(value)
    if kind is ProfileKind.CUSTOM:
        raise ExportError(msg("The seccomp profile {path} can't be read.", path=options.seccomp))
    if not rules_of(options.kind).built_in_filter:
        raise ExportError(msg("The engine's default seccomp profile can't be read."))
    if options.asked.capabilities is None:
        raise ExportError(msg("The engine does not say which capabilities it gives, and its profile depends on them."))
    return _docker(frozenset(options.asked.capabilities), abi)


def _docker(held: frozenset[str], abi: Abi) -> str:
    """The measured filter as rules: calls with the same action together."""
    # The older entry points have names that the first lacks; rules apply to all of them
    calls = {name: each for other in reversed(_ENTRIES[abi]) for name, each in DOCKER[-1].calls(held, other).items()}
    return profile_text(calls, _ARCHITECTURES[abi])
