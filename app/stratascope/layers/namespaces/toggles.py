"""The toggles of layer 1: those about namespaces, published ports and kernel parameters; the rest is in other files.

Only the host's own namespaces count as shared for a preset: one that is shared with another container was shared on
purpose, and can be made private by name alone. No preset but those of the Pod Security Standards makes the network
private, because whatever listens in the host's network is reached there, and nobody knows on which ports.

Kernel parameters are only given, and only those that the engines take: of its network, of System V's and POSIX message
queues, and of shared memory (moby, opts/opts.go: ValidateSysctl; containers/common, pkg/sysctl). All others are the
whole machine's, and set there.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from stratascope.core.container import Asked, AskedPort, is_loopback
from stratascope.core.message import NOTHING, Message, msg, verbatim
from stratascope.core.relaunch.toggle import (
    GRADES,
    Cure,
    Evidence,
    Given,
    Preset,
    Proof,
    Proven,
    Subject,
    Toggle,
    ToggleError,
    Use,
)
from stratascope.core.relaunch.want import HostsNamespace, Network, Setting, Want
from stratascope.layers.namespaces.facts import NamespacesFacts
from stratascope.layers.namespaces.toggles_hidden import HIDE, LOCK
from stratascope.layers.namespaces.toggles_mounts import DEVICES, ENGINE_SOCKET, HOST_PATHS, UNMOUNT
from stratascope.layers.namespaces.toggles_root import MASKED_PATHS, READ_ONLY_ROOT, TMPFS
from stratascope.layers.namespaces.toggles_volume import VOLUME
from stratascope.layers.shared.deciding_settings import SETTING as PORT_START
from stratascope.layers.shared.signs_of_use import evidence, host_watched, runs_containers
from stratascope.layers.shared.toggle_values import LATER_PRESETS, NOT_READ, in_no_preset, no_pieces, no_risks, only
from stratascope.layers.shared.whose_namespace import shared_mode
from stratascope.value import replace

_LAYER = "namespaces"
_HOST, _BRIDGE = "host", "bridge"  # what gives: the host's own, or (of the network) a way out where it has none
_GIVEN_HOSTS = msg("Share the host's namespace: {what}", what="")


def _mode(asked: Asked, field: str) -> str:
    mode: str = getattr(asked, field)
    return mode


def _check(field: str, value: str, subject: Subject) -> str:
    value = only("private", _HOST, *((_BRIDGE,) if field == "network_mode" else ()))(value, subject)
    if subject.container.pod or _mode(subject.container.asked, field) == "pod":
        raise ToggleError(msg("It is a member of a pod, whose containers share this namespace by design."))
    return value


def _prove(kind: str, facts: NamespacesFacts | None, value: str) -> Proof:
    expected, source = msg("A private namespace"), f"@ns/{kind}"
    if value == _HOST:
        expected = msg("The host's namespace")
    fact = None if facts is None else facts.of(kind)
    if fact is None or fact.shared_with_host is None:
        return Proof(Proven.UNKNOWN, expected, NOT_READ, source)
    if value == _HOST or fact.shared_with_host:
        text = msg("It is the host's") if fact.shared_with_host else msg("It is a different one")
        right = fact.shared_with_host is (value == _HOST)
        return Proof(Proven.ENFORCED if right else Proven.NOT_ENFORCED, expected, text, source)
    if fact.shared_with:
        names = ", ".join(fact.shared_with[:5])
        return Proof(Proven.NOT_ENFORCED, expected, msg("It shares it with {names}", names=names), source)
    return Proof(Proven.ENFORCED, expected, msg("It is not shared"), source)


def _of_network(subject: Subject) -> tuple[str, ...]:
    """Only where it is known that nobody is cut off."""
    return ("private",) if subject.listens == () else ()


def _private(
    name: str,
    kind: str,
    own: Callable[[Asked, str], Asked],
    texts: tuple[Message, Message, Message],
    presets: tuple[Preset, ...],
    *,
    habit: bool = False,
) -> Toggle:
    """`own` gives the options with that namespace as it is told: private, or the host's."""
    field = f"{name}_mode"
    title, what, risk = texts

    def preset(chosen: Preset, subject: Subject) -> str | None:
        host = _mode(subject.container.asked, field) == "host"
        return "private" if host and chosen in presets and not subject.container.pod else None

    def apply(asked: Asked, value: str, subject: Subject) -> Asked:
        if value == _HOST:
            return own(asked, _HOST)
        cut_off = value == _BRIDGE and _mode(asked, field) == "none"
        return own(asked, "private") if cut_off or shared_mode(_mode(asked, field)) else asked

    def allows(want: Want, subject: Subject) -> Given | None:
        mode = _mode(subject.container.asked, field)
        if isinstance(want, Network) and kind == "net" and mode == "none":
            return Given(_BRIDGE, msg("Connect it to the engine's network"))
        if isinstance(want, HostsNamespace) and kind == want.kind and mode != _HOST:
            return Given(_HOST, replace(_GIVEN_HOSTS, args=(("what", kind),)))
        return None

    def left_off(subject: Subject) -> Message | None:
        """Whatever listens in the host's network is reached there."""
        shared = kind == "net" and shared_mode(_mode(subject.container.asked, field))
        found = risks("private", subject) if shared and subject.listens != () else ()
        return found[0] if found else None

    def used(value: str, subject: Subject) -> Evidence:
        why = left_off(subject)
        if why is not None:
            return Evidence(Use.USED, why)
        sign = runs_containers(subject) or (host_watched(subject) if kind == "pid" else None)
        if sign is None and not risk.id:
            text = msg("Only programs that set up cgroups themselves look at this.")
            return Evidence(Use.UNKNOWN, text, rare=True)
        return evidence(sign, subject)

    def risks(value: str, subject: Subject) -> tuple[Message, ...]:
        if value == _HOST or not risk.id or not shared_mode(_mode(subject.container.asked, field)):
            return ()
        if kind != "net" or subject.listens is None:
            return (risk,)
        if not subject.listens:
            return (
                msg("It listens on no port, but may no longer reach what it reached through the host's own addresses."),
            )
        ports = ", ".join(map(str, subject.listens[:8]))
        return (msg("It listens on port {ports}: nothing outside its own network can reach it, because it publishes "
                    "no ports.",
                    ports=ports),)  # fmt: skip

    return Toggle(
        name,
        _LAYER,
        title,
        what,
        "private",
        lambda value, subject: _check(field, value, subject),
        apply,
        lambda asked, subject: not shared_mode(_mode(asked, field)),
        risks,
        lambda facts, value, subject: _prove(kind, facts, value),
        preset,
        cure=lambda value, subject: Cure.GRANT,
        evidence=used,
        left_off=left_off,
        pieces=_of_network if kind == "net" else None,
        gives=f"{_BRIDGE}|{_HOST}" if kind == "net" else _HOST,
        reaches=kind == "net",
        habit=habit,
        allows=allows,
    )


