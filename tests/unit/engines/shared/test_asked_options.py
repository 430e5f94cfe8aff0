"""What becomes of what a container prints, by the log driver and its options as the engines' inspect has them."""

from __future__ import annotations

import json

import pytest

from stratascope.core.container import LogKeeping
from stratascope.engines.shared.asked_options import log_of
from stratascope.engines.shared.json_reader import parse_container


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        ({"Type": "json-file", "Config": {}}, LogKeeping.UNLIMITED),
        ({"Type": "json-file", "Config": {"max-file": "3"}}, LogKeeping.UNLIMITED),
        ({"Type": "json-file", "Config": {"max-size": "-1"}}, LogKeeping.UNLIMITED),
        ({"Type": "json-file", "Config": {"max-size": "10m"}}, LogKeeping.LIMITED),
        ({"Type": "local", "Config": {}}, LogKeeping.LIMITED),
        ({"Type": "none", "Config": {}}, LogKeeping.LIMITED),
        ({"Type": "k8s-file", "Config": None, "Path": "/x/ctr.log", "Tag": "", "Size": "0B"}, LogKeeping.UNLIMITED),
        ({"Type": "k8s-file", "Config": None, "Path": "/x/ctr.log", "Tag": "", "Size": "10MB"}, LogKeeping.LIMITED),
        ({"Type": "journald", "Config": None, "Path": "", "Tag": "", "Size": "0B"}, LogKeeping.JOURNAL),
        ({"Type": "passthrough", "Config": None}, LogKeeping.ELSEWHERE),
        ({"Type": "fluentd", "Config": {}}, LogKeeping.ELSEWHERE),
        ({"Type": "", "Config": {}}, LogKeeping.UNKNOWN),
        (None, LogKeeping.UNKNOWN),
    ],
)
def test_what_is_kept(log: object, expected: LogKeeping) -> None:
    answer = parse_container(json.dumps({"HostConfig": {"LogConfig": log}}))
    _, found = log_of(answer.part("HostConfig"))
    assert found is expected
