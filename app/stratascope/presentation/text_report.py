"""The text report, for a terminal with 100 columns. It is coloured only on request.

Every line of a container is a layer's verdict, a finding with its evidence, or an open threat; details (all decoded
facts, all threats) are printed on request. Widths are in terminal cells, so that Japanese names line up too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from stratascope.core.capture import gap_words
from stratascope.core.container import Engine, EngineState, Status
from stratascope.core.layer import Bars, BitGrid, CallMap, Finding, Layer, Row, Rulers, Table, Verdict, View
from stratascope.core.message import NOTHING, Message, age, colon, msg, plural, verbatim
from stratascope.core.sanitize import plain
from stratascope.core.severity import Severity
from stratascope.core.snapshot import ContainerState, LayerState, ProcessState, Snapshot, first_view, raised, rank
from stratascope.core.threats.depth import Matrix, ThreatState, is_verified
from stratascope.core.threats.threat import Basis, Outcome, Ruling, Stance
from stratascope.i18n.translate import listed, translate
from stratascope.presentation import terms
from stratascope.presentation.ground import ground_rows
from stratascope.presentation.syscall_map import SHARED_KERNEL, origin, pairs, surface, surface_line, table_of
from stratascope.presentation.takeover import danger, unseen_engines
from stratascope.presentation.terminal import (
    LEVEL_STYLE,
    SEVERITY_STYLE,
    VERDICT_STYLE,
    Style,
    clip,
    cut_middle,
    hang,
    pad,
    width_of,
    wrap,
)
from stratascope.presentation.threat_outcomes import SERIOUS, by_outcome, counts_line, exposure_line, kind_of, kinds

__all__ = ["Style", "engine_lines", "render"]
_ROOTLESS, _AS_ROOT = msg("rootless"), msg("as root")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*").fullmatch
_BRIEF = 3  # findings of a container that was asked for by name: with the rest of it, they fit on a screen
_LOUD = frozenset({Severity.CRITICAL, Severity.HIGH})  # severities that the summary prints in full


def render(snapshot: Snapshot, layers: tuple[Layer, ...], style: Style, *, named: bool = False) -> str:
    """The whole report, worst containers first. `named`: these containers were asked for, so that they come first; the
    caller reports names that were not found.
    """
    lines = [*_head(snapshot, style), ""] if not named or snapshot.demo else []
    if not named or style.details:
        lines += engine_lines(snapshot.engines, style)
    lines += trouble_lines(snapshot, style)
    if style.details:
        lines += _grounds(snapshot, style)
    for state in sorted(snapshot.containers, key=_worst_first):
        lines += [*([""] if lines and lines[-1] else []), *_container(state, snapshot, layers, style, named=named)]
    if not snapshot.containers and not named:
        unseen = listed(plain(each, 60) for each in unseen_engines(snapshot))
        none = msg("No containers seen; {engines} not seen.", engines=unseen) if unseen else msg("No containers.")
        lines += ["", translate(none)]
    return "\n".join(lines) + "\n"


def _worst_first(state: ContainerState) -> tuple[bool, tuple[bool, float, float], int, int, str]:
    severities = [finding.severity.rank for finding in state.findings]
    opened = sum(layer.assessment.verdict is Verdict.OPEN for layer in state.layers)
    return (state.gap is not None, rank(state), min(severities, default=9), -opened, state.container.name)


def _head(snapshot: Snapshot, style: Style) -> Iterator[str]:
    when = terms.moment(snapshot.taken_at)
    count = plural("{count} container", "{count} containers", len(snapshot.containers))
    text = translate(
        msg(
            "Stratascope: {containers} on Linux {kernel}, read {when}",
            containers=count,
            kernel=listed(each or "?" for each in snapshot.kernels),
            when=when,
        )
    )
    yield from wrap(text, "", style, "1")
    if snapshot.demo:
        yield from wrap(
            translate(msg("Replayed from a capture: these containers are not on this machine now.")), "", style
        )


def engine_lines(engines: tuple[Engine, ...], style: Style) -> list[str]:
    """One line per engine, followed by what to do if it can't be used."""
    if not engines:
        return [translate(msg("No container engine was found."))]
    width = max(width_of(plain(engine.id, 40)) for engine in engines)
    states = max(width_of(translate(terms.ENGINE_STATES[engine.state])) for engine in engines)
    rights = max(width_of(translate(word)) for word in (_ROOTLESS, _AS_ROOT))
    lines = []
    for engine in engines:
        good = engine.state is EngineState.CONNECTED
        state = style.paint(pad(translate(terms.ENGINE_STATES[engine.state]), states), "32" if good else "33")
        rootless = translate(_ROOTLESS if engine.rootless else _AS_ROOT) if good else ""
        parts = [pad(plain(engine.id, 40), width), state, pad(plain(engine.version, 20), 9), pad(rootless, rights)]
        line, endpoint = "  " + "  ".join(parts), plain(engine.endpoint, 200)
        fits = width_of(line) + 2 + width_of(endpoint) <= style.width or not endpoint
        lines += [f"{line}  {endpoint}".rstrip()] if fits else [line.rstrip(), " " * (width + 4) + endpoint]
        if engine.message is not None:
            lines += wrap(translate(engine.message), " " * (width + 4), style)
        if engine.error:
            lines += wrap(plain(engine.error, 400), " " * (width + 4), style, "2")
    return lines


