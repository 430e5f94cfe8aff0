"""The toggle that sets kernel parameters of the container's own namespaces. It only gives.

Only those that the engines take: of its network, of System V's and POSIX message queues, and of shared memory (moby,
opts/opts.go: ValidateSysctl; containers/common, pkg/sysctl). All others are the whole machine's, and set there.
"""

from __future__ import annotations

import re

from stratascope.core.container import Asked
from stratascope.core.message import msg
from stratascope.core.relaunch.toggle import Given, Proof, Proven, Subject, Toggle, ToggleError
from stratascope.core.relaunch.want import Setting, Want
from stratascope.layers.shared.deciding_settings import SETTING as PORT_START
from stratascope.layers.shared.toggle_values import NOT_READ, in_no_preset, no_pieces, no_risks
from stratascope.layers.shared.whose_namespace import shared_mode
from stratascope.value import replace

_LAYER = "namespaces"
_OF_IPC = frozenset(f"kernel.{name}" for name in
                    ["msgmax", "msgmnb", "msgmni", "sem", "shmall", "shmmax", "shmmni", "shm_rmid_forced"])  # fmt: skip
_NAME = re.compile(r"[a-z][a-z0-9_]*(?:[./][A-Za-z0-9_-]+)+").fullmatch
_VALUE = re.compile(r"[-A-Za-z0-9_.:/ \t]{1,200}").fullmatch
_MOST = 16


def _of_network(name: str) -> bool:
    return name.startswith("net.")


def _of_its_own(name: str) -> bool:
    return _of_network(name) or name in _OF_IPC or name.startswith("fs.mqueue.")


def _check(value: str, subject: Subject) -> str:
    asked = subject.container.asked
    found = _pairs(value)
    if not found or len(found) > _MOST:
        raise ToggleError(msg("Give up to {most} settings as NAME=VALUE, separated by commas.", most=_MOST))
    for name, text in found:
        if not _NAME(name) or not _VALUE(text):
            raise ToggleError(
                msg("Give a setting such as net.core.somaxconn=1024, not {value}.", value=f"{name}={text}")
            )
        if not _of_its_own(name):
            raise ToggleError(
                msg("{name} is a setting of the whole machine: it can be changed only there, with sysctl.", name=name)
            )
        shared = asked.network_mode if _of_network(name) else asked.ipc_mode
        if shared_mode(shared):
            raise ToggleError(msg("It shares the namespace that {name} belongs to, so it is not set here.", name=name))
    return ",".join(f"{name}={text}" for name, text in found)


def _pairs(value: str) -> tuple[tuple[str, str], ...]:
    words = (word.partition("=") for word in value.split(",") if word.strip())
    return tuple({name.strip(): text.strip() for name, _, text in words}.items())


def _apply(asked: Asked, value: str, subject: Subject) -> Asked:
    return replace(asked, sysctls=tuple(sorted({**dict(asked.sysctls), **dict(_pairs(value))}.items())))


def _prove(facts: object, value: str, subject: Subject) -> Proof:
    """The first free port is read from its network namespace. All else the runtime writes before the program starts,
    and does not start it where it can't: what the engine says it gave the runtime is in force.
    """
    expected, wanted = msg("{settings}", settings=value), dict(_pairs(value))
    if facts is None:
        return Proof(Proven.UNKNOWN, expected, NOT_READ, "inspect")
    read = subject.of("capabilities")
    port = None if read is None else read.port_start
    if set(wanted) == {PORT_START} and port is not None:
        right = Proven.ENFORCED if str(port) == wanted[PORT_START] else Proven.NOT_ENFORCED
        return Proof(right, expected, msg("{settings}", settings=f"{PORT_START}={port}"), PORT_START)
    said = dict(subject.container.asked.sysctls)
    if not wanted.keys() <= said.keys():
        return Proof(Proven.UNKNOWN, expected, NOT_READ, "inspect")
    found = ",".join(f"{name}={said[name]}" for name in wanted)
    right = Proven.ENFORCED if all(said[name] == wanted[name] for name in wanted) else Proven.NOT_ENFORCED
    return Proof(right, expected, msg("The runtime was given {settings}", settings=found), "inspect")


def _allows(want: Want, subject: Subject) -> Given | None:
    if not isinstance(want, Setting) or not _of_its_own(want.name):
        return None
    text = f"{want.name}={want.value}"
    return Given(text, msg("Set {settings} in its own namespace", settings=text))


SYSCTL = Toggle(
    "sysctl",
    _LAYER,
    msg("Its own kernel settings"),
    msg("Sets kernel parameters that apply only in its own namespaces."),
    "",
    _check,
    _apply,
    lambda asked, subject: bool(asked.sysctls),
    no_risks,
    _prove,
    in_no_preset,
    default=f"{PORT_START}=0",
    gives="NAME=VALUE,NAME=VALUE",
    allows=_allows,
    pieces=no_pieces,
)