PID = _private(
    "pid",
    "pid",
    lambda asked, mode: replace(asked, pid_mode=mode),
    (
        msg("Private PID namespace"),
        msg("It sees and signals only its own processes."),
        msg("It sees other processes now; if it watches or debugs them, it no longer can."),
    ),
    LATER_PRESETS,
)
IPC = _private(
    "ipc",
    "ipc",
    lambda asked, mode: replace(asked, ipc_mode=mode),
    (
        msg("Private IPC namespace"),
        msg("Its shared memory and message queues are its own."),
        msg("If it exchanges data with other processes through shared memory, that stops working."),
    ),
    LATER_PRESETS,
)
UTS = _private(
    "uts",
    "uts",
    lambda asked, mode: replace(asked, uts_mode=mode),
    (
        msg("Private UTS namespace"),
        msg("It has a host name of its own and can't change the host's."),
        msg(
            "Its host name becomes the container's; anything that reports under the host's name will show a "
            "different one."
        ),
    ),
    LATER_PRESETS,
)
NETWORK = _private(
    "network",
    "net",
    lambda asked, mode: replace(asked, network_mode=mode),
    (
        msg("Private network namespace"),
        msg("It has network interfaces and ports of its own."),
        msg(
            "It listens on the host's own addresses now. As it publishes no ports, nothing outside its own "
            "network will reach it."
        ),
    ),
    LATER_PRESETS,
)
CGROUPNS = _private(
    "cgroupns",
    "cgroup",
    lambda asked, mode: replace(asked, cgroupns_mode=mode),
    (msg("Private cgroup namespace"), msg("It does not see the host's cgroup tree."), NOTHING),
    GRADES,
    habit=True,  # Docker shares the host's by default with cgroup v1
)


