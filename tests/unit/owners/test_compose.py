"""What Compose is asked, and what is made of answers that a real one does not give."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from stratascope.core.container import Asked, Container, Engine, EngineKind, Status
from stratascope.core.ports import OwnerError
from stratascope.core.relaunch.launch_spec import LaunchSpec
from stratascope.core.relaunch.owner import OwnerKind, OwnerPlan, OwnerRefusal, OwnerText
from stratascope.owners.compose import Compose
from stratascope.value import replace
from unit.owners.fakes import program, said

ENGINE = Engine("docker", EngineKind.DOCKER, "unix:///d.sock")
SPEC = LaunchSpec(
    "docker", EngineKind.DOCKER, "a" * 64, "p-web-1", "busybox", "sha256:1", Asked(), "{}", "{}", stop_timeout=1
)
TEXT = "services:\n  web:\n    read_only: true\n"
# version, image, and a hash that knows whether an override is given
DOCKER = """case "$*" in
*"compose version"*) echo 2.26.1-4;;
*"image inspect"*) echo 'sha256:1 null';;
*--hash*) case "$(cat)" in *read_only*) echo web new;; *) echo web old;; esac;;
esac"""


class Project:
    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.folder = folder / "project"
        for path in (self.bin, self.folder):
            path.mkdir()
        self.source = self.folder / "compose.yaml"
        self.source.write_text("services: {}\n")
        self.docker(DOCKER)

    def docker(self, script: str) -> None:
        program(self.bin, "docker", script)

    def container(self, **labels: str) -> Container:
        found = {
            "project": "p",
            "service": "web",
            "oneoff": "False",
            "config-hash": "old",
            "project.config_files": str(self.source),
            "project.working_dir": str(self.folder),
            **labels,
        }
        pairs = tuple((f"com.docker.compose.{name.replace('__', '.')}", value) for name, value in found.items())
        return Container("docker", "a" * 64, "p-web-1", "busybox", Status.RUNNING, 7, 1.0, 1.0, labels=pairs)

    def compose(self, engine: Engine = ENGINE, uid: int = 0) -> Compose:
        environ = {"PATH": str(self.bin), "COMPOSE_FILE": "/other.yaml", "DOCKER_HOST": "tcp://other"}
        return Compose(engine, environ, uid)

    def plan(
        self,
        container: Container | None = None,
        others: Sequence[Container] = (),
        text: OwnerText = OwnerText(TEXT),  # noqa: B008
    ) -> OwnerPlan | OwnerRefusal:
        return self.compose().plan(container or self.container(), SPEC, others, lambda: text)

    def planned(self, container: Container | None = None, text: OwnerText | None = None) -> OwnerPlan:
        found = self.plan(container, text=text or OwnerText(TEXT))
        assert isinstance(found, OwnerPlan), found
        return found

    def refused(self, container: Container | None = None, others: Sequence[Container] = ()) -> str:
        found = self.plan(container, others)
        assert isinstance(found, OwnerRefusal), found
        return found.text.id


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_the_plan_names_file_and_command(project: Project) -> None:
    plan = project.planned()
    (file,) = plan.files
    assert file.path == str(project.folder / "compose.override.yaml")
    assert file.content.endswith(TEXT)
    (command,) = plan.commands
    assert command == (
        f"docker --host unix:///d.sock compose --project-name p --project-directory {project.folder} "
        f"-f {project.source} -f {file.path} up -d --no-deps --no-build --pull never -- web"
    )
    assert not Path(file.path).exists()
    assert not any(" up " in line for line in said(project.bin))
    assert not any("other" in line for line in said(project.bin))
    assert len(plan.warnings) == 2


def test_what_is_run_is_what_was_shown(project: Project) -> None:
    plan = project.planned()
    Path(plan.files[0].path).write_text(TEXT)
    project.compose().recreate(plan.owned, 0)
    assert f"docker {said(project.bin)[-1]}" == plan.commands[0]
    Path(plan.files[0].path).unlink()
    project.compose().recreate(plan.owned, 0)
    assert said(project.bin)[-1].count("-f ") == 1


@pytest.mark.parametrize(
    ("names", "wanted", "plainly"),
    [
        (("compose.yaml",), "compose.override.yaml", True),
        (("docker-compose.yml",), "compose.override.yaml", True),
        (("stack.yml",), "stack.stratascope.yml", False),
        (("docker-compose.yml", "compose.yaml*"), "docker-compose.stratascope.yml", False),  # Compose takes the other
        (("compose.yaml", "more.yaml"), "compose.stratascope.yaml", False),
        (("compose.yaml", ".env*"), "compose.stratascope.yaml", False),
        (("compose.yaml", "compose.override.yml*"), "compose.stratascope.yaml", False),
        (("compose.yaml", "compose.override.yml"), "compose.stratascope.yaml", False),
    ],
)
def test_where_the_override_goes(project: Project, names: tuple[str, ...], wanted: str, plainly: bool) -> None:
    """With `*`: a file that is there, but that Compose was not given."""
    project.source.unlink()
    for name in names:
        (project.folder / name.removesuffix("*")).write_text("COMPOSE_FILE=x.yaml\n")
    given = ",".join(str(project.folder / name) for name in names if not name.endswith("*"))
    plan = project.planned(project.container(**{"project.config_files": given}))
    assert Path(plan.files[0].path).name == wanted
    assert any("automatically" in item.id for item in plan.warnings) is plainly


def test_a_file_of_ours_that_another_service_had_may_be_gone(project: Project) -> None:
    """Compose names the same files in the labels of all services; the hash tells whether they count for this one."""
    given = f"{project.source},{project.folder}/compose.override.yaml"
    container = project.container(**{"project.config_files": given})
    assert project.planned(container).owned.sources == (str(project.source),)
    assert "changed since" in project.refused(
        project.container(**{"project.config_files": given, "config-hash": "older"})
    )


def test_a_file_of_our_name_that_is_not_ours(project: Project) -> None:
    path = project.folder / "compose.stratascope.yaml"
    (project.folder / "compose.override.yml").write_text("services: {}\n")
    path.write_text("services: {}\n")
    assert "already" in project.refused()


def test_names_that_begin_with_a_dash_are_names(project: Project) -> None:
    project.docker(DOCKER.replace("echo web", "echo -web"))
    plan = project.planned(project.container(service="-web"))
    assert plan.commands[0].endswith(" up -d --no-deps --no-build --pull never -- -web")
    spec = replace(SPEC, image="--help")
    project.compose().plan(project.container(), spec, (), lambda: OwnerText(TEXT))
    asked = "image inspect --format {{.Id}} {{json .Config.Labels}} -- --help"
    assert any(line.endswith(asked) for line in said(project.bin))


def test_labels_that_name_no_file_and_no_one_service(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.folder)  # where this program runs is nobody's choice
    (project.folder / "-").write_text("services: {}\n")
    for label in ("project.config_files", "project.environment_file"):
        for path in ("compose.yaml", "-", "./-"):
            assert "no longer exists" in project.refused(project.container(**{label: path}))
    assert "no longer exists" in project.refused(project.container(**{"project.working_dir": "."}))
    assert said(project.bin) == []
    found = project.plan(project.container(service="*"))  # Compose has a hash for it, where there is one service
    assert isinstance(found, OwnerRefusal)


def test_what_stands_in_the_way(project: Project) -> None:
    container = project.container()
    assert "one-off run" in project.refused(project.container(oneoff="True"))
    assert "labels" in project.refused(project.container(service=""))
    assert "no longer exists" in project.refused(project.container(**{"project.config_files": "/nowhere.yaml"}))
    assert "no longer exists" in project.refused(project.container(**{"project.environment_file": "/nowhere.env"}))
    assert "changed since" in project.refused(project.container(**{"config-hash": "older"}))
    assert "{count} containers" in project.refused(container, (container, replace(container, id="b" * 64)))
    podman = replace(container, labels=(*container.labels, ("io.podman.compose.project", "p")))
    assert "podman-compose" in project.refused(podman)
    remote = Engine("docker", EngineKind.DOCKER, "ssh://somewhere")
    found = project.compose(remote).plan(container, SPEC, (), lambda: OwnerText(TEXT))
    assert isinstance(found, OwnerRefusal)
    assert "another machine" in found.text.id


@pytest.mark.parametrize("name", ["project.config_files", "project.working_dir", "config-hash"])
def test_an_image_that_speaks_for_compose_is_not_believed(project: Project, name: str) -> None:
    """Its maker could name a compose file of their own, with the hash that fits, and have it run."""
    labels = f'{{"com.docker.compose.{name}": "x"}}'
    project.docker(DOCKER.replace("sha256:1 null", f"sha256:1 {labels}"))
    assert "The image itself claims" in project.refused()
    assert not any("config --hash" in line or " up " in line for line in said(project.bin))  # no file was read


def test_labels_of_images_that_can_not_be_read_and_those_that_compose_builds(project: Project) -> None:
    for labels in ("", "nonsense", "[]", "{"):
        project.docker(DOCKER.replace("sha256:1 null", f"sha256:1 {labels}"))
        assert "The image itself claims" in project.refused()
    built = '{"com.docker.compose.project": "p", "com.docker.compose.service": "web", "a": "b"}'
    project.docker(DOCKER.replace("sha256:1 null", f"sha256:1 {built}"))
    project.planned()


def test_root_reads_no_files_for_the_user_of_a_rootless_engine(project: Project) -> None:
    """The user chose the labels, and Compose would put into the container what root can read."""
    rootless = replace(ENGINE, rootless=True, daemon_uid=1000)
    found = project.compose(rootless, 0).plan(project.container(), SPEC, (), lambda: OwnerText(TEXT))
    assert isinstance(found, OwnerRefusal)
    assert "another user" in found.text.id
    assert said(project.bin) == []
    assert isinstance(
        project.compose(rootless, 1000).plan(project.container(), SPEC, (), lambda: OwnerText(TEXT)), OwnerPlan
    )


def test_what_compose_and_docker_may_say(project: Project) -> None:
    for old, new, words in (
        ("echo 2.26.1-4", "echo v2.23.3", "can't replace"),
        ("echo 2.26.1-4", "echo dev", "can't replace"),
        ("echo 2.26.1-4", "exit 1", "not installed"),
        ("sha256:1 null", "sha256:2 null", "another image"),
        ("echo 'sha256:1 null'", "exit 1", "another image"),
        ("echo web old", "echo nonsense from somewhere else", "can no longer read"),
        ("echo web old", "echo yaml: line 1 >&2; exit 15", "can no longer read"),
        ("echo web new", "echo web old", "nothing to change"),
    ):
        project.docker(DOCKER.replace(old, new))
        assert words in project.refused(), new
    (project.bin / "docker").unlink()
    assert "not installed" in project.refused()


def test_a_dependency_that_the_hash_leaves_out(project: Project) -> None:
    """Compose before 2.27 hashes what a service depends on, which `up --no-deps` leaves out."""
    script = DOCKER.replace("--hash*) case", "--hash*) case").replace(
        '"$(cat)" in *read_only*)', '"$(cat)" in *read_only*depends_on*) echo web alone;; *read_only*)'
    )
    project.docker(script)
    assert any("once more" in item.id for item in project.planned().warnings)


def test_a_profile_lies_beside_it(project: Project) -> None:
    text = OwnerText(TEXT, '{"defaultAction": "SCMP_ACT_ALLOW"}\n', "p-web-1-seccomp.json")
    plan = project.planned(text=text)
    path = project.folder / "p-web-1-seccomp.json"
    assert plan.files[1].path == str(path)
    path.write_text(text.profile)
    assert len(project.planned(text=text).files) == 1  # it is there already, and not ours to remove
    path.write_text("{}")  # of an earlier change, or a person's: left as it is
    named = OwnerText(f"{TEXT}# ./p-web-1-seccomp.json\n", text.profile, text.profile_name)
    over, other = project.planned(text=named).files
    assert Path(other.path).name.startswith("p-web-1-seccomp-")
    assert Path(other.path).name in over.text
    assert f"./{path.name}" not in over.text
    Path(other.path).write_text("{}")
    with pytest.raises(OwnerError, match="already exists"):
        project.plan(text=named)


def test_one_that_joins_another_service_is_hashed_as_compose_did(project: Project) -> None:
    """Compose hashes `network_mode: service:db` as the container that it was, and as a dependency."""
    db = project.container(service="db")
    db = replace(db, id="b" * 64, name="p-db-1")
    joined = project.container(**{"config-hash": "joined"})
    joined = replace(joined, asked=replace(joined.asked, network_mode=f"container:{'b' * 64}"))
    answer = """*--hash*) text=$(cat); case "$text" in
