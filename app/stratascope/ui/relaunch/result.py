"""What the card says after a relaunch or an undo, until it is kept, or the container is another one. No Qt.

The number beside the prediction is what was read of the container that runs now; until it has been read there is none.
"""

from __future__ import annotations

import time

from stratascope.core.message import Message, msg, plural
from stratascope.core.relaunch.toggle import Proven
from stratascope.core.relaunch.transaction import PlainOutcome, RelaunchOutcome, RelaunchResult
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState
from stratascope.core.threats.depth import Matrix
from stratascope.i18n.translate import together, translate
from stratascope.presentation.exposure import number_text
from stratascope.presentation.relaunch_words import OUTCOMES, RunKind, ending_title, toggle_title
from stratascope.usecases.plan.offers import Preview
from stratascope.usecases.relaunch.proof import Proved
from stratascope.value import Value

Key = tuple[str, str]


class Result(Value):
    """One relaunch or undo that has ended. `key`: the container that runs now. `at`: seconds since the epoch.

    `before`: the container as it was; `was`: its exposure, of the first of several relaunches. `preview`: the
    prediction. `said_at`: when a person said that it works, else 0.0. `kept`: folded to one line.
    """

    key: Key
    ended: RelaunchResult
    kind: RunKind
    at: float
    before: ContainerState | None = None
    was: Matrix | None = None
    preview: Preview | None = None
    proofs: tuple[Proved, ...] = ()
    said_at: float = 0.0
    kept: bool = False

    @property
    def outcome(self) -> PlainOutcome:
        """For people; a person may have said that it works."""
        if self.said_at and self.ended.outcome is PlainOutcome.NOT_TESTED:
            return PlainOutcome.WORKS
        return self.ended.outcome or PlainOutcome.ROLLED_BACK

    @property
    def limits(self) -> bool:
        """Whether only limits were changed, while it runs."""
        return self.ended.ending is RelaunchOutcome.LIMITED

    @property
    def proven(self) -> bool:
        """Whether it stays, with settings that were read back."""
        return self.kind.onward and self.outcome is not PlainOutcome.ROLLED_BACK

    @property
    def watched(self) -> bool:
        """Whether what it is refused from now on is of interest."""
        return self.proven and not self.limits and not self.kept and not self.said_at


def shown(ended: RelaunchResult) -> bool:
    """Whether it stands in the card: else nothing was changed, or it can't be told yet, and the sheet says why."""
    return ended.ending not in (RelaunchOutcome.REFUSED, RelaunchOutcome.UNFINISHED)


class Check(Value):
    """One thing that was looked at. `sign`: "tick", "cross", or "?" for what could not be compared."""

    text: str
    sign: str = "tick"


class ResultText(Value):
    """The content of the card. `below`: under the number. `go`: the word of the main button, "" for none; `more`: that
    of the other; `note`: below them. `proof`: there is what was read back.
    """

    outcome: PlainOutcome = PlainOutcome.WORKS
    title: str = ""
    lead: str = ""
    below: str = ""
    badge: str = ""
    checks: tuple[Check, ...] = ()
    go: str = ""
    more: str = ""
    note: str = ""
    proof: bool = False
    folded: bool = False