def trouble_lines(snapshot: Snapshot, style: Style) -> Iterator[str]:
    """Why this machine's kernel could not be read; the command that repairs it on one line, to be copied."""
    trouble = snapshot.trouble
    if trouble is None:
        return
    yield ""
    yield from wrap(translate(trouble.message), "", style, "33")
    if trouble.command:
        yield "  " + style.paint(plain(trouble.command), "1")
    elif trouble.words:
        yield from wrap(plain(trouble.words.strip(), 400), "  ", style, "2")


def _container(
    state: ContainerState, snapshot: Snapshot, layers: tuple[Layer, ...], style: Style, *, named: bool
) -> Iterator[str]:
    container = state.container
    facts = [plain(container.engine, 40), plain(container.image, 60), translate(terms.STATUSES[container.status])]
    if container.pid:
        facts.append(f"PID {container.pid}")
    if container.started and container.pid:
        facts.append(translate(msg("up {age}", age=age(snapshot.taken_at - container.started))))
    name, detail = plain(container.name, 60), (" · " if style.unicode else ", ").join(part for part in facts if part)
    if width_of(name) + 2 + width_of(detail) <= style.width:
        yield style.paint(name, "1") + "  " + detail
    else:
        yield style.paint(name, "1")
        yield from wrap(detail, "  ", style)
    if container.error:
        yield from wrap(
            translate(msg("The engine's answer was not understood: {why}", why=container.error)), "  ", style
        )
    if state.matrix is not None:
        yield from exposure_lines(state.matrix, style)
        if (who := raised(state)) is not None:
            yield from wrap(translate(who), "  ", style)
    titles = {layer.id: layer.about.title for layer in layers}
    width = max((width_of(translate(title)) for title in titles.values()), default=0)
    words = max((width_of(translate(terms.verdict_words(layer.assessment))) for layer in state.layers), default=0)
    for layer in reversed(state.layers):
        known = layer.assessment
        word = style.paint(pad(translate(terms.verdict_words(known)), words), VERDICT_STYLE[known.verdict])
        title = pad(translate(titles.get(layer.id, verbatim(layer.id))), width)
        head = f"  {layer.number} {style.mark(known)} {title}  {word}  "
        first, *below = wrap(translate(layer.assessment.fact), " " * (width + words + 8), style)
        yield head + first.lstrip()
        yield from below
    if style.details and (calls := first_view(state, CallMap)) is not None:
        yield from _surface(calls, style)
    if state.matrix is not None:
        yield from open_lines(state, state.matrix, style)
    shown = [finding for finding in state.findings if style.details or finding.severity in _LOUD]
    brief = named and not style.details
    if shown:
        yield "  " + style.paint(translate(msg("Why, and what to do")), "4")
    for finding in shown[:_BRIEF] if brief else shown:
        yield from _finding(finding, style, sources=not brief)
    # Of a record by such a command the engines would be asked; what engines take for no name may be a command
    command = not (snapshot.demo or container.status is Status.PREDICTED or not _NAME(container.name))
    if brief:
        if command:
            yield from _commands(container.name, style)
    elif len(shown) < len(state.findings):
        rest = plural("{count} less serious finding", "{count} less serious findings", len(state.findings) - len(shown))
        more = msg("{rest}: stratascope report {name} --all", rest=rest, name=container.name)
        yield from wrap(translate(more if command else rest), "  ", style, "2")
    for process in state.processes:
        if process.drift:
            yield from wrap(translate(_differs(process, titles)), "  ", style)
    if style.details:
        if state.matrix is not None:
            yield from table_lines(state.matrix, layers, style)
        for layer in reversed(state.layers):
            yield from _details(layer, titles.get(layer.id, verbatim(layer.id)), style)


