"""What keeps values: Redis twice, memcached, beanstalkd. Forks that save, caches up to a limit, a log of jobs."""

from __future__ import annotations

from machine.software.program import BrokenError, Data, Program, Service, expect
from machine.software.reach import connect, crowd, line_of, wait


def redis(at: Service, *words: str) -> str:
    """One command by RESP; a simple or a bulk string as text, errors too."""
    with connect(at) as link:
        parts = "".join(f"${len(word.encode())}\r\n{word}\r\n" for word in words)
        link.sendall(f"*{len(words)}\r\n{parts}".encode())
        lines = link.makefile("rb")
        first = lines.readline().decode().rstrip("\r\n")
        if not first:
            raise EOFError("it closed the connection")
        if first.startswith("$") and first != "$-1":
            return lines.read(int(first[1:])).decode()
        return first[1:]


def redis_set(at: Service) -> None:
    expect(redis(at, "SET", "key", "kept"), "OK", "SET")
    expect(redis(at, "GET", "key"), "kept", "GET")


def redis_save(at: Service) -> None:
    expect(redis(at, "SAVE"), "OK", "SAVE")


def redis_background_save(at: Service) -> None:
    """A child writes and renames: what it says at once is only that it was started."""
    wait("a start of it", lambda: redis(at, "BGSAVE") == "Background saving started")
    wait("the end of it", lambda: "rdb_bgsave_in_progress:0" in redis(at, "INFO", "persistence"))
    if "rdb_last_bgsave_status:ok" not in (said := redis(at, "INFO", "persistence")):
        raise BrokenError(f"the save failed: {said}")


def redis_rewrite(at: Service) -> None:
    wait("a start of it", lambda: "started" in redis(at, "BGREWRITEAOF"))
    wait("the end of it", lambda: "aof_rewrite_in_progress:0" in redis(at, "INFO", "persistence"))
    if "aof_last_bgrewrite_status:ok" not in (said := redis(at, "INFO", "persistence")):
        raise BrokenError(f"the rewrite failed: {said}")


def redis_full(at: Service) -> None:
    """A cache up to its limit: 60 MB of values, of which the oldest go."""
    redis(at, "CONFIG", "SET", "maxmemory", "48mb")
    redis(at, "CONFIG", "SET", "maxmemory-policy", "volatile-lru")
    script = "for i = 1, 60 do redis.call('SET', 'big' .. i, string.rep('x', 1000000), 'EX', 900) end return 1"
    expect(redis(at, "EVAL", script, "0"), "1", "filling it")
    if "evicted_keys:0\r" in redis(at, "INFO", "stats"):
        raise BrokenError("nothing was given up")
    redis(at, "EVAL", "for i = 1, 60 do redis.call('DEL', 'big' .. i) end return 1", "0")
    redis(at, "CONFIG", "SET", "maxmemory", "0")


def redis_many(at: Service) -> None:
    def ping(link: object) -> bool:
        link.sendall(b"PING\r\n")  # type: ignore[attr-defined]
        return line_of(link) == "+PONG"  # type: ignore[arg-type]

    crowd(at, 300, ping)


def redis_restart(at: Service) -> None:
    """What was kept is there after a stop and a start of the container."""
    expect(redis(at, "SET", "over", "kept"), "OK", "SET")
    at.rig.run("restart", "-t", "10", at.name)
    wait("the value after a restart", lambda: redis(at, "GET", "over") == "kept")


def memcached(at: Service, text: bytes, lines: int = 1) -> list[str]:
    with connect(at) as link:
        link.sendall(text)
        return [line_of(link) for _ in range(lines)]


def memcached_set(at: Service) -> None:
    expect(memcached(at, b"set key 0 0 4\r\nkept\r\nget key\r\n", 3), ["STORED", "VALUE key 0 4", "kept"], "a value")


def memcached_full(at: Service) -> None:
    """90 MB into a cache of 64 MB: the oldest go, and it grows to its limit."""
    with connect(at) as link:
        for number in range(90):
            link.sendall(f"set big{number} 0 0 1000000\r\n".encode() + b"x" * 1_000_000 + b"\r\n")
            expect(line_of(link), "STORED", f"value {number}")
        link.sendall(b"stats\r\n")
        said = []
        while (line := line_of(link)) != "END":
            said.append(line)
    if "STAT evictions 0" in said:
        raise BrokenError("nothing was given up")
    memcached(at, b"flush_all\r\n")


def memcached_many(at: Service) -> None:
    def version(link: object) -> bool:
        link.sendall(b"version\r\n")  # type: ignore[attr-defined]
        return line_of(link).startswith("VERSION")  # type: ignore[arg-type]

    crowd(at, 500, version)


def memcached_user(at: Service) -> None:
    """It became an ordinary user, as it was told to."""
    expect(at.says("stat", "-c", "%U", "/proc/1"), "memcache", "its user")


