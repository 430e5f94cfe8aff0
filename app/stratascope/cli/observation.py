"""`observe` and `needs`: what a container really uses; and `denials`: what it is refused while it is watched, by which
layer, and what would allow it.

For a container that has ended, or keeps ending, `denials` explains why. If it can't be watched, it prints first what
log and counters suggest. Imported while engines are queried (`commands`): Podman takes half a second for that.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import threading
import time
from collections.abc import Callable

from stratascope.background_call import BackgroundCall
from stratascope.cli.output import complain, interrupted, on_terminal, say, style, write
from stratascope.cli.progress import progress
from stratascope.cli.starting import tell_least
from stratascope.core.container import Container, Engine
from stratascope.core.message import msg, plural
from stratascope.core.observation.observation import Needs, NeedsError
from stratascope.core.ports import NoSuchContainerError, ProbeError
from stratascope.core.refusals.ended.ending import Ending, Phase
from stratascope.core.refusals.ended.why import YOUNG
from stratascope.core.refusals.refusal import Refusal
from stratascope.core.relaunch.launch_spec import Executed
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import translate
from stratascope.presentation import needs_report, refusals_report
from stratascope.usecases.engine_access import EngineAccess
from stratascope.usecases.hardening import Hardening
from stratascope.usecases.observe.service import ObservationService, held
from stratascope.usecases.refusals.service import RefusalList, RefusalService
from stratascope.wiring.engines import Engines, open_engines
from stratascope.wiring.hardening import ConnectedEngine, connected, learning

DONE, FAILED = 0, 2
_PAUSE = 0.5  # seconds between checks whether the observation has ended


def run(arguments: argparse.Namespace) -> int:
    """Run `observe` or `needs`; returns the exit code."""
    try:
        with open_engines(tuple(arguments.engine)) as engines:
            return _observe(arguments, engines) if arguments.command == "observe" else _needs(arguments, engines)
    except NeedsError as error:
        complain(translate(msg("What was learned can't be read: {words}. Delete it with --forget.",
                               words=error.words)))  # fmt: skip
    return FAILED


def _observe(arguments: argparse.Namespace, engines: Engines) -> int:
    _, state = connected(engines).state(arguments.container)
    service = learning(engines, terminal=on_terminal())
    over = interrupted()
    service.begin(state, seconds=arguments.seconds)
    if sys.stderr.isatty():
        complain(translate(msg("Watching {name}. Press Ctrl+C to stop.", name=plain(state.container.name, 200))))
    progress.doing(msg("Watching it"))
    while not over() and not service.wait(state.container, _PAUSE):
        pass
    service.end(state.container)
    progress.done()
    watched = service.watched(state.container)
    known = service.known(state.container)
    if watched is not None and watched.trouble is not None:
        complain(translate(watched.trouble))
        if known is None:
            return FAILED
    _print(arguments, state, known)
    return DONE


def _needs(arguments: argparse.Namespace, engines: Engines) -> int:
    _, state = connected(engines).state(arguments.container)
    service = learning(engines, terminal=False)
    if arguments.forget:
        there = service.forget(state.container)
        text = msg("Forgotten.") if there else msg("Nothing was learned about it.")
        say(translate(text))
        return DONE
    _print(arguments, state, service.known(state.container))
    return DONE


def _print(arguments: argparse.Namespace, state: ContainerState, known: Needs | None) -> None:
    container: Container = state.container
    bounding = held(state)
    names = None if bounding is None else bounding.names()
    if arguments.json:
        told = known or Needs(container.image, container.command)
        write(json.dumps(needs_report.json_object(container, told, names), indent=2) + "\n")
    elif known is None:
        text = msg(
            "Nothing has been learned about {name} yet. Watch it: stratascope observe {name}", name=container.name
        )
        say(translate(text))
    else:
        write("\n".join(needs_report.lines(known, names, style())) + "\n")


_POLL = 0.05  # seconds between checks for new refusals
_SETTLES = 0.12  # seconds after which the kernel's log has everything about a refusal
_AFTER = 1.0  # seconds to wait for a command's last refusals
_ATTEMPTS = 3  # to watch one that ends before it can be, and is started again
_SILENCE = 3600.0  # seconds for which a command may print nothing before it is given up


def tell(arguments: argparse.Namespace, engines: Engines, described: tuple[Engine, ...]) -> bool:
    """Watch and print; False if it could not be watched. Raises ProbeError, EngineError, NoSuchContainerError."""
    terminal = on_terminal()
    found = connected(engines, terminal=terminal, described=described)
    access, state = found.state(arguments.container)
    service = learning(engines, terminal=terminal)
    explaining = RefusalService(service, found.hardening)
    endings = EndingPrinter(explaining.ending, access, as_json=arguments.json)
    if not arguments.command_words and endings.instead(state, watch=arguments.seconds is not None):
        return True
    if not arguments.json and engines.root(terminal=terminal).command:
        endings.tell_unwatched(state)  # before asking for a password
    for _ in range(_ATTEMPTS):
        watched = _watch(arguments, engines, found.hardening, access, state, service, explaining, endings)
        if watched is not None:
            return watched
        now = access.read(state.container.id)
        if now is None or now.container.pid is None:
            break
        state = now
    endings.tell_new(state)
    return True


def _watch(
    arguments: argparse.Namespace,
    engines: Engines,
    hardening: Hardening,
    access: ConnectedEngine,
    state: ContainerState,
    service: ObservationService,
    explaining: RefusalService,
    endings: EndingPrinter,
) -> bool | None:
    """Whether it was watched; None: it ended before it could be."""
    over = interrupted()
    try:
        service.begin(state, seconds=arguments.seconds)
    except ProbeError:
        endings.tell_unwatched(state)
        raise
    session: BackgroundCall[Executed] | None = None
    teller = _RefusalPrinter(arguments)
    try:
        explaining.prepare(state)  # while it is attached, not when the first refusal waits for it
        if sys.stderr.isatty() and not arguments.command_words:
            complain(translate(msg("Watching {name}. Press Ctrl+C to stop.", name=plain(state.container.name, 200))))
        if arguments.command_words and service.ready(state.container):
            words, seconds = tuple(arguments.command_words), arguments.seconds or _SILENCE
            session = BackgroundCall(lambda: access.port.execute(state.container.id, words, seconds))
        progress.doing(msg("Watching it"))
        last = _follow(state, service, explaining, teller, session, over)
    finally:
        service.end(state.container)
        progress.done()
    teller.tell(last.all, last=True)
    teller.end(last.all, last.forgotten)
    watched = service.watched(state.container)
    if watched is not None and watched.trouble is not None:
        if session is None and watched.observation.why_nothing and endings.ended(state):
            return None
        endings.tell_unwatched(state)
        complain(translate(watched.trouble))
        return False
    if session is None:
        if not over():
            endings.tell_new(state)
    elif session.done:
        done = session.result()
        _print_output(done)
        if done.code and not over():
            tell_least(engines, hardening, state, tuple(arguments.command_words), as_json=arguments.json)
    return True


def _follow(
    state: ContainerState,
    service: ObservationService,
    explaining: RefusalService,
    teller: _RefusalPrinter,
    session: BackgroundCall[Executed] | None,
    over: Callable[[], bool],
) -> RefusalList:
    """Print refusals until the observation ends; returns all of them."""
    ended = None
    news = threading.Event()
    service.changed = lambda _: news.set()
    following = 0.0
    while not over() and not service.wait(state.container, _POLL):
        began = time.monotonic()
        if (news.is_set() or teller.waits) and began >= following:
            news.clear()
            teller.tell(explaining.of(state, sessions_only=session is not None).all)
            following = 2 * time.monotonic() - began  # in a flood, half of the time is for others
        if session is not None and session.done:
            ended = ended or time.monotonic()
            if time.monotonic() - ended > _AFTER:
                break
    return explaining.of(state, sessions_only=session is not None)


def _print_output(done: Executed) -> None:
    """Print the command's output on standard error: standard output is for refusals."""
    if done.text:
        complain(translate(msg("It printed:")))
        for line in done.text.splitlines()[-100:]:
            complain("  " + plain(line, 500))
    if done.code is not None:
        complain(translate(msg("It exited with status {status}.", status=str(done.code))))