def _differs(process: ProcessState, titles: dict[str, Message]) -> Message:
    inside = "" if process.pid_inside is None else f" ({process.pid_inside})"
    ids = dict.fromkeys(each.partition(".")[0] for each in process.drift)
    command, pid = plain(process.command, 40), f"{process.pid}{inside}"
    layers = listed(translate(titles.get(each, verbatim(each))) for each in ids)
    if process.thread_of is not None:
        return msg("Thread {tid} {command} differs from the first process: {layers}", tid=pid, command=command,
                   layers=layers)  # fmt: skip
    return msg("PID {pid} {command} differs from the first process: {layers}", pid=pid, command=command, layers=layers)


def _surface(calls: CallMap, style: Style) -> Iterator[str]:
    """The attack surface, which is no part of the exposure."""
    for table in calls.tables[:1]:
        line = surface_line(surface(table, table_of(calls.default, table.abi)))
        text = msg("Attack surface: {line} {shared}", line=line, shared=SHARED_KERNEL)
        yield from wrap(translate(text), "  ", style)


def severe(severity: Severity, words: str, style: Style, indent: str = "  ") -> Iterator[str]:
    """A severity, followed by wrapped text."""
    word = style.paint(pad(translate(terms.SEVERITIES[severity]), _severity_width()), SEVERITY_STYLE[severity])
    first, *rest = wrap(words, indent + " " * (_severity_width() + 2), style)
    yield f"{indent}{word}  {first.lstrip()}"
    yield from rest


def _severity_width() -> int:
    return max(width_of(translate(word)) for word in terms.SEVERITIES.values())


def _commands(name: str, style: Style) -> Iterator[str]:
    """What to ask next about a container."""
    asked = (
        (f"stratascope plan {name}", msg("what would close it")),
        (f"stratascope report {name} --all", msg("every fact, threat and finding")),
    )
    width = max(len(command) for command, _ in asked)
    for command, what in asked:
        yield from wrap(f"{command:{width}}  {translate(what)}", "  ", style, "2")


def _finding(finding: Finding, style: Style, *, sources: bool = True) -> Iterator[str]:
    yield from severe(finding.severity, translate(finding.text), style)
    indent = " " * (_severity_width() + 4)
    arrow = "→ " if style.unicode else "> "
    yield from wrap(arrow + translate(finding.advice), indent, style)
    if not sources:
        return
    room = style.width - len(indent)
    source = cut_middle(plain(finding.source), room)
    refs = "  ".join(finding.refs)
    if refs and width_of(source) + 2 + width_of(refs) <= room:
        source, refs = f"{source}  {refs}", ""
    yield indent + style.paint(source, "2")
    if refs:
        yield indent + style.paint(refs, "2")


def _grounds(snapshot: Snapshot, style: Style) -> Iterator[str]:
    """Further facts about each kernel that these containers use."""
    found = dict.fromkeys(snapshot.ground_of(state.container.engine) for state in snapshot.containers)
    for ground in found:
        if rows := ground_rows(ground):
            yield ""
            yield "  " + style.paint(translate(msg("Linux {kernel}, below all layers", kernel=ground.kernel)), "1")
            yield from _rows(rows, style)
            for note in dict.fromkeys(row.note for row in rows if row.note is not None):
                yield from wrap(translate(note), "    ", style, "2")


