"""The page's tables: one container's threats against its layers, and all containers against threats and bits; and the
only place where text is escaped for HTML. No text from an engine reaches the page any other way.

Containers are columns: a hundred threats with readable names as rows, and forty containers still fit on paper. Decided
against a template engine: elements are few, and what does not pass through `text` is a literal of this program.
"""

from __future__ import annotations

import html
from collections.abc import Sequence

from stratascope.core.layer import BitGrid, CallMap, CallState, CallTable, CallVerdict, Layer, Tone
from stratascope.core.message import Message, colon, msg
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState, first_view
from stratascope.core.threats.depth import Matrix, ThreatState
from stratascope.core.threats.threat import Basis, Outcome, Ruling, Stance, Threat, evidence
from stratascope.i18n.translate import translate
from stratascope.layers.seccomp.call_groups import GROUPS, group_of
from stratascope.presentation import syscall_map, terms
from stratascope.presentation.threat_outcomes import by_outcome, counted_as


def text(value: str | Message, limit: int = 0) -> str:
    """Escape text for an element or a quoted attribute."""
    return html.escape(plain(translate(value) if isinstance(value, Message) else value, limit))


def element(tag: str, inside: str, kind: str = "", **attributes: str) -> str:
    """One element; `inside` is HTML already. In attribute names, trailing underscores are dropped (`for_`), and others
    become hyphens.
    """
    words = [f' class="{kind}"'] if kind else []
    words += [f' {name.rstrip("_").replace("_", "-")}="{value}"' for name, value in attributes.items()]
    return f"<{tag}{''.join(words)}>{inside}</{tag}>"


Named = tuple[str, ContainerState]  # anchor of its section, and the container
_STANCE_CLASS = {Stance.STOPS: "S", Stance.LETS_THROUGH: "L", Stance.UNKNOWN: "U", Stance.NOT_ITS_JOB: "N"}


def matrix_table(state: ContainerState, matrix: Matrix, layers: tuple[Layer, ...], *, brief: bool) -> str:
    """Threats against layers, most important first. Each row unfolds its reasons.

    `brief`: for a threat that one layer stops, only that layer's reason; if several do, none.
    """
    heads = [
        element("th", text(msg("Threat")), scope="col"),
        element("th", text(msg("Severity")), scope="col"),
        *(
            element("th", f'<abbr title="{text(layer.about.title)}">{layer.number}</abbr>', scope="col")
            for layer in layers
        ),
        element("th", f'<abbr title="{text(msg("The host’s settings"))}">G</abbr>', scope="col"),
        element("th", text(msg("Outcome")), scope="col"),
        element("th", text(msg("Depth")), scope="col"),
    ]
    rows = [_row(each, layers, state.container.pid or 0, brief=brief) for each in by_outcome(matrix)]
    caption = element("caption", text(msg("What a process in {name} could try", name=state.container.name)))
    head = element("thead", element("tr", "".join(heads)))
    return element("div", element("table", caption + head + element("tbody", "\n".join(rows)), "matrix"), "wide")


def _row(state: ThreatState, layers: tuple[Layer, ...], pid: int, *, brief: bool) -> str:
    threat = state.threat
    kind = counted_as(state)
    title = text(threat.title)
    if not (brief and kind == "more"):
        reasons = [
            _reason(str(layer.number), ruling, pid)
            for layer in reversed(layers)
            if (ruling := state.ruling(layer.id)) is not None
            and not (brief and kind == "once" and ruling.stance is not Stance.STOPS)
        ]
        if state.weakest.ground is not None:
            reasons.append(_reason("G", state.weakest.ground, pid))
        more = "".join(reasons) + _asides(state, layers)
        if not brief:  # the table of all containers links there too
            more += f'<li><a href="#t-{text(threat.id)}">{text(msg("Description and remedy"))}</a></li>'
        title = f"<details><summary>{title}</summary><ul>{more}</ul></details>"
    cells = [_stance(state.ruling(layer.id)) for layer in layers]
    cells.append(_stance(state.weakest.ground))
    return (
        f'<tr class="{kind}"><th scope="row">{title}</th><td>{text(terms.SEVERITIES[threat.severity])}</td>'
        f'{"".join(cells)}<td class="out">{text(terms.OUTCOMES[state.outcome])}</td>'
        f"<td>{text(terms.depth_words(state.depth))}</td></tr>"
    )


