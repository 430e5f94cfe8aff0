"""Verifies a replacement against its plan and its original: settings are enforced, processes and files present, and it
works.

Each choice is checked against /proc of the new process, and the processes of its start must be back.

What the original wrote outside its volumes must not be lost, hidden or unreadable. An engine that carries a layer over
reports so and can be trusted; only a mount of ours can hide a file. So hidden files are found by the kernel's list of
mounts, and missing ones by the engine. Files that a program recreates at start are given time to appear.

It works if its answers at its ports (`usecases.evidence.answers`) are as before, and no choice could have broken what
these do not show. Choices that concern all that its programs do (another user, a read-only root directory, a filter, a
grant that may be in use) take more: an exercise that succeeded on a twin with exactly these settings, a healthcheck
that is healthy as before, or that it did again on a twin what it was seen doing. If a choice removes what its programs
seem to need on request, only the exercise counts: a port that answers does not show that people can log in. Everything
not checked is listed, and each function that was seen and not tried again.
"""

from __future__ import annotations

import posixpath
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import reduce

from stratascope.core.container import Asked, Container
from stratascope.core.message import Message, colon, comma, msg
from stratascope.core.observation.functions import asked_for, untried, worked
from stratascope.core.observation.observation import Observation, RefusedCall
from stratascope.core.ports import EngineError, NoSuchContainerError
from stratascope.core.relaunch.data_volume import DataVolume, new_volumes
from stratascope.core.relaunch.evidence import Failure, PortReply
from stratascope.core.relaunch.file_owners import FileMarks
from stratascope.core.relaunch.launch_spec import FileChange, Health
from stratascope.core.relaunch.toggle import Choice, Proof, Proven, Subject
from stratascope.core.snapshot import ContainerState
from stratascope.layers.namespaces.facts import NamespacesFacts
from stratascope.layers.namespaces.written import data, some, temporary
from stratascope.layers.shared.host_paths import within
from stratascope.linux.decode import DecodeError
from stratascope.linux.seccomp_profile import allowed_names
from stratascope.usecases.engine_access import EngineAccess
from stratascope.usecases.evidence import answers
from stratascope.usecases.evidence.readings import ProcessKind, certain, missing
from stratascope.usecases.plan.look import looked, subject_of
from stratascope.usecases.plan.plan import Plan
from stratascope.usecases.plan.written_files import hidden, in_memory, is_log, leaves, own_files
from stratascope.usecases.relaunch.diagnosis import points_to
from stratascope.usecases.relaunch.watch import LISTEN_MORE, LOOK, FailedError, last_words
from stratascope.value import Value, replace

_SETTLE = 5.0  # seconds until the new process has to be readable
_AGAIN = 0.5  # seconds between two readings of it
_COME_BACK = 10.0  # seconds beyond the watch until all processes of its start have to be back


class Proved(Value):
    """One choice checked against /proc of the new process. `original`: full id of the container that it replaces."""

    choice: Choice
    proof: Proof
    original: str = ""


def verify(access: EngineAccess, made: Plan, container: str) -> tuple[Proved, ...]:
    """Each choice against the facts of the new process. What is not readable yet is retried for a moment."""
    until = access.clock.now() + _SETTLE
    while True:
        proofs = _proofs(access, made, access.read(container))
        if all(item.proof.outcome is not Proven.UNKNOWN for item in proofs) or access.clock.now() >= until:
            return proofs
        access.clock.sleep(_AGAIN)


def _proofs(access: EngineAccess, made: Plan, state: ContainerState | None) -> tuple[Proved, ...]:
    subject = made.subject if state is None else looked(access, subject_of(access, state, made.choices))
    if any(choice.toggle.hands_over for choice in made.choices):
        subject = replace(subject, not_given=_not_given(access, made))
    found = []
    for choice in made.choices:
        facts = None if state is None else subject.of(choice.toggle.layer)
        found.append(Proved(choice, choice.prove(facts, subject)))
    return tuple(found)


def _not_given(access: EngineAccess, made: Plan) -> tuple[str, ...] | None:
    """Files of its volumes that still belong to the previous user; None if that can't be read."""
    targets = {mount.source: mount.target for mount in made.wanted.mounts}
    try:
        return tuple(
            targets.get(change.source, "") + path for change in made.handed for path in access.port.not_given(change)
        )
    except EngineError:
        return None


def not_enforced(failed: Sequence[Proved]) -> Message:
    """Why a result is not good enough, for the first of them."""
    first = failed[0]
    title = first.choice.named
    if first.proof.outcome is Proven.UNKNOWN:
        return msg("Not verified: {title}. What /proc says could not be read.", title=title)
    return msg("Not enforced: {title}. Expected {expected}, found {found}.", title=title,
               expected=first.proof.expected, found=first.proof.found)  # fmt: skip


