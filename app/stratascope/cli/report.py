"""`stratascope report`: reports containers of this machine, of a capture, or of several captures as one fleet, in the
requested format, to standard output or a file; and the gates --fail-above and --fail-on, also for `check`. Also the
report that is printed if no window can be shown.

Exit codes: 0 done, 1 an exposure above --fail-above or a finding that --fail-on names, 2 a usage or engine error.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stratascope import __version__, atomic_file
from stratascope.cli.output import complain, style, write, write_all
from stratascope.cli.reading import named_captures, of_engines, put_right, read_annotations, read_capture
from stratascope.core.container import EngineState, matching
from stratascope.core.message import Message, msg, plural
from stratascope.core.ports import ProbeError
from stratascope.core.sanitize import plain
from stratascope.core.severity import Severity
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.i18n.translate import listed, translate
from stratascope.layers import all_layers
from stratascope.presentation import json_report, report_formats
from stratascope.presentation.annotations import Annotations
from stratascope.presentation.takeover import not_found, unchecked_engines, unread
from stratascope.presentation.terminal import Style
from stratascope.presentation.threat_outcomes import exceeds
from stratascope.value import replace
from stratascope.wiring.engines import assembler, demo_snapshot, describe, open_engines, take_capture, translations

if TYPE_CHECKING:
    from stratascope.presentation.report_model import Report

DONE, EXCEEDED, FAILED = 0, 1, 2


def run(arguments: argparse.Namespace) -> int:
    """Run `report` or `engines`; returns the exit code."""
    return _engines(arguments) if arguments.command == "engines" else _report(arguments)


def _engines(arguments: argparse.Namespace) -> int:
    """`stratascope engines`."""
    with open_engines() as opened:
        put_right(opened)
        found = describe(opened)
    if arguments.json:
        write(json.dumps([json_report.engine_object(engine) for engine in found], indent=2) + "\n")
    else:
        from stratascope.presentation import text_report

        write("\n".join(text_report.engine_lines(found, style())) + "\n")
    return DONE


def _report(arguments: argparse.Namespace) -> int:
    """`stratascope report`."""
    shared = translations()
    if arguments.privileged and arguments.from_capture is not None:
        complain(translate(msg("A capture already holds everything that was read: leave out --privileged.")))
        return FAILED
    if arguments.html is not None and arguments.output is not None:
        complain(translate(msg("Give either --output or --html: each names the file.")))
        return FAILED
    captures = named_captures(arguments)
    annotations = read_annotations(arguments)
    if len(captures) > 1:
        return _fleet(arguments, captures, annotations)
    capture = read_capture(arguments, shared, sandboxes=bool(arguments.containers) and not arguments.engine)
    if arguments.save_capture is not None:
        from stratascope.state import capture_file

        try:
            capture_file.save(capture, arguments.save_capture)
        except OSError as error:
            complain(f"{arguments.save_capture}: {error.strerror}")
            return FAILED
    snapshot = assembler(shared, verified_only=arguments.verified_only).snapshot(
        capture, demo=arguments.from_capture is not None
    )
    known = tuple(state.container.name for state in snapshot.containers)
    missing: list[str] = []
    if arguments.containers:
        snapshot, found = _only(snapshot, arguments.containers)
        missing = [name for name in arguments.containers if name not in found]
        if arguments.from_capture is None:
            from stratascope.wiring.reach import with_drift  # few ask for a sandbox

            snapshot = with_drift(snapshot)
    if missing and not snapshot.containers:
        pass  # print no empty report, which would look like an answer
    elif not put(arguments, snapshot, annotations, details=arguments.all, named=bool(arguments.containers)):
        return FAILED
    for name in missing:
        complain(translate(not_found(name, capture.engines, known)))
    unusable = not any(each.state is EngineState.CONNECTED for each in snapshot.engines)
    gated = gate_of(arguments)
    if unusable and gated:  # a gate must not pass because nothing was read
        complain(translate(msg("No engine can be used, so nothing was checked against {option}.", option=gated)))
        return FAILED
    if missing or (arguments.engine and unusable):
        return FAILED
    if not gated:
        return DONE
    silent = () if arguments.containers else unchecked_engines(capture.engines, named=bool(arguments.engine))
    return gate(arguments, snapshot, annotations, silent)


def gate(arguments: argparse.Namespace, snapshot: Snapshot, annotations: Annotations, silent: tuple[str, ...]) -> int:
    """The exit code by --fail-above and --fail-on. `silent`: engines that could not be read."""
    if exceeded(arguments, snapshot, annotations):
        return EXCEEDED
    names = (*silent, *unread(snapshot))
    if not names:
        return DONE
    known = listed(plain(name, 80) for name in names)
    complain(
        translate(
            msg(
                "Nothing is known about {names}, so {option} can't be checked. Name the containers to "
                "look at, or choose engines with --engine.",
                names=known,
                option=gate_of(arguments),
            )
        )
    )
    return FAILED


def _only(snapshot: Snapshot, names: Iterable[str]) -> tuple[Snapshot, set[str]]:
    """The containers with these names or ids, and those of the names that matched."""
    every = tuple(state.container for state in snapshot.containers)
    found = {name: {container.key for container in matching(name, every)} for name in names}
    keys = set().union(*found.values())
    kept = tuple(state for state in snapshot.containers if state.key in keys)
    return replace(snapshot, containers=kept), {name for name, fits in found.items() if fits}


def _fleet(arguments: argparse.Namespace, captures: Sequence[Path], annotations: Annotations) -> int:
    """Report captures as one fleet. An unreadable capture is named and left out, and makes the exit status 2."""
    if arguments.save_capture is not None:
        raise ProbeError(msg("Several captures can't be recorded as one machine: leave out --save-capture."))

    from stratascope.presentation.fleet_report import Gathered
    from stratascope.presentation.report_model import counting

    gathered, failed, unknown = Gathered(annotations), False, False
    over: list[tuple[str, float]] = []
    wanted, seen = set(arguments.containers), set[str]()
    for path, name in zip(captures, machine_names(captures), strict=True):
        try:
            snapshot = _snapshot(path, arguments)
        except (ProbeError, OSError) as error:
            failed = True
            complain(translate(error.message) if isinstance(error, ProbeError) else f"{path}: {error.strerror}")
            continue
        if wanted:
            snapshot, found = _only(snapshot, wanted)
            seen |= found
        gathered.add(snapshot, name)
        states = replace(annotations, machine=name).risen(snapshot)
        over += ((f"{name}: {container}", exposure) for container, exposure in above(arguments, states))
        unknown = unknown or bool(unread(snapshot))
    whole = gathered.report(__version__)
    if not _put_fleet(arguments, whole):
        return FAILED
    for name in sorted(wanted - seen):
        failed = True
        complain(translate(not_found(name, ())))
    serious = () if arguments.fail_on is None else counting(whole.subjects, Severity(arguments.fail_on))
    if fails(arguments, sorted(over, key=lambda each: -each[1]), serious):
        return EXCEEDED
    option = gate_of(arguments)
    if option and unknown:
        complain(translate(msg("Nothing is known about some running containers, so {option} can't be checked.",
                               option=option)))  # fmt: skip
        failed = True
    return FAILED if failed else DONE


def machine_names(captures: Sequence[Path]) -> list[str]:
    """Names by file; files with equal names are prefixed with their folder, and numbered if that is not enough."""
    stems = [path.stem for path in captures]
    twice = {stem for stem in stems if stems.count(stem) > 1} if len(set(stems)) < len(stems) else set()
    found: dict[str, None] = {}
    for path in captures:
        name = f"{path.absolute().parent.name}/{path.stem}" if path.stem in twice else path.stem
        number, unique = 1, name
        while unique in found:
            number += 1
            unique = f"{name}-{number}"
        found[unique] = None
    return list(found)


def _snapshot(path: Path, arguments: argparse.Namespace) -> Snapshot:
    shared = translations()
    from stratascope.state import capture_file

    capture = of_engines(capture_file.load(path), arguments.engine)
    return assembler(shared, verified_only=arguments.verified_only).snapshot(capture, demo=True)


def _put_fleet(arguments: argparse.Namespace, whole: Report) -> bool:
    name, output = format_of(arguments), output_of(arguments)
    if name == "json":
        from stratascope.presentation import fleet_report

        return put_texts(fleet_report.pieces(whole), output)
    if name == "html":
        from stratascope.presentation.html import fleet

        return put_texts((fleet.render(whole),), output)
    if name != "text":
        return put_report(name, whole, output)
    from stratascope.presentation import fleet_report

    return put_texts((fleet_report.text_report(whole, style() if output is None else Style()),), output)


def format_of(arguments: argparse.Namespace) -> str:
    """The name of the format; --json and --html are older options for two of them."""
    if arguments.json:
        return "json"
    return "html" if getattr(arguments, "html", None) is not None else arguments.format or "text"


def output_of(arguments: argparse.Namespace) -> Path | None:
    """The output file; None: standard output."""
    file: Path | None = getattr(arguments, "html", None) or arguments.output
    return None if file == Path("-") else file


def put(
    arguments: argparse.Namespace,
    snapshot: Snapshot,
    annotations: Annotations,
    *,
    details: bool = False,
    named: bool = False,
    more: dict[str, Any] | None = None,
) -> bool:
    """Print or write a snapshot; False, with the reason printed, if the file can't be written. `named`: these
    containers were asked for by name; `more`: further fields of the JSON.
    """
    output, name = output_of(arguments), format_of(arguments)
    if name == "sqlite":
        from stratascope.presentation.report_model import report_of

        return put_report(name, report_of(annotations.narrowed(snapshot), __version__, annotations), output)
    how = style(details=details) if output is None else Style(details=details)
    return put_texts(report_formats.texts(name, snapshot, annotations, how, named=named, more=more), output)


def put_report(name: str, report: Report, output: Path | None) -> bool:
    """Print or write a report for another tool; False, with the reason printed, also for a database without a file."""
    from stratascope.presentation import tool_formats

    if name != "sqlite":
        return put_texts((tool_formats.TEXTS[name](report),), output)
    if output is None:
        complain(translate(msg("A database is not text that can be printed: name a file with --output.")))
        return False
    return _saved(tool_formats.sqlite(report), output)


def put_texts(texts: Iterable[str], output: Path | None) -> bool:
    """Print or write texts; False, with the reason printed, if the file can't be written."""
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
            why = msg("{file} can't be written: there is no directory {folder}.", file=str(output), folder=str(folder))
        complain(translate(why))
        return False
    return True


