"""An engine on another machine, through the local `ssh`: its address, and its socket, forwarded to a private one here.

Decided against the SDKs' ways: Docker's needs another package or trusts any host key, Podman's starts a process for
each session. The user's own ssh configuration, agent and known hosts apply, as on the command line.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from stratascope.core import shell_quote
from stratascope.core.container import EngineKind, EngineState
from stratascope.core.message import Message, msg
from stratascope.core.ports import EngineError
from stratascope.engines.shared import errors
from stratascope.engines.shared.child_socket import ChildProgram, NotStartedError
from stratascope.engines.shared.endpoint import Endpoint
from stratascope.value import Value

# No prompts, and no connection sharing: a shared one would keep our forwarded socket after us, or fork away
_OPTIONS = ("-o", "BatchMode=yes", "-o", "ControlMaster=no", "-o", "ControlPath=none")
_WORD = re.compile(r"[A-Za-z0-9._%+\-\[\]:@]+").fullmatch
# Paths that `ssh -L` and its %-tokens leave as they are; a colon would end the path
_PATH = re.compile(r"/[A-Za-z0-9._+=@,/-]*").fullmatch


class SshAddress(Value):
    """`ssh://[user@]host[:port][/socket]`; `identity`: the file of a private key, "" for ssh's own choice."""

    host: str
    user: str = ""
    port: int | None = None
    path: str = ""
    identity: str = ""

    @property
    def destination(self) -> str:
        """`user@host`, as typed."""
        return f"{self.user}@{self.host}" if self.user else self.host

    @property
    def by_hand(self) -> str:
        """The command with which a user can try the same."""
        ended = ("--",) if self.destination.startswith("-") else ()
        return shell_quote.words(("ssh", *self._own, *ended, self.destination))

    @property
    def _own(self) -> tuple[str, ...]:
        port = () if self.port is None else ("-p", str(self.port))
        return (*port, *(("-i", self.identity) if self.identity else ()))

    def shell(self) -> tuple[str, ...]:
        """The prefix for a command to run there."""
        return ("ssh", "-T", *_OPTIONS, *self._own, "--", self.destination)

    def forward(self, local: str, remote: str, connect_seconds: int) -> tuple[str, ...]:
        """The command that listens on `local` for as long as it runs, and forwards to `remote` there."""
        return (
            "ssh",
            "-nNT",
            *_OPTIONS,
            *("-o", "ExitOnForwardFailure=yes", "-o", f"ConnectTimeout={connect_seconds}"),
            *("-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=3"),  # notice a network that went away
            *("-L", f"{local}:{remote}"),
            *self._own,
            "--",
            self.destination,
        )


def parse_ssh(address: str, identity: str = "") -> SshAddress:
    """Parse an ssh:// address; raises ValueError. A password in it is dropped: ssh accepts none."""
    parts = urlsplit(address)
    login, _, place = parts.netloc.rpartition("@")
    user = unquote(login.partition(":")[0])
    # not `hostname`, which is lower case: the names in ~/.ssh/config are case-sensitive
    host = re.sub(r":\d*$", "", place) if not place.startswith("[") else place[1:].partition("]")[0]
    path = unquote(parts.path)
    if parts.scheme != "ssh" or not parts.hostname or not _WORD(host) or (user and not _WORD(user)):
        raise ValueError(f"no ssh address: {address}")
    if path.strip("/") and not _PATH(path):
        raise ValueError(f"no path that ssh can forward to: {path}")
    return SshAddress(host, user, parts.port, path if path.strip("/") else "", identity)


DOCKER_SOCKET = "/run/docker.sock"
_CONNECT_SECONDS = 8  # per address of the host
_START_SECONDS = 15.0  # including login
_KEPT = (
    "DBUS_SESSION_BUS_ADDRESS",
    "HOME",
    "KRB5CCNAME",
    "LOGNAME",
    "PATH",
    "SSH_AUTH_SOCK",
    "USER",
    "XDG_RUNTIME_DIR",
)


