"""A believable fleet of containers on real engines: for the demo capture, the screenshots, and the bench.

Each is a real container with a reason to be as it is; images are the rig's busybox under other tags.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from rig.engine import KINDS, Rig, complete, launch


@dataclass(frozen=True)
class Member:
    """One container: its engine and options. `SOCKET` in an option stands for the engine's own socket."""

    rig: str
    name: str
    image: str
    options: tuple[str, ...] = ()
    command: tuple[str, ...] = ("sleep", "3600")
    start: bool = True


TIGHT = ("--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--read-only")
LIMITS = ("--memory", "256m", "--pids-limit", "128", "--cpus", "1.5")

FLEET = (
    Member(
        "docker_rootful",
        "ci-runner",
        "buildkit:0.16",
        ("-v", "SOCKET:/var/run/docker.sock", "--cap-add", "SYS_ADMIN", "--pids-limit", "512"),
    ),
    Member("docker_rootful", "portainer", "portainer-ce:2.21", ("-v", "SOCKET:/var/run/docker.sock:ro", *LIMITS)),
    Member("docker_rootful", "backup", "restic:0.17", ("--privileged", "-v", "/etc:/host/etc:ro")),
    Member(
        "docker_rootful",
        "node-exporter",
        "node-exporter:1.8",
        ("--pid", "host", "--network", "host", "-v", "/etc:/host/etc:ro", "--user", "65534"),
    ),
    Member("docker_rootful", "legacy-vpn", "openvpn:2.6", ("--cap-add", "NET_ADMIN", "--device", "/dev/net/tun")),
    Member("docker_rootful", "customer-portal-integration-postgres-replica", "postgres:16", ("--memory", "512m")),
    Member("docker_rootful", "web", "nginx:1.27", LIMITS),
    Member("docker_rootful", "redis-cache", "redis:7.4", (*LIMITS, *TIGHT, "--user", "999:999")),
    Member("docker_rootful", "nightly-report", "report:3", start=False),
    Member("podman_rootful", "api-gateway", "localhost/envoy:1.32", (*LIMITS, *TIGHT, "--uidmap", "0:200000:65536")),
    Member("podman_rootful", "metrics", "localhost/prometheus:2.54", ("--memory", "1g")),
    Member("podman_rootless", "grafana", "localhost/grafana:11", TIGHT),
    Member("podman_rootless", "thumbnailer", "localhost/imgproxy:3", ("--cap-drop", "ALL")),
    Member("docker_rootless", "mail-relay", "postfix:3.9", ("--security-opt", "seccomp=unconfined")),
)


@contextmanager
def running(rigs: Mapping[str, Rig], members: tuple[Member, ...] = FLEET) -> Iterator[None]:
    """The members whose engine is in `rigs`, running until the end of the block."""
    with ExitStack() as stack:
        for member in members:
            rig = rigs.get(member.rig)
            if rig is None:
                continue
            rig.run("tag", "busybox", member.image)
            options = tuple(option.replace("SOCKET", str(rig.socket)) for option in member.options)
            stack.enter_context(
                rig.container(
                    *options, name=member.name, image=member.image, command=member.command, start=member.start
                )
            )
        yield


@contextmanager
def launched(names: tuple[str, ...] = KINDS) -> Iterator[dict[str, Rig]]:
    """These engines, running until the end of the block."""
    rigs: dict[str, Rig] = {}
    try:
        for name in names:
            rigs[name] = launch(name)
        for rig in rigs.values():
            complete(rig)
        yield rigs
    finally:
        for rig in rigs.values():
            rig.close()


def endpoints(rigs: Mapping[str, Rig]) -> str:
    """STRATASCOPE_ENGINES for these engines."""
    return " ".join(f"{rig.kind}={rig.endpoint}" for rig in rigs.values())


def main() -> None:
    """Keep the fleet running until the input ends, for trying the program by hand."""
    with launched() as rigs, running(rigs):
        sys.stdout.write(f"STRATASCOPE_ENGINES='{endpoints(rigs)}'\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
