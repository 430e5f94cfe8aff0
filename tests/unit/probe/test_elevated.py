"""Asking for root: which ways there are, what a refusal leaves, and that nothing is asked twice. pkexec is a script."""

from __future__ import annotations

import contextlib
import os
import pty
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.probe.scripts import PASS, script
from stratascope.collector.filters import why_not
from stratascope.core.ports import ProbeError, Wish
from stratascope.i18n.translate import translate
from stratascope.probe.helper import elevated
from stratascope.probe.helper.elevated import ElevatedProber, NoRootError, RootCommand, RootMethod, open_elevated, ways
from stratascope.probe.helper.install import helper_text
from stratascope.probe.piped import command

ME = Wish(os.getpid(), ("comm", "owner:net", "netns:net.ipv4.ip_unprivileged_port_start", "seccomp:*"), members=False)
needs_root = pytest.mark.skipif(os.geteuid() != 0 or bool(why_not()), reason="needs root")


def kinds(**environ: str) -> list[RootMethod]:
    return [way.kind for way in ways({**os.environ, **environ})]


@contextlib.contextmanager
def opened(**environ: str) -> Iterator[ElevatedProber]:
    told: list[ElevatedProber] = []
    try:
        yield open_elevated(ways({**os.environ, **environ}), limit=3600, patience=3600, started=told)
    finally:
        for prober in told:
            prober.close()


def refused(**environ: str) -> ProbeError:
    with pytest.raises(ProbeError) as caught, opened(**environ):
        pass
    assert "{" not in translate(caught.value.message)
    return caught.value


@needs_root
def test_where_we_are_root_nobody_is_asked() -> None:
    (way,) = ways({"PATH": "/nowhere"})
    assert (way.kind, way.command) == (RootMethod.ROOT, tuple(command((), "/usr/bin/python3")))
    with opened() as prober:
        (found,) = prober.capture((ME,))
        assert found.first.text("owner:net") == "user:[4026531837]"


def test_the_order_of_ways(programs: Path) -> None:
    assert kinds() == []
    script(programs, "sudo", PASS)
    assert kinds() == [RootMethod.SUDO]
    script(programs, "pkexec", PASS)
    assert kinds() == [RootMethod.PKEXEC, RootMethod.SUDO]
    helper = programs.parent / "helper"
    helper.write_text("")
    assert kinds() == [RootMethod.PKEXEC, RootMethod.SUDO], "a file that can't be run is no helper"
    helper.chmod(0o755)
    assert kinds() == [RootMethod.HELPER, RootMethod.PKEXEC, RootMethod.SUDO]
    assert ways(os.environ)[0].command == ("pkexec", str(helper))
    flatpak = ways({"PATH": "/nowhere"}, flatpak=True)
    assert [way.command[:3] for way in flatpak] == [
        ("flatpak-spawn", "--host", "pkexec"),
        ("flatpak-spawn", "--host", "sudo"),
    ]


def test_sudo_asks_where_somebody_can_answer(programs: Path) -> None:
    script(programs, "sudo", PASS)
    script(programs, "pkexec", PASS)
    environ = {"PATH": str(programs)}
    assert ways(environ)[-1].command[:2] == ("sudo", "-n")
    assert ways({**environ, "SUDO_ASKPASS": "/x"})[-1].command[:2] == ("sudo", "-A")
    first = ways(environ, terminal=True)[0]
    assert (first.kind, first.command[:2], first.terminal) == (RootMethod.SUDO, ("sudo", "--"), True)
    assert ways({**environ, "DISPLAY": ":0"}, terminal=True)[0].kind is RootMethod.PKEXEC


def test_neither_pkexec_nor_sudo(programs: Path) -> None:
    assert "Neither pkexec nor sudo" in translate(refused().message)


@needs_root
def test_by_pkexec_with_the_collector_on_its_standard_input(programs: Path) -> None:
    script(programs, "pkexec", f'echo "$@" > {programs}/said; {PASS}')
    with opened() as prober:
        assert prober.way.kind is RootMethod.PKEXEC
        (found,) = prober.capture((ME,))
        assert found.first.text("owner:net") == "user:[4026531837]"
        assert prober.host().text("id:uid") == "0"
    assert (programs / "said").read_text() == " ".join(command((), "/usr/bin/python3")) + "\n"


