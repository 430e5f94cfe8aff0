"""The AppImage's runtime, built with ASan and UBSan, on images that are damaged or lie: nothing that a sanitizer tells,
an error in words, nothing written outside of the folder. And links that somebody planted where it unpacks.

`STRATASCOPE_IMAGES=200000` tries so many in place of the usual number.
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from rig.places import CHECKOUT

SOURCES = CHECKOUT / "packaging" / "appimage"
HARNESS = Path(__file__).with_name("unpack_images.c")
SANITIZED = ("-std=c11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-fsanitize=address,undefined",
             "-fno-sanitize-recover=all", '-DVERSION="0"', "-I/usr/include/fuse3", f"-I{SOURCES}")  # fmt: skip
LIBRARIES = ("-lsquashfuse_ll", "-lfuse3", "-lzstd", "-lz", "-llzma", "-lpthread")
COUNT = int(os.environ.get("STRATASCOPE_IMAGES", "2000"))
ODD = (0, 1, 0x7F, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


@pytest.fixture(scope="module")
def work() -> Iterator[Path]:
    needed = (shutil.which("gcc"), shutil.which("mksquashfs"), Path("/usr/include/squashfuse/squashfuse.h").exists())
    if not all(needed):
        pytest.skip("needs gcc, squashfs-tools, libsquashfuse-dev and libfuse3-dev")
    with tempfile.TemporaryDirectory(prefix="strata-images-") as made:
        yield Path(made)


def build(target: Path, *sources: Path) -> Path:
    done = subprocess.run(
        ("gcc", *SANITIZED, "-o", target, *sources, *LIBRARIES), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return target


@pytest.fixture(scope="module")
def harness(work: Path) -> Path:
    return build(work / "unpack_images", HARNESS, SOURCES / "unpack.c", SOURCES / "squashfs.c")


@pytest.fixture(scope="module")
def runtime(work: Path) -> bytes:
    sources = [SOURCES / f"{name}.c" for name in ("runtime", "mount", "unpack", "squashfs")]
    return build(work / "runtime", *sources).read_bytes()


def image(work: Path, name: str, fill: Callable[[Path], None], *options: str) -> bytes:
    tree = work / name
    tree.mkdir()
    fill(tree)
    made = work / f"{name}.squashfs"
    usual = ("-root-owned", "-noappend", "-quiet", "-no-progress", "-no-xattrs", "-comp", "zstd", "-b", "4K")
    subprocess.run(("mksquashfs", tree, made, *usual, *options), check=True, stdout=subprocess.DEVNULL)
    return made.read_bytes()


def usual(tree: Path) -> None:
    (tree / "usr/share/deep/er").mkdir(parents=True)
    (tree / "loop").mkdir()
    (tree / "loop/in").touch()
    (tree / "AppRun").write_text("#!/bin/sh\n")
    (tree / "usr/share/large").write_bytes(bytes(range(256)) * 100)  # several blocks and an end
    (tree / "usr/share/small").write_text("a few words\n")
    (tree / "usr/share/none").touch()
    (tree / "usr/share/deep/er/file").write_bytes(b"\0" * 9000)  # blocks that are not there
    (tree / "usr/link").symlink_to("share/small")
    for number in range(30):
        (tree / f"usr/f{number}").write_text(str(number))


@pytest.fixture(scope="module")
def whole(work: Path) -> tuple[bytes, ...]:
    """Compressed, as ours; and with nothing compressed, so that a change reaches what the tables say."""
    return (
        image(work, "compressed", usual),
        image(work, "open", usual, "-noI", "-noD", "-noF", "-noId"),
    )


def damaged(whole: bytes, random: Random) -> bytes:
    """The image with something else in it."""
    data = bytearray(whole)
    used = struct.unpack_from("<Q", data, 40)[0]
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        chance = random.random()
        # the tables stand behind what is in the files
        at = (
            random.randrange(96)
            if chance < 0.25
            else random.randrange(min(struct.unpack_from("<Q", whole, 64)[0], used - 8), used - 8)
        )
        kind = random.randrange(7)
        if kind == 0:
            del data[random.randrange(len(data)) :]
            data += b"\0" * 96 if random.random() < 0.5 else b""
            if len(data) < used:
                break
        elif kind == 1:
            data[at] ^= 1 << random.randrange(8)
        elif kind == 2:
            struct.pack_into("<I", data, at, random.choice(ODD))
        elif kind == 3:
            struct.pack_into("<H", data, at, random.choice(ODD) & 0xFFFF)
        elif kind == 4:
            struct.pack_into("<Q", data, at, random.choice((*ODD, 1 << 40, (1 << 63) - 1, (1 << 64) - 1)))
        elif kind == 5:
            other = random.randrange(used - 8)
            size = random.choice((2, 4, 8))
            data[at : at + size] = data[other : other + size]
        else:
            for name in (b"share", b"large", b"AppRun", b"deep"):
                place = data.find(name, 96)
                if place > 0 and random.random() < 0.5:
                    evil = random.choice((b"../../..", b"/../../x", b"..", b".", b"/tmp/x/y"))[: len(name)]
                    data[place : place + len(evil)] = evil
    return bytes(data)


def unpacked(harness: Path, images: list[bytes], work: Path) -> list[tuple[str, str]]:
    """What became of each, and what it said. Nothing but the folders is written to."""
    with tempfile.TemporaryDirectory(dir=work) as made:
        place = Path(made)
        (place / "in").mkdir()
        (place / "out").mkdir()
        lines = []
        for number, data in enumerate(images):
            (place / f"in/{number}").write_bytes(data)
            (place / f"out/{number}").mkdir()
            lines.append(f"{place}/in/{number}\t{place}/out/{number}\n")
        done = subprocess.run(
            harness,
            input="".join(lines),
            capture_output=True,
            text=True,
            check=False,
            env={"ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1", "PATH": "/usr/bin:/bin"},
        )
        assert (done.returncode, done.stderr) == (0, "")
        words = [(place / f"out/{number}.said").read_text(errors="replace") for number in range(len(images))]
        names = {str(number) for number in range(len(images))}
        assert {path.name for path in place.iterdir()} == {"in", "out"}
        assert {path.name for path in (place / "in").iterdir()} == names
        assert {path.name for path in (place / "out").iterdir()} == names | {f"{name}.said" for name in names}
        return list(zip(done.stdout.splitlines(), words, strict=True))


def test_whole_images_are_unpacked(harness: Path, whole: tuple[bytes, ...], work: Path) -> None:
    assert unpacked(harness, list(whole), work) == [("exit 0", "")] * 2


def test_damaged_images(harness: Path, whole: tuple[bytes, ...], work: Path) -> None:
    refused = 0
    for start in range(0, COUNT, 500):
        seeds = range(start, min(start + 500, COUNT))
        images = [damaged(whole[seed % 4 > 0], Random(seed)) for seed in seeds]
        for seed, (ended, said) in zip(seeds, unpacked(harness, images, work), strict=True):
            assert ended in ("exit 0", "exit 1"), f"seed {seed}: {ended}\n{said}"
            assert "runtime error" not in said, f"seed {seed}: {said}"
            assert (ended == "exit 1") == said.startswith("said: "), f"seed {seed}: {ended} {said}"
            refused += ended == "exit 1"
    assert refused > COUNT // 3


def entry(data: bytes | bytearray, name: bytes) -> int:
    """Where the entry of that name stands in the table of folders."""
    return data.index(name, struct.unpack_from("<Q", data, 72)[0]) - 8


def test_a_folder_within_itself_ends(harness: Path, whole: tuple[bytes, ...], work: Path) -> None:
    data = bytearray(whole[1])
    root = struct.unpack_from("<Q", data, 32)[0]
    struct.pack_into("<H", data, entry(data, b"loop"), root & 0xFFFF)
    struct.pack_into("<H", data, entry(data, b"usr"), root & 0xFFFF)  # twice: the ways double with each level
    ((ended, said),) = unpacked(harness, [bytes(data)], work)
    assert (ended, said) == ("exit 1", "said: this AppImage is damaged; get it again\n")


@pytest.mark.parametrize("name", [b"../x", b"/a/b", b"....", b"a/.."])
def test_a_name_that_leads_elsewhere(name: bytes, harness: Path, whole: tuple[bytes, ...], work: Path) -> None:
    data = bytearray(whole[1])
    at = entry(data, b"loop") + 8
    data[at : at + 4] = name if name != b"...." else b"..\0\0"
    ((ended, said),) = unpacked(harness, [bytes(data)], work)
    assert (ended, said) == ("exit 1", "said: this AppImage is damaged; get it again\n")


def test_a_file_without_end(harness: Path, work: Path) -> None:
    """It takes no room in the image."""

    def fill(tree: Path) -> None:
        with (tree / "AppRun").open("wb") as file:
            file.truncate((2 << 30) + 1)

    ((ended, said),) = unpacked(harness, [image(work, "endless", fill, "-b", "1M")], work)
    assert (ended, said) == ("exit 1", "said: this AppImage is damaged; get it again\n")


def run(program: Path, *words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (program, *words), cwd=folder, capture_output=True, encoding="utf-8", errors="replace", check=False
    )


@pytest.mark.parametrize("planted", ["usr", "usr/share", "squashfs-root", "usr/share/small", "AppRun"])
def test_a_planted_link_is_not_followed(planted: str, runtime: bytes, whole: tuple[bytes, ...], tmp_path: Path) -> None:
    program, outside, root = tmp_path / "it.AppImage", tmp_path / "outside", tmp_path / "squashfs-root"
    program.write_bytes(runtime + whole[0])
    program.chmod(0o755)
    outside.mkdir()
    (outside / "small").write_text("theirs")
    link = root if planted == "squashfs-root" else root / planted
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(outside / "small" if planted.endswith(("small", "AppRun")) else outside)
    done = run(program, "--appimage-extract", folder=tmp_path)
    assert [path.name for path in outside.iterdir()] == ["small"]
    assert (outside / "small").read_text() == "theirs"
    if planted == "squashfs-root":
        assert done.returncode == 127
        assert "squashfs-root can't be written to" in done.stderr
    else:
        assert (done.returncode, done.stderr) == (0, "")
        assert (root / "usr/share/small").read_text() == "a few words\n"
        assert not (root / planted).is_symlink()


def test_the_whole_runtime_on_a_damaged_file(runtime: bytes, whole: tuple[bytes, ...], tmp_path: Path) -> None:
    """What stands in the head of the program too: where the file system begins is read from there."""
    program = tmp_path / "it.AppImage"
    heads = {
        "section headers at the end of all numbers": (40, "<Q", (1 << 64) - 1),
        "section headers beyond the file": (40, "<Q", 1 << 40),
        "other section headers": (58, "<H", 0xFFFF),
        "in the midst of itself": (40, "<Q", 64),
    }
    files = [(name, bytearray(runtime + whole[0]), patch) for name, patch in heads.items()]
    files.append(
        ("cut off", bytearray((runtime + whole[0])[:-3000]), (16, "<H", struct.unpack_from("<H", runtime, 16)[0]))
    )
    for name, data, (at, form, value) in files:
        struct.pack_into(form, data, at, value)
        program.unlink(missing_ok=True)
        program.write_bytes(data)
        program.chmod(0o755)
        for words in (("--appimage-extract",), ("--appimage-extract-and-run",)):
            done = run(program, *words, folder=tmp_path)
            assert done.returncode == 127, (name, done)
            assert done.stderr.startswith("stratascope: "), (name, done)
            assert "Sanitizer" not in done.stderr
            assert "runtime error" not in done.stderr
            assert "Success" not in done.stderr
