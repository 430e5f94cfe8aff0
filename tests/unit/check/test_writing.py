"""Each toggle written into each language: what is read again is what was chosen, and nobody else's."""

from __future__ import annotations

import json
from itertools import combinations

import pytest
import yaml

from stratascope.core.container import Asked
from stratascope.core.message import msg
from stratascope.core.options.difference import UnwritableError
from stratascope.core.relaunch.toggle import GRADES, Choice, Toggle, ToggleError
from stratascope.layers.toggles import all_toggles, choice_of, choices, fold
from stratascope.usecases.check.check import Checker
from stratascope.usecases.check.writing import Writer, normalized

RUN = """\
{tool} run -d --name one \\
  --device /dev/fuse --device-cgroup-rule 'c 1:3 rwm' --cap-add SYS_ADMIN,NET_ADMIN \\
  -v /etc:/host/etc -v /run/{tool}.sock:/run/{tool}.sock -v /srv \\
  --pid=host --ipc host --uts host --cgroupns host -p 80:80 -p 0.0.0.0:81:81/udp -p [::]:82:82 \\
  --security-opt seccomp=unconfined --security-opt apparmor=unconfined -m 1g --memory-swap 2g \\
  nginx
{tool} run --name two x
"""
COMPOSE = """\
services:
  one:
    image: nginx
    cap_add: [SYS_ADMIN, NET_ADMIN]
    devices: [/dev/fuse]
    device_cgroup_rules: ['c 1:3 rwm']
    pid: host
    ipc: host
    uts: host
    cgroup: host
    ports:
      - "80:80"   # the site
      - "0.0.0.0:81:81/udp"
    volumes:
      - /etc:/host/etc
      - /var/run/docker.sock:/var/run/docker.sock
      - /srv
    security_opt:
      - seccomp=unconfined
      - apparmor=unconfined
  two:
    image: x
"""
QUADLET = """\
[Container]
Image=x
AddCapability=SYS_ADMIN NET_ADMIN
AddDevice=/dev/fuse
Volume=/etc:/host/etc
Volume=/run/podman/podman.sock:/s.sock
Network=host
PodmanArgs=--pid=host --ipc=host --uts=host --cgroupns=host
PublishPort=80:80
SeccompProfile=unconfined
PodmanArgs=--security-opt apparmor=unconfined
"""
KUBERNETES = """\
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  hostPID: true
  hostNetwork: true
  containers:
    - name: one
      image: a
      securityContext:
        capabilities:
          add: [SYS_ADMIN, NET_ADMIN]
        seccompProfile:
          type: Unconfined
      volumeMounts:
        - {name: etc, mountPath: /host/etc}
        - {name: tmp, mountPath: /tmp}
  volumes:
    - {name: etc, hostPath: {path: /etc}}
    - {name: tmp, emptyDir: {}}
"""
FLOW = """\
services:
  one: {image: nginx, cap_add: [SYS_ADMIN, NET_ADMIN], devices: [/dev/fuse], pid: host, ipc: host, uts: host, \
ports: ["80:80", "0.0.0.0:81:81/udp"], volumes: ["/etc:/host/etc", /srv], security_opt: [seccomp=unconfined], \
ulimits: {memlock: 4096}, cap_drop: [], cgroup: host}  # the site
  two: {image: x}
"""
LINES = """\
services:
  one: {
    image: nginx,  # as it comes

    pid: host,  # to look around
    # what it needs
    cap_add: [SYS_ADMIN,
      NET_ADMIN],
    ports: ["80:80"]  # the site
  }
  two: {image: x}
"""
NOTHING = """\
services:
  one:
    image: a
    cap_add:
    cap_drop: []  # none
    security_opt: null
    ulimits: {}
    volumes:
    tmpfs: ~
    user:
    read_only:  # not yet
    mem_limit:
    ports: []
"""
LIMITS = """\
services:
  one:
    image: a
    ulimits:
      nofile: 4096  # enough
      nproc:
        hard: 2000
        soft: 100
      core: {soft: 10, hard: 20}
  two: {image: x, ulimits: {nofile: 4096, core: {hard: 3, soft: 2}}}
"""
SCAFFOLD = """\
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  securityContext: {}
  volumes:
  containers:
    - name: one
      image: a
      securityContext: {}
      resources: {}  # as the node has
      volumeMounts:
    - {name: two, image: b, securityContext: {}, resources: {limits: {}}, volumeMounts: []}
"""
DEV_CONTAINER = """\
// What an editor starts
{
  "image": "a", // as it comes
  "workspaceMount": "type=bind,source=${localWorkspaceFolder},target=/src", "workspaceFolder": "/src",
  "capAdd": ["SYS_ADMIN", /* for strace */ "NET_ADMIN"],
  "securityOpt": [
    "seccomp=unconfined", // for the debugger
    "apparmor=unconfined",
  ],
  "mounts": [
    // what the tests read
    {"source": "/etc", "target": "/host/etc", "type": "bind"}, // as it is
    "source=/var/run/docker.sock,target=/var/run/docker.sock,type=bind"
  ],
  "runArgs": ["--pid=host", "--ipc", "host", // to look around
    "--uts", "host", "-v", "${localWorkspaceFolder}/x:/x", "--device=/dev/fuse"],
  "appPort": [3000, "81:81"],
}
"""
PRIVILEGED = {
    "dev container": '{"image": "a", "workspaceMount": "", "privileged": true, "runArgs": ["--network=host"]}',
    "run": "docker run --privileged --network host --name one nginx\n",
    "compose": "services:\n  one:\n    image: nginx\n    privileged: true\n    network_mode: host\n",
    "quadlet": "[Container]\nImage=x\nPodmanArgs=--privileged\n",
    "kubernetes": """\
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  containers:
    - name: a
      image: a
      securityContext:
        privileged: true
""",
}
FILE = {
    "dev container": "devcontainer.json",
    "run": "a.sh",
    "compose": "compose.yml",
    "quadlet": "x.container",
    "kubernetes": "pod.yml",
}
TEXTS = {
    "docker": (RUN.format(tool="docker"), "a.sh"),
    "podman": (RUN.format(tool="podman"), "a.sh"),
    "compose": (COMPOSE, "compose.yml"),
    "quadlet": (QUADLET, "x.container"),
    "kubernetes": (KUBERNETES, "pod.yml"),
    "dev container": (DEV_CONTAINER, "devcontainer.json"),
    "compose, in one line": (FLOW, "compose.yml"),
    "compose, a flow in lines": (LINES, "compose.yml"),
    "compose, JSON": (json.dumps(yaml.safe_load(COMPOSE)), "compose.json"),
    "compose, JSON in lines": (json.dumps(yaml.safe_load(COMPOSE), indent=2), "compose.json"),
    "kubernetes, JSON in lines": (json.dumps(yaml.safe_load(KUBERNETES), indent=2), "pod.json"),
    "compose, nothing in its lists": (NOTHING, "compose.yml"),
    "compose, limits": (LIMITS, "compose.yml"),
    "kubernetes, nothing in it": (SCAFFOLD, "pod.yml"),
    "kubernetes, nothing in its lists": (
        SCAFFOLD.replace("securityContext: {}", "securityContext: {capabilities: {add: , drop: []}}"),
        "pod.yml",
    ),
    **{f"privileged {name}": (text, FILE[name]) for name, text in PRIVILEGED.items()},
}
# What a manifest has no word for: limits of each process, and what nodes and pods decide
NOT_IN_KUBERNETES = frozenset(
    ("userns", "pids", "oom-score-adj", "ulimit-nofile", "ulimit-nproc", "ulimit-core", "cgroupns")
)


