"""Why something is not known, and what to do about it, in words for the window."""

from __future__ import annotations

from stratascope.core.capture import Gap
from stratascope.core.container import Container, Status, other_kernel
from stratascope.core.gap_words import gap_words
from stratascope.core.layer import Verdict
from stratascope.core.message import msg
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import translate
from stratascope.presentation.takeover import runs as runs  # the window asks it here
from stratascope.presentation.terms import STATUSES


def reason(gap: Gap) -> str:
    """Why, in one sentence."""
    return translate(gap_words(gap).sentence)


def advice(gap: Gap) -> str:
    """What a person can do; empty where there is nothing to do."""
    found = gap_words(gap).advice
    return translate(found) if found else ""


def status_word(container: Container) -> str:
    """The container's state in a word."""
    return translate(STATUSES[container.status])


def ended_word(container: Container) -> str:
    """The same with the exit code of one that has ended."""
    word = status_word(container)
    if container.status not in (Status.EXITED, Status.DEAD) or container.exit_code is None:
        return word
    return translate(msg("{status} ({code})", status=word, code=str(container.exit_code)))


def summary(state: ContainerState) -> str:
    """The one sentence below a container's name: its worst finding, or why there is none."""
    container = state.container
    if container.error:
        return translate(msg("The engine's answer about it could not be understood: {words}", words=container.error))
    if not runs(state):
        return translate(msg("None of its processes runs. Shown is what the engine was asked for."))
    if state.gap is not None and other_kernel(container):
        return translate(msg("It has its own kernel, which can't be read from outside."))
    if state.gap is not None:
        text = msg(
            "Nothing about it could be read. {reason} {advice}", reason=reason(state.gap), advice=advice(state.gap)
        )
        return translate(text).strip()
    if state.findings:
        return translate(state.findings[0].text)
    if any(layer.assessment.verdict is Verdict.UNKNOWN for layer in state.layers):
        return translate(msg("No weakness was found, but not every layer could be read."))
    return translate(msg("No weakness was found."))
