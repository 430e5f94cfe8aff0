"""What a layer is, and what it says: verdict, findings, and views to be drawn.

The closed set of views (`Table`, `BitGrid`, `Bars`, `Rulers`, `CallMap`) is what makes a
seventh layer one new package: window and reports draw views, they know no layer by name.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from enum import StrEnum
from typing import Any

from stratascope.core.capture import Capture, Gap
from stratascope.core.container import Asked, Container
from stratascope.core.denials.attempt import Attempt
from stratascope.core.denials.denial import Claim
from stratascope.core.ground import Surroundings
from stratascope.core.message import Message
from stratascope.core.severity import Severity
from stratascope.core.syscall_table import CallTable
from stratascope.core.threats.needs import Need
from stratascope.core.threats.states import AsRequested, Posture
from stratascope.core.threats.threat import Basis, Ruling
from stratascope.value import Value, replace


class Verdict(StrEnum):
    """What a layer comes to; the rules stand in the design, section 6."""

    ENFORCED = "ENFORCED"
    WEAKENED = "WEAKENED"
    OPEN = "OPEN"
    UNKNOWN = "UNKNOWN"


class Tone(StrEnum):
    """How a value is to be tinted; always with a mark or word beside the colour."""

    PLAIN = "plain"
    GOOD = "good"
    WARN = "warn"
    BAD = "bad"
    UNKNOWN = "unknown"


class NamedGap(Value):
    """A gap and what it leaves open: `what` is the reading's name (`ns/net`), `source` its path."""

    what: str
    gap: Gap
    source: str = ""


class Finding(Value):
    """Something a person should know: a stable `code` (`capabilities.sys-admin`), a sentence, what to do, proof.

    `behind`: the threats (ids) that its severity claims. It is never more severe than the worst of these that is not
    stopped; where all are, it is a small matter, in the words of `milder`.

    `refs`: `CIS-Docker-1.6.0:5.4`, `PSS:baseline`, `PSS:restricted`, or a man page such as `capabilities(7)`.
    """

    code: str
    layer: str
    severity: Severity
    text: Message
    advice: Message
    source: str
    refs: tuple[str, ...] = ()
    behind: tuple[str, ...] = ()
    milder: Message | None = None


class Drift(Value):
    """One field in which a process differs from the container's first, and the finding that says so."""

    field: str  # "capabilities.effective"
    finding: Finding


class Row(Value):
    """One decoded fact: label, value, where it was read, what was asked for, and a word of explanation."""

    label: Message
    value: Message
    source: str
    tone: Tone = Tone.PLAIN
    asked: Message | None = None
    note: Message | None = None
    basis: Basis = Basis.KERNEL


class Table(Value):
    """Facts under a heading."""

    title: Message
    rows: tuple[Row, ...]


class BitRow(Value):
    """One bit in several sets. `word` (added, missing) and `tone` mark it against what was expected."""

    number: int
    name: str
    bits: tuple[bool, ...]
    explanation: Message
    tone: Tone = Tone.PLAIN
    word: Message | None = None
    note: Message | None = None  # why the engine's default keeps it or leaves it out


class BitSet(Value):
    """One column of a grid: short head, full name, hex text as read, source."""

    head: str
    name: str
    text: str
    source: str


class BitGrid(Value):
    """Bits by number (rows) in several sets (columns); column `emphasis` is the one that counts now.

    `whole_machine`: whether the bits count against the whole machine, or only inside (False); None: not known.
    """

    sets: tuple[BitSet, ...]
    emphasis: int
    rows: tuple[BitRow, ...]
    whole_machine: bool | None = None


class Bar(Value):
    """Present use beside a limit. `used`, `limit`, `capacity` share one unit; None: no limit, or not known."""

    label: Message
    used: float | None
    limit: float | None
    capacity: float | None  # what the whole machine has
    value: Message  # "212 MiB of 512 MiB"
    source: str
    tone: Tone = Tone.PLAIN
    note: Message | None = None
    basis: Basis = Basis.KERNEL


class Bars(Value):
    """Limits as bars."""

    title: Message
    bars: tuple[Bar, ...]


class RulerRange(Value):
    """`length` ids from `inside` on in the container are `length` ids from `outside` on, on the host."""

    inside: int
    outside: int
    length: int
    tone: Tone
    label: Message


class Rulers(Value):
    """An id map, drawn as two rulers with the mapped ranges between them. `source` is the map's file."""

    title: Message
    inside: Message  # heading of the upper ruler
    outside: Message
    ranges: tuple[RulerRange, ...]
    source: str


class CallMap(Value):
    """Every system call by what a filter says to it: a table an entry point, and what to compare it with."""

    title: Message
    tables: tuple[CallTable, ...]
    default: tuple[CallTable, ...] = ()  # the engine's default for the same container


View = Table | BitGrid | Bars | Rulers | CallMap


class Tab(Value):
    """One tab of the layer panel. The panel itself adds Findings, About and Raw text."""

    title: Message
    views: tuple[View, ...]


