"""What engines make themselves is left out of a container's changes, and nothing else is."""

from __future__ import annotations

import json

import pytest

from stratascope.core.relaunch.launch_spec import FileChange
from stratascope.engines.podman.relauncher import made
from stratascope.engines.shared.json_reader import JsonObject
from stratascope.engines.shared.relauncher import ALWAYS, without

PODMANS = "root:x:0:0:root:/root:/bin/sh\n4242:*:4242:4343:container user:/:/bin/sh\n"


def left(made: tuple[str, ...], *paths: str) -> list[str]:
    return [change.path for change in without([FileChange(path, "added") for path in paths], made)]


def test_what_is_made_and_what_leads_there() -> None:
    assert left(ALWAYS, "/etc", "/etc/mtab", "/etc/hosts", "/run", "/run/.containerenv") == []
    assert left(ALWAYS, "/etc", "/etc/hosts", "/etc/hosts.allow") == ["/etc/hosts.allow"]
    assert left(("/job/dir/",), "/job", "/job/dir", "/job/dir/own", "/jobs") == ["/job/dir/own", "/jobs"]
    assert left(("", "/", "relative"), "/", "/a") == ["/", "/a"]


@pytest.mark.parametrize(
    ("config", "text", "found"),
    [
        ({"User": "4242:4343"}, PODMANS, True),
        ({"User": "4242"}, PODMANS, True),
        ({"User": "77"}, PODMANS, False),
        ({}, PODMANS, False),
        ({"User": "4242"}, PODMANS + "me:x:7:7::/:/bin/sh\n", False),  # somebody came after it
        ({"User": "4242"}, "", False),  # could not be read
        ({"User": "9", "CreateCommand": ["run", "--passwd-entry", "x:*:1:1::/:/bin/sh"]}, "x:*:1:1::/:/bin/sh\n", True),
    ],
)
def test_podmans_own_user(config: dict[str, object], text: str, found: bool) -> None:
    answer = JsonObject(json.loads(json.dumps({"Id": "a", "Config": config, "HostConfig": {}})))
    assert ("/etc/passwd" in made(answer, {"/etc/passwd"}, lambda container, path: text)) is found


def test_nothing_is_read_where_nothing_changed() -> None:
    def read(container: str, path: str) -> str:
        raise AssertionError(path)

    answer = JsonObject({"Id": "a", "Config": {"User": "1", "Timezone": "local"}, "HostConfig": {}})
    assert "/etc/localtime" in made(answer, set(), read)
