"""Podman's create request (a SpecGenerator) for a container that exists, so that it comes out the same. Pure.

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
from stratascope.core.relaunch.launch_spec import LaunchSpec, RestartPolicy
from stratascope.engines.podman.create_command import secrets
from stratascope.engines.podman.recreate_limits import health, limits
from stratascope.engines.podman.recreate_network import namespaces, network
from stratascope.engines.podman.recreate_security import security
from stratascope.engines.podman.recreate_storage import storage
from stratascope.engines.podman.sources import Known, Sources, known, part, words

Body = dict[str, Any]

_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_MASKED = "*******"  # Podman's inspect in the place of a secret's value
# Written by Podman itself, from other settings, into each container
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
    # Only as text does "true" mean "where the command looks like one", which the engine has decided already
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
    # inspect says the only word of a command twice, as Path and as Args (libpod, getContainerInspectData)
    whole = words(part(source.oci, "process"), "args") or [answer.text("Path"), *(answer.texts("Args") or ())]
    if whole[:1] in (["/run/podman-init"], ["/dev/init"]):
        whole = whole[2:]  # `/run/podman-init -- command`
    # Inspect joins an entry point's words to one text, so it is what stands before the command
    entry = whole[: len(whole) - len(command)] if command == whole[len(whole) - len(command) :] else []
    image = part(source.image, "Config")
    if entry:
        body["entrypoint"] = entry
    elif image.get("Entrypoint"):
        body["entrypoint"] = [""]  # without it the image's comes back
    if command:
        body["command"] = command


def _stopping(source: Known, body: Body) -> None:
    config = source.config
    signal = config.whole("StopSignal")
    if signal and not config.flag("SystemdMode"):  # that one has a signal of its own
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
    """`1MB` as docker/go-units prints sizes: powers of 1000, four digits."""
    match = _SIZE(text)
    return int(float(match[1]) * 1000 ** _POWERS[match[2].lower()]) if match else 0


def _requires(source: Known) -> list[str]:
    """Containers that it depends on, without those whose namespaces it joined, which come of themselves."""
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
    # Podman fills in the user's home; kept, it would stay that of another user
    if "HOME" in wanted and "HOME" not in image and source.told and not _home_was_typed(source, typed):
        del wanted["HOME"]
    body["env"] = wanted
    body["httpproxy"] = False  # what the host's proxies came to is among the others by now
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
