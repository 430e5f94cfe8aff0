"""Predict from the options of `run` the container that the engine's inspect would show, before it is created.

Options are applied in order; everything else stays as in a container created without options. The rules are those of
the engines (moby: daemon/oci_linux.go; containers/podman: pkg/specgenutil), verified against real ones.
"""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from stratascope.core.container import (
    Asked,
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
from stratascope.core.options.rules import (
    CPU_PERIOD,
    WRITABLE,
    label_disabled,
    log_keeping,
    memory_and_swap,
    no_new_privileges,
    profile,
    security_option,
)
from stratascope.core.options.table import NAMED, UNPREDICTABLE, Option
from stratascope.core.options.values import FLAG, capability, device_of, id_map, keep_id, limit_of, true, whole
from stratascope.linux.capability import NAMES
from stratascope.value import Value, replace

ALL = "ALL"
_OF_POD = "container:pod"  # the namespace of an infra container of which nothing is known
_NAME = str.maketrans("- ", "__")


class Options:
    """The options of one container, applied one by one to those of a container created without any (`plain`)."""

    def __init__(
        self, engine: Engine, plain: Asked, runtime: str, folder: str = "", there: There = NOTHING_THERE
    ) -> None:
        self.engine, self._folder, self._there = engine, folder, there
        self.docker = engine.kind is EngineKind.DOCKER
        self.problems: list[Problem] = []
        self.asked = plain
        self.user: str | None = None  # None: not given
        self.lists: dict[str, list[Any]] = defaultdict(list)  # values of repeatable options, by field of `Asked`
        self.mounts: dict[str, AskedMount] = {}
        self.limits: dict[str, AskedLimit] = {}
        self.sysctls: dict[str, str] = {}
        self.quota: dict[str, int] = {}
        self.read_only_tmpfs = True
        self.kube_play = False
        self.publish_all = False
        self.swap_unlimited = False
        self.image_volumes = ""  # "ignore", "tmpfs"; "": a volume each
        self.runtime = runtime
        self.networks: list[str] = []

    def apply(self, said: GivenOption) -> None:
        """Apply one option; options that affect no layer are ignored."""
        if (handler := self.handler(said.name)) is not None:
            handler(said)
        elif said.name in UNPREDICTABLE:
            what = msg("The effect of {option} can't be predicted, and is left out.", option=f"--{said.name}")
            self.problems.append(Problem(said.place, what, unread=True))

    def handler(self, name: str) -> Callable[[GivenOption], None] | None:
        """Return the handler for this option, or None if it has no effect here."""
        own: Callable[[GivenOption], None] | None = getattr(self, f"_of_{name.translate(_NAME)}", None)
        option = NAMED.get(name)
        return own if own is not None or option is None or not option.field else lambda said: self._field(option, said)

    def _field(self, option: Option, said: GivenOption) -> None:
        """Apply an option that sets a field of `Asked`, or adds a value to it."""
        value = said.value or ""
        found = option.form.read(value) if option.form is not FLAG else true(said.value) is True
        if found is None:
            self._wrong(said)
        elif option.many:
            self.lists[option.field].append(found)
        elif option.form.limit:
            self.asked = _with(self.asked, option.field, found if found > 0 else None)
        elif value or option.form is FLAG:
            self.asked = _with(self.asked, option.field, found)

    def _problem(self, said: GivenOption, text: Message) -> None:
        self.problems.append(Problem(said.place, text))

    def _wrong(self, said: GivenOption) -> None:
        what = msg(
            "The engine does not accept this value for {option}: {value}.", option=said.name, value=said.value or ""
        )
        self._problem(said, what)

    def _of_cpu_quota(self, said: GivenOption) -> None:
        found = whole(said.value or "")
        if found is None:
            self._wrong(said)
        else:
            self.quota[said.name] = found

    _of_cpu_period = _of_cpu_quota

    def _of_memory_swap(self, said: GivenOption) -> None:
        self.swap_unlimited = (said.value or "").strip() == "-1"
        self._field(NAMED[said.name], said)

    def _of_user(self, said: GivenOption) -> None:
        self.user = said.value or ""

    def _of_cap_add(self, said: GivenOption) -> None:
        for word in [said.value or ""] if self.docker else (said.value or "").split(","):
            name = capability(word)
            if name != ALL and name not in NAMES:
                self._wrong(said)
            else:
                self.lists[said.name.replace("-", "_")].append(name)

    _of_cap_drop = _of_cap_add

    def _of_volume(self, said: GivenOption) -> None:
        self._mount(said, lambda: of_volume(said.value or "", self._beside(said), self.engine))

    def _of_mount(self, said: GivenOption) -> None:
        self._mount(said, lambda: of_mount(said.value or "", self._beside(said), self.engine))

    def _of_tmpfs(self, said: GivenOption) -> None:
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
            self.mounts[found.target] = shown(found, self._there, self.engine)

    def _of_device(self, said: GivenOption) -> None:
        found = device_of(said.value or "")
        if found.source.startswith("/"):
            self.lists["devices"].append(found)
        else:
            what = msg("What the device {value} brings can't be predicted, and is left out.", value=found.source)
            self._problem(said, what)

    def _of_ulimit(self, said: GivenOption) -> None:
        found = limit_of(said.value or "")
        if (said.value or "").partition("=")[0] == "host":
            return
        if found is None:
            self._wrong(said)
        else:
            self.limits[found.name] = found

    def _of_sysctl(self, said: GivenOption) -> None:
        for word in [said.value or ""] if self.docker else (said.value or "").split(","):
            name, equals, value = word.partition("=")
            if equals:
                self.sysctls[name.replace("/", ".")] = value
            else:
                self._wrong(said)

    def _of_pod(self, said: GivenOption) -> None:
        """Apply `--pod`: an existing pod may share any of the host's namespaces; a new one has its own."""
        if (said.value or "").startswith("new:"):
            return
        what = msg(
            "The pod {name} is not described here, so the namespaces it shares are not known.", name=said.value or ""
        )
        self.problems.append(Problem(said.place, what, unread=True))
        self.asked = replace(self.asked, network_mode=_OF_POD, ipc_mode=_OF_POD, uts_mode=_OF_POD, pid_mode=_OF_POD)

    _of_pod_id_file = _of_pod

    def _of_volumes_from(self, said: GivenOption) -> None:
        what = msg("What {option} brings in is not known, so its mounts are not known.", option="--volumes-from")
        self.problems.append(Problem(said.place, what, unread=True))
        self.asked = replace(self.asked, foreign_mounts=True)

    def _of_publish_all(self, said: GivenOption) -> None:
        self.publish_all = true(said.value) is True

    def _of_image_volume(self, said: GivenOption) -> None:
        self.image_volumes = said.value or ""

    def _of_network(self, said: GivenOption) -> None:
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

    def _of_log_driver(self, said: GivenOption) -> None:
        driver = said.value or ""
        self.asked = replace(self.asked, log_driver=driver, log=log_keeping(driver))

    def _of_log_opt(self, said: GivenOption) -> None:
        name, _, value = (said.value or "").partition("=")
        if name == "max-size" and not value.startswith("-") and self.asked.log is LogKeeping.UNLIMITED:
            self.asked = replace(self.asked, log=LogKeeping.LIMITED)

    def _of_runtime(self, said: GivenOption) -> None:
        self.runtime = said.value or ""

    def _of_read_only_tmpfs(self, said: GivenOption) -> None:
        self.read_only_tmpfs = true(said.value) is True

    def _of_kube_play(self, said: GivenOption) -> None:
        self.kube_play = True

    def _of_cgroups(self, said: GivenOption) -> None:
        if said.value not in ("enabled", "split"):
            self._problem(said, msg("Without cgroups of its own, nothing can be predicted about its limits."))

    def _of_systemd(self, said: GivenOption) -> None:
        if said.value == "always":
            self._problem(said, msg("The effect of {option} can't be predicted, and is left out.", option="--systemd"))

    def _of_uidmap(self, said: GivenOption) -> None:
        found = id_map(said.value or "")
        if found is None:
            self._problem(said, msg("Only maps of the form INSIDE:OUTSIDE:LENGTH are supported."))
        else:
            self.lists["uid_map"].append(found)

    def _of_gidmap(self, said: GivenOption) -> None:
        if (found := id_map(said.value or "")) is not None:
            self.lists["gid_map"].append(found)

    def _of_security_opt(self, said: GivenOption) -> None:
        word = said.value or ""
        name, value = security_option(word)
        match name:
            case "no-new-privileges":
                self.asked = replace(self.asked, no_new_privileges=no_new_privileges((word,)))
            case "seccomp":
                builtin = ("builtin", "") if self.docker else ("", self.engine.facts.seccomp_profile)
                self._profile("seccomp", value, builtin)
            case "apparmor":
                self._profile("apparmor", value, ("docker-default", "") if self.docker else ("", ""))
            case "label":
                self.lists["selinux_options"].append(value)
            case "systempaths" if self.docker or value == "unconfined":  # Podman knows it as an alias of unmask=ALL
                if value == "unconfined":
                    self.asked = replace(self.asked, masked_paths=(), read_only_paths=())
            case "unmask" if not self.docker:
                self._unmask(value)
            case "mask" if not self.docker:
                self.asked = replace(self.asked, masked=(*self.asked.masked, *value.split(":")))
            case "proc-opts" if not self.docker:
                pass
            case _:
                self._wrong(said)

    def _profile(self, field: str, value: str, default: tuple[str, ...]) -> None:
        kind, name = profile(value, default)
        self.asked = _with(_with(self.asked, field, kind), f"{field}_profile", name)

    def _unmask(self, value: str) -> None:
        if value.upper() == ALL:
            self.asked = replace(self.asked, masked_paths=(), read_only_paths=())
        else:
            self.asked = replace(self.asked, unmasked=(*self.asked.unmasked, *value.split(":")))


def _with(asked: Asked, field: str, value: Any) -> Asked:
    return replace(asked, **{field: value})


# -- the container that they result in

ANYBODY = "?"  # the user if neither the options nor a known image names one
_EVERYBODY = ((0, 0, 4294967295),)


class Understood(Value):
    """A container as it would be created, and the options that were not understood."""

    container: Container
    problems: tuple[Problem, ...] = ()


def understand(
    service: Service, engine: Engine, plain: Container, image: Image | None, there: There = NOTHING_THERE
) -> Understood:
    """Predict one service's container on that engine. `plain`: the container it would create without options; `there`:
    its existing volumes and paths.
    """
    options = Options(engine, plain.asked, plain.runtime, service.folder, there)
    for each in service.said:
        options.apply(each)
    return Understood(_container(service, options, plain, image), tuple(options.problems))


def _container(service: Service, options: Options, plain: Container, image: Image | None) -> Container:
    user, lists = options.user, options.lists
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
        devices=tuple(lists["devices"]),
        device_rules=() if options.engine.rootless and not options.docker else tuple(lists["device_rules"]),
        cap_add=tuple(dict.fromkeys(lists["cap_add"])),
        cap_drop=tuple(dict.fromkeys(lists["cap_drop"])),
        ports=(*lists["ports"], *_published(options, image)),
        limits=_limits(options, plain.asked),
        sysctls=tuple(options.sysctls.items()),
        groups=tuple(lists["groups"]),
        uid_map=(*options.asked.uid_map, *lists["uid_map"]),
        gid_map=(*options.asked.gid_map, *lists["gid_map"]),
        selinux_options=tuple(lists["selinux_options"]),
        cpu_cores=_cores(options),
    )
    asked = _implied(asked, options, plain.asked)
    if image is not None and image.accounts is not None:
        numbers = (image.accounts.group(name) for name in asked.groups)
        groups = tuple(name if gid is None else str(gid) for name, gid in zip(asked.groups, numbers, strict=True))
        asked = replace(asked, account=image.accounts.account(asked.user), groups=groups)
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


