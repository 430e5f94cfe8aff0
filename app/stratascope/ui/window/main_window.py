"""The main window: list at the left, the page of the selected container in the middle, its hardening at the right.

It creates its parts and connects them; they show the selection, which follows the feed. Nothing here reads or decodes.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property, partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, Qt, QTimer
from PySide6.QtGui import QCloseEvent, QKeyEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QLineEdit, QMainWindow, QPlainTextEdit, QWidget

from stratascope.core.layer import Finding, Layer
from stratascope.core.message import msg
from stratascope.core.snapshot import PrivilegeState, Snapshot
from stratascope.i18n.translate import translate
from stratascope.ui.captures import CaptureController, CaptureFiles
from stratascope.ui.changes.feed import ChangesFeed
from stratascope.ui.compare import CompareController
from stratascope.ui.containers.column import ContainerColumn
from stratascope.ui.containers.rows import ViewBy
from stratascope.ui.daily.controller import DailyController
from stratascope.ui.denied.ending import EndingFeed, command_with
from stratascope.ui.denied.refusal_feed import RefusalFeed
from stratascope.ui.findings.acceptances import Acceptances, AcceptedList
from stratascope.ui.findings.list import AcceptDialog, FindingsColumn
from stratascope.ui.guide import topics
from stratascope.ui.harden.exports import Exports
from stratascope.ui.harden.next_step import Act
from stratascope.ui.harden.relaunch_draft import RelaunchDraft
from stratascope.ui.history.feed import ExposureLines, HistoryFeed, MakeHistory
from stratascope.ui.kit import feedback, focus_order
from stratascope.ui.kit.background import Feed, MemorySettings, SettingsLike
from stratascope.ui.kit.feedback import Clipboard, Report
from stratascope.ui.kit.page import MACHINE, Parts, View
from stratascope.ui.kit.selection import FirstUse, Key, Selection
from stratascope.ui.kit.theme import Theme, ThemeMode
from stratascope.ui.many.controller import ManyController
from stratascope.ui.reach.feed import ReachFeed
from stratascope.ui.reach.feed import Read as ReadReach
from stratascope.ui.relaunch.controller import RelaunchController
from stratascope.ui.relaunch.results import Results
from stratascope.ui.reports import ReportController
from stratascope.ui.threats.feed import AttemptsFeed, Tries, Where
from stratascope.ui.tighten.controller import TrialController, TwinsOf
from stratascope.ui.use.observation_feed import ObservationFeed, used, watched_text
from stratascope.ui.window.actions import PAGE_FIRST, Actions
from stratascope.ui.window.first_hints import AGENT, FirstHints, agent_hint, first_hints
from stratascope.ui.window.layout import WindowLayout, least_size
from stratascope.ui.window.notices import Notices
from stratascope.ui.window.page_stack import AsText, Pages
from stratascope.ui.window.strata_page import StrataPage
from stratascope.ui.window.toolbar import Toolbar
from stratascope.usecases.daily.daily import Daily
from stratascope.usecases.hardening import Hardening, HardeningTogether
from stratascope.usecases.observe.service import ObservationService
from stratascope.usecases.reach.agents import agents
from stratascope.usecases.refusals.service import RefusalService
from stratascope.value import Value, field

if TYPE_CHECKING:
    from stratascope.ui.before.column import Before  # imports all that judges texts
    from stratascope.ui.guide.learn import LearnDialog, Teach
    from stratascope.ui.window.settings_dialog import Preferences


class Services(Value):
    """What the window works with. `report` and `exports` write what is shown and planned as text; `before` judges what
    is not started yet; `reach` reads what a container can get at, and `tries`
    really tries it; `attempts` tries threats, by where; `teach`, a lesson's stage.
    """

    settings: SettingsLike = field(default_factory=MemorySettings)
    report: Report | None = None
    hardening: Hardening | None = None
    exports: Exports | None = None
    learning: ObservationService | None = None
    twins: TwinsOf | None = None
    history: MakeHistory | None = None
    daily: Daily | None = None
    captures: CaptureFiles | None = None
    accepted: AcceptedList | None = None
    before: Before | None = None
    reach: ReadReach | None = None
    tries: ReadReach | None = None
    attempts: Mapping[Where, Tries] = field(default_factory=dict)
    teach: Teach | None = None


TELL_AGE = 5000  # ms between updates of the ages in view, and of what is set aside
LOOK_AGAIN = 30_000  # ms between looks of all panes, though nothing was told to have changed


class MainWindow(QMainWindow):
    """The window; shows the feed's snapshots, and offers what its services can do."""

    def __init__(
        self,
        theme: Theme,
        layers: tuple[Layer, ...],
        feed: Feed,
        services: Services,
    ) -> None:
        super().__init__()
        settings, hardening, learning = services.settings, services.hardening, services.learning
        self.theme, self.feed, self.settings = theme, feed, settings
        self.restarts, self._stopped = False, False  # whether to start the program again once it has ended
        self._tabs = False  # whether the current key is Tab
        self._key_at: QWidget | None = None  # the widget that had the focus when the current key was pressed
        self.setWindowTitle(translate(msg("Stratascope")))
        self.setMinimumSize(least_size(theme, self.screen().availableSize()))
        self.selection = selection = Selection(self)
        self._use = FirstUse(selection)
        self.toolbar = Toolbar(theme, selection)
        self.notices = Notices(theme, selection)
        self.containers = ContainerColumn(theme, selection, self.toolbar.views.machine, settings)
        self.acceptances = Acceptances(services.accepted, self)
        self.strata_page = StrataPage(theme, layers, selection, self.acceptances)
        self.watching = ObservationFeed(learning, self)
        explaining = None if learning is None or hardening is None else RefusalService(learning, hardening)
        self.refused = RefusalFeed(
            None if explaining is None else explaining.of, self.watching, selection, settings, self
        )
        self.history_feed = HistoryFeed(services.history, self)
        self.endings = (
            None
            if explaining is None or hardening is None
            else EndingFeed(theme, explaining.ending, partial(command_with, hardening), self)
        )
        self.changes = ChangesFeed(self.history_feed, settings, self)
        self.reach = ReachFeed(services.reach, selection, self, services.tries)
        self.attempts = AttemptsFeed(services.attempts, selection, self)
        self.teach: Teach | None = services.teach
        self.lessons: LearnDialog | None = None
        asked = (
            *(self.watching, self.refused, self.history_feed, self.changes, self.acceptances, self.reach),
            self.attempts,
        )
        parts = Parts(theme, layers, selection, asked, hardening is not None, services.before)
        self.pages = Pages(parts, self.strata_page, self.toolbar.views)
        self.pages.empty.learn = None if self.teach is None else self.learn
        self.hardening: RelaunchController | None = None
        self.trials: TrialController | None = None
        self.results: Results | None = None
        self.many: ManyController | None = None
        if hardening is not None:
            self.hardening = side = RelaunchController(
                self, theme, layers, hardening, selection, feed, settings, services.exports
            )
            self.trials = TrialController(self, theme, hardening, side, selection, settings, services.twins)
            self.results = Results(layers, hardening, selection, self.refused, self.watching, self)
            together = HardeningTogether(hardening)
            self.many = ManyController(
                self, theme, together, side, selection, feed, lambda: self.containers.model.query
            )
        column = None if self.hardening is None else self.hardening.column
        self.findings = FindingsColumn(theme, layers, selection, self.acceptances)
        self.window_layout = WindowLayout(
            self, theme, selection, self.toolbar, self.notices, self.containers, self.pages, self.findings, column
        )
        self.guide = topics.Guide(self, theme, self._topic, self.learn)
        self.clipboard = Clipboard(self, selection, services.report)
        self.reports = None if services.report is None else ReportController(self, selection, services.report)
        self.actions_ = Actions(self)
        cards = self.strata_page.header.card, self.pages.header.card
        self.hints = FirstHints(theme, self, settings, first_hints(self.containers, cards, self.toolbar.views))
        self.agent_hint: FirstHints | None = None
        self.containers.view.set_reach(self.reach.worst)
        self.reach.told.connect(lambda _: self.containers.view.viewport().update())
        self.daily = DailyController(self, theme, services.daily, selection, self.containers, settings, feed.refresh)
        self.exposure_lines = ExposureLines(self.history_feed, self.containers.view.viewport().update, self)
        self.containers.view.set_past(self.exposure_lines.of)
        self.compare = CompareController(self, theme, layers, selection)
        self.daily.compare = self.compare.ask
        self.captures = (
            None
            if services.captures is None
            else CaptureController(self, theme, services.captures, self.notices.captures, self.notices.settings.tell)
        )
        command = partial(command_with, hardening) if hardening is not None and services.before is not None else None
        self.as_text = None if command is None else AsText(command, self.pages, selection, self.notices.settings.tell)
        self.clock = QTimer(self)
        self.clock.setInterval(TELL_AGE)
        self.looks = QTimer(self)
        self.looks.setInterval(LOOK_AGAIN)
        self._connect()
        self._serve_guide()
        if self.hardening is not None:
            self._connect_hardening(self.hardening)
            self._connect_results(self.hardening)
        if (ends := self.endings) is not None:
            self.pages.when_made(View.DENIED, lambda page: ends.join(page.above, page.ending_wanted, page.allow_wanted))
        runs = (
            (self.many, topics.MANY),
            (self.hardening, topics.RELAUNCH),
        )
        trials = () if self.trials is None else (self.trials,)
        self._runs = (*trials, *(run for run, _ in runs if run is not None))
        for each in trials:
            each.closed.connect(self.close)
            each.sheet_made.connect(partial(self.guide.serve, topic=topics.TRIALS))
        for run, topic in runs:
            if run is not None:
                run.closed.connect(self.close)
                run.dialog_made.connect(partial(self.guide.serve, topic=topic))
        self.actions_.register()
        self.clock.start()
        self.looks.start()
        self._restore()
        self.window_layout.resized()

    @cached_property
    def preferences(self) -> Preferences:
        """The settings; created when first used."""
        from stratascope.ui.window.settings_dialog import Preferences

        made = Preferences(self, self.theme, self.feed, self.settings)
        made.restart_wanted.connect(self.restart)
        return made

    def show_settings(self, choice: str = "") -> None:
        """Open the settings, at that choice."""
        self.preferences.show_dialog(choice)

    def choose_theme(self, mode: ThemeMode) -> None:
        """Use that theme, and store it."""
        self.preferences.choose_theme(mode)

    # -- connecting the parts

    def _connect(self) -> None:
        self.feed.snapshot.connect(self.history_feed.see)
        self.feed.snapshot.connect(self._show)
        self.selection.chosen.connect(self.feed.focus)
        self.selection.snapshot_changed.connect(self.watching.follow)
        self.toolbar.down = self.containers.view
        self.toolbar.went_down.connect(self.containers.first_found)
        self.toolbar.filter.entered.connect(self._open_found)
        self.toolbar.elevate_wanted.connect(self.feed.elevate)
        self.notices.demo.asked.connect(self.toolbar.show_engines)
        self._connect_daily()
        self.containers.opened.connect(self.pages.leave_fleet)
        self.containers.view_by_changed.connect(lambda view_by: self.settings.set("view_by", view_by.value))
        self.pages.fleet_left.connect(self.containers.take_focus)
        self.pages.turned.connect(lambda: self.containers.set_elsewhere(self.pages.view in MACHINE))
        self.pages.filter_wanted.connect(lambda: self.toolbar.filter.setFocus(Qt.FocusReason.ShortcutFocusReason))
        self.pages.when_made(View.PROCESSES, lambda page: page.refresh_wanted.connect(self.feed.refresh))
        self.pages.when_made(View.REACH, lambda page: page.root_wanted.connect(self.toolbar.elevate))
        self.pages.when_made(View.MATRIX, lambda page: page.details.save_wanted.connect(self._save_read))
        self.acceptances.failed.connect(self.notices.settings.tell)
        self.pages.when_made(View.CHANGES, lambda page: page.accept_wanted.connect(self.accept))
        self.clock.timeout.connect(self.containers.tell_age)
        self.looks.timeout.connect(self.selection.look_again)
        for header in (self.strata_page.header, self.pages.header):
            self.clock.timeout.connect(header.tell_age)
        for card in (self.strata_page.header.card, self.pages.header.card):
            card.root_wanted.connect(self.toolbar.elevate)
            card.again_wanted.connect(self.feed.refresh)
        self.strata_page.panel.root_wanted.connect(self.toolbar.elevate)

    def learn(self, lesson: str = "") -> None:
        """Open the lessons, at that one's beginning if one is named."""
        if self.teach is None:
            feedback.tell(self.guide.shown or self, translate(msg("Nothing can be tried here.")))
            return
        if self.lessons is None:
            from stratascope.ui.guide.learn import LearnDialog

            ground = None if self.selection.snapshot is None else self.selection.snapshot.ground
            selinux = ground is not None and bool(ground.selinux)
            self.lessons = made = LearnDialog(self.theme, self.pages.layers, self.teach, self, selinux=selinux)
            self.guide.serve(made, lambda: (topics.LAYERS, made.lesson.layer))
        self.lessons.choose(lesson)
        self.lessons.show()
        self.lessons.raise_()
        self.lessons.activateWindow()

    def _open_found(self) -> None:
        """Show the container that the filter led to, also from a page of the machine."""
        if self.selection.key in self.selection.listed():
            self.pages.leave_fleet()

    def _save_read(self) -> None:
        if self.captures is not None:
            self.captures.ask_save()

    def _connect_daily(self) -> None:
        for header in (self.strata_page.header, self.pages.header):
            header.put_right(self.daily.make_buttons())
        self.pages.logs_wanted.connect(self.daily.logs)

    def _show(self, snapshot: Snapshot) -> None:
        if not snapshot.demo:
            self.changes.begin()
        self.selection.show_snapshot(snapshot if self.trials is None else self.trials.without_twins(snapshot))

    def _serve_guide(self) -> None:
        serve, strata_page = self.guide.serve, self.strata_page
        for part in (self.toolbar.popup, self.toolbar.engines):
            serve(part, topics.ENGINES)
        serve(self.toolbar.root, topics.ROOT)
        serve(strata_page.panel, lambda: (topics.LAYERS, self.selection.layer_id))
        for header in (strata_page.header, self.pages.header):
            serve(header.exposure, topics.EXPOSURE)
        serve(self.containers, lambda: topics.LIST if self._topic() == topics.VIEWS[View.STRATA] else self._topic())

    def _topic(self) -> topics.Topic:
        known = self.selection.current is not None or self.pages.view is View.BEFORE
        return topics.VIEWS[self.pages.view] if known else topics.NOTHING

    def _connect_hardening(self, hardening: RelaunchController) -> None:
        self.daily.harden, self.daily.kept = hardening.column_wanted.emit, lambda: hardening.set_aside.kept
        hardening.column_wanted.connect(self.window_layout.to_column)
        for header in (self.strata_page.header, self.pages.header):
            header.card.plan_wanted.connect(hardening.press_plan)
            header.follow(hardening.draft, lambda: hardening.draft.button)
            hardening.draft.ticked.connect(header.refresh)
        for findings in (self.strata_page.panel.findings, self.findings.list):
            hardening.join(findings)
        joins = (View.HISTORY, hardening.join), (View.REACH, hardening.join), (View.CHANGES, hardening.join_changes)
        for view, join in joins:
            self.pages.when_made(view, join)
        self.pages.when_made(View.DENIED, lambda page: page.allow_wanted.connect(hardening.allow))
        self.guide.serve(hardening.column, topics.HARDENING)
        self._connect_plan(hardening)
        hardening.set_aside.known.connect(self.containers.model.set_kept)
        hardening.set_aside.dialog_made.connect(partial(self.guide.serve, topic=topics.ASIDE))
        self.clock.timeout.connect(hardening.set_aside.look_up)  # the command line changes it, too

    def press(self) -> None:
        """The button of the plan in view; where there is none, that of the card, which is the way on.

        One that is not there yet says so: what was not seen is not done later either. Escape stops a trial, and not
        the key that has started it, pressed once more.
        """
        side, results = self.hardening, self.results
        here = self.window_layout.beside_plan
        draft = None if side is None or not here else side.draft
        if draft is not None and draft.button.act is Act.CANCEL:
            feedback.tell(self, translate(draft.button.line or draft.button.word))
        elif draft is not None and (draft.button.able or (draft.usable and draft.pending)):
            draft.press()
        elif results is not None and here and results.keep():
            return
        elif draft is not None and draft.coming:
            feedback.tell(self, translate(msg("The plan is not ready yet.")))
        elif not (here or self.pages.view is View.BEFORE):
            feedback.tell(self, translate(PAGE_FIRST))
        elif not self.pages.press_card():
            line = None if draft is None else draft.nothing or draft.button.line
            feedback.tell(self, translate(line or msg("There is no button to press here.")))

    def _turn_to_proof(self, result: object, asked: bool) -> None:
        if result is not None:
            self.pages.show_view(View.STRATA if asked else self.pages.home)

    def _connect_results(self, hardening: RelaunchController) -> None:
        results = self.results
        if results is None:
            return
        for header in (self.strata_page.header, self.pages.header):
            results.join(header)
        hardening.ended.connect(results.put)
        hardening.begun.connect(self.pages.mark)
        hardening.ended.connect(lambda _: self.pages.leave_marked())
        hardening.given_up.connect(results.drop)
        results.proof_wanted.connect(self.strata_page.show_proof)
        results.proof_wanted.connect(self._turn_to_proof)
        results.undo_wanted.connect(hardening.ask_undo)
        results.without_wanted.connect(hardening.try_without)
        results.find_wanted.connect(hardening.find)
        results.details_wanted.connect(hardening.show_details)
        results.allow_wanted.connect(hardening.give)
        results.tested.connect(hardening.keep_tested)
        results.denied_wanted.connect(lambda: self.pages.show_view(View.DENIED))

    def _connect_plan(self, hardening: RelaunchController) -> None:
        """What the plan needs of the rest: watching, accepting, and the rays."""
        column = hardening.column
        column.can_watch, column.can_accept = self.watching.able, self.acceptances.able
        column.watch_wanted.connect(self.watch)
        column.accept_wanted.connect(self.accept)
        column.pointed.connect(self.strata_page.strata.rays.light)
        column.draft.changed.connect(lambda: self._count_changes(column.draft))
        self.watching.told.connect(lambda _: self._show_watched(hardening))
        self.selection.container_changed.connect(lambda: self._show_watched(hardening))
        self.refused.told.connect(lambda _: self._show_tried(hardening))
        self.selection.container_changed.connect(lambda: self._show_tried(hardening))

    def _count_changes(self, draft: RelaunchDraft) -> None:
        plan = draft.plan if draft.usable else None
        self.toolbar.views.show_count(View.PLAN, 0 if plan is None else sum(map(draft.is_on, plan.changes)))

    def _show_watched(self, hardening: RelaunchController) -> None:
        state, snapshot = self.selection.current, self.selection.snapshot
        if state is not None and snapshot is not None and not snapshot.demo:
            known = self.watching.known(state.container)
            hardening.column.show_watched(None if known is None else watched_text(known, state.container.name))
            if known is not None:
                hardening.column.draft.show_used(state.key, used(known))

    def _show_tried(self, hardening: RelaunchController) -> None:
        """What was refused to the container in view shows that what refused it is in force."""
        state = self.selection.current
        refusals = () if state is None else self.refused.of(state).shown
        remedies = (remedy for each in refusals for remedy in each.remedies)
        hardening.column.show_tried(frozenset(choice.id for remedy in remedies for choice in remedy.choices))

    @property
    def is_watched(self) -> bool:
        """Whether the container in view is being watched."""
        state = self.selection.current
        known = None if state is None else self.watching.known(state.container)
        return known is not None and known.alive

    def stop_watching(self) -> None:
        """Stop watching the container in view."""
        if self.selection.current is not None:
            self.watching.end(self.selection.current.container)

    def watch(self) -> None:
        """Watch the container in view, and show what it uses."""
        if self.selection.current is not None:
            self.watching.begin(self.selection.current)
            self.pages.show_view(View.USE)

    def accept(self, finding: Finding) -> None:
        """Ask until when that finding of the container in view is accepted."""
        state = self.selection.current
        if state is not None:
            dialog = AcceptDialog(self.theme, finding, state.container, self)
            dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            dialog.wanted.connect(self.acceptances.accept)
            dialog.open()

    # -- start and stop

    def start(self) -> None:
        """Start following the engines. The list has the focus: arrows select, `/` goes to the filter."""
        self.containers.view.setFocus(Qt.FocusReason.OtherFocusReason)
        if os.geteuid() == 0:
            self.feed.snapshot.connect(self._read_all)
        self.feed.start()
        self.acceptances.read()

    def _read_all(self, snapshot: Snapshot) -> None:
        """Root is not asked whether to read as root."""
        if snapshot.privilege.state is PrivilegeState.IDLE and snapshot.privilege.asks_nobody:
            self.feed.snapshot.disconnect(self._read_all)
            self.feed.elevate()

    def greet(self) -> None:
        """Show the first hints to a new user, once there is a container."""
        self.selection.container_changed.connect(lambda: self.hints.offer(there=self.selection.current is not None))
        self.selection.snapshot_changed.connect(self._hint_at_agent)

    def _hint_at_agent(self, snapshot: Snapshot) -> None:
        """Say once that an agent runs, when the first hints are over."""
        if self.agent_hint is not None or not self.reach.able or not self.hints.seen or self.hints.isVisible():
            return
        state = next(iter(agents(snapshot)), None)
        if state is None or state.container.sandbox is None:
            return
        hint = agent_hint(state.container.sandbox.maker_title, self.containers, partial(self._show_reach, state.key))
        self.agent_hint = FirstHints(self.theme, self, self.settings, (hint,), AGENT)
        self.agent_hint.offer()

    def _show_reach(self, key: Key) -> None:
        self.selection.go_to(key)
        self.pages.show_view(View.REACH)

    def stop(self) -> None:
        """Stop; may be called twice."""
        if not self._stopped:
            self._stopped = True
            self.changes.stop()
            own = (
                self.feed,
                self.daily,
                self.watching,
                self.refused,
                self.history_feed,
                self.compare,
                self.acceptances,
                self.reach,
                self.attempts,
            )
            for part in (*own, self.pages, self.endings, self.captures, self.reports, self.as_text):
                if part is not None:
                    part.stop()

    def restart(self) -> None:
        """Close, and start again, unless closing is refused (a relaunch is under way)."""
        self.restarts = True
        self.restarts = self.close()

    def come_forward(self, token: str = "") -> None:
        """Come to the front; `token` makes a Wayland compositor agree (see xdg-activation)."""
        if token:
            os.environ["XDG_ACTIVATION_TOKEN"] = token  # Qt reads it from there, once
        if self.isMinimized():
            self.setWindowState(self.windowState() & ~Qt.WindowState.WindowMinimized)
        self.show()
        self.raise_()
        self.activateWindow()

    def look_at(self, key: Key, token: str = "") -> None:
        """Come to the front with that container, if it still exists."""
        self.come_forward(token)
        if key in self.selection:
            self.selection.go_to(key)
            self.pages.leave_fleet()

    def _restore(self) -> None:
        self.window_layout.restore(self.settings)
        view_by, view = self.settings.get("view_by"), self.settings.get("view")
        if view_by in [each.value for each in ViewBy]:
            self.containers.set_view_by(ViewBy(view_by))
        if view in [each.value for each in self.pages.switch.views]:
            self.pages.show_view(View(view))

    # -- events

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride:  # precedes the key itself
            self._key_at = self.focusWidget()
            self._tabs = isinstance(event, QKeyEvent) and event.key() in (Qt.Key.Key_Tab, Qt.Key.Key_Backtab)
            self.selection.touch()
        return super().event(event)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._use.begin(self.windowHandle())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.selection.filter:  # as the line below the list says
            self.selection.set_filter("")
            return
        # a list passes Enter on after acting on it, and by then a button may have the focus
        if self._key_at is not self.focusWidget() or not focus_order.press(event.key()):
            super().keyPressEvent(event)

    def focusNextPrevChild(self, forward: bool) -> bool:
        tabs, self._tabs = self._tabs, False
        done = focus_order.step(self, forward=forward)
        # without Tab, what had the focus goes: never on into a field, in which the next key would edit text
        first = self.focusWidget()
        while not tabs and done and isinstance(self.focusWidget(), QLineEdit | QPlainTextEdit):
            done = focus_order.step(self, forward=forward) and self.focusWidget() is not first
        return done

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.window_layout.resized()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self.update()

    def closeEvent(self, event: QCloseEvent) -> None:
        if not all(run.end_or_wait() for run in self._runs):
            event.ignore()
            return
        self.window_layout.remember(self.settings)
        self.settings.set("view", self.pages.view.value)
        self.stop()
        super().closeEvent(event)
