"""The table of all that the window can do: each action with its name and key, once; menu, keys and palette read it.

Everything reachable by mouse is reachable by keyboard and by name. A test walks buttons, menus and keys, and fails for
one that is not here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QPoint
from PySide6.QtWidgets import QApplication, QLineEdit, QMenu

from stratascope.core.layer import Layer
from stratascope.core.message import Message, colon, msg, verbatim
from stratascope.core.relaunch.transaction import TransactionKind
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState
from stratascope.i18n import translate as i18n
from stratascope.i18n.translate import translate
from stratascope.presentation.takeover import runs
from stratascope.ui.containers.row_paint import view_by_word
from stratascope.ui.containers.rows import ViewBy
from stratascope.ui.daily.controller import WORDS
from stratascope.ui.harden.next_step import Act
from stratascope.ui.kit import focus_order
from stratascope.ui.kit.page import MACHINE, View, page_of, view_key
from stratascope.ui.kit.registry import NONE_CHOSEN, Entry, Registry, Section
from stratascope.ui.kit.theme import Theme, ThemeMode
from stratascope.ui.relaunch.result_card import KEEP
from stratascope.ui.threats.feed import Where
from stratascope.ui.use.strip import why_not as why_not_watched
from stratascope.ui.window.toolbar import KEYS
from stratascope.usecases.daily.daily import Verb

if TYPE_CHECKING:
    from stratascope.ui.relaunch.controller import RelaunchController
    from stratascope.ui.window.palette import Palette, PaletteEntry

MainWindowParts = Any  # the main window, which imports this room and hands in its parts
_PAGE, _LIST, _SETTING, _GUIDE = msg("Page"), msg("List"), msg("Setting"), msg("Guide")
_NOT_HERE = msg("Nothing can be relaunched here.")
PAGE_FIRST = msg("Open the container's page first.")
_NO_PLAN = msg("There is no plan that changes anything.")


class Finder:
    """Opens the palette. `palette`: None before it was first opened."""

    def __init__(self, theme: Theme, window: MainWindowParts) -> None:
        self._theme, self._window = theme, window
        self.palette: Palette | None = None

    def open(self) -> None:
        """Open it with an empty field."""
        if self.palette is None:
            from stratascope.ui.window.palette import Palette

            self.palette = Palette(self._theme, self.gather, self._window)
        self.palette.show_all()

    def gather(self) -> tuple[PaletteEntry, ...]:
        """Return all that can be found now."""
        from stratascope.ui.window.palette import Ways, places

        window = self._window
        pages = window.pages
        return places(
            Ways(
                window.actions_.registry.entries,
                pages.layers,
                window.selection,
                pages.changes,
                pages.strata_page.panel,
                pages.show_view,
                pages.open_threat,
                pages.open_change,
                pages.leave_fleet,
                pages.search_calls,
            )
        )


class Actions(QObject):
    """Registers the actions, and opens the menu and the palette."""

    def __init__(self, window: MainWindowParts) -> None:
        super().__init__(window)
        self._window = window
        self.registry = Registry(window, window.theme)
        self.finder = Finder(window.theme, window)
        self._guide: tuple[str, tuple[tuple[str, str, str], ...]] = "", ()  # its language; names, titles, in English
        self.menu = QMenu(window)
        self.menu.aboutToShow.connect(self._fill)
        window.toolbar.menu.clicked.connect(self.open_menu)

    def register(self) -> None:
        """Register all, in the order of the menu; once the window's parts are made."""
        self._of_hardening()
        self._of_container()
        self._of_pages()
        self._of_all()
        self._of_program()
        self.registry.provide(self._settings)

    def open_menu(self) -> None:
        """Open the menu below its button."""
        self._fill()
        button = self._window.toolbar.menu
        corner = QPoint(button.width() - self.menu.sizeHint().width(), button.height() + 2)
        self.menu.popup(button.mapToGlobal(corner))

    def start_asked(self) -> None:
        """Open the dialog that runs a command and says why it does not start."""
        from stratascope.ui.denied.starting import StartDialog

        StartDialog(self._window.theme, self._window).open()

    def about(self) -> None:
        """Open *About*."""
        from stratascope.ui.window.about import About  # not needed for the first frame

        About(self._window.theme, self._window).open()

    def _fill(self) -> None:
        state = self._window.selection.current
        here = translate(msg("This container")) if state is None else plain(state.container.name, 40)
        self.registry.fill(
            self.menu,
            (
                (Section.HERE, here),
                (Section.DAILY, ""),
                (Section.ALL, translate(msg("All containers"))),
                (Section.READING, ""),
                (Section.PROGRAM, translate(msg("Stratascope"))),
            ),
        )

    # -- why not

    def _none_here(self) -> Message | None:
        return NONE_CHOSEN if self._window.selection.current is None else None

    # -- the container in view

    def _of_hardening(self) -> None:
        side, results, registry = self._window.hardening, self._window.results, self.registry
        if side is None or results is None:
            return
        column, draft = side.column, side.draft

        def no_undo() -> Message | None:
            done = column.kept.done
            if not self._window.window_layout.beside_plan:
                return PAGE_FIRST
            if done is None or done.kind is not TransactionKind.HARDEN:
                return msg("No relaunch of this container can be undone.")
            return None

        def no_plan() -> Message | None:
            return None if draft.usable and draft.relaunch is not None else _NO_PLAN

        def no_run() -> Message | None:
            return draft.look_only or no_plan()

        def nothing_to_keep() -> Message | None:
            result = results.current
            return None if result is not None and not result.kept else msg("No relaunch waits to be confirmed.")

        registry.add(
            Entry(msg("Undo the relaunch…"), side.undo_shown, "Ctrl+Z", section=Section.HERE, why=no_undo,
                  seen=lambda: no_undo() is None and column.kept.isVisible(), words="roll back revert original"),
            Entry(msg("Keep it, it works"), results.keep, KEEP, why=nothing_to_keep, words="relaunch confirm"),
            Entry(msg("Relaunch without trying it"), draft.relaunch_now, why=no_run),
            Entry(msg("Test it with a command…"), column.commands_wanted.emit, why=lambda: draft.look_only),
            Entry(msg("Copy the command"), column.copy_command, words="docker run podman",
                  why=lambda: None if draft.command else _NO_PLAN),
            Entry(msg("Match a standard…"), self._match, words="pod security cis baseline restricted suggested",
                  why=lambda: None if column.standard.isEnabled() else _NO_PLAN),
            Entry(msg("Show the proof"), results.ask_proof,
                  why=lambda: None if results.current is not None else msg("It was not relaunched here.")),
        )  # fmt: skip
        registry.provide(partial(self._undoing, side))
        registry.provide(partial(self._stopping, side))
        # its key is taken only while there is something to stop
        stop = registry.listen(Entry(msg("Stop trying it"), side.press_plan, "Escape"))
        stop.setEnabled(False)
        for signal in (draft.changed, draft.ticked):
            signal.connect(lambda: stop.setEnabled(draft.button.act is Act.CANCEL))

    def _stopping(self, side: RelaunchController) -> Iterator[Entry]:
        if side.draft.button.act is Act.CANCEL:
            yield Entry(msg("Stop trying it"), side.press_plan, "Escape")

    def _undoing(self, side: RelaunchController) -> Iterator[Entry]:
        """What can be undone of other containers."""
        for done in side.set_aside.kept:
            if done.kind is TransactionKind.HARDEN and done is not side.column.kept.done:
                name = plain(done.name, 60)
                yield Entry(msg("Undo the relaunch of {name}…", name=name), partial(side.ask_undo, done))

    def _match(self) -> None:
        side = self._window.hardening
        if side is not None:
            self._window.window_layout.to_column()
            side.column.standards.open_below(side.column.standard)

    def _of_container(self) -> None:
        window, registry = self._window, self.registry
        daily, selection, here = window.daily, window.selection, self._none_here
        registry.add(
            Entry(msg("Compare with…"), window.compare.ask, "Ctrl+D", section=Section.HERE, why=here),
            Entry(msg("Copy as text"), window.clipboard.copy_container, "Ctrl+C", section=Section.HERE, why=here,
                  words="copy this container as text"),
            Entry(msg("Export…"), self._export, "Ctrl+Shift+E", section=Section.HERE, why=self._no_export,
                  words="compose quadlet kubernetes seccomp"),
        )  # fmt: skip

        def of_state(call: Callable[[ContainerState], Message | None]) -> Message | None:
            return NONE_CHOSEN if selection.current is None else call(selection.current)

        def seen() -> bool:
            return selection.current is None or any(each.isVisible() for each in daily.buttons)

        def other(*, alive: bool) -> bool:
            return seen() or (selection.current is not None and runs(selection.current) is not alive)

        registry.add(
            Entry(msg("Logs"), daily.logs, "Ctrl+L", section=Section.DAILY, why=lambda: of_state(daily.no_log),
                  seen=seen, words="open the log output"),
            Entry(msg("Shell"), daily.shell, "Ctrl+T", section=Section.DAILY, why=lambda: of_state(daily.no_shell),
                  seen=seen, words="terminal exec"),
            Entry(WORDS[Verb.RESTART], partial(daily.ask, Verb.RESTART), section=Section.DAILY,
                  why=lambda: of_state(partial(daily.why_not, Verb.RESTART)), seen=lambda: other(alive=True)),
            Entry(WORDS[Verb.START], partial(daily.ask, Verb.START), section=Section.DAILY,
                  why=lambda: of_state(partial(daily.why_not, Verb.START)), seen=lambda: other(alive=False)),
            Entry(WORDS[Verb.STOP], partial(daily.ask, Verb.STOP),
                  why=lambda: of_state(partial(daily.why_not, Verb.STOP))),
            Entry(self._pin_text, partial(daily.on_current, daily.turn_pin), why=here),
            Entry(msg("Copy name"), partial(daily.on_current, daily.copy_name), why=here),
            Entry(msg("Copy ID"), partial(daily.on_current, daily.copy_id), why=here),
            Entry(msg("Copy the worst finding"), partial(daily.on_current, daily.copy_worst), why=self._no_finding),
            Entry(msg("Accept the worst finding until…"), self._accept_worst, why=self._not_accepted),
            Entry(msg("Try all threats on a copy"), partial(self._try_threats, Where.COPY),
                  why=partial(window.attempts.why_not, Where.COPY), words="try it attempt prove test"),
            Entry(msg("Try all threats where it runs"), partial(self._try_threats, Where.ITSELF),
                  why=partial(window.attempts.why_not, Where.ITSELF), words="try it in place attempt sandbox"),
            Entry(msg("Watch it"), window.watch, why=self._not_watched, words="observe record"),
            Entry(msg("Stop watching"), window.stop_watching, words="end observe",
                  why=lambda: None if window.is_watched else msg("It is not watched.")),
        )  # fmt: skip
        if (as_text := window.as_text) is not None:
            registry.add(Entry(msg("Show what creates it as text"), as_text.ask, why=here, words="command compose"))

    def _try_threats(self, where: Where) -> None:
        self._window.pages.show_view(View.MATRIX)
        self._window.attempts.try_it(where)

    def _pin_text(self) -> Message:
        return msg("Unpin") if self._window.daily.pinned_here else msg("Pin to the top")

    def _export(self) -> None:
        window = self._window
        page = window.pages.made.get(window.pages.view)
        if window.pages.view is View.BEFORE and page is not None:
            page.column.difference.open_exports()
        elif window.hardening is not None:
            window.window_layout.to_column()
            window.hardening.column.export()

    def _no_export(self) -> Message | None:
        window = self._window
        if window.pages.view is View.BEFORE:
            return None if window.pages.made[View.BEFORE].column.difference.patch else _NO_PLAN
        side = window.hardening
        if side is None:
            return _NOT_HERE
        return None if side.draft.relaunch is not None or side.draft.command else _NO_PLAN

    def _no_finding(self) -> Message | None:
        state = self._window.selection.current
        return NONE_CHOSEN if state is None else None if state.findings else msg("Nothing was found in it.")

    def _not_accepted(self) -> Message | None:
        able = self._window.acceptances.able
        return self._no_finding() or (None if able else msg("Findings can't be accepted here."))

    def _accept_worst(self) -> None:
        state = self._window.selection.current
        if state is not None and state.findings:
            self._window.accept(state.findings[0])

    def _not_watched(self) -> Message | None:
        selection = self._window.selection
        state, snapshot = selection.current, selection.snapshot
        if state is None or snapshot is None:
            return NONE_CHOSEN
        if self._window.is_watched:
            return msg("It is watched already.")
        return why_not_watched(state, selection.engine, snapshot, able=self._window.watching.able)

    # -- pages, layers and the list

    def _of_pages(self) -> None:
        window, registry = self._window, self.registry
        pages, selection, here = window.pages, window.selection, self._none_here
        registry.add(
            Entry(msg("Search this view"), pages.search, "Ctrl+F"),
            Entry(msg("Explain this layer"), pages.explain, "Shift+F1", why=here),
            Entry(msg("How the exposure is calculated"), pages.show_exposure, why=here),
            Entry(msg("Go back"), window.window_layout.go_back, "Alt+Left"),
            Entry(msg("Filter the list"), self.to_filter, "/", kind=_LIST, words="find containers"),
        )
        press = Entry(
            self._press_text, window.press, "Ctrl+Enter", words="press the button try it safely relaunch harden"
        )
        registry.provide(lambda: (press,))
        registry.listen(press, "Ctrl+Return")  # the keypad's Enter, and the other one
        registry.provide(self._pages)
        for view in pages.switch.views:
            registry.listen(Entry(page_of(view).word, partial(self.open_view, view), view_key(view)))
        if window.window_layout.dock is not None:
            plan = Entry(msg("Plan"), window.window_layout.to_column, "Ctrl+H", kind=_PAGE, words="harden column",
                         why=lambda: None if pages.view is View.BEFORE else here())  # fmt: skip
            registry.provide(lambda: (plan,) if window.window_layout.has_column else ())
            registry.listen(plan, "Alt+0")
        for number in pages.strata_page.strata.bands:
            registry.listen(Entry(page_of(View.STRATA).word, partial(self._digit, number), str(number)))
        for layer in sorted(pages.layers, key=attrgetter("number"), reverse=True):
            registry.add(
                Entry(partial(self._suppose_text, layer), partial(selection.suppose_fails, layer.number), why=here,
                      words="what if suppose a layer fails")
            )  # fmt: skip
        registry.add(
            *(Entry(colon(msg("Order of the list"), view_by_word(each)),
                    partial(window.containers.set_view_by, each), kind=_LIST, words="sort group") for each in ViewBy)
        )  # fmt: skip

    def _press_text(self) -> Message:
        """The word of the button in view."""
        side = self._window.hardening
        if side is None or not self._window.window_layout.beside_plan or self._window.selection.current is None:
            return msg("Press the button of the card")
        word: Message = side.draft.button.word
        return word

    def _pages(self) -> Iterator[Entry]:
        for view in self._window.pages.switch.views:
            why = NONE_CHOSEN if view not in MACHINE and self._window.selection.current is None else None
            key = "" if view is View.PLAN else view_key(view)
            words = "check compose quadlet kubernetes docker run" if view is View.BEFORE else ""
            yield Entry(
                page_of(view).word, partial(self.open_view, view), key, _PAGE, why=partial(_this, why), words=words
            )

    def open_view(self, view: View) -> None:
        """Open a view; of the machine's, which the list's arrows say nothing of, focus what it is used with."""
        pages = self._window.pages
        pages.show_view(view)
        if view is View.BEFORE:
            pages.search()
        elif view in MACHINE and pages.view is view:
            focus_order.enter(pages.made[view].widget)

    def _suppose_text(self, layer: Layer) -> Message:
        away, title = self._window.strata_page.strata.bands[layer.number].away, layer.about.title
        return msg("Bring back: {layer}", layer=title) if away else msg("Suppose it fails: {layer}", layer=title)

    def to_filter(self) -> None:
        """Focus the filter; in a text field the key is a letter."""
        focus = QApplication.focusWidget()
        if isinstance(focus, QLineEdit):
            focus.insert("/")
        else:
            self._window.window_layout.to_filter()

    def _digit(self, number: int) -> None:
        focus = QApplication.focusWidget()
        if isinstance(focus, QLineEdit):
            focus.insert(str(number))
        else:
            self._window.selection.open_layer(number)

    # -- all containers

    def _of_all(self) -> None:
        window, registry = self._window, self.registry
        if window.many is not None:
            registry.add(
                Entry(msg("Harden several…"), window.many.ask, "Ctrl+Shift+H", section=Section.ALL),
                Entry(msg("Undo what was hardened together…"), window.many.ask_undo_all, why=window.many.why_no_undo,
                      words="undo all several roll back"),
            )  # fmt: skip
        if (side := window.hardening) is not None:
            registry.add(Entry(msg("Kept originals…"), side.set_aside.show, section=Section.ALL,
                               words="set aside delete the original discard"))  # fmt: skip
        registry.add(
            Entry(msg("Copy all as text"), window.clipboard.copy_all, "Ctrl+Shift+C",
                  words="copy all containers as text report")
        )  # fmt: skip
        if (reports := window.reports) is not None:
            registry.add(
                Entry(msg("Save a report…"), reports.ask_all, "Ctrl+Shift+S", section=Section.ALL,
                      words="export report html text json sarif all containers"),
                Entry(msg("Save a report of this container…"), reports.ask_one, why=self._none_here,
                      words="export report html text json sarif"),
            )  # fmt: skip
        if (captures := window.captures) is not None:
            registry.add(
                Entry(msg("Save a capture…"), captures.ask_save, "Ctrl+S", section=Section.ALL),
                Entry(msg("Open captures…"), captures.choose, "Ctrl+O", section=Section.ALL, words="open a capture"),
            )
        if View.FLEET in window.pages.switch.views:
            registry.add(
                *(Entry(text, partial(self._save_fleet, ending), words=f"export fleet {ending}")
                  for ending, text in (("csv", msg("Save the fleet: spreadsheet (CSV)…")),
                                       ("png", msg("Save the fleet: image (PNG)…")),
                                       ("svg", msg("Save the fleet: scalable image (SVG)…"))))
            )  # fmt: skip

    def _save_fleet(self, ending: str) -> None:
        from stratascope.ui.fleet.several import FleetPages

        self._window.pages.show_view(View.FLEET)
        self._window.pages.of(FleetPages).containers.ask_file(ending)

    # -- the program

    def _of_program(self) -> None:
        window, registry, toolbar = self._window, self.registry, self._window.toolbar
        registry.add(
            Entry(msg("Read as root"), toolbar.elevate, KEYS, section=Section.READING, why=toolbar.root.why_not,
                  seen=lambda: toolbar.root.isVisible() or toolbar.root.why_not() is not None),
            Entry(msg("Engines…"), toolbar.show_engines, "Ctrl+E", section=Section.READING,
                  seen=toolbar.engines.isVisible, words="docker podman"),
            Entry(msg("Refresh"), window.feed.refresh, "F5", words="read again"),
            Entry(msg("Find anything…"), self.finder.open, "Ctrl+K", section=Section.PROGRAM,
                  words="search everything palette"),
            Entry(msg("Settings…"), window.show_settings, "Ctrl+,", section=Section.PROGRAM, words="preferences"),
        )  # fmt: skip
        guide = Entry(msg("Guide"), window.guide.open, "F1", section=Section.PROGRAM, words="help")
        untaught = None if window.teach is not None else msg("Nothing can be tried here.")
        registry.provide(lambda: (guide,))  # its key works in other windows, too
        registry.add(
            Entry(
                msg("Learn by trying…"),
                window.learn,
                section=Section.PROGRAM,
                why=partial(_this, untaught),
                words="lessons tutorial layers",
            ),
            Entry(msg("About"), self.about, section=Section.PROGRAM, words="version license"),
            Entry(msg("Quit"), window.close, "Ctrl+Q", words="exit"),
            Entry(msg("Why does a command not start?…"), self.start_asked, words="sandbox bwrap denied refused trace"),
            Entry(msg("First steps"), window.hints.begin, kind=_GUIDE, words="tour hints"),
        )
        menu = Entry(msg("Menu"), self.open_menu, "F10")
        registry.provide(lambda: (menu,))
        registry.listen(menu)
        registry.provide(self._chapters)

    def _chapters(self) -> Iterator[Entry]:
        from stratascope.ui.guide.text import NoGuideError, load

        language = i18n.language()
        if self._guide[0] != language:
            try:
                source = {each.name: each.title for each in load("en")}
                found = tuple((each.name, each.title, source.get(each.name, "")) for each in load(language))
            except NoGuideError:
                found = ()
            self._guide = language, found
        for name, title, words in self._guide[1]:
            yield Entry(verbatim(title), partial(self._window.guide.open_at, (name, "")), kind=_GUIDE, words=words)

    def _settings(self) -> Iterator[Entry]:
        from stratascope.ui.window.settings_dialog import CHOICES, mode_word

        for mode in ThemeMode:
            choose = partial(self._window.choose_theme, mode)
            yield Entry(colon(msg("Theme"), mode_word(mode)), choose, kind=_SETTING)
        for name, text in CHOICES.items():
            words = f"settings preferences {name} service"
            yield Entry(text, partial(self._window.show_settings, name), kind=_SETTING, words=words)


def _this(why: Message | None) -> Message | None:
    return why
