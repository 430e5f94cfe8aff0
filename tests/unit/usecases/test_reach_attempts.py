"""What attempts say of a row: only what they can say, beside what was predicted."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from stratascope.core.capture import Gap, GapKind
from stratascope.core.message import msg
from stratascope.core.reach.row import Answer, Known, Reached, ReachRow
from stratascope.core.reach.things import BY_ID
from stratascope.layers.mac.facts import MacFacts
from stratascope.linux.permissions import Permissions
from stratascope.linux.reach import Found, FoundFile, Tried, TriedFile, TriedRow
from stratascope.usecases.reach.attempts import with_attempts
from stratascope.usecases.reach.subject import Judged

KEY, OTHER = "/home/me/.ssh/id", "/home/me/.ssh/other"
NOTHING: frozenset[str] = frozenset()
STATE = SimpleNamespace(container=SimpleNamespace(sandbox=None))
OPEN = ReachRow(BY_ID["ssh-keys"], Answer.OPEN, KEY)
CLOSED = ReachRow(BY_ID["ssh-keys"], Answer.CLOSED, KEY, ("usermap",))
UNKNOWN = ReachRow(BY_ID["ssh-keys"], Answer.UNKNOWN, KEY, why=msg("Whether another way is open is not known."))


def subject(*paths: str, landlocked: bool = False, cut: frozenset[str] = NOTHING, stands: str = "") -> Judged:
    item = Permissions(1000, 1000, 0o600)
    files = tuple(FoundFile("ssh-keys", path, "f", stands, item, ()) for path in paths or (KEY,))
    facts = MacFacts("none", None, None, may_be_landlocked=landlocked)
    found: Any = SimpleNamespace(found=Found(files, cut, True), facts=lambda _: facts, engine=None, state=STATE)
    return cast("Judged", found)


def attempts(*errnos: int, loose: frozenset[str] = NOTHING, short: frozenset[str] = NOTHING, opens: int = 0) -> Tried:
    files = tuple(TriedFile("ssh-keys", path, "r", number) for path, number in zip((KEY, OTHER), errnos, strict=False))
    return Tried(files, (TriedRow("open", opens, "/"),), loose, short)


def of(row: ReachRow, answer: Tried | Gap, of_whom: Judged | None = None) -> Reached:
    return with_attempts(Reached((row,)), of_whom or subject(), answer)


@pytest.mark.parametrize(
    ("predicted", "errno", "answer", "differs"),
    [
        (OPEN, 0, Answer.OPEN, False),
        (OPEN, 13, Answer.CLOSED, True),
        (CLOSED, 13, Answer.CLOSED, False),
        (CLOSED, 0, Answer.OPEN, True),
        (UNKNOWN, 0, Answer.OPEN, False),
        (UNKNOWN, 2, Answer.CLOSED, False),
    ],
)
def test_what_was_tried_is_said_beside_what_was_predicted(
    predicted: ReachRow, errno: int, answer: Answer, differs: bool
) -> None:
    found = of(predicted, attempts(errno))
    (row,) = found.rows
    assert (row.answer, row.known) == (answer, Known.TRIED)
    assert bool(found.differing) is differs
    assert row.predicted is (None if row.answer is predicted.answer else predicted.answer)
    assert bool(row.closed_by) is (answer is Answer.CLOSED)


@pytest.mark.parametrize(
    ("answer", "of_whom"),
    [
        (attempts(0, loose=frozenset({"label"})), subject()),  # it may have refused it
        (attempts(0), subject(landlocked=True)),
        (attempts(13, short=frozenset({"capabilities"})), subject()),  # with all of its rights it might not be
        (attempts(13), subject(KEY, OTHER)),  # another was not tried
        (attempts(13), subject(cut=frozenset({"ssh-keys"}))),
        (attempts(13), subject(stands="?")),
        (attempts(), subject()),
    ],
)
def test_what_an_attempt_can_not_say_stays_as_it_was_predicted(answer: Tried, of_whom: Judged) -> None:
    for row in (OPEN, CLOSED, UNKNOWN):
        assert of(row, answer, of_whom).rows == (row,)


def test_a_success_counts_with_fewer_rights_and_a_refusal_past_fewer_restrictions() -> None:
    assert of(CLOSED, attempts(0, short=frozenset({"capabilities"}))).differing
    assert of(CLOSED, attempts(13), subject(landlocked=True)).rows[0].known is Known.TRIED


def test_what_a_filter_refuses_may_be_done_by_another_call() -> None:
    """By io_uring, by calls of another architecture, by sending without connecting: what was predicted knows of it."""
    assert of(OPEN, attempts(0, opens=1)).rows == (OPEN,)
    assert of(CLOSED, attempts(0, opens=1)).rows[0].known is Known.TRIED
    row = ReachRow(BY_ID["internet"], Answer.OPEN, "")
    for number in (1, -1):
        refused = Tried((), (TriedRow("internet", number, ""),), NOTHING, NOTHING, 1)
        assert of(row, refused).rows == (row,)


def test_a_detour_is_not_refused_by_the_direct_way() -> None:
    row = ReachRow(BY_ID["ssh-keys"], Answer.OPEN, KEY, why=msg("By a detour: {threat}.", threat="x"), indirect=True)
    assert of(row, attempts(13)).rows == (row,)
    assert of(row, attempts(0)).rows[0].known is Known.TRIED


def test_routes_alone_are_no_proof_of_an_open_network() -> None:
    row = ReachRow(BY_ID["internet"], Answer.OPEN, "")
    answers = [Tried((), (TriedRow("internet", number, "203.0.113.9"),), NOTHING, NOTHING) for number in (0, 101)]
    assert [of(row, each).rows[0].known for each in answers] == [Known.ENFORCED, Known.TRIED]
    assert of(row, answers[1]).rows[0].closed_by == ("namespaces",)


def test_what_could_not_be_tried_is_said() -> None:
    assert of(OPEN, Gap(GapKind.DENIED, 1)).gaps[0].id.startswith("Nothing was tried")
    assert of(OPEN, Gap(GapKind.DENIED, 1)).rows == (OPEN,)
    words = [
        gap.id for gap in of(OPEN, attempts(0, loose=frozenset({"filter", "cgroup"}), short=frozenset({"x"}))).gaps
    ]
    assert len(words) == 3
