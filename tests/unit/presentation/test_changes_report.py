"""What `history --all` and the page *Changes* say: what was granted, when, and who did it as far as that is known."""

from __future__ import annotations

import json

import pytest

from stratascope.core.history.entry import Exposed, Image, Limits, Made, Run, Standing, Subject, Unlike
from stratascope.core.history.fold import Change, What
from stratascope.core.history.machine import Direction, Moved
from stratascope.presentation import changes_report as words
from stratascope.presentation.setting_words import setting_words
from stratascope.presentation.terminal import Style
from stratascope.value import replace

WEB = Subject("docker", "web")
THEN = Standing(Made("a" * 64), Image("web:1"), Run("running", 1.0), ("--memory 64m",), Limits(), Exposed(4.0, 4.0),
                (("mac", "ENFORCED"),), (), ())  # fmt: skip
ROW = Moved(Direction.WORSE, (WEB,), 1e9, THEN, THEN, 4.0, 9.0)


def row(direction: Direction = Direction.WORSE, changes: tuple[Change, ...] = (), **now: object) -> Moved:
    return replace(ROW, direction=direction, changes=changes, now=replace(THEN, **now))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("flag", "came", "went"),
    [
        ("--privileged", "It is privileged now", "It is no longer privileged"),
        ("--cap-add SYS_ADMIN", "SYS_ADMIN was added", "SYS_ADMIN was removed"),
        ("--cap-drop ALL", "All capabilities were dropped", "Its capabilities are no longer dropped"),
        ("-v /run/docker.sock:/run/docker.sock", "The Docker socket was mounted",
         "The Docker socket is no longer mounted"),
        ("-v /run/podman/podman.sock:/p.sock:ro", "The Podman socket was mounted",
         "The Podman socket is no longer mounted"),
        ("-v /etc:/host/etc:ro", "/etc was mounted read-only", "/etc is no longer mounted"),
        ("--memory 2g", "+ --memory 2g", "Its limit is gone: --memory 2g"),
        ("--security-opt seccomp=sha256:00", "+ --security-opt seccomp=sha256:00",
         "Its own system call filter is gone"),
        ("--tmpfs /run", "+ --tmpfs /run", "− --tmpfs /run"),
    ],
)  # fmt: skip
def test_an_option_in_words(flag: str, came: str, went: str) -> None:
    assert (setting_words(flag, came=True), setting_words(flag, came=False)) == (came, went)


def test_grants_come_first() -> None:
    found = row(settings=("--memory 64m", "-v /run/docker.sock:/s", "--cap-add SYS_ADMIN"), threats=("load-module",))
    told = words.what_happened(found)
    assert told.startswith("The Docker socket was mounted, SYS_ADMIN was added. Now open: load a kernel module")
    assert words.layer_with(found) == "namespaces"
    session = row(drift=(Unlike("sh", "exec", ("capabilities.effective",)),))
    assert words.what_happened(session) == "A session (sh) differs from the first process: Capabilities"
    assert words.layer_with(session) == "capabilities"


def test_several_settings_are_one_sentence() -> None:
    """Only its first word is capital, and AppArmor stays AppArmor."""
    then = replace(THEN, settings=("--cap-drop ALL", "--user 999", "--security-opt no-new-privileges"))
    told = words.what_happened(replace(row(), then=then, now=replace(THEN, settings=())))
    assert told == (
        "Its capabilities are no longer dropped, it no longer runs as 999, it can gain privileges by set-uid programs"
    )
    confined = words.what_happened(row(settings=("--pid host", "--security-opt apparmor=unconfined")))
    assert confined.startswith("It sees the host's processes, AppArmor is off for it")


def test_since_when_is_inside_the_sentence() -> None:
    found = replace(ROW, unseen_from=1.0)
    told = words.when_told(found, lambda at: f"Today {at:.0f}")
    assert told == "between today 1 and today 1000000000, while nothing was recording"


def test_what_a_relaunch_changed_is_said_once() -> None:
    relaunched = (Change(1e9, What.RELAUNCHED, plus=("memory=1073741824",)),)
    found = row(Direction.BETTER, relaunched, settings=("--memory 1g",))
    assert words.what_happened(found) == "--memory 64m → --memory 1g"
    assert words.who_did(found) == "you, with Stratascope"
    assert words.what_happened(row(Direction.BETTER, relaunched)).startswith("Relaunched by Stratascope")


def test_an_undo_is_named_before_all_else_and_by_its_number() -> None:
    undone = row(changes=(Change(1e9, What.UNDONE),), settings=("--privileged",), threats=("load-module",))
    assert words.what_happened(undone) == "Undone: back at 9.0"
    assert words.who_did(undone) == "you, with Stratascope"
    session = replace(undone, now=replace(undone.now, drift=(Unlike("sh", "exec", ("capabilities.effective",)),)))
    assert words.what_happened(session).startswith("Undone: back at 9.0. A session (sh) differs")


