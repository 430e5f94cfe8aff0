"""Input of commands that change nothing: this machine's engines, or a capture, and the files given with it."""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path

from stratascope import atomic_file
from stratascope.cli.output import on_terminal
from stratascope.core.accepted import Acceptance
from stratascope.core.message import colon, msg
from stratascope.core.ports import ProbeError
from stratascope.core.snapshot import MachineCapture
from stratascope.core.text import natural
from stratascope.presentation.annotations import Annotations, Baseline, BaselineError, read_baseline
from stratascope.state.pending import any_written
from stratascope.usecases.live.reader import Translations
from stratascope.value import replace
from stratascope.wiring.engines import Engines, open_engines, take_capture

_REPORT_MOST = 256 << 20  # bytes of a report


def read_capture(arguments: argparse.Namespace, shared: Translations, *, sandboxes: bool = False) -> MachineCapture:
    """Read everything once, or load the capture of `--from-capture`. `sandboxes`: also those of other makers. Raises
    ProbeError, OSError.
    """
    if getattr(arguments, "from_capture", None) is not None:
        from stratascope.state import capture_file  # importing its decoder takes a while

        captures = named_captures(arguments)
        return of_engines(capture_file.load(captures[0]), arguments.engine)
    with open_engines(tuple(arguments.engine), sandboxes=sandboxes) as found:
        put_right(found)
        return take_capture(found, shared, privileged=arguments.privileged, terminal=on_terminal())


def named_captures(arguments: argparse.Namespace) -> tuple[Path, ...]:
    """The captures of --from-capture: files, and all in a folder by name. Raises ProbeError if a folder has none.

    The option takes all words that follow, so a word that is no file is taken as a container's name.
    """
    given = arguments.from_capture
    if given is None or isinstance(given, Path):
        return () if given is None else (given,)
    files = [each for each in given[1:] if each.exists() or "/" in str(each) or each.suffix == ".json"]
    arguments.containers += [str(each) for each in given[1:] if each not in files]
    found: list[Path] = []
    for path in (given[0], *files):
        inside = sorted(path.glob("*.json"), key=lambda each: natural(each.name)) if path.is_dir() else [path]
        if not inside:
            raise ProbeError(msg("{folder}: there is no capture in this directory (no file that ends in .json).",
                                 folder=str(path)))  # fmt: skip
        found += inside
    arguments.from_capture = found
    return tuple(found)


def of_engines(capture: MachineCapture, wanted: list[str]) -> MachineCapture:
    """Only these engines of a saved capture. Raises ProbeError if one is not in it."""
    if not wanted:
        return capture
    kept = tuple(engine for engine in capture.engines if engine.id in wanted or engine.endpoint in wanted)
    for name in wanted:
        if not any(name in (engine.id, engine.endpoint) for engine in kept):
            known = ", ".join(engine.id for engine in capture.engines)
            raise ProbeError(
                msg("There is no engine {name} in this capture; it has: {known}", name=name, known=known), name
            )
    ids = {engine.id for engine in kept}
    return replace(
        capture, engines=kept, containers=tuple(item for item in capture.containers if item.raw.engine in ids)
    )


def put_right(opened: Engines) -> None:
    """Recover what a crash left unfinished, as at every start; nothing is imported if there is nothing."""
    if any_written():
        from stratascope.cli.harden import undo

        undo.before_looking(opened)


def read_annotations(arguments: argparse.Namespace) -> Annotations:
    """Read the exceptions and the earlier report. Raises AcceptedError, BaselineError."""
    return Annotations(_acceptance(arguments.exceptions), _baseline(arguments.baseline))


def _acceptance(path: Path | None) -> Acceptance | None:
    if path is None:
        return None
    from stratascope.state import accepted

    return Acceptance(accepted.load(path), date.today())


def _baseline(path: Path | None) -> Baseline | None:
    if path is None:
        return None
    try:
        data = atomic_file.read(path, _REPORT_MOST, piped=True)
    except OSError as error:
        raise BaselineError(colon(str(path), error.strerror or str(error))) from error
    if data is None:
        raise BaselineError(msg("{file} is longer than {most} bytes.", file=str(path), most=_REPORT_MOST))
    return read_baseline(data, str(path))
