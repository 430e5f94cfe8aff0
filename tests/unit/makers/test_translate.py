"""A sandbox as a container."""

from __future__ import annotations

import json

import pytest

from stratascope.core.container import NO_ENGINE, other_kernel
from stratascope.linux.confined import parse_confined
from stratascope.makers.translate import found_in, raw_of, translate

HOST = {"host": {"ns": {"mnt": 4}, "depth": 1}, "self": 99}
FIRST = {"pid": 1, "ppid": 0, "start": 0, "comm": "init", "exe": "/sbin/init", "ns": {"mnt": 4}, "cgroups": ["/"]}


@pytest.mark.parametrize(
    ("program", "maker", "other"), [("/usr/bin/runsc", "gvisor", True), ("/usr/bin/sleep", "none", False)]
)
def test_what_gvisor_runs_is_on_another_kernel(program: str, maker: str, *, other: bool) -> None:
    one = {"pid": 10, "ppid": 1, "start": 5, "uid": 0, "comm": "exe", "cgroups": ["/x.scope"], "confined": True,
           "ns": {"mnt": 7, "user": 8}, "exe": program, "hosts_exe": True, "argv": ["runsc-sandbox"]}  # fmt: skip
    (found,) = found_in(parse_confined("\n".join(json.dumps(each) for each in (HOST, FIRST, one))))
    assert found.sandbox.maker == maker
    assert other_kernel(translate(raw_of(found.sandbox), NO_ENGINE)) is other
