"""Databases and a directory: PostgreSQL, MariaDB, OpenLDAP. Processes or threads, files of their own, logins."""

from __future__ import annotations

import socket

from machine.software.program import BrokenError, Data, Program, Service, expect
from machine.software.reach import connect, crowd, wait


def postgres(at: Service, query: str) -> str:
    """One query by the simple protocol as the user postgres; values one a line. Raises EOFError with the error."""
    with connect(at) as link:
        return _ask(link, query)


def _ask(link: socket.socket, query: str) -> str:
    options = b"user\0postgres\0database\0postgres\0\0"
    link.sendall((8 + len(options)).to_bytes(4, "big") + (196608).to_bytes(4, "big") + options)
    link.settimeout(30)
    stream = link.makefile("rb")
    found: list[str] = []
    asked = False
    while True:
        kind, size = stream.read(1), stream.read(4)
        if len(size) < 4:
            raise EOFError("it closed the connection")
        body = stream.read(int.from_bytes(size, "big") - 4)
        match kind:
            case b"Z" if asked:
                return "\n".join(found)
            case b"Z":
                text = query.encode() + b"\0"
                link.sendall(b"Q" + (4 + len(text)).to_bytes(4, "big") + text)
                asked = True
            case b"D":
                found.append(body[6:].decode())
            case b"E":
                raise EOFError(body.replace(b"\0", b" ").decode(errors="replace"))


def pg_rows(at: Service) -> None:
    postgres(at, "CREATE TABLE IF NOT EXISTS kept (k text)")
    postgres(at, "INSERT INTO kept VALUES ('kept')")
    expect(postgres(at, "SELECT k FROM kept LIMIT 1"), "kept", "a row")


def pg_checkpoint(at: Service) -> None:
    postgres(at, "CHECKPOINT")
    postgres(at, "SELECT pg_switch_wal()")