def _implied(asked: Asked, options: Options, plain: Asked) -> Asked:
    """Apply the effects that options have on each other."""
    engine, docker = options.engine, options.docker
    if asked.privileged:
        asked = replace(asked, masked_paths=(), read_only_paths=())
        if asked.seccomp is plain.seccomp:
            asked = replace(asked, seccomp=ProfileKind.UNCONFINED)
        if asked.apparmor is not ProfileKind.CUSTOM:
            asked = replace(asked, apparmor=ProfileKind.UNCONFINED, apparmor_profile="")
    if docker and not asked.selinux_options and label_disabled(asked):
        asked = replace(asked, selinux_options=("disable",))
    if asked.pid_mode == "pod" and not options.kube_play:
        asked = replace(asked, pid_mode="container:pod")  # an existing pod may itself be in the host's
    if asked.gid_map and not asked.uid_map:
        asked = replace(asked, uid_map=asked.gid_map)  # each stands for both, unless both are given
    if asked.uid_map and not asked.userns_mode:
        asked = replace(asked, userns_mode="private")
    if not docker and asked.userns_mode.startswith("keep-id"):
        # rootful keep-id maps every id to itself, in a new user namespace (pkg/util: GetKeepIDMapping)
        if not engine.rootless:
            asked = replace(asked, uid_map=_EVERYBODY, gid_map=_EVERYBODY)
        if options.user is None:
            asked = replace(asked, user=_kept(asked.userns_mode, engine))
    if not docker and engine.rootless and engine.facts.cgroup_version == "1":
        return replace(asked, memory=None, memory_swap=None, pids=None, cpu_cores=None, cpuset="")
    if asked.memory and not asked.memory_swap and not options.kube_play and not options.swap_unlimited:
        asked = replace(asked, memory_swap=memory_and_swap(asked.memory))
    return asked


