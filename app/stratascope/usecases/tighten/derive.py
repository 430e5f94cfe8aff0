"""What is worth trying: the strict settings, and in the place of each guess what was seen of the container.

Pure. Each choice says why. What was seen decides wherever it says something: a limit that the strict settings guess is
left out where a whole start was watched and nothing speaks for one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from stratascope.core.relaunch.toggle import Choice, Preset, Subject, ToggleError
from stratascope.layers.shared.signs_of_use import waits_for_sessions
from stratascope.layers.toggles import all_toggles, choices, fold, toggle
from stratascope.usecases.plan.choices import PathOf, Resolved, resolved
from stratascope.usecases.plan.file_access import identities
from stratascope.value import replace


def derive(
    subject: Subject, place: PathOf, *, keep: Collection[str] = (), tight: bool = False, exercised: bool = False
) -> Resolved:
    """`keep`: toggles that are not touched; `tight`: only what was seen, where a value can be that strict.

    `exercised`: somebody put it through what it is for, so that what was seen is all of it, and not what its programs
    could do beside.
    """
    subject = replace(subject, programs=None) if exercised else subject
    wanted = {item.toggle: item.value for item in choices(Preset.STRICT, subject) if item.toggle not in keep}
    watched = subject.seen is not None and subject.seen.seen.starts > 0
    left = []
    for each in all_toggles():
        against = None if each.id in keep else each.left_off(subject)
        if against is not None:
            wanted.pop(each.id, None)
            left.append((each.id, against))
            continue
        if not each.learned_words or each.id in keep or not watched:
            continue
        word = each.learned_words[-1 if tight else 0]
        learned = each.learned(word, subject, subject.container.asked)
        if learned is not None and (learned.text or _possible(Choice(each.id, learned.value), subject)):
            wanted[each.id] = word
        # not possible: limits that a rootless engine can't set, of control groups of version 1
        elif learned is not None or each.guessed or waits_for_sessions(subject):
            wanted.pop(each.id, None)
    found = resolved([Choice(*item) for item in wanted.items()], subject, place)
    why = dict(found.why)
    with_files = replace(subject, files=(*subject.files, *found.files))
    possible = tuple(item for item in found.choices if _possible(item, with_files))
    possible += tuple(_volumes(possible, subject, found, keep))
    told = tuple((item.toggle, why.get(item.toggle, toggle(item.toggle).what)) for item in possible)
    return Resolved(possible, told, found.files, tuple(left))


def _volumes(chosen: Collection[Choice], subject: Subject, found: Resolved, keep: Collection[str]) -> Iterator[Choice]:
    """Its own volumes handed over, where files there belong to the user that it is started as no longer."""
    before, own = subject.container.asked, subject.own_volumes or ()
    writable = {mount.target for mount in before.mounts if mount.kind == "volume" and mount.writable}
    subject = replace(subject, files=(*subject.files, *found.files))
    who = identities(before, fold(before, chosen, subject), subject)
    if who is None or writable != {volume.target for volume in own}:
        return
    if who[0].uid != who[1].uid and any(who[0].uid in volume.owners for volume in own):
        yield from (Choice(each.id, each.offered) for each in all_toggles() if each.hands_over and each.id not in keep)


def _possible(choice: Choice, subject: Subject) -> bool:
    try:
        toggle(choice.toggle).check(choice.value, subject)
    except ToggleError:
        return False
    return True
