"""Resolves choices that say "learned" instead of a value, from what was observed, before anything else uses them.

A filter made this way is a file, since an engine may need one, and a person may want to read it: it is named by its
content, and written when the relaunch begins. Decided against keeping the word in the plan: what is done has to be what
was shown, even if more is learned meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from stratascope.core.message import Message, msg
from stratascope.core.relaunch.toggle import Choice, Subject, Toggle, ToggleError
from stratascope.layers.toggles import fold, toggle
from stratascope.value import Value, replace

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
    words = {name: choice.value for name, choice in last.items() if toggle(name).made(choice.value)}
    if not words:
        return Resolved(tuple(last.values()))
    why: list[tuple[str, Message]] = []
    files: list[tuple[str, str]] = []
    # files last, since they depend on all else: a filter on the capabilities, and these on the user
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
