"""The map of system calls in the page: each distinct one once, with the containers that have it."""

from __future__ import annotations

from collections.abc import Sequence

from stratascope.core.layer import CallMap
from stratascope.core.message import Message, msg
from stratascope.core.snapshot import first_view
from stratascope.core.syscall_table import CallState, CallTable, CallVerdict
from stratascope.layers.seccomp.call_groups import GROUPS, group_of
from stratascope.presentation.html.escape import element, text
from stratascope.presentation.html.tables import Named
from stratascope.presentation.syscall_map import (
    SHARED_KERNEL,
    VERDICTS,
    Pair,
    dangerous,
    dangerous_line,
    explain,
    origin,
    pairs,
    surface,
    surface_line,
    table_of,
)

_CLASS = {CallVerdict.ALLOWED: "a", CallVerdict.DENIED: "d", CallVerdict.DEPENDS: "p", CallVerdict.UNKNOWN: "u"}


def calls_section(named: Sequence[Named]) -> str:
    """All maps; empty where no container has one."""
    found: dict[CallMap, list[Named]] = {}
    for anchor, state in named:
        if (calls := first_view(state, CallMap)) is not None and calls.tables:
            found.setdefault(calls, []).append((anchor, state))
    if not found:
        return ""
    parts = [element("h2", text(msg("System calls"))), element("p", text(SHARED_KERNEL)), _key()]
    for calls, whose in found.items():
        parts.append(_map(calls, whose))
    return element("section", "".join(parts), id="calls")


def _key() -> str:
    words = [f'<li class="{_CLASS[verdict]}">{text(word)}</li>' for verdict, word in VERDICTS.items()]
    words.append(f'<li class="a x">{text(msg("differs from the default"))}</li>')
    words.append(f'<li class="a"><b>{text(msg("dangerous"))}</b></li>')
    return element("ul", "".join(words), "calls")


def _map(calls: CallMap, whose: list[Named]) -> str:
    names = ", ".join(f'<a href="#{anchor}">{text(state.container.name, 60)}</a>' for anchor, state in whose)
    parts = []
    for place, table in enumerate(calls.tables):
        default = table_of(calls.default, table.abi)
        found = surface(table, default)
        title = msg("{abi}: {title}", abi=table.abi, title=origin(table))
        parts.append(element("h4", text(title)) + element("p", text(surface_line(found))))
        if (line := dangerous_line(found, 40)) is not None:
            parts.append(element("p", text(line)))
        if place == 0:  # the machine's own entry point; the others in numbers
            parts.append(_cells(table, default))
    count = text(msg("{count} containers", count=len(whose))) if len(whose) > 6 else ""
    head = f"<summary>{text(calls.title)} {count}</summary><p>{names}</p>"
    return f'<details class="map" open>{head}{"".join(parts)}</details>'


def _cells(table: CallTable, default: CallTable | None) -> str:
    groups: dict[Message, list[str]] = {}
    conditions = []
    for pair in pairs(table, default):
        if pair.here is not None:
            groups.setdefault(group_of(pair.name), []).append(_cell(pair, pair.here, compared=default is not None))
            if pair.here.condition is not None:
                conditions.append(
                    element("li", text(msg("{name}: {condition}", name=pair.name, condition=pair.here.condition)))
                )
    parts = [
        element("dt", text(group)) + element("dd", element("ul", "".join(cells), "calls"))
        for group, cells in sorted(groups.items(), key=lambda item: GROUPS.index(item[0]))
    ]
    return element("ul", "".join(conditions)) * bool(conditions) + element("dl", "".join(parts), "groups")


def _cell(pair: Pair, call: CallState, *, compared: bool) -> str:
    kind = _CLASS[call.verdict]
    if compared and pair.differs:
        kind += " x"
    name = text(pair.name, 60)
    if not dangerous(pair.name):
        return f'<li class="{kind}">{name}</li>'
    title = "".join(f' title="{text(word)}"' for word in explain(pair.name)[:1])
    return f'<li class="{kind}"{title}><b>{name}</b></li>'
