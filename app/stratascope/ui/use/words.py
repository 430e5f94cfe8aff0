"""What the strip says: of what it was learned, what is being seen now, and why nothing can be."""

from __future__ import annotations

from stratascope.core.container import Engine
from stratascope.core.message import Message, age, msg, plural
from stratascope.core.observation.observation import Observation, Phase, Seen
from stratascope.core.privilege import Privilege
from stratascope.core.sanitize import plain
from stratascope.core.sizes import count_text
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import translate
from stratascope.presentation.needs_report import phase_word
from stratascope.presentation.use_picture import UsePicture
from stratascope.ui.kit.gap_words import runs
from stratascope.ui.use.calls import QUIET
from stratascope.ui.use.flow import Word
from stratascope.ui.use.watching import Known

_NAMES_SHOWN = 4


def why_not(state: ContainerState, engine: Engine | None, *, demo: bool, able: bool) -> Message | None:
    """Why it can't be watched, as far as the window knows without trying; None: it may be tried."""
    if demo:
        return msg("This was recorded elsewhere: nothing here can be watched. Use a container of your own.")
    if not able:
        return msg("Nothing can be watched here.")
    if not runs(state):
        return msg("It is not running, so it can't be watched.")
    if engine is not None and not engine.local:
        return msg("It runs on another machine. A container can be watched only where it runs.")
    return None


def title(picture: UsePicture, known: Known) -> Message:
    """From what it was learned; else how it stands."""
    seen = picture.observation.seen
    if known.alive and not _learned_before(picture):
        return msg("Observing for {age}", age=age(seen.seconds))
    if not picture.observed:
        return msg("Not observed yet")
    starts = plural("{count} start", "{count} starts", seen.starts)
    return msg("Learned from {age}, {starts}", age=age(seen.seconds), starts=starts)


def live(picture: UsePicture, known: Known, *, busy: bool) -> Message | None:
    """Beside the title, while it is watched: what came last."""
    if busy:
        return msg("stopping…") if known.alive else msg("starting…")
    if not known.alive:
        return None
    growth = picture.calls.growth
    if not growth:
        return msg("observing, no call yet")
    if picture.calls.seconds - growth[-1][0] < QUIET:
        return msg("observing, new call just now")
    return msg("observing, new call {age} ago", age=age(picture.calls.seconds - growth[-1][0]))


def lost(seen: Seen) -> Message | None:
    """That not all came through."""
    if not seen.lost:
        return None
    return plural(
        "One event was lost: it may use more than is shown here.",
        "{count} events were lost: it may use more than is shown here.",
        seen.lost,
    )


def what(picture: UsePicture, known: Known, refused: Message | None, privilege: Privilege) -> str:
    """The line below: trouble, why nothing can be watched, what is lost, what is not learned."""
    found: list[Message | None] = [_trouble(known), refused]
    if not picture.observed:
        if known.alive:
            return translate(msg("Nothing has been seen of it yet."))
        if not any(found):
            found.append(_offer(privilege))
    else:
        found.append(lost(picture.observation.seen))
        if not any(found):
            found.append(msg("Needs that arise only on rare days are not learned before such a day."))
    return " ".join(translate(each) for each in found if each is not None)


def _trouble(known: Known) -> Message | None:
    if known.trouble is None:
        return None
    if known.words:
        return msg("{sentence} Its message: {words}", sentence=known.trouble, words=plain(known.words, 200))
    return known.trouble


def _offer(privilege: Privilege) -> Message:
    if privilege.asks_nobody:
        return msg(
            "Watch it at work to see what it really uses: capabilities, calls, files, ports. Nothing in it is changed."
        )
    return msg(
        "Watch it at work to see what it really uses: capabilities, calls, files, ports. Nothing in it is changed; "
        "only root can watch, so you may be asked for a password."
    )


def phases(picture: UsePicture) -> tuple[Word, ...]:
    """Those that were seen, with how often, and those that make sense and were not."""
    seen = picture.observation.seen
    counts = {
        Phase.START: seen.starts,
        Phase.RELOAD: seen.reloads,
        Phase.SESSIONS: seen.execs,
        Phase.STOP: seen.stops,
    }
    found = []
    for phase in picture.coverage.seen:
        count = counts.get(phase, 0)
        word = _capital(phase_word(phase))
        if count:
            times = f"{count_text(count)}×"
            text = msg("{phase} {times}", phase=word, times=times)
            found.append(Word(translate(text), "tick", times, "text"))
        else:
            found.append(Word(word, "tick", ink="text"))
    found += [Word(translate(msg("{phase} not seen", phase=_capital(phase_word(phase)))), "dash")
              for phase in picture.coverage.missing]  # fmt: skip
    return tuple(found)


def _capital(word: str) -> str:
    return word[:1].upper() + word[1:]


def whose(known: Known) -> str:
    """Of which containers it was learned; empty where that says nothing."""
    names = () if known.needs is None else known.needs.containers
    if not names:
        return ""
    shown = ", ".join(plain(name, 80) for name in names[-_NAMES_SHOWN:])
    return translate(msg("From all containers of this image and command: {names}", names=shown))


def _learned_before(picture: UsePicture) -> bool:
    """Whether something was kept before the present observation."""
    needs = picture.needs
    return needs is not None and needs.updated > 0 and picture.observation != Observation()
