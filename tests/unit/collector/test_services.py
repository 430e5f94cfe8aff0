"""Whether an engine listens on the network, by real listeners; and what names a cloud."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from subprocess import PIPE, Popen

import pytest

from stratascope.collector import services


@pytest.fixture(autouse=True)
def _not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "KEPT", [])
    monkeypatch.setattr(services, "PORTS", (_free(),))
    monkeypatch.setattr(services, "ENGINES", ("strata-engine",))


def _free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@pytest.mark.parametrize(
    ("address", "found"), [("127.0.0.1", (True, False)), ("0.0.0.0", (True, True)), ("::1", (True, False))]
)
def test_the_usual_port(address: str, found: tuple[bool, bool]) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    assert services.engine_ports() == (False, False)
    services.KEPT.clear()
    with socket.create_server((address, services.PORTS[0]), family=family):
        assert services.engine_ports() == found


_ENGINE = """
import socket, sys
open("/proc/self/comm", "w").write("strata-engine")
server = socket.create_server(("0.0.0.0", 0))
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize(("words", "found"), [((), (True, True)), (("--tlsverify",), (False, False))])
def test_any_port_of_an_engine(words: tuple[str, ...], found: tuple[bool, bool]) -> None:
    with Popen((sys.executable, "-c", _ENGINE, *words), stdin=PIPE, stdout=PIPE) as engine:
        assert engine.stdout is not None
        assert engine.stdin is not None
        assert engine.stdout.readline() == b"ready\n"
        assert services.engine_ports() == found
        engine.stdin.close()


def test_an_answer_is_kept_for_a_while() -> None:
    assert services.engine_ports() == (False, False)
    with socket.create_server(("127.0.0.1", services.PORTS[0])):
        assert services.engine_ports() == (False, False)


@pytest.mark.parametrize(
    ("name", "text", "cloud"),
    [
        ("sys_vendor", "Amazon EC2\n", True),
        ("chassis_asset_tag", "7783-7084-3265-9085-8269-3286-77\n", True),
        ("sys_vendor", "Microsoft Corporation\n", False),  # also a laptop's
        ("sys_vendor", "LENOVO\n", False),
        ("other", "Amazon EC2\n", False),
    ],
)
def test_a_cloud_is_named_by_the_firmware(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str, cloud: bool
) -> None:
    monkeypatch.setattr(services, "MACHINE", str(tmp_path))
    (tmp_path / name).write_text(text)
    assert services.in_cloud() is cloud
