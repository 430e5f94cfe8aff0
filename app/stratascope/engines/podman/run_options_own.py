"""Options of `podman run` for what in its create request no other tool knows, or all spell alike. Pure."""

from __future__ import annotations

import shlex

from stratascope.core.message import Message, msg
from stratascope.core.options.request import Pairs, health_command
from stratascope.engines.shared.json_reader import Answer

# Fields that are one text, number or flag with an option of that meaning
_TEXTS = {
    "timezone": "tz",
    "umask": "umask",
    "passwd_entry": "passwd-entry",
    "group_entry": "group-entry",
    "pod": "pod",
    "seccomp_policy": "seccomp-policy",
    "cgroups_mode": "cgroups",
    "sdnotifyMode": "sdnotify",
    "systemd": "systemd",
    "init_path": "init-path",
    "base_hosts_file": "hosts-file",
    "image_volume_mode": "image-volume",
    "healthLogDestination": "health-log-destination",
}
_NUMBERS = {
    "timeout": "timeout",
    "shm_size_systemd": "shm-size-systemd",
    "healthMaxLogCount": "health-max-log-count",
    "healthMaxLogSize": "health-max-log-size",
}
_LISTS = {
    "unsetenv": "unsetenv",
    "hostusers": "hostuser",
    "dependencyContainers": "requires",
    "chroot_directories": "chrootdirs",
    "gpus": "gpus",
}
_ON_FAILURE = {2: "kill", 3: "restart", 4: "stop"}
# What Podman does where nothing is said
_USUAL = {
    ("sdnotify", "container"),
    ("umask", "0022"),
    ("health-log-destination", "local"),
    ("health-max-log-count", "5"),
    ("health-max-log-size", "500"),
}
_CPU = {"shares": "cpu-shares", "realtimeRuntime": "cpu-rt-runtime", "realtimePeriod": "cpu-rt-period"}


def shared(request: Answer, unsaid: list[Message], cores: float) -> Pairs:
    """Options that `docker run` has too; `cores` have been said already."""
    resources = request.part("resource_limits")
    memory, cpu, blocks = (resources.part(name) for name in ("memory", "cpu", "blockIO"))
    found: list[tuple[str, str]] = [(name, str(cpu.whole(field))) for field, name in _CPU.items() if cpu.whole(field)]
    if cpu.whole("period") and not cores:
        found.append(("cpu-period", str(cpu.whole("period"))))
    found += [
        (name, cpu.text(field)) for field, name in (("cpus", "cpuset-cpus"), ("mems", "cpuset-mems")) if cpu.text(field)
    ]
    if memory.raw("swappiness") is not None:
        found.append(("memory-swappiness", str(memory.whole("swappiness"))))
    if memory.flag("disableOOMKiller"):
        found.append(("oom-kill-disable", ""))
    if blocks.whole("weight"):
        found.append(("blkio-weight", str(blocks.whole("weight"))))
    if any(blocks.raw(name) for name in blocks.names() if name.startswith("throttle") or name == "weightDevice"):
        unsaid.append(msg("The rates of single disks, which have only numbers here and no paths."))
    if resources.raw("hugepageLimits") or resources.raw("rdma"):
        unsaid.append(msg("The limits of huge pages and of RDMA."))
    if request.text("cgroup_parent"):
        found.append(("cgroup-parent", request.text("cgroup_parent")))
    if request.raw("oom_score_adj") is not None:
        found.append(("oom-score-adj", str(request.whole("oom_score_adj"))))
    for rule in request.parts("device_cgroup_rule"):
        numbers = ":".join("*" if rule.raw(key) in (None, -1) else str(rule.whole(key)) for key in ("major", "minor"))
        if rule.flag("allow"):
            found.append(("device-cgroup-rule", f"{rule.text('type') or 'a'} {numbers} {rule.text('access')}"))
        else:
            unsaid.append(msg("The rule that denies the device {device}.", device=f"{rule.text('type')} {numbers}"))
    found.extend(("volumes-from", source) for source in request.texts("volumes_from") or ())
    expose = request.part("expose")
    found.extend(
        ("expose", f"{port}/{protocol}") for port in expose.names() for protocol in expose.text(port).split(",")
    )
    if request.flag("publish_image_ports"):
        found.append(("publish-all", ""))
    return tuple(found)


def own(request: Answer) -> Pairs:
    """Options that only Podman has."""
    found = [(name, request.text(field)) for field, name in _TEXTS.items() if request.text(field)]
    found += [(name, str(request.whole(field))) for field, name in _NUMBERS.items() if request.raw(field) is not None]
    found = [each for each in found if each not in _USUAL]
    found += [(name, text) for field, name in _LISTS.items() for text in request.texts(field) or ()]
    for field, name in (("httpproxy", "http-proxy"), ("manage_password", "passwd")):
        if request.raw(field) is False:
            found.append((name, "false"))
    if request.flag("use_image_hosts"):
        found.append(("no-hosts", ""))
    if request.flag("use_image_hostname"):
        found.append(("no-hostname", ""))
    if request.flag("use_image_resolve_conf"):
        found.append(("dns", "none"))
    if request.text("rootfs"):
        found.append(("rootfs", ""))
    if request.flag("removeImage"):
        found.append(("rmi", ""))
    if request.flag("label_nested"):
        found.append(("security-opt", "label=nested"))
    if words := request.texts("procfs_opts"):
        found.append(("security-opt", "proc-opts=" + ",".join(words)))
    unified = request.part("unified")
    found += [("cgroup-conf", f"{name}={unified.text(name)}") for name in unified.names()]
    personality = request.part("personality").text("domain")
    if personality:
        found.append(("personality", personality))
    for secret in request.parts("secrets"):
        words_of = [secret.text("Source")]
        if secret.text("Target"):
            words_of.append(f"target={secret.text('Target')}")
        words_of += [f"uid={secret.whole('UID')}", f"gid={secret.whole('GID')}", f"mode={secret.whole('Mode'):04o}"]
        found.append(("secret", ",".join(words_of)))
    found += [("secret", f"{secret},type=env,target={name}") for name, secret in request.pairs("secret_env")]
    action = _ON_FAILURE.get(request.whole("health_check_on_failure_action"))
    if action:
        found.append(("health-on-failure", action))
    return (*found, *_startup(request))


def _startup(request: Answer) -> Pairs:
    said = request.part("startupHealthConfig")
    test = said.texts("Test") or ()
    if not test:
        return ()
    found = [("health-startup-cmd", health_command(test) or shlex.join(test[1:]))]
    for field, name in (("Interval", "interval"), ("Timeout", "timeout")):
        if said.whole(field):
            found.append((f"health-startup-{name}", f"{said.whole(field)}ns"))
    for field, name in (("Retries", "retries"), ("Successes", "success")):
        if said.whole(field):
            found.append((f"health-startup-{name}", str(said.whole(field))))
    return tuple(found)
