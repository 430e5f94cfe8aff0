"""The table of all options of `docker run` and `podman run`: how their values are typed, the field of `Asked` they set,
and the corresponding keys of Compose services and Quadlet units.

From `docker run --help` (26.1) and `podman run --help` (5.4); a test compares it with the installed programs.
"""

from __future__ import annotations

from stratascope.core.container import ENGINES, EngineKind
from stratascope.core.message import msg
from stratascope.core.options.values import (
    CAPABILITY,
    CORES,
    DEVICE,
    FLAG,
    IDS,
    LIMIT,
    PAIR,
    PORT,
    SIZE,
    TEXT,
    WHOLE,
    Form,
    between,
)
from stratascope.value import Value

_DOCKER, _PODMAN, _BOTH = (EngineKind.DOCKER,), (EngineKind.PODMAN,), ENGINES
_MODE = ("", "private")


class Option(Value):
    """One option, by its long name.

    `field`: of `Asked`; `usual`: its values that need no option. `layer`: the layer it is listed under in the history.
    `compose`: the key of a service, `quadlet`: the key of a [Container] section, if they accept the same values.
    `many`: given several times, once per value. `touches`: whether a layer depends on it.
    """

    name: str
    form: Form = TEXT
    field: str = ""
    letter: str = ""
    layer: str = ""
    compose: str = ""
    quadlet: str = ""
    kinds: tuple[EngineKind, ...] = _BOTH
    many: bool = False
    usual: tuple[str, ...] = ("",)
    touches: bool = True

    def said(self, value: object) -> bool:
        """Whether this value of the field must be requested with the option."""
        return bool(value) and value not in self.usual


