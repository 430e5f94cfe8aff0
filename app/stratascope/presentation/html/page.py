"""The report as one self-contained page: no script, no external picture or font, no network.

It is made to be sent and archived: it follows the reader's light or dark theme, prints, and works without a mouse. Its
Content-Security-Policy forbids scripts and loading, so that even a flaw in the escaping of a container's name would be
harmless. The conclusion comes first, then its reasons, tables last. Like containers share one table of threats, and in
a large report one drawing.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator

from stratascope.core.capture import gap_words
from stratascope.core.layer import Finding, Layer
from stratascope.core.message import msg, plural
from stratascope.core.severity import Severity
from stratascope.core.snapshot import ContainerState, Snapshot, raised, rank
from stratascope.core.text import natural
from stratascope.core.threats.depth import Matrix
from stratascope.core.threats.threat import Outcome, Threat
from stratascope.i18n.translate import language, listed, together, translate
from stratascope.presentation import terms
from stratascope.presentation.html.strata import PATTERNS, draw, mark
from stratascope.presentation.html.tables import (
    Named,
    bits_table,
    calls_section,
    element,
    fleet_table,
    matrix_table,
    stance_key,
    text,
)
from stratascope.presentation.list_report import why
from stratascope.presentation.takeover import danger, may_run, none_could, not_known, taking_over, unseen_engines
from stratascope.presentation.threat_outcomes import by_outcome, counts_line, exposure_line, kinds
from stratascope.resources import read_text

_PLACE = "@@"  # placeholder in a message for a link that only HTML has
FULL = 20  # number of different threat tables up to which all reasons are printed; more would make a huge page
MANY, DRAWN = 45, 10  # with more than MANY containers, DRAWN have drawing and table; the others list what is open


def render(snapshot: Snapshot, layers: tuple[Layer, ...], notes: tuple[str, ...] = ()) -> str:
    """The page, with `notes` at its end."""
    title = msg("Stratascope: {containers}", containers=_count(snapshot))
    named = [(f"c{place}", state) for place, state in enumerate(in_order(snapshot), 1)]
    return frame(translate(title), "\n".join(part for part in _body(snapshot, layers, named, notes) if part))


def frame(title: str, body: str) -> str:
    """A whole page; `body` is HTML already."""
    style = _style()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    head = (
        '<meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="referrer" content="no-referrer">'
        f"<title>{text(title)}</title><style>{style}</style>"
    )
    return f'<!DOCTYPE html>\n<html lang="{language()}">\n<head>{head}</head>\n<body>\n{body}\n</body>\n</html>\n'


def _style() -> str:
    tokens: dict[str, dict[str, str]] = json.loads(read_text("style/tokens.json"))
    light, dark = (
        "".join(f"--{name}:{value};" for name, value in tokens[theme].items()) for theme in ("light", "dark")
    )
    sheet = read_text("style/report.css")
    return f":root{{{light}}}\n@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}\n{sheet}"


def in_order(snapshot: Snapshot) -> list[ContainerState]:
    """The containers in the page's order: most exposed first, unknown ones last."""
    return sorted(snapshot.containers, key=lambda state: (rank(state), natural(state.container.name)))


def _count(snapshot: Snapshot) -> str:
    return translate(plural("{count} container", "{count} containers", len(snapshot.containers)))


def _body(snapshot: Snapshot, layers: tuple[Layer, ...], named: list[Named], notes: tuple[str, ...]) -> Iterator[str]:
    yield PATTERNS
    yield _head(snapshot)
    yield "<main>"
    yield element("section", element("h2", text(msg("Containers"))) + _list(named, layers), id="containers")
    different = len({id(state.matrix) for _, state in named if state.matrix is not None})
    shown: dict[int, Named] = {}
    for anchor, state in named:
        yield _container(anchor, state, snapshot, layers, shown, brief=different > FULL, short=different > MANY)
    if fleet := fleet_table(named):
        note = msg(
            "The number of layers that would each stop it alone: 0 is open, G is stopped by the host's settings "
            "only, ? is not known."
        )
        head = element("h2", text(msg("Containers and threats"))) + element("p", text(note))
        yield element("section", head + fleet, id="fleet")
    if bits := bits_table(named):
        yield element("section", element("h2", text(msg("Containers and capabilities"))) + bits, id="bits")
    yield calls_section(named)
    yield _glossary(named)
    if notes:
        lines = "".join(element("p", text(note)) for note in notes)
        yield element("section", element("h2", text(msg("Accepted findings"))) + lines, id="accepted")
    yield "</main>"
    when = terms.moment(snapshot.taken_at)
    yield element("footer", element("p", text(msg("Written by Stratascope from what was read at {when}.", when=when))))