def values(toggle: Toggle, writer: Writer) -> list[str]:
    """What is offered of it: each of its words, its pieces, and a value of one's own."""
    offered = toggle.proposed(writer.subject) or toggle.offered
    found = [word for word in toggle.words if not Choice(toggle, word).made] + [offered]
    found += (value for grade in GRADES if (value := toggle.preset(grade, writer.subject)) is not None)
    found += () if toggle.pieces is None else toggle.pieces(writer.subject)
    return list(dict.fromkeys(found))


def able(writer: Writer) -> list[Choice]:
    """All choices that would change something, by themselves."""
    found = []
    for toggle in all_toggles():
        for value in () if toggle.only_gives or toggle.hands_over else values(toggle, writer):
            try:
                choice = Choice(toggle, value).checked(writer.subject)
                changed = fold(writer.subject.container.asked, (choice,), writer.subject)
            except ToggleError:
                continue
            if changed != writer.subject.container.asked:
                found.append(choice)
    return list(dict.fromkeys(found))


def same(checked: Checker, writer: Writer, text: str, chosen: list[Choice]) -> bool:
    host = checked.predictor(writer.service.kind)[0]

    def told(asked: Asked) -> object:
        return normalized(asked, host.plain.asked, host.engine)

    return told(writer.again(text).container.asked) == told(writer.wanted(chosen))


