"""The interface of a layer, and what it produces: verdict, findings, and views to be drawn.

The closed set of views (`Table`, `BitGrid`, `Bars`, `Rulers`, `CallMap`) lets a seventh layer be one new package:
window and reports draw views and know no layer by name.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from enum import StrEnum
from importlib import import_module
from typing import TYPE_CHECKING, Any

from stratascope.core.capture import Capture, Gap
from stratascope.core.container import Asked, Container
from stratascope.core.ground import Surroundings
from stratascope.core.message import Message
from stratascope.core.severity import Severity
from stratascope.core.threats.gain import Gain
from stratascope.core.threats.needs import Need
from stratascope.core.threats.states import AsRequested, Posture
from stratascope.core.threats.threat import Basis, Ruling
from stratascope.value import Value, replace

if TYPE_CHECKING:
    from stratascope.core.refusals.refusal import Attempt, Claim


class Verdict(StrEnum):
    """A layer's overall result."""

    ENFORCED = "ENFORCED"
    WEAKENED = "WEAKENED"
    OPEN = "OPEN"
    UNKNOWN = "UNKNOWN"


class Tone(StrEnum):
    """The colour of a value; never used alone, but with a symbol or a word."""

    PLAIN = "plain"
    GOOD = "good"
    WARN = "warn"
    BAD = "bad"
    UNKNOWN = "unknown"


class NamedGap(Value):
    """A gap and the reading it concerns: `what` is the reading's name (`ns/net`), `source` its path."""

    what: str
    gap: Gap
    source: str = ""


class Finding(Value):
    """Something a person should know: a stable `code` (`capabilities.sys-admin`), a sentence, advice, evidence.

    `behind`: ids of the threats that justify its severity. It is never more severe than the worst of those that is not
    stopped; if all are stopped it is LOW, and `milder` replaces the sentence.

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
    """One field in which a process differs from the container's first, and the finding for it."""

    field: str  # "capabilities.effective"
    finding: Finding


class Row(Value):
    """One decoded fact: label, value, source, the requested value, and a short explanation."""

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
    """One bit in several sets. `word` (added, missing) and `tone` mark a difference from the expected set."""

    number: int
    name: str
    bits: tuple[bool, ...]
    explanation: Message
    tone: Tone = Tone.PLAIN
    word: Message | None = None
    note: Message | None = None  # why the engine's default includes it or not
    sign: str = ""  # the word as one character, drawn before the name


class BitSet(Value):
    """One column of a grid: short heading, full name, hex text as read, source."""

    head: str
    name: str
    text: str
    source: str


class BitGrid(Value):
    """Bits by number (rows) in several sets (columns); `emphasis`: index of the set that takes effect. `whole_machine`:
    whether the bits apply to the whole machine, or only in the container's user namespace (False); None: not known.
    """

    sets: tuple[BitSet, ...]
    emphasis: int
    rows: tuple[BitRow, ...]
    whole_machine: bool | None = None


class Bar(Value):
    """Current use and its limit. `used`, `limit`, `capacity` share one unit; None: no limit, or not known."""

    label: Message
    used: float | None
    limit: float | None
    capacity: float | None  # of the whole machine
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
    """`length` ids, starting at `inside` in the container and at `outside` on the host."""

    inside: int
    outside: int
    length: int
    tone: Tone
    label: Message


class Rulers(Value):
    """An id map, drawn as two rulers with the mapped ranges between them. `source`: the map's file."""

    title: Message
    inside: Message  # heading of the upper ruler
    outside: Message
    ranges: tuple[RulerRange, ...]
    source: str


class CallMap(Value):
    """A seccomp filter's verdict for every system call, one table per entry point, and a default to compare with."""

    title: Message
    tables: tuple[CallTable, ...]
    default: tuple[CallTable, ...] = ()  # the engine's default for the same container


View = Table | BitGrid | Bars | Rulers | CallMap


class Place(StrEnum):
    """Where the layer panel shows a tab."""

    BITS = "bits"  # what the kernel keeps for this layer, item by item: the panel's first tab, by the tab's own name
    MEANING = "meaning"  # above what the layer is
    DETAILS = "details"  # above the raw text


class Tab(Value):
    """Views under a title. The panel adds the findings, what the layer is, and the raw text itself."""

    title: Message
    views: tuple[View, ...]
    place: Place = Place.BITS


class Assessment(Value):
    """One layer's result for one container.

    `draw` builds the views on demand: of many containers only one is shown at a time. It depends on the layer's facts
    alone, and is therefore left out of comparisons.
    """

    UNPRINTED = ("draw",)

    verdict: Verdict  # as stated by the engine if `basis` is ASKED
    fact: Message  # the one fact shown on the layer's band
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
        """The views, built at each call."""
        return self.draw()


class About(Value):
    """A layer explained to a newcomer."""

    title: Message
    role: Message  # one line: "keeps processes apart"
    picture: Message  # an everyday comparison, one sentence
    explanation: tuple[Message, ...]  # what it is; what it prevents; what happens without it


