"""What a twin wrote, before it is stopped and after it is started again.

An unchanged twin shows what its program leaves as it is: that has to outlive each start, wherever it lies. A changed
one shows whether what went into its new volumes is still there.
"""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterable, Sequence
from itertools import islice

from stratascope.core.container import Container
from stratascope.core.message import Message, msg
from stratascope.core.ports import EngineError, RefusedError, Relauncher
from stratascope.core.relaunch.data_volume import Entry
from stratascope.core.relaunch.toggle import Choice
from stratascope.core.relaunch.trial import Lasting, Loosening
from stratascope.layers.namespaces.written import in_temporary_place, some
from stratascope.layers.shared.host_paths import within
from stratascope.usecases.plan.written_files import own_files
from stratascope.usecases.relaunch.carried import outermost

_PLACES, _ENTRIES = 32, 20_000

Files = dict[str, Entry]  # by path


def of_layer(port: Relauncher, container: str, original: Container) -> Files:
    """What lies in its writable layer. Empty if that is too much to compare. Raises EngineError."""
    changes = own_files(original, port.changes(container))
    kept = [change for change in changes if change.kind != "deleted" and not in_temporary_place(change.path)]
    places = outermost(kept)
    if len(places) > _PLACES:
        return {}
    own = of_places(port, container, [change.path for change in places if change.kind == "added"])
    # of a changed directory only what it is itself: below it also lies what the image has
    return own | of_places(port, container, [change.path for change in places if change.kind != "added"], most=1)


def of_places(port: Relauncher, container: str, places: Sequence[str], most: int = _ENTRIES) -> Files:
    """Regular files and links at and below these paths, `most` entries of each. Raises EngineError."""
    found: Files = {}
    for place in places:
        try:
            for entry in islice(port.contents(container, place), min(most, _ENTRIES - len(found))):
                if entry.kind in "fl":
                    found[posixpath.join(place, entry.path) if entry.path else place] = entry
        except RefusedError:  # a socket
            continue
    return found


def lasting(before: Files, after: Files) -> Lasting:
    """Of an unchanged twin. Files written anew have another time, in seconds."""
    stay = (path for path, entry in before.items() if after.get(path) == entry)
    return Lasting(tuple(sorted(stay)), tuple(sorted(before.keys() - after.keys())))


def in_memory_only(places: Iterable[str], known: Lasting) -> dict[str, tuple[str, ...]]:
    """New tmpfs, each with what the program would not make again at a start."""
    found = {}
    for place in places:
        lost = tuple(path for path in known.stay if within(path, place))
        if lost and not in_temporary_place(place):
            found[place] = lost
    return found


def gone(before: Files, after: Files, known: Lasting) -> tuple[str, ...]:
    """Of new volumes: what is no longer there, but where the program removes files by itself."""
    removes = {posixpath.dirname(path) for path in known.gone}
    return tuple(sorted(path for path in before.keys() - after.keys() if posixpath.dirname(path) not in removes))


def lost_in_memory(found: dict[str, tuple[str, ...]]) -> Message:
    return msg("A tmpfs would lose what it keeps there at each start: {paths}.",
               paths=some([path for paths in found.values() for path in paths]))  # fmt: skip


def unread(error: EngineError) -> Message:
    return msg("Whether its files are there after a restart can't be read: {why}", why=error.message)


def without_places(toggle: str, choices: Sequence[Choice], places: Collection[str]) -> tuple[Loosening, ...]:
    """The same choice without these paths, if it is one of those."""
    return tuple(
        Loosening(item.id, Choice(item.toggle, ",".join(left)) if left else None, certain=True)
        for item in choices
        if item.id == toggle
        for left in [[word for word in item.value.split(",") if word.partition(":")[0] not in places]]
    )
