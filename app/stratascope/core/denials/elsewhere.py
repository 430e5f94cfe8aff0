"""Refusals by none of the six layers: owner and mode of files, the network, what this kernel lacks or forbids all."""

from __future__ import annotations

from stratascope.core.denials import files, kernel, network
from stratascope.core.denials.attempt import Attempt
from stratascope.core.denials.denial import KERNEL, Claim, Strength
from stratascope.core.ground import Surroundings
from stratascope.core.message import msg


def claims(attempt: Attempt, around: Surroundings) -> tuple[Claim, ...]:
    """Of files, network and kernel, those that could have been the one."""
    found = (files.claim(attempt, around.ground), network.claim(attempt), kernel.claim(attempt, around))
    return tuple(claim for claim in found if claim is not None)


def nobody(attempt: Attempt) -> Claim:
    """Where nobody claims it."""
    return Claim(
        KERNEL, msg("The kernel refused it, and nothing known about this container explains why."), Strength.LEFT
    )
