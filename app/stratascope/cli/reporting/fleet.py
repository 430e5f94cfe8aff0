"""`report --from-capture` of several machines: read one after the other, and only what the report needs is kept."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from stratascope import __version__
from stratascope.cli.output import complain, style
from stratascope.cli.reading import of_engines
from stratascope.cli.reporting.printing import above, fails, format_of, gate_of, output_of, put_report, put_texts
from stratascope.core.container import matching
from stratascope.core.message import msg
from stratascope.core.ports import ProbeError
from stratascope.core.severity import Severity
from stratascope.core.snapshot import Snapshot
from stratascope.i18n.translate import translate
from stratascope.presentation.annotations import Annotations
from stratascope.presentation.fleet.model import Gathered
from stratascope.presentation.report_model import Report, counting
from stratascope.presentation.takeover import not_found, unread
from stratascope.state import capture_file
from stratascope.value import replace
from stratascope.wiring.engines import assembler, translations

DONE, EXCEEDED, FAILED = 0, 1, 2


def report(arguments: argparse.Namespace, captures: Sequence[Path], annotations: Annotations) -> int:
    """Report them as one. A capture that can't be read is named and left out, and makes the exit status 2."""
    if arguments.save_capture is not None:
        raise ProbeError(msg("Several captures can't be recorded as one machine: leave out --save-capture."))
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
            snapshot = _only(snapshot, wanted, seen)
        gathered.add(snapshot, name)
        states = replace(annotations, machine=name).risen(snapshot)
        over += ((f"{name}: {container}", exposure) for container, exposure in above(arguments, states))
        unknown = unknown or bool(unread(snapshot))
    whole = gathered.report(__version__)
    if not _put(arguments, whole):
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
    """Each by its file; those of one name with their folder before it, and a number where that is not enough."""
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
    capture = of_engines(capture_file.load(path), arguments.engine)
    return assembler(shared, verified_only=arguments.verified_only).snapshot(capture, demo=True)


def _only(snapshot: Snapshot, wanted: set[str], seen: set[str]) -> Snapshot:
    every = tuple(state.container for state in snapshot.containers)
    found = {name: {each.key for each in matching(name, every)} for name in wanted}
    seen |= {name for name, keys in found.items() if keys}
    keys = set().union(*found.values())
    return replace(snapshot, containers=tuple(each for each in snapshot.containers if each.key in keys))


def _put(arguments: argparse.Namespace, whole: Report) -> bool:
    name, output = format_of(arguments), output_of(arguments)
    if name == "json":
        from stratascope.presentation.fleet import model

        return put_texts(model.pieces(whole), output)
    if name == "html":
        from stratascope.presentation.fleet import page

        return put_texts((page.render(whole),), output)
    return put_texts(_text(arguments, whole), output) if name == "text" else put_report(name, whole, output)


def _text(arguments: argparse.Namespace, whole: Report) -> Iterator[str]:
    from stratascope.presentation.fleet import text
    from stratascope.presentation.terminal import Style

    yield text.render(whole, style() if output_of(arguments) is None else Style())
