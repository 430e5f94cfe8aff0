"""Check that the containers of a relaunch are the ones its journal entry means, by what their engine reports.

A journal is a file: it may have been edited, damaged, or copied from another machine, and then its ids may be of any
container. A container's own labels, creation time and name can't be forged by an entry. A replacement's labels name the
container it was made for; if one of the two is gone, only a name given by a relaunch identifies the other. A person may
rename containers, so other names count neither way.

Ids are never reused, and neither labels nor creation time of a container change: one check is valid for everything done
by id afterwards.

A plan, too, may be outdated when its button is pressed: by a command in a terminal, another window or a person. So
it is checked under the lock, before anything is changed, that nothing changed since planning.
"""

from __future__ import annotations

import re

from stratascope.core.container import EngineState
from stratascope.core.message import Message, msg
from stratascope.core.ports import NoSuchContainerError, RefusedError, Relauncher
from stratascope.core.relaunch.launch_spec import (
    FIRST,
    NAME,
    ORIGINAL,
    TRANSACTION,
    Running,
    claim,
    guard,
    is_mark,
    own_image,
)
from stratascope.core.relaunch.transaction import Journal, Member, Stage, Transaction, transactions
from stratascope.value import Value

ALIVE = ("running", "stopping", "restarting")  # not paused: a relaunch and an undo refuse those beforehand
_ASIDE = re.compile(r"(.+)\.old-[0-9a-f]{8}").fullmatch
_UNTOUCHED = (Stage.INTENT, Stage.CREATED)  # the old one, up to then
_BEFORE_NAMES = (*_UNTOUCHED, Stage.HELD, Stage.STOPPING, Stage.OWNERS)
_BEHIND_NAMES = (Stage.RENAMED, Stage.STARTED, Stage.VERIFIED)
_GIVEN = (Stage.OWNERS, Stage.STOPPED, *_BEHIND_NAMES)  # files of its volumes may have been given to another owner


class UnknownContainerError(RefusedError):
    """Not the container that the journal means, so it is left alone. `file`: the journal file."""

    def __init__(self, file: str, name: str, container: str, differs: Message) -> None:
        text = msg(
            "{name} ({id}) is not what the journal says: {differs} Nothing was changed. Look at it with its engine; "
            "where the journal is wrong, delete {file} from it.",
            name=name, id=container[:12], differs=differs, file=file,
        )  # fmt: skip
        super().__init__(EngineState.CONNECTED, text, "")


class Pair(Value):
    """A member of a relaunch and its existing containers; None also for one that nothing identifies and nothing is left
    to do to.
    """

    member: Member
    old: Running | None
    new: Running | None


def look(port: Relauncher, container: str) -> Running | None:
    """State of a container, None if there is none. Raises EngineError."""
    if not container:
        return None
    try:
        return port.running(container)
    except NoSuchContainerError:
        return None


def looked(port: Relauncher, transaction: Transaction) -> tuple[Pair, ...]:
    """Its containers, unchecked: for a running relaunch, which created or found them itself."""
    return tuple(Pair(member, look(port, member.old), look(port, member.new)) for member in transaction.members)


def known(port: Relauncher, transaction: Transaction) -> tuple[Pair, ...]:
    """Its containers. Raises UnknownContainerError before anything is changed, EngineError."""
    return tuple(_checked(port, transaction, pair) for pair in looked(port, transaction))


def _checked(port: Relauncher, transaction: Transaction, pair: Pair) -> Pair:
    member, old, new = pair.member, pair.old, pair.new
    existing = tuple(each for each in (old, new) if each is not None)
    meant, differs, left_alone = None, None, False
    for found, found_differs in ((old, _old_differs(port, member, old)), (new, _new_differs(member, new))):
        if differs is None:
            meant, differs = found, found_differs
    if differs is None:
        made = next((each for each in existing if _made_for(each, member.old if each is new else member.new)), None)
        meant = made or old or new
        if made is not None:
            differs = _labels_differ(transaction, member, made, {each.name for each in existing})
        elif len(existing) == 1:
            differs = _name_differs(port, member, existing[0])
            left_alone = differs is not None and _is_settled(transaction, pair)
            differs = None if left_alone else differs
        elif new is not None:
            differs = msg("no label says that it and {other} are of one relaunch.", other=new.name)
    differs = differs or _stage_differs(transaction, pair) or _rest_differs(transaction, member, existing)
    if differs is not None:
        name, number = (member.name, member.old) if meant is None else (meant.name, meant.id)
        raise UnknownContainerError(f"{transaction.id}.json", name, number, differs)
    return Pair(member, None, None) if left_alone else pair


def _old_differs(port: Relauncher, member: Member, old: Running | None) -> Message | None:
    if old is None:
        return None
    if old.id != member.old:
        return msg("its id is another one.")
    if not member.inspect:  # reconstructed from labels
        return None
    then = port.told(member.inspect)
    if then.id != old.id:
        return msg("what the journal holds of it is of another container.")
    return None if then.created == old.created else msg("it was created at another time.")


