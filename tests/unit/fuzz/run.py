"""`make fuzz`: coverage-guided fuzzing (atheris, on libFuzzer) of all that others can write, with a budget of time.

python -m fuzz.run [--seconds N] [TARGET…]     so many seconds for each target, two at a time; 1 where anything is found
python -m fuzz.run --one TARGET [libFuzzer's]   one target in this process

An input that is found stands in build/fuzz/TARGET; `--one TARGET FILE` runs it again.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from rig.places import CHECKOUT

PLACE = CHECKOUT / "build" / "fuzz"
SECONDS, AT_A_TIME = 60, 2
LONGEST, SLOWEST, MEMORY = 8192, 20, 2048  # bytes of an input, seconds and MiB for one
_COUNT = re.compile(r"stat::number_of_executed_units:\s+(\d+)")


def one(name: str, words: Sequence[str]) -> None:
    """Fuzz in this process; libFuzzer ends it."""
    import atheris

    with atheris.instrument_imports(include=["stratascope"]):
        from unit.fuzz.targets import TARGETS

    atheris.Setup([sys.argv[0], *words], TARGETS[name])
    atheris.Fuzz()


def fuzzed(name: str, seconds: int) -> tuple[str, int, bool]:
    """The target, how many inputs, and whether all were well."""
    folder = PLACE / name
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        (sys.executable, "-m", "unit.fuzz.run", "--one", name, f"-max_total_time={seconds}", f"-max_len={LONGEST}",
         f"-timeout={SLOWEST}", f"-rss_limit_mb={MEMORY}", f"-artifact_prefix={folder}/", "-print_final_stats=1",
         str(corpus)),
        cwd=CHECKOUT / "tests", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        errors="replace", check=False,
    )  # fmt: skip
    (folder / "log").write_text(done.stdout)
    count = _COUNT.search(done.stdout)
    inputs, well = int(count[1]) if count else 0, done.returncode == 0
    sys.stdout.write(f"{name:16} {inputs:>12,} inputs  {'well' if well else 'FOUND'}\n")
    sys.stdout.flush()
    return name, inputs, well


def main(words: Sequence[str]) -> int:
    """All targets, or those that are named."""
    from unit.fuzz.targets import TARGETS

    parser = argparse.ArgumentParser(description="Fuzzes all that others can write.")
    parser.add_argument("--seconds", type=int, default=SECONDS, help="for each target")
    parser.add_argument("targets", nargs="*", help=", ".join(TARGETS))
    given = parser.parse_args(words)
    unknown = [name for name in given.targets if name not in TARGETS]
    if unknown:
        parser.error(f"no such target: {', '.join(unknown)}")
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        found = list(pool.map(lambda name: fuzzed(name, given.seconds), given.targets or TARGETS))
    bad = [name for name, _, well in found if not well]
    sys.stdout.write(f"{sum(count for _, count, _ in found):,} inputs")
    sys.stdout.write(f"; found: {', '.join(bad)}, see {PLACE}\n" if bad else ", nothing found\n")
    return 1 if bad else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        one(sys.argv[2], sys.argv[3:])
    else:
        sys.exit(main(sys.argv[1:]))
