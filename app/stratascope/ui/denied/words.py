"""What the page says: of each refusal in short, in full and for the clipboard, and why there is none to show."""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache

from stratascope.core.denials.denial import FILES, KERNEL, NETWORK, Claim, Denial, Remedy
from stratascope.core.layer import Layer, Verdict
from stratascope.core.message import Message, age, msg, plural
from stratascope.core.privilege import Privilege
from stratascope.core.sanitize import plain
from stratascope.core.severity import Severity
from stratascope.core.sizes import count_text
from stratascope.core.snapshot import ContainerState
from stratascope.core.threats.catalogue import all_threats
from stratascope.core.threats.threat import Threat
from stratascope.i18n.translate import listed, together, translate
from stratascope.presentation.denials_report import layer_title
from stratascope.presentation.words import moment
from stratascope.ui.denied.refused import Refusals
from stratascope.ui.kit.marks import Mark
from stratascope.ui.kit.what_if import small
from stratascope.ui.use.watching import Known

LONGEST = 4200  # characters of one text: PATH_MAX, and a little
NAMED = 6  # threats that are named one by one
_DAY = 86400
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_OPENS = {
    Severity.CRITICAL: msg("critical"),
    Severity.HIGH: msg("high"),
    Severity.MEDIUM: msg("medium"),
    Severity.LOW: msg("minor"),
}


class Layers:
    """Numbers and titles of the layers, and of what refuses beside them."""

    def __init__(self, layers: tuple[Layer, ...]) -> None:
        ordered = sorted(layers, key=lambda layer: layer.number)
        self._number = {layer.id: layer.number for layer in ordered}
        ids = (*self._number, FILES, NETWORK, KERNEL)
        self._title = {which: translate(layer_title(which)) for which in ids}

    @property
    def ids(self) -> tuple[str, ...]:
        """In order: layer 1 to 6, then the others."""
        return tuple(self._title)

    def number(self, which: str) -> int:
        """0: it is no layer."""
        return self._number.get(which, 0)

    def title(self, which: str) -> str:
        """In a word."""
        return self._title.get(which, which)

    def title_of(self, claim: Claim) -> str:
        """And that it is not certain."""
        title = self.title(claim.layer)
        return title if claim.certain else translate(msg("{layer}, by exclusion", layer=title))


def mark_of(state: ContainerState | None, which: str) -> Mark | None:
    """How that layer stands in this container; None: it is no layer, or not known."""
    layers = () if state is None else state.layers
    verdict = next((each.assessment.verdict for each in layers if each.id == which), Verdict.UNKNOWN)
    return None if verdict is Verdict.UNKNOWN else Mark(verdict.value)


def time_lines(at: float, now: float) -> tuple[str, str]:
    """By the clock of this machine: 10:42:07; what is of another day has that below it."""
    when, today = datetime.fromtimestamp(at).astimezone(), datetime.fromtimestamp(now).astimezone()
    return f"{when:%H:%M:%S}", "" if when.date() == today.date() else f"{when:%m-%d}"


def span_text(denial: Denial) -> str:
    """When it was refused first and last."""
    if denial.count == 1:
        return translate(moment(denial.at))
    first, last = moment(denial.at), moment(denial.last)
    times = count_text(denial.count)
    return translate(msg("{times} times, first {first}, last {last}", times=times, first=first, last=last))


def tried(denial: Denial) -> str:
    """What it tried, and how often."""
    what = plain(translate(denial.did), LONGEST)
    if denial.count == 1:
        return what
    return translate(msg("{what}, {times}", what=what, times=f"{count_text(denial.count)}×"))


def answered(denial: Denial) -> str:
    """The raw call, and what the kernel answered."""
    raw = plain(denial.raw, LONGEST)
    return f"{raw} = {plain(denial.errno, 40)}" if denial.errno else raw


def shorter(raw: str) -> tuple[str, ...]:
    """The same call, ever shorter: what matters most in it are its name, its paths, and the answer."""
    found = [raw, raw.replace("(AT_FDCWD, ", "(")]
    name, rest, answer = raw.partition("(")[0], raw.partition("(")[2], raw.rpartition(") = ")[2]
    paths = _QUOTED.findall(rest[:LONGEST])
    if paths and answer != raw:
        found.append(f"{name}({', '.join(paths)}, …) = {answer}")
        found.append(f"{name} {' '.join(paths)}")
    return tuple(found)


def reason(claim: Claim) -> str:
    """Why, in a line."""
    what = plain(translate(claim.what), LONGEST)
    return what if claim.certain else translate(msg("By exclusion: {why}", why=what))


def process_below(denial: Denial) -> str:
    """Its PID, as the container counts where that is known, and that it ended; of what is harmless none died."""
    inside = denial.pid_inside
    pid = msg("PID {pid} of the host", pid=denial.pid) if inside is None else msg("PID {pid}", pid=inside)
    return translate(msg("{pid}, ended", pid=pid) if denial.ended and not denial.benign else pid)


@cache
def _threats() -> dict[str, Threat]:
    return {threat.id: threat for threat in all_threats()}


def opened(remedy: Remedy) -> tuple[Threat, ...]:
    """The threats that it would open, worst first."""
    found = [_threats()[each] for each in remedy.opened or () if each in _threats()]
    return tuple(sorted(found, key=lambda threat: threat.severity.rank))