def _details(layer: LayerState, title: Message, style: Style) -> Iterator[str]:
    yield ""
    yield "  " + style.paint(f"{layer.number} {translate(title)}", "1")
    for tab in layer.assessment.tabs:
        for view in tab.views:
            yield from _view(view, style)
    for named in layer.assessment.gaps:
        what = title if named.what == layer.id else verbatim(named.what)  # the whole layer has a name for people
        text = msg("{what} is not known: {why}.", what=what, why=gap_words(named.gap).phrase)
        yield from wrap(translate(text), "    ", style, "2")


def _view(view: View, style: Style) -> Iterator[str]:
    match view:
        case Table(title, rows):
            yield "    " + style.paint(translate(title), "4")
            yield from _rows(rows, style)
        case BitGrid(sets, _, bits):
            for column in sets:
                yield from _columns(pad(column.head, 4), column.text, plain(column.source), style)
            for bit in bits:
                if any(bit.bits) or bit.word is not None:
                    held = " ".join(s.head if on else "·" * len(s.head) for s, on in zip(sets, bit.bits, strict=True))
                    word = "" if bit.word is None else " " + translate(bit.word)
                    yield f"    {bit.number:3} {pad(bit.name, 22)} {held}{word}"
        case Bars(title, bars):
            yield "    " + style.paint(translate(title), "4")
            for bar in bars:
                yield from _columns(pad(translate(bar.label), 12), translate(bar.value), plain(bar.source), style)
                if bar.note is not None:
                    yield from wrap(translate(bar.note), " " * 18, style, "2")
        case Rulers(title, inside, outside, ranges, source):
            yield "    " + style.paint(translate(title), "4") + "  " + style.paint(plain(source), "2")
            yield f"    {pad(translate(inside), 24)} {translate(outside)}"
            for part in ranges[:20]:
                own = f"{part.inside}–{part.inside + part.length - 1}"
                host = f"{part.outside}–{part.outside + part.length - 1}"
                yield f"    {pad(own, 24)} {host}"
            if len(ranges) > 20:
                yield "    " + translate(plural("and {count} more range", "and {count} more ranges", len(ranges) - 20))
        case CallMap():
            yield from _calls(view, style)


def _rows(rows: tuple[Row, ...], style: Style) -> Iterator[str]:
    width = min(30, max((width_of(translate(row.label)) for row in rows), default=0))
    for row in rows:
        value = translate(row.value)
        if row.basis is Basis.ASKED:
            value += translate(msg(" (as asked, not verified)"))
        elif row.asked is not None:
            value += translate(msg(" (asked: {asked})", asked=row.asked))
        yield from _columns(pad(translate(row.label), width), value, plain(row.source), style)


def _calls(view: CallMap, style: Style) -> Iterator[str]:
    yield "    " + style.paint(translate(view.title), "4")
    for table in view.tables:
        default = table_of(view.default, table.abi)
        text = translate(colon(origin(table), surface_line(surface(table, default))))
        yield from _columns(plain(table.abi, 20), text, "", style)
        for call in table.calls:
            if call.condition is not None:
                depends = colon(call.name, call.condition)
                yield from wrap(translate(depends), " " * 8, style)
        if default is not None:
            wider = [pair.name for pair in pairs(table, default) if pair.wider]
            narrower = [pair.name for pair in pairs(default, table) if pair.wider]
            for title, names in ((msg("More than by default"), wider), (msg("Less than by default"), narrower)):
                if names:
                    more = colon(title, ", ".join(names))
                    yield from wrap(translate(more), " " * 8, style)


def _columns(label: str, value: str, source: str, style: Style) -> Iterator[str]:
    indent = " " * (width_of(label) + 6)
    lines = wrap(value, indent, style)
    lines[0] = f"    {label}  {lines[0].lstrip()}"
    room = style.width - width_of(lines[-1]) - 2
    if source and width_of(source) <= room:
        lines[-1] += " " * (room - width_of(source) + 2) + style.paint(source, "2")
    elif source:
        lines += [style.paint(each, "2") for each in hang(indent + source, style.width)]
    yield from lines


MOST = 5  # open threats that the summary prints in full
_PLAIN = {Stance.STOPS: "#", Stance.LETS_THROUGH: "o", Stance.UNKNOWN: "?", Stance.NOT_ITS_JOB: "."}
_PLAIN_AS_ASKED = {**_PLAIN, Stance.STOPS: "=", Stance.LETS_THROUGH: "c"}
_SAID = (Stance.STOPS, Stance.LETS_THROUGH)
_OUTCOME_STYLE = {Outcome.OPEN: "31", Outcome.UNKNOWN: "2", Outcome.STOPPED: "32"}