def result_text(result: Result, now: Matrix | None, *, quiet: bool = False) -> ResultText:
    """The card's content. `now`: as read, None until then. `quiet`: it was watched since, and nothing was refused."""
    if result.outcome is PlainOutcome.ROLLED_BACK:
        return _rolled_back(result)
    made = result.ended.transaction
    below = "" if result.was is None else translate(msg("was {number}", number=number_text(result.was)))
    more = "" if made is None else translate(msg("Undo"))
    keep = translate(msg("Keep it"))
    if not result.kind.onward:
        if now is None:
            back = msg("It is back.")
        elif result.was is None or number_text(result.was) == number_text(now):
            back = msg("Back at {number}.", number=number_text(now))
        else:
            back = msg("Back at {number}, was {before}.", number=number_text(now), before=number_text(result.was))
        lead = msg("The hardened one is kept.") if result.kind is RunKind.UNDO else msg("The original is kept.")
        if made is not None and made.owner is not None:
            lead, more = msg("Its owner re-created it as it was before."), ""
        if more and result.kind is RunKind.UNDO:
            more = translate(msg("Go back to it"))
        whole = together([translate(back), translate(lead)])
        return ResultText(result.outcome, whole, "", below, go=translate(msg("Close")), more=more, folded=True)
    title = together([_hardened(result, now), translate(_next(result))])
    if result.said_at:
        told = [translate(msg("Tested by you, {time}.", time=clock(result.said_at)))]
        told += [translate(msg("Nothing was refused."))] if quiet else []
        return ResultText(result.outcome, title, together(told), below, more=more, proof=True, folded=result.kept)
    works = result.outcome is PlainOutcome.WORKS
    lead = msg("Not tested: too little could be compared. Try it, then say so.")
    return ResultText(
        result.outcome,
        title,
        "" if works else translate(lead),
        below,
        translate(OUTCOMES[result.outcome]) if works and not result.limits else "",
        _checks(result, now),
        "" if result.kept else keep if works else translate(msg("It works")),
        more,
        translate(msg("Undo brings its former settings back")) if more else "",
        proof=True,
        folded=result.kept,
    )


def _hardened(result: Result, now: Matrix | None) -> str:
    before = result.before.judged.matrix if result.kind is RunKind.ALLOW and result.before is not None else result.was
    numbers = {"was": number_text(before), "then": number_text(now if now is not None else _predicted(result))}
    if result.limits:
        text = msg("The limits were changed, {was} → {then}.", **numbers)
    elif result.kind is RunKind.ALLOW:
        text = msg("Allowed, {was} → {then}.", **numbers)
    else:
        text = msg("Hardened {was} → {then}.", **numbers)
    return translate(text)


def _next(result: Result) -> Message:
    return msg("It works.") if result.said_at or result.kept else msg("Try your app.")


def _rolled_back(result: Result) -> ResultText:
    ended = result.ended
    tried = _predicted(result)
    title = msg("Rolled back to {number}. The original runs again.", number=number_text(result.was))
    if not result.kind.onward:
        title = ending_title(RelaunchOutcome.ROLLED_BACK, result.kind)
    why = [plain(translate(each), 300) for each in (ended.why, ended.blame) if each is not None]
    go = ""
    if ended.suspects:
        go = translate(msg("Try without it"))
        why.append(translate(msg("Probably to blame: {title}.", title=toggle_title(ended.suspects[0]))))
    elif can_search(ended):
        go = translate(msg("Find what breaks it…"))
    return ResultText(
        PlainOutcome.ROLLED_BACK,
        translate(title),
        together(why),
        "" if tried is None else translate(msg("tried {number}", number=number_text(tried))),
        go=go,
        more=translate(msg("Details")),
    )


def can_search(ended: RelaunchResult) -> bool:
    """Whether trials can find which of several changes breaks it."""
    made = ended.transaction
    return ended.blame is not None and made is not None and len(made.choices) > 1


def _predicted(result: Result) -> Matrix | None:
    return None if result.preview is None else result.preview.after


def _checks(result: Result, now: Matrix | None) -> tuple[Check, ...]:
    ended, found = result.ended, list[Check]()
    found += (Check(plain(translate(each), 200)) for each in ended.compared)
    if result.proofs:
        done = sum(each.proof.outcome is Proven.ENFORCED for each in result.proofs)
        text = plural("{done} of {count} change in force", "{done} of {count} changes in force", len(result.proofs),
                      done=done)  # fmt: skip
        found.append(Check(translate(text), "tick" if done == len(result.proofs) else "cross"))
    foreseen = _predicted(result)
    if now is not None and foreseen is not None:
        same = number_text(now) == number_text(foreseen)
        text = msg("{number}, as predicted", number=number_text(now))
        if not same:
            text = msg("{number} was predicted", number=number_text(foreseen))
        found.append(Check(translate(text), "tick" if same else "cross"))
    found += (Check(plain(translate(each), 200), "?") for each in ended.not_compared)
    return tuple(found)


def clock(at: float) -> str:
    """Hours and minutes of this machine's day."""
    return time.strftime("%H:%M", time.localtime(at))
