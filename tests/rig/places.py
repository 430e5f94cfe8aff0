"""Paths of the checkout, the program and the tests' recordings."""

from __future__ import annotations

from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
APP = CHECKOUT / "app"
TESTS = CHECKOUT / "tests"
CAPTURES = TESTS / "captures"
GOLDEN = CAPTURES / "golden"
