"""A snapshot in each format of `report` that is text: for people (text, html), as JSON, and for other tools."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stratascope import __version__
from stratascope.core.message import msg
from stratascope.core.snapshot import Snapshot
from stratascope.i18n.translate import translate
from stratascope.layers import all_layers
from stratascope.presentation.annotations import Annotations
from stratascope.presentation.terminal import Style, wrap


def texts(
    name: str,
    snapshot: Snapshot,
    annotations: Annotations,
    how: Style,
    *,
    named: bool = False,
    more: dict[str, Any] | None = None,
) -> Iterator[str]:
    """Pieces of a text. `name`: as `--format` has it; `how`: of plain text; `named`: these containers were asked for by
    name; `more`: further fields of the JSON.
    """
    snapshot = annotations.narrowed(snapshot, every_threat=name in ("text", "html"))
    if name == "json":
        from stratascope.presentation import json_report

        yield from json_report.pieces(snapshot, annotations, more)
        yield "\n"
    elif name in ("text", "html"):
        yield from _read_by_people(name, snapshot, annotations, how, named=named)
    else:
        from stratascope.presentation.report_model import report_of
        from stratascope.presentation.tool_formats import TEXTS

        yield TEXTS[name](report_of(snapshot, __version__, annotations))


def _read_by_people(
    name: str, snapshot: Snapshot, annotations: Annotations, how: Style, *, named: bool
) -> Iterator[str]:
    lines, shown = _accepted(snapshot, annotations)
    if name == "html":
        from stratascope.presentation.html import page

        yield page.render(shown, all_layers(), lines)
        return
    from stratascope.presentation import text_report

    if annotations.baseline is not None and not shown.containers:
        yield translate(msg("Nothing is new or worse.")) + "\n"
    else:
        yield text_report.render(shown, all_layers(), how, named=named)
    if lines:
        yield "\n" + "\n".join(each for line in lines for each in wrap(line, "", how)) + "\n"


def _accepted(snapshot: Snapshot, annotations: Annotations) -> tuple[tuple[str, ...], Snapshot]:
    if annotations.acceptance is None:
        return (), snapshot
    from stratascope.presentation.annotations import accepted_lines, without_accepted

    lines = tuple(translate(line) for line in accepted_lines(snapshot, annotations.acceptance))
    return lines, without_accepted(snapshot, annotations.acceptance)
