"""What a process gets at, told: the JSON's fields, the lines, the level ray, and what --fail-on takes."""

from __future__ import annotations

import json

import pytest

from stratascope.collector.reach_places import FILES
from stratascope.core.message import msg
from stratascope.core.reach.row import STRATA, Answer, How, Known, Reached, ReachRow, Remedy
from stratascope.core.reach.things import BY_ID, THINGS
from stratascope.layers import all_layers
from stratascope.presentation import reach_report
from stratascope.presentation.reach_report import ReachSubject
from stratascope.presentation.report_model import of_reach
from stratascope.presentation.terminal import Style
from stratascope.presentation.tool_formats import sarif
from stratascope.value import replace

KEYS = ReachRow(
    BY_ID["ssh-keys"],
    Answer.OPEN,
    "/home/me/.ssh/id_ed25519",
    source="/proc/7/mountinfo",
    remedy=Remedy(How.OPTION, "/home/me:/h", msg("Hide {path} from it", path="/home/me/.ssh")),
    more=2,
)
HOME = ReachRow(BY_ID["home-write"], Answer.CLOSED, "/home/me", ("usermap", "namespaces"))
NET = ReachRow(BY_ID["internet"], Answer.UNKNOWN, "", known=Known.ASKED)
GIVEN = ReachRow(BY_ID["project"], Answer.NEEDED, "/work")
FOUND = Reached((KEYS, NET, HOME, GIVEN))
SUBJECT = ReachSubject("web", "0123", 7, "container", engine="docker")


def test_the_json_is_as_promised() -> None:
    found = reach_report.json_object(FOUND, SUBJECT)
    assert found["schema"] == 1
    assert found["subject"] == {
        "kind": "container", "maker": None, "engine": "docker", "name": "web", "id": "0123", "pid": 7
    }  # fmt: skip
    assert found["rows"][0] == {
        "id": "ssh-keys",
        "kind": "credential",
        "group": "credentials",
        "what": "It can read your SSH keys.",
        "access": "read",
        "severity": "critical",
        "outcome": "open",
        "where": "/home/me/.ssh/id_ed25519",
        "more": 2,
        "closed_by": [],
        "basis": "enforced",
        "indirect": False,
        "to_hide": False,
        "predicted": None,
        "why": None,
        "source": "/proc/7/mountinfo",
        "remedy": {"how": "option", "value": "/home/me:/h", "text": "Hide /home/me/.ssh from it"},
    }
    assert [row["outcome"] for row in found["rows"]] == ["open", "unknown", "closed", "needed"]
    assert found["rows"][2]["closed_by"] == ["usermap", "namespaces"]
    assert found["rows"][1]["basis"] == "asked"


def test_the_lines_say_what_hurts_and_what_closes() -> None:
    text = "\n".join(reach_report.lines(FOUND, SUBJECT, Style()))
    assert "1 of 3 within reach" in text  # what was given on purpose isn't counted
    assert "It can read your SSH keys." in text
    assert "/home/me/.ssh/id_ed25519 and 2 more" in text
    assert "by user, namespaces" in text or "by user and namespaces" in text


def test_control_characters_of_a_path_are_not_printed() -> None:
    evil = ReachRow(BY_ID["ssh-keys"], Answer.OPEN, "/home/\x1b[31mme\nx")
    text = "\n".join(reach_report.lines(Reached((evil,)), SUBJECT, Style()))
    assert "\x1b" not in text


def test_the_ray_ends_where_it_is_closed_first() -> None:
    assert reach_report.level(HOME) == ("closes", "", "", "", "", "would")
    assert reach_report.level(KEYS) == ("",) * 6


def test_the_layers_are_met_from_the_sixth_down() -> None:
    assert [layer.id for layer in all_layers()][::-1] == list(STRATA)
    assert set(reach_report.LAYERS) == set(STRATA)


@pytest.mark.parametrize(
    ("kinds", "rows"),
    [(("ssh-keys",), 1), (("credential",), 1), (("file", "network"), 0), ((), 0), (("credential", "ssh-keys"), 1)],
)
def test_a_gate_fails_on_open_rows_alone(kinds: tuple[str, ...], rows: int) -> None:
    assert len(reach_report.failing(FOUND, kinds)) == rows


def test_every_place_has_a_row_of_its_kind() -> None:
    kinds = {"f": "credential", "s": "socket"}
    for place in FILES:
        if place.what in kinds:
            assert BY_ID[place.id].kind == kinds[place.what]
    assert len(BY_ID) == len(THINGS)
    assert all(thing.kind in reach_report.KINDS and thing.id in reach_report.KINDS for thing in THINGS)


def test_what_was_tried_and_is_otherwise_is_told() -> None:
    found = Reached((replace(KEYS, known=Known.TRIED, predicted=Answer.CLOSED),))
    text = "\n".join(reach_report.lines(found, SUBJECT, Style()))
    assert "tried" in text
    assert "It was predicted to be closed, and is not." in text
    (row,) = reach_report.json_object(found, SUBJECT)["rows"]
    assert (row["basis"], row["outcome"], row["predicted"]) == ("tried", "open", "closed")


def test_as_sarif_what_is_open_is_a_result_that_stays_the_same() -> None:
    logs = [json.loads(sarif(of_reach(FOUND, "web", "docker", "docker", "1.0", at))) for at in (1.0, 2.0)]
    (one,), (two,) = (log["runs"][0]["results"] for log in logs)
    assert (one["ruleId"], one["level"]) == ("reach.ssh-keys", "error")
    assert "It can read your SSH keys. /home/me/.ssh/id_ed25519" in one["message"]["text"]
    assert "Hide /home/me/.ssh from it" in one["message"]["text"]
    assert one["partialFingerprints"] == two["partialFingerprints"]