def _kept(mode: str, engine: Engine) -> str:
    """Whom keep-id starts: the engine's user, under the numbers that it is given inside; empty if not known."""
    words = keep_id(mode)
    own = (engine.daemon_uid, engine.daemon.gid) if engine.rootless else (0, 0)
    uid, gid = (words.get(name, number) for name, number in zip(("uid", "gid"), own, strict=True))
    return "" if uid is None else str(uid) if gid is None else f"{uid}:{gid}"


def _published(options: Options, image: Image | None) -> list[AskedPort]:
    """With --publish-all, the image's exposed ports."""
    if not options.publish_all or image is None:
        return []
    named = {port.container_port for port in options.lists["ports"]}
    return [AskedPort(name, "", "") for name in image.exposed if name not in named]


def _limits(options: Options, plain: Asked) -> tuple[AskedLimit, ...]:
    usual = [limit for limit in plain.limits if limit.name not in options.limits]
    return (*usual, *options.limits.values())


def _cores(options: Options) -> float | None:
    quota = options.quota.get("cpu-quota", 0)
    return quota / (options.quota.get("cpu-period") or CPU_PERIOD) if quota > 0 else options.asked.cpu_cores


def _temporary(options: Options) -> list[AskedMount]:
    """The tmpfs mounts that Podman adds for a read-only root (--read-only-tmpfs); `kube play` adds them always."""
    if options.docker or not (options.kube_play or (options.asked.read_only_root and options.read_only_tmpfs)):
        return []
    # a pod gets its own /dev/shm even with the host's IPC namespace
    more = ("/dev/shm",) if options.kube_play and options.asked.ipc_mode == "host" else ()
    return [AskedMount("tmpfs", "", place, True) for place in (*WRITABLE, *more) if place not in options.mounts]
