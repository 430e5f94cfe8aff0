"""What happened to a container, in words: of each change one sentence, the same in the window and on a terminal."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import cache

from stratascope.core.history.changes import Change, What
from stratascope.core.history.entry import Unlike
from stratascope.core.layer import Verdict
from stratascope.core.message import Message, msg, plural
from stratascope.core.sanitize import plain
from stratascope.core.sizes import size_text
from stratascope.core.threats.catalogue import all_threats
from stratascope.i18n.translate import listed, translate
from stratascope.layers import all_layers
from stratascope.presentation.words import VERDICTS

_SHOWN = 4  # of a list; the rest is counted
MEASURES = {
    "memory": msg("Memory"),
    "cpu": msg("CPU"),
    "pids": msg("Processes"),
    "io": msg("Disk"),
}
_PLAIN = {
    What.FIRST: msg("First seen"),
    What.STARTED: msg("Started"),
    What.GONE: msg("Removed"),
    What.REPLACED: msg("Re-created"),
    What.UNDONE: msg("The relaunch was undone"),
}


def sentence(change: Change) -> str:
    """In the user's language."""
    if change.what in _PLAIN:
        return translate(_PLAIN[change.what])
    match change.what:
        case What.RESTARTED | What.ENDED:
            return translate(_ended(change))
        case What.RELAUNCHED:
            if not change.plus:
                return translate(msg("Relaunched by Stratascope"))
            return translate(msg("Relaunched by Stratascope: {choices}", choices=some(change.plus)))
        case What.IMAGE:
            return translate(image_change(some(change.minus), some(change.plus)))
        case What.SETTINGS:
            return translate(msg("Settings: {changes}", changes=signed(change)))
        case What.LIMITS:
            return translate(msg("Limits, changed outside the engine: {changes}", changes=signed(change)))
        case What.EXPOSURE:
            return translate(msg("Exposure {before} → {after}", before=number(change.before),
                                 after=number(change.after)))  # fmt: skip
        case What.LAYERS:
            return listed(layer_changes(change.minus, change.plus))
        case What.OPENED:
            return translate(msg("Now open: {threats}", threats=some(map(threat_title, change.plus))))
        case What.CLOSED:
            return translate(msg("No longer open: {threats}", threats=some(map(threat_title, change.minus))))
        case What.DRIFT:
            return listed(drift_words(each) for each in change.drift[:_SHOWN])
        case What.DRIFT_ENDED:
            return translate(msg("Ended, or like the first process again: {processes}",
                                 processes=some(each.command for each in change.drift)))  # fmt: skip
    return translate(plural("{count} refusal", "{count} refusals", max(1, len(change.plus))))


def image_change(before: str, after: str) -> Message:
    """From one name to another, or another image that has the same."""
    if before == after:
        return msg("Another image of the same name: {name}", name=after)
    return msg("Image: {before} → {after}", before=before, after=after)


def _ended(change: Change) -> Message:
    again = change.what is What.RESTARTED
    if change.out_of_memory:
        return msg("Restarted after running out of memory") if again else msg("Ended: it ran out of memory")
    if change.code is None:
        return msg("Restarted") if again else msg("Ended")
    if again:
        return msg("Restarted after exit code {code}", code=change.code)
    return msg("Ended with exit code {code}", code=change.code)


def drift_words(unlike: Unlike) -> str:
    """A process that has other rights than the first, and in what."""
    layers = dict.fromkeys(field.partition(".")[0] for field in unlike.fields)
    fields = listed(layer_title(each) for each in layers)
    command = plain(unlike.command, 40)
    if unlike.kind:
        return translate(msg("A session ({command}) differs from the first process: {fields}", command=command,
                             fields=fields))  # fmt: skip
    return translate(msg("{command} differs from the first process: {fields}", command=command, fields=fields))


def signed(change: Change) -> str:
    """`+ a, − b`; what only got another value as `a → b`."""
    return some(
        (
            *(f"{before} → {after}" for before, after in revalued(change.minus, change.plus)),
            *(f"+ {each}" for each in only(change.plus, change.minus)),
            *(f"− {each}" for each in only(change.minus, change.plus)),
        )
    )


def revalued(minus: Iterable[str], plus: Iterable[str]) -> list[tuple[str, str]]:
    """Options that are there before and after with another value, where each is there once: `--memory 64m`."""
    before, after = _by_word(minus), _by_word(plus)
    return [
        (olds[0], after[word][0]) for word, olds in before.items() if len(olds) == 1 and len(after.get(word, ())) == 1
    ]


def only(these: Iterable[str], others: Iterable[str]) -> list[str]:
    """Those that are not among the pairs of `revalued`."""
    one, other = _by_word(these), _by_word(others)
    return [
        each for word, every in one.items() for each in every if not (len(every) == 1 and len(other.get(word, ())) == 1)
    ]


def _by_word(flags: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for each in flags:
        word = each.partition(" ")[0]
        name = each.partition("=")[0] if word in ("--security-opt", "--ulimit") else word
        found.setdefault(name, []).append(each)
    return found


def layer_changes(before: Iterable[str], after: Iterable[str]) -> list[str]:
    """`Seccomp: Enforced → Open` of each, from `seccomp ENFORCED`."""
    was = dict(each.split(" ", 1) for each in before if " " in each)
    found = []
    for each in after:
        layer, _, verdict = each.partition(" ")
        if layer in was:
            found.append(translate(msg("{layer}: {before} → {after}", layer=layer_title(layer),
                                       before=_verdict(was[layer]), after=_verdict(verdict))))  # fmt: skip
    return found


def _verdict(text: str) -> Message | str:
    return VERDICTS[Verdict(text)] if text in [each.value for each in Verdict] else plain(text, 20)


def some(texts: Iterable[str]) -> str:
    """The first few, and how many more there are."""
    every = [plain(each, 200) for each in texts]
    if len(every) <= _SHOWN + 1:
        return listed(every)
    return translate(msg("{first} and {count} more", first=listed(every[:_SHOWN]), count=len(every) - _SHOWN))


def threat_title(threat: str) -> str:
    """By its id; one that this version does not know is its id."""
    found = _threats().get(threat)
    return plain(threat, 80) if found is None else translate(found)


@cache
def _threats() -> dict[str, Message]:
    return {each.id: each.title for each in all_threats()}


def layer_title(layer: str) -> str:
    """By its id."""
    found = _layers().get(layer)
    return plain(layer, 40) if found is None else translate(found)


@cache
def _layers() -> dict[str, Message]:
    return {each.id: each.about.title for each in all_layers()}


def number(value: float | None) -> str:
    """An exposure; the same in every language."""
    return "–" if value is None else f"{value:.1f}"


def amount(measure: str, value: float) -> str:
    """Of memory, CPU, processes or disks: `212 MiB`, `0.40`, `9`, `3 KiB/s`. The same in every language."""
    if measure == "memory":
        return size_text(value)
    if measure == "io":
        return f"{size_text(value)}/s"
    return f"{value:.2f}" if measure == "cpu" else f"{value:.0f}"


def clock(at: float) -> str:
    """A moment by this machine's clock, to the minute."""
    when = datetime.fromtimestamp(at).astimezone()
    return translate(msg("{year}-{month}-{day} {hour}:{minute}", year=f"{when:%Y}", month=f"{when:%m}",
                         day=f"{when:%d}", hour=f"{when:%H}", minute=f"{when:%M}"))  # fmt: skip
