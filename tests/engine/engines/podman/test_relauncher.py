"""Containers of real Podman engines created again, unchanged; and every other call that hardening makes."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.engines.podman.replaced import relauncher, replaced, unnamed, untold
from rig.engine import Rig
from rig.torture import Places, Torture, differences, surroundings, tortures
from stratascope.core.ports import EngineError
from stratascope.value import replace

pytestmark = pytest.mark.slow  # on real engines; tests/engine/cli/test_hardening.py has one of each in make test

# Options of Podman alone
_OWN = (
    Torture(
        "own-process",
        (
            *("--tz", "UTC", "--umask", "0077", "--timeout", "5000", "--unsetenv", "container", "--no-hosts"),
            *("--log-driver", "k8s-file", "--log-opt", "max-size=1m", "--sdnotify", "ignore"),
            *("--passwd-entry", "own:x:1234:1234::/:/bin/sh", "--group-entry", "own:x:1234:"),
        ),
        (),
    ),
    Torture(
        "own-security",
        (
            *("--security-opt", "mask=/sys/fs:/proc/loadavg", "--security-opt", "unmask=/proc/kcore"),
            *("--security-opt", "proc-opts=nosuid,hidepid=2", "--read-only", "--read-only-tmpfs=false"),
            *("--security-opt", "label=type:spc_t", "--security-opt", "label=level:s0:c1,c2"),
        ),
        (),
    ),
    Torture("own-read-only", ("--read-only",), ()),
    Torture(
        "own-loose", ("--security-opt", "unmask=ALL", "--security-opt", "seccomp=unconfined", "--cap-add", "all"), ()
    ),
    Torture(
        "own-storage",
        (
            *("--volume", "{folder}/deep:/over:O", "--mount", "type=image,source=busybox,target=/img"),
            *("--mount", "type=devpts,target=/dp", "--volume", "{volume}:/vol:nocopy,ro"),
            *("--volume", "{folder}/shared:/slave:rslave,noexec"),
        ),
        (),
    ),
    Torture("own-health", ("--health-cmd", "true", "--health-on-failure", "kill", "--health-startup-cmd", "true"), ()),
    Torture("own-systemd", ("--systemd", "always"), ()),
    Torture("own-image-tmpfs", ("--image-volume", "tmpfs"), (), "torture", ()),
    Torture(
        "own-devices",
        ("--device", "/dev/null:/dev/one:r", "--device", "/dev/zero:/dev/two:rw", "--device", "/dev/full"),
        (),
    ),
    Torture("own-requires", ("--requires", "{helper}"), ()),
    Torture("own-user-rights", ("--user", "1000", "--cap-drop", "all", "--cap-add", "net_bind_service,sys_ptrace"), ()),
    Torture("own-user-default-right", ("--user", "app", "--cap-add", "chown", "--cap-drop", "kill"), ()),
    Torture("own-user-all", ("--user", "app", "--cap-add", "all"), ()),
    Torture("own-user-privileged", ("--user", "app", "--privileged", "--cap-add", "net_bind_service"), ()),
    Torture("own-privileged-device", ("--privileged", "--device", "/dev/zero:/dev/two:r", "--device", "/dev/full"), ()),
    Torture("own-unmasked", ("--security-opt", "unmask=/proc/inter*:/sys/devices/virtual/powercap:/proc/kcore"), ()),
    Torture("own-network", ("--network", "{first}:interface_name=eth7,alias=al", "--network", "{second}"), ()),
)
_ROOTFUL = (
    Torture("own-uidmap", ("--uidmap", "0:200000:5000", "--gidmap", "0:300000:5000"), ()),
    Torture("own-keep-id", ("--userns", "keep-id:uid=1000"), ()),
    Torture("own-no-limit", ("--ulimit", "data=-1:-1", "--ulimit", "core=0:-1"), ()),
)
_ROOTLESS = (
    # of a size of its own: containers that other tests left in this store hold ids as well
    Torture("own-auto", ("--userns", "auto:size=1024"), ()),
    Torture("own-keep-id", ("--userns", "keep-id"), ()),
    Torture("own-nomap", ("--userns", "nomap"), ()),
)


@pytest.fixture(params=("podman_rootful", "podman_rootless"))
def podman(request: pytest.FixtureRequest) -> Rig:
    rig = request.getfixturevalue(request.param)
    assert isinstance(rig, Rig)
    return rig


@pytest.fixture(scope="module")
def podman_rootful_places(podman_rootful: Rig) -> Iterator[Places]:
    with surroundings(podman_rootful) as found:
        yield found


@pytest.fixture(scope="module")
def podman_rootless_places(podman_rootless: Rig) -> Iterator[Places]:
    with surroundings(podman_rootless) as found:
        yield found


@pytest.fixture(scope="session")
def init() -> Iterator[str]:
    """A program that does as Podman's init: `podman-init -- command` runs the command."""
    folder = Path(tempfile.mkdtemp(prefix="strata-init-"))
    try:
        folder.chmod(0o755)
        source = folder / "init.c"
        source.write_text("#include <unistd.h>\nint main(int n, char **v) { return execvp(v[2], v + 2); }\n")
        if shutil.which("cc") is None:
            pytest.skip("no C compiler")
        subprocess.run(("cc", "-static", "-o", str(folder / "init"), str(source)), check=True, capture_output=True)
        yield str(folder / "init")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def outside(inspect: dict[str, Any]) -> dict[str, Any]:
    """What the OCI config does not hold: networks, ports, health, restarts, logs, volumes, the words typed."""
    config, host, ident = inspect["Config"], inspect["HostConfig"], inspect["Id"]
    labels = {name: value for name, value in (config["Labels"] or {}).items() if "stratascope" not in name}
    names: tuple[str, ...] = (
        "Healthcheck",
        "StartupHealthCheck",
        "HealthcheckOnFailureAction",
        "Entrypoint",
        "Cmd",
        "Annotations",
    )
    names += ("StopSignal", "StopTimeout", "Timeout", "Timezone", "Umask", "Passwd", "ExposedPorts", "CreateCommand")
    names += ("User", "WorkingDir", "Secrets", "sdNotifyMode", "SystemdMode", "HealthLogDestination")
    hosts: tuple[str, ...] = (
        "RestartPolicy",
        "AutoRemove",
        "Dns",
        "DnsSearch",
        "DnsOptions",
        "ExtraHosts",
        "PortBindings",
        "VolumesFrom",
    )
    hosts += ("GroupAdd", "IpcMode", "PidMode", "UTSMode", "NetworkMode", "CgroupMode", "IDMappings", "SecurityOpt")
    hosts += ("PublishAllPorts", "ShmSize", "Privileged", "OomScoreAdj", "CapAdd", "CapDrop", "ReadonlyRootfs")
    log = host["LogConfig"]
    return {
        "labels": labels,
        **{name: config.get(name) for name in names},
        **{name: host.get(name) for name in hosts},
        "log": (log["Type"], log["Size"], log["Config"], log["Tag"]),
        "runtime": inspect["OCIRuntime"],
        "image": (inspect["Image"], inspect["ImageName"]),
        "pod": inspect["Pod"],
        "needs": sorted(inspect["Dependencies"]),
        "volumes": sorted((mount.get("Name", ""), mount["Destination"], mount["RW"]) for mount in inspect["Mounts"]),
        "networks": {
            name: sorted(alias for alias in said.get("Aliases") or () if not ident.startswith(alias))
            for name, said in (inspect["NetworkSettings"].get("Networks") or {}).items()
        },
    }


