"""Docker's adapter: its API, and the docker SDK's low-level client for what changes something."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager, suppress
from typing import TYPE_CHECKING
from urllib.parse import quote

from stratascope.core.container import EngineFacts, EngineKind
from stratascope.core.options.capabilities import ENGINE_DEFAULTS
from stratascope.core.runtime_flaws import ANNOTATIONS, RuntimeBuild, of_commit
from stratascope.engines.docker.inspect import redact
from stratascope.engines.shared.json_reader import JsonObject, parse_object
from stratascope.engines.shared.rest_client import ANSWER_MAX
from stratascope.engines.shared.rest_engine import RestEngine

if TYPE_CHECKING:
    from docker.api.client import APIClient

_VERSION = re.compile(r"[0-9]{1,3}\.[0-9]{1,3}").fullmatch


class DockerEngine(RestEngine):
    """One Docker endpoint."""

    kind = EngineKind.DOCKER
    top = None
    _list_path = "/containers/json"
    _events_path = "/events"
    _event_filter = {"filters": '{"type":["container","network"]}'}  # noqa: RUF012
    _version = ""  # the API's, once the daemon has reported it

    def api(self) -> tuple[int, int]:
        """The API version in use. Raises EngineError."""
        major, _, minor = self._prefix().rpartition("/v")[2].partition(".")
        return int(major), int(minor)

    @property
    def client(self) -> tuple[str, ...]:
        """See `core.ports.DailyEngine`."""
        own = self._own
        files = (("--tlscacert", "ca.pem"), ("--tlscert", "cert.pem"), ("--tlskey", "key.pem")) if own.tls else ()
        secured = ("--tlsverify" if own.verify else "--tls",) if own.tls else ()
        return ("docker", "--host", own.endpoint, *secured, *(f"{name}={own.tls}/{file}" for name, file in files))

    def _path_prefix(self) -> str:
        if not self._version:
            self._read("/_ping", self._bounds(ANSWER_MAX))  # its head has the version ten times faster than /version
            version = self._api_version
            if not _VERSION(version):  # something in front of the daemon refuses, or removes headers
                answer = self._read("/version", self._bounds(ANSWER_MAX))
                version = JsonObject(parse_object(self._text(*answer))).text("ApiVersion")
            if not _VERSION(version):
                raise ValueError(f"no version of the API: {version[:20]!r}")
            self._version = version
        return f"/v{self._version}"

    def _text(self, status: int, body: bytes) -> str:
        if status == 400:
            self._version = ""  # perhaps another daemon by now, with another version
        return super()._text(status, body)

    def sdk(self, silence: float, container: str = "", well: tuple[int, ...] = ()) -> AbstractContextManager[APIClient]:
        """The SDK's client for one named call. `silence`: seconds; `well`: more good statuses. Raises as `answered`."""

        def make(base_url: str) -> APIClient:
            from docker.api.client import APIClient

            return APIClient(base_url=base_url, version=self._version)

        return self._named(make, silence, container, well)

    def _inspect_path(self, container: str) -> str:
        return f"/containers/{quote(container, safe='')}/json"

    def volume_path(self, name: str) -> str:
        return f"/volumes/{name}"

    def _redact(self, text: str) -> str:
        return redact(text)

    def _facts(self) -> tuple[str, bool, EngineFacts]:
        info = JsonObject(parse_object(self._get("/info")))
        if not info.text("ServerVersion"):
            raise ValueError("no ServerVersion in the answer")
        options = info.texts("SecurityOptions") or ()
        profiles = [word.partition("profile=")[2] for word in options if word.startswith("name=seccomp")]
        rootless = "name=rootless" in options
        return (
            info.text("ServerVersion"),
            rootless,
            EngineFacts(
                storage_driver=info.text("Driver"),
                cgroup_driver=info.text("CgroupDriver"),
                cgroup_version=info.text("CgroupVersion"),
                network_helper="rootlesskit" if rootless else "",
                runtime=info.text("DefaultRuntime"),
                operating_system=info.text("OperatingSystem"),
                kernel=info.text("KernelVersion"),
                security_options=options,
                default_capabilities=ENGINE_DEFAULTS[EngineKind.DOCKER].names(),
                # "default" before Docker 23. A daemon that lists none runs containers without a filter
                seccomp_profile="unconfined" if not profiles else profiles[0].replace("default", "builtin"),
                selinux="name=selinux" in options,
                apparmor="name=apparmor" in options,
                userns_remap="name=userns" in options,
                data_root=info.text("DockerRootDir"),
                runtimes=runtimes(info),
            ),
        )


def runtimes(info: JsonObject) -> tuple[RuntimeBuild, ...]:
    """The versions of its runtimes, in an answer of /info. Of all from API 1.44 on (`runc features`); before, of the
    default one if its commit names it.
    """
    found = [build for name in info.part("Runtimes").names() if (build := _by_features(name, info)) is not None]
    default = info.text("DefaultRuntime")
    if default and not any(build.name == default for build in found):
        build = of_commit(default, info.part("RuncCommit").text("ID"))
        found.extend(() if build is None else (build,))
    return tuple(found)


def _by_features(name: str, info: JsonObject) -> RuntimeBuild | None:
    told = info.part("Runtimes").part(name).part("status").text("org.opencontainers.runtime-spec.features")
    with suppress(ValueError):
        annotations = JsonObject(parse_object(told)).part("annotations") if told else JsonObject({})
        for program, version, commit in ANNOTATIONS:
            if annotations.text(version):
                # Debian's runc names its commit here only
                own = info.part("RuncCommit").text("ID") if name == info.text("DefaultRuntime") else ""
                return RuntimeBuild(name, program, annotations.text(version), annotations.text(commit) or own)
    return None
