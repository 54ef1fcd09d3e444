"""A PostgreSQL server of the tests' own."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration.airflow.processes import Processes, free_port, wait_for

USER = "monitoring"


@dataclass(frozen=True)
class Postgres:
    """Where the server is."""

    host: str
    port: int
    user: str
    password: str

    def connect(self, database: str = "postgres") -> Any:
        """A connection that commits each statement."""
        import psycopg2

        connection = psycopg2.connect(
            host=self.host, port=self.port, user=self.user, password=self.password, dbname=database
        )
        connection.autocommit = True
        return connection

    def query(self, database: str, statement: str, *parameters: Any) -> list[dict[str, Any]]:
        """Rows of a statement, by the names of their columns."""
        connection = self.connect(database)
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement, parameters)
                names = [column.name for column in cursor.description or ()]
                return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        finally:
            connection.close()

    def create(self, database: str) -> None:
        """Create a database."""
        connection = self.connect()
        with connection.cursor() as cursor:
            cursor.execute(f'CREATE DATABASE "{database}"')
        connection.close()

    def url(self, database: str, scheme: str = "postgresql+psycopg2") -> str:
        """SQLAlchemy's URL of a database."""
        return f"{scheme}://{self.user}:{self.password}@{self.host}:{self.port}/{database}"

    def dagster_storage(self, database: str) -> dict[str, Any]:
        """The ``storage`` of a ``dagster.yaml``."""
        where = {"hostname": self.host, "port": self.port, "db_name": database}
        credentials = {"username": self.user, "password": self.password}
        # Plain postgresql:// is psycopg 3 to SQLAlchemy 2.1, and dagster-postgres has psycopg 2.
        scheme = {"scheme": "postgresql+psycopg2"}
        return {"postgres": {"postgres_db": {**where, **credentials, **scheme}}}


@contextmanager
def postgres_server() -> Iterator[Postgres]:
    """Run a server on the loopback address until the end; a failure says what to install."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name)
    )
    on_path = shutil.which("initdb")
    if not found and on_path is None:
        pytest.fail(
            "no PostgreSQL server: install it (Debian, Ubuntu: `apt-get install postgresql`)"
        )
    programs = found[-1] if found else Path(str(on_path)).parent
    # The server refuses to run as root, and another user cannot enter pytest's folders.
    owner: dict[str, Any] = {}
    if os.geteuid() == 0:
        owner = {"user": "nobody", "group": "nogroup", "extra_groups": []}  # codespell:ignore
    folder = Path(tempfile.mkdtemp(prefix="monitoring-postgres-"))
    try:
        password = secrets.token_hex(16)
        given = folder / "password"
        given.write_text(password)
        if owner:
            for path in (folder, given):
                shutil.chown(path, owner["user"], owner["group"])
        data = folder / "data"
        cluster = ["-D", data, "-U", USER, "-A", "scram-sha-256", "--pwfile", given]
        subprocess.run(
            [programs / "initdb", *cluster, "-E", "UTF8", "--locale", "C.UTF-8", "--no-sync"],
            check=True,
            capture_output=True,
            cwd="/",
            **owner,
        )
        server = Postgres("127.0.0.1", free_port(), USER, password)
        # What is lost with a crash of the machine is not missed.
        options = {"listen_addresses": server.host, "port": server.port, "fsync": "off"}
        options |= {"unix_socket_directories": "", "max_connections": 200}
        command = [programs / "postgres", "-D", data]
        command += [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with Processes(folder / "logs") as processes:
            processes.start("postgres", command, os.environ, cwd="/", **owner)

            def answers() -> bool:
                import psycopg2

                processes.check()
                try:
                    server.connect().close()
                except psycopg2.OperationalError:
                    return False
                return True

            wait_for(answers, 60)
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)
