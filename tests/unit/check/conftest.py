"""What judges, for the tests of what is not started yet."""

from __future__ import annotations

import pytest

from stratascope.usecases.check.check import Checker
from unit.check.demo import of_the_demo


@pytest.fixture(scope="module")
def made() -> Checker:
    """For the machine of the demo."""
    return of_the_demo()
