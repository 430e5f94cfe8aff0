"""One of this machine's sandboxes by name, without asking its engines."""

from __future__ import annotations

import time

from stratascope.core.container import NO_ENGINE, matching
from stratascope.core.ground import Ground, decode_ground
from stratascope.core.snapshot import ContainerState, MachineCapture
from stratascope.wiring.engines import Engines, assembler, translations


def named(engines: Engines, word: str) -> tuple[tuple[ContainerState, Ground], ...]:
    """Those with that name or id, or that process, read now. Raises EngineError, ProbeError."""
    shared = translations()
    reader = engines.reader(shared)
    raws = {raw.id: raw for raw in engines.port(NO_ENGINE.id).list()}
    found = matching(word, (shared.container(raw, NO_ENGINE) for raw in raws.values()))
    if not found:
        return ()
    host = reader.host()
    ground = decode_ground(host)
    captured = reader.captured(NO_ENGINE, [raws[each.id] for each in found], ground)
    read = assembler(shared).snapshot(MachineCapture(time.time(), host, (NO_ENGINE,), captured))
    return tuple((state, ground) for state in read.containers)
