"""A report or a check as a gate: what --fail-above and --fail-on come to, and which containers they fail because of."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence

from stratascope.cli.output import complain
from stratascope.core.message import msg, plural
from stratascope.core.sanitize import plain
from stratascope.core.severity import Severity
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.i18n.translate import listed, translate
from stratascope.presentation.annotations import Annotations
from stratascope.presentation.threat_outcomes import exceeds

_SHOWN, _NAME = 10, 80


def gate_of(arguments: argparse.Namespace) -> str:
    """The options that make it a gate, as they were given; empty: none."""
    given = {"--fail-above": arguments.fail_above, "--fail-on": arguments.fail_on}
    return ", ".join(option for option, value in given.items() if value is not None)


def exceeded(arguments: argparse.Namespace, snapshot: Snapshot, annotations: Annotations) -> bool:
    """Whether --fail-above or --fail-on is exceeded; says why. A report before lets pass what is no worse."""
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
    """Whether there are any; says which. `serious`: names, and how many findings and open threats each has."""
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