def _beanstalk(at: Service, text: bytes, lines: int) -> list[str]:
    return memcached(at, text, lines)


def jobs(at: Service) -> None:
    found = _beanstalk(at, b"use t\r\nput 1 0 60 4\r\nwork\r\nwatch t\r\nreserve-with-timeout 2\r\n", 5)
    expect(found[1].split()[0], "INSERTED", "a job")
    expect(found[4], "work", "its text")


def jobs_kept(at: Service) -> None:
    """A job is there after a restart: from the log in the volume, which it locks."""
    expect(_beanstalk(at, b"use kept\r\nput 1 0 60 4\r\nkept\r\n", 2)[1].split()[0], "INSERTED", "a job")
    at.rig.run("restart", "-t", "10", at.name)
    ask = b"watch kept\r\nignore default\r\nreserve-with-timeout 1\r\n"
    wait("the job after a restart", lambda: _beanstalk(at, ask, 4)[3] == "kept")


def jobs_log_grows(at: Service) -> None:
    """4 MB of jobs: a new file of the log."""
    with connect(at) as link:
        for _ in range(80):
            link.sendall(b"put 1 0 60 60000\r\n" + b"x" * 60_000 + b"\r\n")
            expect(line_of(link).split()[0], "INSERTED", "a large job")
    expect(at.session("test", "-e", "/var/lib/beanstalkd/binlog.2")[0], 0, "a second file of the log")


def jobs_many(at: Service) -> None:
    def use(link: object) -> bool:
        link.sendall(b"use x\r\n")  # type: ignore[attr-defined]
        return line_of(link) == "USING x"  # type: ignore[arg-type]

    crowd(at, 300, use)


def _peeked(at: Service, name: str) -> bool:
    return _beanstalk(at, f"use {name}\r\npeek-ready\r\n".encode(), 2)[1].startswith("FOUND")


_REDIS_DATA = Data(lambda at, name: redis(at, "SET", name, "kept"), lambda at, name: redis(at, "GET", name) == "kept")
_REDIS = ("--bind", "0.0.0.0", "--protected-mode", "no", "--appendonly", "yes")
_REDIS_DEEP = (redis_set, redis_save, redis_background_save, redis_rewrite, redis_full, redis_many, redis_restart)
_TIGHT = ("read-only-root=on", "capabilities=none")

PROGRAMS = (
    # root for a moment: gives the data to redis, then becomes redis
    Program(
        "redis", "data", 6379, ("redis-entry", *_REDIS), _REDIS_DEEP,
        (*_TIGHT, "user=redis", "pids=30"),
        volumes=("/data",), options=("-w", "/data"), data=_REDIS_DATA,
        breaks=(
            ("--memory 40m --memory-swap 40m", "redis_full"),
            ("--ulimit nofile=100:100", "redis_many"),
            ("--cap-drop SETUID", "redis_set"),
        ),
    ),
    # root all the time, as images are that nobody thought about; its volume is the user's of the image already
    Program(
        "redis-root", "data", 6379, ("redis-server", *_REDIS), _REDIS_DEEP,
        (*_TIGHT, "user=redis", "pids=30"),
        volumes=("/data",), options=("-w", "/data"), data=_REDIS_DATA, hand_before="chown -R redis: /data",
    ),
    # the same without a volume, saved as Redis does by itself: what it keeps lies in the container alone
    Program(
        "redis-bare", "data", 6379, ("redis-server", *_REDIS[:4], "--dir", "/var/lib/redis"),
        (redis_set, redis_save, redis_background_save, redis_full, redis_many, redis_restart),
        ("capabilities=none", "user=redis", "pids=30"), data=_REDIS_DATA,
        hand_before="chown -R redis: /var/lib/redis",
        breaks=(("--ulimit nofile=100:100", "redis_many"),),
    ),
    Program(
        "memcached", "data", 11211, ("memcached", "-u", "memcache", "-m", "64", "-c", "1024", "-t", "2"),
        (memcached_set, memcached_full, memcached_many, memcached_user),
        (*_TIGHT, "user=memcache", "pids=20", "memory=160m"),
        breaks=(("--memory 40m --memory-swap 40m", "memcached_full"), ("--cap-drop SETUID", "memcached_set")),
    ),
    Program(
        "beanstalkd", "data", 11300,
        ("beanstalkd", "-u", "beanstalkd", "-b", "/var/lib/beanstalkd", "-s", "2000000"),
        (jobs, jobs_kept, jobs_log_grows, jobs_many),
        (*_TIGHT, "user=beanstalkd", "pids=10", "memory=64m"),
        volumes=("/var/lib/beanstalkd",),
        data=Data(lambda at, name: _beanstalk(at, f"use {name}\r\nput 1 0 60 4\r\nkept\r\n".encode(), 2), _peeked),
        breaks=(("--ulimit nofile=100:100", "jobs_many"),),
    ),
)  # fmt: skip
