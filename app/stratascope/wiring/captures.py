"""Captures as files: opened in the place of this machine, and written so that they can be shown to others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from stratascope.core.machine_capture import MachineCapture
from stratascope.core.snapshot import Snapshot
from stratascope.engines.shared.json_reader import without_labels
from stratascope.state import capture_file
from stratascope.usecases.live.recorded import RecordedView, SharedTexts
from stratascope.value import replace
from stratascope.wiring.engines import assembler
from stratascope.wiring.foresight import foresight


def recorded_view(paths: Sequence[Path]) -> RecordedView:
    """For the window."""
    texts = SharedTexts()
    return RecordedView([(name, partial(read, path, texts)) for name, path in named(paths)], foresight(here=False))


def named(paths: Sequence[Path]) -> list[tuple[str, Path]]:
    """Each once, named as its file, and by its folder too where several are called the same."""
    once = list(dict.fromkeys(path.absolute() for path in paths))
    count = Counter(path.stem for path in once)
    used: Counter[str] = Counter()
    found = []
    for path in once:
        name = path.stem if count[path.stem] == 1 else f"{path.parent.name}/{path.stem}"
        used[name] += 1
        found.append((name if used[name] == 1 else f"{name} ({used[name]})", path))
    return found


def read(path: Path, texts: SharedTexts | None = None) -> Snapshot:
    """What stands in it. `texts`: of the captures that are kept beside it. Raises ProbeError with what is wrong with
    it, OSError.
    """
    capture = capture_file.load(path)
    return assembler().snapshot(capture if texts is None else texts.of(capture), demo=True)


def save(capture: MachineCapture, path: Path, *, labels: bool) -> None:
    """Readable by its owner only. `labels`: with all of them, else with those that group containers. Raises OSError."""
    if not labels:
        held = (
            replace(each, raw=replace(each.raw, inspect=without_labels(each.raw.inspect)))
            for each in capture.containers
        )
        capture = replace(capture, containers=tuple(held))
    capture_file.save(capture, path)
