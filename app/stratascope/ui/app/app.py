"""Runs the window: application, Qt's own translations, theme, feed, and quitting on SIGINT or SIGTERM.

Qt ships its translations as files next to its libraries. A build may leave them out; Qt's texts are then English, which
is no reason not to start. Decided against translating them ourselves: Qt's are complete, and grow with it.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QObject, QSocketNotifier, Qt, QTimer, QTranslator
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication

from stratascope import garbage, resources
from stratascope.appimage_environment import own_plugins
from stratascope.core.snapshot import ContainerState, Snapshot, rank
from stratascope.i18n import translate as i18n
from stratascope.i18n.language import ENGLISH, PSEUDO, stretched
from stratascope.layers import all_layers
from stratascope.state import preferences
from stratascope.ui.app.notifier import Notifications
from stratascope.ui.app.single_instance import SingleInstance, raise_other
from stratascope.ui.kit.background import Feed, SettingsLike, WatchLike
from stratascope.ui.kit.theme import Theme, ThemeMode
from stratascope.ui.window.main_window import MainWindow, Services


class _Pseudo(QTranslator):
    """Qt's own texts in the pseudo-locale."""

    def isEmpty(self) -> bool:  # Qt skips translators that are empty
        return False

    def translate(self, context: str, text: str, /, disambiguation: str | None = None, n: int = -1) -> str:
        return stretched(text)


def speak(app: QCoreApplication) -> None:
    """Load Qt's translations for the program's language; call once per application."""
    for old in app.findChildren(QObject, "words"):
        if isinstance(old, QTranslator):
            app.removeTranslator(old)
            old.setParent(None)
    current = i18n.language()
    if current == ENGLISH:
        return
    translator = _Pseudo(app) if current == PSEUDO else QTranslator(app)
    translator.setObjectName("words")
    if current != PSEUDO:
        folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
        if not translator.load(QLocale(current), "qtbase", "_", folder):
            translator.setParent(None)
            return
    app.installTranslator(translator)


RESTART = 1000  # not an exit status of the program: those end at 255
SETTLED = 3000  # ms after the start, when the first frame has been painted
ASKED = 20_000  # ms in which a container that is to be shown may appear
TURN = 0.0005  # seconds: thread switch interval
THEME_VARIABLE = "STRATASCOPE_THEME"


def chosen_mode(settings: SettingsLike) -> ThemeMode:
    """Return the theme: from the environment, else from the settings, else from the desktop."""
    forced = os.environ.get(THEME_VARIABLE, "")
    known = forced in [mode.value for mode in ThemeMode]
    return ThemeMode(forced if known else preferences.THEME.of(settings))


def make_application(argv: list[str]) -> QApplication:
    """Create the one QApplication, with our names set."""
    existing = QApplication.instance()
    if isinstance(existing, QApplication):
        app = existing
    else:
        with own_plugins():
            app = QApplication(argv)
        # Objects made before the first frame live as long as the window, so later collections need not traverse them:
        # each traversal would block the window for 10 ms and more.
        gc.disable()
        QTimer.singleShot(SETTLED, app, lambda: _settle(app))
    # Decoding threads take turns with the window's thread, which returns to Python at each Qt call: with Python's
    # default interval of 5 ms a page that opens meanwhile would take twice as long.
    sys.setswitchinterval(TURN)
    app.setApplicationName("stratascope")
    app.setApplicationDisplayName("Stratascope")
    app.setDesktopFileName(resources.APPLICATION_ID)
    app.setWindowIcon(own_icon())
    app.setStyle("Fusion")
    speak(app)
    return app


def own_icon() -> QIcon:
    """The program's icon: as the desktop's theme draws it, else from our own file."""
    own = QIcon(str(resources.path(resources.ICON)))
    return QIcon.fromTheme(resources.APPLICATION_ID, own)


def _settle(app: QApplication) -> None:
    gc.freeze()
    looking = QTimer(app)
    looking.timeout.connect(garbage.collect)
    looking.start(garbage.EVERY)


