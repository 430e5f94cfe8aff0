"""Texts made to keep a reader busy, by name: the file and what is in it."""

from __future__ import annotations

from collections.abc import Callable

_D = "devcontainer.json"
_C = "services:\n  a:\n    image: a\n"


def _lines(count: int, line: Callable[[int], str]) -> str:
    return "".join(f"{line(number)}\n" for number in range(count))


def _many(count: int, word: Callable[[int], str]) -> str:
    return " ".join(map(word, range(count)))


QUICK = {
    "brackets": ("c.yml", f"{_C}    x: {'[' * 400_000}"),
    "brackets closed": ("c.yml", f"{_C}    x: {'[' * 200_000}{']' * 200_000}"),
    "braces": ("c.yml", f"{_C}    x: {'{a: ' * 150_000}{'}' * 150_000}"),
    "dashes": ("c.yml", "services:\n" + "- " * 200_000 + "a"),
    "question marks": ("c.yml", "? " * 200_000 + "a"),
    "json": ("c.json", '{"services":{"a":{"image":"a","x":' + "[" * 300_000 + "]" * 300_000 + "}}}"),
    "a manifest as json": ("c.json", '{"kind":"Pod","spec":' + '{"a":' * 80_000 + "1" + "}" * 80_000 + "}"),
    "lists of lists": ("c.yml", "".join("  " * n + "- kind: List\n" + "  " * n + "  items:\n" for n in range(300))),
    "an anchor in itself": ("c.yml", "services: &s\n  a: {image: a, labels: *s}\n"),
    "a merge of itself": ("c.yml", "services:\n  a: &s\n    image: a\n    <<: *s\n"),
    "a merge for each": (
        "c.yml",
        f"x: &x {{{', '.join(f'k{n}: 1' for n in range(5000))}}}\nservices:\n"
        + _lines(4000, lambda n: f"  s{n}: {{<<: *x, image: a}}"),
    ),
    "a chain of merges": (
        "c.yml",
        "x0: &m0 {a: b}\n"
        + _lines(3000, lambda n: f"x{n + 1}: &m{n + 1} {{<<: *m{n}, k{n}: 1}}")
        + "services: {a: {<<: *m3000, image: a}}\n",
    ),
    "json, lines": (_D, '{"image":"a","capAdd":[' + ("\n" * 2000 + '"A",') * 450 + "]}"),
    "json, comments": (_D, "/*" * 100_000 + "*/" + '{"image":"a" /*' + "*/ /*" * 100_000),
    "json, variables": (_D, '{"image":"a","mounts":[' + '"source=${localEnv:X},target=/a",' * 20_000 + "]}"),
    "json, features": (_D, '{"image":"a","features":{' + ",".join(f'"./f{n}":{{}}' for n in range(50_000)) + "}}"),
    "json, files": (
        _D,
        '{"service":"a","dockerComposeFile":[' + ",".join(f'"c{n}.yml"' for n in range(50_000)) + "]}",
    ),
    "json, keys": (_D, '{"image":"a",' + ",".join(f'"k{n}":1' for n in range(60_000)) + "}"),
    "a number": ("c.yml", f"{_C}    mem_limit: {'9' * 900_000}\n"),
    "a hexadecimal number": ("c.yml", f"{_C}    mem_limit: 0x{'f' * 900_000}\n"),
    "a number of sixties": ("c.yml", f"{_C}    pids_limit: 1{':59' * 300_000}\n"),
    "exponents": ("c.yml", f"{_C}    cpus: 1e999999999\n    pids_limit: 1e99999999\n    mem_limit: .inf\n"),
    "a json number": ("c.json", '{"services":{"a":{"image":"a","pids_limit":' + "9" * 900_000 + "}}}"),
    "a time": ("c.yml", f"{_C}    x: 2001-12-14t21:59:43.{'1' * 900_000}-05:00\n"),
    "escapes": ("c.yml", f'{_C}    x: "' + "\\x41" * 200_000 + '"\n'),
    "a tag": ("c.yml", f"{_C}    x: !{'a' * 900_000} b\n"),
    "a tag of python": ("c.yml", f"{_C}    x: !!python/object/apply:os.system ['false']\n"),
    "directives": ("c.yml", "%TAG ! tag:a,2000:\n" * 40_000 + f"---\n{_C}"),
    "keys again": ("c.yml", "services:\n" + _lines(60_000, lambda _: "  a: {image: a}")),
    "ranges of ports": ("c.yml", f"{_C}    ports:\n" + _lines(400, lambda _: "      - '1-65535:1-65535'")),
    "replicas": ("c.yml", f"{_C}    scale: 1000000000\n    deploy: {{replicas: 1000000000}}\n"),
    "variables in variables": ("c.yml", f"{_C}    user: '{'${A:-' * 100_000}{'}' * 100_000}'\n"),
    "dollars": ("c.yml", f"{_C}    user: '{'$' * 900_000}'\n"),
    "words": ("c.sh", "docker run " + "'a' " * 200_000),
    "an open quote": ("c.sh", "docker run '" + "a\n" * 400_000),
    "commands": ("c.sh", "docker run a\n" * 70_000),
    "letters": ("c.sh", f"docker run -{'it' * 400_000} a\n"),
    "quotes of a mount": ("c.sh", "docker run --mount '" + 'type=bind,"' * 60_000 + "' a\n"),
    "patterns": ("c.sh", f"podman run {_many(450, lambda _: '--security-opt unmask=/' + '*a' * 200)} a\n"),
    "maps": ("c.sh", f"podman run {_many(490, lambda n: f'--uidmap {n}:{n}:1')} a\n"),
    "capabilities of a unit": ("c.container", f"[Container]\nImage=a\nAddCapability={'CHOWN ' * 150_000}\n"),
    "continued": ("c.container", "[Container]\nImage=a\nExec=" + "a \\\n" * 200_000),
    "a pod of itself": ("c.pod", "[Pod]\nPodName=x\n[Container]\nImage=a\nPod=c.pod\n"),
    "a volume of itself": ("c.container", "[Container]\nImage=a\nVolume=c.volume:/x\n"),
    "manifests of itself": ("c.kube", "[Kube]\n" + "Yaml=c.kube\n" * 300),
}
SLOW = {
    "comments": ("c.yml", "# x\n" * 250_000 + _C),
    "documents": ("c.yml", "---\n" * 250_000 + _C),
    "pairs": ("c.yml", f"{_C}    labels: [{'a: b, ' * 80_000}]\n"),
    "backslashes": ("c.sh", "docker run " + "\\\n" * 400_000 + " a\n"),
    "backticks": ("c.sh", "docker run " + "`" * 900_000),
    "folders in folders": ("c.sh", f"docker run {_many(299, lambda n: '-v /:' + '/a' * (n + 1))} a\n"),
    "the root again": ("c.sh", f"docker run {_many(490, lambda n: f'-v /:/a{n}')} a\n"),
    "devices again": ("c.sh", f"docker run --privileged {_many(490, lambda n: f'-v /dev:/a{n}')} a\n"),
    "a chain of namespaces": (
        "c.yml",
        "services:\n"
        + _lines(500, lambda n: f"  s{n}: {{image: a, pid: 'service:s{n + 1}', ipc: 'service:s{n + 1}'}}"),
    ),
    "containers that are not there": (
        "c.yml",
        "services:\n" + _lines(500, lambda n: f"  s{n}: {{image: a, pid: 'container:x{n}', ipc: 'container:y{n}'}}"),
    ),
    "empty keys": ("c.container", "[Container]\nImage=a\n" + "X=\n" * 300_000),
}
# What --fix would have to correct: a container for each, or all of it in one
CORRECTED = {
    "containers": (
        "c.yml",
        "services:\n" + _lines(300, lambda n: f"  s{n}: {{image: a, privileged: true, pid: host}}"),
    ),
    "mounts": ("c.yml", f"{_C}    privileged: true\n    volumes:\n" + _lines(450, lambda n: f"      - /etc:/h{n}")),
}
