"""What is signed can be verified, and nothing else: with real keys, made for these tests."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
import wheels

from stratascope import __version__

SCRIPTS = wheels.CHECKOUT / "packaging" / "release"
IMAGE = f"Stratascope-{__version__}-x86_64.AppImage"
WHEEL = f"stratascope-{__version__}-py3-none-any.whl"


def key(path: Path) -> Path:
    command = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "made for a test", "-f", path)
    subprocess.run(command, check=True)
    return path


def run(script: str, *words: str | Path, **more: str) -> tuple[int, str]:
    command = ("sh", SCRIPTS / script, *words)
    done = subprocess.run(command, env={**os.environ, **more}, capture_output=True, text=True, check=False)
    assert done.stdout == ""
    return done.returncode, done.stderr


@dataclass(frozen=True, slots=True)
class Release:
    """Two files in a folder, signed, and who is believed."""

    folder: Path
    key: Path
    signers: Path

    def verify(self, *names: str) -> tuple[int, str]:
        return run("verify.sh", self.signers, self.folder, *names)

    def sign_list(self, with_key: Path, namespace: str) -> None:
        """As somebody does who has the files but not our key, or our key for something else."""
        with (self.folder / "SHA256SUMS").open("rb") as source, (self.folder / "SHA256SUMS.sig").open("wb") as target:
            command = ("ssh-keygen", "-q", "-Y", "sign", "-f", with_key, "-n", namespace)
            subprocess.run(command, stdin=source, stdout=target, check=True)


@pytest.fixture
def release(tmp_path: Path) -> Release:
    if shutil.which("ssh-keygen") is None:
        pytest.skip("ssh-keygen is not installed")
    made = Release(tmp_path / "two words", key(tmp_path / "key"), tmp_path / "signers")
    public = made.key.with_suffix(".pub").read_text()
    made.signers.write_text(f"stratascope {public}")
    made.folder.mkdir()
    (made.folder / IMAGE).write_bytes(bytes(range(256)))
    (made.folder / WHEEL).write_bytes(b"a wheel")
    status, said = run("sign.sh", made.key, made.folder)
    assert status == 0, said
    return made


def test_what_was_signed_is_verified(release: Release) -> None:
    status, said = release.verify()
    assert status == 0, said
    assert said == f"stratascope: {IMAGE}: verified\nstratascope: {WHEEL}: verified\n"
    (release.folder / WHEEL).unlink()
    assert release.verify() == (0, f"stratascope: {IMAGE}: verified\n")  # who fetched one of them
    (release.folder / "something else").touch()
    assert release.verify(IMAGE) == (0, f"stratascope: {IMAGE}: verified\n")  # the folder for all that is fetched


def test_anyone_can_verify_it_with_two_commands(release: Release) -> None:
    """The README names them."""
    text = (wheels.CHECKOUT / "README.md").read_text(encoding="utf-8")
    (check,) = [line for line in text.splitlines() if line.startswith("ssh-keygen -Y verify")]
    shutil.copy(release.signers, release.folder / "allowed_signers")
    command = f"{check} && sha256sum --check --ignore-missing SHA256SUMS"
    assert command.partition(" && ")[2] in text
    done = subprocess.run(command, shell=True, cwd=release.folder, capture_output=True, text=True, check=False)
    assert (done.returncode, f"{IMAGE}: OK" in done.stdout) == (0, True), done.stderr


def test_one_that_was_changed(release: Release) -> None:
    (release.folder / IMAGE).write_bytes(bytes(255))
    status, said = release.verify()
    assert (status, f"{IMAGE}: CHANGED" in said, f"{WHEEL}: verified" in said) == (1, True, True)


def test_one_that_is_not_listed(release: Release) -> None:
    for name in ("stratascope-9.9-py3-none-any.whl", ".hidden"):
        (release.folder / name).touch()
        status, said = release.verify()
        assert (status, name in said, "NOT" in said) == (1, True, True)
        (release.folder / name).unlink()
    status, said = release.verify("none-such")
    assert (status, "NOT LISTED" in said) == (1, True)


def test_a_name_cannot_act_on_the_terminal(release: Release) -> None:
    name = f"x\x1b[2J\n{IMAGE}: verified"
    (release.folder / name).touch()
    for script, first in (("verify.sh", release.signers), ("sign.sh", release.key)):
        status, said = run(script, first, release.folder)
        assert (status > 0, "\x1b" in said, f"x??2J?{IMAGE}? verified" in said) == (True, False, True)


def test_one_that_is_a_link(release: Release, tmp_path: Path) -> None:
    (release.folder / IMAGE).rename(tmp_path / "elsewhere")
    (release.folder / IMAGE).symlink_to(tmp_path / "elsewhere")
    assert release.verify()[0] == 1


def test_a_list_that_was_changed(release: Release) -> None:
    (release.folder / IMAGE).write_bytes(b"exchanged")
    text = "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
        for path in (release.folder / IMAGE, release.folder / WHEEL)
    )
    (release.folder / "SHA256SUMS").write_text(text)
    status, said = release.verify()
    assert (status, "not signed by a key that is believed" in said, "verified" in said) == (1, True, False)


@pytest.mark.parametrize("missing", ["SHA256SUMS", "SHA256SUMS.sig"])
def test_one_that_is_not_signed(release: Release, missing: str) -> None:
    (release.folder / missing).unlink()
    status, said = release.verify()
    assert (status, f"{missing} is not here" in said) == (1, True)


def test_another_s_key_and_another_purpose_do_not_count(release: Release, tmp_path: Path) -> None:
    release.sign_list(release.key, "stratascope-release")
    assert release.verify()[0] == 0  # or the next ones could not fail
    release.sign_list(key(tmp_path / "other"), "stratascope-release")
    assert release.verify()[0] == 1
    release.sign_list(release.key, "git")
    assert release.verify()[0] == 1
    release.sign_list(release.key, "stratascope-release")
    release.signers.write_text(release.signers.read_text().replace("stratascope ", "somebody "))
    assert release.verify()[0] == 1


def test_nothing_at_all_is_not_verified(release: Release) -> None:
    for name in (IMAGE, WHEEL):
        (release.folder / name).unlink()
    assert release.verify() == (1, "stratascope: no file is here that could be verified\n")


@pytest.mark.parametrize("name", ["Stratascope-0.0.1-x86_64.AppImage", "notes.txt", f"a b-{__version__}-c", ".swp"])
def test_what_lies_about_is_not_signed(release: Release, name: str) -> None:
    (release.folder / name).touch()
    status, said = run("sign.sh", release.key, release.folder)
    assert (status, name in said) == (2, True)
    assert not (release.folder / "SHA256SUMS.sig").exists()  # nor does the old signature stay


def test_what_is_missing_is_told(release: Release, tmp_path: Path) -> None:
    unsigned: list[tuple[tuple[str | Path, ...], str]] = [
        ((), "which key?"),
        (("",), "which key?"),
        ((tmp_path / "none",), "is no file"),
        ((release.key, tmp_path / "none"), "there is no"),
        ((release.signers, release.folder), "ssh-keygen could not sign"),
    ]
    for words, expected in unsigned:
        status, said = run("sign.sh", *words)
        assert (status, expected in said) == (2, True), said
    unverified: list[tuple[tuple[str | Path, ...], str]] = [
        ((), "usage: verify.sh"),
        (("", release.folder), "usage: verify.sh"),
        ((tmp_path / "none", release.folder), "the list of keys that are believed is missing"),
        ((release.signers, tmp_path / "none"), "there is no folder"),
    ]
    for words, expected in unverified:
        status, said = run("verify.sh", *words)
        assert (status, expected in said) == (2, True), said
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sh", "dirname", "basename", "sed"):
        (tools / name).symlink_to(str(shutil.which(name)))
    for script, folders in (
        ("sign.sh", (release.key, release.folder)),
        ("verify.sh", (release.signers, release.folder)),
    ):
        status, said = run(script, *folders, PATH=str(tools))
        assert (status, "ssh-keygen is missing" in said) == (2, True), said
