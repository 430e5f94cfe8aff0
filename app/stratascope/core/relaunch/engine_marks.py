"""Locks of a relaunch that are held in the engine itself, as container names, so that everybody who asks it sees them.

The journal's locks are per folder, and two users have two folders. No engine has two containers of one name, so a name
derived from a container's id is a lock that everyone takes alike, and that survives a crash until `recover` releases
it. Two are needed: a container is claimed before another one takes its place, and guarded afterwards until it is known
whether that one stays.
"""

from __future__ import annotations

from stratascope.core.relaunch.launch_spec import RestartPolicy

_PREFIX, _AFTER = "stratascope-", ".old"
_SHORT = 12  # characters of an id that engines themselves show

# Further labels of a replacement, in addition to those of `launch_spec`: what must survive the loss of the journal
FIRST = "io.github.stratascope.first"  # the original that is kept, if the one replaced was itself a replacement
RESTART = "io.github.stratascope.restart"  # restart policy of the one that it replaces
PLACE = "io.github.stratascope.place"  # position among those relaunched together: each after everything it needs


def claim(container: str) -> str:
    """The name of the container that is to take that one's place."""
    return f"{_PREFIX}{container[:_SHORT]}"


def guard(container: str) -> str:
    """The name of the container that this one replaced, until the replacement is to stay."""
    return claim(container) + _AFTER


def is_mark(name: str) -> bool:
    return name.startswith(_PREFIX)


def policy_text(policy: RestartPolicy) -> str:
    """As `--restart` takes it."""
    return f"{policy.name}:{policy.retries}" if policy.retries else policy.name


def policy_of(text: str) -> RestartPolicy:
    """The reverse; a label is foreign text, so anything invalid is no policy."""
    name, _, retries = text.partition(":")
    if name not in ("always", "unless-stopped", "on-failure"):
        return RestartPolicy()
    return RestartPolicy(name, int(retries) if retries.isascii() and retries.isdigit() and len(retries) < 10 else 0)