def _as_read(facts: Any, asked: Any, around: Surroundings) -> Any:
    return facts


def on_demand(module: str, name: str) -> Callable[..., Any]:
    """A stand-in for `module.name` that imports the module at its first call, to keep it out of the start-up time."""

    def call(*arguments: Any) -> Any:
        return getattr(import_module(module), name)(*arguments)

    return call


def _never(attempt: Attempt, facts: Any, around: Surroundings) -> Claim | None:
    return None


def _nothing(facts: Any) -> tuple[Gain, ...]:
    return ()


def _unchanged(facts: Any, gain: Gain) -> Any:
    return facts


class Layer(Value, eq=False, kw_only=True):
    """One of the layers between a process and the kernel: its texts, and functions over its own frozen types.

    `id`: stable, as in the report (`namespaces`). `number`: its place in the strata, from 1 (just above the kernel) up.
    `wants`: readings below /proc/PID of the first process; `privileged_wants`: readings that need root (`seccomp:*`,
    `owner:net`), made on request only; `member_wants`: readings of each further process, for `drift`.

    `asked(container)`: the requested options that concern this layer. `decode(capture, container, around)`: typed
    facts; a field that could not be read is None or a Gap, never a guess. Both are printed as they are in the JSON
    report, so their field names are a contract.

    `assess(facts, asked, around)`: verdict, findings and views, from facts alone. `drift(first, other)`: how a further
    process of the container differs from its first.

    `posture(facts, asked, around)`: everything that decides this layer's stances. Hashable, without PIDs and inodes, so
    that similar containers have equal postures and are judged once. UNKNOWN facts stay unknown.

    `as_requested(facts, asked, around)`: the facts, completed with the engine's requested options where they could not
    be read; the same object if the engine adds nothing, or anything read contradicts it.

    `predict(facts, before, after, around)`: the facts after a relaunch with options `after`, from the current ones
    under `before`; None for facts None. What can't be predicted is None (UNKNOWN), never a guess. Unchanged options
    leave the facts unchanged.

    `stance(need, posture)`: this layer's ruling, alone, on one need of a route; None: not its subject. Alone means that
    everything else is as permissive as possible (uid 0, all capabilities, no filter, the host's namespaces). If the
    kernel refuses only because of two layers together, one of them must rule STOPS, or nobody accounts for the refusal.

    `gains(facts)`: what the process gains by starting programs of its container (`core.threats.gain`); only the layer
    that knows them answers. `gained(facts, gain)`: the facts with these rights.

    `refused(attempt, facts, around)`: this layer's claim to have refused an attempt; None: it did not. Decided first by
    what the kernel reported at that moment, then by the container's facts (None: not read).
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
    gains: Callable[[Any], tuple[Gain, ...]] = _nothing
    gained: Callable[[Any, Gain], Any] = _unchanged
    refused: Callable[[Attempt, Any, Surroundings], Claim | None] = _never

    def judged_by(self, facts: Any, asked: Any, around: Surroundings) -> Posture:
        """This layer's posture by what was read, and, where it differs, completed with what the engine states."""
        read = self.posture(facts, asked, around)
        if around.verified_only:
            return AsRequested(read, None)
        requested = self.as_requested(facts, asked, around)
        posture = read if requested is facts else self.posture(requested, asked, around)
        return read if posture == read else AsRequested(read, posture)

    def assessed(self, facts: Any, asked: Any, around: Surroundings) -> Assessment:
        """Verdict, findings and views. Findings come from what was read; if the verdict is then UNKNOWN, it is taken
        from what the engine states.
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


class CallVerdict(StrEnum):
    """The seccomp filter's decision on a call."""

    ALLOWED = "allowed"
    DENIED = "denied"
    DEPENDS = "depends"  # on its arguments
    UNKNOWN = "unknown"  # decided by another process (USER_NOTIF), or nothing is known


class CallSource(StrEnum):
    """Origin of the verdicts, as printed in the report."""

    KERNEL = "kernel"  # the filters themselves, read from the kernel
    PROFILE = "profile"  # a profile file, evaluated for this container
    MEASURED = "measured"  # a table of an engine's default, recorded from real engines
    NONE = "none"


class CallState(Value):
    """One system call. `number`: None if this entry point has no call of that name."""

    name: str
    number: int | None
    verdict: CallVerdict
    action: str  # the filter's action in seccomp(2)'s words: ALLOW, ERRNO(1), KILL_PROCESS, "ALLOW or ERRNO(1)"
    condition: Message | None = None  # set if it depends: "denied with CLONE_NEWUSER"


class CallTable(Value):
    """All calls of one entry point (`x86_64`, `i386`, `x32`, `aarch64`), sorted by name."""

    abi: str
    source: CallSource
    title: Message  # "Docker's default, as measured on Docker 26.1"
    calls: tuple[CallState, ...]
