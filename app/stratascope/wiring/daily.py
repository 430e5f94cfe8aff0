"""The daily verbs on this environment's engines."""

from __future__ import annotations

from stratascope.core.container import EngineState
from stratascope.core.message import msg
from stratascope.core.ports import DailyEngine, EngineError
from stratascope.engines.open import daily_of
from stratascope.usecases.daily.daily import Daily
from stratascope.wiring.engines import LateEngines


def daily(late: LateEngines) -> Daily:
    """Each engine is opened when it is first asked."""

    def connect(engine: str) -> DailyEngine:
        port = next((port for port in late.get().ports if port.id == engine), None)
        if port is None:
            raise EngineError(EngineState.ABSENT, msg("The engine {name} is not among those found.", name=engine))
        return daily_of(port)

    return Daily(connect)
