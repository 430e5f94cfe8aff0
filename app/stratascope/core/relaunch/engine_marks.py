"""Marks of a relaunch under way that stand in the engine itself, in names of containers: whoever asks it sees them.

The journal's locks are of one folder, and two users have two. No engine has two containers of one name, so a name that
is derived from a container's id is a lock on it that everybody takes alike, and that stays after a crash until
`recover` gives it back. Two are needed, as a container is claimed before another one takes its place, and guarded
afterwards, until it is known whether that one stays.
"""

from __future__ import annotations

from stratascope.core.relaunch.launch_spec import RestartPolicy

_PREFIX, _AFTER = "stratascope-", ".old"
_SHORT = 12  # letters of an id that engines themselves show

# Further labels of a replacement, beside those of `launch_spec`: what is not to be lost with the journal
FIRST = "io.github.stratascope.first"  # the original that is kept, where the one that it replaces was a replacement too
RESTART = "io.github.stratascope.restart"  # restart policy of the one that it replaces
PLACE = "io.github.stratascope.place"  # among those that are relaunched together: each after all that it needs


def claim(container: str) -> str:
    """The name of what is to take that container's place."""
    return f"{_PREFIX}{container[:_SHORT]}"


def guard(container: str) -> str:
    """The name of what that container took the place of, until it is to stay."""
    return claim(container) + _AFTER


def is_mark(name: str) -> bool:
    return name.startswith(_PREFIX)


def policy_text(policy: RestartPolicy) -> str:
    """As `--restart` takes it."""
    return f"{policy.name}:{policy.retries}" if policy.retries else policy.name


def policy_of(text: str) -> RestartPolicy:
    """The other way; a label is foreign text, and what makes no sense is no policy."""
    name, _, retries = text.partition(":")
    if name not in ("always", "unless-stopped", "on-failure"):
        return RestartPolicy()
    return RestartPolicy(name, int(retries) if retries.isascii() and retries.isdigit() and len(retries) < 10 else 0)
