"""What was tried, in words for people, and as strace(1) would print it.

The words are data, in `sentences`: a sentence for each group of calls, with and without the path. Only where the
arguments change what a call is about (socket, clone, prctl …) is there code. A call that is in no table is called by
its name, which is true of all.
"""

from __future__ import annotations

import socket

from stratascope.core.denials.attempt import Attempt, Kind
from stratascope.core.denials.sentences import MADE, NAMED, OPTIONS, PLAIN, REQUESTS, SOCKETS, WITH_NUMBER, WITH_PATH
from stratascope.core.message import Message, msg
from stratascope.core.observation.circumstances import Address, NodeKind
from stratascope.core.sanitize import plain
from stratascope.linux.calls.printed import printed
from stratascope.linux.calls.values import RESOURCES, node_type, signal_name
from stratascope.linux.syscalls import argument_word, flag_words
from stratascope.value import replace

_PATH_MAX = 200
_LOW = 0xFFFFFFFF
_UNCHANGED = 0xFFFFFFFF  # -1, of ids
_OPENS = {"open": 1, "openat": 2}
_WRONLY, _RDWR, _CREAT, _PATH_ONLY, _DIRECTORY = 0o1, 0o2, 0o100, 0o10000000, 0o200000
_SOCK_TYPE, _RAW, _DGRAM = 0xF, 3, 2
_ICMP = (1, 58)
_NEW_USER = 0x10000000
_NAMESPACES = {"clone": 0, "unshare": 0, "setns": 1}
_REMOUNT, _BIND, _MOVE, _SHARING = 0x20, 0x1000, 0x2000, 0x1E0000
_AT_REMOVEDIR = 0x200


def did(attempt: Attempt, *, many: bool = False) -> Message:
    """A few words: "Open the device /dev/net/tun". `many`: it is one name of many in its folder."""
    if many:
        return msg("{did}, and other paths there", did=did(attempt))
    path = _shown(attempt)
    match attempt.kind:
        case Kind.TOO_LARGE:
            return msg("Grow a file")
        case Kind.OUT_OF_MEMORY:
            return msg("Use more memory")
        case Kind.MASKED:
            return msg("Read {path}", path=path)
        case Kind.NOT_GAINED:
            return msg("Run {path} with the privileges of its file", path=path)
        case Kind.REQUEST:
            return _request(attempt)
    if not attempt.name:
        return msg("Make a system call")
    return _special(attempt, path) or _by_tables(attempt, path)


def arguments(attempt: Attempt) -> tuple[str, ...]:
    """Each argument that the call takes, as strace(1) prints it; `...` for what was not read."""
    address = attempt.around.address
    return printed(
        attempt.abi, attempt.name, attempt.values, _shown(attempt), "" if address is None else _sockaddr(address)
    )


def raw(attempt: Attempt) -> str:
    """The call with its arguments on one line; "" where none is known."""
    if not attempt.name:
        return ""
    return f"{attempt.name}({', '.join(arguments(attempt)) if attempt.values or attempt.path else '...'})"


def _shown(attempt: Attempt) -> str:
    return plain(attempt.path, _PATH_MAX)


def _by_tables(attempt: Attempt, path: str) -> Message:
    name, values = attempt.name, attempt.values
    if path and name in WITH_PATH:
        return _filled(WITH_PATH[name], path=path)
    if name in WITH_NUMBER and values:
        sentence, place = WITH_NUMBER[name]
        number = values[place] & _LOW if place < len(values) else _UNCHANGED
        if number != _UNCHANGED:
            return _filled(sentence, number=str(number))
    return PLAIN.get(name) or msg("Call {name}", name=name)


def _filled(sentence: Message, **args: str) -> Message:
    return replace(sentence, args=tuple(args.items()))


def _special(attempt: Attempt, path: str) -> Message | None:
    """By the arguments; None where they tell nothing more."""
    name, values = attempt.name, attempt.values
    match name:
        case "open" | "openat" | "openat2" | "creat" if path:
            return _open(attempt, path)
        case "mknod" | "mknodat" if path:
            return _node(values[1 if name == "mknod" else 2] if len(values) > 2 else 0, path)
        case "unlinkat" if path and len(values) > 2 and values[2] & _AT_REMOVEDIR:
            return _filled(WITH_PATH["rmdir"], path=path)
        case "mount" if len(values) > 3:
            return _mount(values[3] & _LOW, path)
        case "clone" | "unshare" | "setns":
            return _namespaces(name, values)
        case "socket" | "socketpair" if len(values) > 2:
            return _socket(values)
        case "bind" | "connect" | "sendto" | "sendmsg" if attempt.around.address is not None:
            return _address(name, attempt.around.address)
        case "kill" | "tgkill" | "tkill" if len(values) > 2:
            return msg("Send {signal} to another process", signal=signal_name(values[2 if name == "tgkill" else 1]))
        case "setrlimit" | "prlimit64" if len(values) > 1:
            limit = RESOURCES.get(values[0 if name == "setrlimit" else 1] & _LOW, "")
            return msg("Change the limit {name}", name=limit) if limit else None
        case "prctl" | "keyctl" | "bpf" | "seccomp" | "ptrace" | "ioctl" | "fcntl" if values:
            return _option(name, values, path)
        case "personality" if values:
            word = argument_word(name, 0, values[0] & _LOW)
            return msg("Set the personality {name}", name=word)
    return None


