"""Checks each choice against /proc of the new process, and that the processes of its start are back."""

from __future__ import annotations

import time
from collections.abc import Sequence

from stratascope.core.message import Message, msg
from stratascope.core.ports import EngineError
from stratascope.core.relaunch.evidence import Failure
from stratascope.core.relaunch.toggle import Choice, Proof, Proven, Subject
from stratascope.core.snapshot import ContainerState
from stratascope.layers.toggles import changes_users, toggle
from stratascope.usecases.engine_access import EngineAccess
from stratascope.usecases.evidence.startup_processes import ProcessKind, certain, missing
from stratascope.usecases.plan.look import looked, subject_of
from stratascope.usecases.plan.plan import Plan
from stratascope.usecases.relaunch.diagnosis import points_to
from stratascope.usecases.relaunch.watch import FailedError, last_words
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
    if any(toggle(choice.toggle).hands_over for choice in made.choices):
        subject = replace(subject, not_given=_not_given(access, made))
    found = []
    for choice in made.choices:
        which = toggle(choice.toggle)
        facts = None if state is None else subject.of(which.layer)
        found.append(Proved(choice, which.prove(facts, choice.value, subject)))
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
    title = toggle(first.choice.toggle).named(first.choice.value)
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
) -> tuple[ProcessKind, ...]:
    """Raises FailedError if a process that belongs to its start does not appear. `subject`: the original.

    Returns those that did not appear but need not, as they may have been started on demand; if the log says that
    something was refused, all are required.
    """
    until, users = access.clock.now() + seconds, not changes_users(choices)
    while before:
        now = access.all_processes(container)
        lost = () if now is None else missing(before, now, users=users)
        if not lost or now is None:
            return ()
        if access.clock.now() >= until:
            log = last_words(access.port, container)
            failure = Failure(log)
            sure = certain(lost, now, time.time() - subject.container.started, users=users)
            if not sure and not points_to(choices, failure, subject):
                return lost
            first = (*sure, *lost)[0]
            why = msg("A process {name} of user {user} ran in it before, and did not start again.", name=first.name,
                      user="?" if first.user is None else first.user)  # fmt: skip
            raise FailedError(why, log=log, failure=failure)
        access.clock.sleep(again)
    return ()
