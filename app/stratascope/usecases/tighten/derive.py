"""What is worth trying: the strict settings, and in the place of each guess what was seen of the container.

Pure. Each choice says why. What was seen decides wherever it says something: a limit that the strict settings guess is
left out where a whole start was watched and nothing speaks for one.
"""

from __future__ import annotations

from collections.abc import Collection

from stratascope.core.relaunch.toggle import Choice, Preset, Subject, ToggleError
from stratascope.layers.toggles import all_toggles, choices, toggle
from stratascope.usecases.plan.learned import Place, Resolved, resolved
from stratascope.value import replace


def derive(
    subject: Subject, place: Place, *, keep: Collection[str] = (), tight: bool = False, exercised: bool = False
) -> Resolved:
    """`keep`: toggles that are not touched; `tight`: only what was seen, where a value can be that strict.

    `exercised`: somebody put it through what it is for, so that what was seen is all of it, and not what its programs
    could do beside.
    """
    subject = replace(subject, programs=None) if exercised else subject
    wanted = {item.toggle: item.value for item in choices(Preset.STRICT, subject) if item.toggle not in keep}
    watched = subject.seen is not None and subject.seen.seen.starts > 0
    for each in all_toggles():
        if not each.learned_words or each.id in keep or not watched:
            continue
        word = each.learned_words[-1 if tight else 0]
        if each.learned(word, subject, subject.container.asked) is not None:
            wanted[each.id] = word
        elif each.guessed:
            wanted.pop(each.id, None)
    found = resolved([Choice(*item) for item in wanted.items()], subject, place)
    why = dict(found.why)
    return Resolved(
        tuple(item for item in found.choices if _possible(item, subject, found)),
        tuple((item.toggle, why.get(item.toggle, toggle(item.toggle).what)) for item in found.choices),
        found.files,
    )


def _possible(choice: Choice, subject: Subject, found: Resolved) -> bool:
    try:
        toggle(choice.toggle).check(choice.value, replace(subject, files=(*subject.files, *found.files)))
    except ToggleError:
        return False
    return True