class SshTunnel:
    """At most one `ssh`; a `child_socket.SocketProvider`."""

    def __init__(self, endpoint: Endpoint, environ: Mapping[str, str]) -> None:
        self._kind = endpoint.kind
        self._text = endpoint.endpoint
        self._address: SshAddress | None
        self._wrong = ""
        try:
            self._address = parse_ssh(endpoint.endpoint, endpoint.identity)
        except ValueError as error:
            self._address, self._wrong = None, str(error)
        kept = {name: environ[name] for name in _KEPT if name in environ}
        self._path = kept.get("PATH")
        self._kept = ChildProgram({**kept, "LC_ALL": "C"}, _START_SECONDS)

    @property
    def shell(self) -> tuple[str, ...]:
        """The prefix for a command to run on that machine."""
        return () if self._address is None else self._address.shell()

    def running(self) -> bool:
        """Whether ssh runs. Not whether it forwards: each check would open a connection there."""
        return self._kept.alive()

    def start(self) -> Path:
        """Log in, and return the socket. Raises EngineError."""
        address = self._address
        if address is None:
            raise EngineError(EngineState.UNREACHABLE, errors.unsupported(self._text), self._wrong)
        remote = address.path or (DOCKER_SOCKET if self._kind is EngineKind.DOCKER else "")
        if not remote:
            raise EngineError(EngineState.UNREACHABLE, no_path(address), "no path in the address")
        program = shutil.which("ssh", path=self._path)
        if program is None:
            raise EngineError(EngineState.UNREACHABLE, no_ssh(), "ssh: not found")
        try:
            return self._kept.start(
                lambda path: (program, *address.forward(str(path), remote, _CONNECT_SECONDS)[1:])
            )  # fmt: skip
        except (NotStartedError, OSError) as error:
            raise refusal(str(error), address, remote) from error

    def trouble(self) -> EngineError | None:
        """The error that ssh reported for a missing answer."""
        address = self._address
        if address is None:
            return None
        words = self._kept.last_words()
        # While ssh lives, its other output (a banner, a warning) is no reason
        if self._kept.alive() and "open failed" not in words:
            return None
        return refusal(words, address, address.path or DOCKER_SOCKET)

    def close(self) -> None:
        """End ssh. May be called twice."""
        self._kept.close()


def refusal(words: str, address: SshAddress, remote: str) -> EngineError:
    """The state and the advice for ssh's error text (its own, and the server's, are English everywhere)."""
    host, by_hand = address.destination, address.by_hand
    state = EngineState.UNREACHABLE
    if "REMOTE HOST IDENTIFICATION HAS CHANGED" in words:
        message = msg(
            "{host} presents a different host key than before. Find out why first: someone may be intercepting the "
            "connection.",
            host=host,
        )
    elif "Host key verification failed" in words:
        message = msg(
            "The host key of {host} is not known here yet. Connect once by hand and check it: {command}",
            host=host,
            command=by_hand,
        )
    elif "Permission denied" in words or "Too many authentication failures" in words:
        state = EngineState.DENIED
        message = msg(
            "{host} refuses the login. It must work with a key and without prompts: {command}",
            host=host,
            command=by_hand,
        )
    elif "administratively prohibited" in words:
        state = EngineState.DENIED
        message = msg(
            "The SSH server of {host} forbids socket forwarding. AllowStreamLocalForwarding in its sshd_config "
            "allows it.",
            host=host,
        )
    elif "open failed" in words:
        message = msg(
            "{host} can be reached, but no engine answers there on {path}, or that user has no access to it. ssh "
            "reports the same if the server has AllowStreamLocalForwarding off.",
            host=host,
            path=remote,
        )
    elif "Could not resolve hostname" in words:
        message = msg("No machine named {host} is known. Check the address, and Host in ~/.ssh/config.", host=host)
    else:
        message = msg(
            "{host} can't be reached with ssh. Try it by hand to see what happens: {command}",
            host=host,
            command=by_hand,
        )
    return EngineError(state, message, words or "ssh gave no reason")


def no_ssh() -> Message:
    """The program is not installed."""
    return msg(
        "This engine is reached with the program ssh, which is not installed. Install the package openssh-client."
    )


def no_path(address: SshAddress) -> Message:
    """Podman's socket path depends on the user there."""
    return msg(
        "The address of Podman on {host} lacks the path of its socket. Add it: ssh://{host}/run/podman/podman.sock for "
        "root's, /run/user/UID/podman/podman.sock for a user's.",
        host=address.destination,
    )