def exposure_lines(matrix: Matrix, style: Style) -> Iterator[str]:
    """The exposure, and the numbers of threats."""
    level = terms.exposure_level(matrix.exposure.worst)
    yield "  " + style.paint(translate(exposure_line(matrix)), LEVEL_STYLE[level])
    yield from wrap(translate(counts_line(kinds(matrix))), "  ", style, "2")


def open_lines(of: ContainerState, matrix: Matrix, style: Style) -> Iterator[str]:
    """The worst open threats, each with its sentence, and with advice in a detailed report."""
    serious = [state for state in by_outcome(matrix) if kind_of(state) in SERIOUS]
    shown = serious if style.details else serious[:MOST]
    indent = " " * (_severity_width() + 4)
    if shown:
        yield "  " + style.paint(translate(msg("What a process in it could do")), "4")
    for state in shown:
        threat = state.threat
        text = colon(threat.title, danger(state, of))
        yield from severe(threat.severity, translate(text), style)
        if style.details:
            arrow = "→ " if style.unicode else "> "
            yield from wrap(arrow + translate(threat.advice), indent, style)
    if len(shown) < len(serious):
        rest = plural("and {count} more serious one", "and {count} more serious ones", len(serious) - len(shown))
        yield indent + style.paint(translate(rest), "2")


def table_lines(matrix: Matrix, layers: tuple[Layer, ...], style: Style) -> Iterator[str]:
    """Every threat with each layer's stance, its outcome and depth."""
    yield ""
    yield "  " + style.paint(translate(msg("What a process in it could try")), "1")
    marks = terms.STANCE_MARKS if style.unicode else _PLAIN
    key = msg(
        "{stops} stops it, {open} lets it through, {unknown} not known, {none} not its job; the columns are the "
        "layers, G is the host's settings.",
        stops=marks[Stance.STOPS],
        open=marks[Stance.LETS_THROUGH],
        unknown=marks[Stance.UNKNOWN],
        none=marks[Stance.NOT_ITS_JOB],
    )
    yield from wrap(translate(key), "    ", style, "2")
    if not all(map(is_verified, matrix.threats)):
        stops, through = (_mark(Ruling(each, NOTHING, "", basis=Basis.ASKED), style) for each in _SAID)
        asked = msg("{stops} and {open}: only the engine states it, and this user can't read the kernel's own value.",
                    stops=stops, open=through)  # fmt: skip
        yield from wrap(translate(asked), "    ", style, "2")
    severities = _severity_width()
    outcomes = max(width_of(translate(word)) for word in terms.OUTCOMES.values())
    heads = [*(str(layer.number) for layer in layers), "G"]
    title_width = max(16, min(44, style.width - severities - outcomes - 2 * len(heads) - 20))
    yield "    " + style.paint(" " * (title_width + severities + 4) + " ".join(heads), "2")
    for state in by_outcome(matrix):
        title = pad(clip(translate(state.threat.title), title_width), title_width)
        severity = pad(translate(terms.SEVERITIES[state.threat.severity]), severities)
        stances = " ".join(_mark(ruling, style) for ruling in _rulings(state, layers))
        outcome = style.paint(pad(translate(terms.OUTCOMES[state.outcome]), outcomes), _OUTCOME_STYLE[state.outcome])
        yield f"    {title}  {severity}  {stances}  {outcome}  {translate(terms.depth_words(state.depth))}"


def _rulings(state: ThreatState, layers: tuple[Layer, ...]) -> Iterator[Ruling | None]:
    for layer in layers:
        yield state.ruling(layer.id)
    yield state.weakest.ground


def _mark(ruling: Ruling | None, style: Style) -> str:
    if style.unicode:
        return terms.stance_mark(ruling)
    if ruling is None:
        return _PLAIN[Stance.NOT_ITS_JOB]
    return (_PLAIN_AS_ASKED if ruling.basis is Basis.ASKED else _PLAIN)[ruling.stance]
