"""The fuzzed targets, each on some inputs that are the same in every run; `make fuzz` looks for more."""

from __future__ import annotations

import random

import pytest

from unit.fuzz.targets import TARGETS

INPUTS = 60


@pytest.mark.parametrize("name", TARGETS)
def test_some_inputs(name: str) -> None:
    source = random.Random(name)
    for _ in range(INPUTS):
        TARGETS[name](source.randbytes(source.choice((0, 1, 6, 11, 26, 200))))