def _stance(ruling: Ruling | None) -> str:
    if ruling is None:  # most cells of a table
        return f"<td>{terms.stance_mark(None)}</td>"
    # unquoted, as there are thousands of these cells
    return f"<td class={_STANCE_CLASS[ruling.stance]}>{terms.stance_mark(ruling)}</td>"


def _reason(where: str, ruling: Ruling, pid: int) -> str:
    source = text(evidence(ruling.source, pid), 160)
    asked = f"{terms.stance_mark(ruling)} " if ruling.basis is Basis.ASKED else ""
    return f"<li><b>{where}</b> {asked}{text(ruling.reason)} <code>{source}</code></li>"


def _asides(state: ThreatState, layers: tuple[Layer, ...]) -> str:
    """Layers that fail together, and the weakest route if there are several."""
    found: list[Message] = []
    numbers = {layer.id: layer.number for layer in layers}
    for one, two in state.linked:
        pair = msg(
            "Layers {one} and {two} fall together when one setting changes.",
            one=numbers.get(one, 0),
            two=numbers.get(two, 0),
        )
        found.append(pair)
    if len(state.routes) > 1:
        found.append(
            msg(
                "Of {count} routes this is the weakest: {name}.",
                count=len(state.routes),
                name=state.weakest.route.name,
            )
        )
    return "".join(f"<li>{text(message)}</li>" for message in found)


def stance_key() -> str:
    """The legend of the marks."""
    parts = [
        f'<span class="{_STANCE_CLASS[stance]}">{terms.STANCE_MARKS[stance]}</span> {text(terms.STANCES[stance])}'
        for stance in Stance
    ]
    parts += [
        f'<span class="{_STANCE_CLASS[stance]}">{terms.STANCE_MARKS_AS_ASKED[stance]}</span> '
        f"{text(terms.STANCES_AS_ASKED[stance])}"
        for stance in (Stance.STOPS, Stance.LETS_THROUGH)
    ]
    return element("p", " · ".join(parts), "key")


def fleet_table(named: Sequence[Named]) -> str:
    """Every threat against every container: depth as colour and number."""
    known = [(anchor, state, state.matrix) for anchor, state in named if state.matrix is not None]
    if not known:
        return ""
    first = known[0][2]
    tables = [{each.threat.id: each for each in matrix.threats} for _, _, matrix in known]
    rows: list[str] = []
    family = None
    for each in first.threats:
        if each.threat.family is not family:
            family = each.threat.family
            title = text(terms.FAMILIES[family])
            rows.append(f'<tr class="family"><th scope="colgroup" colspan="{len(known) + 1}">{title}</th></tr>')
        cells = "".join(_depth(table.get(each.threat.id)) for table in tables)
        rows.append(f'<tr><th scope="row">{_threat_link(each.threat)}</th>{cells}</tr>')
    return _crowd(msg("Threat"), [(anchor, state) for anchor, state, _ in known], rows, msg("Depth of each threat"))


def _threat_link(threat: Threat) -> str:
    severity = text(terms.SEVERITIES[threat.severity])
    return f'<a href="#t-{text(threat.id)}">{text(threat.title)}</a> <small>{severity}</small>'


def _depth(state: ThreatState | None) -> str:
    if state is None:
        return "<td></td>"
    word = "?" if state.outcome is Outcome.UNKNOWN else "G" if state.by_ground else str(state.depth[0])
    return f'<td class="{counted_as(state)}">{word}</td>'


def bits_table(named: Sequence[Named]) -> str:
    """Every bit against every container: whether it counts now, and where it differs from the engine's default."""
    found = [(anchor, state, grid) for anchor, state in named if (grid := first_view(state, BitGrid)) is not None]
    if not found:
        return ""
    longest = max((grid for _, _, grid in found), key=lambda grid: len(grid.rows))
    tables = [{row.number: row for row in grid.rows} for _, _, grid in found]
    rows = []
    for bit in longest.rows:
        cells = []
        for (_, _, grid), table in zip(found, tables, strict=True):
            row = table.get(bit.number)
            if row is None:
                cells.append("<td></td>")
                continue
            on = row.bits[grid.emphasis] if grid.emphasis < len(row.bits) else False
            tone = {Tone.BAD: " bad", Tone.WARN: " warn"}.get(row.tone, "") if row.word is not None else ""
            cells.append(f'<td class="{"on" if on else "off"}{tone}">{"■" if on else "·"}</td>')
        rows.append(f'<tr><th scope="row">{text(bit.name, 40)}</th>{"".join(cells)}</tr>')
    return _crowd(msg("Name"), [(anchor, state) for anchor, state, _ in found], rows, msg("Held now"))


