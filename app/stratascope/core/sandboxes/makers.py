"""Who makes sandboxes: a row a maker. A new one is one row.

A maker is known by the executable of a process that stands outside of the sandbox: next to it, or for those who have
others do it (`uses`) any ancestor. The kernel says which file that is; what is in its control group is the next best.
What a sandbox says of itself (files in its root directory, variables, arguments) only tells apart what the same tool
was used for.
"""

from __future__ import annotations

import re
from functools import cache

from stratascope.core.sandbox import Group
from stratascope.value import Value


class Maker(Value):
    """One of them. Patterns are regular expressions; a group `name` in one is the sandbox's name."""

    id: str
    title: str  # a proper name, the same in all languages; empty: nobody's
    group: Group
    programs: tuple[str, ...] = ()  # names of executables outside
    scripts: tuple[str, ...] = ()  # patterns of paths that an interpreter outside runs
    cgroups: tuple[str, ...] = ()  # patterns of control groups
    uses: tuple[str, ...] = ()  # makers that it has do it
    # Its own words, of which one is needed where there are any; `below`: and that an ancestor is one of these programs
    files: tuple[str, ...] = ()
    mounts: tuple[str, ...] = ()  # patterns of what lies at /usr; with `files`
    environment: tuple[str, ...] = ()
    below: tuple[str, ...] = ()
    # Programs that are part of it wherever they run; `stages`: inside, on the way to what it runs
    helpers: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    helping: str = ""  # a pattern of the first argument, of processes with its own executable
    itself: str = ""  # a pattern of the arguments of a program that confines processes of its own executable
    machine: bool = False  # what runs in it is its own business: services in it are nested
    folded: bool = False  # shown only where everything is
    alone: bool = False  # it runs commands without a sandbox, too


TOOLS = ("bubblewrap", "unshare", "none", "itself")  # what others use
INTERPRETERS = (
    "node",
    "nodejs",
    "bun",
    "deno",
    *("python", "python3", *(f"python3.{minor}" for minor in range(9, 20))),
)
EDITORS = ("code", "codium", "code-insiders", "cursor", "windsurf", "zed", "zed-editor", "idea", "pycharm", "warp")
_SANDBOX_RUNTIME = ("bash", "dash", "sh", "zsh", "socat", "socat1", "bwrap", "apply-seccomp")

