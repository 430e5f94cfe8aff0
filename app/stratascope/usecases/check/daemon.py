"""What an engine's process passes on to its containers: its capabilities, its namespaces as "the host's", its mounts.

A container's bind mounts show what the engine sees, which can be other than what we do (a mount namespace of its own:
Docker in a container, RootlessKit, a private /tmp); and an engine can't give what it lacks.
"""

from __future__ import annotations

from collections.abc import Sequence

from stratascope.collector.names import NETWORK_INODE, PORT_START
from stratascope.core.capture import Capture, Gap, or_none
from stratascope.core.container import Daemon, Engine
from stratascope.core.ground import Ground, inode_of, with_engine_mounts
from stratascope.core.options.rules import rules_of
from stratascope.core.options.values import between
from stratascope.core.overview.shared_parts import OWN_MODES
from stratascope.layers.shared.whose_namespace import is_hosts
from stratascope.linux.machine import parse_number
from stratascope.linux.mounts import visible_of
from stratascope.linux.process import parse_status
from stratascope.value import replace

_KINDS = tuple(kind for kind, _ in OWN_MODES)
OF_THREAD = (NETWORK_INODE, *(f"ns/{kind}" for kind in _KINDS))
WANTS = ("status", "mountinfo", "oom_score_adj", PORT_START, *OF_THREAD)
_AGAIN = "exe"  # rootless Podman starts itself again as /proc/self/exe


def of_daemon(engine: Engine, ground: Ground, read: Capture, threads: Sequence[Capture] = ()) -> tuple[Engine, Ground]:
    """Engine and ground as its process has them; unchanged if that process is another one, such as a systemd that
    listens for it. `read`: `WANTS` of the process that listens on its socket; `threads`: `OF_THREAD` of its others.
    """
    status = read.decoded("status", parse_status)
    if isinstance(status, Gap) or status.name not in (rules_of(engine).process, _AGAIN):
        return engine, ground
    namespaces = ((kind, _is_hosts(read, threads, kind, ground)) for kind in _KINDS)
    daemon = Daemon(
        # in a user namespace of its own it has all of them
        None if engine.rootless else status.bounding,
        tuple((kind, known) for kind, known in namespaces if known is not None),
        _score(read.text("oom_score_adj")),
        None if status.gids is None else status.gids.real,
        or_none(read.decoded(PORT_START, parse_number)),
    )
    mounts = or_none(read.decoded("mountinfo", visible_of))
    return replace(engine, daemon=daemon), ground if mounts is None else with_engine_mounts(ground, mounts)


def _score(text: str | Gap) -> int | None:
    return None if isinstance(text, Gap) else between(-1000, 1000).read(text)


def _is_hosts(read: Capture, threads: Sequence[Capture], kind: str, ground: Ground) -> bool | None:
    """Any of its threads may have gone into a container's to make it, even the first; those that did not tell."""
    found = _thread_is(read, kind, ground)
    others = (_thread_is(each, kind, ground) for each in threads) if found is False else ()
    return True if any(others) else found


def _thread_is(read: Capture, kind: str, ground: Ground) -> bool | None:
    inode = inode_of(read.text(f"ns/{kind}"))
    return is_hosts(read, kind, ground) if inode is None else ground.is_hosts(kind, inode)