def _crowd(corner: Message, named: Sequence[Named], rows: list[str], caption: Message) -> str:
    heads = "".join(
        f'<th scope="col"><a href="#{anchor}">{text(state.container.name, 40)}</a></th>' for anchor, state in named
    )
    top = f'<tr><th scope="col">{text(corner)}</th>{heads}</tr>'
    body = "\n".join(rows)
    table = f'<table class="crowd"><caption>{text(caption)}</caption><thead>{top}</thead><tbody>{body}</tbody></table>'
    return element("div", table, "wide", tabindex="0", role="region", aria_label=text(caption))


_CLASS = {CallVerdict.ALLOWED: "a", CallVerdict.DENIED: "d", CallVerdict.DEPENDS: "p", CallVerdict.UNKNOWN: "u"}


def calls_section(named: Sequence[Named]) -> str:
    """The section with all maps of system calls; empty if no container has one."""
    found: dict[CallMap, list[Named]] = {}
    for anchor, state in named:
        if (calls := first_view(state, CallMap)) is not None and calls.tables:
            found.setdefault(calls, []).append((anchor, state))
    if not found:
        return ""
    parts = [element("h2", text(msg("System calls"))), element("p", text(syscall_map.SHARED_KERNEL)), _key()]
    for calls, whose in found.items():
        parts.append(_map(calls, whose))
    return element("section", "".join(parts), id="calls")


def _key() -> str:
    words = [f'<li class="{_CLASS[verdict]}">{text(word)}</li>' for verdict, word in syscall_map.VERDICTS.items()]
    words.append(f'<li class="a x">{text(msg("differs from the default"))}</li>')
    words.append(f'<li class="a"><b>{text(msg("dangerous"))}</b></li>')
    return element("ul", "".join(words), "calls")


def _map(calls: CallMap, whose: list[Named]) -> str:
    names = ", ".join(f'<a href="#{anchor}">{text(state.container.name, 60)}</a>' for anchor, state in whose)
    parts = []
    for place, table in enumerate(calls.tables):
        default = syscall_map.table_of(calls.default, table.abi)
        found = syscall_map.surface(table, default)
        title = colon(table.abi, syscall_map.origin(table))
        parts.append(element("h4", text(title)) + element("p", text(syscall_map.surface_line(found))))
        if (line := syscall_map.dangerous_line(found, 40)) is not None:
            parts.append(element("p", text(line)))
        if place == 0:  # the native entry point; the others only in numbers
            parts.append(_cells(table, default))
    count = text(msg("{count} containers", count=len(whose))) if len(whose) > 6 else ""
    head = f"<summary>{text(calls.title)} {count}</summary><p>{names}</p>"
    return f'<details class="map" open>{head}{"".join(parts)}</details>'


def _cells(table: CallTable, default: CallTable | None) -> str:
    groups: dict[Message, list[str]] = {}
    conditions = []
    for pair in syscall_map.pairs(table, default):
        if pair.here is not None:
            groups.setdefault(group_of(pair.name), []).append(_cell(pair, pair.here, compared=default is not None))
            if pair.here.condition is not None:
                conditions.append(element("li", text(colon(pair.name, pair.here.condition))))
    parts = [
        element("dt", text(group)) + element("dd", element("ul", "".join(cells), "calls"))
        for group, cells in sorted(groups.items(), key=lambda item: GROUPS.index(item[0]))
    ]
    return element("ul", "".join(conditions)) * bool(conditions) + element("dl", "".join(parts), "groups")


def _cell(pair: syscall_map.Pair, call: CallState, *, compared: bool) -> str:
    kind = _CLASS[call.verdict]
    if compared and pair.differs:
        kind += " x"
    name = text(pair.name, 60)
    if not syscall_map.dangerous(pair.name):
        return f'<li class="{kind}">{name}</li>'
    title = "".join(f' title="{text(word)}"' for word in syscall_map.explain(pair.name)[:1])
    return f'<li class="{kind}"{title}><b>{name}</b></li>'
