"""Evaluates a map of system calls: what passes, what passes beyond the default, and how two containers differ. Pure.

Shared by the window and the reports, so that both count alike. Any layer may have a `CallMap` among its views; no layer
is known by name here. Attack surface is shown next to depth, and is never part of it.
"""

from __future__ import annotations

from stratascope.bounded_cache import remembered
from stratascope.core.layer import CallSource, CallState, CallTable, CallVerdict
from stratascope.core.message import Message, comma, msg, plural
from stratascope.core.threats.catalogue import all_threats
from stratascope.core.threats.needs import Calls
from stratascope.core.threats.threat import Threat
from stratascope.layers.seccomp.call_groups import warning
from stratascope.value import Value

VERDICTS = {
    CallVerdict.ALLOWED: msg("allowed"),
    CallVerdict.DENIED: msg("denied"),
    CallVerdict.DEPENDS: msg("depends on its arguments"),
    CallVerdict.UNKNOWN: msg("not known"),
}
SHARED_KERNEL = msg(
    "Every container on this machine uses this one kernel: a flaw in a call that passes is within reach."
)
_PASSES = (CallVerdict.ALLOWED, CallVerdict.DEPENDS)
# how permissive each verdict is; higher than the default's means that more passes
_WIDTH = {CallVerdict.DENIED: 0, CallVerdict.UNKNOWN: 1, CallVerdict.DEPENDS: 2, CallVerdict.ALLOWED: 3}


class Surface(Value):
    """The reachable part of the kernel, in calls. `more`, `fewer`: compared with the default; None: not known."""

    total: int
    allowed: int
    depends: int
    denied: int
    unknown: int
    more: int | None
    fewer: int | None
    dangerous: tuple[str, ...]  # names of known dangerous calls that pass; first those that the default stops


class Pair(Value):
    """One call in two tables (another container's, or the default's); None: not in that table."""

    name: str
    here: CallState | None
    there: CallState | None

    @property
    def differs(self) -> bool:
        """Whether the two verdicts differ."""
        if self.here is None or self.there is None:
            return True
        return (self.here.verdict, self.here.condition) != (self.there.verdict, self.there.condition)

    @property
    def wider(self) -> bool:
        """Whether the call passes more freely here than there."""
        if self.here is None or self.there is None:
            return False
        return _WIDTH[self.here.verdict] > _WIDTH[self.there.verdict]


def table_of(tables: tuple[CallTable, ...], abi: str) -> CallTable | None:
    """The table of that entry point."""
    return next((table for table in tables if table.abi == abi), None)


@remembered()
def pairs(here: CallTable, there: CallTable | None) -> tuple[Pair, ...]:
    """Every call of both tables, by name."""
    other = {} if there is None else {call.name: call for call in there.calls}
    found = [Pair(call.name, call, other.pop(call.name, None)) for call in here.calls]
    found += [Pair(name, None, call) for name, call in other.items()]
    return tuple(sorted(found, key=lambda pair: pair.name))


@remembered()
def surface(table: CallTable, default: CallTable | None) -> Surface:
    """The attack surface of one entry point."""
    counts = dict.fromkeys(CallVerdict, 0)
    for call in table.calls:
        counts[call.verdict] += 1
    compared = () if default is None else pairs(table, default)
    wider = {pair.name for pair in compared if pair.wider}
    passing = [call.name for call in table.calls if call.verdict in _PASSES and dangerous(call.name)]
    known = [pair for pair in compared if pair.here is not None and pair.there is not None]
    return Surface(
        len(table.calls),
        counts[CallVerdict.ALLOWED],
        counts[CallVerdict.DEPENDS],
        counts[CallVerdict.DENIED],
        counts[CallVerdict.UNKNOWN],
        None if default is None else sum(pair.wider for pair in known),
        None if default is None else sum(Pair(pair.name, pair.there, pair.here).wider for pair in known),
        tuple(sorted(passing, key=lambda name: (name not in wider, name))),
    )


def origin(table: CallTable) -> Message:
    """The table's title, with its source if the title does not imply it."""
    if table.source is CallSource.MEASURED:
        return msg("{title} (from Stratascope's own table)", title=table.title)
    return table.title


def surface_line(surface: Surface) -> Message:
    """The numbers in one sentence."""
    passing = msg("{count} of {total} system calls pass", count=surface.allowed, total=surface.total)
    if surface.depends:
        some = plural("one more for some arguments", "{count} more for some arguments", surface.depends)
        passing = comma(passing, some)
    if surface.more is None:
        return msg("{passing}.", passing=passing)
    if surface.more:
        more = plural(
            "{count} more than under the engine's default",
            "{count} more than under the engine's default",
            surface.more,
        )
        return msg("{passing}; {more}.", passing=passing, more=more)
    return msg("{passing}; none more than under the engine's default.", passing=passing)


def count_words(verdict: CallVerdict, count: int) -> Message:
    """A number of calls with its verdict."""
    match verdict:
        case CallVerdict.ALLOWED:
            return msg("{count} allowed", count=count)
        case CallVerdict.DENIED:
            return msg("{count} denied", count=count)
        case CallVerdict.DEPENDS:
            return msg("{count} by arguments", count=count)
        case CallVerdict.UNKNOWN:
            return msg("{count} not known", count=count)


def dangerous_line(surface: Surface, most: int) -> Message | None:
    """The known dangerous calls that pass, by name; None if there are none."""
    names, rest = surface.dangerous[:most], len(surface.dangerous) - most
    if not names:
        return None
    if rest > 0:
        return msg("Dangerous ones that pass: {names} and {count} more.", names=", ".join(names), count=rest)
    return msg("Dangerous ones that pass: {names}.", names=", ".join(names))


@remembered()
def _by_call() -> dict[str, tuple[Threat, ...]]:
    found: dict[str, dict[str, Threat]] = {}
    for threat in all_threats():
        for route in threat.routes:
            for step in route.steps:
                for need in step.needs:
                    if isinstance(need, Calls):
                        for way in need.ways:
                            found.setdefault(way.name, {})[threat.id] = threat
    return {
        name: tuple(sorted(threats.values(), key=lambda threat: threat.severity.rank))
        for name, threats in found.items()
    }


def threats_by(name: str) -> tuple[Threat, ...]:
    """Threats of the catalogue that use this call, worst first."""
    return _by_call().get(name, ())


def dangerous(name: str) -> bool:
    """Whether the call is known to be dangerous, that is, has a warning."""
    return warning(name) is not None


def explain(name: str) -> tuple[Message, ...]:
    """The warning about a call, and the threats that use it; empty for a harmless call."""
    found = warning(name)
    titles = [threat.title for threat in threats_by(name)[:4]]
    if found is None or not titles:
        return () if found is None else (found,)
    used = titles[0]
    for title in titles[1:]:
        used = comma(used, title)
    return found, msg("With it: {threats}.", threats=used)