def all_back(
    access: EngineAccess,
    choices: Sequence[Choice],
    subject: Subject,
    before: frozenset[ProcessKind] | None,
    container: str,
    *,
    seconds: float = _COME_BACK,
    again: float = _AGAIN,
    go_on: Callable[[], None] = lambda: None,
) -> tuple[ProcessKind, ...]:
    """Raises FailedError if a process that belongs to its start does not appear in `seconds`. `subject`: the original;
    `go_on`: called before each wait.

    Returns those that did not appear but need not, as they may have been started on demand: these are not awaited as
    long. If the log says that something was refused, all are required.
    """
    begun, users = access.clock.now(), not any(choice.toggle.changes_users for choice in choices)
    until, judged = begun + seconds, begun + min(seconds, _COME_BACK)
    while before:
        now = access.all_processes(container)
        lost = () if now is None else missing(before, now, users=users)
        if not lost or now is None:
            return ()
        if (moment := access.clock.now()) >= judged:
            log = last_words(access.port, container)
            failure = Failure(log)
            sure = certain(lost, now, time.time() - subject.container.started, users=users)
            if not sure and not points_to(choices, failure, subject):
                return lost
            if moment < until:
                judged = until
                continue
            first = (*sure, *lost)[0]
            why = msg("A process {name} of user {user} ran in it before, and did not start again.", name=first.name,
                      user="?" if first.user is None else first.user)  # fmt: skip
            raise FailedError(why, log=log, failure=failure)
        go_on()
        access.clock.sleep(again)
    return ()


_FILES_CHECKED = 200  # paths checked per container; of more, a sample from everywhere
_FILES_APPEAR, _FILES_AGAIN = 10.0, 0.5  # time for files recreated at each start to appear, and between two checks


def taken_away(subject: Subject, wanted: Asked, changes: Sequence[FileChange]) -> str:
    """For a stopped container: what it wrote since the plan was made (`subject`), or while stopping, that the new
    options would hide or make read-only; in words, empty if nothing.
    """
    known = {*data(subject), *(posixpath.dirname(path) for path in data(subject))} - {"/"}
    now = data(replace(subject, changes=tuple(change.path for change in changes)))
    filled = {volume.target for volume in new_volumes(subject.container.asked, wanted)}
    new = [path for path in now if not any(within(path, folder) for folder in (*known, *filled))]
    refused = wanted.read_only_root and not subject.container.asked.read_only_root
    return some(new if refused else hidden(new, subject.container.asked, wanted))


