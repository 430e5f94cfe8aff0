"""From processes to sandboxes: who is confined together, by whom, in what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stratascope.core.sandboxes.sandbox import Sandbox
from stratascope.linux.confined import ConfinedHost, ConfinedProcess


def sandboxes(
    processes: Sequence[ConfinedProcess], host: ConfinedHost, engines: Mapping[str, int | None]
) -> tuple[Sandbox, ...]:
    """All of them, in order of start. `engines`: the full ids of the engines' containers and their first processes."""
    return ()
