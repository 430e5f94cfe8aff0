"""Docker's adapter, on the docker SDK's low-level client."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stratascope.core.container import EngineFacts, EngineKind
from stratascope.engines.docker.inspect import DEFAULT_CAPABILITIES, redact
from stratascope.engines.shared.json_reader import Answer, parse_object
from stratascope.engines.shared.rest_engine import RestEngine
from stratascope.engines.shared.streams import close_session

if TYPE_CHECKING:
    import requests

_VERSION = re.compile(r"[0-9]+\.[0-9]+").fullmatch


class DockerEngine(RestEngine):
    """One Docker endpoint."""

    kind = EngineKind.DOCKER
    top = None
    _list_path = "/containers/json"
    _events_path = "/events"
    _event_filter = {"filters": '{"type":["container"]}'}  # noqa: RUF012
    _version = ""  # of the API, once the daemon has told

    def api(self) -> tuple[int, int]:
        """The version of the API that is spoken. Raises EngineError."""
        self._prefix()  # tells whether anything answers
        version = self._version
        if not version:
            with self._sessions.lent() as session:
                version = getattr(session, "_version", "")
        major, _, minor = version.partition(".")
        return (int(major), int(minor)) if _VERSION(version) else (0, 0)

    def _open(self) -> requests.Session:
        from docker.api.client import APIClient
        from docker.constants import DEFAULT_DOCKER_API_VERSION
        from docker.tls import TLSConfig

        endpoint = self._endpoint
        tls: TLSConfig | bool = False
        if endpoint.tls:
            folder = Path(endpoint.tls)
            tls = TLSConfig(
                client_cert=(str(folder / "cert.pem"), str(folder / "key.pem")),
                ca_cert=str(folder / "ca.pem") if endpoint.verify else None,
                verify=endpoint.verify,
            )
        limit = max(1, int(self.timeout[1]))
        session: Any = APIClient(
            base_url=endpoint.endpoint, version=DEFAULT_DOCKER_API_VERSION, timeout=limit, tls=tls
        )  # fmt: skip
        try:
            # What version="auto" does, but that one forgets its connection where the answer makes no sense
            session._version = session._retrieve_server_version()
        except BaseException:
            close_session(session)
            raise
        opened: requests.Session = session
        return opened

    def _request(self, session: Any, path: str, params: Mapping[str, str], stream: bool) -> requests.Response:
        response: requests.Response = session.get(
            session._url("{0}", path), params=params, stream=stream, timeout=self.timeout
        )  # fmt: skip
        return response

    def _command(
        self, session: Any, method: str, path: str, params: Mapping[str, str], data: str | None, silence: float
    ) -> requests.Response:
        response: requests.Response = session.request(
            method,
            session._url("{0}", path),
            params=params,
            data=None if data is None else data.encode(),
            headers={"Content-Type": "application/json"},
            stream=True,
            timeout=(self.timeout[0], silence),
        )
        return response

    def _path_prefix(self) -> str:
        if not self._version:
            with self._links.lent() as link:
                link.get("/_ping", self.timeout[1])  # tells the version ten times faster than /version
            if _VERSION(link.api_version):
                self._version = link.api_version
            else:
                with self._sessions.lent():  # says what is wrong
                    pass
        return f"/v{self._version}"

    def _inspect_path(self, container: str) -> str:
        return f"/containers/{container}/json"

    def _redact(self, text: str) -> str:
        return redact(text)

    def _facts(self) -> tuple[str, bool, EngineFacts]:
        info = Answer(parse_object(self._get_quickly("/info", self._prefix())))
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
                default_capabilities=DEFAULT_CAPABILITIES,
                # "default" before Docker 23. A daemon that lists none runs containers without a filter
                seccomp_profile="unconfined" if not profiles else profiles[0].replace("default", "builtin"),
                selinux="name=selinux" in options,
                apparmor="name=apparmor" in options,
                userns_remap="name=userns" in options,
            ),
        )