_UNTOLD = ("plain", "security", "storage", "own-storage", "image", "own-security", "own-devices")
_CASES = [
    pytest.param(kind, torture, typed, id=f"{kind}-{torture.name}{'' if typed else '-untold'}")
    for kind in ("podman_rootful", "podman_rootless")
    for torture in (*tortures(kind), *_OWN, *(_ROOTFUL if kind == "podman_rootful" else _ROOTLESS))
    for typed in (True, False)
    if typed or torture.name in _UNTOLD
]


@pytest.mark.parametrize(("kind", "torture", "typed"), _CASES)
def test_an_unchanged_relaunch_loses_nothing(
    request: pytest.FixtureRequest, kind: str, torture: Torture, typed: bool, init: str
) -> None:
    rig: Rig = request.getfixturevalue(kind)
    places: Places = request.getfixturevalue(f"{kind}_places")
    # No package here has the init that Podman puts in front
    args = [
        word for arg in torture.filled(places) for word in ((arg, "--init-path", init) if arg == "--init" else (arg,))
    ]
    args = [arg.replace("10.201.7.", "10.201.8.") for arg in args]
    with (
        rig.container(*args, image=torture.image, command=torture.command) as original,
        (relauncher if typed else untold)(rig) as port,
    ):
        spec = port.plan(original)
        assert spec.lost == ()
        before, was = rig.config(original), rig.inspect(original)
        with replaced(rig, port, port.body(spec, spec.asked), spec) as new:
            assert unnamed(differences(before, rig.config(new), original, new)) == {}
            old_outside, new_outside = outside(was), outside(rig.inspect(new))
            if not typed:
                old_outside["CreateCommand"] = new_outside["CreateCommand"] = None
            assert new_outside == old_outside