def pg_parallel(at: Service) -> None:
    """Workers that share memory, which they map anew."""
    postgres(at, "DROP TABLE IF EXISTS many")
    postgres(at, "CREATE TABLE many AS SELECT generate_series(1, 300000) AS n")
    postgres(at, "ANALYZE many")
    query = (
        "SET debug_parallel_query = on; SET parallel_setup_cost = 0; SET min_parallel_table_scan_size = 0; "
        "SET max_parallel_workers_per_gather = 2; SELECT sum(n) FROM many"
    )
    expect(postgres(at, query), str(300000 * 300001 // 2), "a sum by several workers")


def pg_sort_on_disk(at: Service) -> None:
    query = "SET work_mem = '64kB'; SELECT count(*) FROM (SELECT n FROM many ORDER BY md5(n::text)) AS sorted"
    expect(postgres(at, query), "300000", "a sort that takes files")


def pg_copy_out(at: Service) -> None:
    """The server writes a file of its own, and starts a program."""
    postgres(at, "COPY (SELECT 'kept') TO '/var/lib/postgresql/out.txt'")
    expect(at.says("cat", "/var/lib/postgresql/out.txt"), "kept", "a file by COPY")
    postgres(at, "COPY (SELECT 'kept') TO PROGRAM 'cat > /var/lib/postgresql/program.txt'")
    expect(at.says("cat", "/var/lib/postgresql/program.txt"), "kept", "a program by COPY")


def pg_socket(at: Service) -> None:
    """A client inside, by the socket below /var/run."""
    expect(at.says("psql", "-U", "postgres", "-Atc", "SELECT 1"), "1", "psql")


def pg_reload(at: Service) -> None:
    expect(postgres(at, "ALTER SYSTEM SET log_statement = 'none'"), "", "a setting")
    expect(postgres(at, "SELECT pg_reload_conf()"), "t", "a reload")


def pg_many(at: Service) -> None:
    crowd(at, 60, lambda link: _ask(link, "SELECT 1") == "1")


def pg_vacuum(at: Service) -> None:
    postgres(at, "DELETE FROM many WHERE n > 1000")
    postgres(at, "VACUUM FULL many")


def pg_restart(at: Service) -> None:
    at.rig.run("restart", "-t", "10", at.name)
    wait("a row after a restart", lambda: postgres(at, "SELECT k FROM kept LIMIT 1") == "kept", 30)


def _sql(at: Service, query: str, *options: str) -> str:
    """By the client of the image, as an ordinary user that logs in by password."""
    login = ("-h", "127.0.0.1", "-u", "app", "-psecret", "-N", "-B", *options)
    return at.does("mariadb", *login, "-e", query, "app", user="65534")


def sql_rows(at: Service) -> None:
    _sql(at, "CREATE TABLE IF NOT EXISTS kept (k INT) ENGINE=InnoDB; INSERT INTO kept VALUES (7)")
    expect(_sql(at, "SELECT k FROM kept LIMIT 1"), "7", "a row")


def sql_published(at: Service) -> None:
    """Its greeting at the published port."""
    with connect(at) as link:
        if b"MariaDB" not in (said := link.recv(200)):
            raise BrokenError(f"no greeting: {said[:100]!r}")


def sql_many(at: Service) -> None:
    crowd(at, 100, lambda link: b"MariaDB" in link.recv(200))


def sql_temporary(at: Service) -> None:
    """A sort and a table that take files in /tmp."""
    query = (
        "SET SESSION tmp_memory_table_size = 1024; SET SESSION sort_buffer_size = 32768; "
        "CREATE OR REPLACE TEMPORARY TABLE t ENGINE=Aria AS SELECT seq, MD5(seq) AS m FROM seq_1_to_60000; "
        "SELECT COUNT(*) FROM (SELECT m, COUNT(*) AS c FROM t GROUP BY m ORDER BY m DESC) AS x"
    )
    expect(_sql(at, query), "60000", "a table that takes files")


def sql_outfile(at: Service) -> None:
    at.shell("rm -f /var/lib/mysql/out.txt", user="0" if not at.rig.inspect(at.name)["Config"]["User"] else "")
    _sql(at, "SELECT 'kept' INTO OUTFILE '/var/lib/mysql/out.txt'")


def sql_alter(at: Service) -> None:
    """A table that is built anew: files are made, renamed, removed."""
    _sql(at, "ALTER TABLE kept ENGINE=Aria; OPTIMIZE TABLE kept; ALTER TABLE kept ENGINE=InnoDB")


def sql_flush(at: Service) -> None:
    """Rotation of its logs."""
    _sql(at, "SELECT SLEEP(0.1); FLUSH LOGS")
    expect(at.session("test", "-s", "/var/lib/mysql/slow.log")[0], 0, "the log of slow queries")


def sql_socket(at: Service) -> None:
    expect(at.says("mariadb", "-uapp", "-psecret", "-NBe", "SELECT 1", user="65534"), "1", "a client by the socket")


def sql_restart(at: Service) -> None:
    at.rig.run("restart", "-t", "10", at.name)
    wait("a row after a restart", lambda: _sql(at, "SELECT k FROM kept LIMIT 1") == "7", 30)


_PG_DATA = Data(
    lambda at, name: postgres(at, f"CREATE TABLE {name} AS SELECT 'kept' AS k; CHECKPOINT"),
    lambda at, name: postgres(at, f"SELECT k FROM {name}") == "kept",
)
_SQL_DATA = Data(
    lambda at, name: _sql(at, f"CREATE TABLE {name}_t ENGINE=InnoDB AS SELECT 'kept' AS k"),
    lambda at, name: _sql(at, f"SELECT k FROM {name}_t") == "kept",
)

_ADMIN = ("-x", "-H", "ldap://127.0.0.1", "-D", "cn=admin,dc=test", "-w", "secret")


def ldap_search(at: Service) -> None:
    found = at.does("ldapsearch", "-LLL", *_ADMIN, "-b", "dc=test", "(o=test)", "o")
    if "o: test" not in found:
        raise BrokenError(found[:200])


def ldap_published(at: Service) -> None:
    """An anonymous bind at the published port, in its bytes: success."""
    expect(ldap_bind(at), True, "an anonymous bind")


def _bind(link: socket.socket) -> bool:
    link.sendall(bytes.fromhex("300c020101600702010304008000"))
    return b"\x0a\x01\x00" in link.recv(64)


def ldap_bind(at: Service) -> bool:
    with connect(at) as link:
        return _bind(link)


def ldap_many(at: Service) -> None:
    crowd(at, 200, _bind)


def ldap_add(at: Service) -> None:
    person = "dn: cn=a,dc=test\nobjectClass: person\ncn: a\nsn: b\n"
    at.session("ldapdelete", *_ADMIN, "cn=a,dc=test")
    at.does("ldapadd", *_ADMIN, typed=person)
    at.does("ldappasswd", *_ADMIN, "-s", "new", "cn=a,dc=test")
    at.does("ldapwhoami", "-x", "-H", "ldap://127.0.0.1", "-D", "cn=a,dc=test", "-w", "new")


def _person(at: Service, name: str) -> None:
    at.does("ldapadd", *_ADMIN, typed=f"dn: cn={name},dc=test\nobjectClass: person\ncn: {name}\nsn: kept\n")


def _known(at: Service, name: str) -> bool:
    return "sn: kept" in at.says("ldapsearch", "-LLL", *_ADMIN, "-b", "dc=test", f"(cn={name})", "sn")


def ldap_backup(at: Service) -> None:
    """Read beside the server by another program, with its locks."""
    if "dc=test" not in (said := at.says("slapcat", "-f", "/etc/ldap/table.conf")):
        raise BrokenError(said[:200])


def ldap_socket(at: Service) -> None:
    """By the socket, where the kernel says who asks."""
    if "cn=peercred" not in (said := at.says("ldapwhoami", "-Q", "-Y", "EXTERNAL", "-H", "ldapi:///")):
        raise BrokenError(said[:200])


def ldap_restart(at: Service) -> None:
    at.rig.run("restart", "-t", "10", at.name)
    wait("a bind after a restart", lambda: ldap_bind(at))
    ldap_search(at)


# Podman gives root each tmpfs, whoever has the folder in the image: where it is another user's, none can be there
_ROOT_AS_IT_IS = ("read-only-root=", "tmpfs=")
_TIGHT = ("read-only-root=on", "capabilities=none")

PROGRAMS = (
    # root for a moment, with a folder of its own in the volume, and a healthcheck
    Program(
        "postgres", "data", 5432, ("postgres-entry",),
        (pg_rows, pg_checkpoint, pg_parallel, pg_sort_on_disk, pg_copy_out, pg_socket, pg_reload, pg_many, pg_vacuum,
         pg_restart),
        (*_TIGHT, "user=postgres", "tmpfs=/run/postgresql,/tmp", "pids=150"),
        volumes=("/var/lib/postgresql",), data=_PG_DATA, options=("-e", "PGDATA=/var/lib/postgresql/data"),
        health=("--health-cmd", "pg_isready -h 127.0.0.1 -U postgres", "--health-interval", "1s",
                "--health-retries", "10"),
        breaks=(("--pids-limit 20", "pg_many"),),
    ),
    # both again without a volume
    Program(
        "postgres-bare", "data", 5432, ("postgres-entry",),
        (pg_rows, pg_checkpoint, pg_parallel, pg_sort_on_disk, pg_copy_out, pg_socket, pg_many, pg_vacuum, pg_restart),
        ("capabilities=none", "user=postgres", "pids=150"), options=("-e", "PGDATA=/var/lib/postgresql/data"),
        data=_PG_DATA,
        breaks=(("--pids-limit 20", "pg_many"),),
    ),
    Program(
        "mariadb-bare", "data", 3306, ("mariadb-entry",),
        (sql_rows, sql_published, sql_many, sql_temporary, sql_outfile, sql_alter, sql_flush, sql_socket, sql_restart),
        ("capabilities=none", "user=mysql", "pids=200"), data=_SQL_DATA,
        breaks=(("--tmpfs /tmp:size=600k,mode=1777", "sql_temporary"),),
    ),
    Program(
        "mariadb", "data", 3306, ("mariadb-entry",),
        (sql_rows, sql_published, sql_many, sql_temporary, sql_outfile, sql_alter, sql_flush, sql_socket, sql_restart),
        (*_TIGHT, "user=mysql", "tmpfs=/run/mysqld,/tmp", "pids=200"),
        volumes=("/var/lib/mysql",), data=_SQL_DATA,
        hand_podman=_ROOT_AS_IT_IS,
        breaks=(("--tmpfs /tmp:size=600k,mode=1777", "sql_temporary"),),
    ),
    Program(
        "slapd", "data", 389, ("slapd-entry",),
        (ldap_search, ldap_published, ldap_many, ldap_add, ldap_backup, ldap_socket, ldap_restart),
        (*_TIGHT, "user=openldap", "tmpfs=/run/slapd", "pids=60"),
        volumes=("/var/lib/ldap",), data=Data(_person, _known),
        hand_podman=("capabilities=NET_BIND_SERVICE", *_ROOT_AS_IT_IS),
        breaks=(("--ulimit nofile=60:60", "ldap_many"),),
    ),
)  # fmt: skip