# In the order in which commands are written
OPTIONS = (
    Option("privileged", FLAG, "privileged", compose="privileged"),
    Option("cap-add", CAPABILITY, "cap_add", "", "capabilities", "cap_add", "AddCapability", many=True),
    Option("cap-drop", CAPABILITY, "cap_drop", "", "capabilities", "cap_drop", "DropCapability", many=True),
    Option("user", TEXT, "user", "u", "usermap", "user", "User"),
    Option("userns", TEXT, "userns_mode", "", "usermap", "userns_mode", "UserNS"),
    Option("uidmap", IDS, "uid_map", "", "usermap", "", "UIDMap", _PODMAN, many=True),
    Option("gidmap", IDS, "gid_map", "", "", "", "GIDMap", _PODMAN, many=True),
    Option("security-opt", compose="security_opt", many=True),
    Option("pid", TEXT, "pid_mode", "", "namespaces", "pid", usual=_MODE),
    Option("ipc", TEXT, "ipc_mode", "", "namespaces", "ipc", usual=_MODE),
    Option("uts", TEXT, "uts_mode", "", "namespaces", "uts", usual=_MODE),
    Option("network", TEXT, "network_mode", "", "namespaces", "network_mode", usual=_MODE),
    Option("cgroupns", TEXT, "cgroupns_mode", "", "namespaces", "cgroup", usual=_MODE),
    Option("read-only", FLAG, "read_only_root", "", "namespaces", "read_only", "ReadOnly"),
    Option("read-only-tmpfs", FLAG, quadlet="ReadOnlyTmpfs", kinds=_PODMAN),
    Option("volume", TEXT, "mounts", "v", "namespaces", "volumes", "Volume", many=True),
    Option("mount", compose="volumes", quadlet="Mount", many=True),
    Option("tmpfs", layer="namespaces", compose="tmpfs", quadlet="Tmpfs", many=True),
    Option("device", DEVICE, "devices", "", "namespaces", "devices", "AddDevice", many=True),
    Option("device-cgroup-rule", TEXT, "device_rules", "", "", "device_cgroup_rules", "DeviceCgroupRule", many=True),
    Option("memory", SIZE, "memory", "m", "cgroup", "mem_limit", "Memory"),
    Option("memory-swap", SIZE, "memory_swap", "", "cgroup", "memswap_limit"),
    Option("pids-limit", WHOLE, "pids", "", "cgroup", "pids_limit", "PidsLimit"),
    Option("cpus", CORES, "cpu_cores", "", "cgroup", "cpus"),
    Option("cpu-quota", WHOLE, compose="cpu_quota"),
    Option("cpu-period", WHOLE, compose="cpu_period"),
    Option("cpuset-cpus", TEXT, "cpuset", "", "cgroup", "cpuset"),
    Option("cgroup-parent", TEXT, "cgroup_parent", "", "cgroup", "cgroup_parent"),
    Option("oom-score-adj", between(-1000, 1000), "oom_score_adj", "", "cgroup", "oom_score_adj"),
    Option("ulimit", LIMIT, "limits", "", "cgroup", "ulimits", "Ulimit", many=True),
    Option("shm-size", SIZE, "shm_size", "", "namespaces", "shm_size", "ShmSize"),
    Option("publish", PORT, "ports", "p", "namespaces", "ports", "PublishPort", many=True),
    Option("sysctl", PAIR, "sysctls", "", "namespaces", "sysctls", "Sysctl", many=True),
    Option("group-add", TEXT, "groups", "", "", "group_add", "GroupAdd", many=True),
    Option("log-driver", TEXT, "log_driver", quadlet="LogDriver"),
    Option("log-opt", quadlet="LogOpt", many=True),
    Option("runtime", compose="runtime"),
    Option("volumes-from", compose="volumes_from", many=True),
    Option("publish-all", FLAG, letter="P"),
    Option("cgroups", quadlet="CgroupsMode", kinds=_PODMAN),
    Option("subuidname", quadlet="SubUIDMap", kinds=_PODMAN),
    Option("subgidname", quadlet="SubGIDMap", kinds=_PODMAN),
    Option("rootfs", FLAG, kinds=_PODMAN),
    *(Option(name, kinds=_PODMAN) for name in ("cgroup-conf", "image-volume", "pod", "pod-id-file")),
    *(Option(name, kinds=_PODMAN) for name in ("seccomp-policy", "systemd")),
    *(Option(name) for name in ("gpus", "storage-opt")),
    # No layer depends on these: names, addresses, environment, health, CPU shares
    Option("name", quadlet="ContainerName", touches=False),
    Option("cpu-shares", WHOLE, letter="c", compose="cpu_shares", touches=False),
    Option("memory-swappiness", WHOLE, compose="mem_swappiness", touches=False),
    Option("expose", compose="expose", many=True, touches=False),
)
TITLES = {  # short names of fields
    "privileged": msg("Privileged mode"),
    "masked_paths": msg("Masked paths"),
    "read_only_paths": msg("Read-only paths in /proc"),
    "mounts": msg("Mounts"),
    "devices": msg("Devices of the host"),
    "device_rules": msg("Device rules"),
    "memory": msg("Memory"),
    "memory_swap": msg("Memory and swap together"),
    "pids": msg("Processes"),
    "cpu_cores": msg("CPU"),
    "cpuset": msg("CPUs that it can use"),
    "cgroup_parent": msg("Parent cgroup"),
    "oom_score_adj": msg("OOM score adjustment"),
    "log_driver": msg("Log driver"),
    "log": msg("Where its log goes"),
    "no_new_privileges": msg("No new privileges"),
    "apparmor": msg("AppArmor profile"),
    "apparmor_profile": msg("Profile name"),
    "selinux_label": msg("SELinux label"),
    "selinux_options": msg("SELinux options"),
    "userns_mode": msg("User namespace"),
    "user": msg("User"),
    "uid_map": msg("ID maps"),
}
_OF = {option.name: option for option in OPTIONS}
MODES = tuple(_OF[name] for name in ("pid", "ipc", "uts", "cgroupns"))  # userns and network have more values
LIMITS = tuple(_OF[name] for name in ("memory", "memory-swap", "cpus", "pids-limit"))
FURTHER_NUMBERS = (_OF["shm-size"], _OF["oom-score-adj"])
NUMBERS = tuple(option for option in OPTIONS if option in (*LIMITS, *FURTHER_NUMBERS))
OF_FIELD = {option.field: option for option in OPTIONS if option.field}
# Letters of the options listed by name only
_LETTERS = {
    "attach": "a",
    "detach": "d",
    "env": "e",
    "hostname": "h",
    "interactive": "i",
    "label": "l",
    "quiet": "q",
    "tty": "t",
    "workdir": "w",
}
_VALUES_OF_BOTH = """
add-host annotation attach blkio-weight blkio-weight-device cidfile cpu-rt-period cpu-rt-runtime cpuset-mems detach-keys
device-read-bps device-read-iops device-write-bps device-write-iops dns dns-option dns-search entrypoint env env-file
health-cmd health-interval health-retries health-start-period health-timeout hostname ip ip6 label label-file
mac-address memory-reservation network-alias platform pull restart stop-signal stop-timeout workdir
"""
_FLAGS_OF_BOTH = (
    "detach disable-content-trust help init interactive no-healthcheck oom-kill-disable quiet rm sig-proxy tty"
)
_VALUES_OF_DOCKER = """
cpu-count cpu-percent domainname health-start-interval io-maxbandwidth io-maxiops isolation kernel-memory link
link-local-ip volume-driver
"""
_VALUES_OF_PODMAN = """
arch authfile chrootdirs conmon-pidfile creds cert-dir decryption-key env-merge group-entry
health-log-destination health-max-log-count health-max-log-size health-on-failure health-startup-cmd
health-startup-interval health-startup-retries health-startup-success health-startup-timeout hosts-file hostuser
init-path init-ctr os passwd-entry personality pidfile preserve-fd preserve-fds rdt-class requires retry retry-delay
sdnotify secret shm-size-systemd signature-policy timeout tz umask unsetenv variant
"""
_FLAGS_OF_PODMAN = "env-host http-proxy no-hostname no-hosts passwd replace rmi tls-verify unsetenv-all"
# The engines' other names for options (docker/cli: cli/command/container/opts.go; containers/podman: cmd/podman/utils)
ALIASES = {
    EngineKind.DOCKER: {"net": "network", "net-alias": "network-alias", "dns-opt": "dns-option"},
    EngineKind.PODMAN: {
        "net": "network",
        "dns-opt": "dns-option",
        "healthcheck-command": "health-cmd",
        **{f"healthcheck-{word}": f"health-{word}" for word in ("interval", "retries", "start-period", "timeout")},
        **{f"override-{word}": word for word in ("arch", "os", "variant")},
    },
}
KUBE_PLAY = "kube play"  # not an option: marks a container of a manifest for `podman kube play`; value: its pod
# A layer may depend on these, but their effect can't be predicted: reported with their line
UNPREDICTABLE = frozenset(
    ("cgroup-conf", "gpus", "rootfs", "seccomp-policy", "storage-opt", "subgidname", "subuidname")
)


