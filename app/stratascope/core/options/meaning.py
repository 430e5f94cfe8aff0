"""What the options of `run` come to: a container as the engine's inspect would tell it, before there is one.

Each is taken down one after the other; whatever nothing is said of stays as an engine of that kind gives it to a plain
container. By the rules of both engines (moby: daemon/oci_linux.go; containers/podman: pkg/specgenutil), tried on real
ones (tests/check).
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable
from typing import Any

from stratascope.core.container import (
    Asked,
    AskedDevice,
    AskedLimit,
    AskedMount,
    AskedPort,
    Container,
    Engine,
    EngineKind,
    Image,
    LogKeeping,
    ProfileKind,
    Status,
)
from stratascope.core.message import Message, msg
from stratascope.core.options.capabilities import resulting
from stratascope.core.options.given import GivenOption, Problem, Service
from stratascope.core.options.mounts import NOTHING_THERE, MountError, There, of_mount, of_tmpfs, of_volume, shown
from stratascope.core.options.table import KUBE_PLAY, NOT_FORETOLD, WITHOUT_EFFECT
from stratascope.core.options.values import decimal, size, true, whole
from stratascope.linux.capability import NAMES
from stratascope.value import Value, replace

ALL = "ALL"
_OF_POD = "container:pod"  # of whom nothing is known
_LOGS = {"journald": LogKeeping.JOURNAL, "local": LogKeeping.LIMITED, "none": LogKeeping.LIMITED}
_FILES = frozenset(("json-file", "k8s-file"))


class Options:
    """One container's, beginning with what a plain one has."""

    def __init__(
        self, engine: Engine, plain: Asked, runtime: str, folder: str = "", there: There = NOTHING_THERE
    ) -> None:
        self.engine, self._folder, self._there = engine, folder, there
        self.docker = engine.kind is EngineKind.DOCKER
        self.problems: list[Problem] = []
        self.asked = plain
        self.user: str | None = None  # None: nobody said
        self.added: list[str] = []
        self.dropped: list[str] = []
        self.mounts: dict[str, AskedMount] = {}
        self.devices: list[AskedDevice] = []
        self.rules: list[str] = []
        self.ports: list[AskedPort] = []
        self.limits: dict[str, AskedLimit] = {}
        self.sysctls: dict[str, str] = {}
        self.groups: list[str] = []
        self.labels: list[str] = []
        self.quota: dict[str, int] = {}
        self.read_only_tmpfs = True
        self.kube_play = False
        self.publish_all = False
        self.image_volumes = ""  # "": as usual; ignore, tmpfs
        self.runtime = runtime
        self.networks: list[str] = []

    def _problem(self, said: GivenOption, text: Message) -> None:
        self.problems.append(Problem(said.place, text))

    def _wrong(self, said: GivenOption) -> None:
        what = msg(
            "The engine does not accept this value for {option}: {value}.", option=said.name, value=said.value or ""
        )
        self._problem(said, what)

    def take_flag(self, field: str) -> Callable[[GivenOption], None]:
        def way(said: GivenOption) -> None:
            self.asked = _with(self.asked, field, true(said.value) is True)

        return way

    def take_mode(self, field: str) -> Callable[[GivenOption], None]:
        def way(said: GivenOption) -> None:
            value = said.value or ""
            if value:
                self.asked = _with(self.asked, field, value)

        return way

    def take_number(self, field: str, read: Callable[[str], float | None]) -> Callable[[GivenOption], None]:
        def way(said: GivenOption) -> None:
            found = read(said.value or "")
            if found is None:
                self._wrong(said)
                return
            self.asked = _with(self.asked, field, found if found > 0 else None)

        return way

    def take_quota(self, name: str) -> Callable[[GivenOption], None]:
        def way(said: GivenOption) -> None:
            found = whole(said.value or "")
            if found is None:
                self._wrong(said)
            else:
                self.quota[name] = found

        return way

    def take_user(self, said: GivenOption) -> None:
        self.user = said.value or ""

    def take_group(self, said: GivenOption) -> None:
        self.groups.append(said.value or "")

    def take_capability(self, into: list[str]) -> Callable[[GivenOption], None]:
        def way(said: GivenOption) -> None:
            words = [said.value or ""] if self.docker else (said.value or "").split(",")
            for word in words:
                name = word.strip().upper()
                name = name if name in ("ALL",) or name.startswith("CAP_") else f"CAP_{name}"
                name = ALL if name == "CAPALL" else name
                if name != ALL and name not in NAMES:
                    self._wrong(said)
                else:
                    into.append(name)

        return way

    def take_volume(self, said: GivenOption) -> None:
        self._mount(said, lambda: of_volume(said.value or "", self._beside(said), self.engine))

    def take_mount(self, said: GivenOption) -> None:
        self._mount(said, lambda: of_mount(said.value or "", self._beside(said), self.engine))

    def take_tmpfs(self, said: GivenOption) -> None:
        self._mount(said, lambda: of_tmpfs(said.value or ""))

    def _beside(self, said: GivenOption) -> str:
        return posixpath.join(self._folder, posixpath.dirname(said.place.file))

    def _mount(self, said: GivenOption, make: Callable[[], AskedMount | None]) -> None:
        try:
            found = make()
        except MountError as error:
            self._problem(said, error.message)
            return
        if found is not None:
            self.mounts[found.target] = shown(found, self._there)

    def take_device(self, said: GivenOption) -> None:
        source, *rest = (said.value or "").split(":")
        target = rest.pop(0) if rest and rest[0].startswith("/") else source
        if not source.startswith("/"):
            what = msg("What the device {value} brings can't be predicted, and is left out.", value=source)
            self._problem(said, what)
            return
        self.devices.append(AskedDevice(source, target, rest[0] if rest and rest[0] else "rwm"))

    def take_rule(self, said: GivenOption) -> None:
        self.rules.append(said.value or "")

    def take_limit(self, said: GivenOption) -> None:
        name, _, numbers = (said.value or "").partition("=")
        soft, _, hard = numbers.partition(":")
        if name == "host":
            return
        least, most = whole(soft), whole(hard or soft)
        if least is None or most is None:
            self._wrong(said)
        else:
            self.limits[name.lower()] = AskedLimit(name.lower(), least, most)

    def take_sysctl(self, said: GivenOption) -> None:
        for word in [said.value or ""] if self.docker else (said.value or "").split(","):
            name, equals, value = word.partition("=")
            if equals:
                self.sysctls[name.replace("/", ".")] = value
            else:
                self._wrong(said)

    def take_pod(self, said: GivenOption) -> None:
        """One that is there may be in any namespaces of the host's; a new one has its own."""
        if (said.value or "").startswith("new:"):
            return
        what = msg(
            "The pod {name} is not described here, so the namespaces it shares are not known.", name=said.value or ""
        )
        self.problems.append(Problem(said.place, what, unread=True))
        self.asked = replace(self.asked, network_mode=_OF_POD, ipc_mode=_OF_POD, uts_mode=_OF_POD, pid_mode=_OF_POD)

    def take_volumes_from(self, said: GivenOption) -> None:
        what = msg("What {option} brings in is not known, so its mounts are not known.", option="--volumes-from")
        self.problems.append(Problem(said.place, what, unread=True))
        self.asked = replace(self.asked, foreign_mounts=True)

    def take_publish(self, said: GivenOption) -> None:
        address, colon, port = (said.value or "").rpartition(":")
        name = port if "/" in port else f"{port}/tcp"
        if not colon:
            self.ports.append(AskedPort(name, "", ""))
            return
        host, _, number = address.rpartition(":")
        self.ports.append(AskedPort(name, host.strip("[]"), number))

    def take_publish_all(self, said: GivenOption) -> None:
        self.publish_all = true(said.value) is True

    def take_image_volume(self, said: GivenOption) -> None:
        self.image_volumes = said.value or ""

    def take_network(self, said: GivenOption) -> None:
        value = (said.value or "").partition(",")[0]
        value = value.removeprefix("name=")
        name = value if value.startswith(("container:", "ns:")) else value.partition(":")[0]
        if name in ("host", "none") or name.startswith(("container:", "ns:")):
            self.asked = replace(self.asked, network_mode=name)
        elif name == "private":
            return
        else:
            self.networks.append(name)
            self.asked = replace(self.asked, network_mode=name if self.docker else "bridge")

    def take_log(self, said: GivenOption) -> None:
        driver = said.value or ""
        keeping = LogKeeping.UNLIMITED if driver in _FILES else _LOGS.get(driver, LogKeeping.ELSEWHERE)
        self.asked = replace(self.asked, log_driver=driver, log=keeping)

    def take_log_option(self, said: GivenOption) -> None:
        name, _, value = (said.value or "").partition("=")
        if name == "max-size" and not value.startswith("-") and self.asked.log is LogKeeping.UNLIMITED:
            self.asked = replace(self.asked, log=LogKeeping.LIMITED)

    def take_runtime(self, said: GivenOption) -> None:
        self.runtime = said.value or ""

    def take_read_only_tmpfs(self, said: GivenOption) -> None:
        self.read_only_tmpfs = true(said.value) is True

    def take_kube_play(self, said: GivenOption) -> None:
        self.kube_play = True

    def take_cgroups(self, said: GivenOption) -> None:
        if said.value not in ("enabled", "split"):
            self._problem(said, msg("Without control groups of its own, nothing can be predicted about its limits."))

    def take_systemd(self, said: GivenOption) -> None:
        if said.value == "always":
            self._problem(said, msg("The effect of {option} can't be predicted, and is left out.", option="--systemd"))

    def take_id_map(self, said: GivenOption) -> None:
        numbers = [whole(part) for part in (said.value or "").split(":")]
        if len(numbers) != 3 or None in numbers:
            self._problem(said, msg("Only maps of the form INSIDE:OUTSIDE:LENGTH are supported."))
            return
        inside, outside, length = (number or 0 for number in numbers)
        self.asked = replace(self.asked, uid_map=(*self.asked.uid_map, (inside, outside, length)))

    def take_gid_map(self, said: GivenOption) -> None:
        numbers = [whole(part) for part in (said.value or "").split(":")]
        if len(numbers) == 3 and None not in numbers:
            inside, outside, length = (number or 0 for number in numbers)
            self.asked = replace(self.asked, gid_map=(*self.asked.gid_map, (inside, outside, length)))

    def take_security(self, said: GivenOption) -> None:
        word = said.value or ""
        name = word.partition("=")[0].partition(":")[0]
        value = word[len(name) + 1 :]
        match name:
            case "no-new-privileges":
                wanted = value.lower() not in ("false", "0", "f")
                self.asked = replace(self.asked, no_new_privileges=wanted)
            case "seccomp":
                builtin = ("builtin", "") if self.docker else ("", self.engine.facts.seccomp_profile)
                self._profile("seccomp", value, builtin)
            case "apparmor":
                self._profile("apparmor", value, ("docker-default", "") if self.docker else ("", ""))
            case "label":
                self.labels.append(value)
            case "systempaths" if self.docker:
                if value == "unconfined":
                    self.asked = replace(self.asked, masked_paths=(), read_only_paths=())
            case "unmask" if not self.docker:
                self._unmask(value)
            case "mask" if not self.docker:
                pass  # more is hidden than by default, which no threat counts on
            case "proc-opts" if not self.docker:
                pass
            case _:
                self._wrong(said)

    def _profile(self, field: str, value: str, default: tuple[str, ...]) -> None:
        if value == "unconfined":
            kind, name = ProfileKind.UNCONFINED, ""
        elif value in default:
            kind, name = ProfileKind.DEFAULT, ""
        else:
            kind, name = ProfileKind.CUSTOM, value
        self.asked = _with(_with(self.asked, field, kind), f"{field}_profile", name)

    def _unmask(self, value: str) -> None:
        if value.upper() == ALL:
            self.asked = replace(self.asked, masked_paths=(), read_only_paths=())
        else:
            self.asked = replace(self.asked, unmasked=(*self.asked.unmasked, *value.split(":")))


def _with(asked: Asked, field: str, value: Any) -> Asked:
    return replace(asked, **{field: value})


# -- all of them together

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


def _take(options: Options, said: Iterable[GivenOption]) -> None:
    """One after the other; those that touch no layer have no way."""
    known = ways(options)
    for each in said:
        way = None if each.name in WITHOUT_EFFECT else known.get(each.name)
        if way is not None:
            way(each)
        elif each.name in NOT_FORETOLD:
            what = msg("The effect of {option} can't be predicted, and is left out.", option=f"--{each.name}")
            options.problems.append(Problem(each.place, what, unread=True))


def ways(options: Options) -> dict[str, Callable[[GivenOption], None]]:
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