_SHOWN, _NAME = 10, 80


def gate_of(arguments: argparse.Namespace) -> str:
    """The given options that make the command a gate, joined; empty: none."""
    given = {"--fail-above": arguments.fail_above, "--fail-on": arguments.fail_on}
    return ", ".join(option for option, value in given.items() if value is not None)


def exceeded(arguments: argparse.Namespace, snapshot: Snapshot, annotations: Annotations) -> bool:
    """Whether --fail-above or --fail-on is exceeded, printing why. With an earlier report, only worse ones count."""
    states = annotations.risen(snapshot)
    serious: tuple[tuple[str, int], ...] = ()
    if arguments.fail_on is not None:
        from stratascope.presentation.report_model import counting, subjects_of

        serious = counting(subjects_of(annotations.narrowed(snapshot), annotations), Severity(arguments.fail_on))
    return fails(arguments, above(arguments, states), serious)


def above(arguments: argparse.Namespace, states: tuple[ContainerState, ...]) -> list[tuple[str, float]]:
    """Names and exposures of containers above --fail-above, worst first."""
    over = () if arguments.fail_above is None else exceeds(states, arguments.fail_above)
    found = [(each.container.name, each.matrix.exposure.worst) for each in over if each.matrix is not None]
    return sorted(found, key=lambda each: (-each[1], each[0]))


