"""What would close a file, written into it: it does close, nothing else changes, comments and order stay."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from stratascope.cli.check import shown
from stratascope.core.severity import SERIOUS
from stratascope.core.threats.threat import Outcome
from stratascope.i18n.translate import translate
from stratascope.usecases.check.check import Checker
from stratascope.usecases.check.corrections import fixed
from stratascope.usecases.check.writing import difference
from unit.check.shapes import FILES

OPEN = {
    "one.sh": """\
docker run -d --name one \\
  --privileged \\
  -v /etc:/host/etc \\
  --pid=host `# why` \\
  nginx
""",
    "two.sh": """\
# both
podman run --cap-add SYS_ADMIN --cap-add=NET_ADMIN --name a img
podman run --name b img
""",
    "compose.yml": """\
# top
services:
  a:   # first
    image: a
    volumes:
      - /var/run/docker.sock:/s.sock  # the socket
      - data:/data
    cap_add: [SYS_ADMIN, CHOWN]

  # second
  b: {image: b, cap_drop: [ALL], user: '1'}
volumes:
  data:
""",
    "pod.yml": """\
# a pod
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  hostPID: false   # nothing to see
  hostNetwork: false
  containers:
    - name: a
      image: a
      securityContext:
        privileged: true  # why
        runAsGroup: 5
      volumeMounts:
        - {name: etc, mountPath: /host/etc}
        - {name: tmp, mountPath: /tmp}
    - {name: b, image: b}
  volumes:
    - {name: etc, hostPath: {path: /etc}}
    - {name: tmp, emptyDir: {}}
""",
    "x.container": """\
[Container]
# image
Image=x
AddCapability=SYS_ADMIN CHOWN
Volume=/etc:/etc-of-host
Network=host
""",
}


OF_ROOT, OF_NETWORK = ("be-host-root", "hold-root-powers"), ("reach-host-network", "reach-abstract-sockets")


def serious(made: Checker, text: str, file: str) -> dict[str, set[str]]:
    """What is open and serious, by service; whose image nobody knows counts as open, too."""
    found = made.text(text, file, 0.0)
    assert found.snapshot is not None, found.problems
    return {
        state.container.name: {
            item.threat.id
            for item in (state.matrix.threats if state.matrix is not None else ())
            if item.outcome is not Outcome.STOPPED and item.threat.severity in SERIOUS
        }
        for state in found.snapshot.containers
    }


@pytest.mark.parametrize("file", OPEN)
def test_what_is_serious_is_closed(made: Checker, file: str) -> None:
    text = OPEN[file]
    before = serious(made, text, file)
    found = fixed(made, text, file)
    assert found.problems == ()
    assert found.text != text
    assert any(before.values())
    after = serious(made, found.text, file)
    for name, threats in after.items():
        assert threats <= before[name]
        assert threats <= {*OF_ROOT, *OF_NETWORK}, "another user, or who reaches it, is for a person to decide"
    assert after != before


@pytest.mark.parametrize("file", OPEN)
def test_comments_and_order_stay(made: Checker, file: str) -> None:
    text = OPEN[file]
    found = fixed(made, text, file).text
    comments = re.compile(r"#[^\n`]*")
    kept = [comment for comment in comments.findall(text) if comment not in ("# the socket", "# why")]
    assert [comment for comment in comments.findall(found) if comment in kept] == kept
    left = [line for line in text.split("\n") if line in found.split("\n")]
    assert [line for line in found.split("\n") if line in left] == left
    assert len(left) >= len(text.split("\n")) - 4
    assert fixed(made, found, file).text == found


WORST = """\
services:
  worst:
    image: a
    user: "0"
    privileged: true
    pid: host
    cap_add: [SYS_ADMIN, SYS_PTRACE]
    devices: ["/dev/sda:/dev/sda"]
    volumes:
      - /:/host        # all of it
      - /etc:/etc-of-host
      - /var/run/docker.sock:/var/run/docker.sock
      - data:/data     # stays
      - /srv/app:/app  # stays, too
    environment: {A: b}
  agent:
    image: a
    user: "0"
    environment: {DOCKER_HOST: "unix:///run/docker.sock"}
    volumes: ["/run/docker.sock:/run/docker.sock"]
volumes: {data: {}}
"""


def test_lines_that_grant_leave_the_file_and_data_stays(made: Checker) -> None:
    found = fixed(made, WORST, "compose.yml")
    services = yaml.safe_load(found.text)["services"]
    worst = services["worst"]
    assert {"privileged", "pid", "devices"}.isdisjoint(worst)
    assert {"SYS_ADMIN", "SYS_PTRACE"}.isdisjoint(worst.get("cap_add", ()))
    assert worst["volumes"] == ["/etc:/etc-of-host:ro", "data:/data", "/srv/app:/app"]
    assert "# stays, too" in found.text
    assert worst["environment"] == {"A": "b"}
    agent = next(each for each in found.services if each.name == "agent")
    assert [translate(each.evidence.why) for each in agent.in_use] == [
        "Its command or its environment names /run/docker.sock.",
    ]
    assert serious(made, found.text, "compose.yml")["worst"] <= {
        "write-host-files",
        "plant-set-uid-on-host",
        *OF_ROOT,
    }, "of /srv/app: who owns it"


def test_what_several_services_share_is_left(made: Checker) -> None:
    text = (
        "x-open: &open\n  privileged: true\n  volumes: ['/var/run/docker.sock:/var/run/docker.sock']\n"
        "services:\n  a:\n    <<: *open\n    image: a\n  b:\n    <<: *open\n    image: b\n"
    )
    found = fixed(made, text, "compose.yml")
    again = made.read(found.text, "compose.yml")
    assert [service.name for service in again.services] == ["a", "b"]
    assert found.text.startswith(text[: text.index("services:")])


def test_the_difference_can_be_applied(made: Checker, tmp_path: Path) -> None:
    for name, text in OPEN.items():
        file = tmp_path / name
        file.write_text(text)
        found = fixed(made, text, name).text
        patch = "".join(difference(text, found, name))
        subprocess.run(("git", "apply", "--unsafe-paths", "-p1", "-"), cwd=tmp_path, input=patch, text=True, check=True)
        assert file.read_text() == found


def test_on_a_terminal_nothing_of_it_acts() -> None:
    assert shown("+\tname: \x1b[2J\u202e\n") == "+\tname: \\x1b[2J\\u202e\n"


def test_only_what_was_named(made: Checker) -> None:
    found = fixed(made, OPEN["two.sh"], "two.sh", ("b",))
    assert "--cap-add SYS_ADMIN --cap-add=NET_ADMIN --name a img" in found.text


SHAPES = sorted((*(FILES / "compose").glob("*.yml"), *(FILES / "kubernetes").glob("*.yml")))


@pytest.mark.parametrize("file", SHAPES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_shape_is_broken(made: Checker, file: Path) -> None:
    """Whatever could be written reads as before, but for what was changed."""
    text = file.read_bytes().decode()
    found = fixed(made, text, str(file))
    names = [service.name for service in made.read(text, str(file)).services]
    assert [service.name for service in made.read(found.text, str(file)).services] == names
