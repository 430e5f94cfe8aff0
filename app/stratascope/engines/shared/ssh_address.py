"""ssh:// addresses of engines, and what our `ssh` is called with."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from stratascope.core import shell_quote
from stratascope.value import Value

# No prompts, and no sharing of connections: a shared one would keep our forwarded socket after us, or fork away
_OPTIONS = ("-o", "BatchMode=yes", "-o", "ControlMaster=no", "-o", "ControlPath=none")
_WORD = re.compile(r"[A-Za-z0-9._%+\-\[\]:@]+").fullmatch
# What `ssh -L` and its %-tokens take as it is; a colon would end the path
_PATH = re.compile(r"/[A-Za-z0-9._+=@,/-]*").fullmatch


class SshAddress(Value):
    """`ssh://[user@]host[:port][/socket]`; `identity` is the file of a private key, empty for ssh's own choice."""

    host: str
    user: str = ""
    port: int | None = None
    path: str = ""
    identity: str = ""

    @property
    def destination(self) -> str:
        """`user@host`, as people type it."""
        return f"{self.user}@{self.host}" if self.user else self.host

    @property
    def by_hand(self) -> str:
        """The command with which a user tries the same."""
        ended = ("--",) if self.destination.startswith("-") else ()
        return shell_quote.words(("ssh", *self._own, *ended, self.destination))

    @property
    def _own(self) -> tuple[str, ...]:
        port = () if self.port is None else ("-p", str(self.port))
        return (*port, *(("-i", self.identity) if self.identity else ()))

    def shell(self) -> tuple[str, ...]:
        """What to put before a command to run it there."""
        return ("ssh", "-T", *_OPTIONS, *self._own, "--", self.destination)

    def forward(self, local: str, remote: str, connect_seconds: int) -> tuple[str, ...]:
        """The command that listens on `local` for as long as it runs, and hands all to `remote` there."""
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
    """The parts of an ssh:// address, or ValueError. A password in it is left out: ssh takes none."""
    parts = urlsplit(address)
    login, _, place = parts.netloc.rpartition("@")
    user = unquote(login.partition(":")[0])
    # not `hostname`, which is in small letters: the names in ~/.ssh/config are not
    host = re.sub(r":\d*$", "", place) if not place.startswith("[") else place[1:].partition("]")[0]
    path = unquote(parts.path)
    if parts.scheme != "ssh" or not parts.hostname or not _WORD(host) or (user and not _WORD(user)):
        raise ValueError(f"no ssh address: {address}")
    if path.strip("/") and not _PATH(path):
        raise ValueError(f"no path that ssh can forward to: {path}")
    return SshAddress(host, user, parts.port, path if path.strip("/") else "", identity)
