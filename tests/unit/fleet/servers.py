"""node_exporter and Prometheus as they run beside a timer, on ports of the kernel's choice."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen


def get(address: str) -> str:
    with urlopen(address) as answer:
        text: str = answer.read().decode()
        return text


@contextmanager
def exporter(program: str, folder: Path) -> Iterator[str]:
    """The address under which node_exporter serves the textfiles of that folder."""
    words = ("--collector.disable-defaults", "--collector.textfile", f"--collector.textfile.directory={folder}")
    with _running((program, *words, "--web.listen-address=127.0.0.1:0", "--log.format=json")) as host:
        yield host


@contextmanager
def prometheus(program: str, folder: Path, target: str) -> Iterator[str]:
    """The address of a Prometheus that asks that target each second and keeps what it finds in that folder."""
    scrape = {"job_name": "node", "scrape_interval": "1s", "static_configs": [{"targets": [target]}]}
    config = folder / "prometheus.yml"
    config.write_text(json.dumps({"scrape_configs": [scrape]}))
    words = (f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}", "--web.listen-address=127.0.0.1:0")
    with _running((program, *words, "--log.format=json")) as host:
        while not _ready(host):
            time.sleep(0.1)
        yield host


def _ready(host: str) -> bool:
    try:
        get(f"http://{host}/-/ready")
    except HTTPError:
        return False
    return True


def query(host: str, text: str) -> list[Any]:
    """What Prometheus answers to an expression now."""
    found = json.loads(get(f"http://{host}/api/v1/query?{urlencode({'query': text})}"))
    assert found["status"] == "success", found
    result = found["data"]["result"]
    return result if isinstance(result, list) else [result]


@contextmanager
def _running(words: tuple[str, ...]) -> Iterator[str]:
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as running:
        try:
            assert running.stderr is not None
            for line in running.stderr:
                if found := re.search(r"127\.0\.0\.1:[1-9][0-9]*", line):
                    yield found[0]
                    return
            raise AssertionError(f"{words[0]} never listened")
        finally:
            running.terminate()
