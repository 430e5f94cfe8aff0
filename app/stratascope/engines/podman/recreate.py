"""Podman's create request (a SpecGenerator) that reproduces an existing container. Pure.

Decided against `podman container clone`, `podman generate spec` alone and running the command again: each loses
settings that change what the kernel enforces (measured: user, capabilities, no-new-privileges, seccomp, read-only).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from stratascope.core.container import Asked, EngineKind
from stratascope.core.message import Message, msg
from stratascope.core.options.rules import WRITABLE, labels_of, no_new_privileges, security_option
from stratascope.core.relaunch.launch_spec import LaunchSpec, RestartPolicy
from stratascope.engines.podman.recreate_network import namespaces, network
from stratascope.engines.podman.recreate_storage import storage
from stratascope.engines.podman.sources import (
    MASKED,
    READ_ONLY,
    Known,
    Sources,
    added,
    known,
    part,
    secrets,
    unmasked,
    words,
)

Body = dict[str, Any]

_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_MASKED = "*******"  # inspect's placeholder for a secret's value
# Written by Podman itself, from other settings, into every container
_MADE = ("io.container.manager", "org.opencontainers.image.stopSignal")
_MADE_PREFIX = "org.systemd.property."
_SIZE = re.compile(r"([0-9.]+)\s*([kKmMgGtT]?)i?[bB]?").fullmatch
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


def launch_spec(sources: Sources, engine: str, asked: Asked) -> LaunchSpec:
    """The spec of an unchanged relaunch; `asked` is the translated inspect. Raises ValueError for damaged JSON."""
    try:
        return _launch_spec(sources, engine, asked)
    except (TypeError, AttributeError, KeyError) as error:  # values of other types, deep inside
        raise ValueError(f"the engine's answer has another form: {error}") from error


def _launch_spec(sources: Sources, engine: str, asked: Asked) -> LaunchSpec:
    source = known(sources)
    lost: list[Message] = []
    differs: list[Message] = []
    body: Body = {}
    _basics(source, body, lost, differs)
    _environment(source, body, lost)
    storage(source, body, lost, differs)
    security(source, body)
    namespaces(source, body)
    network(source, body, lost, differs)
    limits(source, body)
    health(source, body)
    answer, config, host = source.answer, source.config, source.host
    if not source.has_oci:
        lost.append(
            msg(
                "The runtime's configuration of this container can't be read, and only it has its sysctls, masked "
                "paths and device rules. Run Stratascope as the user of this engine, and with the container running."
            )
        )
    policy = host.part("RestartPolicy")
    return LaunchSpec(
        engine=engine,
        kind=EngineKind.PODMAN,
        id=answer.text("Id"),
        name=answer.text("Name"),
        image=answer.text("ImageName") or answer.text("Rootfs"),
        image_id=answer.text("Image"),
        asked=asked,
        body=json.dumps(body),
        inspect=sources.inspect,
        restart=RestartPolicy(policy.text("Name") or "no", policy.whole("MaximumRetryCount")),
        auto_remove=host.flag("AutoRemove"),
        stop_timeout=config.whole("StopTimeout"),
        labels=config.pairs("Labels"),
        environment=config.texts("Env") or (),
        image_environment=tuple(words(part(source.image, "Config"), "Env")),
        lost=tuple(lost),
        differs=tuple(differs),
        mapped=tuple(
            (mount.text("Source"), mount.text("Destination"))
            for mount in answer.parts("Mounts")
            if mount.text("Type") == "volume"
            and any(word.partition("=")[0] == "idmap" for word in mount.texts("Options") or ())
        ),
    )


def _basics(source: Known, body: Body, lost: list[Message], differs: list[Message]) -> None:
    answer, config, host = source.answer, source.config, source.host
    if answer.text("Rootfs"):
        body["rootfs"] = answer.text("Rootfs")
        overlay = source.last("rootfs") and any(word.endswith(":O") for word in config.texts("CreateCommand") or ())
        if overlay:
            body["rootfs_overlay"] = True
    else:
        body["image"], body["raw_image_name"] = answer.text("Image"), answer.text("ImageName")
        if not source.image:
            lost.append(msg("Its image {image} was deleted, so no container can be created from it.",
                            image=answer.text("ImageName")))  # fmt: skip
    _command(source, body)
    body["terminal"], body["stdin"] = config.flag("Tty"), config.flag("OpenStdin")
    if config.pairs("Labels"):
        body["labels"] = dict(config.pairs("Labels"))
    body["annotations"] = {
        name: value for name, value in source.notes.items() if name not in _MADE and not name.startswith(_MADE_PREFIX)
    }
    _stopping(source, body)
    _log(source, body)
    if policy := host.part("RestartPolicy").text("Name"):
        body["restart_policy"] = policy
        if policy == "on-failure":
            body["restart_tries"] = host.part("RestartPolicy").whole("MaximumRetryCount")
    if answer.text("OCIRuntime"):
        body["oci_runtime"] = answer.text("OCIRuntime")
    # Only the text "true" means "if the command looks like one", which the engine has decided already
    body["systemd"] = "always" if config.flag("SystemdMode") else "false"
    if config.text("sdNotifyMode"):
        body["sdnotifyMode"] = config.text("sdNotifyMode")
    if host.flag("AutoRemove"):
        body["remove"] = body["volatile"] = True
    if host.flag("AutoRemoveImage"):
        body["removeImage"] = True
    if command := config.texts("CreateCommand"):
        body["containerCreateCommand"] = list(command)
    for key, field in (("timezone", "Timezone"), ("umask", "Umask")):
        if config.text(field):
            body[key] = config.text(field)
    if config.has("Passwd"):
        body["manage_password"] = config.flag("Passwd")
    for key, option in (("passwd_entry", "passwd-entry"), ("group_entry", "group-entry")):
        if entry := source.generated.get(key) or source.last(option):
            body[key] = entry
    if users := source.all("hostuser"):
        body["hostusers"] = list(users)
    if requires := _requires(source):
        body["dependencyContainers"] = requires
    if personality := part(source.oci, "linux").get("personality"):
        body["personality"] = personality
    if answer.text("Pod"):
        body["pod"] = answer.text("Pod")
    for option in ("cidfile", "pidfile", "conmon-pidfile"):
        if source.all(option):
            differs.append(msg("The file of --{option} is not written again.", option=option))
    for option in ("preserve-fds", "preserve-fd"):
        if source.all(option):
            lost.append(msg("Open files were passed to it at start (--{option}).", option=option))


def _command(source: Known, body: Body) -> None:
    answer, config = source.answer, source.config
    command = list(config.texts("Cmd") or ())
    # inspect lists the only word of a command twice, as Path and as Args (libpod, getContainerInspectData)
    whole = words(part(source.oci, "process"), "args") or [answer.text("Path"), *(answer.texts("Args") or ())]
    if whole[:1] in (["/run/podman-init"], ["/dev/init"]):
        whole = whole[2:]  # `/run/podman-init -- command`
    # Inspect joins an entry point's words into one text, so it is determined as what precedes the command
    entry = whole[: len(whole) - len(command)] if command == whole[len(whole) - len(command) :] else []
    image = part(source.image, "Config")
    if entry:
        body["entrypoint"] = entry
    elif image.get("Entrypoint"):
        body["entrypoint"] = [""]  # otherwise the image's applies again
    if command:
        body["command"] = command


def _stopping(source: Known, body: Body) -> None:
    config = source.config
    signal = config.whole("StopSignal")
    if signal and not config.flag("SystemdMode"):  # systemd mode has a stop signal of its own
        body["stop_signal"] = signal
    body["stop_timeout"] = config.whole("StopTimeout")
    if config.whole("Timeout"):
        body["timeout"] = config.whole("Timeout")


def _log(source: Known, body: Body) -> None:
    log = source.host.part("LogConfig")
    if not log.text("Type"):
        return
    wanted: Body = {"driver": log.text("Type")}
    own = source.answer.text("StaticDir")
    if log.text("Path") and not (own and log.text("Path").startswith(own)):
        wanted["path"] = log.text("Path")
    size = _bytes(log.text("Size"))
    if size:
        wanted["size"] = size
    wanted_options = dict(log.pairs("Config"))
    if log.text("Tag"):
        wanted_options["tag"] = log.text("Tag")
    if wanted_options:
        wanted["options"] = wanted_options
    body["log_configuration"] = wanted


def _bytes(text: str) -> int:
    """Parse `1MB` as printed by docker/go-units: powers of 1000, four digits."""
    match = _SIZE(text)
    return int(float(match[1]) * 1000 ** _POWERS[match[2].lower()]) if match else 0


def _requires(source: Known) -> list[str]:
    """The containers it depends on, except those whose namespaces it joined, which are implied."""
    host = source.host
    modes = " ".join(host.text(key) for key in ("PidMode", "IpcMode", "UTSMode", "NetworkMode", "UsernsMode"))
    modes += source.note("userns") + source.host.text("CgroupMode")
    found = [each for each in source.answer.texts("Dependencies") or () if each not in modes]
    return [] if source.answer.text("Pod") else found


def _environment(source: Known, body: Body, lost: list[Message]) -> None:
    config = source.config
    given = _assignments(config.texts("Env") or ())
    env_secrets = {name for name, value in given.items() if value == _MASKED}
    given = {name: value for name, value in given.items() if name not in env_secrets}
    image = _assignments(words(part(source.image, "Config"), "Env"))
    usual = {"PATH": _DEFAULT_PATH, "container": "podman", **({"TERM": "xterm"} if config.flag("Tty") else {}), **image}
    gone = sorted(name for name in usual if name not in given)
    made = {"HOSTNAME": config.text("Hostname"), "container": "podman", "TERM": "xterm", "container_uuid": None}
    typed = {name for word in source.all("env") for name in (word.partition("=")[0],)}
    wanted = {
        name: value
        for name, value in given.items()
        if name in image or name in typed or not (name in made and made[name] in (None, value))
    }
    # Podman fills in the user's home; if kept, it would stay that of another user
    if "HOME" in wanted and "HOME" not in image and source.has_choices and not _home_was_typed(source, typed):
        del wanted["HOME"]
    body["env"] = wanted
    body["httpproxy"] = False  # the host's proxies are among the other variables by now
    if gone:
        body["unsetenv"] = gone
    _env_secrets(source, body, env_secrets, lost)


def _home_was_typed(source: Known, typed: set[str]) -> bool:
    if source.generated:
        return "HOME" in part(source.generated, "env")
    return "HOME" in typed or bool(source.all("env-file")) or bool(source.all("env-host"))


def _env_secrets(source: Known, body: Body, masked: set[str], lost: list[Message]) -> None:
    variables = {
        known_options.get("target") or name: name
        for name, known_options in secrets(source.typed or {})
        if known_options.get("type") == "env"
    }
    if variables:
        body["secret_env"] = variables
    lost.extend(
        msg("The secret {name} is passed as an environment variable, and Podman does not say which one.", name=name)
        for name in sorted(masked - set(variables.values()))
    )


def _assignments(values: Mapping[str, str] | list[str] | tuple[str, ...]) -> dict[str, str]:
    return {name: value for name, _, value in (word.partition("=") for word in values)}


# -- resources and health checks

_PREFIX = "RLIMIT_"
NO_LIMIT = 1 << 64  # inspect shows -1 for the API's greatest 64-bit number


def limits(source: Known, body: Body) -> None:
    """Fill in the body."""
    host = source.host
    # Empty memory would count as a limit of 0; devices have fields of their own
    resources = {
        name: value
        for name, value in part(source.oci, "linux", "resources").items()
        if name != "devices" and (value or name != "memory")
    }
    if not source.has_oci:
        resources = _from_inspect(source)
    if resources:
        body["resource_limits"] = resources
    if unified := part(source.inspect, "HostConfig").get("CgroupConf"):
        body["unified"] = unified
    ulimits = [
        # The API expects `nofile`, not inspect's name
        {
            "type": limit.text("Name").removeprefix(_PREFIX).lower(),
            "soft": limit.whole("Soft") % NO_LIMIT,
            "hard": limit.whole("Hard") % NO_LIMIT,
        }
        for limit in host.parts("Ulimits")
    ]
    if ulimits:
        body["r_limits"] = ulimits
    score = part(source.oci, "process").get("oomScoreAdj") if source.has_oci else host.whole("OomScoreAdj") or None
    if score is not None:
        body["oom_score_adj"] = score


def _from_inspect(source: Known) -> Body:
    host = source.host
    memory = {
        key: host.whole(field)
        for key, field in (("limit", "Memory"), ("swap", "MemorySwap"), ("reservation", "MemoryReservation"))
        if host.whole(field)
    }
    cpu: Body = {
        key: host.whole(field)
        for key, field in (("shares", "CpuShares"), ("quota", "CpuQuota"), ("period", "CpuPeriod"))
        if host.whole(field)
    }
    for key, field in (("cpus", "CpusetCpus"), ("mems", "CpusetMems")):
        if host.text(field):
            cpu[key] = host.text(field)
    found: Body = {"memory": memory, "cpu": cpu}
    if host.whole("PidsLimit"):
        found["pids"] = {"limit": host.whole("PidsLimit")}
    return {name: value for name, value in found.items() if value}


def health(source: Known, body: Body) -> None:
    """Fill in the body."""
    config = part(source.inspect, "Config")
    if config.get("Healthcheck"):
        body["healthconfig"] = config["Healthcheck"]
    elif part(source.image, "Config").get("Healthcheck") or part(source.image).get("Healthcheck"):
        body["healthconfig"] = {"Test": ["NONE"]}  # switched off: otherwise the image's applies again
    if config.get("StartupHealthCheck"):
        body["startupHealthConfig"] = config["StartupHealthCheck"]
    actions = {"none": 0, "kill": 2, "restart": 3, "stop": 4}  # libpod/define/healthchecks.go; 1 is none of them
    action = actions.get(str(config.get("HealthcheckOnFailureAction") or "none"), 0)
    if action:
        body["health_check_on_failure_action"] = action
    for key, field in (
        ("healthLogDestination", "HealthLogDestination"),
        ("healthMaxLogCount", "HealthcheckMaxLogCount"),
        ("healthMaxLogSize", "HealthcheckMaxLogSize"),
    ):
        if config.get(field) is not None:
            body[key] = config[field]


# -- rights: capabilities, profiles, masks, the user

# Only in some versions, one of them twice: only the command shows whether it was unmasked
_SOME_VERSIONS = frozenset(("/proc/asound", "/proc/interrupts", "/sys/dev/block", "/sys/devices/virtual/powercap"))
# Masked for each CPU of the machine, by newer versions; and for systemd inside
_MADE_PATHS = ("/thermal_throttle", "/sys/fs/cgroup/systemd/release_agent")
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
        body["privileged"] = True  # what inspect shows as dropped then is what the engine itself lacks
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
        body["seccomp_profile_path"] = "unconfined"  # set by the API, which writes no annotation
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
    more = [path for path in masked if path not in MASKED and not path.endswith(_MADE_PATHS)]
    if more:
        body["mask"] = list(dict.fromkeys(more))
    typed = unmasked(source.all("security-opt"))
    fewer = [path for path in MASKED if (path in typed if path in _SOME_VERSIONS else path not in masked)]
    fewer += [path for path in READ_ONLY if path not in read_only and path not in masked and path not in fewer]
    if fewer:
        body["unmask"] = fewer
