"""Finds the least with which a command starts in a container, on copies of it: each is given what the one before was
refused, until the command starts; then each part is taken away again, and stays only if the command fails without it.

The container itself is read, and otherwise left alone. What is found needs an observer, which is root.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from stratascope.core.capture import or_none
from stratascope.core.message import msg
from stratascope.core.ports import EngineError, NoSuchContainerError, RefusedError
from stratascope.core.refusals.benign import is_benign
from stratascope.core.refusals.refusal import Attempt
from stratascope.core.refusals.ring import RefusalEntry
from stratascope.core.refusals.starting import Here, LeastStart, StartCause, causes
from stratascope.core.relaunch.launch_spec import Executed
from stratascope.core.relaunch.toggle import MORE, Choice, Subject, ToggleError
from stratascope.core.relaunch.transaction import BusyError, JournalError
from stratascope.core.relaunch.want import Want
from stratascope.core.snapshot import ContainerState
from stratascope.layers.namespaces.facts import NamespacesFacts
from stratascope.layers.shared.toggle_values import listed
from stratascope.linux.namespace import parse_idmap
from stratascope.usecases.engine_access import EngineAccess
from stratascope.usecases.hardening import Hardening
from stratascope.usecases.plan.choices import resolved
from stratascope.usecases.plan.look import Look, look
from stratascope.usecases.plan.offers import Preview
from stratascope.usecases.plan.pieces import merged
from stratascope.usecases.refusals.explain import choices_for, opened_by
from stratascope.usecases.relaunch.carry_out import in_words
from stratascope.usecases.tighten.watched_twins import WatchedTwins
from stratascope.usecases.trial.trial import Observe, prepare, record_of, unwatched
from stratascope.usecases.trial.twin import NoTwinError, twin
from stratascope.value import Value, replace

_ROUNDS = 10  # refusals one after the other
_SILENCE = 30.0  # seconds for which it may print nothing


class TriedStart(Value):
    """One copy. `without`: the part that was taken away to see whether it is needed; "" while it is searched."""

    choices: tuple[Choice, ...]
    works: bool
    causes: tuple[StartCause, ...] = ()
    without: str = ""


class _Run(Value):
    works: bool
    attempts: tuple[Attempt, ...] = ()


Foresee = Callable[[Sequence[Choice]], Preview]  # raises ToggleError


def least_start(
    hardening: Hardening,
    state: ContainerState,
    words: Sequence[str],
    twins: WatchedTwins,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[TriedStart | LeastStart]:
    """Run it in copies; the last item is a `LeastStart`. Raises EngineError, NoSuchContainerError."""
    access = hardening.access(state.container.engine)
    seen = look(access, state.container.id)
    met: list[StartCause] = []
    chosen: tuple[Choice, ...] = ()
    copies, why_not, works = 0, None, False
    try:
        for _ in range(_ROUNDS):
            if cancelled():
                why_not = msg("Cancelled.")
                break
            run = _run(access, seen, chosen, words, twins, twins.observe)
            copies += 1
            works = run.works
            told = () if works else causes(run.attempts, here_of(seen.state, seen.subject, chosen))
            yield TriedStart(chosen, works, told)
            if works:
                break
            why_not = twins.why_not
            if why_not is not None:
                break
            if told and told[0].own_first and told[0].own is not None:
                met.append(told[0])
                why_not = msg("Change the command first, then ask again: {text}", text=told[0].own)
                break
            cause, more = next(((each, more) for each in told if (more := _with(chosen, each.wants, seen.subject))
                                not in (None, chosen)), (None, None))  # fmt: skip
            if cause is None or more is None:
                met += told[:1]
                why_not = msg("No option of the container is known that would let it go on.")
                break
            met.append(cause)
            chosen = more
        if works and not chosen:
            why_not = msg("In a copy of the container it starts as it is.")
        proven = works and bool(chosen)
        for part in _parts(chosen) if proven else ():
            less = _without(chosen, part)
            if cancelled() or not chosen:
                proven = False
                break
            needless = _run(access, seen, less, words, twins, unwatched).works
            copies += 1
            yield TriedStart(less, needless, without=f"{part[0]}={part[1]}")
            if needless:
                chosen = less
    except (NoTwinError, ToggleError, BusyError) as error:
        why_not, works, proven = error.message, False, False
    except (EngineError, NoSuchContainerError, JournalError) as error:
        why_not, _, _ = in_words(error)
        works = proven = False
    found = LeastStart(tuple(met), chosen, proven, copies, why_not)
    yield _told(found, lambda choices: hardening.preview(state, choices))


def here_of(state: ContainerState, subject: Subject, chosen: Sequence[Choice] = ()) -> Here:
    """What is around a command in the container, with these choices."""
    facts: NamespacesFacts | None = subject.of("namespaces")
    view = None if facts is None else facts.as_made.mounts
    shown = any(each.id == "masked-paths" and each.value == "off" for each in chosen)
    covered = () if view is None or shown else (*view.masked, *view.read_only)
    mac = subject.of("mac")
    label = "" if mac is None else mac.label or ""
    confined = f"{label} (enforce)" if mac is not None and mac.system == "apparmor" and label else label
    maps = subject.of("usermap")
    root = maps is not None and maps.initial_namespace and not state.container.asked.user
    return Here(
        covered=tuple(each for each in covered if each.startswith("/proc/")),
        label="" if any(each.id == "apparmor" for each in chosen) else confined,
        container=subject.engine.kind.value,
        uid=0 if root else 1,
    )


def _run(
    access: EngineAccess, seen: Look, chosen: Sequence[Choice], words: Sequence[str], twins: WatchedTwins,
    observe: Observe,
) -> _Run:  # fmt: skip
    """Run it in one copy. Raises NoTwinError, ToggleError, EngineError, BusyError, JournalError."""
    made = resolved(chosen, seen.subject, access.profile_place)
    for path, text in made.files:
        access.keep_profile(path, text)
    prepared = prepare(access, seen, made.choices)
    number = secrets.token_hex(8)
    with observe(number) as witness:
        record = record_of(access, seen.spec, number, witness.cgroup)
        with twin(access, seen.spec, prepared.body, record, prepared.mounts) as container:
            access.port.start(container)
            witness.attach(container, partial(_first, access, container))
            try:
                done = access.port.execute(container, words, _SILENCE)
            except RefusedError:  # the runtime itself was refused, or there is no such program
                done = Executed(None, "")
            access.port.stop(container, 0)
        witness.refusals()
    entries = twins.refused() if observe is not unwatched else ()
    return _Run(done.code == 0, attempts_of(entries, seen.state))


def _first(access: EngineAccess, container: str) -> int:
    """Its first process. Raises NoTwinError, EngineError, NoSuchContainerError."""
    pid = access.port.running(container).pid
    if pid is None:
        raise NoTwinError(msg("A copy of it ends at once, so nothing can be tried in one."))
    return pid


def attempts_of(entries: Sequence[RefusalEntry], state: ContainerState) -> tuple[Attempt, ...]:
    """What the command was refused, in the order of time, as the causes of a start want it."""
    capture = state.capture
    uids = None if capture is None else or_none(capture.decoded("uid_map", parse_idmap))
    gids = None if capture is None else or_none(capture.decoded("gid_map", parse_idmap))
    found = []
    for entry in sorted(entries, key=lambda each: each.last):
        around = entry.attempt.around
        if not entry.session or is_benign(entry.attempt, survived=entry.survived, ended=entry.ended):
            continue
        own = uids if around.uids is None else around.uids
        apart = around.uids is not None and uids is not None and around.uids != uids
        groups = gids if around.gids is None else around.gids
        found.append(replace(entry.attempt, uids=own, gids=groups, apart=apart))
    return tuple(found)


def _with(chosen: Sequence[Choice], wants: Sequence[Want], subject: Subject) -> tuple[Choice, ...] | None:
    """The choices with what grants all of these; None if one can't be granted."""
    found = list(chosen)
    for want in wants:
        gives = choices_for(want, subject)
        if not gives:
            return None
        found.append(gives[0][0])
    return merged(found)


def _parts(chosen: Sequence[Choice]) -> tuple[tuple[str, str], ...]:
    """What can be taken away alone: a toggle and one of its values."""
    return tuple(
        (each.id, part)
        for each in chosen
        for part in (listed(each.value) if each.value.startswith(MORE) else (each.value,))
    )


def _without(chosen: Sequence[Choice], part: tuple[str, str]) -> tuple[Choice, ...]:
    found = []
    for each in chosen:
        left = [value for value in listed(each.value) if (each.id, value) != part]
        if each.id != part[0]:
            found.append(each)
        elif left:
            found.append(Choice(each.toggle, MORE + ",".join(left)))
    return tuple(found)


def _told(found: LeastStart, foresee: Foresee) -> LeastStart:
    if not found.choices:
        return found
    try:
        preview = foresee(found.choices)
    except ToggleError:
        return found
    return replace(
        found,
        before=preview.before.exposure.worst,
        after=preview.after.exposure.worst,
        opened=opened_by(preview),
    )