class _RefusalPrinter:
    """Prints each refusal once it has settled, and again if a process died of it."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._json, self._all = arguments.json, arguments.all
        self._told: set[tuple[str, bool]] = set()
        self._style = style()
        self.waits = False  # whether some had not settled yet

    def tell(self, denials: tuple[Refusal, ...], *, last: bool = False) -> None:
        """Print refusals that were not printed yet."""
        now = time.time()
        self.waits = False
        for each in denials:
            key = each.key, each.ended
            if key in self._told or (each.benign and not self._all):
                continue
            if now - each.at < _SETTLES and not last:
                self.waits = True
                continue
            self._told.add(key)
            if self._json:
                write(json.dumps(refusals_report.denial_object(each), ensure_ascii=False) + "\n")
            else:
                write("\n".join(refusals_report.denial_lines(each, self._style)) + "\n")

    def end(self, denials: tuple[Refusal, ...], forgotten: int) -> None:
        """Print a last line for people."""
        if self._json:
            return
        if not self._told:
            say(translate(msg("Nothing was refused.")))
        probing = refusals_report.probing(denials)
        if probing and not self._all:
            say(probing)
        if forgotten:
            say(
                translate(
                    plural(
                        "{count} more kind of refusal was not kept.",
                        "{count} more kinds of refusals were not kept.",
                        forgotten,
                    )
                )
            )


_FIRST = msg("What is known without watching it:")
_NOTHING = msg(
    "Without watching it, nothing is known about refusals: neither its log nor the kernel's counters mention any."
)


class EndingPrinter:
    """Prints why a container ended. `explain`: see `RefusalService.ending`."""

    def __init__(self, explain: Callable[[ContainerState], Ending], access: EngineAccess, *, as_json: bool) -> None:
        self._explain, self._access, self._json = explain, access, as_json
        self._told = False

    def instead(self, state: ContainerState, *, watch: bool) -> bool:
        """Print why it ended, if it does not run or keeps restarting, so that there is nothing to watch; whether so.

        `watch`: its next run is to be watched anyway.
        """
        runs = state.container.pid is not None
        if runs and (watch or time.time() - state.container.started > YOUNG):
            return False
        ending = self._explain(state)
        if runs and ending.phase is not Phase.RESTARTING:
            return False
        self._tell(ending)
        return True

    def ended(self, state: ContainerState) -> ContainerState | None:
        """It as it is now, if it has ended since `state` was read; None also if it is gone."""
        now = self._access.read(state.container.id)
        if now is None or (now.container.pid is not None and now.container.started == state.container.started):
            return None
        return now

    def tell_new(self, state: ContainerState) -> None:
        """Print why it ended, if it has ended since `state` was read."""
        now = self.ended(state)
        if now is not None:
            with contextlib.suppress(NoSuchContainerError):  # removed since
                ending = self._explain(now)
                if not self._json:
                    write("\n")
                self._tell(ending)

    def tell_unwatched(self, state: ContainerState) -> None:
        """Print once what its counters and its log suggest; mostly guesses."""
        if self._told or state.container.pid is None:
            return
        self._told = True
        ending = self._explain(state)
        if self._json:
            _write_json("unwatched", ending)
        else:
            say(translate(_NOTHING if ending.cause is None else _FIRST))
            if ending.cause is not None:
                self._tell(ending)

    def _tell(self, ending: Ending) -> None:
        if self._json:
            _write_json("ended", ending)
        else:
            write("\n".join(refusals_report.ending_lines(ending, style())) + "\n")


def _write_json(key: str, ending: Ending) -> None:
    write(json.dumps({key: refusals_report.ending_object(ending)}, ensure_ascii=False) + "\n")
