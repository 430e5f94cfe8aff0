"""A live view that is still being made: what a window learns where that fails, and that it is tried again."""

from __future__ import annotations

import queue
from collections.abc import Callable

import pytest

from stratascope.core.message import msg
from stratascope.core.ports import ProbeError
from stratascope.core.snapshot import Snapshot
from stratascope.i18n.translate import translate
from stratascope.usecases.live.live_view import DeferredLiveView, LiveView
from stratascope.wiring.engines import Engines, assembler, translations


class Maker:
    """Fails with that error the first time."""

    def __init__(self, error: Exception) -> None:
        self.error: Exception | None = error
        self.given_back = 0

    def __call__(self) -> tuple[LiveView, Callable[[], None]]:
        error, self.error = self.error, None
        if error is not None:
            raise error
        shared, engines = translations(), Engines(())

        def give_back() -> None:
            self.given_back += 1
            engines.close()

        return LiveView((), engines.reader(shared), assembler(shared)), give_back


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ProbeError(msg("There is no such engine.")), "There is no such engine."),
        (ValueError("a\x1b[2J b"), "This is a bug in this program (a\\x1b[2J b)."),
        (KeyError(), "This is a bug in this program (KeyError)."),
    ],
)
def test_why_engines_can_not_be_looked_for_is_told_and_they_are_looked_for_again(
    error: Exception, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    pictures: queue.Queue[Snapshot] = queue.Queue()
    make = Maker(error)
    view = DeferredLiveView(make)
    view.start(pictures.put)
    try:
        first = pictures.get()
        assert first.unsought is not None
        assert translate(first.unsought) == told
        assert (first.engines, first.containers, first.demo) == ((), (), False)
        assert bool(caplog.records) is not isinstance(error, ProbeError), "a fault of ours keeps its traceback"
        caplog.clear()
        view.refresh()
        assert pictures.get().unsought is None
    finally:
        view.stop()
    assert make.given_back == 1


def test_nothing_is_told_after_the_end() -> None:
    pictures: queue.Queue[Snapshot] = queue.Queue()
    view = DeferredLiveView(Maker(ProbeError(msg("There is no such engine."))))
    view.stop()
    view.start(pictures.put)
    view.stop()
    assert pictures.empty()