def test_what_came_and_went_is_one_sentence() -> None:
    changes = (
        Change(1e9, What.REPLACED),
        Change(1e9, What.SETTINGS, ("--cap-add NET_ADMIN",)),
        Change(1e9, What.OPENED, ("load-module",)),
        Change(2e9, What.CLOSED, (), ("load-module",)),
        Change(2e9, What.REPLACED),
        Change(2e9, What.SETTINGS, (), ("--cap-add NET_ADMIN",)),
    )
    found = row(Direction.OTHER, changes)
    assert words.what_happened(found) == "Came and went: --cap-add NET_ADMIN"
    assert words.layer_with(found) == "capabilities"
    assert words.what_happened(replace(found, changes=changes[2:4])) == "Came and went: Load a kernel module"
    unguarded = (Change(1e9, What.SETTINGS, (), ("--memory 64m",)), Change(1e9, What.SETTINGS, ("--memory 64m",)))
    assert words.what_happened(row(Direction.OTHER, unguarded)) == "Was without it meanwhile: --memory 64m"
    session = (Unlike("sh", "exec", ("capabilities.effective",)),)
    short = (Change(1e9, What.DRIFT, drift=session), Change(1e9, What.DRIFT_ENDED, drift=session))
    assert words.what_happened(row(Direction.OTHER, short)) == "Processes with other rights came and went: sh"


def test_a_value_that_changed_and_an_image_that_moved() -> None:
    assert words.what_happened(row(settings=("--memory 1g",))) == "--memory 64m → --memory 1g"
    assert words.what_happened(row(image=Image("web:2"))) == "Image: web:1 → web:2"


def test_what_a_new_one_could_do_and_what_one_did_that_came_and_went() -> None:
    assert words.what_happened(row(Direction.NEW, threats=("load-module",))) == "It could: load a kernel module"
    assert words.what_happened(row(Direction.NEW)) == "Nothing serious is open in it"
    assert words.what_happened(row(Direction.NEW, threats=None)) == "Not read yet"
    assert words.what_happened(row(Direction.GONE)) == "Removed"
    short = replace(row(Direction.GONE, threats=("load-module",)), then=Standing())
    assert words.what_happened(short) == "Came and went. It could: load a kernel module"


def test_of_all_containers() -> None:
    every = replace(row(layers=(("mac", "OPEN"),)), everywhere=True, subjects=(WEB,) * 4, of=4)
    assert (words.name_of(every), words.pill_of(every)) == ("This machine", "all 4")
    assert "Enforced → Open" in words.what_happened(every)
    assert words.pill_of(replace(every, of=6)) == "4 of 6"
    assert words.who_did(every) == ""


MADE = Made("b" * 64, by="anna", owner="compose")


@pytest.mark.parametrize(
    ("changes", "made", "who"),
    [
        ((Change(1.0, What.REPLACED),), MADE, "anna, Compose"),
        ((Change(1.0, What.REPLACED),), Made("b" * 64), "not known who"),
        ((Change(1.0, What.RESTARTED),), MADE, "anna"),
        ((Change(1.0, What.RESTARTED, out_of_memory=True),), MADE, "the kernel, out of memory"),
        ((Change(1.0, What.RELAUNCHED, ("cap-drop",)),), MADE, "you, with Stratascope"),
        ((Change(1.0, What.DRIFT),), MADE, "not known who"),  # a session may be somebody else's
    ],
)
def test_who_did_it(changes: tuple[Change, ...], made: Made, who: str) -> None:
    assert words.who_did(row(changes=changes, made=made)) == who


def test_what_others_wrote_is_no_markup_and_ends() -> None:
    bad = "\x1b[31m<b>evil</b>\n" + "x" * 5000
    found = replace(row(settings=(f"-v {bad}:/x",), image=Image(bad), made=Made(bad, by=bad)),
                    subjects=(Subject("docker", bad),), changes=(Change(1.0, What.REPLACED),))  # fmt: skip
    text = "\n".join(words.lines((found,), 0.0, Style(colour=False, unicode=True, width=100)))
    assert "\x1b" not in text
    assert len(text) < 3000
    json.dumps(words.json_object((found,), 0.0, 1.0, None))


def test_lines_and_numbers() -> None:
    text = "\n".join(words.lines((row(settings=("--privileged",)), replace(ROW, direction=Direction.NEW)), 0.0,
                                 Style(colour=False, unicode=True, width=80)))  # fmt: skip
    assert "1 worse, 1 new, 0 better, 0 gone" in text
    assert "4.0 → 9.0  web  docker" in text
    assert words.numbers_told(replace(ROW, after=4.0)) == "4.0"
    assert words.numbers_told(replace(ROW, before=None)) == "9.0"
