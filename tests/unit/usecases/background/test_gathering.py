"""Many alerts at once are one notice, many in a row are few, and none is told that is not so any more."""

from __future__ import annotations

from itertools import pairwise

from stratascope.core.message import msg
from stratascope.i18n.translate import translate
from stratascope.usecases.background.gathering import FIRST, LEAST, MOST, Gathering
from stratascope.usecases.live.alerts import Alert


def alert(name: str) -> Alert:
    return Alert(("docker", name), msg("{name} could take over", name=name), msg("Its exposure is 9 of 10."))


def told(gathering: Gathering, now: float, gone: tuple[str, ...] = ()) -> tuple[str, str] | None:
    found = gathering.due(now, lambda each: each.key[1] not in gone)
    return None if found is None else (translate(found.title), translate(found.text))


def test_one_is_told_as_it_is_after_a_moment() -> None:
    gathering = Gathering()
    assert gathering.wait(100.0) is None
    gathering.add(alert("web"), "web", 100.0)
    assert gathering.wait(100.0) == FIRST
    assert told(gathering, 101.0) is None
    assert told(gathering, 102.0) == ("web could take over", "Its exposure is 9 of 10.")
    assert told(gathering, 103.0) is None
    assert gathering.wait(103.0) is None


def test_many_at_once_are_one() -> None:
    gathering = Gathering()
    for number in range(40):
        gathering.add(alert(f"c{number}"), f"c{number}", 100.0 + number / 40)
    assert told(gathering, 102.0) == ("40 containers need a look", "c0, c1, c2 and 37 more")


def test_many_in_a_row_are_few() -> None:
    gathering, notices = Gathering(), []
    for second in range(6 * 3600):  # a new one each second, for six hours
        gathering.add(alert(f"c{second}"), f"c{second}", float(second))
        if told(gathering, float(second)) is not None:
            notices.append(second)
    gaps = [later - earlier for earlier, later in pairwise(notices)]
    assert gaps == sorted(gaps)
    assert (gaps[0], gaps[-1]) == (LEAST, MOST)
    assert len(notices) < 16


def test_after_a_quiet_time_it_is_quick_again() -> None:
    gathering, now = Gathering(), 0.0
    for number in range(6):
        gathering.add(alert(str(number)), str(number), now)
        now += gathering.wait(now) or 0.0
        assert told(gathering, now) is not None
    slow = now + 1.0
    gathering.add(alert("soon"), "soon", slow)
    assert (gathering.wait(slow) or 0.0) > LEAST
    assert told(gathering, slow + MOST) is not None
    gathering.add(alert("later"), "later", slow + 4 * MOST)
    assert gathering.wait(slow + 4 * MOST) == FIRST


def test_what_is_not_so_any_more_is_not_told() -> None:
    gathering = Gathering()
    gathering.add(alert("web"), "web", 0.0)
    gathering.add(alert("db"), "db", 0.0)
    assert told(gathering, 9.0, gone=("web",)) == ("db could take over", "Its exposure is 9 of 10.")
    gathering.add(alert("web"), "web", 1000.0)
    assert told(gathering, 1009.0, gone=("web",)) is None
    assert gathering.wait(1009.0) is None
