"""What the options of `run` come to: a container as the engine's inspect would tell it, before there is one.

Whatever nothing is said of stays as an engine of that kind gives it to a plain container. By the rules of both engines
(moby: daemon/oci_linux.go; containers/podman: pkg/specgenutil), tried on real ones (tests/check).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from stratascope.check.mounts import NOTHING_THERE, There, of_tmpfs, of_volume
from stratascope.check.numbers import decimal, size, whole
from stratascope.check.option_reader import Options
from stratascope.check.options import KUBE_PLAY, NOT_FORETOLD, WITHOUT_EFFECT
from stratascope.check.reading import Problem, Said, Service
from stratascope.core.container import (
    Asked,
    AskedLimit,
    AskedMount,
    AskedPort,
    Container,
    Engine,
    Image,
    ProfileKind,
    Status,
)
from stratascope.core.message import msg
from stratascope.layers.shared.asked_capabilities import resulting
from stratascope.value import Value, replace

ANYBODY = "?"  # a user of whom nothing is known: the image's, which nobody looked at
_EVERYBODY = ((0, 0, 4294967295),)
WRITABLE = ("/run", "/tmp", "/var/tmp")  # what Podman keeps so with --read-only


class Understood(Value):
    """A container to be, and what was not understood of it."""

    container: Container
    problems: tuple[Problem, ...] = ()


def understand(
    service: Service, engine: Engine, plain: Container, image: Image | None, there: There = NOTHING_THERE
) -> Understood:
    """One service on that engine, which gives `plain` where nothing is asked for; `there` is what it has already."""
    options = Options(engine, plain.asked, plain.runtime, service.folder, there)
    _take(options, service.said)
    return Understood(_container(service, options, plain, image), tuple(options.problems))


def _container(service: Service, options: Options, plain: Container, image: Image | None) -> Container:
    user = options.user
    if user is None:
        user = ANYBODY if image is None else image.user
    mounts = dict(options.mounts)
    for place in () if image is None or options.image_volumes == "ignore" else filter(_is_place, image.volumes):
        made = of_tmpfs(place) if options.image_volumes == "tmpfs" else of_volume(place, "", options.engine)
        if made is not None:
            mounts.setdefault(place, made)
    asked = replace(
        options.asked,
        user=user,
        mounts=(*options.asked.mounts, *mounts.values(), *_temporary(options)),
        devices=tuple(options.devices),
        device_rules=() if options.engine.rootless and not options.docker else tuple(options.rules),
        cap_add=tuple(dict.fromkeys(options.added)),
        cap_drop=tuple(dict.fromkeys(options.dropped)),
        ports=(*options.ports, *_published(options, image)),
        limits=_limits(options, plain.asked),
        sysctls=tuple(options.sysctls.items()),
        groups=tuple(options.groups),
        selinux_options=tuple(options.labels),
        cpu_cores=_cores(options),
    )
    asked = _settled(asked, options, plain.asked)
    return replace(
        plain,
        engine=options.engine.id,
        id=str(service.place),
        name=service.name,
        image=service.image,
        status=Status.PREDICTED,
        pid=None,
        created=0.0,
        started=0.0,
        runtime=options.runtime,
        command="",
        image_id="",
        pod=service.pod,
        labels=service.labels,
        networks=tuple(options.networks),
        configuration="",
        exposed=() if image is None else image.exposed,
        asked=replace(asked, capabilities=resulting(asked, options.engine).names()),
    )


def _is_place(text: str) -> bool:
    return text.startswith("/")


def _settled(asked: Asked, options: Options, plain: Asked) -> Asked:
    """What one option means for others."""
    engine, docker = options.engine, options.docker
    if asked.privileged:
        asked = replace(asked, masked_paths=(), read_only_paths=())
        if asked.seccomp is plain.seccomp:
            asked = replace(asked, seccomp=ProfileKind.UNCONFINED)
        if asked.apparmor is not ProfileKind.CUSTOM:
            asked = replace(asked, apparmor=ProfileKind.UNCONFINED, apparmor_profile="")
    if docker and not asked.selinux_options and (asked.privileged or "host" in (asked.pid_mode, asked.ipc_mode)):
        asked = replace(asked, selinux_options=("disable",))
    if asked.pid_mode == "pod" and not options.kube_play:
        asked = replace(asked, pid_mode="container:pod")  # a pod that is there may be in the host's itself
    if asked.uid_map and not asked.userns_mode:
        asked = replace(asked, userns_mode="private")
    if not docker and not engine.rootless and asked.userns_mode.startswith("keep-id"):
        # root keeps all ids, in a user namespace of its own (pkg/util: GetKeepIDMapping)
        words = dict(word.partition("=")[::2] for word in asked.userns_mode.partition(":")[2].split(","))
        user = asked.user or f"{words.get('uid', '0')}:{words.get('gid', '0')}"
        asked = replace(asked, uid_map=_EVERYBODY, gid_map=_EVERYBODY, user=user)
    if not docker and engine.rootless and engine.facts.cgroup_version == "1":
        return replace(asked, memory=None, memory_swap=None, pids=None, cpu_cores=None, cpuset="")
    if asked.memory and not asked.memory_swap and not options.kube_play:
        asked = replace(asked, memory_swap=2 * asked.memory)  # both engines: as much swap as memory
    return asked


def _published(options: Options, image: Image | None) -> list[AskedPort]:
    """All ports that the image names, where that was asked for."""
    if not options.publish_all or image is None:
        return []
    named = {port.container_port for port in options.ports}
    return [AskedPort(name, "", "") for name in image.exposed if name not in named]


def _limits(options: Options, plain: Asked) -> tuple[AskedLimit, ...]:
    usual = [limit for limit in plain.limits if limit.name not in options.limits]
    return (*usual, *options.limits.values())


def _cores(options: Options) -> float | None:
    quota = options.quota.get("quota", 0)
    return quota / (options.quota.get("period") or 100_000) if quota > 0 else options.asked.cpu_cores


def _temporary(options: Options) -> list[AskedMount]:
    """What Podman lays over a read-only root directory so that programs can write; `kube play` over any."""
    if options.docker or not (options.kube_play or (options.asked.read_only_root and options.read_only_tmpfs)):
        return []
    # a pod has a memory of its own to share, also where its IPC namespace is the host's
    more = ("/dev/shm",) if options.kube_play and options.asked.ipc_mode == "host" else ()
    return [AskedMount("tmpfs", "", place, True) for place in (*WRITABLE, *more) if place not in options.mounts]


def _take(options: Options, said: Iterable[Said]) -> None:
    """One after the other; those that touch no layer have no way."""
    known = ways(options)
    for each in said:
        way = None if each.name in WITHOUT_EFFECT else known.get(each.name)
        if way is not None:
            way(each)
        elif each.name in NOT_FORETOLD:
            what = msg("The effect of {option} can't be predicted, and is left out.", option=f"--{each.name}")
            options.problems.append(Problem(each.place, what, unread=True))


def ways(options: Options) -> dict[str, Callable[[Said], None]]:
    """How each option is taken down, by name; those that touch no layer are not among them."""
    return {
        "privileged": options.take_flag("privileged"),
        "read-only": options.take_flag("read_only_root"),
        "read-only-tmpfs": options.take_read_only_tmpfs,
        KUBE_PLAY: options.take_kube_play,
        "user": options.take_user,
        "group-add": options.take_group,
        "pid": options.take_mode("pid_mode"),
        "ipc": options.take_mode("ipc_mode"),
        "uts": options.take_mode("uts_mode"),
        "cgroupns": options.take_mode("cgroupns_mode"),
        "userns": options.take_mode("userns_mode"),
        "network": options.take_network,
        "uidmap": options.take_id_map,
        "gidmap": options.take_gid_map,
        "cap-add": options.take_capability(options.added),
        "cap-drop": options.take_capability(options.dropped),
        "security-opt": options.take_security,
        "volume": options.take_volume,
        "mount": options.take_mount,
        "tmpfs": options.take_tmpfs,
        "device": options.take_device,
        "device-cgroup-rule": options.take_rule,
        "memory": options.take_number("memory", size),
        "memory-swap": options.take_number("memory_swap", size),
        "pids-limit": options.take_number("pids", whole),
        "cpus": options.take_number("cpu_cores", decimal),
        "cpu-quota": options.take_quota("quota"),
        "cpu-period": options.take_quota("period"),
        "cpuset-cpus": options.take_mode("cpuset"),
        "cgroup-parent": options.take_mode("cgroup_parent"),
        "ulimit": options.take_limit,
        "shm-size": options.take_number("shm_size", size),
        "sysctl": options.take_sysctl,
        "publish": options.take_publish,
        "publish-all": options.take_publish_all,
        "image-volume": options.take_image_volume,
        "log-driver": options.take_log,
        "log-opt": options.take_log_option,
        "runtime": options.take_runtime,
        "cgroups": options.take_cgroups,
        "pod": options.take_pod,
        "pod-id-file": options.take_pod,
        "volumes-from": options.take_volumes_from,
        "systemd": options.take_systemd,
    }
