"""Two examples or more of each command, for its --help. A test parses every one of them."""

from __future__ import annotations

EXAMPLES: dict[str, tuple[str, ...]] = {
    "report": (
        "stratascope report web",
        "stratascope report web --all",
        "stratascope report --format sarif --output found.sarif --fail-on critical",
    ),
    "list": (
        "stratascope list --sort name",
        "stratascope list --agents",
        "stratascope list --columns exposure,name,why",
    ),
    "diff": ("stratascope diff web web-old", "stratascope diff monday.json friday.json"),
    "reach": (
        "stratascope reach web",
        "stratascope reach web --try",
        "stratascope reach 4211 --fail-on ssh-keys,socket",
    ),
    "try": (
        "stratascope try web",
        "stratascope try web mount-file-system bpf --json",
        "stratascope try web --in-place",
        "stratascope try --self-check",
    ),
    "learn": ("stratascope learn", "stratascope learn seccomp"),
    "check": (
        "stratascope check compose.yaml",
        "stratascope check compose.yaml --diff",
        "stratascope check -- docker run --privileged alpine",
    ),
    "engines": ("stratascope engines", "stratascope engines --json"),
    "plan": ("stratascope plan web", "stratascope plan compose.yaml"),
    "harden": (
        "stratascope harden web --preset recommended --dry-run",
        "stratascope harden web --preset recommended --yes",
        "stratascope harden web --set memory=512m --set pids=200",
    ),
    "tighten": ("stratascope tighten web", "stratascope tighten db --exercise 'pg_isready -h localhost'"),
    "undo": ("stratascope undo web", "stratascope undo --project shop"),
    "exercise": ("stratascope exercise web 'curl -fsS localhost:8080'", "stratascope exercise db pg_isready --json"),
    "discard": ("stratascope discard web", "stratascope discard web --yes"),
    "recover": ("stratascope recover", "stratascope recover --engine docker"),
    "export": (
        "stratascope export web --as compose --preset recommended",
        "stratascope export web --as seccomp --preset recommended",
    ),
    "observe": ("stratascope observe web", "stratascope observe web --for 3600"),
    "needs": ("stratascope needs web", "stratascope needs web --json"),
    "denials": (
        "stratascope denials web --for 60",
        "stratascope denials web -- mount -t tmpfs none /mnt",
        "stratascope denials -- bwrap --ro-bind / / --unshare-all true",
    ),
    "history": ("stratascope history --all --since 1w", "stratascope history web --since 12h --json"),
    "desktop install": ("stratascope desktop install", "stratascope desktop install --background --notices"),
    "desktop remove": ("stratascope desktop remove", "stratascope desktop remove --background"),
    "background": ("stratascope background --status", "stratascope background"),
    "helper install": ("stratascope helper install --dry-run", "stratascope helper install"),
    "helper remove": ("stratascope helper remove --dry-run", "stratascope helper remove"),
    "completion": (
        "stratascope completion bash >> ~/.bash_completion",
        "stratascope completion fish > ~/.config/fish/completions/stratascope.fish",
    ),
}
