"""The files beside a report: findings that are accepted, and a report from before."""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path

from stratascope import atomic_file
from stratascope.core.accepted.accepted import Acceptance, AcceptedError
from stratascope.core.message import msg
from stratascope.core.ports import ProbeError
from stratascope.presentation.beside import baseline
from stratascope.presentation.beside.baseline import Baseline, BaselineError
from stratascope.presentation.beside.beside import Beside

_MOST = 256 << 20  # bytes of a report


def read_beside(arguments: argparse.Namespace) -> Beside:
    """Raises ProbeError that says what is wrong with one of them."""
    try:
        return Beside(_acceptance(arguments.exceptions), _baseline(arguments.baseline))
    except (AcceptedError, BaselineError) as error:
        raise ProbeError(error.message) from error


def _acceptance(path: Path | None) -> Acceptance | None:
    if path is None:
        return None
    from stratascope.state import accepted

    return Acceptance(accepted.load(path), date.today())


def _baseline(path: Path | None) -> Baseline | None:
    if path is None:
        return None
    try:
        data = atomic_file.read(path, _MOST, piped=True)
    except OSError as error:
        raise BaselineError(msg("{file}: {why}", file=str(path), why=error.strerror or str(error))) from error
    if data is None:
        raise BaselineError(msg("{file} is longer than {most} bytes.", file=str(path), most=_MOST))
    return baseline.read(data, str(path))
