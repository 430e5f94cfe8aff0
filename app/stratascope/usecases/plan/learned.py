"""Choices that say "learned" instead of a value: what was seen of the container decides, before anything else looks.

A filter that is made of it is a file, since an engine may want one, and a person may want to read it: it is named by
its content, and written when the relaunch begins. Decided against keeping the word in the plan: what was shown has to
be what is done, also where more is learned meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from stratascope.core.message import Message, msg
from stratascope.core.relaunch.toggle import Choice, Subject, Toggle, ToggleError
from stratascope.layers.toggles import fold, toggle
from stratascope.value import Value, replace

Place = Callable[[str], str]  # where a file of that content goes: its full path


class Resolved(Value):
    """Choices with values, why each learned one is so, and the files (path, text) that they name.

    `left`: toggles that are not among them, and why, where something speaks against them.
    """

    choices: tuple[Choice, ...]
    why: tuple[tuple[str, Message], ...] = ()  # by the toggle's id
    files: tuple[tuple[str, str], ...] = ()
    left: tuple[tuple[str, Message], ...] = ()


def resolved(chosen: Sequence[Choice], subject: Subject, place: Place) -> Resolved:
    """The same with a value for each word. Raises ToggleError where too little was seen of the container."""
    last = {choice.toggle: choice for choice in chosen}
    words = {name: choice.value for name, choice in last.items() if toggle(name).made(choice.value)}
    if not words:
        return Resolved(tuple(last.values()))
    why: list[tuple[str, Message]] = []
    files: list[tuple[str, str]] = []
    # what is a file is made for all else that is wanted: a filter depends on the capabilities, and these on the user
    for name in sorted(words, key=lambda each: (toggle(each).placeholder == "FILE", not toggle(each).changes_users)):
        which = toggle(name)
        others = [choice for choice in last.values() if not toggle(choice.toggle).made(choice.value)]
        asked = fold(subject.container.asked, others, replace(subject, files=(*subject.files, *files)))
        found = which.learned(words[name], subject, asked)
        if found is None:
            raise too_little(which, words[name], subject)
        value = found.value
        if found.text:
            value = place(found.text)
            files.append((value, found.text))
        last[name] = Choice(name, value)
        why.append((name, found.why))
    return Resolved(tuple(last.values()), tuple(why), tuple(files))


def too_little(which: Toggle, value: str, subject: Subject) -> ToggleError:
    """Why there is no learned value."""
    if value not in which.learned_words:
        return ToggleError(
            msg("What its filter lets through now is not known, or it has none: {title}.", title=which.title)
        )
    if (against := which.left_off(subject)) is not None:
        return ToggleError(against)
    if subject.seen is None:
        return ToggleError(
            msg("Nothing was learned about this container yet: {title}. Watch it first, or try it on a twin.",
                title=which.title)
        )  # fmt: skip
    if not subject.seen.seen.starts:
        return ToggleError(
            msg("No start of this container was seen, and its start is half of what it needs: {title}.",
                title=which.title)
        )  # fmt: skip
    return ToggleError(msg("What was seen of this container says nothing about this: {title}.", title=which.title))
