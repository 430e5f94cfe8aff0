"""How containers that do not run would start: by what an engine of each kind gives a plain one, as recorded."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from stratascope import resources
from stratascope.core.capture import Capture
from stratascope.core.container import Container, Engine, EngineState
from stratascope.core.ground import Ground
from stratascope.core.machine_capture import MachineCapture
from stratascope.engines.open import translators
from stratascope.engines.shared.volumes.sub_ids import ids_of
from stratascope.layers import all_layers
from stratascope.sandbox import Access, access
from stratascope.usecases.live.foresight import Predictions
from stratascope.usecases.live.reader import Translations

if TYPE_CHECKING:
    from stratascope.usecases.check.baseline import Ids
    from stratascope.usecases.check.predictor import AsStarted


class Recorded:
    """A plain container of each kind of engine, read from our own file when it is first needed."""

    def __init__(self) -> None:
        self._shared = Translations(translators())
        self._capture: MachineCapture | None = None

    def all(self) -> MachineCapture:
        """As it was recorded."""
        if self._capture is None:
            from stratascope.state import capture_file

            self._capture = capture_file.load(resources.path("predicted/plain.json"))
        return self._capture

    def plain(self, engine: Engine, ground: Ground, ids: Ids | None) -> tuple[Container, Capture]:
        """What that engine gives where nothing is asked, and what would be read of it on that ground. `ids`: those of a
        rootless engine's user; one that is not here at all is judged by those that are usual.
        """
        from stratascope.usecases.check.baseline import USUAL, fitted

        name = f"{engine.kind}-rootless" if engine.rootless else engine.kind.value
        recorded = next(item for item in self.all().containers if item.raw.engine == name)
        ids = USUAL if engine.state is EngineState.ABSENT else ids
        return fitted(self._shared.container(recorded.raw, engine), recorded, engine, ground, ids)


def ids_here(engine: Engine) -> Ids | None:
    """Those of a rootless engine's user, where its /etc/subuid is the one that may be read here."""
    if not engine.rootless or not engine.local or engine.daemon_uid is None or access() is not Access.OUTSIDE:
        return None
    try:
        found = ids_of(engine.daemon_uid)
    except OSError:
        return None
    return found.users, found.groups


def foresight(*, here: bool = True) -> Predictions:
    """For a view; not `here`: of captures. All that predicts is loaded when the first container that does not run is
    looked at.
    """

    @cache
    def made() -> AsStarted:
        from stratascope.usecases.check.predictor import AsStarted

        recorded = Recorded()
        return AsStarted(
            all_layers(), lambda engine, ground: recorded.plain(engine, ground, ids_here(engine) if here else None)
        )

    return Predictions(lambda container, engine, ground: made().state(container, engine, ground))
