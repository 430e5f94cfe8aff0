"""What is told of the ground beside the layers: the processors' flaws, threads of a core, guards of shared folders."""

from __future__ import annotations

import pytest

from rig.window import sample
from stratascope.core.ground import UNREAD
from stratascope.core.layer import Tone
from stratascope.i18n.translate import translate
from stratascope.layers import all_layers
from stratascope.linux.machine import parse_flaws
from stratascope.presentation import text_report
from stratascope.presentation.ground import ground_rows
from stratascope.value import replace

READ = replace(UNREAD, kernel="6.18.44")


@pytest.mark.parametrize(
    ("text", "said", "tone"),
    [
        ("mds: Not affected\nl1tf: Mitigation: PTI\n", "None of 2 open", Tone.GOOD),
        ("mds: Vulnerable\nl1tf: Mitigation: PTI\ntsa: Vulnerable: x\n", "2 of 3 open: mds, tsa", Tone.WARN),
        (
            "mds: Vulnerable\nl1tf: Mitigation: a; SMT vulnerable\n",
            "1 of 2 open: mds; partly closed: l1tf",
            Tone.WARN,
        ),
        ("mds: Mitigation: a; SMT vulnerable\n", "None of 1 open; partly closed: mds", Tone.WARN),
        ("mds: Unknown: x\ntsa: Not affected\n", "None of 2 known to be open; not known: mds", Tone.UNKNOWN),
    ],
)
def test_flaws(text: str, said: str, tone: Tone) -> None:
    row = ground_rows(replace(READ, cpu_flaws=parse_flaws(text)))[0]
    assert (translate(row.value), row.tone) == (said, tone)


def test_what_was_not_read_is_not_told_as_closed() -> None:
    assert ground_rows(UNREAD) == ()
    (row,) = ground_rows(READ)
    assert (translate(row.value), row.tone) == ("Not readable", Tone.UNKNOWN)


@pytest.mark.parametrize(("symlinks", "tone"), [("0", Tone.WARN), ("1", Tone.GOOD), (None, Tone.GOOD)])
def test_guards(symlinks: str | None, tone: Tone) -> None:
    known = (("fs.protected_hardlinks", "1"), ("fs.protected_regular", "2"))
    more = () if symlinks is None else (("fs.protected_symlinks", symlinks),)
    row = ground_rows(replace(READ, smt="on", sysctls=(*known, *more)))[-1]
    middle = "" if symlinks is None else f"symlinks {symlinks}, "
    assert (translate(row.value), row.tone) == (f"hardlinks 1, {middle}regular 2", tone)


def test_threads_of_a_core() -> None:
    assert translate(ground_rows(replace(READ, smt="on"))[1].value) == "On: programs share cores"
    assert len(ground_rows(replace(READ, smt="a new word"))) == 1


def test_details_of_the_text_report_have_them_once_a_kernel() -> None:
    ground = replace(sample.GROUND, cpu_flaws=parse_flaws("mds: Vulnerable\n"))
    shown = replace(sample.snapshot(), ground=ground)
    brief, whole = (text_report.render(shown, all_layers(), text_report.Style(details=each)) for each in (False, True))
    assert "1 of 1 open: mds" not in brief
    assert whole.count("1 of 1 open: mds") == 1
    assert f"Linux {ground.kernel}, below all layers" in whole