def make_window(watch: WatchLike, services: Services | None = None, *, begun: bool = False) -> MainWindow:
    """Create the window with its feed. A QApplication must exist.

    `begun`: the engines are queried while the window is being made, since most of the start-up time is theirs.
    """
    services = Services() if services is None else services
    theme = Theme(chosen_mode(services.settings))
    theme.apply()
    feed = Feed(watch)
    if begun:
        feed.start()
    window = MainWindow(theme, all_layers(), feed, services)
    window.feed.pace(preferences.REFRESH.of(services.settings))
    if services.settings.trouble is not None:
        window.notices.settings.tell(services.settings.trouble)
    return window


def run(
    watch: WatchLike,
    argv: list[str],
    services: Services | None = None,
    *,
    demo: bool = False,
    where: Path | None = None,
    shows: str = "",
) -> int:
    """Show the window until it is closed; return the exit status, or RESTART if the user wants the program to start
    again.

    Every snapshot says whether it is `demo`; here it is only a hint. `where`: the socket on which further starts are
    received; `shows`: the name or id of the container to show, when it is known.
    """

    def raised(token: str, shown: str) -> None:  # once the event loop runs
        window.come_forward(token)
        _Asked(window, shown)

    app = make_application(argv)
    try:
        only = _only(where, raised)  # before the window is made: a second click comes soon
    except FileExistsError:  # another start was a moment earlier
        if where is not None and raise_other(where, os.environ, shows):
            return 0
        only = None
    window = make_window(watch, services, begun=True)
    window.notices.demo.setVisible(demo)
    quitting = _quit_on_signals(app, window)
    aside = None if window.hardening is None else window.hardening.set_aside
    notifications = Notifications(window, window.selection, window.settings, lambda: aside.kept if aside else ())
    window.reach.grew.connect(notifications.grew)
    notifications.notifier.clicked.connect(window.look_at)
    window.show()
    window.greet()
    window.start()
    _Asked(window, shows)
    try:
        status = app.exec()
        return RESTART if window.restarts else status
    finally:
        if only is not None:  # first: a start from now on is not to wait for a window that is gone
            only.close()
        quitting.setParent(None)
        window.stop()
        notifications.stop()


class _Asked(QObject):
    """Shows the container that was asked for, once it is among those listed."""

    def __init__(self, window: MainWindow, shown: str) -> None:
        super().__init__(window)
        self._window, self._shown = window, shown
        if shown:
            window.selection.snapshot_changed.connect(self._look)
            QTimer.singleShot(ASKED, self, self.deleteLater)
            if window.selection.snapshot is not None:
                self._look(window.selection.snapshot)

    def _look(self, snapshot: Snapshot) -> None:
        named = [state for state in snapshot.containers if self._is(state)]
        if named:
            self._window.selection.snapshot_changed.disconnect(self._look)
            self._window.look_at(min(named, key=rank).key)

    def _is(self, state: ContainerState) -> bool:
        container, shown = state.container, self._shown
        return container.name == shown or (len(shown) >= 12 and container.id.startswith(shown))


def _only(where: Path | None, came: Callable[[str, str], None]) -> SingleInstance | None:
    """Let further starts raise this window; None if that is impossible. Raises FileExistsError if another instance
    listens.
    """
    if where is None:
        return None
    try:
        return SingleInstance(where, came)
    except FileExistsError:
        raise
    except OSError:
        return None


class _QuitSignals(QObject):
    """Quits on a signal. Python's handlers run only in the interpreter, so the wake-up descriptor wakes Qt's event
    loop.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__()
        self._read, self._write = socket.socketpair()
        for end in (self._read, self._write):
            end.setblocking(False)
        self._window = window
        self._before = signal.set_wakeup_fd(self._write.fileno())
        self._notifier = QSocketNotifier(self._read.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._drain, Qt.ConnectionType.DirectConnection)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # nohup(1) means: keep running
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._end)

    def _drain(self) -> None:
        try:
            self._read.recv(64)
        except BlockingIOError:
            return

    def _end(self, number: int, frame: object) -> None:
        self._window.close()


def _quit_on_signals(app: QApplication, window: MainWindow) -> QObject:
    return _QuitSignals(window)
