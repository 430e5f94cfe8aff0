"""A snapshot in the format that was asked for, printed or written into a file; and a report or check as a gate:
what --fail-above and --fail-on come to, and which containers they fail because of.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stratascope import __version__, atomic_file
from stratascope.cli.output import complain, style, write_all
from stratascope.core.message import msg
from stratascope.core.snapshot import Snapshot
from stratascope.i18n.translate import translate
from stratascope.layers import all_layers
from stratascope.presentation import json_report
from stratascope.presentation.annotations import Annotations

if TYPE_CHECKING:
    from stratascope.presentation.report_model import Report


from collections.abc import Sequence

from stratascope.core.message import plural
from stratascope.core.sanitize import plain
from stratascope.core.severity import Severity
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import listed
from stratascope.presentation.threat_outcomes import exceeds


def format_of(arguments: argparse.Namespace) -> str:
    """The name of the format; --json and --html are older names of two."""
    if arguments.json:
        return "json"
    return "html" if getattr(arguments, "html", None) is not None else arguments.format or "text"


def output_of(arguments: argparse.Namespace) -> Path | None:
    """The output file; None: it is printed."""
    file: Path | None = getattr(arguments, "html", None) or arguments.output
    return None if file == Path("-") else file


def put(
    arguments: argparse.Namespace,
    snapshot: Snapshot,
    annotations: Annotations,
    *,
    details: bool = False,
    more: dict[str, Any] | None = None,
) -> bool:
    """Print or write a snapshot; False, with the reason printed, where a file can't be written. `more`: of JSON."""
    output, name = output_of(arguments), format_of(arguments)
    snapshot = annotations.narrowed(snapshot, every_threat=name in ("text", "html"))
    if name == "json":
        return put_texts(chain(json_report.pieces(snapshot, annotations, more), ("\n",)), output)
    if name in ("text", "html"):
        return put_texts(
            _read_by_people(name, snapshot, annotations, to_file=output is not None, details=details), output
        )
    from stratascope.presentation.report_model import report_of

    return put_report(name, report_of(snapshot, __version__, annotations), output)


def put_report(name: str, report: Report, output: Path | None) -> bool:
    """Print or write a report for another tool; False, with the reason printed, also for a database without a file."""
    if name != "sqlite":
        return put_texts((written(name, report),), output)
    from stratascope.presentation.formats import sqlite

    if output is None:
        complain(translate(msg("A database is not text that can be printed: name a file with --output.")))
        return False
    return _saved(sqlite.render(report), output)


def put_texts(texts: Iterable[str], output: Path | None) -> bool:
    """Print or write texts; False, with the reason printed, where a file can't be written."""
    if output is None:
        write_all(texts)
        return True
    return _saved("".join(texts).encode("utf-8", "backslashreplace"), output)


def _saved(data: bytes, output: Path) -> bool:
    try:
        atomic_file.save(output, data)
    except OSError as error:
        folder = output.absolute().parent
        if folder.is_dir():
            why = msg("{file} can't be written: {why}.", file=str(output), why=error.strerror or str(error))
        else:
            why = msg("{file} can't be written: there is no folder {folder}.", file=str(output), folder=str(folder))
        complain(translate(why))
        return False
    return True


def written(name: str, report: Report) -> str:
    """For another tool. Each format is loaded where it is asked for."""
    if name == "sarif":
        from stratascope.presentation.formats import sarif

        return sarif.render(report)
    if name == "junit":
        from stratascope.presentation.formats import junit

        return junit.render(report)
    if name == "prometheus":
        from stratascope.presentation.formats import prometheus

        return prometheus.render(report)
    if name == "ndjson":
        from stratascope.presentation.formats import ndjson

        return ndjson.render(report)
    from stratascope.presentation.formats import gitlab

    return gitlab.sast(report) if name == "gitlab-sast" else gitlab.quality(report)


def _read_by_people(
    name: str, snapshot: Snapshot, annotations: Annotations, *, to_file: bool, details: bool
) -> Iterator[str]:
    lines, shown = _accepted(snapshot, annotations)
    if name == "html":
        from stratascope.presentation.html import page

        yield page.render(shown, all_layers(), lines)
        return
    from stratascope.presentation import text_report
    from stratascope.presentation.terminal import wrap

    how = text_report.Style(details=details) if to_file else style(details=details)
    if annotations.baseline is not None and not shown.containers:
        yield translate(msg("Nothing is new or worse.")) + "\n"
    else:
        yield text_report.render(shown, all_layers(), how)
    if lines:
        yield "\n" + "\n".join(each for line in lines for each in wrap(line, "", how)) + "\n"


def _accepted(snapshot: Snapshot, annotations: Annotations) -> tuple[tuple[str, ...], Snapshot]:
    if annotations.acceptance is None:
        return (), snapshot
    from stratascope.presentation.annotations import accepted_lines, without_accepted

    lines = tuple(translate(line) for line in accepted_lines(snapshot, annotations.acceptance))
    return lines, without_accepted(snapshot, annotations.acceptance)


_SHOWN, _NAME = 10, 80


def gate_of(arguments: argparse.Namespace) -> str:
    """The options that make it a gate, as they were given; empty: none."""
    given = {"--fail-above": arguments.fail_above, "--fail-on": arguments.fail_on}
    return ", ".join(option for option, value in given.items() if value is not None)


def exceeded(arguments: argparse.Namespace, snapshot: Snapshot, annotations: Annotations) -> bool:
    """Whether --fail-above or --fail-on is exceeded, printing why. With an earlier report, what is no worse passes."""
    states = annotations.risen(snapshot)
    serious: tuple[tuple[str, int], ...] = ()
    if arguments.fail_on is not None:
        from stratascope.presentation.report_model import counting, subjects_of

        serious = counting(subjects_of(annotations.narrowed(snapshot), annotations), Severity(arguments.fail_on))
    return fails(arguments, above(arguments, states), serious)


def above(arguments: argparse.Namespace, states: tuple[ContainerState, ...]) -> list[tuple[str, float]]:
    """Names and exposures of those that exceed --fail-above, the worst first."""
    over = () if arguments.fail_above is None else exceeds(states, arguments.fail_above)
    found = [(each.container.name, each.matrix.exposure.worst) for each in over if each.matrix is not None]
    return sorted(found, key=lambda each: (-each[1], each[0]))


def fails(arguments: argparse.Namespace, over: Sequence[tuple[str, float]], serious: Sequence[tuple[str, int]]) -> bool:
    """Whether there are any, printing which. `serious`: names, with the number of findings and open threats."""
    if over:
        _say(f"--fail-above {arguments.fail_above:g}", (f"{plain(name, _NAME)} ({value:.1f})" for name, value in over))
    if serious:
        counted = (
            translate(plural("{name} ({count} finding)", "{name} ({count} findings)", count, name=plain(name, _NAME)))
            for name, count in serious
        )
        _say(f"--fail-on {arguments.fail_on}", counted)
    return bool(over or serious)


def _say(option: str, names: Iterable[str]) -> None:
    every = list(names)
    shown, more = listed(every[:_SHOWN]), len(every) - _SHOWN
    text = msg("{option} fails because of {names}.", option=option, names=shown)
    if more > 0:
        text = msg("{option} fails because of {names} and {count} more.", option=option, names=shown, count=more)
    complain(translate(text))
