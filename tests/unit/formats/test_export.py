"""Every kind of export of one container with everything, compared with what it should be, letter by letter.

To write the files anew after a change that is meant: UPDATE_GOLDENS=1 pytest tests/export/test_export.py
"""

from __future__ import annotations

import os

import pytest

from rig.places import CAPTURES
from stratascope.core.sanitize import plain
from stratascope.formats.export import ExportKind, export
from stratascope.value import replace
from unit.formats.everything import EVERYTHING, SECRET

HOSTILE = "\x1b]0;owned\x07\x1b[2J\u202etxt.exe\u200b\x9b31m"
_FOLDER = CAPTURES / "export"


@pytest.mark.parametrize("kind", ExportKind)
def test_everything(kind: ExportKind) -> None:
    text = export(kind, EVERYTHING)
    path = _FOLDER / f"{kind}.txt"
    if os.environ.get("UPDATE_GOLDENS"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert text == path.read_text()


@pytest.mark.parametrize("kind", ExportKind)
def test_secrets_stay_out(kind: ExportKind) -> None:
    text = export(kind, replace(EVERYTHING, environment=(("PASSWORD", "hush-hush"),)))
    assert "hush-hush" not in text
    assert ("PASSWORD" in text) is (kind not in (ExportKind.SECCOMP, ExportKind.QUADLET))


@pytest.mark.parametrize(
    "kind", [ExportKind.DOCKER_RUN, ExportKind.PODMAN_RUN, ExportKind.KUBERNETES, ExportKind.COMPOSE]
)
def test_secrets_come_where_they_are_asked_for(kind: ExportKind) -> None:
    assert "hush-hush" in export(kind, replace(EVERYTHING, environment=(("PASSWORD", "hush-hush"),)), secrets=True)


@pytest.mark.parametrize("kind", [kind for kind in ExportKind if kind is not ExportKind.SECCOMP])
def test_what_can_not_be_said_is_named(kind: ExportKind) -> None:
    assert "# Not included: Something that no option says." in export(kind, EVERYTHING)


def test_options_show_no_secret() -> None:
    assert SECRET not in repr(EVERYTHING)


@pytest.mark.parametrize("kind", [each for each in ExportKind if each is not ExportKind.SECCOMP])
def test_no_export_acts_on_the_terminal_that_shows_it(kind: ExportKind) -> None:
    """A label of an image, a command, a name: whoever made the container chose them."""
    options = replace(
        EVERYTHING,
        name=f"web{HOSTILE}",
        labels=(("note", HOSTILE), (HOSTILE, "x")),
        command=("sh", "-c", HOSTILE),
        environment=(("A", HOSTILE),),
        asked=replace(EVERYTHING.asked, user=f"1000{HOSTILE}"),
        hostname=HOSTILE,
    )
    for secrets in (False, True):
        text = export(kind, options, secrets=secrets).replace("\n", "").replace("\t", "")
        assert plain(text) == text