def _request(attempt: Attempt) -> Message:
    checks = attempt.around.checks or ()
    frames = {name.partition(".")[0] for each in checks for name in each.frames}
    return next((words for name, words in REQUESTS.items() if name in frames), REQUESTS[""])


def _open(attempt: Attempt, path: str) -> Message:
    node = None if attempt.around.place is None else attempt.around.place.node
    place = _OPENS.get(attempt.name)
    flags = attempt.values[place] if place is not None and place < len(attempt.values) else 0
    known = place is not None and bool(attempt.values)
    writes = attempt.name == "creat" or flags & (_WRONLY | _RDWR) or (flags & _CREAT and node is None)
    if node is not None and node.is_device:
        if writes:
            return msg("Open the device {path} for writing", path=path)
        return msg("Open the device {path}", path=path)
    if attempt.name == "creat" or (flags & _CREAT and attempt.around.place is not None and node is None):
        return msg("Create the file {path}", path=path)
    if writes:
        return msg("Open {path} for writing", path=path)
    if flags & _DIRECTORY or (node is not None and node.kind is NodeKind.FOLDER):
        return msg("List the directory {path}", path=path)
    if known and not flags & _PATH_ONLY:
        return msg("Open {path} for reading", path=path)
    return msg("Open {path}", path=path)


def _node(mode: int, path: str) -> Message:
    return _filled(MADE.get(node_type(mode), MADE[""]), path=path)


def _mount(flags: int, path: str) -> Message | None:
    if not path:
        return None
    if flags & _REMOUNT:
        return msg("Change how {path} is mounted", path=path)
    if flags & _MOVE:
        return msg("Move a mount to {path}", path=path)
    if flags & _BIND:
        return msg("Bind-mount a file or directory on {path}", path=path)
    if flags & _SHARING:
        return msg("Change the propagation of mounts at {path}", path=path)
    return None


def _namespaces(name: str, values: tuple[int, ...]) -> Message | None:
    place = _NAMESPACES[name]
    flags = values[place] if place < len(values) else 0
    words = [word for word in flag_words(name, place, flags) if word.startswith("CLONE_NEW")]
    if name == "setns":
        if len(words) == 1:
            return msg("Enter another namespace ({kinds})", kinds=words[0])
        return None
    if not words:
        return None
    if words == ["CLONE_NEWUSER"]:
        return msg("Create a user namespace")
    return msg("Create namespaces ({kinds})", kinds=", ".join(words))


def _socket(values: tuple[int, ...]) -> Message:
    family, kind, protocol = values[0] & _LOW, values[1] & _SOCK_TYPE, values[2] & _LOW
    if family in (socket.AF_INET, socket.AF_INET6):
        if kind == _RAW:
            return msg("Create a raw socket")
        if kind == _DGRAM and protocol in _ICMP:
            return msg("Create a socket for ping")
    found = SOCKETS.get((family, protocol)) or SOCKETS.get((family, -1))
    return found or msg("Create a socket of the family {name}", name=argument_word("socket", 0, family))


def _address(name: str, address: Address) -> Message:
    text = plain(address.text, _PATH_MAX)
    if address.family in ("inet", "inet6"):
        where = f"[{text}]:{address.port}" if address.family == "inet6" else f"{text}:{address.port}"
        if name == "bind":
            return msg("Listen on port {port}", port=str(address.port))
        if name == "connect":
            return msg("Connect to {address}", address=where)
        return msg("Send to {address}", address=where)
    if name == "bind":
        return msg("Listen on {address}", address=text or address.family)
    if name == "connect":
        return msg("Connect to {address}", address=text or address.family)
    return msg("Send to {address}", address=text or address.family)


def _option(name: str, values: tuple[int, ...], path: str) -> Message | None:
    word = printed("", name, values[:2])[1 if name in ("ioctl", "fcntl") and len(values) > 1 else 0]
    known = OPTIONS.get(word)
    if known is not None:
        return (
            _filled(known, path=path) if path and "{path}" in known.id else known if "{path}" not in known.id else None
        )
    sentence = NAMED.get(name)
    if sentence is None or not word[:1].isalpha():
        return None
    return _filled(sentence, name=word)


def _sockaddr(address: Address) -> str:
    text = plain(address.text, _PATH_MAX)
    match address.family:
        case "inet":
            return f'{{sa_family=AF_INET, sin_port=htons({address.port}), sin_addr=inet_addr("{text}")}}'
        case "inet6":
            return f'{{sa_family=AF_INET6, sin6_port=htons({address.port}), sin6_addr="{text}"}}'
        case "unix":
            return f'{{sa_family=AF_UNIX, sun_path="{text}"}}'
    return f"{{sa_family=AF_{plain(address.family, 20).upper()}}}"
