"""The collector as a real child: the same answers as in process, and every way in which a child can fail."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import subprocess
import sys
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import stratascope
from stratascope.core.capture import whole_gap
from stratascope.core.ground import decode_ground
from stratascope.core.ports import ProbeError, Prober, Wish
from stratascope.i18n.translate import translate
from stratascope.probe import piped
from stratascope.probe.bundle import BOOT, framed, program
from stratascope.probe.local import LocalProber
from stratascope.probe.piped import PipedProber, command

WANTS = ("comm", "uid_map", "mountinfo", "ns/net", "environ", "cgroup:*")


def pythons() -> list[str]:
    system = "/usr/bin/python3"
    return [sys.executable, *([system] if os.access(system, os.X_OK) else [])]


def fake(script: str) -> tuple[str, ...]:
    """A prefix that runs this shell script and ignores the collector's own words."""
    return ("sh", "-c", script)


@pytest.mark.parametrize("python", pythons())
def test_the_same_as_in_process(python: str) -> None:
    near: Prober = LocalProber()
    far: Prober = PipedProber(python=python)
    try:
        wishes = (Wish(os.getpid(), WANTS, ("comm",)), Wish(1 << 22, WANTS))
        here, there = near.capture(wishes), far.capture(wishes)
        for one, other in zip(here, there, strict=True):
            assert [(r.name, r.source, r.gap) for r in one.first.readings] == [
                (r.name, r.source, r.gap) for r in other.first.readings
            ]
            assert one.members_from == other.members_from
        for name in ("comm", "uid_map", "mountinfo", "ns/net"):
            assert here[0].first.text(name) == there[0].first.text(name)
        assert whole_gap(there[1].first) is not None
        mine, theirs = decode_ground(near.host()), decode_ground(far.host())
        assert (mine.kernel, mine.sysctls, mine.lsms) == (theirs.kernel, theirs.sysctls, theirs.lsms)
    finally:
        far.close()
        near.close()


def test_the_program_is_python_3_8_and_runs_alone() -> None:
    ast.parse(program(), feature_version=(3, 8))
    done = subprocess.run(
        [sys.executable, "-SI", "-c", BOOT],
        input=framed() + b'{"ask":"hello"}\n',
        check=False,
        capture_output=True,
        cwd="/",
        env={},
    )
    assert done.stdout.startswith(b'{"stratascope":"collector","protocol":5')
    assert done.stderr == b""