def _all() -> dict[str, Option]:
    found = dict(_OF)
    for words, form, kinds in (
        (_VALUES_OF_BOTH, TEXT, _BOTH),
        (_FLAGS_OF_BOTH, FLAG, _BOTH),
        (_VALUES_OF_DOCKER, TEXT, _DOCKER),
        (_VALUES_OF_PODMAN, TEXT, _PODMAN),
        (_FLAGS_OF_PODMAN, FLAG, _PODMAN),
    ):
        found |= {name: Option(name, form, letter=_LETTERS.get(name, ""), kinds=kinds, touches=False)
                  for name in words.split()}  # fmt: skip
    return found


NAMED = _all()
WITHOUT_EFFECT = frozenset(name for name, option in NAMED.items() if not option.touches)
_OF_LETTER = {option.letter: option for option in NAMED.values() if option.letter}


def named(name: str, kind: EngineKind) -> Option | None:
    """The option of that engine's `run` with this name or alias."""
    found = NAMED.get(ALIASES[kind].get(name, name))
    return found if found is not None and kind in found.kinds else None


def lettered(letter: str, kind: EngineKind) -> Option | None:
    """The option of that engine's `run` with this letter."""
    found = _OF_LETTER.get(letter)
    return found if found is not None and kind in found.kinds else None
