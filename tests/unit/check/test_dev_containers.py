"""devcontainer.json: what is read is what `devcontainer up` asks an engine for, and corrections change nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stratascope.core.container import Image
from stratascope.core.options.difference import UnwritableError
from stratascope.core.relaunch.toggle import ToggleError
from stratascope.formats.devcontainer.adds import with_label
from stratascope.formats.devcontainer.jsonc import JsonError, parse
from stratascope.formats.read import read
from stratascope.formats.text import Language, NoFiles, Read
from stratascope.formats.yaml.read import List, Text
from stratascope.formats.yaml.read import Mapping as Node
from stratascope.i18n.translate import translate
from stratascope.layers.toggles import choice_of
from stratascope.usecases.check.check import Checker
from stratascope.usecases.check.corrections import fixed
from stratascope.usecases.check.writing import Writer

FILE = ".devcontainer/devcontainer.json"
BIND = ("mount", "type=bind,source=/home/me/shop,target=/workspaces/shop")


class Beside:
    """The files beside one, in /home/me/shop."""

    def __init__(self, files: Mapping[str, str] | None = None, variables: Mapping[str, str] | None = None) -> None:
        self.variables: Mapping[str, str] = variables or {}
        self.read_so_far: list[str] = []
        self._files = files or {}

    def read(self, path: str) -> str | None:
        self.read_so_far.append(path)
        return self._files.get(path)

    def names(self, folder: str) -> tuple[str, ...]:
        return tuple(sorted(name[len(folder) + 1 :] for name in self._files if name.startswith(f"{folder}/")))

    def here(self) -> str:
        return "/home/me/shop"


def asked(found: Read, number: int = 0) -> list[tuple[str, str | None]]:
    return [(each.name, each.value) for each in found.services[number].said]


def told(found: Read) -> str:
    return "\n".join(f"{problem.place} {translate(problem.text)}" for problem in found.problems)


# What a file says, and the options of `docker run`, as @devcontainers/cli 0.89 gives them
GOOD: dict[str, list[tuple[str, str | None]]] = {
    '{"image": "a"}': [BIND],
    '// x\n{"build": {"dockerfile": "Dockerfile"},}': [BIND],
    '{"dockerFile": "Dockerfile"}': [BIND],
    '{"image": "a", "workspaceMount": ""}': [],
    '{"image": "a", "workspaceMount": "source=${localWorkspaceFolder}/sub,target=/w,type=bind"}': [
        ("mount", "source=/home/me/shop/sub,target=/w,type=bind")
    ],
    '{"image": "a", "appPort": 3000}': [("publish", "127.0.0.1:3000:3000"), BIND],
    '{"image": "a", "appPort": [3000, "81:81"]}': [("publish", "127.0.0.1:3000:3000"), ("publish", "81:81"), BIND],
    '{"image": "a", "forwardPorts": [3000]}': [BIND],
    '{"image": "a", "privileged": true, "init": true}': [BIND, ("init", "true"), ("privileged", "true")],
    '{"image": "a", "privileged": false}': [BIND],
    '{"image": "a", "containerUser": "1000", "remoteUser": "x", "runArgs": ["-u", "2000"]}': [
        BIND,
        ("user", "1000"),
        ("user", "2000"),
    ],
    '{"image": "a", "mounts": [{"type": "bind", "source": "/etc", "target": "/e", "readonly": true}]}': [
        BIND,
        ("mount", "type=bind,src=/etc,dst=/e"),
    ],
    '{"image": "a", "mounts": ["source=x-${devcontainerId},target=${containerWorkspaceFolder}/y,type=volume"]}': [
        BIND,
        ("mount", "source=x-${devcontainerId},target=/workspaces/shop/y,type=volume"),
    ],
    '{"image": "a", "runArgs": ["--cap-add=SYS_ADMIN", "--net", "host", "-v", "/etc:/e"], "capAdd": ["SYS_PTRACE"]}': [
        BIND,
        ("cap-add", "SYS_ADMIN"),
        ("network", "host"),
        ("volume", "/etc:/e"),
        ("cap-add", "SYS_PTRACE"),
    ],
    '{"image": "a", "runArgs": ["--userns=keep-id"]}': [
        BIND,
        ("security-opt", "label=disable"),
        ("userns", "keep-id"),
    ],
    '{"image": "a", "hostRequirements": {"gpu": true}}': [BIND, ("gpus", "all")],
    '{"image": "a", "features": {"ghcr.io/devcontainers/features/docker-in-docker:2": {}}}': [
        BIND,
        ("mount", "type=volume,src=dind-var-lib-docker-${devcontainerId},dst=/var/lib/docker"),
        ("privileged", "true"),
    ],
    '{"image": "a", "features": {"ghcr.io/devcontainers/features/docker-outside-of-docker@sha256:0": {}}}': [
        BIND,
        ("mount", "type=bind,src=/var/run/docker.sock,dst=/var/run/docker-host.sock"),
        ("security-opt", "label=disable"),
    ],
    '{"image": "a", "features": {"go": "latest"}, "securityOpt": ["no-new-privileges"]}': [
        BIND,
        ("cap-add", "SYS_PTRACE"),
        ("security-opt", "seccomp=unconfined"),
        ("security-opt", "no-new-privileges"),
    ],
    '{"image": "a", "features": {"docker-in-docker": {}}, "mounts": ["src=mine,dst=/var/lib/docker"]}': [
        BIND,
        ("mount", "src=mine,dst=/var/lib/docker"),
        ("privileged", "true"),
    ],
}


@pytest.mark.parametrize("text", GOOD, ids=lambda text: re.sub(r"\W+", " ", text)[:60])
def test_it_is_read_as_the_tool_starts_it(text: str) -> None:
    found = read(text, FILE, Beside())
    assert asked(found) == GOOD[text], told(found)
    assert found.language is Language.DEVCONTAINER
    assert not any(problem.unread for problem in found.problems), told(found)
    assert found.services[0].image_adds


BAD = {
    # text: the line, a word of the sentence, and whether nothing at all is known
    '{"image": "a"': (1, "ends too early", True),
    '{\n"image": "a",\n"image": "b"}': (3, "twice", True),
    '{"image": a}': (1, "not JSON", True),
    "[]": (1, "not a JSON object", True),
    "": (1, "not JSON", True),
    "services: {}": (1, "not JSON", True),
    "[" * 100: (1, "deep", True),
    '{\n"image": "a", "x": "\0"}': (2, "null bytes", True),
    '{"name": "x"}': (0, "neither an image", True),
    '{"dockerComposeFile": "compose.yml", "service": "app"}': (1, "no service", True),
    '{"image": "a",\n"features": {\n"ghcr.io/me/x/y:1": {}}}': (3, "feature ghcr.io/me/x/y is not known", False),
    '{"image": "a",\n"features": {"../../x": {}}}': (2, "is not known", False),
    '{"image": "a",\n"features": {"./x": {}}}': (2, "can't be read", False),
    '{"image": "a",\n"mounts": ["source=${localEnv:HOME}/.ssh,target=/s,type=bind"]}': (2, "HOME has no value", False),
    '{"image": "a",\n"runArgs": ["--privileged", "ubuntu"]}': (2, "is no option", False),
}


@pytest.mark.parametrize("text", BAD, ids=lambda text: repr(text[:40]))
def test_what_is_wrong_is_told_with_its_line(text: str) -> None:
    line, words, fatal = BAD[text]
    found = read(text, FILE, Beside())
    assert found.failed is fatal
    assert any(
        problem.place.line == line and words in translate(problem.text) and (problem.fatal or problem.unread)
        for problem in found.problems
    ), told(found)


def test_what_is_only_odd_is_told() -> None:
    text = '{"image": "a",\n"oops": "geheim",\n"initializeCommand": "make",\n"containerEnv": {"TOKEN": "geheim"}}'
    found = read(text, FILE, Beside())
    assert "no key oops" in told(found)
    assert f"{FILE}:3 This runs on this machine" in told(found)
    assert "geheim" not in told(found)
    assert not any(problem.unread for problem in found.problems)


def test_what_vs_code_adds_is_told_apart() -> None:
    found = read('{"image": "a", "forwardPorts": [3000, "db:5432"]}', FILE, Beside())
    added = [translate(problem.text) for problem in found.problems if problem.added]
    assert [line for line in added if "3000, db:5432" in line]
    assert [line for line in added if "/home/me/shop is mounted at /workspaces/shop" in line]
    assert [line for line in added if "SSH agent" in line]
    assert not any(problem.unread or problem.fatal for problem in found.problems)
    own = read('{"image": "a", "workspaceMount": "", "overrideCommand": false}', FILE, Beside())
    assert "is mounted at" not in told(own)
    assert "only waits" not in told(own)


def test_it_is_known_by_its_name_or_by_what_it_says() -> None:
    text = '// mine\n{"image": "a", "customizations": {}}'
    for file in (FILE, ".devcontainer.json", ".devcontainer/go/devcontainer.json", "/x/devcontainer.json", "-", ""):
        assert read(text, file, Beside()).language is Language.DEVCONTAINER, file
    assert read('{"image": "a", "postCreateCommand": "docker run b"}', "-", Beside()).services[0].image == "a"
    assert read('{"services": {"a": {"image": "b"}}, "name": "x"}', "x.json", Beside()).language is Language.COMPOSE
    pod = {"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"name": "a", "image": "b"}]}}
    assert read(json.dumps(pod), "x.json", Beside()).language is Language.KUBERNETES
    assert read("{{ x }}", "x.yml", Beside()).failed


def test_the_folder_of_the_project() -> None:
    mount = "type=bind,source=${localWorkspaceFolder},target=/x-${localWorkspaceFolderBasename}"
    text = json.dumps({"image": "a", "mounts": [mount]})
    for file in (FILE, ".devcontainer.json", ".devcontainer/go/devcontainer.json"):
        assert asked(read(text, file, Beside()))[1] == ("mount", "type=bind,source=/home/me/shop,target=/x-shop")
    # pasted: no folder is known, and nothing is made up
    assert asked(read(text.replace('"image"', '"runArgs": [], "image"'), "", Beside())) == [
        ("mount", "type=bind,source=${localWorkspaceFolder},target=/workspaces/workspace"),
        ("mount", "type=bind,source=${localWorkspaceFolder},target=/x-${localWorkspaceFolderBasename}"),
    ]
    # the whole repository is bound, not only the folder in it
    below = read('{"image": "a"}', f"app/web/{FILE}", Beside({"/home/me/shop/.git": ""}))
    assert asked(below) == [BIND]


def test_variables() -> None:
    text = '{"image": "a", "runArgs": ["--memory=${localEnv:MEMORY:1g}", "--cpus=${env:CPUS}", "-v", HOME]}'
    text = text.replace("HOME", '"${localEnv:HOME}${localEnv:USERPROFILE}:/h"')
    found = read(text, FILE, Beside(variables={"CPUS": "2", "HOME": "/home/me"}))
    assert asked(found)[1:] == [("memory", "1g"), ("cpus", "2"), ("volume", "/home/me:/h")]
    assert "no value" not in told(found)


def test_nothing_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/taken")
    found = read('{"image": "a", "runArgs": ["-v", "${localEnv:HOME}:/h"]}', FILE, NoFiles())
    assert "taken" not in str(asked(found)) + told(found)


def test_a_local_feature_is_read_and_what_it_depends_on() -> None:
    files = Beside(
        {
            ".devcontainer/mine/devcontainer-feature.json": '{"id": "mine", "privileged": true, // x\n'
            '"capAdd": ["SYS_ADMIN"], "dependsOn": {"./mine": {}, "go": {}}}'
        }
    )
    found = read('{"image": "a",\n"features": {"./mine": {}}}', FILE, files)
    assert asked(found)[1:] == [
        ("privileged", "true"),
        ("cap-add", "SYS_ADMIN"),
        ("cap-add", "SYS_PTRACE"),
        ("security-opt", "seccomp=unconfined"),
    ]
    assert {each.place.line for each in found.services[0].said[1:]} == {2}


COMPOSE = """\
services:
  app:
    image: a
    volumes: ["..:/workspace"]
    network_mode: service:db
  db: {image: b, cap_add: [NET_ADMIN]}
