"""What a container keeps outside its volumes gets one, or its root filesystem stays writable: pure."""

from __future__ import annotations

import pytest

from stratascope.core.container import AskedMount, Engine
from stratascope.core.relaunch.data_volume import Entry, missing, new_volumes
from stratascope.core.relaunch.file_owners import FileMarks, Folder
from stratascope.core.relaunch.launch_spec import FileChange
from stratascope.core.relaunch.toggle import Subject, ToggleError
from stratascope.i18n.translate import translate
from stratascope.layers.namespaces.toggles_volume import planned
from stratascope.layers.namespaces.written import data, kept_in_root, uncarried, volume_folders
from stratascope.layers.toggles import choice_of, fold, toggle
from stratascope.usecases.plan.look import made_folders
from stratascope.usecases.plan.written_files import lost_files
from stratascope.value import replace
from unit.layers.toggle_subjects import DOCKER, PODMAN, default, subject

NAME = subject(default(DOCKER)).container.name


def wrote(*paths: str, made: tuple[str, ...] = (), volumes: tuple[str, ...] = ()) -> Subject:
    return subject(default(DOCKER), engine=DOCKER, changes=paths, made=made, volumes=volumes)


@pytest.mark.parametrize(
    ("paths", "made", "places"),
    [
        # the whole directory of the program, as it may write beside what it wrote so far
        (("/var/lib/postgresql/data/base/1/2", "/var/lib/postgresql/data/x"), (), ("/var/lib/postgresql",)),
        (("/var/lib/app/a", "/var/log/app.log"), (), ("/var/lib/app", "/var/log")),
        (("/srv/www/a", "/srv/ftp/b"), (), ("/srv/ftp", "/srv/www")),
        (("/opt/app/data/db.sqlite",), ("/opt/app/data",), ("/opt/app/data",)),
        (("/opt/empty/db.sqlite", "/opt/empty/x/y"), (), ("/opt/empty",)),
        (("/data/a/b",), ("/data",), ("/data",)),
        (("/run/a.pid", "/tmp/b"), (), ()),
        # a volume would hide what a newer image has there
        (("/opt/app/db.sqlite",), (), ()),
        (("/etc/app.conf",), (), ()),
        (("/var/lib/app/a", "/etc/app.conf"), (), ()),
        # shared by all programs
        (("/var/lib/a",), (), ()),
        (("/.file",), (), ()),
    ],
)
def test_what_gets_a_volume(paths: tuple[str, ...], made: tuple[str, ...], places: tuple[str, ...]) -> None:
    folders = (Folder("/opt/empty", 0, 0, 0o755), Folder("/opt/app", 0, 0, 0o755, ("app.py",)))
    told = replace(wrote(*paths, made=made), folders=folders)
    assert volume_folders(told) == places
    assert planned(told) == (",".join(places) or None)
    kept = toggle("read-only-root").keeping(told)
    if places:
        assert kept_in_root(told) == ()
        assert ("volume", ",".join(places)) in kept
        assert toggle("read-only-root").left_off(told) is None
    lasting = [path for path in paths if not path.startswith(("/run/", "/tmp/"))]
    if lasting and not places:
        why = toggle("read-only-root").left_off(told)
        assert why is not None
        assert "its root filesystem stays writable" in translate(why)


def test_what_its_owner_creates_is_left_to_the_owner() -> None:
    told = wrote("/var/lib/app/a")
    for label in ("com.docker.compose.project", "PODMAN_SYSTEMD_UNIT"):
        owned = replace(told, container=replace(told.container, labels=((label, "x"),)))
        assert volume_folders(owned) == ()
        assert kept_in_root(owned) == ("/var/lib/app/a",)
        evidence = choice_of("volume", planned(owned) or "").evidence(owned)
        assert not evidence.rare, "off by itself"
        assert f"{NAME}-var-lib-app:/var/lib/app" in translate(evidence.why), "what to write"


def test_directories_that_it_made() -> None:
    changes = [
        FileChange("/opt", "changed"),
        *(FileChange(path, "added") for path in ("/opt/data", "/opt/data/sub", "/opt/data/sub/a", "/opt/file")),
    ]
    assert made_folders(changes) == ("/opt/data",), "an empty one may be a file"


def test_names_are_the_containers_and_new() -> None:
    told = wrote("/var/lib/app/a", volumes=(f"{NAME}-var-lib-app",))
    asked = fold(told.container.asked, [choice_of("volume", "/var/lib/app,/srv/ä b")], told)
    found = new_volumes(told.container.asked, asked)
    assert [volume.name for volume in found] == [f"{NAME}-var-lib-app-2", f"{NAME}-srv-b"]
    assert [volume.target for volume in found] == ["/var/lib/app", "/srv/ä b"]
    (risk,) = toggle("volume").risks("/var/lib/app", told)
    assert f"/var/lib/app → {NAME}-var-lib-app-2" in translate(risk), "it is told where the data will be"


@pytest.mark.parametrize("value", ["/", "relative", "/proc/x", "/tmp", "/run/app", "/a:b", "/there", "", "/a\nb"])
def test_what_is_no_place_for_one(value: str) -> None:
    mounts = (AskedMount("volume", "/v", "/there", writable=True, volume="v"),)
    told = subject(default(DOCKER, mounts=mounts), engine=DOCKER)
    with pytest.raises(ToggleError):
        choice_of("volume", value).checked(told)


def test_a_copy_is_held_against_what_was_there() -> None:
    file = Entry("a", "f", 0o600, 1, 2, 3, 100, "digest")
    assert missing([file], [replace(file, moment=5)]) == ()
    for other in (
        replace(file, content="other"),
        replace(file, mode=0o644),
        replace(file, uid=0),
        replace(file, size=4),
    ):
        assert missing([file], [other]) == ("a",)
    assert missing([file], []) == ("a",)
    assert missing([], [file]) == ("a",), "nor may there be more"
    made = Entry("", "d", 0o755, 0, 0, 0, 0)
    assert missing([], [made]) == (), "a path that was not there is made with the volume"
    assert missing([made], []) == missing([replace(made, uid=7)], [made]) == ("",)


def test_what_passes_with_its_processes_is_no_data() -> None:
    told = replace(wrote("/etc/app/app.lock", "/srv/www/a"), marks=FileMarks(("/etc/app/app.lock",)))
    assert data(told) == ("/srv/www/a",)
    assert volume_folders(told) == ("/srv/www",)
    changes = tuple(FileChange(path, "added") for path in ("/etc/app", "/etc/app/app.lock", "/srv/www", "/srv/www/a"))
    assert lost_files(told.container, changes, marks=told.marks) == "/srv/www/a"


@pytest.mark.parametrize(
    ("engine", "name", "carried"),
    [
        (DOCKER, "user.note", False),
        (PODMAN, "user.note", True),
        (DOCKER, "system.posix_acl_access", False),
        (PODMAN, "system.posix_acl_default", False),
    ],
)
def test_attributes_that_its_engine_does_not_copy(engine: Engine, name: str, *, carried: bool) -> None:
    """The row is there and off, and its root filesystem stays writable: verified on all engines."""
    told = replace(
        subject(default(engine), engine=engine, changes=("/srv/www/a", "/run/b")),
        marks=FileMarks(attributes=(("/srv/www", name), ("/run/b", name))),
    )
    assert planned(told) == "/srv/www"
    assert (uncarried(told), kept_in_root(told)) == (((), ()) if carried else (("/srv/www",), ("/srv/www/a",)))
    evidence = choice_of("volume", "/srv/www").evidence(told)
    assert evidence.rare is carried
    assert carried or "/srv/www" in translate(evidence.why)