*read_only*) echo web new;;
*container:bbbb*depends_on*service_started*) echo web joined;;
*) echo web old;; esac;;"""
    project.docker(DOCKER[: DOCKER.index("*--hash*")] + answer + "\nesac")
    assert project.plan(joined, (db,)).kind is OwnerKind.COMPOSE
    assert isinstance(project.plan(joined, (db,)), OwnerPlan)
    assert "changed since" in project.refused(joined, (replace(db, id="c" * 64),))
    assert "changed since" in project.refused(joined)


def test_those_that_join_it_are_created_again_with_it(project: Project) -> None:
    side = project.container(service="side")
    side = replace(side, id="b" * 64, name="p-side-1", image_id="sha256:1")
    side = replace(side, asked=replace(side.asked, pid_mode=f"container:{'a' * 64}"))
    project.docker(
        DOCKER.replace("echo web old", 'case "$*" in *"--hash side") echo side old;; *) echo web old;; esac')
    )
    plan = project.plan(None, (side,))
    assert isinstance(plan, OwnerPlan)
    assert plan.takes == {side.id}
    assert plan.commands[0].endswith("-- web side")
    for other in (replace(side, image_id="sha256:2"), replace(side, labels=())):
        plan = project.plan(None, (other,))
        assert isinstance(plan, OwnerPlan)
        assert (plan.takes, plan.owned.also) == (frozenset(), ())


def test_files_that_change_between_plan_and_run(project: Project) -> None:
    plan = project.planned()
    project.compose().check(plan.owned)
    project.docker(DOCKER.replace("echo web old", "echo web newer"))
    with pytest.raises(OwnerError):
        project.compose().check(plan.owned)