@needs_root
def test_by_the_installed_helper_and_nothing_else(programs: Path) -> None:
    helper = programs.parent / "helper"
    helper.write_bytes(helper_text())
    helper.chmod(0o755)
    script(programs, "pkexec", f'echo "$@" > {programs}/said; {PASS}')
    with opened() as prober:
        assert prober.way.kind is RootMethod.HELPER
        assert prober.capture((ME,))[0].first.text("owner:net") == "user:[4026531837]"
    assert (programs / "said").read_text() == f"{helper}\n"


@needs_root
@pytest.mark.skipif(shutil.which("sudo") is None, reason="needs sudo")
def test_by_the_real_sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may use it without a password; what matters is that it passes the pipes on, and ends with them."""
    monkeypatch.setattr(elevated, "already_root", lambda: False)
    way = ways({"PATH": os.environ["PATH"]})[-1]
    assert way.command[:2] == ("sudo", "-n")
    prober = open_elevated((way,), started=[])
    try:
        assert prober.capture((ME,))[0].first.text("owner:net") == "user:[4026531837]"
        child = prober.child
        assert child is not None
    finally:
        prober.close()
    assert child.returncode is not None


@needs_root
def test_on_a_terminal_the_question_is_asked_there(programs: Path) -> None:
    """The child keeps our terminal: a sudo of this test reads the password from /dev/tty, and refuses a wrong one."""
    script(
        programs,
        "sudo",
        'printf "password: " > /dev/tty; read word < /dev/tty; [ "$word" = right ] || exit 1; shift; exec "$@"',
    )
    code = (
        "import os\n"
        "from stratascope.core.ports import ProbeError\n"
        "from stratascope.probe.helper import elevated\n"
        "elevated.already_root = lambda: False\n"
        "try:\n"
        "    prober = elevated.open_elevated(elevated.ways({'PATH': os.environ['PATH']}, terminal=True), started=[])\n"
        "    print('uid', prober.host().text('id:uid'))\n"
        "    prober.close()\n"
        "except ProbeError as error:\n"
        "    print('refused', error.words)\n"
    )
    for word, answer in (("right", "uid 0"), ("wrong", "refused")):
        terminal, theirs = pty.openpty()
        asking = subprocess.Popen(
            ("/usr/bin/setsid", "-c", sys.executable, "-c", code), stdin=theirs, stdout=theirs, stderr=theirs
        )
        os.close(theirs)
        seen = b""
        with contextlib.suppress(OSError):  # EIO: it has ended
            while chunk := os.read(terminal, 4096):
                seen += chunk
                if seen.endswith(b"password: "):
                    os.write(terminal, word.encode() + b"\n")
        os.close(terminal)
        assert asking.wait() == 0
        assert answer in seen.decode()


@needs_root
def test_from_flatpak_by_the_host_s_own_programs(programs: Path) -> None:
    helper = programs.parent / "helper"
    script(programs, "flatpak-spawn", f'[ "$1" = --host ] || exit 1; shift; PATH={programs}:$PATH; {PASS}')
    script(programs, "pkexec", PASS)
    assert [way.kind for way in ways(os.environ, flatpak=True)] == [RootMethod.PKEXEC, RootMethod.SUDO]
    helper.write_bytes(helper_text())
    helper.chmod(0o755)
    assert [way.kind for way in ways(os.environ, flatpak=True)] == [
        RootMethod.HELPER,
        RootMethod.PKEXEC,
        RootMethod.SUDO,
    ]
    told: list[ElevatedProber] = []
    prober = open_elevated(ways(os.environ, flatpak=True), started=told)
    try:
        assert prober.way.command[:3] == ("flatpak-spawn", "--host", "pkexec")
        assert prober.capture((ME,))[0].first.text("owner:net") == "user:[4026531837]"
    finally:
        prober.close()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("echo 'Request dismissed' >&2; exit 126", "Request dismissed"),
        ("echo 'Error executing command as another user: Not authorized' >&2; exit 127", "Not authorized"),
    ],
)
def test_a_refusal_ends_the_search(programs: Path, text: str, words: str) -> None:
    script(programs, "pkexec", text)
    script(programs, "sudo", f"touch {programs}/asked; {PASS}")
    error = refused()
    assert isinstance(error, NoRootError)
    assert "Everything else is as before" in translate(error.message)
    assert words in error.words
    assert not (programs / "asked").exists()


@needs_root
def test_a_way_with_nobody_to_ask_gives_way_to_the_next(programs: Path) -> None:
    script(programs, "pkexec", "echo 'Error creating textual authentication agent' >&2; exit 127")
    script(programs, "sudo", 'shift 2; exec "$@"')
    with opened() as prober:
        assert prober.way.kind is RootMethod.SUDO


def test_the_last_way_says_why(programs: Path) -> None:
    script(programs, "pkexec", "exit 127")
    script(programs, "sudo", "echo 'sudo: a password is required' >&2; exit 1")
    assert "a password is required" in refused().words


def test_a_helper_of_another_version_is_refused_with_the_way_to_renew_it(programs: Path) -> None:
    script(programs.parent, "helper", """echo '{"stratascope":"collector","protocol":1}'; cat > /dev/null""")
    script(programs, "pkexec", f"case $1 in *helper) ;; *) touch {programs}/asked;; esac; {PASS}")
    error = refused()
    assert "version 1 of the collector protocol" in translate(error.message)
    assert str(programs.parent / "helper") in translate(error.message)
    assert "stratascope helper install" in translate(error.message)
    assert not (programs / "asked").exists()


def test_root_that_is_none_is_refused(programs: Path) -> None:
    hello = '{"stratascope":"collector","protocol":5,"barred":"the reader is in a user namespace of its own"}'
    script(programs, "pkexec", f"echo '{hello}'; cat > /dev/null")
    error = refused()
    assert "user namespace of its own" in error.words


@pytest.mark.parametrize(
    "text", ["exec 3<&0; cat <&3 >/dev/null & yes", "echo '[]'; exec cat", "head -c 300000 /dev/zero; exec cat"]
)
def test_rubbish_is_refused(programs: Path, text: str) -> None:
    script(programs, "pkexec", text)
    assert refused().words


@needs_root
@pytest.mark.parametrize(
    "answer", ['{"found":[[[1,[["a"]],[]],[],""]]}', '{"found":3}', "rubbish", '{"refused":"x"}', '{"found":[]}']
)
def test_rubbish_later_ends_it_for_good(programs: Path, answer: str) -> None:
    hello = '{"stratascope":"collector","protocol":5,"barred":""}'
    script(programs, "pkexec", f"echo run >> {programs}/runs; echo '{hello}'; echo '{answer}'; cat > /dev/null")
    with opened() as prober:
        for _ in range(2):
            with pytest.raises(ProbeError):
                prober.capture((ME,))
    assert (programs / "runs").read_text() == "run\n", "a password must not be asked for again by itself"


@needs_root
def test_a_killed_collector_is_not_started_again(programs: Path) -> None:
    script(programs, "pkexec", f"echo run >> {programs}/runs; {PASS}")
    with opened() as prober:
        prober.capture((ME,))
        assert prober.child is not None
        prober.child.kill()
        for _ in range(2):
            with pytest.raises(ProbeError) as caught:
                prober.capture((ME,))
            assert "has ended" in translate(caught.value.message)
    assert (programs / "runs").read_text() == "run\n"


def test_the_question_can_be_broken_off(programs: Path) -> None:
    script(programs, "pkexec", "exec sleep 3600")
    (way,) = ways(os.environ)
    prober = ElevatedProber(way)
    failed: list[ProbeError] = []

    def ask() -> None:
        try:
            prober.begin()
        except ProbeError as error:
            failed.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    while prober.child is None:
        time.sleep(0.01)
    prober.close()
    asking.join()
    assert failed


def test_nobody_answers(programs: Path) -> None:
    script(programs, "pkexec", "exec sleep 3600")
    with pytest.raises(NoRootError) as caught:
        open_elevated(ways(os.environ), patience=0.3, started=[])
    assert "Nobody entered" in translate(caught.value.message)
    assert caught.value.final


@needs_root
def test_it_ends_with_its_standard_input() -> None:
    """What the window's end looks like to it, even a violent one."""
    code = (
        "import os, sys\n"
        "from stratascope.probe.helper.elevated import *\n"
        "told = []\n"
        "prober = open_elevated(ways({}), started=told)\n"
        "print(prober.child.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode == -signal.SIGKILL, done.stderr
    pid = int(done.stdout)
    while Path(f"/proc/{pid}").exists() and "State:\tZ" not in Path(f"/proc/{pid}/status").read_text():
        time.sleep(0.02)


def test_the_words_of_a_way_are_the_command() -> None:
    way = RootCommand(RootMethod.PKEXEC, ("pkexec", "/usr/bin/python3", "-SI", "-c", "a b"))
    assert way.words == "pkexec /usr/bin/python3 -SI -c 'a b'"