def fails(arguments: argparse.Namespace, over: Sequence[tuple[str, float]], serious: Sequence[tuple[str, int]]) -> bool:
    """Whether any container fails the gate, printing which. `serious`: names and numbers of findings and threats."""
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


def instead_of_window(why: Message, captured: Sequence[Path] = ()) -> int:
    """Print the report of these captures, else of the engines found, else of the demo capture."""
    from stratascope.presentation import text_report

    complain(translate(msg("{why} Here is the report as text.", why=why)))
    if captured:
        return _of_captures(captured)
    shared = translations()
    with open_engines() as found:
        put_right(found)
        capture = take_capture(found, shared)
    if any(engine.state is EngineState.CONNECTED for engine in capture.engines):
        write(text_report.render(assembler(shared).snapshot(capture), all_layers(), style()))
        return DONE
    for engine in capture.engines:
        if engine.message is not None:
            complain(f"{engine.id}: {translate(engine.message)}")
    complain(translate(msg("No container engine can be used, so this is the demo capture.")))
    write(text_report.render(demo_snapshot(), all_layers(), style()))
    return DONE


def _of_captures(paths: Sequence[Path]) -> int:
    from stratascope.presentation import text_report
    from stratascope.wiring import views

    status = DONE
    for path in paths:
        try:
            write(text_report.render(views.read(path), all_layers(), style()))
        except (ProbeError, OSError) as error:
            complain(translate(error.message) if isinstance(error, ProbeError) else f"{path}: {error.strerror}")
            status = FAILED
    return status
