"""Texts of a few lines that would keep a reader busy for ever, or fill the memory, and what is said of each.

By name: the files of a folder, of which the first is checked; where it stands, and a word of the sentence.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import NamedTuple

CYCLE, DEEP, TOGETHER = "Compose refuses", "levels deep", "more than 200000 values"
OPTIONS, ALL, LONG, FILES = "options for one container", "options together", "This value", "200 files"


class TooMuch(NamedTuple):
    files: dict[str, str]
    place: str
    word: str


def _lines(count: int, line: Callable[[int], str]) -> str:
    return "".join(f"{line(number)}\n" for number in range(count))


def _compose(services: str, **more: str) -> dict[str, str]:
    return {"compose.yml": services, **{name.replace("_", ".", 1): text for name, text in more.items()}}


def _list(items: Iterable[object]) -> str:
    return f"[{', '.join(map(str, items))}]"


_PROFILE = json.dumps({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"] * 20}] * 3000})
_POD = "apiVersion: v1\nkind: Pod\nspec:\n"
TEXTS = {
    # what goes round
    "includes itself": TooMuch(
        _compose("include:\n  - ./compose.yml\nservices: {a: {image: a}}\n"), "compose.yml:2", CYCLE
    ),
    "includes itself by many names": TooMuch(
        _compose("\ninclude: [.//compose.yml, ././compose.yml]\nservices: {a: {image: a}}\n"), "compose.yml:2", CYCLE
    ),
    "two include each other": TooMuch(
        _compose("include: [b.yml]\nservices: {a: {image: a}}\n", b_yml="include:\n  - compose.yml\n"), "b.yml:2", CYCLE
    ),
    "three include each other": TooMuch(
        _compose("include: [b.yml]\nservices: {a: {image: a}}\n", b_yml="include: [c.yml]\n",
                 c_yml="\ninclude: [b.yml]\n"),
        "c.yml:2", CYCLE,
    ),
    "extends itself": TooMuch(_compose("services:\n  a:\n    image: a\n    extends: a\n"), "compose.yml:4", CYCLE),
    "extends itself by its file": TooMuch(
        _compose("services:\n  a:\n    image: a\n    extends: {file: ./compose.yml, service: a}\n"),
        "compose.yml:4", CYCLE,
    ),
    "two extend each other": TooMuch(
        _compose("services:\n  a: {image: a, extends: b}\n  b: {image: a, extends: a}\n"), "compose.yml:3", CYCLE
    ),
    "four extend each other": TooMuch(
        _compose("services:\n" + _lines(4, lambda n: f"  s{n}: {{image: a, extends: s{(n + 1) % 4}}}")),
        "compose.yml:5", CYCLE,
    ),
    "two files extend each other": TooMuch(
        _compose("services:\n  a: {image: a, extends: {file: b.yml, service: b}}\n",
                 b_yml="services:\n  b: {extends: {file: compose.yml, service: a}}\n"),
        "b.yml:2", CYCLE,
    ),
    "a folder that leads back": TooMuch(
        _compose("include: [here/compose.yml]\nservices: {a: {image: a}}\n"), "/compose.yml:1", DEEP
    ),
    "extends very deep": TooMuch(
        _compose("services:\n" + _lines(5000, lambda n: f"  s{n}: {{image: a, extends: s{n + 1}}}")),
        "compose.yml:32", DEEP,
    ),
    # what multiplies
    "each includes the next twice": TooMuch(
        {f"{name}.yml": f"include: [{name + 1}.yml, {name + 1}.yml]\nservices: {{}}\n" for name in range(31)}
        | {"31.yml": "include: [32.yml]\n"},
        "30.yml:1", DEEP,
    ),
    "merges of merges": TooMuch(
        _compose("x0: &m0 {a: b, c: d}\n" + _lines(9, lambda n: f"x{n + 1}: &m{n + 1} {{<<: {_list([f'*m{n}'] * 9)}}}")
                 + "services: {a: {image: a, <<: *m9}}\n"),
        "compose.yml:6", "aliases",
    ),
    "a merge repeated": TooMuch(
        _compose("x: &x {a: 1, b: 2, c: 3, d: 4, e: 5, f: 6, g: 7, h: 8, i: 9}\nservices:\n  a:\n    <<: "
                 + _list(["*x"] * 30_000)),
        "compose.yml:1", "aliases",
    ),
    "many extend a large one": TooMuch(
        _compose(f"services:\n  base: {{image: a, environment: {_list(range(9000))}}}\n"
                 + _lines(400, lambda n: f"  s{n}: {{extends: base, environment: [a]}}")),
        "compose.yml:24", TOGETHER,
    ),
    "many have the same long list": TooMuch(
        _compose(f"x: &x {_list(['A'] * 390)}\nservices:\n"
                 + _lines(500, lambda n: f"  s{n}: {{image: a, cap_add: *x}}")),
        "compose.yml:13", ALL,
    ),
    "variables that stand for much": TooMuch(
        _compose("services:\n  a:\n    image: a\n    labels:\n" + _lines(3000, lambda n: f"      a{n}: ${{A}}")),
        "compose.yml:1029", "variables",
    ),
    "one container with thousands of mounts": TooMuch(
        _compose("services:\n  a:\n    image: a\n    volumes:\n" + _lines(8000, lambda n: f"      - /e{n}:/{n}")),
        "compose.yml:2", OPTIONS,
    ),
    "a path of thousands of folders": TooMuch(
        _compose("services:\n  a:\n    image: a\n    volumes:\n      - /etc:/" + "a/" * 50_000), "compose.yml:5", LONG
    ),
    "a pod's options for each of its containers": TooMuch(
        {"pod.yml": f"{_POD}  securityContext: {{sysctls: {_list(['{name: net.a}'] * 400)}}}\n  containers:\n"
         + _lines(2000, lambda n: f"    - {{name: a{n}, image: a}}")},
        "pod.yml:15", ALL,
    ),
    "mounts of a manifest": TooMuch(
        {"pod.yml": f"{_POD}  containers:\n    - name: a\n      volumeMounts:\n"
         + _lines(4000, lambda n: f"        - {{name: v, mountPath: /{n}}}")},
        "pod.yml:5", OPTIONS,
    ),
    "a run command": TooMuch({"run.sh": "docker run \\\n" + _lines(4000, lambda n: f" -v /e:/{n} \\") + " img\n"},
                             "run.sh:502", OPTIONS),
    "a list in one word": TooMuch({"run.sh": "podman run --security-opt unmask=" + "[a" * 50_000 + " img\n"},
                                  "run.sh:1", LONG),
    # many files, and large ones
    "drop-ins": TooMuch(
        {"x.container": "[Container]\nImage=a\n"}
        | {f"x.container.d/{n:04}.conf": "[Container]\nAddCapability=CHOWN\n" for n in range(3000)},
        "x.container.d/0200.conf", FILES,
    ),
    "large drop-ins": TooMuch(
        {"x.container": "[Container]\nImage=a\n"}
        | {f"x.container.d/{n:04}.conf": "[Container]\n" + "Label=a=b\n" * 90_000 for n in range(5)},
        "x.container.d/0002.conf", "bytes",
    ),
    "volume units": TooMuch(
        {"x.container": "[Container]\nImage=a\n" + _lines(3000, lambda n: f"Volume=v{n}.volume:/{n}")},
        "x.container:203", FILES,
    ),
    "a pod again and again": TooMuch(
        {"x.container": "[Container]\nImage=a\n" + "Pod=p.pod\n" * 9000,
         "p.pod": "[Pod]\n" + _lines(90, lambda n: f"Volume=/a:/{n}")},
        "x.container:8", OPTIONS,
    ),
    "includes": TooMuch(_compose(f"include: {_list(f'{n}.yml' for n in range(900))}\nservices: {{a: {{image: a}}}}\n"),
                        "compose.yml:1", FILES),
    "a profile of thousands of rules": TooMuch(
        _compose("services:\n  a:\n    image: a\n    security_opt: ['seccomp=p.json']\n", p_json=_PROFILE),
        "compose.yml:4", "seccomp profile",
    ),
}  # fmt: skip
VARIABLES = {"A": "x" * 4096}