def kept(
    access: EngineAccess,
    old: Container,
    changes: Sequence[FileChange],
    volumes: Sequence[DataVolume] = (),
    marks: FileMarks | None = None,
    *,
    logs: bool,
) -> tuple[str, ...]:
    """What that container's replacement must have. `logs`: whether log files count. `volumes`: new ones, which had all
    of it before the start, and nobody lists what its program deletes there. Raises EngineError.
    """
    port = access.port
    there = [change.path for change in leaves(own_files(old, changes, volumes, marks)) if change.kind != "deleted"]
    paths = [path for path in there if not temporary(path) and (logs or not is_log(path))]
    some_of = paths[:: max(1, -(-len(paths) // _FILES_CHECKED))]
    return tuple(path for path in some_of if port.has_path(old.id, path))  # a dangling symlink does not count


def all_there(access: EngineAccess, old: Container, new: str, paths: Sequence[str], *, carried: bool) -> None:
    """Raises FailedError if a replacement lacks one of these, and EngineError, NoSuchContainerError. `carried`: its
    image includes the old one's layer.
    """
    port, until = access.port, access.clock.now() + _FILES_APPEAR
    while lost := _lost(access, old, new, paths):
        if access.clock.now() >= until:
            log = last_words(port, new)
            why = msg("What it wrote outside its volumes is not in the replacement: {paths}.", paths=some(lost))
            if not carried:
                why = msg("What it wrote outside its volumes is not in the replacement, and was not made anew: "
                          "{paths}. Try again, and carry it over.", paths=some(lost))  # fmt: skip
            raise FailedError(why, log=log, failure=Failure(log))
        access.clock.sleep(_FILES_AGAIN)


def _lost(access: EngineAccess, old: Container, new: str, paths: Sequence[str]) -> list[str]:
    if not paths:
        return []
    removed = [change.path for change in access.port.changes(new) if change.kind == "deleted"]  # by its program
    covered = _covered(access, old, new)
    return [
        path
        for path in paths
        if any(within(path, place) for place in covered)
        or not (access.port.has_path(new, path) or any(within(path, gone) for gone in removed))
    ]


def _covered(access: EngineAccess, old: Container, new: str) -> tuple[str, ...]:
    """Mount points where the replacement has a tmpfs and its original had none."""
    state = access.read(new)
    if state is None:
        return ()
    facts = state.facts_of(NamespacesFacts)
    view = None if facts is None else facts.as_made.mounts
    before, now = in_memory(old.asked), in_memory(state.container.asked) if view is None else view.tmpfs
    return tuple(place for place in now if place not in before)


_ABOUT_FILES = ("dac-override", "owners")  # preflight cautions about files that it could no longer use


class Shown(Value):
    """What was compared. `works` None: not tested; False: it answers differently than before."""

    works: bool | None = None
    compared: tuple[Message, ...] = ()
    not_compared: tuple[Message, ...] = ()
    why: Message | None = None  # set if it does not work
    doubts: tuple[Message, ...] = ()  # those of `not_compared` for which it does not count as working


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
    repeated: Observation | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    seconds: float = LISTEN_MORE,
    again: float = LOOK,
) -> Shown:
    """Of a running replacement. Raises FailedError if it ends meanwhile, and the engine's errors.

    `exercised`: commands that succeeded on a twin with the same settings; `repeated`: what a twin did in the same test.
    """
    if made.repairs:
        healthy = access.port.running(container).health is Health.HEALTHY
        return Shown(
            works=True if healthy else None,
            compared=(msg("Its health check reports healthy."),) if healthy else (),
            not_compared=() if healthy else (msg("It had ended, so there is nothing to compare with."),),
        )
    compared = [msg("On a copy with these settings the test command succeeded: {command}", command=each)
                for each in exercised]  # fmt: skip
    not_compared: list[Message] = []
    healthy = False
    if made.spec.state.health is not Health.HEALTHY:
        text = msg("Its health check did not report healthy before.") if made.spec.state.healthcheck else None
        not_compared.append(text or msg("It has no health check."))
    elif access.port.running(container).health is Health.HEALTHY:
        compared.append(msg("Its health check reports healthy, as before."))
        healthy = True
    ports, lost = made.before.listens, False
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
        lost = bool(before) and now is None
        if before is None or now is None:
            not_compared.append(msg("Its answers at its ports: they can't be reached from here."))
        else:
            if other := answers.changed_replies(before, now):
                return Shown(False, tuple(compared), tuple(not_compared), answers.differs(other[0]))
            compared += answers.compared(before, now)
            not_compared += answers.not_compared(ports, before, now)
    not_compared += _unseen(made)
    left = untried(made.subject.seen, repeated)
    widely = tuple(_widely(made))
    if worked(made.subject.seen) and repeated is not None and not left:
        compared.append(msg("On a copy it did again all that it was seen doing while it was watched."))
        again = True
    else:
        again = False
    doubts = () if exercised else tuple(doubted(made))
    if not (exercised or healthy or again):
        doubts += widely
    if widely or doubts:
        not_compared = [*left, *not_compared]
    if doubts:
        not_compared.append(answers.NOT_EXERCISED)
    works = True if compared and not doubts and not lost else None  # what nothing showed is not said to work
    return Shown(works, tuple(compared), (*doubts, *not_compared), doubts=doubts)


def together(shown: Sequence[tuple[str, Shown]]) -> Shown:
    """Of several that were relaunched as one, by name: all of them must work."""
    if len(shown) == 1:
        return shown[0][1]
    outcomes = {each.works for _, each in shown}
    return Shown(
        False if False in outcomes else None if None in outcomes else True,
        tuple(colon(name, text) for name, each in shown for text in each.compared),
        tuple(colon(name, text) for name, each in shown for text in each.not_compared),
        next((each.why for _, each in shown if each.why is not None), None),
        tuple(colon(name, text) for name, each in shown for text in each.doubts),
    )


def to_pass(made: Plan) -> tuple[RefusedCall, ...]:
    """What was refused to it, and is to pass with these choices."""
    texts = dict((*made.subject.files, *made.files))
    names = {name for choice in made.choices for name in choice.given}
    for choice in made.choices:
        if choice.file in texts:
            with suppress(DecodeError):
                names |= set(allowed_names(texts[choice.file]))
    return asked_for(made.subject.seen, names)


def _widely(made: Plan) -> Iterable[Message]:
    """What concerns all that its programs do, and what is taken back without a sign that it was not in use."""
    changing = [choice for choice in made.choices if choice.changes(made.spec.asked, made.subject)]
    for choice in changing:
        yield from choice.widely(made.subject)
    if taken := dict.fromkeys(choice.titled for choice in changing if choice.takes_unseen(made.subject)):
        yield msg("Whether it uses what this takes back was not tried: {titles}.", titles=reduce(comma, taken))


def doubted(made: Plan) -> Iterable[Message]:
    """What the choices remove that its programs might need on request."""
    # what a program can lose differs if the same choices also start it as another user
    other_user = replace(made.subject.container.asked, user=made.wanted.user)
    started = replace(made.subject, container=replace(made.subject.container, asked=other_user))
    if wanted := to_pass(made):
        names = ", ".join(sorted({each.name for each in wanted}))
        yield msg("Whether what was refused passes now was not seen: {calls}.", calls=names)
    for choice in made.choices:
        yield from choice.doubts(made.subject if choice.toggle.changes_users else started)
    yield from (item.text for item in made.checked.warnings if item.code in _ABOUT_FILES)


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
