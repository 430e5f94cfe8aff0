"""OpenAI Codex: the profile that it hands on as JSON, in the command line of what it starts."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from stratascope.core.container import Asked, ProfileKind
from stratascope.value import replace

_PROFILES = ("--permission-profile", "--sandbox-policy")


def profile(argv: Sequence[str]) -> str:
    """The profile's JSON; empty: there is none in it."""
    for option, value in pairwise(argv):
        if option in _PROFILES and value.startswith("{"):
            return value
    return ""


def with_filter(asked: Asked, argv: Sequence[str]) -> Asked:
    """The same with the filter that its own stage applies inside."""
    applies = any(word.startswith("--apply-seccomp") for word in argv)
    return replace(asked, seccomp=ProfileKind.CUSTOM) if applies else asked
