"""Candidates for a shell at the press of Tab: names of containers, engines, toggles; one a line.

Not in the parser, so that no help lists it. A person waits for each of these: an engine that has not answered in time
is left out, and nothing is ever said about it.
"""

from __future__ import annotations

import contextlib
import re
import sys
import threading
import time
from collections.abc import Sequence

WORD = "__complete"  # the first word of such a call
PATIENCE = 3.0  # seconds; 20 containers take 0.2, and 1 on a machine that is overloaded
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]*\Z")  # what shells take as one word, whatever an engine says


def run(words: Sequence[str]) -> int:
    """Print the candidates of this kind."""
    kinds = {"containers": _containers, "engines": _engines, "toggles": _toggles}
    found = kinds[words[0]]() if len(words) == 1 and words[0] in kinds else []
    sys.stdout.write("".join(f"{name}\n" for name in dict.fromkeys(found)))
    return 0


def _toggles() -> list[str]:
    from stratascope.layers.toggles import all_toggles

    found = []
    for each in all_toggles():
        found += [f"{each.id}={word}" for word in each.words]
        if each.placeholder or each.only_gives:
            found.append(f"{each.id}=")
    return found


def _engines() -> list[str]:
    from stratascope.wiring.engines import find_engines

    return [port.id for port in find_engines().ports if _PLAIN.match(port.id)]


def _containers() -> list[str]:
    from stratascope.wiring.engines import find_engines, translations

    ports = find_engines().ports
    shared = translations()
    found: list[list[str]] = [[] for _ in ports]

    def ask(number: int) -> None:
        with contextlib.suppress(Exception):  # whatever an engine does, a shell shows no traceback
            engine = ports[number].describe()
            found[number] = [shared.container(raw, engine).name for raw in ports[number].list()]

    asking = [threading.Thread(target=ask, args=(number,), daemon=True) for number in range(len(ports))]
    for thread in asking:
        thread.start()
    end = time.monotonic() + PATIENCE
    for thread in asking:
        thread.join(max(0.0, end - time.monotonic()))
    return sorted(name for names in found for name in names if _PLAIN.match(name))
