"""A real dockerd behind tcp:// on loopback, without TLS and with it: listed, followed and asked to change something."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rig.engine import Rig, complete, launch
from rig.places import APP
from rig.plan import NoEngineError

PLAIN = ("-H", "tcp://127.0.0.1:2375", "--tls=false")
CHANGES = """
import sys
from stratascope.core.relaunch.launch_spec import RestartPolicy
from stratascope.engines.open import relauncher_of
from stratascope.wiring.engines import find_engines
engines = find_engines((sys.argv[1],))
port = engines.ports[0]
stream = port.events()
relauncher = relauncher_of(port)
relauncher.rename(sys.argv[2], "renamed")
relauncher.restart_policy(sys.argv[2], RestartPolicy("always"))
assert next(stream).container == sys.argv[2]
print(relauncher.named("renamed").id)
engines.close()
"""


def certificates(folder: Path) -> None:
    """An authority of our own, and what it signed for a server and for us."""

    def openssl(*words: str) -> None:
        subprocess.run(("openssl", *words), cwd=folder, check=True, capture_output=True)

    def signed(name: str, more: str) -> None:
        (folder / f"{name}.cnf").write_text(more)
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={name}",
                "-keyout", f"{name}-key.pem", "-out", f"{name}.csr")  # fmt: skip
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca-key.pem", "-CAcreateserial",
                "-days", "2", "-extfile", f"{name}.cnf", "-out", f"{name}-cert.pem")  # fmt: skip

    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
            "-subj", "/CN=authority", "-keyout", "ca-key.pem", "-out", "ca.pem")  # fmt: skip
    signed("server", "subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\n")
    signed("client", "extendedKeyUsage=clientAuth\n")
    (folder / "cert.pem").write_bytes((folder / "client-cert.pem").read_bytes())
    (folder / "key.pem").write_bytes((folder / "client-key.pem").read_bytes())


def started(options: tuple[str, ...]) -> Iterator[Rig]:
    try:
        rig = complete(launch("docker_rootful", options=options))
    except NoEngineError as error:
        if os.environ.get("STRATASCOPE_REQUIRE_ENGINES") == "1":
            pytest.fail(str(error))
        pytest.skip(str(error))
    yield rig
    rig.close()


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="strata-tls-") as name:
        certificates(Path(name))
        yield Path(name)


@pytest.fixture(scope="module")
def plain(engines: object) -> Iterator[Rig]:
    """(`engines` marks the test.)"""
    yield from started(PLAIN)


@pytest.fixture(scope="module")
def secured(engines: object, folder: Path) -> Iterator[Rig]:
    keys = ("--tlscacert", f"{folder}/ca.pem", "--tlscert", f"{folder}/server-cert.pem")
    yield from started(("-H", "tcp://127.0.0.1:2376", "--tlsverify", *keys, "--tlskey", f"{folder}/server-key.pem"))


def ask(rig: Rig, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Python beside that daemon, whose network is its own, with a proxy and a .netrc that must count for nothing."""
    home = rig.folder / "person"
    home.mkdir(exist_ok=True)
    (home / ".netrc").write_text("machine 127.0.0.1 login a password b\n")
    (home / ".netrc").chmod(0o600)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("STRATASCOPE", "DOCKER"))}
    proxies = dict.fromkeys(
        ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy"), "http://127.0.0.1:9"
    )
    return subprocess.run(
        ("nsenter", "-t", str(rig.daemon_pids()[0]), "--net", sys.executable, *words),
        env={**kept, **proxies, "HOME": str(home), "PYTHONPATH": str(APP), "LC_ALL": "C.UTF-8", **environ},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def told(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def looked_at(rig: Rig, name: str, **environ: str) -> None:
    with rig.container(name="web") as container:
        found = told(ask(rig, "-m", "stratascope", "report", "--json", "--engine", name, **environ))
        assert [(each["name"], each["status"]) for each in found["containers"]] == [("web", "running")]
        assert [engine["state"] for engine in found["engines"]] == ["connected"]
        done = ask(rig, "-c", CHANGES, name, container, **environ)
        rig.remove(container)  # it has another name by now
        assert (done.returncode, done.stdout.strip()) == (0, container), done.stderr


def test_without_tls(plain: Rig) -> None:
    looked_at(plain, "tcp://127.0.0.1:2375")


def test_with_tls(secured: Rig, folder: Path) -> None:
    environ = {"DOCKER_HOST": "tcp://127.0.0.1:2376", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(folder)}
    looked_at(secured, "tcp://127.0.0.1:2376", **environ)


def test_who_can_not_be_trusted_is_that_engines_state(secured: Rig, tmp_path: Path) -> None:
    """A server that another authority signed, no certificates at all, and plain HTTP to a port of TLS."""
    (tmp_path / "other").mkdir()
    certificates(tmp_path / "other")
    address = "tcp://127.0.0.1:2376"
    for found, word in (
        ({"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(tmp_path / "other")}, "certificate"),
        ({"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(tmp_path / "none")}, "certificate"),
        ({}, "HTTPS"),
    ):
        done = ask(secured, "-m", "stratascope", "report", "--json", "--engine", address, DOCKER_HOST=address, **found)
        (engine,) = json.loads(done.stdout)["engines"]
        assert engine["state"] == "unreachable"
        assert word in f"{engine['message']} {engine['error']}"


def test_a_daemon_that_is_started_again(plain: Rig) -> None:
    """Kept connections die with it; the next question finds the new one."""
    address = "tcp://127.0.0.1:2375"
    code = (
        "import sys\n"
        "from stratascope.wiring.engines import find_engines\n"
        f"engines = find_engines(({address!r},))\n"
        "for _ in range(2):\n"
        "    print(engines.ports[0].describe().state, len(engines.ports[0].list()), flush=True)\n"
        "    sys.stdin.readline()\n"
        "engines.close()\n"
    )
    with subprocess.Popen(
        ("nsenter", "-t", str(plain.keeper.pid), "--net", sys.executable, "-c", code),
        env={**os.environ, "PYTHONPATH": str(APP)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as child:  # fmt: skip
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stdout.readline() == "connected 0\n"
        plain.stop()
        plain.start()
        child.stdin.write("\n")
        child.stdin.flush()
        assert child.stdout.readline() == "connected 0\n"
        child.stdin.close()
        assert child.wait() == 0
