"""Tools that are made to use what others should not have, by what they are for: as their projects' documentation says.

A name is that of the program, or of the image without its registry and tag: the last part of it, or the last two. Who
has another program by such a name keeps a grant that is not needed, which is said; whoever is not in the list is judged
by what was seen of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, auto

from stratascope.value import Value


class Purpose(Enum):
    """What a tool does that takes more than engines give."""

    ENGINE = auto()  # manages containers through an engine's socket
    ENGINE_READ = auto()  # asks an engine about them
    ENGINE_PROXY = auto()  # lets others through to an engine's socket, by rules
    HOST_FILES = auto()  # reports on, searches or copies what is mounted of the host
    HOST_PROCESSES = auto()  # reports on the processes of the host
    CONTAINERS = auto()  # runs containers of its own
    SYSTEM = auto()  # a whole system with its service manager
    DISKS = auto()  # drives disks
    OWN_NAMESPACES = auto()  # puts parts of itself into namespaces of their own
    GAINS = auto()  # gains privileges on the way: sudo of those who work in it, or capabilities of its files


class Tool(Value):
    """`names` of programs and images; `capabilities` and `devices` that its work takes."""

    names: tuple[str, ...]
    purposes: tuple[Purpose, ...] = ()
    capabilities: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()


_AGENT = (Purpose.ENGINE_READ, Purpose.HOST_FILES, Purpose.HOST_PROCESSES)

TOOLS = (
    Tool(
        (
            *("portainer", "portainer-ce", "portainer-ee", "portainer/agent", "dockge", "yacht", "komodo-periphery"),
            *("lazydocker", "docker", "docker-compose", "docker/compose", "watchtower", "ouroboros", "autoheal"),
            *("ofelia", "swarm-cronjob", "docker-volume-backup", "acme-companion", "nextcloud-releases/all-in-one"),
            *("nextcloud/all-in-one", "gitlab-runner", "github-runner", "actions-runner", "act_runner"),
            *("forgejo/runner", "drone-runner-docker", "woodpecker-agent", "buildkite/agent", "ryuk", "localstack"),
            *("coolify", "dokploy", "hassio-supervisor", "amd64-hassio-supervisor", "aarch64-hassio-supervisor"),
        ),
        (Purpose.ENGINE,),
    ),
    Tool(("docker-socket-proxy", "socket-proxy"), (Purpose.ENGINE_PROXY,)),
    Tool(
        (
            *("traefik", "caddy-docker-proxy", "nginx-proxy", "docker-gen", "registrator", "dozzle", "diun", "ctop"),
            *("homepage", "homarr", "docker_exporter", "whats-up-docker", "wud"),
        ),
        (Purpose.ENGINE_READ,),
    ),
    Tool(
        (
            *("cadvisor", "datadog/agent", "datadoghq/agent", "telegraf", "glances", "newrelic/infrastructure"),
            *("zabbix-agent", "zabbix-agent2", "beszel-agent", "metricbeat", "elastic-agent", "oneagent", "alloy"),
            *("opentelemetry-collector-contrib", "otelcol-contrib"),
        ),
        _AGENT,
    ),
    # learn.netdata.cloud, installation with Docker: for cgroup-network and apps.plugin
    Tool(("netdata",), (*_AGENT, Purpose.GAINS), ("CAP_SYS_ADMIN", "CAP_SYS_PTRACE")),
    Tool(
        ("node-exporter", "node_exporter", "process-exporter", "osqueryd", "osquery", "wazuh-agent"),
        (Purpose.HOST_FILES, Purpose.HOST_PROCESSES),
    ),
    # falco.org, "least privileged", with its modern eBPF probe
    Tool(
        ("falco", "tetragon", "tracee", "sysdig/agent"),
        _AGENT,
        ("CAP_BPF", "CAP_PERFMON", "CAP_SYS_PTRACE", "CAP_SYS_RESOURCE"),
    ),
    Tool(
        ("promtail", "filebeat", "fluent-bit", "fluentd", "vector", "crowdsec", "logspout"),
        (Purpose.ENGINE_READ, Purpose.HOST_FILES),
    ),
    Tool(
        (
            *("duplicati", "duplicacy", "restic", "borg", "borgmatic", "kopia", "urbackup", "rsnapshot"),
            *("docker-bench-security", "trivy", "clamav", "lynis"),
        ),
        (Purpose.HOST_FILES,),
    ),
    Tool(
        (
            *("buildah", "buildkit", "buildkitd", "containerd", "crio", "dockerd", "dockerd-entrypoint.sh", "k0s"),
            *("k3s", "kicbase", "kubelet", "lxd", "microk8s", "podman", "rke2"),
        ),
        (Purpose.CONTAINERS,),
    ),
    Tool(("systemd", "systemd-ubuntu", "systemd-debian", "ubi8-init", "ubi9-init"), (Purpose.SYSTEM,)),
    Tool(("ceph-osd", "ceph-volume"), (Purpose.DISKS,), ("CAP_SYS_ADMIN", "CAP_SYS_RAWIO")),
    Tool(
        ("scrutiny", "smartd", "smartctl", "hdparm", "smartctl_exporter", "smartctl-exporter"),
        (Purpose.DISKS,),
        ("CAP_SYS_RAWIO",),
    ),
    Tool(  # ptrace(2)
        ("gdb", "gdbserver", "strace", "ltrace", "lldb-server", "py-spy", "dlv"),
        (Purpose.HOST_PROCESSES,),
        ("CAP_SYS_PTRACE",),
    ),
    Tool(
        ("bpftrace", "perf"),
        (Purpose.HOST_PROCESSES,),
        ("CAP_BPF", "CAP_PERFMON", "CAP_SYS_ADMIN", "CAP_SYS_PTRACE"),
    ),
    # pptr.dev, troubleshooting: Chromium's sandbox takes user namespaces or SYS_ADMIN
    Tool(
        (
            *("chrome", "google-chrome", "chromium", "chromium-browser", "puppeteer", "playwright", "browserless"),
            *("bwrap", "flatpak"),
        ),
        (Purpose.OWN_NAMESPACES,),
        ("CAP_SYS_ADMIN",),
    ),
    Tool(
        ("code-server", "openvscode-server", "webtop", "devcontainers/base", "devcontainers/universal"),
        (Purpose.GAINS,),
    ),
    # They mount a file system of the kernel's server, nfsd(7)
    Tool(("nfs-server", "rpc.nfsd", "rpc.mountd"), (), ("CAP_SYS_ADMIN",)),
    Tool(
        ("tailscale", "tailscaled", "gluetun", "openvpn", "zerotier", "zerotier-one"),
        (),
        ("CAP_NET_ADMIN", "CAP_NET_RAW"),
        ("/dev/net/tun",),
    ),
    Tool(
        (*("wireguard", "wg-easy", "wg-quick", "netbird", "keepalived", "fail2ban", "dnsmasq", "hostapd"),),
        (),
        ("CAP_NET_ADMIN", "CAP_NET_RAW"),
    ),
    Tool(
        (
            *("tcpdump", "tshark", "netshoot", "ping", "nmap", "arping", "mtr", "smokeping", "ntopng", "suricata"),
            *("home-assistant", "homeassistant", "blackbox-exporter", "blackbox_exporter"),
        ),
        (),
        ("CAP_NET_RAW",),
    ),
    # Its resolver has capabilities by its file, docs.pi-hole.net/docker
    Tool(("pihole", "pihole-FTL"), (Purpose.GAINS,), ("CAP_NET_ADMIN", "CAP_NET_RAW")),
    Tool(("chronyd", "chrony", "ntpd", "ntp"), (), ("CAP_SYS_TIME",)),
)

_ENGINES = ("docker", "podman")  # what engines put into the environment as `container`
_BY_NAME = {name: tuple(tool for tool in TOOLS if name in tool.names) for tool in TOOLS for name in tool.names}


def names_of(purpose: Purpose) -> tuple[str, ...]:
    """Of all tools that are made for this."""
    return tuple(name for tool in TOOLS if purpose in tool.purposes for name in tool.names)


def tools_of(image: str, texts: Iterable[str], running: Iterable[str]) -> tuple[tuple[str, Tool], ...]:
    """Those that the image is of, these texts start, or that are `running` by these names; each with the name.

    `texts`: command lines, and values that may be one.
    """
    parts = image.partition("@")[0].split("/")
    parts[-1] = parts[-1].partition(":")[0]
    words = (word.strip("\"';&|()") for text in texts if text not in _ENGINES for word in text.split())
    programs = (word.rpartition("/")[2] for word in words if "://" not in word)
    names = (parts[-1], "/".join(parts[-2:]), *running, *programs)
    return tuple(dict.fromkeys((name, tool) for name in names for tool in _BY_NAME.get(name, ())))