class Assessment(Value):
    """What one layer comes to for one container.

    `draw` makes the views when they are looked at: of forty containers one is, so most are never made. It depends
    on the layer's facts alone, which is why it takes no part in comparisons.
    """

    UNPRINTED = ("draw",)

    verdict: Verdict  # as the engine states it where `basis` is ASKED
    fact: Message  # the one fact on the band
    findings: tuple[Finding, ...] = ()
    draw: Callable[[], tuple[Tab, ...]] = tuple
    gaps: tuple[NamedGap, ...] = ()
    basis: Basis = Basis.KERNEL

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Assessment) and self._compared() == other._compared()

    def __hash__(self) -> int:
        return hash(self._compared())

    def _compared(self) -> tuple[object, ...]:
        return self.verdict, self.fact, self.findings, self.gaps, self.basis

    @property
    def tabs(self) -> tuple[Tab, ...]:
        """The views, made anew at each call."""
        return self.draw()


class About(Value):
    """A layer explained to someone who never heard of it."""

    title: Message
    role: Message  # one line: "keeps processes apart"
    picture: Message  # the everyday picture, one sentence
    explanation: tuple[Message, ...]  # what it is; what it prevents; what happens without it


def _as_read(facts: Any, asked: Any, around: Surroundings) -> Any:
    return facts


def _never(attempt: Attempt, facts: Any, around: Surroundings) -> Claim | None:
    return None


class Layer(Value, eq=False, kw_only=True):
    """One of the layers between a process and the kernel: its words, and functions of its own frozen types.

    `id`: stable, as in the report (`namespaces`). `number`: 1 (just above the kernel) and up, the place in the strata.
    `wants`: names of readings below /proc/PID of the first process; `privileged_wants` those that only root can take
    (`seccomp:*`, `owner:net`), on request only; `member_wants` of each further process, for `drift`.

    `asked(container)`: what the engine was told, for this layer. `decode(capture, container, around)`: typed facts; a
    field that could not be read is None or a Gap, never a guess. Both are printed as they are in the JSON report, so
    the names of their fields are a contract.

    `assess(facts, asked, around)`: verdict, findings and views, from facts alone.
    `drift(first, other)`: in what a further process of the container differs from its first.

    `posture(facts, asked, around)`: all that decides this layer's stances, hashable, and without PIDs and inodes, so
    that containers that are alike have equal postures, and are judged once. UNKNOWN facts stay unknown in it.

    `as_requested(facts, asked, around)`: the facts, completed with the engine's requested options where they could not
    be read; the same object if the engine adds nothing, or anything read contradicts it.

    `predict(facts, before, after, around)`: the facts of a relaunch with the options `after`, from those of now under
    `before`; facts None: None. What can't be predicted is None (UNKNOWN), never a guess. Unchanged options leave the
    facts as they are.

    `stance(need, posture)`: what this layer, alone, says to one need of a route; None: not its job. Alone: everything
    else as permissive as it can be (uid 0, all capabilities, no filter, the host's namespaces). Of two layers of which
    neither would refuse alone, but both together do, one must say STOPS: what the kernel refuses is refused by
    somebody.

    `refused(attempt, facts, around)`: this layer's claim to have refused what a process tried; None: it was another. By
    what the kernel told of that very moment first, by the container's facts (None: not read) where that is silent.
    """

    id: str
    number: int
    about: About
    wants: tuple[str, ...]
    member_wants: tuple[str, ...]
    privileged_wants: tuple[str, ...] = ()
    asked: Callable[[Container], Any]
    decode: Callable[[Capture, Container, Surroundings], Any]
    assess: Callable[[Any, Any, Surroundings], Assessment]
    drift: Callable[[Capture, Capture], tuple[Drift, ...]]
    posture: Callable[[Any, Any, Surroundings], Hashable]
    as_requested: Callable[[Any, Any, Surroundings], Any] = _as_read
    predict: Callable[[Any, Asked, Asked, Surroundings], Any]
    stance: Callable[[Need, Any], Ruling | None]
    refused: Callable[[Attempt, Any, Surroundings], Claim | None] = _never

    def judged_by(self, facts: Any, asked: Any, around: Surroundings) -> Posture:
        """All that decides this layer's stances: what was read, and what the engine states beside it."""
        read = self.posture(facts, asked, around)
        if around.verified_only:
            return AsRequested(read, None)
        requested = self.as_requested(facts, asked, around)
        posture = read if requested is facts else self.posture(requested, asked, around)
        return read if posture == read else AsRequested(read, posture)

    def assessed(self, facts: Any, asked: Any, around: Surroundings) -> Assessment:
        """Verdict, findings and views. Findings are of what was read; where that leaves the verdict open, it is the one
        by what the engine states.
        """
        read = self.assess(facts, asked, around)
        if around.verified_only:
            return read if read.basis is Basis.KERNEL else replace(read, verdict=Verdict.UNKNOWN, basis=Basis.KERNEL)
        if read.verdict is not Verdict.UNKNOWN:
            return read
        requested = self.as_requested(facts, asked, around)
        if requested is facts:
            return read
        found = self.assess(requested, asked, around)
        if found.verdict is Verdict.UNKNOWN:
            return read
        return replace(read, verdict=found.verdict, fact=found.fact, basis=Basis.ASKED)