"""
OF_COMPOSE = """\
{
  "dockerComposeFile": ["../compose.yml", "more.yml"],
  "service": "app", // this one
  "capAdd": ["SYS_PTRACE"],
  "runArgs": ["--privileged"],
  "mounts": ["type=bind,source=/etc,target=/e,readonly"],
}
"""


def test_a_compose_project() -> None:
    more = "services: {app: {privileged: true}}\n"
    files = Beside({".devcontainer/../compose.yml": COMPOSE, ".devcontainer/more.yml": more})
    found = read(OF_COMPOSE, FILE, files)
    assert [each.name for each in found.services] == ["app", "db"]
    assert asked(found) == [
        ("volume", "..:/workspace"),
        ("network", "container:db"),
        ("privileged", "true"),
        ("volume", "/etc:/e"),
        ("cap-add", "SYS_PTRACE"),
    ]
    assert asked(found, 1) == [("cap-add", "NET_ADMIN")]
    assert found.services[0].folder == ".devcontainer/.."
    assert "runArgs has no effect in a Compose project" in told(found)
    assert "only its source and target" in told(found)
    # nothing but these, and the .env beside the first
    assert sorted(set(files.read_so_far)) == [".devcontainer/../.env", ".devcontainer/../compose.yml",
                                              ".devcontainer/more.yml"]  # fmt: skip


def test_an_image_adds_what_its_label_says() -> None:
    service = read('{"image": "a", "mounts": ["type=volume,src=x,dst=/x"]}', FILE, Beside()).services[0]
    entries = [{"id": "go", "capAdd": ["SYS_PTRACE"], "mounts": ["src=y,dst=/x"]}, {"containerUser": "1"}]
    label = json.dumps(entries)
    made, problems = with_label(service, label)
    assert problems == ()
    assert [(each.name, each.value) for each in made.said[:2]] == [("cap-add", "SYS_PTRACE"), ("user", "1")]
    assert made.said[2:] == service.said
    for bad in ("[", "x" * (1 << 17), json.dumps([{"capAdd": ["X" * 2000]}]), json.dumps([{"capAdd": ["X"] * 600}])):
        made, problems = with_label(service, bad)
        assert made == service
        assert problems[0].unread


def test_an_image_that_is_not_there_opens_no_gate(made: Checker) -> None:
    found = made.text('{"image": "example.org/none"}', FILE, 0.0)
    assert any(problem.unread and "dev container" in translate(problem.text) for problem in found.problems)
    assert Image().dev_container == ""


# -- corrections

OPEN = """\
// What an agent runs in
{
  "image": "a", // as it comes
  "privileged": true,
  "features": {
    "ghcr.io/devcontainers/features/docker-outside-of-docker:1": {}
  },
  "mounts": [
    // the engine's
    "source=/var/run/docker.sock,target=/var/run/docker.sock,type=bind", // its socket
    /* keys */
    {"source": "${localEnv:HOME}/.ssh", "target": "/ssh", "type": "bind"}
  ],
  "capAdd": ["SYS_ADMIN"], // for strace
  "runArgs": ["--cap-add", "NET_ADMIN", "--security-opt=seccomp=unconfined"] // the last
}
"""


def changed(made: Checker, text: str, choice: str) -> str:
    name, _, value = choice.partition("=")
    return Writer(made, text, FILE, 0).written((choice_of(name, value),))


def test_a_mount_is_made_read_only_with_its_variable(made: Checker) -> None:
    text = OPEN.replace('"privileged": true,\n', "")
    after = changed(made, text, "host-paths=/ssh")
    line = '    "type=bind,source=${localEnv:HOME}/.ssh,target=/ssh,readonly"\n'
    assert after == text.replace('    {"source": "${localEnv:HOME}/.ssh", "target": "/ssh", "type": "bind"}\n', line)


def test_the_rest_stays_as_it_is(made: Checker) -> None:
    """Every line is kept or taken out; a line that comes in is an entry of its own, or has one comma more or less."""
    found = fixed(made, OPEN, FILE)
    assert found.text != OPEN
    for comment in ("// What an agent runs in", "// as it comes", "// the engine's", "/* keys */"):
        assert comment in found.text
    parse(found.text, FILE)
    assert json.loads(re.sub(r"//[^\n]*|/\*.*?\*/", "", found.text)), "a plain JSON with comments stays one"


def test_what_a_feature_asks_for_is_not_taken_out(made: Checker) -> None:
    text = '{"image": "a", "features": {"docker-in-docker": {}}}'
    writer = Writer(made, text, FILE, 0)
    choice = choice_of("privileged", "off")
    assert "feature" in translate(writer.why_not(choice) or choice.titled)
    with pytest.raises((UnwritableError, ToggleError)):
        writer.written((choice,))


# -- any text

_WORDS = st.sampled_from([
    "{", "}", "[", "]", ",", ":",
    '"image"', '"a"', '"mounts"', '"runArgs"', '"--cap-add=ALL"', '"features"', "true", "1",
    "// x\n", "/* y */", "\n", '"${localEnv:X}"', '"dockerComposeFile"', '"../../etc/passwd"', "null", '"\\ud83d"', '"',
    '"capAdd"', '"workspaceMount"', '"service"', "\t", "/", "\\",
])  # fmt: skip
_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda each: st.lists(each, max_size=4) | st.dictionaries(st.text(max_size=5), each, max_size=4),
    max_leaves=12,
)
_KEY_WORDS = """
image build dockerComposeFile service runArgs mounts workspaceMount containerUser privileged capAdd securityOpt appPort
forwardPorts features containerEnv hostRequirements overrideCommand workspaceFolder init initializeCommand
"""
_KEYS = st.sampled_from(_KEY_WORDS.split())
_GAPS = st.sampled_from(["", " ", "\n", "\t", '// ] } " ,\n', '/* , " */', "\r\n"])


@settings(deadline=None)
@given(st.lists(_WORDS, max_size=40).map("".join))
def test_any_text(text: str) -> None:
    found = read(text, FILE, Beside())
    assert found.services or found.problems


@settings(deadline=None)
@given(st.dictionaries(_KEYS, _VALUES, max_size=8))
def test_any_value_anywhere(value: dict[str, Any]) -> None:
    found = read(json.dumps(value), FILE, Beside())
    assert found.services or found.failed


def plain(node: object) -> Any:
    match node:
        case Text():
            return json.loads(node.text) if node.plain else node.text
        case List():
            return [plain(each) for each in node.items]
        case Node():
            return {key.text: plain(each) for key, each in node.entries}


@settings(deadline=None)
@given(_VALUES, st.data())
def test_what_is_written_with_comments_is_what_was_meant(value: Any, data: st.DataObject) -> None:
    def last() -> str:
        return "," if data.draw(st.booleans()) else ""

    def written(each: Any) -> str:
        gap = data.draw(_GAPS)
        if isinstance(each, dict):
            pairs = [f"{gap}{json.dumps(key)}{gap}:{written(one)}" for key, one in each.items()]
            return f"{gap}{{{','.join(pairs)}{last() if pairs else ''}{gap}}}"
        if isinstance(each, list):
            items = [written(one) for one in each]
            return f"[{gap}{','.join(items)}{gap}{last() if items else ''}]{gap}"
        plain_text = json.dumps(each, ensure_ascii=bool(last()))
        return f"{gap}{plain_text}{gap}"

    text = written(value)
    assert plain(parse(text, FILE)) == value


@pytest.mark.parametrize("text", ['{"a"', '{"a": 01}', "/* x", '"a\n"', "{a: 1}", "[1 2]", "{,}", "[,]", "@", "'a'"])
def test_what_is_not_json(text: str) -> None:
    with pytest.raises(JsonError):
        parse(text, FILE)


def test_paths_of_a_compose_file_begin_at_its_folder(made: Checker) -> None:
    text = "services: {a: {image: b, volumes: ['./data:/data']}}\n"
    found = made.text(text, "/srv/shop/compose.yml", 0.0)
    assert found.snapshot is not None
    mounts = found.snapshot.containers[0].container.asked.mounts
    assert "/srv/shop/data" in [each.source for each in mounts]