MAKERS: tuple[Maker, ...] = (
    # Agents
    Maker(
        "codex",
        "OpenAI Codex",
        Group.AGENTS,
        programs=("codex", "codex-linux-sandbox"),
        scripts=(r"/@openai/codex/",),
        uses=TOOLS,
        stages=("codex", "codex-linux-sandbox", "bwrap"),
        alone=True,
    ),
    Maker(
        "claude-code",
        "Claude Code",
        Group.AGENTS,
        programs=("claude",),
        scripts=(r"/@anthropic-ai/claude-code/", r"/claude/versions/"),
        uses=TOOLS,
        helpers=("socat", "socat1"),
        alone=True,
        stages=_SANDBOX_RUNTIME,
    ),
    Maker(
        "sandbox-runtime",
        "sandbox-runtime",
        Group.AGENTS,
        scripts=(r"/@anthropic-ai/sandbox-runtime/", r"(^|/)srt$"),
        environment=("SANDBOX_RUNTIME",),
        below=INTERPRETERS,
        uses=TOOLS,
        helpers=("socat", "socat1"),
        stages=_SANDBOX_RUNTIME,
    ),
    Maker(
        "gemini",
        "Gemini CLI",
        Group.AGENTS,
        scripts=(r"/@google/gemini-cli/", r"(^|/)gemini$"),
        uses=TOOLS,
        alone=True,
    ),
    Maker(
        "opencode",
        "opencode",
        Group.AGENTS,
        programs=("opencode",),
        scripts=(r"/opencode-ai/", r"(^|/)opencode$"),
        uses=TOOLS,
        alone=True,
    ),
    Maker("cursor", "Cursor", Group.AGENTS, programs=("cursor-agent", "cursorsandbox"), uses=TOOLS, alone=True),
    Maker("copilot", "GitHub Copilot CLI", Group.AGENTS, scripts=(r"/@github/copilot/",), uses=TOOLS, alone=True),
    Maker("goose", "goose", Group.AGENTS, programs=("goose", "goosed"), uses=TOOLS, alone=True),
    Maker("nono", "nono", Group.AGENTS, programs=("nono",), uses=TOOLS),
    Maker(
        "agent",
        "Agent",
        Group.AGENTS,
        environment=("AGENT", "AI_AGENT", "CLAUDECODE", "CODEX_SANDBOX", "CURSOR_AGENT", "GEMINI_CLI", "OPENCODE"),
        below=EDITORS,
        uses=("bubblewrap",),
    ),
    # Applications
    Maker(
        "flatpak",
        "Flatpak",
        Group.APPLICATIONS,
        cgroups=(r"/app-flatpak-(?P<name>.+)-[0-9]+\.scope",),
        files=(".flatpak-info",),
        mounts=(r"/runtime/[^/]+/[^/]+/[^/]+/[^/]+/files$",),
        uses=("bubblewrap",),
        helpers=("xdg-dbus-proxy", "bwrap"),
    ),
    Maker(
        "snap",
        "Snap",
        Group.APPLICATIONS,
        cgroups=(r"/snap\.(?P<name>[^/]+?)[.-][0-9a-f-]{36}\.scope", r"/snap\.(?P<name>[^/]+)\.service"),
        uses=TOOLS,
    ),
    Maker("steam", "Steam", Group.APPLICATIONS, programs=("steam", "pressure-vessel-wrap"), uses=TOOLS),
    Maker("firejail", "Firejail", Group.APPLICATIONS, programs=("firejail",), helpers=("fnet", "fseccomp", "fcopy")),
    Maker(
        "chromium",
        "Chromium",
        Group.APPLICATIONS,
        itself=r"\s--type=",
        helpers=("chrome_crashpad_handler", "chrome-sandbox", "nacl_helper"),
    ),
    Maker("firefox", "Firefox", Group.APPLICATIONS, itself=r"\s-contentproc(\s|$)", helpers=("crashhelper",)),
    # Machines
    Maker(
        "nspawn",
        "systemd-nspawn",
        Group.MACHINES,
        programs=("systemd-nspawn",),
        cgroups=(r"/systemd-nspawn@(?P<name>[^/]+)\.service",),
        machine=True,
    ),
    Maker("incus", "Incus", Group.MACHINES, programs=("incusd", "lxd"), machine=True),
    Maker(
        "lxc",
        "LXC",
        Group.MACHINES,
        programs=("lxc-start", "lxc-execute"),
        cgroups=(r"/lxc\.payload\.(?P<name>[^/]+)",),
        machine=True,
    ),
    # containerd's tasks
    Maker(
        "containerd",
        "containerd",
        Group.TASKS,
        programs=("containerd-shim-runc-v2", "containerd-shim", "containerd-shim-runc-v1"),
        cgroups=(r"/cri-containerd-(?P<name>[0-9a-f]{12})[0-9a-f]*\.scope", r"[/:]nerdctl[:-](?P<name>[0-9a-f]{12})"),
        machine=True,
    ),
    Maker(
        "cri-o",
        "CRI-O",
        Group.TASKS,
        cgroups=(r"/crio-(?P<name>[0-9a-f]{12})[0-9a-f]*\.scope",),
        machine=True,
    ),
    Maker("gvisor", "gVisor", Group.OTHER, programs=("runsc",), helping=r"^(runsc-gofer|runsc)$"),
    # Other
    Maker("bubblewrap", "bubblewrap", Group.OTHER, programs=("bwrap", "srt-bwrap", "flatpak-bwrap")),
    Maker("unshare", "unshare", Group.OTHER, programs=("unshare",)),
    Maker("nsjail", "nsjail", Group.OTHER, programs=("nsjail",)),
    Maker("minijail", "minijail", Group.OTHER, programs=("minijail0",)),
    Maker("apptainer", "Apptainer", Group.OTHER, programs=("starter", "starter-suid", "apptainer", "singularity")),
    Maker("crun", "crun", Group.OTHER, programs=("crun",), machine=True),
    Maker("runc", "runc", Group.OTHER, programs=("runc",), machine=True),
    Maker("buildah", "Buildah", Group.OTHER, programs=("buildah", "buildkitd"), machine=True),
    Maker(
        "rootlesskit",
        "rootlesskit",
        Group.OTHER,
        programs=("rootlesskit",),
        helpers=("slirp4netns", "pasta", "pasta.avx2", "vpnkit", "lxc-user-nic", "rootlesskit-docker-proxy"),
    ),
    # Services
    Maker(
        "systemd",
        "systemd",
        Group.SERVICES,
        cgroups=(r"/(?P<name>[^/]+\.service)(/|$)",),
        machine=True,
        folded=True,
    ),
    Maker(
        "engine",
        "Container engine",
        Group.SERVICES,
        helpers=(
            *("dockerd", "containerd", "containerd-shim-runc-v2", "docker-proxy", "rootlesskit", "rootlessport"),
            *("podman", "catatonit", "conmon", "netavark", "aardvark-dns", "slirp4netns", "pasta", "pasta.avx2"),
            *("passt", "fuse-overlayfs", "buildkitd", "runc", "crun", "docker-init", "newuidmap", "newgidmap"),
        ),
        folded=True,
    ),
    Maker("itself", "", Group.OTHER),  # a program that confined a part of itself
    Maker("none", "", Group.OTHER),
)


@cache
def maker(name: str) -> Maker:
    """The row with this id."""
    return next(each for each in MAKERS if each.id == name)


@cache
def by_program(program: str) -> Maker | None:
    """Whose executable this is."""
    return next((each for each in MAKERS if program in each.programs), None)


@cache
def pattern(text: str) -> re.Pattern[str]:
    """Compiled once."""
    return re.compile(text)
