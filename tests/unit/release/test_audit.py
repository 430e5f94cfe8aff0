"""The question for known weaknesses: pip-audit itself, asking lists that this test plays, and one that is not there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import audit
import pytest
import wheels

Answer = Callable[[str, str], bytes]


def weak(*ids: str) -> bytes:
    return json.dumps({"vulns": [{"id": name, "summary": "weak", "affected": []} for name in ids]}).encode()


@contextmanager
def a_list(answer: Answer) -> Iterator[str]:
    """The address of one that answers so about a name in a version."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            body = answer(asked["package"]["name"], asked["version"])
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def asked(*options: str, **more: str) -> tuple[int, list[str]]:
    command = (sys.executable, str(wheels.CHECKOUT / "packaging/release/audit.py"), *options)
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")} | more
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def of_a_real_list(name: str, version: str) -> bytes:
    return weak("CVE-2019-10906") if (name, version) == audit.KNOWN else b"{}"


def test_nothing_is_known() -> None:
    seen: dict[str, str] = {}

    def answer(name: str, version: str) -> bytes:
        seen[name] = version
        return of_a_real_list(name, version)

    with a_list(answer) as url:
        status, said = asked("--osv-url", url)
    assert status == 0, said
    assert said == [f"stratascope: no weakness is known of these {len(audit.released())} packages today"]
    assert seen == {**audit.released(), audit.KNOWN[0]: audit.KNOWN[1]}  # each was looked up, as it is released


def test_what_is_known_is_named() -> None:
    version = audit.released()["urllib3"]
    with a_list(lambda *asked: weak("B-2", "A-1") if asked[0] == "urllib3" else of_a_real_list(*asked)) as url:
        assert asked("--osv-url", url) == (1, [f"stratascope: urllib3 {version}: A-1, B-2"])


@pytest.mark.parametrize("body", [b"{}", b'{"vulns": []}'])
def test_what_knows_nothing_of_anything_is_no_list(body: bytes) -> None:
    with a_list(lambda *_: body) as url:
        status, said = asked("--osv-url", url)
    assert (status, len(said)) == (2, 1)
    assert "so it is no list of them" in said[0]


def test_a_page_instead_of_an_answer() -> None:
    with a_list(lambda *_: b"<html>Please log in</html>") as url:
        status, said = asked("--osv-url", url)
    assert (status, len(said)) == (2, 1)
    assert "could not be asked, so nothing is known of them" in said[0]


def test_a_list_that_can_t_be_reached() -> None:
    """By its own address through a proxy that is not there, and at a port on which nobody listens."""
    nowhere = "http://127.0.0.1:1"
    for status, said in (asked(https_proxy=nowhere, HTTPS_PROXY=nowhere), asked("--osv-url", f"{nowhere}/v1/query")):
        assert (status, len(said)) == (2, 1)
        assert said[0].startswith("stratascope: the list of known weaknesses could not be asked, so nothing is known")


def test_what_was_left_out_is_not_passed_as_known() -> None:
    """pip-audit ends with 0 and "no known vulnerabilities" where it has skipped all of them."""
    known = {"name": audit.KNOWN[0], "version": audit.KNOWN[1], "vulns": [{"id": "A"}]}
    one = {"name": "one", "version": "1", "vulns": []}
    two = {"name": "two", "skip_reason": "not found"}
    packages = {"one": "1", "two": "2"}

    def judged(*dependencies: dict[str, Any]) -> tuple[int, list[str]]:
        return audit.judge(json.dumps({"dependencies": dependencies}), "", packages)

    assert judged(known, one, two) == (2, ["not looked up, so not known: two"])
    assert judged(known, one) == (2, ["not looked up, so not known: two"])
    assert judged(known, {**one, "vulns": [{"id": "X"}]}, two) == (1, ["one 1: X", "not looked up, so not known: two"])
    assert judged(one, two)[0] == 2
