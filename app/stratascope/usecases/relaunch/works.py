"""Whether a replacement works, judged by what its original did: the second half of a result, next to "enforced".

Shown by an exercise that succeeded on a twin with exactly these settings, by a healthcheck that is healthy as before,
or by the answers at its ports (`usecases.evidence.answers`). If a choice removes what its programs might need on
request, only the exercise counts: a port that answers does not show that people can log in. Everything not checked is
listed. Decided against calling it working because it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from stratascope.core.message import Message, msg
from stratascope.core.ports import EngineError, NoSuchContainerError
from stratascope.core.relaunch.evidence import Failure, PortReply
from stratascope.core.relaunch.launch_spec import Health
from stratascope.layers.toggles import toggle
from stratascope.usecases.engine_access import EngineAccess
from stratascope.usecases.evidence import answers
from stratascope.usecases.plan.plan import Plan
from stratascope.usecases.relaunch.watch import LISTEN_MORE, LOOK, FailedError, last_words
from stratascope.value import Value, replace

_FILES = ("dac-override", "owners")  # preflight cautions about files that it could no longer use


class Shown(Value):
    """What was compared. `works` None: nothing showed it; False: it answers differently than before."""

    works: bool | None = None
    compared: tuple[Message, ...] = ()
    not_compared: tuple[Message, ...] = ()
    why: Message | None = None  # set if it does not work


def ask_original(access: EngineAccess, made: Plan) -> tuple[PortReply, ...] | None:
    """What its ports answer now, each probed once. None: they can't be probed."""
    ports = made.before.listens
    if not ports:
        return None if ports is None else ()
    try:
        return access.answers(made.spec.id, answers.asks(ports))
    except (EngineError, NoSuchContainerError):
        return None  # then nothing is compared


def look_at(
    access: EngineAccess,
    made: Plan,
    before: Sequence[PortReply] | None,
    container: str,
    *,
    exercised: Sequence[str] = (),
    cancelled: Callable[[], bool] = lambda: False,
    seconds: float = LISTEN_MORE,
    again: float = LOOK,
) -> Shown:
    """Of a running replacement. Raises FailedError if it ends meanwhile, and the engine's errors.

    `exercised`: commands that succeeded on a twin with the same settings.
    """
    if made.repairs:
        healthy = access.port.running(container).health is Health.HEALTHY
        return Shown(
            works=True if healthy else None,
            compared=(msg("Its health check reports healthy."),) if healthy else (),
            not_compared=() if healthy else (msg("It had ended, so there is nothing to compare with."),),
        )
    compared = [msg("On a twin with these settings the exercise succeeded: {command}", command=each)
                for each in exercised]  # fmt: skip
    not_compared: list[Message] = []
    works = bool(exercised)
    if made.spec.state.health is not Health.HEALTHY:
        text = msg("Its health check did not report healthy before.") if made.spec.state.healthcheck else None
        not_compared.append(text or msg("It has no health check."))
    elif access.port.running(container).health is Health.HEALTHY:
        compared.append(msg("Its health check reports healthy, as before."))
        works = True
    ports = made.before.listens
    if ports is None:
        not_compared.append(msg("Which ports it listens on can't be read."))
    elif not ports:
        not_compared.append(msg("It listens on no TCP port."))
    else:
        now = None
        if before:
            now = answers.answered(access.answers, container, before, access.clock,
                                   until=access.clock.now() + seconds, again=again,
                                   go_on=lambda: _go_on(access, container, cancelled))  # fmt: skip
        if before is None or now is None:
            not_compared.append(msg("Its answers at its ports: they can't be reached from here."))
        else:
            if other := answers.unlike(before, now):
                return Shown(False, tuple(compared), tuple(not_compared), answers.differs(other[0]))
            matched = answers.compared(before, now)
            compared += matched
            works = works or bool(matched)
            not_compared += answers.not_compared(ports, before, now)
    not_compared += _unseen(made)
    if not exercised:
        not_compared.append(answers.NOT_EXERCISED)
    doubts = () if exercised else tuple(doubted(made))
    return Shown(True if works and not doubts else None, tuple(compared), (*doubts, *not_compared))


def together(shown: Sequence[tuple[str, Shown]]) -> Shown:
    """Of several that were relaunched as one, by name: all of them must work."""
    if len(shown) == 1:
        return shown[0][1]
    outcomes = {each.works for _, each in shown}
    return Shown(
        False if False in outcomes else None if None in outcomes else True,
        tuple(msg("{name}: {text}", name=name, text=text) for name, each in shown for text in each.compared),
        tuple(msg("{name}: {text}", name=name, text=text) for name, each in shown for text in each.not_compared),
        next((each.why for _, each in shown if each.why is not None), None),
    )


def doubted(made: Plan) -> Iterable[Message]:
    """What the choices remove that its programs might need on request."""
    # what a program can lose differs if the same choices also start it as another user
    other_user = replace(made.subject.container.asked, user=made.wanted.user)
    started = replace(made.subject, container=replace(made.subject.container, asked=other_user))
    for choice in made.choices:
        which = toggle(choice.toggle)
        yield from which.doubts(choice.value, made.subject if which.changes_users else started)
    yield from (item.text for item in made.checked.warnings if item.code in _FILES)


def _unseen(made: Plan) -> Iterable[Message]:
    udp = [port.container_port for port in made.spec.asked.ports if port.container_port.endswith("/udp")]
    if udp:
        yield msg("Its answers at UDP ports are not checked: {ports}.", ports=", ".join(udp))
    hardened = {each.spec.id for each in made.along}
    if names := ", ".join(each.container.name for each in made.further if each.container.id not in hardened):
        yield msg("Containers relaunched with it are watched, but not tested: {names}.", names=names)


def _go_on(access: EngineAccess, container: str, cancelled: Callable[[], bool]) -> None:
    if cancelled():
        raise FailedError(msg("Cancelled."))
    now = access.port.running(container)
    if now.status != "running":
        why = msg("It exited by itself, with status {status}.", status=str(now.exit_code))
        log = last_words(access.port, container)
        raise FailedError(why, now.error, log, Failure(log, now.error, now.exit_code, now.out_of_memory))


def broken(access: EngineAccess, container: str, why: Message) -> FailedError:
    """The error for one that answers differently."""
    log = last_words(access.port, container)
    return FailedError(why, log=log, failure=Failure(log))
