"""What a process that reads a hostile text may use."""

from __future__ import annotations

import resource

SECONDS, BYTES = 30, 1 << 30  # of the processor, and of addresses: what goes on for ever, or multiplies, needs more


def limit() -> None:
    """To be run in the child."""
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
