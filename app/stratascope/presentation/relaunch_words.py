"""The outcome of a relaunch in words: a title for the window, a sentence for a terminal, and what was verified."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from stratascope.core.message import Message, msg
from stratascope.core.relaunch.toggle import Proven, ToggleError
from stratascope.core.relaunch.transaction import PlainOutcome, RelaunchOutcome, RelaunchResult, TransactionKind
from stratascope.core.sanitize import plain
from stratascope.core.shell_quote import NoNotationError
from stratascope.core.shell_quote import words as command_line
from stratascope.i18n.translate import translate
from stratascope.layers.toggles import choice_of

PROVEN_TITLES = {
    Proven.ENFORCED: msg("Enforced"),
    Proven.NOT_ENFORCED: msg("Not enforced"),
    Proven.UNKNOWN: msg("Can't tell"),
}
# As in the JSON of `harden`
PROVEN_WORDS = {
    Proven.ENFORCED: msg("enforced"),
    Proven.NOT_ENFORCED: msg("not-enforced"),
    Proven.UNKNOWN: msg("unknown"),
}

OUTCOMES = {
    PlainOutcome.WORKS: msg("Works"),
    PlainOutcome.NOT_TESTED: msg("Not tested"),
    PlainOutcome.ROLLED_BACK: msg("Rolled back"),
}


class RunKind(Enum):
    """The kind of a run."""

    HARDEN = "harden"
    ALLOW = "allow"  # a relaunch with more permissions
    UNDO = "undo"  # back to the original
    REDO = "redo"  # to the hardened one again, after an undo

    @property
    def onward(self) -> bool:
        """Whether it applies and verifies choices, rather than going back to an earlier container."""
        return self in (RunKind.HARDEN, RunKind.ALLOW)


_HARDENED: dict[RelaunchOutcome, Message] = {
    RelaunchOutcome.VERIFIED: msg("Hardened. It works."),
    RelaunchOutcome.ENFORCED: msg("Hardened. Not tested."),
    RelaunchOutcome.KEPT: msg("Hardened, but not fully verified"),
    RelaunchOutcome.LIMITED: msg("The limits were changed"),
    RelaunchOutcome.ROLLED_BACK: msg("Rolled back: everything is as it was before"),
    RelaunchOutcome.REFUSED: msg("Refused: nothing was changed"),
    RelaunchOutcome.UNFINISHED: msg("Interrupted: not hardened, and not restored yet"),
}
_TITLES: dict[RunKind, dict[RelaunchOutcome, Message]] = {
    RunKind.HARDEN: _HARDENED,
    RunKind.ALLOW: {
        **_HARDENED,
        RelaunchOutcome.VERIFIED: msg("Relaunched. It works."),
        RelaunchOutcome.ENFORCED: msg("Relaunched. Not tested."),
        RelaunchOutcome.KEPT: msg("Relaunched, but not fully verified"),
        RelaunchOutcome.UNFINISHED: msg("Interrupted: neither relaunched nor restored yet"),
    },
    RunKind.UNDO: {
        RelaunchOutcome.VERIFIED: msg("Undone: the original is back"),
        RelaunchOutcome.ROLLED_BACK: msg("Not undone: everything is as it was before"),
        RelaunchOutcome.REFUSED: msg("Not undone: nothing was changed"),
        RelaunchOutcome.UNFINISHED: msg("Interrupted: neither undone nor restored yet"),
    },
    RunKind.REDO: {
        RelaunchOutcome.VERIFIED: msg("The hardened one runs again"),
        RelaunchOutcome.ROLLED_BACK: msg("Rolled back: everything is as it was before"),
        RelaunchOutcome.REFUSED: msg("Refused: nothing was changed"),
        RelaunchOutcome.UNFINISHED: msg("Interrupted: not brought back, and not restored yet"),
    },
}


def passed_lines(calls: Sequence[str], waiting: Sequence[str] = ()) -> tuple[Message, ...]:
    """The calls that a relaunch was to allow: those that were seen to succeed, and those `waiting` to be tried."""
    found = []
    if calls:
        found.append(
            msg("Allowed now, as it was refused before and seen to pass: {calls}.", calls=", ".join(calls))
        )  # fmt: skip
    if waiting:
        found.append(msg("Not tried again since, so whether it passes is not known: {calls}.",
                         calls=", ".join(waiting)))  # fmt: skip
    return tuple(found)


def ending_title(ending: RelaunchOutcome, run: RunKind) -> Message:
    """The title for an ending. Only `onward` runs have all endings, since the others verify no toggles."""
    words = _TITLES[run]
    return words.get(ending, words[RelaunchOutcome.VERIFIED])


def shown_lines(ended: RelaunchResult) -> tuple[Message, ...]:
    """Whether it works, and what was and was not compared; empty if nothing was compared (an undo, live limits)."""
    if (
        not ended.ending.stays
        or ended.ending is RelaunchOutcome.LIMITED
        or (ended.enforced is None and ended.works is None)
    ):
        return ()
    if ended.works is False:
        title = msg("It does not work as before:")
    elif ended.enforced is not True:
        title = msg("It works:") if ended.works else msg("Not tested:")
    else:
        title = msg("Enforced, and it works:") if ended.works else msg("Enforced, and not tested:")
    return (
        title,
        *(msg("+ {text}", text=text) for text in ended.compared),
        *(msg("? {text}", text=text) for text in ended.not_compared),
    )


def test_line(ended: RelaunchResult) -> str:
    """The command line that tests what was not tested; empty where there is nothing to test."""
    made = ended.transaction
    if ended.outcome is not PlainOutcome.NOT_TESTED or made is None or ended.works is False:
        return ""
    try:
        return command_line(("stratascope", "exercise", "--engine", made.engine, made.name, "COMMAND"))
    except NoNotationError:
        return ""


def ending_sentence(event: RelaunchResult) -> Message:
    """How it ended, and what can be done now."""
    made = event.transaction
    match event.ending:
        case RelaunchOutcome.VERIFIED if made is not None and made.owner is not None:  # an owner sets nothing aside
            if made.kind is TransactionKind.UNDO:
                return msg("{name} is as it was before: its owner re-created it.", name=made.name)
            return msg("Works. Its owner re-created {name}: undo reverts the change, discard accepts it.",
                       name=made.name)  # fmt: skip
        case RelaunchOutcome.VERIFIED if made is not None and made.kind is TransactionKind.UNDO:
            return msg("{name} is as it was before. The replacement is kept as {aside} until discard deletes it.",
                       name=made.name, aside=made.old_aside)  # fmt: skip
        case RelaunchOutcome.VERIFIED if made is not None:
            return msg("Works. The original of {name} is kept as {aside}: undo brings it back, discard deletes it.",
                       name=made.name, aside=made.old_aside)  # fmt: skip
        case RelaunchOutcome.ENFORCED if made is not None and made.owner is not None:
            return msg("Not tested. Try your app; undo reverts the change.")
        case RelaunchOutcome.ENFORCED if made is not None:
            return msg("Not tested. Try your app; undo brings back the original of {name}, {aside}.",
                       name=made.name, aside=made.old_aside)  # fmt: skip
        case RelaunchOutcome.KEPT:
            return msg("Kept, although not verified.")
        case RelaunchOutcome.LIMITED:
            return msg("The limits were changed without a relaunch.")
        case RelaunchOutcome.ROLLED_BACK if made is not None and made.kind is TransactionKind.UNDO:
            return msg("Not undone: {name} runs as hardened, as before.", name=made.name)
        case RelaunchOutcome.ROLLED_BACK if made is not None:
            return msg("Rolled back: {name} is as it was before.", name=made.name)
        case RelaunchOutcome.ROLLED_BACK:
            return msg("Rolled back: it is as it was before.")
        case RelaunchOutcome.UNFINISHED:
            return msg("Interrupted: not hardened, and not restored yet.")
        case RelaunchOutcome.REFUSED:
            return msg("Refused. Nothing was changed.")
    return msg("Works.")


def toggle_title(name: str, value: str = "") -> str:
    """The title of a toggle with that value; its name if unknown, as from a later version's journal."""
    try:
        return translate(choice_of(name, value).named)
    except ToggleError:
        return plain(name, 60)


def question_title(run_kind: RunKind, name: str) -> str:
    """The question before a run."""
    words = {
        RunKind.HARDEN: msg("Relaunch {name} hardened?", name=name),
        RunKind.ALLOW: msg("Relaunch {name} with more permissions?", name=name),
        RunKind.UNDO: msg("Undo the relaunch of {name}?", name=name),
        RunKind.REDO: msg("Go back to the hardened {name}?", name=name),
    }
    return translate(words[run_kind])


def running_title(run_kind: RunKind, name: str) -> str:
    """The title during a run."""
    words = {
        RunKind.HARDEN: msg("Relaunching {name}…", name=name),
        RunKind.ALLOW: msg("Relaunching {name}…", name=name),
        RunKind.UNDO: msg("Undoing {name}…", name=name),
        RunKind.REDO: msg("Going back to the hardened {name}…", name=name),
    }
    return translate(words[run_kind])


def go_text(*, live: bool, allows: bool) -> Message:
    """The button's text. `live`: only limits of the running container change; `allows`: permissions are given back."""
    if live:
        return msg("Change limits")
    return msg("Relaunch")
