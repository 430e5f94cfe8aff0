"""Check that nothing changed since planning, and say why not to go on otherwise.

A plan or a journal entry may be outdated when its button is pressed: by a command in a terminal, another window or a
person. Checked under the lock, before anything is changed. All raise EngineError.
"""

from __future__ import annotations

from stratascope.core.message import Message, msg
from stratascope.core.ports import Relauncher
from stratascope.core.relaunch.launch_spec import Running
from stratascope.core.relaunch.transaction import Journal, Member, Transaction
from stratascope.usecases.known import known, look
from stratascope.usecases.relaunch.rollback import ALIVE


def changed(port: Relauncher, journal: Journal, made: Transaction) -> Message | None:
    """Why a relaunch would no longer be of what was planned."""
    kept = None if made.kept is None else (made.kept.old, made.old)
    others = []
    for item in (item for item in journal.all() if isinstance(item, Transaction)):
        if (item.old, item.new) == kept:
            known(port, item)  # what it set aside will be the way back
        else:
            others.append(item)
    for member in made.members:
        now = look(port, member.old)
        if now is None:
            return msg("It was removed in the meantime.")
        as_planned = now.name == member.name and as_it_ran(now, member)
        if not as_planned or any(item.concerns(member.old) for item in others):
            return msg("It was changed in the meantime. Check it again.")
    return None


def as_it_ran(now: Running, member: Member) -> bool:
    """Whether its running state is as planned."""
    return now.status == "running" if member.was_running else now.status not in ALIVE


def over(journal: Journal, done: Transaction) -> Message | None:
    """Why there is nothing to undo or to discard any more."""
    if any(isinstance(item, Transaction) and (item.id, item.stage) == (done.id, done.stage) for item in journal.all()):
        return None
    return msg("It was undone or discarded in the meantime. Check it again.")


def undone_elsewhere(port: Relauncher, done: Transaction) -> bool:
    """Whether the original runs under its name again, and the replacement does not: undone by another journal."""
    old, new = look(port, done.old), look(port, done.new)
    back = old is not None and old.status in ALIVE and old.name == done.name
    return back and (new is None or (new.status not in ALIVE and bool(known(port, done))))


def in_use(port: Relauncher, done: Transaction) -> Message | None:
    """Why what is set aside must not be removed."""
    for member, now in ((pair.member, pair.old) for pair in known(port, done)):
        if now is not None and now.status in ALIVE:
            return msg("{name} is running. Stop it first.", name=now.name)
        if now is not None and now.name == member.name:
            return msg("{name} has its own name again, so it is not removed.", name=now.name)
    return None