@pytest.mark.parametrize("name", TEXTS)
def test_what_is_written_is_what_was_chosen(made: Checker, name: str) -> None:
    text, file = TEXTS[name]
    writer = Writer(made, text, file, 0)
    there = able(writer)
    left = set()
    for choice in there:
        if writer.why_not(choice) is not None:
            left.add(choice.id)
            continue
        try:
            written = writer.written((choice,))
        except UnwritableError:
            assert writer.subject.container.asked.privileged, choice
            continue
        assert same(made, writer, written, [choice]), choice
        assert "JSON" not in name or isinstance(json.loads(written), dict)
        again = Writer(made, written, file, 0)
        if choice.id == "unmount":
            with pytest.raises(ToggleError, match="Nothing of the host is mounted"):
                again.written((choice,))
        else:
            assert again.written((choice,)) == written, "once is enough"
    # a volume is filled from the container that keeps data: of a file there is none
    assert left <= (NOT_IN_KUBERNETES if "kubernetes" in name else set()) | {"volume"}
    assert len(there) - len(left) >= 4


@pytest.mark.parametrize("name", TEXTS)
def test_several_together(made: Checker, name: str) -> None:
    """Every two of one value each, and each preset as a whole."""
    text, file = TEXTS[name]
    writer = Writer(made, text, file, 0)
    one_each = {choice.id: choice for choice in able(writer) if writer.why_not(choice) is None}
    for pair in combinations(one_each.values(), 2):
        try:
            written = writer.written(pair)
        except UnwritableError:
            assert writer.subject.container.asked.privileged, pair
            continue
        assert same(made, writer, written, list(pair)), pair
    for preset in GRADES:
        chosen = choices(preset, writer.subject)
        written, left = writer.as_far(chosen)
        kept = [choice for choice in chosen if choice not in left]
        assert same(made, writer, written, kept)
        assert {choice.id for choice in left} <= (NOT_IN_KUBERNETES if "kubernetes" in name else set())


def test_what_cant_be_written_is_named_and_the_rest_is_written(made: Checker) -> None:
    text, file = TEXTS["kubernetes"]
    writer = Writer(made, text, file, 0)
    written, left = writer.as_far((choice_of("pids", "50"), choice_of("no-new-privileges", "on")))
    assert [choice.id for choice in left] == ["pids"]
    assert "allowPrivilegeEscalation: false" in written
    assert "each node sets that" in str(writer.why_not(choice_of("pids", "50")))
    assert "single processes" in str(writer.why_not(choice_of("ulimit-nofile", "1024")))
    assert writer.why_not(choice_of("memory", "512m")) is None


