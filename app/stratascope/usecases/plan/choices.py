"""What a preset chooses for one container, and the values of choices that say "learned".

A preset takes back what the plan takes back, and chooses what its toggles choose. Starting as another user is left to a
person, or to presets that know which user.

"learned" is resolved from what was observed, before anything else uses the choices. A filter made this way is a file,
since an engine may need one, and a person may want to read it: it is named by its content, and written when the
relaunch begins. Decided against keeping the word in the plan: what is done has to be what was shown, even if more is
learned meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from stratascope.core.container import Asked
from stratascope.core.message import Message, msg
from stratascope.core.relaunch.toggle import Choice, Preset, Subject, ToggleError
from stratascope.layers.toggles import all_toggles, choices, fold
from stratascope.value import Value, replace


def preset_choices(preset: Preset, subject: Subject, first: Sequence[Choice]) -> tuple[Choice, ...]:
    """The choices of a preset in `GRADES`, in addition to what the plan takes back (`first`)."""
    asked = fold(subject.container.asked, first, subject)
    of_toggles = choices(preset, replace(subject, container=replace(subject.container, asked=asked)))
    found = {each.toggle: each for each in (*first, *of_toggles)}
    for each in first:  # a list of what stays already says what goes
        others = [other for other in found.values() if other is not each]
        if found[each.toggle] is each and _same(others, found.values(), subject):
            del found[each.toggle]
    return tuple(found[each] for each in all_toggles() if each in found)


def _same(one: Iterable[Choice], two: Iterable[Choice], subject: Subject) -> bool:
    """Whether they lead to the same options, leaving aside values derived from what is known of the container."""
    asked, folded = subject.container.asked, list[Asked]()
    for some in (one, two):
        try:
            folded.append(fold(asked, [each for each in some if not each.made], subject))
        except ToggleError:
            return False  # the others need it: it leaves privileged mode
    return folded[0] == folded[1]


PathOf = Callable[[str], str]  # the absolute path for a file of that content


class Resolved(Value):
    """Choices with values, the reason for each learned one, and the files (path, text) that they name.

    `left`: toggles that were left out because something speaks against them, and what.
    """

    choices: tuple[Choice, ...]
    why: tuple[tuple[str, Message], ...] = ()  # by the toggle's id
    files: tuple[tuple[str, str], ...] = ()
    left: tuple[tuple[str, Message], ...] = ()


def resolved(chosen: Sequence[Choice], subject: Subject, place: PathOf) -> Resolved:
    """The choices with a value for each word. Raises ToggleError if too little was seen of the container."""
    last = {choice.toggle: choice for choice in chosen}
    made = [choice for choice in last.values() if choice.made]
    if not made:
        return Resolved(tuple(last.values()))
    why: list[tuple[str, Message]] = []
    files: list[tuple[str, str]] = []
    # files last, since they depend on all else: a filter on the capabilities, and these on the user
    for choice in sorted(made, key=lambda each: (each.toggle.placeholder == "FILE", not each.toggle.changes_users)):
        which = choice.toggle
        others = [each for each in last.values() if not each.made]
        asked = fold(subject.container.asked, others, replace(subject, files=(*subject.files, *files)))
        found = which.learned(choice.value, subject, asked)
        if found is None:
            raise too_little(choice, subject)
        value = found.value
        if found.text:
            value = place(found.text)
            files.append((value, found.text))
        last[which] = Choice(which, value)
        why.append((which.id, found.why))
    return Resolved(tuple(last.values()), tuple(why), tuple(files))


def too_little(choice: Choice, subject: Subject) -> ToggleError:
    """Why there is no learned value."""
    which = choice.toggle
    if choice.value not in which.learned_words:
        return ToggleError(
            msg("What its filter lets through now is not known, or it has none: {title}.", title=which.title)
        )
    if (against := which.left_off(subject)) is not None:
        return ToggleError(against)
    if subject.seen is None:
        return ToggleError(
            msg("Nothing was learned about this container yet: {title}. Watch it first, or try it on a copy.",
                title=which.title)
        )  # fmt: skip
    if not subject.seen.seen.starts:
        return ToggleError(
            msg("No start of this container was seen, and its start is half of what it needs: {title}.",
                title=which.title)
        )  # fmt: skip
    return ToggleError(msg("What was seen of this container says nothing about this: {title}.", title=which.title))