def _new_differs(member: Member, new: Running | None) -> Message | None:
    if new is None:
        return None
    if new.id != member.new:
        return msg("its id is another one.")
    # entries of earlier versions lack it
    return None if member.new_created in (0.0, new.created) else msg("it was created at another time.")


def _made_for(found: Running | None, other: str) -> bool:
    labels = {} if found is None else dict(found.labels)
    # a twin has no such label
    return bool(other) and TRANSACTION in labels and other in (labels.get(ORIGINAL), labels.get(FIRST))


def _labels_differ(transaction: Transaction, member: Member, made: Running, names: set[str]) -> Message | None:
    labels, kept = dict(made.labels), transaction.kept
    if transaction.created and (made.id != member.new or labels.get(TRANSACTION) != transaction.id):
        return msg("its labels are of another relaunch.")
    if kept is not None and member.old == transaction.old and not labels.get(FIRST) == kept.old != member.old:
        return msg("its labels say that another one was its first original.")
    # while both have marks as names, a name that a person gave is recorded nowhere
    if member.name in (labels.get(NAME), *names) or all(is_mark(name) for name in names):
        return None
    return msg("its name was not {name}.", name=member.name)


def _is_settled(transaction: Transaction, pair: Pair) -> bool:
    """Whether nothing is left to do to the only one of the two that exists: it is back, or in place, already."""
    member, stage = pair.member, transaction.stage
    if pair.old is not None:
        back = pair.old.name == member.name and pair.old.restart == member.restart.name
        return stage in _UNTOUCHED or (
            stage is not Stage.DONE and back and (pair.old.status == "running" or not member.was_running)
        )
    assert pair.new is not None
    in_place = pair.new.name == member.name and (pair.new.status == "running" or not member.starts)
    return stage is Stage.DONE or (stage in _BEHIND_NAMES and in_place)


def _name_differs(port: Relauncher, member: Member, found: Running) -> Message | None:
    """For the only one left of the two, which no label identifies: it must have a name that a relaunch gave it."""
    form = _ASIDE(found.name)
    if found.id == member.old:
        mark, aside = guard(member.new), member.old_aside
        name = port.told(member.inspect).name if member.inspect else member.name
        ours = form is not None and form[1] == name
        if any(TRANSACTION in dict(each.labels) for each in port.labelled(ORIGINAL, found.id)):
            return msg("its replacement is another one.")
    else:
        mark, aside = claim(member.old), member.new_aside
        ours = form is not None
    if found.name == mark or (ours and found.name == aside):
        return None
    return msg("the other container of this relaunch is gone, and nothing else says that it was part of one.")


def _stage_differs(transaction: Transaction, pair: Pair) -> Message | None:
    in_place = pair.new is not None and pair.new.name == pair.member.name
    aside = pair.old is not None and pair.old.name in (guard(pair.member.new), pair.member.old_aside)
    if transaction.stage in _BEFORE_NAMES and (in_place or aside):
        return msg("it does not have that name at the stage {stage}.", stage=transaction.stage)
    return None


def _rest_differs(transaction: Transaction, member: Member, existing: tuple[Running, ...]) -> Message | None:
    """What would be changed or removed with it, on the journal's word alone."""
    names = {each.name for each in existing}
    for name in (member.old_aside, member.new_aside) if existing else ():
        if not (is_mark(name) or _ASIDE(name) or name in names):
            return msg("{name} is no name of a kept container.", name=name)
    for image in filter(None, (member.image, member.old_image)):
        if not own_image(image):
            return msg("{image} is no image of what it wrote.", image=image)
    mounted = {source for each in existing for source in each.mounted}
    for change in member.owners if existing or transaction.stage in _GIVEN else ():
        if change.source not in mounted:
            return msg("{path} is not mounted in it.", path=change.source)
    return None


def changed(port: Relauncher, journal: Journal, made: Transaction) -> Message | None:
    """Why a relaunch would no longer be of what was planned."""
    kept = None if made.kept is None else (made.kept.old, made.old)
    others = []
    for item in transactions(journal):
        if (item.old, item.new) == kept:
            known(port, item)  # what it set aside will be the way back
        else:
            others.append(item)
    for member in made.members:
        now = look(port, member.old)
        if now is None:
            return msg("It was removed in the meantime.")
        as_planned = now.name == member.name and as_it_ran(now, member)
        ours = (item for item in others if not item.brought_back(member.old))
        if not as_planned or any(item.concerns(member.old) for item in ours):
            return msg("It was changed in the meantime. Check it again.")
    return None


def as_it_ran(now: Running, member: Member) -> bool:
    """Whether its running state is as planned."""
    return now.status == "running" if member.was_running else now.status not in ALIVE


def over(journal: Journal, done: Transaction) -> Message | None:
    """Why there is nothing to undo or to discard any more."""
    if any((item.id, item.stage) == (done.id, done.stage) for item in transactions(journal)):
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