def test_limits_mounts_and_ports_of_a_manifest(made: Checker) -> None:
    """In the API's own quantities, beside what is there, and nothing that it would refuse."""
    text = """\
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  containers:
    - name: one
      image: a
      ports:
        - {containerPort: 80, hostPort: 80}
        - containerPort: 53  # names
          protocol: UDP
          hostPort: 53
          hostIP: 0.0.0.0
      resources:
        requests: {memory: 256Mi}
        limits: {cpu: 1, memory: 1Gi}
      volumeMounts: []
  volumes:
    - name: tmp-cache-x
      emptyDir: {}
"""
    writer = Writer(made, text, "pod.yml", 0)
    chosen = [
        choice_of("memory", "512m"),
        choice_of("cpus", "0.25"),
        choice_of("tmpfs", "/cache/x,/it's"),
        choice_of("publish", "loopback"),
    ]
    written = writer.written(chosen)
    assert same(made, writer, written, chosen)
    added = {line.strip() for line in written.split("\n")} - {line.strip() for line in text.split("\n")}
    assert added == {
        "- {containerPort: 80, hostPort: 80, hostIP: 127.0.0.1}",
        "hostIP: 127.0.0.1",
        'limits: {cpu: "0.25", memory: 512Mi}',
        "volumeMounts: [{name: tmp-cache-x-2, mountPath: /cache/x}, {name: tmp-it-s, mountPath: '/it''s'}]",
        "- {name: tmp-cache-x-2, emptyDir: {medium: Memory}}",
        "- {name: tmp-it-s, emptyDir: {medium: Memory}}",
    }
    assert "requests more" in str(writer.why_not(choice_of("memory", "128m")))
    bare = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n    - {name: one, image: a}\n"
    writer = Writer(made, bare, "pod.yml", 0)
    chosen = [choice_of("memory", "100000001"), choice_of("tmpfs", "/data"), choice_of("userns", "auto")]
    written = writer.written(chosen)
    assert same(made, writer, written, chosen)
    assert "memory: 100000001" in written
    assert "  hostUsers: false\n" in written


def test_what_others_share_is_not_changed_for_one(made: Checker) -> None:
    text = (
        "x-open: &open\n  privileged: true\nservices:\n  a:\n    <<: *open\n    image: a\n  b:\n    <<: *open\n"
        "    image: b\n"
    )
    writer = Writer(made, text, "compose.yml", 0)
    with pytest.raises(UnwritableError):
        writer.written((choice_of("privileged", "off"),))
    pod = KUBERNETES.replace("  volumes:\n", "    - {name: b, image: b}\n  volumes:\n")
    with pytest.raises(UnwritableError, match="p-one") as raised:
        Writer(made, pod, "pod.yml", 0).written((choice_of("pid", "private"),))
    assert raised.value.why == msg("Written into this text, it would change other containers too.")


def test_a_flow_keeps_its_comments_its_order_and_its_lines(made: Checker) -> None:
    writer = Writer(made, LINES, "compose.yml", 0)
    written = writer.written(
        (choice_of("no-new-privileges", "on"), choice_of("pid", "private"), choice_of("user", "1000"))
    )
    assert (
        written
        == """\
services:
  one: {
    image: nginx,  # as it comes

    # what it needs
    cap_add: [SYS_ADMIN,
      NET_ADMIN],
    ports: ["80:80"],  # the site
    user: "1000",
    security_opt: ["no-new-privileges"]
  }
  two: {image: x}
"""
    )
    line = "services:\n  one: {image: nginx, user: root}  # the site\n"
    writer = Writer(made, line, "compose.yml", 0)
    written = writer.written((choice_of("user", "1000"), choice_of("read-only-root", "on")))
    assert written == 'services:\n  one: {image: nginx, user: "1000", read_only: true}  # the site\n'


def test_the_last_of_a_flow_goes_with_the_comma_before_it(made: Checker) -> None:
    for text, left in (
        ("services:\n  one: {image: a, pid: host}\n", "services:\n  one: {image: a}\n"),
        ("services:\n  one: {pid: host, image: a}\n", "services:\n  one: {image: a}\n"),
        (
            "services:\n  one: {\n    image: a,  # b\n    pid: host,\n  }\n",
            "services:\n  one: {\n    image: a  # b\n  }\n",
        ),
        ('{"services": {"one": {"image": "a",\n  "pid": "host"}}}', '{"services": {"one": {"image": "a"\n}}}'),
    ):
        assert Writer(made, text, "compose.yml", 0).written((choice_of("pid", "private"),)) == left


