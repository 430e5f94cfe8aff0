"""What a container is refused, printed while it is watched; `cli/denials.py` is the command.

Apart from it, so that engines are asked what they are while this is loaded: Podman takes half a second for it.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable

from stratascope.background_call import BackgroundCall
from stratascope.cli.ended import Endings
from stratascope.cli.interrupt import interrupted
from stratascope.cli.output import complain, on_terminal, style, write
from stratascope.core.container import Engine
from stratascope.core.denials.denial import Denial
from stratascope.core.message import msg
from stratascope.core.ports import ProbeError
from stratascope.core.relaunch.launch_spec import Executed
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import translate
from stratascope.presentation import denials_report
from stratascope.usecases.denials.denials import Denials, Explaining
from stratascope.usecases.observe.learning import Learning
from stratascope.wiring.connected_engine import ConnectedEngine
from stratascope.wiring.engines import Engines
from stratascope.wiring.hardening import connected
from stratascope.wiring.learning import learning

_LOOK = 0.2  # seconds between two looks at what came
_SETTLES = 0.4  # seconds after which the kernel's log has said what it says of a refusal
_AFTER = 1.0  # seconds that a command's last refusals may take
_SILENCE = 3600.0  # seconds for which a command may print nothing


def tell(arguments: argparse.Namespace, engines: Engines, described: tuple[Engine, ...]) -> bool:
    """Whether it could be told. Raises ProbeError, EngineError, NoSuchContainerError."""
    terminal = on_terminal()
    found = connected(engines, terminal=terminal, described=described)
    access, state = found.state(arguments.container)
    service = learning(engines, terminal=terminal)
    explaining = Explaining(service, found.hardening)
    endings = Endings(explaining.ending, access, as_json=arguments.json)
    if not arguments.command_words and endings.instead(state, watch=arguments.seconds is not None):
        return True
    if not arguments.json and engines.root(terminal=terminal).command:
        endings.tell_unwatched(state)  # before anybody is asked for a password
    return _watch(arguments, access, state, service, explaining, endings)


def _watch(
    arguments: argparse.Namespace,
    access: ConnectedEngine,
    state: ContainerState,
    service: Learning,
    explaining: Explaining,
    endings: Endings,
) -> bool:
    over = interrupted()
    try:
        service.begin(state, seconds=arguments.seconds)
    except ProbeError:
        endings.tell_unwatched(state)
        raise
    session: BackgroundCall[Executed] | None = None
    teller = _Teller(arguments)
    try:
        if sys.stderr.isatty() and not arguments.command_words:
            complain(translate(msg("Watching {name}. Press Ctrl+C to stop.", name=plain(state.container.name, 200))))
        if arguments.command_words and service.ready(state.container):
            words, seconds = tuple(arguments.command_words), arguments.seconds or _SILENCE
            session = BackgroundCall(lambda: access.port.execute(state.container.id, words, seconds))
        last = _follow(state, service, explaining, teller, session, over)
    finally:
        service.end(state.container)
    teller.tell(last.all, last=True)
    teller.end(last.all, last.forgotten)
    watched = service.watched(state.container)
    if watched is not None and watched.trouble is not None:
        endings.tell_unwatched(state)
        complain(translate(watched.trouble))
        return False
    if session is None:
        if not over():
            endings.tell_new(state)
    elif session.done:
        _told(session.result())
    return True


def _follow(
    state: ContainerState,
    service: Learning,
    explaining: Explaining,
    teller: _Teller,
    session: BackgroundCall[Executed] | None,
    over: Callable[[], bool],
) -> Denials:
    """Tell what comes, until it is over; what there was in the end."""
    ended = None
    while not over() and not service.wait(state.container, _LOOK):
        teller.tell(explaining.of(state, sessions_only=session is not None).all)
        if session is not None and session.done:
            ended = ended or time.monotonic()
            if time.monotonic() - ended > _AFTER:
                break
    return explaining.of(state, sessions_only=session is not None)


def _told(done: Executed) -> None:
    """What the command printed, on standard error: standard output is ours."""
    if done.text:
        complain(translate(msg("It printed:")))
        for line in done.text.splitlines()[-100:]:
            complain("  " + plain(line, 500))
    if done.code is not None:
        complain(translate(msg("It exited with status {status}.", status=str(done.code))))


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
            write(translate(msg("{count} more kinds of refusals occurred, and were not kept.", count=forgotten)) + "\n")