_LOOPBACK, _LOOPBACK_6 = "127.0.0.1", "::1"


def _looped(port: AskedPort) -> AskedPort:
    if port.local:
        return port
    return replace(port, host_ip=_LOOPBACK_6 if ":" in port.host_ip else _LOOPBACK)


def _publish(asked: Asked, value: str, subject: Subject) -> Asked:
    return replace(asked, ports=tuple(dict.fromkeys(map(_looped, asked.ports))))


def _check_publish(value: str, subject: Subject) -> str:
    value = only("loopback")(value, subject)
    if subject.container.pod:
        raise ToggleError(msg("It is a member of a pod: the pod publishes its ports."))
    return value


def _only_loopback(asked: Asked, subject: Subject) -> bool:
    return all(port.local for port in asked.ports)


def _publish_risks(value: str, subject: Subject) -> tuple[Message, ...]:
    asked = subject.container.asked
    if _only_loopback(asked, subject):
        return ()
    wide = [port for port in asked.ports if not port.local]
    ports = ", ".join(dict.fromkeys(port.container_port for port in wide))
    cut_off = msg("Other machines, and containers that go by this machine's address, no longer reach it on {ports}.",
                  ports=ports)  # fmt: skip
    outside = () if subject.seen is None else (f"{port.port}/{port.protocol}" for port in subject.seen.ports
                                               if port.outside)  # fmt: skip
    used = [port for port in outside if any(port == each.container_port for each in wide)]
    if not used:
        return (cut_off,)
    return (cut_off, msg("While it was watched, it was used from outside on {ports}.", ports=", ".join(used)))


def _published_used(value: str, subject: Subject) -> Evidence:
    outside = [f"{port.port}/{port.protocol}" for port in (subject.seen.ports if subject.seen else ()) if port.outside]
    if outside:
        ports = ", ".join(outside)
        return Evidence(Use.USED, msg("While it was watched, it was used from outside on {ports}.", ports=ports))
    return evidence(None, subject, "ports")


def _host_ports(subject: Subject, protocol: str) -> set[int]:
    ports = {port.host_port for port in subject.container.asked.ports if port.container_port.endswith(protocol)}
    return {int(port) for port in ports if port.isascii() and port.isdigit()}


def _prove_publish(facts: NamespacesFacts | None, value: str, subject: Subject) -> Proof:
    """By the host's listening sockets: the engine's helper listens there for the container."""
    expected, source = msg("Its published ports listen on this machine only"), "/proc/net/tcp"
    ways = (
        (_host_ports(subject, "/tcp") | set(subject.published), subject.listeners),
        (_host_ports(subject, "/udp"), subject.bound),
    )
    if not any(numbers for numbers, _ in ways):
        return Proof(Proven.UNKNOWN, expected, msg("What listens on the host was not read"), source)
    for numbers, listeners in ways:
        if numbers and listeners is None:
            return Proof(Proven.UNKNOWN, expected, msg("What listens on the host was not read"), source)
        found = [(address, port) for address, port in listeners or () if port in numbers]
        wide = [(address, port) for address, port in found if not is_loopback(address)]
        if wide:
            address, port = wide[0]
            text = msg("{address} listens on port {port}", address=address, port=port)
            return Proof(Proven.NOT_ENFORCED, expected, text, source)
        if {port for _, port in found} != numbers:
            return Proof(Proven.UNKNOWN, expected, msg("Nothing listens on the host for some of its ports"), source)
    return Proof(Proven.ENFORCED, expected, msg("Only loopback addresses listen"), source)


