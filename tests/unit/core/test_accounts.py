"""Whom `--user` means in an image, as both engines read its files."""

from __future__ import annotations

import pytest

from stratascope.core.accounts import Account, Accounts, parse

PASSWD = "root:x:0:0:root:/root:/bin/sh\ntoor:x:0:0::/:/bin/sh\napp:x:1000:1001::/:\n#x:x:5:5\nbad:x:a:1\nshort:x\n"
GROUP = "root:x:0:\nwheel:x:10:app,root\naudio:x:29:app\nteam:x:1001:\nodd:x:70000000000:app\n"
IMAGE = parse(PASSWD, GROUP)


@pytest.mark.parametrize(
    ("user", "numbers"),
    [
        ("", (0, 0, (10,))),
        ("0", (0, 0, (10,))),
        ("toor", (0, 0, ())),
        ("app", (1000, 1001, (10, 29))),
        ("1000", (1000, 1001, (10, 29))),
        ("app:audio", (1000, 29, ())),
        ("app:7", (1000, 7, ())),
        ("4242", (4242, 0, ())),
        ("4242:4343", (4242, 4343, ())),
        (":audio", (0, 29, ())),
    ],
)
def test_whom_it_means(user: str, numbers: tuple[int, int, tuple[int, ...]]) -> None:
    assert IMAGE.account(user) == Account(user, *numbers)


@pytest.mark.parametrize("user", ["nobody", "app:none", "99999999999", "-1", "bad", "#x"])
def test_who_is_not_there(user: str) -> None:
    assert IMAGE.account(user) is None


def test_a_group_by_name() -> None:
    assert (IMAGE.group("audio"), IMAGE.group("12"), IMAGE.group("none")) == (29, 12, None)
    assert Accounts().account("0") == Account("0", 0, 0)
