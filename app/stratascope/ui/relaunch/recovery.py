"""What a crash left half done is put right, at the start and whenever an engine comes back."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from stratascope.core.container import EngineState
from stratascope.core.message import msg, plural
from stratascope.core.relaunch.twin import TwinRecord
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import Snapshot
from stratascope.ui.kit.background import Failure, QueryRunner
from stratascope.usecases.hardening import Hardening
from stratascope.usecases.relaunch.recovery import Recovered, Result

_PUT_RIGHT = (Result.FINISHED, Result.UNDONE)


class CrashRecovery(QObject):
    """`looked`: it was tried. `mended`: something was put right. `told` has a message, and the other side's words."""

    looked = Signal()
    mended = Signal()
    told = Signal(object, str)

    def __init__(self, hardening: Hardening, queries: QueryRunner, parent: QObject) -> None:
        super().__init__(parent)
        self._hardening, self._queries = hardening, queries
        self._unmended = False  # something is left half done that could not be put right yet
        self._connected: frozenset[str] = frozenset()

    def recover(self) -> None:
        """Try it."""
        self._queries.ask("recover", self._hardening.recover, self._recovered)

    def follow(self, snapshot: Snapshot) -> None:
        """Try it again where an engine is back."""
        connected = frozenset(each.id for each in snapshot.engines if each.state is EngineState.CONNECTED)
        if not snapshot.demo and self._unmended and connected - self._connected:
            self.recover()
        self._connected = connected

    def _recovered(self, answer: tuple[Recovered, ...] | Failure) -> None:
        failures = [answer] if isinstance(answer, Failure) else [Failure(each.error) for each in answer if each.error]
        self._unmended = bool(failures)
        self.looked.emit()
        if failures:
            failed = () if isinstance(answer, Failure) else tuple(each.transaction for each in answer if each.error)
            if failed and isinstance(failed[0], TwinRecord):
                text = msg("A twin that was left over from a trial can't be removed yet: {why}",
                           why=failures[0].message)  # fmt: skip
            else:
                text = msg("An interrupted relaunch can't be repaired yet: {why}", why=failures[0].message)
            self.told.emit(text, failures[0].words)
        done = () if isinstance(answer, Failure) else tuple(each for each in answer if each.result in _PUT_RIGHT)
        if not done:
            return
        if not failures:
            names = ", ".join(plain(each.transaction.name, 60) for each in done[:5])
            text = plural(
                "An interrupted relaunch was repaired: {names}.",
                "{count} interrupted relaunches were repaired: {names}.",
                len(done),
                names=names,
            )
            self.told.emit(text, "")
        self.mended.emit()
