"""Refusals that healthy programs meet and go on from: they ask whether something is there, and have another way."""

from __future__ import annotations

from stratascope.core.denials.attempt import Attempt


def is_benign(attempt: Attempt) -> bool:
    """Whether programs are refused just this in good health."""
    return False