def opens(remedy: Remedy) -> tuple[str, str]:
    """What it would open in a few words, and their ink; "weak" is led by a triangle."""
    if remedy.opened is None:
        return (translate(msg("what it opens is not known")) if remedy.choice is not None else ""), "text2"
    threats = opened(remedy)
    if not threats:
        return translate(msg("opens no threat")), "text2"
    worst = threats[0].severity
    count = sum(threat.severity is worst for threat in threats)
    return translate(msg("opens {count} {severity}", count=count, severity=_OPENS[worst])), "weak"


def allowing(threats: tuple[Threat, ...]) -> Message:
    """Which would be open then."""
    names = listed(small(translate(threat.title)) for threat in threats[:NAMED])
    more = len(threats) - NAMED
    if more > 0:
        return plural("Allowing it opens: {threats}, and {count} more.",
                      "Allowing it opens: {threats}, and {count} more.", more, threats=names)  # fmt: skip
    return msg("Allowing it opens: {threats}.", threats=names)


def allowed_by(denial: Denial) -> tuple[str, str, str]:
    """What would allow it, what that opens, and the ink of the latter."""
    if not denial.remedies:
        return translate(msg("No setting of the container")), "", "text2"
    return (plain(translate(denial.remedies[0].text), 400), *opens(denial.remedies[0]))


def whole(denial: Denial) -> str:
    """Why, in full: who refused, how certain that is, and what allowing it would open."""
    lines = [plain(translate(denial.claim.what), LONGEST)]
    if not denial.claim.certain:
        lines.append(translate(msg("Nothing else is left that could have refused it; the kernel does not say.")))
    if denial.ended:
        lines.append(translate(msg("The process ended right after it.")))
    for remedy in denial.remedies[:1]:
        threats = opened(remedy)
        if threats:
            lines.append(translate(allowing(threats)))
        elif remedy.choice is None:
            lines.append(plain(translate(remedy.text), LONGEST))
    return "\n".join(lines)


def copied(denial: Denial, layers: Layers) -> str:
    """For the clipboard: an issue, a chat, a search."""
    below, by = process_below(denial), layers.title_of(denial.claim)
    who = translate(msg("{process} ({pid})", process=plain(denial.process, 80), pid=below))
    lines = [
        translate(msg("{what}: {answer}", what=tried(denial), answer=answered(denial))),
        translate(msg("{process}, {when}", process=who, when=span_text(denial))),
        translate(msg("Refused by {layer}: {why}", layer=by, why=whole(denial).replace("\n", " "))),
    ]
    for remedy in denial.remedies:
        text, more = plain(translate(remedy.text), LONGEST), opens(remedy)[0]
        allowing = msg("To allow it: {remedy} ({opens})", remedy=text, opens=more)
        lines.append(translate(allowing if more else msg("To allow it: {remedy}", remedy=text)))
    return "\n".join(lines) + "\n"


# -- the page itself


def live(known: Known, *, busy: bool) -> str:
    """At the right of its head."""
    if busy:
        return translate(msg("stopping…") if known.alive else msg("starting…"))
    if not known.alive or known.watched is None:
        return translate(msg("not observed now")) if known.watched is not None else ""
    seconds = known.watched.observation.seen.seconds
    return translate(msg("live, last 24 h") if seconds >= _DAY else msg("live, for {age}", age=age(seconds)))


def nothing(known: Known, why_not: Message | None, privilege: Privilege) -> tuple[str, str]:
    """Where there is nothing to show: a few words, and a sentence on why or how."""
    if known.alive:
        told = msg("Nothing has been refused so far")
        return translate(told), translate(
            msg("Anything that fails from now on appears here within a second, with the reason.")
        )
    title = msg("Not observed yet") if known.watched is None else msg("Nothing was refused")
    if why_not is not None:
        return translate(title), translate(why_not)
    offer = msg("Watch it while it works: refusals appear here, with what refused them and what would allow them.")
    if privilege.asks_nobody:
        return translate(title), translate(offer)
    password = msg("Only root can watch, so you may be asked for a password.")
    return translate(title), together((translate(offer), translate(password)))


def source(refusals: Refusals, known: Known) -> str:
    """Of how many, read where, and what is not seen."""
    kinds, count = len(refusals.shown), refusals.count
    kinds_text = plural("{count} kind", "{count} kinds", kinds)
    parts = [plural("{shown} refusal of {kinds}.", "{shown} refusals of {kinds}.", count, shown=count_text(count),
                    kinds=kinds_text)]  # fmt: skip
    parts.append(msg("Read from the kernel's answer to each call, and from its log. Requests through io_uring are "
                     "not calls, and leave no trace there."))  # fmt: skip
    unseen = {} if known.watched is None else dict(known.watched.observation.unseen)
    if "log" in unseen:
        parts.append(msg("The kernel's log can't be read here: AppArmor and SELinux are identified only by exclusion."))
    if "masked" in unseen:
        parts.append(msg("Opening a masked path can't be detected here."))
    if refusals.forgotten:
        parts.append(plural("{count} older kind was dropped.", "{count} older kinds were dropped.",
                            refusals.forgotten))  # fmt: skip
    return together(translate(each) for each in parts)


def probing(harmless: tuple[Denial, ...]) -> str:
    """Which calls are asked for in vain, the most frequent first."""
    counts: dict[str, int] = {}
    for each in harmless:
        name = plain(each.syscall or each.process, 40)
        counts[name] = counts.get(name, 0) + each.count
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return "   ".join(f"{name} {count_text(count)}×" for name, count in ordered[:20])