def test_the_program_is_found_in_a_zip_too(tmp_path: Path) -> None:
    package = Path(stratascope.__file__).parent
    with zipfile.ZipFile(tmp_path / "app.zip", "w") as archive:
        for file in package.rglob("*.py"):
            archive.write(file, Path("stratascope") / file.relative_to(package))
    code = (
        "import sys, hashlib; sys.path.insert(0, sys.argv[1]); from stratascope.probe.bundle import program;"
        "print(hashlib.sha256(program()).hexdigest())"
    )
    done = subprocess.run(
        [sys.executable, "-SI", "-c", code, str(tmp_path / "app.zip")],
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == hashlib.sha256(program()).hexdigest()


def test_ssh_gets_one_quoted_word() -> None:
    words = command(("/usr/bin/ssh", "-T", "host"))
    assert len(words) == 4
    # what the shell on the other side makes of it
    done = subprocess.run(
        ["sh", "-c", f"python3() {{ printf '%s\\n' \"$@\"; }}; {words[-1]}"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines() == command(())[1:]


def test_a_banner_before_the_first_reply_is_left_out() -> None:
    prober = PipedProber(fake('echo "Welcome!"; echo "{}"; exec "$0" "$@"'))
    try:
        assert prober.host().text("uname:release") == os.uname().release
    finally:
        prober.close()


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo permission denied >&2; exit 255", "permission denied"),
        ("exec true", "ended with 0"),
        ("exec 3<&0; cat <&3 >/dev/null & yes", "not a reply"),
        ("exec cat", "not a reply"),
        ("exec sleep 3600", "no answer in time"),
    ],
)
def test_what_is_no_collector(script: str, words: str) -> None:
    prober = PipedProber(fake(script), limit=1 if words == "no answer in time" else 3600)
    try:
        with pytest.raises(ProbeError) as caught:
            prober.host()
        assert words in caught.value.words
        assert "{" not in translate(caught.value.message)
    finally:
        prober.close()


@pytest.mark.parametrize(
    "reply",
    [
        '{"host":[["a"]]}',
        '{"host":[["a","b",3]]}',
        '{"host":[["a","b",null,"X",1,""]]}',
        '{"host":3}',
        '{"x":1}',
        "[]",
        '{"found":[]}',
        '{"found":[[[7,[["a","b",3]],[]],[],"",0]]}',
        '{"found":[[[-1,[],[]],[],"",0]]}',
        '{"found":[[[7,[],[]],[],"",-1]]}',
        '{"found":[[[7,[],[]],[],3,0]]}',
    ],
)
def test_nonsense_after_the_greeting(reply: str) -> None:
    script = f"""echo '{{"stratascope":"collector","protocol":5}}'; echo '{reply}'; cat >/dev/null"""
    prober = PipedProber(fake(script), limit=3600)
    try:
        wishes = (Wish(7, ("comm",)),)
        with pytest.raises(ProbeError):
            _ = prober.capture(wishes) if "found" in reply else prober.host()
    finally:
        prober.close()


def test_a_reply_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it comes before the greeting, as a banner may."""
    monkeypatch.setattr(piped, "ANSWER_MAX", 1 << 20)
    hello = """echo '{"stratascope":"collector","protocol":5}';"""
    for before in (hello, ""):
        prober = PipedProber(fake(f"{before} head -c 8388608 /dev/zero; exec sleep 3600"), limit=20)
        try:
            with pytest.raises(ProbeError) as caught:
                prober.host()
            assert "the reply is too long" in caught.value.words
        finally:
            prober.close()


def test_another_protocol_says_how_to_renew() -> None:
    prober = PipedProber(fake("""echo '{"stratascope":"collector","protocol":99}'; cat >/dev/null"""))
    try:
        with pytest.raises(ProbeError) as caught:
            prober.host()
        assert "99" in translate(caught.value.message)
        assert "Install the same version" in translate(caught.value.message)
    finally:
        prober.close()


def test_no_such_program() -> None:
    prober = PipedProber(("/no/such/program",))
    with pytest.raises(ProbeError) as caught:
        prober.host()
    assert "/no/such/program" in translate(caught.value.message)
    prober.close()


def test_a_hang_ends_in_time_and_leaves_no_child() -> None:
    prober = PipedProber(fake("sleep 3600; true"), limit=0.4)
    with pytest.raises(ProbeError) as caught:
        prober.host()
    assert "no answer in time" in caught.value.words
    assert prober.child is None
    assert not [line for line in children() if "sleep 3600" in line]
    prober.close()


def test_a_killed_child_is_started_again() -> None:
    prober = PipedProber()
    try:
        prober.host()
        child = prober.child
        assert child is not None
        child.kill()
        child.wait()
        assert prober.host().text("uname:release") == os.uname().release
        assert prober.child is not child
        # killed in the middle: one error, then it works again
        child = prober.child
        assert child is not None
        os.kill(child.pid, 19)  # SIGSTOP: the request is sent and not answered
        timer = threading.Timer(0.3, child.kill)
        timer.start()
        with pytest.raises(ProbeError):
            prober.host()
        timer.join()
        prober.host()
    finally:
        prober.close()
        prober.close()
    assert prober.child is None


def test_large_requests_and_answers_from_many_threads() -> None:
    prober = PipedProber()
    wishes = tuple(Wish(os.getpid(), ("comm", "mountinfo", "limits"), members=False) for _ in range(1500))
    try:
        with ThreadPoolExecutor(4) as pool:
            answers = [answer.result() for answer in [pool.submit(prober.capture, wishes) for _ in range(4)]]
    finally:
        prober.close()
    for found in answers:
        assert len(found) == len(wishes)
        assert all(isinstance(item.first.text("mountinfo"), str) for item in found)


def test_the_environment_is_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", "/bundled")
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    prober = PipedProber()
    try:
        prober.host()
        assert prober.child is not None
        environment = Path(f"/proc/{prober.child.pid}/environ").read_bytes()
        assert b"/bundled" not in environment
        assert b"/nowhere" not in environment
        assert b"LC_ALL=C" in environment
    finally:
        prober.close()


def children() -> list[str]:
    """Command lines of all processes below this one."""
    lines = []
    waiting = [os.getpid()]
    while waiting:
        pid = waiting.pop()
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in task.read_text().split():
                waiting.append(int(child))
                lines.append(Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ").decode())
    return lines


@pytest.mark.skipif(os.geteuid() != 0 or not os.access("/usr/bin/python3", os.X_OK), reason="needs root")
def test_an_ordinary_user_is_denied_the_namespaces_of_root() -> None:
    target = subprocess.Popen(["sleep", "60"])
    request = f'{{"ask":"capture","wishes":[[{target.pid},["status","uid_map","ns/net","ns/pid"],[],true,""]]}}\n'
    try:
        done = subprocess.run(
            ["/usr/bin/python3", "-SI", "-c", BOOT],
            input=framed() + request.encode(),
            check=True,
            capture_output=True,
            cwd="/",
            user=65534,
            group=65534,
            extra_groups=[],
        )
        (_, entries, _), members, how, _ = json.loads(done.stdout)["found"][0]
        assert [entry[3:5] for entry in entries] == [[], [], ["DENIED", 13], ["DENIED", 13]]
        assert f"Pid:\t{target.pid}\n" in entries[0][2]
        assert (members, how) == ([], "")
    finally:
        target.kill()
        target.wait()
