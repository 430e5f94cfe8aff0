"""What the desktop's tray says of a snapshot: the alert's line, and the worst containers."""

from __future__ import annotations

from stratascope.core.message import Message, colon, msg, plural
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState, Snapshot, rank
from stratascope.i18n.translate import listed, translate
from stratascope.presentation.takeover import Judges, none_could, not_known, runs, unseen_engines
from stratascope.value import Value

NAMED = 3  # containers


class TrayLines(Value):
    """Translated. `worst`: by key, the worst first; `alarm`: one could take over."""

    line: str
    alarm: bool
    worst: tuple[tuple[tuple[str, str], str], ...]


def tray_lines(snapshot: Snapshot, judges: Judges) -> TrayLines:
    """`judges`: kept by the caller, so that only what changed is judged."""
    found, unseen = judges.taking_over(snapshot.containers), unseen_engines(snapshot)
    count = len(found.could)
    if count:
        head = plural("{count} of {total} could take over", "{count} of {total} could take over", count,
                      total=found.total)  # fmt: skip
    else:
        head = none_could(found, unseen)
    line = listed([translate(head), *not_known(found, unseen)])
    running = sorted((each for each in snapshot.containers if runs(each) and each.matrix is not None), key=rank)
    return TrayLines(line, bool(count), tuple((each.key, translate(_told(each))) for each in running[:NAMED]))


def _told(state: ContainerState) -> Message:
    assert state.matrix is not None
    exposure, name = state.matrix.exposure, plain(state.container.name, 60)
    most, least = f"{exposure.worst:.1f}", f"{exposure.best:.1f}"
    if most == least:
        return colon(name, most)
    return msg("{name}: {number}, at best {best}", name=name, number=most, best=least)