def test_static_addresses_and_secrets_come_from_the_command_or_from_generate(podman_rootful: Rig) -> None:
    network, secret = "strata-static", "strata-secret"
    podman_rootful.run("network", "create", "--subnet", "10.231.77.0/24", network)
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"hidden")
        file.flush()
        podman_rootful.run("secret", "create", secret, file.name)
    args = ("--network", f"{network}:ip=10.231.77.55,mac=92:d0:c6:0a:29:38,interface_name=ethx")
    secrets = ("--secret", f"{secret},target=/tgt,uid=1000,mode=0400", "--secret", f"{secret},type=env,target=VARIABLE")
    try:
        with podman_rootful.container(*args, *secrets) as original, relauncher(podman_rootful) as port:
            spec = port.plan(original)
            request = json.loads(spec.body)
            assert request["Networks"][network] == {
                "static_ips": ["10.231.77.55"],
                "static_mac": "92:d0:c6:0a:29:38",
                "interface_name": "ethx",
            }
            before = podman_rootful.config(original)
            with replaced(podman_rootful, port, spec.body, spec) as new:
                assert unnamed(differences(before, podman_rootful.config(new), original, new)) == {}
                assert "VARIABLE=hidden" in podman_rootful.config(new)["process"]["env"]
                address = podman_rootful.inspect(new)["NetworkSettings"]["Networks"][network]
                assert (address["IPAddress"], address["MacAddress"]) == ("10.231.77.55", "92:d0:c6:0a:29:38")
                # Untold, a variable's secret is a reason to refuse, and an address one to say so, of a stopped one too
                with untold(podman_rootful) as knowing_less:
                    less = knowing_less.plan(original)
                assert [dict(each.args)["name"] for each in less.lost] == [secret]
                assert [dict(each.args)["name"] for each in less.differs] == [network]
        entry = ("--passwd-entry", "own:x:7:7::/:/bin/sh")
        with (
            podman_rootful.container(*args, *entry) as original,
            untold(podman_rootful, generate(podman_rootful)) as port,
        ):
            told = port.plan(original)
            request = json.loads(told.body)
            assert request["Networks"][network]["static_ips"] == ["10.231.77.55"]
            assert request["Networks"][network]["static_mac"] == "92:d0:c6:0a:29:38"
            assert request["passwd_entry"] == "own:x:7:7::/:/bin/sh"
            assert told.differs == ()
    finally:
        podman_rootful.run("secret", "rm", secret, check=False)
        podman_rootful.run("network", "rm", "-f", network, check=False)


def generate(rig: Rig) -> Callable[[str], str]:
    return lambda container: json.dumps(generated(rig, container))


