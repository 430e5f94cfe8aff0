"""`denials`: what a container is refused, by which layer, and what would allow it.

Exit codes: 0 done, also where nothing was refused; 2 a usage or engine error.
"""

from __future__ import annotations

import argparse
import json
import sys
import time

from stratascope.background_call import BackgroundCall
from stratascope.cli.ended import tell
from stratascope.cli.interrupt import interrupted
from stratascope.cli.output import complain, complain_of, on_terminal, style, write
from stratascope.core.denials.denial import Denial
from stratascope.core.message import msg
from stratascope.core.ports import EngineError, NoSuchContainerError, ProbeError
from stratascope.core.relaunch.launch_spec import Executed
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate
from stratascope.presentation import denials_report
from stratascope.usecases.denials.denials import Explaining
from stratascope.wiring.engines import Engines, open_engines
from stratascope.wiring.hardening import connected
from stratascope.wiring.learning import learning

DONE, FAILED = 0, 2
_LOOK = 0.2  # seconds between two looks at what came
_SETTLES = 0.4  # seconds after which the kernel's log has said what it says of a refusal
_AFTER = 1.0  # seconds that a command's last refusals may take


def run(arguments: argparse.Namespace) -> int:
    """Run it; returns the exit code."""
    try:
        with open_engines(tuple(arguments.engine)) as engines:
            return _denials(arguments, engines)
    except ProbeError as error:
        complain(translate(error.message))
        if error.words and error.words != arguments.container:
            complain(plain(error.words, 1000))
    except EngineError as error:
        complain_of(error)
    except NoSuchContainerError:
        complain(translate(msg("The container is gone.")))
    return FAILED


def _denials(arguments: argparse.Namespace, engines: Engines) -> int:
    terminal = on_terminal()
    found = connected(engines, terminal=terminal)
    access, state = found.state(arguments.container)
    service = learning(engines, terminal=terminal)
    explaining = Explaining(service, found.hardening)
    if state.container.pid is None and not arguments.command_words:
        tell(explaining.ending(state), as_json=arguments.json)
        return DONE
    over = interrupted()
    service.begin(state, seconds=arguments.seconds)
    try:
        if sys.stderr.isatty() and not arguments.command_words:
            complain(translate(msg("Watching {name}. Ctrl+C ends it.", name=plain(state.container.name, 200))))
        teller = _Teller(arguments)
        session: BackgroundCall[Executed] | None = None
        if arguments.command_words and service.ready(state.container):
            words, seconds = tuple(arguments.command_words), arguments.seconds or _SILENCE
            session = BackgroundCall(lambda: access.port.execute(state.container.id, words, seconds))
        ended = None
        while not over() and not service.wait(state.container, _LOOK):
            teller.tell(explaining.of(state, sessions_only=session is not None).all)
            if session is not None and session.done:
                ended = ended or time.monotonic()
                if time.monotonic() - ended > _AFTER:
                    break
        last = explaining.of(state, sessions_only=session is not None)
    finally:
        service.end(state.container)
    teller.tell(last.all, last=True)
    teller.end(last.all, last.forgotten)
    watched = service.watched(state.container)
    if watched is not None and watched.trouble is not None:
        complain(translate(watched.trouble))
        return FAILED
    if session is not None and session.done:
        _told(session.result())
    return DONE


_SILENCE = 3600.0  # seconds for which a command may print nothing


def _told(done: Executed) -> None:
    """What the command printed, on standard error: standard output is ours."""
    if done.text:
        complain(translate(msg("It printed:")))
        for line in done.text.splitlines()[-100:]:
            complain("  " + plain(line, 500))
    if done.code is not None:
        complain(translate(msg("It ended with status {status}.", status=str(done.code))))


class _Teller:
    """Tells each refusal once it has settled, and once more where a process died of it."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._json, self._all = arguments.json, arguments.all
        self._told: set[tuple[str, bool]] = set()
        self._style = style()

    def tell(self, denials: tuple[Denial, ...], *, last: bool = False) -> None:
        """What is new."""
        now = time.time()
        for each in denials:
            key = each.key, each.ended
            if key in self._told or (each.benign and not self._all) or (now - each.at < _SETTLES and not last):
                continue
            self._told.add(key)
            if self._json:
                write(json.dumps(denials_report.json_object(each), ensure_ascii=False) + "\n")
            else:
                write("\n".join(denials_report.lines(each, self._style)) + "\n")

    def end(self, denials: tuple[Denial, ...], forgotten: int) -> None:
        """A last line for people."""
        if self._json:
            return
        if not self._told:
            write(translate(msg("Nothing was refused.")) + "\n")
        probing = denials_report.probing(denials)
        if probing and not self._all:
            write(probing + "\n")
        if forgotten:
            write(translate(msg("{count} kinds of refusals more came, and were not kept.", count=forgotten)) + "\n")