def test_the_second_of_one_name_is_itself(made: Checker) -> None:
    text = "docker run nginx\ndocker run nginx\n"
    written = Writer(made, text, "a.sh", 1).written((choice_of("no-new-privileges", "on"),))
    first, second = written.splitlines()
    assert first == "docker run nginx"
    assert "no-new-privileges" in second


def test_nothing_is_left_of_what_is_emptied(made: Checker) -> None:
    written = Writer(made, PRIVILEGED["kubernetes"], "x.yml", 0).written((choice_of("privileged", "off"),))
    assert "securityContext" not in written


def test_what_is_empty_is_filled_where_it_is(made: Checker) -> None:
    written = Writer(made, NOTHING, "compose.yml", 0).written((
        choice_of("capabilities", "CAP_NET_BIND_SERVICE"),
        choice_of("no-new-privileges", "on"),
        choice_of("ulimit-core", "0"),
        choice_of("user", "1000"),
        choice_of("read-only-root", "on"),
    ))  # fmt: skip
    assert (
        written
        == """\
services:
  one:
    image: a
    cap_add: [NET_BIND_SERVICE]
    cap_drop: [ALL]  # none
    security_opt: ["no-new-privileges"]
    ulimits: {core: {soft: 0, hard: 0}}
    volumes:
    tmpfs: ~
    user: "1000"
    read_only: true  # not yet
    mem_limit:
    ports: []
"""
    )
    chosen = (choice_of("no-new-privileges", "on"), choice_of("memory", "512m"), choice_of("tmpfs", "/c"))
    first = Writer(made, SCAFFOLD, "pod.yml", 0).written(chosen)
    assert (
        Writer(made, first, "pod.yml", 1).written(chosen)
        == """\
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  securityContext: {}
  volumes: [{name: tmp-c, emptyDir: {medium: Memory}}, {name: tmp-c-2, emptyDir: {medium: Memory}}]
  containers:
    - name: one
      image: a
      securityContext: {allowPrivilegeEscalation: false}
      resources: {limits: {memory: 512Mi}}  # as the node has
      volumeMounts: [{name: tmp-c, mountPath: /c}]
    - {name: two, image: b, securityContext: {allowPrivilegeEscalation: false}, resources: {limits: {memory: 512Mi}}, \
volumeMounts: [{name: tmp-c-2, mountPath: /c}]}
"""
    )


def test_limits_that_are_there_get_other_numbers(made: Checker) -> None:
    chosen = (choice_of("ulimit-nofile", "1024"), choice_of("ulimit-nproc", "50"), choice_of("ulimit-core", "0"))
    first = Writer(made, LIMITS, "compose.yml", 0).written(chosen)
    written = Writer(made, first, "compose.yml", 1).written((chosen[0], chosen[2]))
    assert (
        written
        == """\
services:
  one:
    image: a
    ulimits:
      nofile: 1024  # enough
      nproc:
        hard: 50
        soft: 50
      core: {soft: 0, hard: 0}
  two: {image: x, ulimits: {nofile: 1024, core: {hard: 0, soft: 0}}}
"""
    )


@pytest.mark.parametrize("word", ["", "null", "~", "Null", "NULL"])
def test_null_is_nothing_and_no_word(made: Checker, word: str) -> None:
    text = "services:\n  one:\n    image: a\n" + "".join(
        f"    {key}: {word}\n" for key in ("user", "pid", "network_mode", "cap_add", "security_opt", "tmpfs", "volumes")
    )
    plain = "services:\n  one:\n    image: a\n"
    assert Writer(made, text, "compose.yml", 0).subject.container.asked == (
        Writer(made, plain, "compose.yml", 0).subject.container.asked
    )
    quoted = plain + '    user: "null"\n'
    assert Writer(made, quoted, "compose.yml", 0).subject.container.asked.user == "null"
