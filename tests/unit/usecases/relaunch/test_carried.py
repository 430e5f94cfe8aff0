"""What was written last, beside what the plan knew: pure. On real engines it is tried in `cli/test_kept_files.py`."""

from __future__ import annotations

import pytest

from stratascope.core.container import AskedMount
from stratascope.core.relaunch.launch_spec import FileChange
from stratascope.usecases.relaunch.proof import taken_away
from stratascope.value import replace
from unit.layers.toggle_subjects import DOCKER, default, subject

READ_ONLY, TMPFS, NEITHER = "read-only", "tmpfs", ""


@pytest.mark.parametrize(
    ("known", "now", "how", "paths"),
    [
        ((), ("/srv/db",), READ_ONLY, "/srv/db"),
        ((), ("/srv/db",), TMPFS, "/srv/db"),
        ((), ("/srv/db",), NEITHER, ""),
        ((), ("/opt/db",), TMPFS, ""),
        ((), ("/tmp/a", "/run/a.pid", "/srv/a.pid"), READ_ONLY, ""),  # temporary by nature
        (("/srv/db",), ("/srv/db", "/srv/db-1"), READ_ONLY, ""),  # where the plan knew that it writes
        (
            ("/.first",),
            ("/.first", "/srv/db"),
            READ_ONLY,
            "/srv/db",
        ),  # a file of the root directory makes all else no news
    ],
)
def test_what_was_written_since_the_plan(known: tuple[str, ...], now: tuple[str, ...], how: str, paths: str) -> None:
    planned = replace(subject(default(DOCKER), engine=DOCKER), changes=known)
    asked = planned.container.asked
    place = AskedMount("tmpfs", "", "/srv", writable=True)
    wanted = replace(asked, read_only_root=how == READ_ONLY, mounts=(place,) if how == TMPFS else ())
    assert taken_away(planned, wanted, [FileChange(path, "added") for path in now]) == paths