PUBLISH = Toggle(
    "publish",
    _LAYER,
    msg("Publish on localhost only"),
    msg("Its published ports answer only on this machine's loopback addresses."),
    "loopback",
    _check_publish,
    _publish,
    _only_loopback,
    _publish_risks,
    _prove_publish,
    in_no_preset,  # who reaches it is for a person to change
    planned=lambda subject: None if _only_loopback(subject.container.asked, subject) else "loopback",
    evidence=_published_used,
    reaches=True,
)


_OF_IPC = frozenset(f"kernel.{name}" for name in
                    ["msgmax", "msgmnb", "msgmni", "sem", "shmall", "shmmax", "shmmni", "shm_rmid_forced"])  # fmt: skip
_NAME = re.compile(r"[a-z][a-z0-9_]*(?:[./][A-Za-z0-9_-]+)+").fullmatch
_VALUE = re.compile(r"[-A-Za-z0-9_.:/ \t]{1,200}").fullmatch
_MOST = 16


def _is_of_network(name: str) -> bool:
    return name.startswith("net.")


def _of_its_own(name: str) -> bool:
    return _is_of_network(name) or name in _OF_IPC or name.startswith("fs.mqueue.")


def _check_sysctl(value: str, subject: Subject) -> str:
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
        shared = asked.network_mode if _is_of_network(name) else asked.ipc_mode
        if shared_mode(shared):
            raise ToggleError(msg("It shares the namespace that {name} belongs to, so it is not set here.", name=name))
    return ",".join(f"{name}={text}" for name, text in found)


def _pairs(value: str) -> tuple[tuple[str, str], ...]:
    words = (word.partition("=") for word in value.split(",") if word.strip())
    return tuple({name.strip(): text.strip() for name, _, text in words}.items())


def _apply_sysctl(asked: Asked, value: str, subject: Subject) -> Asked:
    return replace(asked, sysctls=tuple(sorted({**dict(asked.sysctls), **dict(_pairs(value))}.items())))


def _prove_sysctl(facts: object, value: str, subject: Subject) -> Proof:
    """The first free port is read from its network namespace. All else the runtime writes before the program starts,
    and does not start it where it can't: what the engine says it gave the runtime is in force.
    """
    expected, wanted = verbatim(value), dict(_pairs(value))
    if facts is None:
        return Proof(Proven.UNKNOWN, expected, NOT_READ, "inspect")
    read = subject.of("capabilities")
    port = None if read is None else read.port_start
    if set(wanted) == {PORT_START} and port is not None:
        right = Proven.ENFORCED if str(port) == wanted[PORT_START] else Proven.NOT_ENFORCED
        return Proof(right, expected, verbatim(f"{PORT_START}={port}"), PORT_START)
    said = dict(subject.container.asked.sysctls)
    if not wanted.keys() <= said.keys():
        return Proof(Proven.UNKNOWN, expected, NOT_READ, "inspect")
    found = ",".join(f"{name}={said[name]}" for name in wanted)
    right = Proven.ENFORCED if all(said[name] == wanted[name] for name in wanted) else Proven.NOT_ENFORCED
    return Proof(right, expected, msg("The runtime was given {settings}", settings=found), "inspect")


def _sysctl_allowed(want: Want, subject: Subject) -> Given | None:
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
    _check_sysctl,
    _apply_sysctl,
    lambda asked, subject: bool(asked.sysctls),
    no_risks,
    _prove_sysctl,
    in_no_preset,
    default=f"{PORT_START}=0",
    gives="NAME=VALUE,NAME=VALUE",
    allows=_sysctl_allowed,
    pieces=no_pieces,
)

_OF_MOUNTS = (MASKED_PATHS, HOST_PATHS, ENGINE_SOCKET, UNMOUNT, DEVICES)
TOGGLES = (HIDE, LOCK, *_OF_MOUNTS, PID, IPC, UTS, NETWORK, CGROUPNS, PUBLISH, VOLUME, READ_ONLY_ROOT, TMPFS, SYSCTL)
