"""What window and command line show: this machine as it changes, or captures; the history; and the recorded defaults of
each kind of engine, which predict a container that does not run.
"""

from __future__ import annotations

import os
import stat
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache, partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from stratascope import resources, sandbox
from stratascope.collector.names import HOST_PROGRAMS
from stratascope.core.capture import Capture, Reading
from stratascope.core.container import Container, Engine, EngineState
from stratascope.core.ground import Ground, SpecialFile
from stratascope.core.ports import ProbeError, Wish
from stratascope.core.snapshot import MachineCapture, Snapshot
from stratascope.engines.shared.endpoint import peer_pid
from stratascope.engines.shared.json_reader import without_labels
from stratascope.engines.shared.volume_files import ids_of
from stratascope.layers import all_layers
from stratascope.probe.local import LocalProber
from stratascope.sandbox import Access, access
from stratascope.state import capture_file
from stratascope.usecases.live.predictions import Predictions
from stratascope.usecases.live.recorded import RecordedView, SharedTexts
from stratascope.value import replace
from stratascope.wiring.engines import LateEngines, assembler, demo_snapshot, translations

if TYPE_CHECKING:
    from stratascope.usecases.check.baseline import Ids
    from stratascope.usecases.check.predictor import AsStarted
    from stratascope.usecases.history.history import History
    from stratascope.usecases.history.recorder import Recorder
    from stratascope.usecases.live.live_view import DeferredLiveView


def recorded_view(paths: Sequence[Path]) -> RecordedView:
    """The view of these captures, for the window."""
    texts = SharedTexts()
    return RecordedView([(name, partial(read, path, texts)) for name, path in named(paths)], predictions(here=False))


def named(paths: Sequence[Path]) -> list[tuple[str, Path]]:
    """Each path once, named as its file, and by its directory too if several have the same name."""
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
    """Read a capture. `texts`: shared with other captures in memory. Raises ProbeError if it is damaged, OSError."""
    capture = capture_file.load(path)
    return assembler().snapshot(capture if texts is None else texts.of(capture), demo=True)


def save(capture: MachineCapture, path: Path, *, labels: bool) -> None:
    """Save a capture, readable by its owner only. `labels`: keep all, else only grouping ones. Raises OSError."""
    if not labels:
        held = (
            replace(each, raw=replace(each.raw, inspect=without_labels(each.raw.inspect)))
            for each in capture.containers
        )
        capture = replace(capture, containers=tuple(held))
    capture_file.save(capture, path)


class Recorded:
    """A plain container of each kind of engine, read from our own file when first needed."""

    def __init__(self) -> None:
        self._shared = translations()
        self._capture: MachineCapture | None = None

    def all(self) -> MachineCapture:
        """The whole capture."""
        if self._capture is None:
            from stratascope.state import capture_file

            self._capture = capture_file.load(resources.path("predicted/plain.json"))
        return self._capture

    def plain(self, engine: Engine, ground: Ground, ids: Ids | None) -> tuple[Container, Capture]:
        """The default container of that engine, and what would be read of it on that ground. `ids`: of a rootless
        engine's user; for an engine that is absent, the usual ones.
        """
        from stratascope.usecases.check.baseline import USUAL, fitted

        name = f"{engine.kind}-rootless" if engine.rootless else engine.kind.value
        recorded = next(item for item in self.all().containers if item.raw.engine == name)
        ids = USUAL if engine.state is EngineState.ABSENT else ids
        return fitted(self._shared.container(recorded.raw, engine), recorded, engine, ground, ids)


class ProgramsHere:
    """What programs this machine runs, which a container may see; read again after a while."""

    def __init__(self) -> None:
        self._found: tuple[Reading, ...] = ()
        self._read_at = -PROGRAMS_KEPT

    def beside(self, plain: Capture) -> Capture:
        """The readings of a plain container with those. Unknown from within a Flatpak, which has its own /proc."""
        now = time.monotonic()
        if access() is Access.OUTSIDE and now - self._read_at >= PROGRAMS_KEPT:
            self._read_at = now
            try:
                found = LocalProber().capture((Wish(1, ("status", HOST_PROGRAMS), members=False),))[0].first.readings
            except (OSError, ProbeError):
                found = ()
            self._found = tuple(each for each in found if each.name == HOST_PROGRAMS)
        return replace(plain, readings=(*plain.readings, *self._found))