def _head(snapshot: Snapshot) -> str:
    when = terms.moment(snapshot.taken_at)
    line = msg(
        "{containers} on Linux {kernel}, read {when}",
        containers=_count(snapshot),
        kernel=listed(each or "?" for each in snapshot.kernels),
        when=when,
    )
    parts = [element("h1", "Stratascope"), element("p", text(line))]
    if snapshot.demo:
        parts.append(element("p", text(msg("Replayed from a capture: these containers are not on this machine now."))))
    if snapshot.trouble is not None:
        command = snapshot.trouble.command
        said = text(snapshot.trouble.message) + (f"<br><code>{text(command)}</code>" if command else "")
        parts.append(element("p", said, "alert"))
    parts.append(_alert(snapshot))
    rows = []
    for engine in snapshot.engines:
        words = [engine.version, engine.endpoint]
        note = f"<br>{text(engine.message)}" if engine.message is not None else ""
        rows.append(
            f"<li><b>{text(engine.id, 40)}</b> {text(terms.ENGINE_STATES[engine.state])} "
            f"{text('  '.join(word for word in words if word), 240)}{note}</li>"
        )
    parts.append(element("ul", "".join(rows), "engines") if rows else "")
    return element("header", "".join(parts))


def _alert(snapshot: Snapshot) -> str:
    found = taking_over(snapshot.containers)
    if could := found.could:
        names = ", ".join(state.container.name for state in could[:12]) + (" …" if len(could) > 12 else "")
        line = msg(
            "{count} of {total} could take over this machine: {names}", count=len(could), total=found.total, names=names
        )
        return element("p", text(line), "alert")
    blind = unseen_engines(snapshot)
    said = listed([translate(none_could(found, blind)), *not_known(found, blind)])
    return element("p", text(said), "alert" if found.accounts else "calm")


def _list(named: list[Named], layers: tuple[Layer, ...]) -> str:
    heads = "".join(
        f'<th scope="col"><abbr title="{text(each.about.title)}">{each.number}</abbr></th>' for each in layers
    )
    top = (
        f'<tr><th scope="col">{text(msg("Name"))}</th><th scope="col">{text(msg("Engine"))}</th>'
        f'<th scope="col">{text(msg("Image"))}</th>{heads}<th scope="col">{text(msg("Exposure"))}</th>'
        f'<th scope="col">{text(msg("Worst"))}</th></tr>'
    )
    rows = []
    for anchor, state in named:
        marks = "".join(
            '<td><svg class="m" viewBox="0 0 14 14" role="img" '
            f'aria-label="{text(terms.verdict_words(each.assessment))}">'
            f"{mark(each.assessment, 1, 1, 12)}</svg></td>"
            for each in state.layers
        )
        container = state.container
        rows.append(
            f'<tr><th scope="row"><a href="#{anchor}">{text(container.name, 80)}</a></th>'
            f"<td>{text(container.engine, 40)}</td><td>{text(container.image, 80)}</td>{marks}"
            f"{_exposure_cell(state.matrix)}<td>{text(why(state))}</td></tr>"
        )
    return element("div", f'<table class="list"><thead>{top}</thead><tbody>{"".join(rows)}</tbody></table>', "wide")


def _exposure_cell(matrix: Matrix | None) -> str:
    if matrix is None:
        return '<td class="n">–</td>'
    worst = matrix.exposure.worst
    level = terms.exposure_level(worst)
    bar = (
        '<svg class="bar" viewBox="0 0 36 3" aria-hidden="true"><rect class="rail" width="36" height="3" rx="1.5"/>'
        f'<rect class="e-{level}" width="{3.6 * worst:g}" height="3" rx="1.5"/></svg>'
    )
    return f'<td class="n e-{level}">{worst:.1f}{bar}</td>'