def generated(rig: Rig, container: str) -> dict[str, Any]:
    """As the command line of the engine's own user says it."""
    command = ("podman", "--tmpdir", str(rig.folder / "run/libpod"), "generate", "spec", "--compact", container)
    found: dict[str, Any] = json.loads(subprocess.run(command, env=rig.env, capture_output=True, check=True).stdout)
    return found


def test_published_ports_stay_on_their_addresses(podman_rootful: Rig) -> None:
    """Inspect says 0.0.0.0 of them all; of IPv4 alone it is true only where the API was asked so."""

    def ports(container: str) -> set[tuple[str, int]]:
        return {
            (each.get("host_ip", ""), each["host_port"] + step)
            for each in generated(podman_rootful, container)["portmappings"]
            for step in range(each.get("range", 1))
        }

    args = ("--publish", "0.0.0.0:18200:8000", "--publish", "18201:8001", "--publish", "127.0.0.1:18202:8002")
    wanted = {("", 18200), ("", 18201), ("127.0.0.1", 18202)}
    with podman_rootful.container(*args) as original, relauncher(podman_rootful) as port:
        assert ports(original) == wanted
        spec = port.plan(original)
        with replaced(podman_rootful, port, spec.body, spec) as new:
            assert ports(new) == wanted
    with podman_rootful.container() as other, relauncher(podman_rootful) as port:
        spec = port.plan(other)
        request = json.loads(spec.body)
        del request["containerCreateCommand"]
        request["portmappings"] = [{"host_ip": "0.0.0.0", "container_port": 8000, "host_port": 18200, "range": 3}]
        with replaced(podman_rootful, port, json.dumps(request), spec) as made:
            wanted = {("0.0.0.0", 18200 + step) for step in range(3)}
            assert ports(made) == wanted
            with untold(podman_rootful, generate(podman_rootful)) as knowing_less:
                again = replace(knowing_less.plan(made), name=f"{spec.name}-again")
            with replaced(podman_rootful, port, again.body, again) as new:
                assert ports(new) == wanted


def test_a_disk_stays_that_disk(podman_rootful: Rig) -> None:
    """Podman's inspect names a character device of the same number, if this machine has one."""

    def disk(container: str) -> str:
        return podman_rootful.run("exec", container, "stat", "-c", "%F %t:%T", "/dev/loop0").strip()

    with podman_rootful.container("--device", "/dev/loop0") as original, relauncher(podman_rootful) as port:
        assert disk(original) == "block special file 7:0"
        spec = port.plan(original)
        assert [each.source for each in spec.asked.devices] == ["/dev/loop0"]
        with untold(podman_rootful) as knowing_less:
            untyped = knowing_less.plan(original)
        for plan in (spec, untyped):
            assert [each["path"] for each in json.loads(plan.body)["devices"]] == ["/dev/loop0:/dev/loop0:rwm"]
        with replaced(podman_rootful, port, untyped.body, spec) as new:
            assert disk(new) == "block special file 7:0"


def test_an_unreadable_configuration_is_a_reason_to_refuse(podman_rootful: Rig) -> None:
    with podman_rootful.container(start=False) as original, relauncher(podman_rootful) as port:
        spec = port.plan(original)
        assert len(spec.lost) == 1
        assert "masked" in spec.lost[0].id
        with pytest.raises(EngineError):
            port.oci_config(original)


def test_a_member_of_a_pod(podman: Rig) -> None:
    pod = "strata-pod"
    podman.run("pod", "create", "--name", pod, "--infra-image", "busybox", "--infra-command", "sleep 3600")
    try:
        with podman.container("--pod", pod, "--cap-drop", "chown") as original, relauncher(podman) as port:
            spec = port.plan(original)
            before = podman.config(original)
            with replaced(podman, port, spec.body, spec) as new:
                assert unnamed(differences(before, podman.config(new), original, new)) == {}
                assert podman.inspect(new)["Pod"] == podman.inspect(original)["Pod"]
    finally:
        podman.run("pod", "rm", "-f", "-t", "0", pod, check=False)
