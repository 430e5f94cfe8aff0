"""The options of `docker run` and `podman run`: which take a value, who knows them, and which touch no layer.

From `docker run --help` (26.1) and `podman run --help` (5.4); a test holds them against the programs that are here.
"""

from __future__ import annotations

from stratascope.core.container import EngineKind

_VALUES_OF_BOTH = """
add-host annotation attach blkio-weight blkio-weight-device cap-add cap-drop cgroup-parent cgroupns cidfile cpu-period
cpu-quota cpu-rt-period cpu-rt-runtime cpu-shares cpus cpuset-cpus cpuset-mems detach-keys device device-cgroup-rule
device-read-bps device-read-iops device-write-bps device-write-iops dns dns-option dns-search entrypoint env env-file
expose gpus group-add health-cmd health-interval health-retries health-start-period health-timeout hostname ip ip6 ipc
label label-file log-driver log-opt mac-address memory memory-reservation memory-swap memory-swappiness mount name net
network network-alias net-alias oom-score-adj pid pids-limit platform publish pull restart runtime security-opt shm-size
stop-signal stop-timeout sysctl tmpfs ulimit user userns uts volume volumes-from workdir storage-opt
"""
_FLAGS_OF_BOTH = """
detach disable-content-trust help init interactive no-healthcheck oom-kill-disable privileged publish-all quiet
read-only rm sig-proxy tty
"""
_VALUES_OF_DOCKER = """
cpu-count cpu-percent domainname health-start-interval io-maxbandwidth io-maxiops isolation kernel-memory link
link-local-ip volume-driver dns-opt
"""
_VALUES_OF_PODMAN = """
arch authfile cgroup-conf cgroups chrootdirs conmon-pidfile creds cert-dir decryption-key env-merge gidmap group-entry
health-log-destination health-max-log-count health-max-log-size health-on-failure health-startup-cmd
health-startup-interval health-startup-retries health-startup-success health-startup-timeout hosts-file hostuser
image-volume init-path init-ctr os passwd-entry personality pidfile pod pod-id-file preserve-fd preserve-fds rdt-class
requires retry retry-delay sdnotify seccomp-policy secret shm-size-systemd signature-policy subgidname subuidname
systemd timeout tz uidmap umask unsetenv variant
"""
_FLAGS_OF_PODMAN = """
env-host http-proxy no-hostname no-hosts passwd read-only-tmpfs replace rmi rootfs tls-verify unsetenv-all
"""

VALUES = {
    EngineKind.DOCKER: frozenset((_VALUES_OF_BOTH + _VALUES_OF_DOCKER).split()),
    EngineKind.PODMAN: frozenset((_VALUES_OF_BOTH + _VALUES_OF_PODMAN).split()),
}
FLAGS = {
    EngineKind.DOCKER: frozenset(_FLAGS_OF_BOTH.split()),
    EngineKind.PODMAN: frozenset((_FLAGS_OF_BOTH + _FLAGS_OF_PODMAN).split()),
}
SHORT = {
    "a": "attach",
    "c": "cpu-shares",
    "d": "detach",
    "e": "env",
    "h": "hostname",
    "i": "interactive",
    "l": "label",
    "m": "memory",
    "p": "publish",
    "P": "publish-all",
    "q": "quiet",
    "t": "tty",
    "u": "user",
    "v": "volume",
    "w": "workdir",
}
SAME = {"net": "network", "net-alias": "network-alias", "dns-opt": "dns-option"}

# What changes nothing that a layer says: names, addresses, environment, how it is watched and stopped, shares of time
_WITHOUT = """
    add-host annotation arch attach authfile blkio-weight blkio-weight-device cert-dir chrootdirs cidfile conmon-pidfile
    cpu-count cpu-percent cpu-rt-period cpu-rt-runtime cpu-shares cpuset-mems creds decryption-key detach detach-keys
    device-read-bps device-read-iops device-write-bps device-write-iops disable-content-trust dns dns-option dns-search
    domainname entrypoint env env-file env-host env-merge expose group-entry health-cmd health-interval
    health-log-destination health-max-log-count health-max-log-size health-on-failure health-retries
    health-start-interval health-start-period health-startup-cmd health-startup-interval health-startup-retries
    health-startup-success health-startup-timeout health-timeout help hostname hosts-file hostuser http-proxy init
    init-ctr init-path interactive io-maxbandwidth io-maxiops ip ip6 isolation kernel-memory label label-file link
    link-local-ip mac-address memory-reservation memory-swappiness name network-alias no-healthcheck no-hostname
    no-hosts oom-kill-disable oom-score-adj os passwd passwd-entry personality pidfile platform
    preserve-fd preserve-fds pull quiet rdt-class replace requires restart retry retry-delay rm rmi sdnotify secret
    shm-size-systemd sig-proxy signature-policy stop-signal stop-timeout timeout tls-verify tty tz umask unsetenv
    unsetenv-all variant volume-driver workdir
"""
KUBE_PLAY = "kube play"  # no option: of each container of a manifest, which Podman starts in its own way; its pod
WITHOUT_EFFECT = frozenset(_WITHOUT.split())
# What a layer may depend on, and nobody can tell before: told with its line
NOT_FORETOLD = frozenset(("cgroup-conf", "gpus", "rootfs", "seccomp-policy", "storage-opt", "subgidname", "subuidname"))


def known(name: str, kind: EngineKind) -> bool:
    """Whether that engine's `run` has this option, by its long name."""
    return name in VALUES[kind] or name in FLAGS[kind]