def daemon_here(engine: Engine, ground: Ground) -> tuple[Engine, Ground]:
    """Both as the engine's process has them, if it is on this machine and can be read; see `usecases.check.daemon`."""
    if not engine.local or engine.state is not EngineState.CONNECTED or access() is not Access.OUTSIDE:
        return engine, ground
    from stratascope.usecases.check.daemon import OF_THREAD, WANTS, of_daemon

    pid = process_of(engine)
    ground = replace(ground, nodes=_nodes_here())
    if pid is None:
        return engine, ground
    try:
        tasks = (int(task.name) for task in islice(Path(f"/proc/{pid}/task").iterdir(), _THREADS_MOST))
        threads = [task for task in tasks if task != pid]
        wishes = (Wish(pid, WANTS, members=False), *(Wish(each, OF_THREAD, members=False) for each in threads))
        found, *others = LocalProber().capture(wishes)
    except (OSError, ProbeError):
        return engine, ground
    return of_daemon(engine, ground, found.first, [each.first for each in others])


def process_of(engine: Engine) -> int | None:
    """The process that answers for an engine of this machine; None if there is none."""
    there = engine.local and engine.state is EngineState.CONNECTED
    return peer_pid(Path(engine.endpoint.removeprefix("unix://"))) if there else None


_NODES_MOST = 4000
_THREADS_MOST = 64  # of an engine: some dozens
PROGRAMS_KEPT = 10.0  # seconds


def _nodes_here() -> tuple[SpecialFile, ...] | None:
    """This machine's device nodes; None if they can't all be listed."""
    found, folders, left = list[SpecialFile](), ["/dev"], _NODES_MOST
    try:
        device = os.lstat("/dev").st_dev
        for folder in folders:  # it grows
            for item in sorted(os.scandir(folder), key=lambda each: each.name):
                left -= 1
                about = item.stat(follow_symlinks=False)
                kind = "b" if stat.S_ISBLK(about.st_mode) else "c" if stat.S_ISCHR(about.st_mode) else ""
                if stat.S_ISDIR(about.st_mode) and about.st_dev == device:
                    folders.append(item.path)
                elif kind:
                    numbers, mode = (os.major(about.st_rdev), os.minor(about.st_rdev)), stat.S_IMODE(about.st_mode)
                    file = f"{os.major(device)}:{os.minor(device)}:{about.st_ino}"
                    found.append(SpecialFile(kind, *numbers, about.st_uid, about.st_gid, mode, file, item.path))
            if left < 0:
                return None
    except OSError:
        return None
    return tuple(found)


def ids_here(engine: Engine) -> Ids | None:
    """The id ranges of a rootless engine's user: as it reports them, else if its /etc/subuid can be read here."""
    if engine.rootless and engine.facts.id_maps:
        users, groups = (
            tuple(range(outside, outside + size) for _, outside, size in each) for each in engine.facts.id_maps
        )
        return users, groups
    if not engine.rootless or not engine.local or engine.daemon_uid is None or access() is not Access.OUTSIDE:
        return None
    try:
        found = ids_of(engine.daemon_uid)
    except OSError:
        return None
    return found.users, found.groups


def predictions(*, here: bool = True) -> Predictions:
    """Predictions for a view; not `here`: for captures. All is loaded when the first stopped container is shown."""

    @cache
    def made() -> AsStarted:
        from stratascope.engines.shared.runtime_state import profile_here
        from stratascope.usecases.check.predictor import AsStarted

        recorded, programs = Recorded(), ProgramsHere()

        def plain(engine: Engine, ground: Ground) -> tuple[Engine, Ground, Container, Capture]:
            if not here:
                return engine, ground, *recorded.plain(engine, ground, None)
            engine, ground = daemon_here(engine, ground)
            container, read = recorded.plain(engine, ground, ids_here(engine))
            return engine, ground, container, programs.beside(read) if engine.local else read

        return AsStarted(all_layers(), plain, profile_here if here and access() is Access.OUTSIDE else None)

    return Predictions(lambda container, engine, ground: made().state(container, engine, ground))


def live_view(late: LateEngines | None = None) -> DeferredLiveView:
    """The live view of this environment's engines, for the window, which closes them at its end."""
    from stratascope.probe.control_groups import UseCounters
    from stratascope.usecases.live.live_view import DeferredLiveView, LiveView

    def make() -> tuple[LiveView, Callable[[], None]]:
        engines = (late or LateEngines()).get()
        shared = translations()
        root = None if engines.access is sandbox.Access.WITHHELD else engines.root()
        watch = LiveView(
            engines.ports,
            engines.reader(shared),
            assembler(shared),
            demo_snapshot,
            root,
            predictions(),
            groups=UseCounters,
        )
        return watch, engines.close

    return DeferredLiveView(make)


def history() -> History:
    """The history of this user's containers, for reading."""
    from stratascope.state.history import FileHistory
    from stratascope.state.journal import FileJournal
    from stratascope.usecases.history.history import History

    return History(FileHistory(), FileJournal().all)


def recorder() -> Recorder:
    """The recorder, which the window uses while it is open."""
    from stratascope.probe.control_groups import UseCounters
    from stratascope.state.history import FileHistory
    from stratascope.state.journal import FileJournal
    from stratascope.usecases.history.recorder import Recorder

    return Recorder(FileHistory(), UseCounters(), FileJournal().twins)
