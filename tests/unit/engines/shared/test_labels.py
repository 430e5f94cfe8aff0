"""Labels leave a capture that is shown to others, those too that stand in the command of a Podman container."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from stratascope.engines.shared.json_reader import GROUPING, without_labels

SECRET = "hunter2"
LABELS = {
    "owner": SECRET,
    "com.docker.compose.project": "shop",
    "com.docker.compose.project.working_dir": f"/home/{SECRET}",
}


def test_what_groups_stays_and_the_rest_goes() -> None:
    found = json.loads(without_labels(json.dumps({"Id": "a", "Config": {"Labels": LABELS, "Image": "x"}})))
    assert found == {"Id": "a", "Config": {"Labels": {"com.docker.compose.project": "shop"}, "Image": "x"}}


def test_the_command_that_made_it_names_them_too() -> None:
    command = ["podman", "run", "--label", f"owner={SECRET}", f"--label=owner={SECRET}", "-l", f"a={SECRET}",
               f"-lb={SECRET}", "--label", "io.podman.compose.project=shop", "--memory", "1g", "x", "-l"]  # fmt: skip
    found = json.loads(without_labels(json.dumps({"Config": {"CreateCommand": command}})))["Config"]["CreateCommand"]
    assert found == ["podman", "run", "--label", "owner=", "--label=owner=", "-l", "a=", "-lb=", "--label",
                     "io.podman.compose.project=shop", "--memory", "1g", "x", "-l"]  # fmt: skip


def test_an_answer_without_any_is_left_as_it_is() -> None:
    for answer in ({}, {"Config": None}, {"Config": {"Labels": None, "CreateCommand": None}}, {"Config": 3}):
        assert json.loads(without_labels(json.dumps(answer))) == answer


@given(st.dictionaries(st.text(), st.text()))
def test_no_value_of_another_label_is_left(labels: dict[str, str]) -> None:
    found = json.loads(without_labels(json.dumps({"Config": {"Labels": labels}})))
    assert found["Config"]["Labels"] == {name: value for name, value in labels.items() if name in GROUPING}
