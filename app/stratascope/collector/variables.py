"""The names in a process's environment that look like those of secrets. Values are never told.

What it was started with, as it stands in its memory (proc_pid_environ(5)): a process can make reads of that block, so
only a child reads it.
"""

from __future__ import annotations

import re
from typing import List

from stratascope.collector.names import VARIABLES
from stratascope.collector.read import Entry, failure, read_beginning

BYTES_MAX = 1 << 18
NAMES_MAX = 200
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}\Z").match
_SECRET = re.compile(
    r"(?:^|_)(?:API_?KEY|ACCESS_?KEY|SECRET|SECRETS|TOKEN|TOKENS|PASSWORD|PASSWD|PASSPHRASE|PASS|PWD|CREDENTIALS?"
    r"|PRIVATE_?KEY|ENCRYPTION_?KEY|SIGNING_?KEY|MASTER_?KEY|AUTH|DSN|DATABASE_URL|CONNECTION_STRING|PAT|JWT)(?:_|\Z)"
    r"|(?:APIKEY|PASSWORD|PASSWD|SECRET|TOKEN)(?:_|\Z)",
    re.IGNORECASE,
).search
_NONE = frozenset(("PWD", "OLDPWD", "SSH_AUTH_SOCK", "XAUTHORITY", "GPG_AGENT_INFO"))


def read_variables(directory: int, pid: int) -> Entry:
    """VARIABLES of one process: a name a line."""
    source = "/proc/%d/environ" % pid
    try:
        data = read_beginning("environ", directory, BYTES_MAX)
    except OSError as error:
        return failure(VARIABLES, source, error)
    return (VARIABLES, source, "".join(name + "\n" for name in secret_names(data)))


def secret_names(environment: bytes) -> List[str]:
    """Names of variables that have a value and look like a secret's; one that ends in `_FILE` has a path."""
    found = []
    for item in environment.split(b"\0"):
        raw, equals, value = item.partition(b"=")
        name = raw.decode("ascii", "replace")
        if not (equals and value and _NAME(name)) or name in _NONE or name.upper().endswith("_FILE"):
            continue
        if _SECRET(name):
            found.append(name)
    return sorted(dict.fromkeys(found))[:NAMES_MAX]
