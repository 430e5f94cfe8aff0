"""Layers taken away in thought: the pure part, its memory, and its sentence."""

from __future__ import annotations

from rig.window import fake_matrix
from stratascope.core.threats.depth import without
from stratascope.presentation.threat_outcomes import small
from stratascope.presentation.what_if import WhatIf, fallen, sentence

TITLES = {"usermap": "User namespace", "seccomp": "Seccomp", "capabilities": "Capabilities", "cgroup": "Cgroup"}


def test_nothing_is_supposed_at_first() -> None:
    supposing = WhatIf()
    assert supposing.result() is None
    supposing.show(fake_matrix.matrix())
    assert supposing.result() is supposing.matrix
    assert sentence(supposing, TITLES) == ""


def test_one_layer_and_several_and_back() -> None:
    matrix = fake_matrix.matrix("tight")
    supposing = WhatIf()
    supposing.show(matrix)
    supposing.toggle("seccomp")
    one = supposing.result()
    assert one is not None
    assert one.exposure == without(matrix, frozenset({"seccomp"})).exposure
    assert supposing.result() is one  # kept, not worked out anew
    supposing.toggle("capabilities")
    two = supposing.result()
    assert two is not None
    assert two.exposure.worst >= one.exposure.worst >= matrix.exposure.worst
    assert {state.threat.id for state in fallen(matrix, one)} <= {state.threat.id for state in fallen(matrix, two)}
    supposing.toggle("capabilities")
    assert supposing.result() is one
    supposing.clear()
    assert supposing.result() is matrix


def test_another_reading_keeps_what_is_away() -> None:
    supposing = WhatIf()
    supposing.show(fake_matrix.matrix("tight"))
    supposing.toggle("cgroup")
    first = supposing.result()
    newer = fake_matrix.matrix("weak")
    supposing.show(newer)
    assert supposing.result() is not first
    assert supposing.away == {"cgroup"}


def test_the_sentence_names_what_then_reaches_the_kernel() -> None:
    supposing = WhatIf()
    supposing.show(fake_matrix.matrix("tight"))
    supposing.toggle("cgroup")
    text = sentence(supposing, TITLES)
    assert text.startswith("If Cgroup failed, 3 more things would reach the kernel: ")
    assert "start processes without end" in text
    supposing.toggle("seccomp")
    assert sentence(supposing, TITLES).startswith("If Seccomp and Cgroup failed, ")


def test_where_nothing_falls_it_says_so() -> None:
    supposing = WhatIf()
    supposing.show(fake_matrix.matrix("open"))
    supposing.toggle("seccomp")
    assert sentence(supposing, TITLES) == "If Seccomp failed, nothing more would reach the kernel."


def test_critical_ones_are_counted() -> None:
    supposing = WhatIf()
    supposing.show(fake_matrix.matrix("tight"))
    for layer in fake_matrix.LAYERS:
        supposing.toggle(layer)
    text = sentence(supposing, dict.fromkeys(fake_matrix.LAYERS, "A layer"))
    assert " of them critical: " in text
    assert text.endswith(" more.")


def test_a_title_inside_a_sentence() -> None:
    assert small("Use the engine's socket") == "use the engine's socket"
    assert small("BPF programs") == "BPF programs"
    assert small("A new root") == "a new root"
    assert small("カーネル") == "カーネル"
