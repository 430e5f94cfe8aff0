"""The part of Podman's create request that is about rights: capabilities, profiles, masks, the user. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any

from stratascope.core.options.rules import WRITABLE, labels_of, no_new_privileges, security_option
from stratascope.engines.podman.sources import Known, added, part, words

Body = dict[str, Any]

# What Podman masks and makes read-only where nothing was asked for (containers/common, pkg/config/default.go)
MASKED = (
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/dev/block",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
    "/sys/fs/selinux",
)
READ_ONLY = ("/proc/asound", "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")
# Newer or older versions only, one of them twice: whether it was unmasked only the command tells
_SOME_VERSIONS = frozenset(("/proc/asound", "/proc/interrupts", "/sys/dev/block", "/sys/devices/virtual/powercap"))
# Masked for each CPU that the machine has, by newer versions; and for a systemd inside
_MADE = ("/thermal_throttle", "/sys/fs/cgroup/systemd/release_agent")
_PROC = ["nosuid", "noexec", "nodev"]


def security(source: Known, body: Body) -> None:
    """Fill in the body."""
    answer, config, host = source.answer, source.config, source.host
    privileged = host.flag("Privileged")
    if config.text("User"):
        body["user"] = config.text("User")
    if host.texts("GroupAdd"):
        body["groups"] = list(host.texts("GroupAdd") or ())
    if privileged:
        body["privileged"] = True  # what inspect shows as dropped then is what the engine itself does not have
    elif host.texts("CapDrop"):
        body["cap_drop"] = list(host.texts("CapDrop") or ())
    if added(answer):
        body["cap_add"] = list(added(answer))
    options = host.texts("SecurityOpt") or ()
    if no_new_privileges(options, False):
        body["no_new_privileges"] = True
    _profiles(source, body, options)
    _masks(source, body, options)
    if host.flag("ReadonlyRootfs"):
        body["read_only_filesystem"] = True
        mounts = source.mounts()
        named = {name for name, _ in host.pairs("Tmpfs")} | {
            each.text("Destination") for each in answer.parts("Mounts")
        }
        made = [place for place in WRITABLE if place in mounts and place not in named]
        typed = source.last("read-only-tmpfs") or "true"
        body["read_write_tmpfs"] = bool(made) if source.has_oci else typed != "false"
    if sysctls := part(source.oci, "linux").get("sysctl"):
        body["sysctl"] = sysctls
    if source.last("seccomp-policy"):
        body["seccomp_policy"] = source.last("seccomp-policy")
    if "label=nested" in source.all("security-opt"):
        body["label_nested"] = True


def _profiles(source: Known, body: Body, options: tuple[str, ...]) -> None:
    asked = dict(map(security_option, options))
    seccomp = source.note("seccomp") or asked.get("seccomp", "")
    if seccomp:
        body["seccomp_profile_path"] = seccomp
    elif source.has_oci and "seccomp" not in part(source.oci, "linux") and not source.host.flag("Privileged"):
        body["seccomp_profile_path"] = "unconfined"  # made by the API, which writes no annotation
    apparmor = source.note("apparmor") or source.answer.text("AppArmorProfile")
    if apparmor and not apparmor.startswith("containers-default-"):
        body["apparmor_profile"] = apparmor
    label = source.note("label")  # several are joined in one annotation
    labels = label.split(",label=") if label else list(labels_of(options))
    if not labels and _relabelled(source):
        # Files labelled for this container alone can only be read with its own level
        level = source.answer.text("ProcessLabel").split(":", 3)[3:]
        labels = [f"level:{level[0]}"] if level else []
    if labels:
        body["selinux_opts"] = labels


def _relabelled(source: Known) -> bool:
    if not source.answer.text("ProcessLabel") or source.host.flag("Privileged"):
        return False
    return source.typed is None or any(
        word.endswith(":Z") or ":Z," in word or ",Z" in word or "relabel=private" in word
        for option_name in ("volume", "mount")
        for word in source.all(option_name)
    )


def unmasked(options: Iterable[str]) -> tuple[str, ...]:
    """The paths that `--security-opt unmask=PATTERN:PATTERN` names, of those that would be masked or read-only."""
    values = (value for name, value in map(security_option, options) if name == "unmask")
    patterns = [pattern for value in values for pattern in value.split(":") if pattern]
    return tuple(
        path
        for path in dict.fromkeys((*MASKED, *READ_ONLY))
        if any(PurePosixPath(path).match(pattern) for pattern in patterns)
    )


def _masks(source: Known, body: Body, options: tuple[str, ...]) -> None:
    linux = part(source.oci, "linux")
    if source.host.flag("Privileged"):
        return
    if not source.has_oci:
        if "unmask=all" in (word.lower() for word in options):
            body["unmask"] = ["ALL"]
        return
    proc = source.mounts().get("/proc", {})
    proc_options = words(proc, "options")
    if proc.get("type") == "proc" and proc_options and proc_options != _PROC:
        body["procfs_opts"] = proc_options
    masked, read_only = words(linux, "maskedPaths"), words(linux, "readonlyPaths")
    if not masked and not read_only:
        body["unmask"] = ["ALL"]
        return
    more = [path for path in masked if path not in MASKED and not path.endswith(_MADE)]
    if more:
        body["mask"] = list(dict.fromkeys(more))
    typed = unmasked(source.all("security-opt"))
    fewer = [path for path in MASKED if (path in typed if path in _SOME_VERSIONS else path not in masked)]
    fewer += [path for path in READ_ONLY if path not in read_only and path not in masked and path not in fewer]
    if fewer:
        body["unmask"] = fewer