def _container(
    anchor: str,
    state: ContainerState,
    snapshot: Snapshot,
    layers: tuple[Layer, ...],
    shown: dict[int, Named],
    *,
    brief: bool,
    short: bool,
) -> str:
    container = state.container
    facts = [container.engine, container.image, translate(terms.STATUSES[container.status])]
    if container.pid:
        facts.append(f"PID {container.pid}")
    parts = [element("h2", text(container.name, 120)), element("p", text(" · ".join(facts), 300), "facts")]
    if container.error:
        parts.append(element("p", text(msg("The engine's answer was not understood: {why}", why=container.error), 500)))
    matrix = state.matrix
    if matrix is None:
        if may_run(state):  # otherwise the text above states its status
            gap = state.gap
            why = msg("Not known.") if gap is None else msg("Not known: {why}.", why=gap_words(gap).phrase)
            parts.append(element("p", text(why)))
    else:
        level = terms.exposure_level(matrix.exposure.worst)
        parts.append(element("p", text(exposure_line(matrix)), f"exposure e-{level}"))
        if (who := raised(state)) is not None:
            parts.append(element("p", text(who, 400)))
        first = next((each for each in by_outcome(matrix) if each.outcome is Outcome.OPEN), None)
        if first is not None:
            parts.append(element("p", text(danger(first, state), 400)))
        # in a large report, like containers share the first one's drawing
        first_of = id(matrix) not in shown or len(snapshot.containers) <= MANY
        if first_of and not (short and len(shown) >= DRAWN):
            parts.append(element("div", draw(state, matrix, layers, snapshot.ground_of(container.engine)), "wide"))
        parts.append(element("p", text(counts_line(kinds(matrix))), "facts"))
    if state.findings:
        # in a large report, advice is printed with the first of like containers only
        like = id(matrix) in shown and len(snapshot.containers) > MANY
        parts.append(_findings(state.findings, brief=like or (short and len(shown) >= DRAWN)))
    if matrix is not None:
        parts.append(_threats(anchor, state, matrix, layers, shown, brief=brief, short=short))
    return element("section", "\n".join(parts), "container", id=anchor)


def _threats(
    anchor: str,
    state: ContainerState,
    matrix: Matrix,
    layers: tuple[Layer, ...],
    shown: dict[int, Named],
    *,
    brief: bool,
    short: bool,
) -> str:
    before = shown.setdefault(id(matrix), (anchor, state))
    if before[0] != anchor:
        link = f'<a href="#{before[0]}">{text(before[1].container.name, 80)}</a>'
        same = text(msg("Its threats and layers are the same as those of {name}.", name=_PLACE))
        return element("p", same.replace(_PLACE, link))
    if short and len(shown) > DRAWN:
        return _still_open(matrix)
    parts = [stance_key()]
    if brief:
        note = msg(
            "If layers stop a threat, not every reason is printed; a page with fewer containers lists all of them."
        )
        parts.append(element("p", text(note), "key"))
    parts.append(matrix_table(state, matrix, layers, brief=brief))
    head = text(msg("Threats and layers"))
    return f'<details class="all"><summary>{head}</summary>{"".join(parts)}</details>'


def _still_open(matrix: Matrix) -> str:
    """A list instead of a table: threats that are not stopped, worst first."""
    found = [each for each in by_outcome(matrix) if each.outcome is not Outcome.STOPPED]
    if not found:
        return ""
    rows = []
    for each in found:
        unknown = f" <small>{text(msg('not known'))}</small>" if each.outcome is Outcome.UNKNOWN else ""
        rows.append(f'<li><a href="#t-{text(each.threat.id)}">{text(each.threat.title)}</a>{unknown}</li>')
    head = text(plural("{count} threat not stopped", "{count} threats not stopped", len(found)))
    return f'<details class="all"><summary>{head}</summary><ul>{"".join(rows)}</ul></details>'


def _findings(findings: tuple[Finding, ...], *, brief: bool) -> str:
    """The findings as a table. `brief`: without advice."""
    rows = []
    for each in findings:
        more = "" if brief else f"<br>→ {text(each.advice)}"
        refs = "" if brief else f" {text(' '.join(each.refs))}"
        rows.append(
            f'<li><b class="s-{each.severity.value}">{text(terms.SEVERITIES[each.severity])}</b> '
            f"{text(each.text)}{more} <code>{text(each.source, 200)}</code>{refs}</li>"
        )
    loud = any(each.severity in (Severity.CRITICAL, Severity.HIGH) for each in findings)
    head = text(plural("{count} finding", "{count} findings", len(findings)))
    return f'<details class="all"{" open" if loud else ""}><summary>{head}</summary><ul>{"".join(rows)}</ul></details>'


def _glossary(named: list[Named]) -> str:
    """The description of each threat, once for all containers."""
    found: dict[str, Threat] = {}
    for _, state in named:
        if state.matrix is not None:
            for each in state.matrix.threats:
                found.setdefault(each.threat.id, each.threat)
    if not found:
        return ""
    rows = []
    for threat in found.values():
        routes = "".join(
            f"<li>{text(route.name)}: <code>{text('; '.join(step.text for step in route.steps), 400)}</code></li>"
            for route in threat.routes
        )
        words = together((translate(threat.what), translate(threat.gives)))
        rows.append(
            f'<dt id="t-{text(threat.id)}">{text(threat.title)} <small>{text(threat.id)}, '
            f"{text(terms.SEVERITIES[threat.severity])}</small></dt>"
            f"<dd>{text(words)}<br>→ {text(threat.advice)} {text(' '.join(threat.refs))}"
            f"<ul>{routes}</ul></dd>"
        )
    head = element("h2", text(msg("The threats")))
    return element("section", head + element("dl", "\n".join(rows), "threats"), id="threats")
