"""PostgreSQL without Docker: the machine's own, on a data folder of ours, for as long as it is needed.

Rules
- `initdb` and `postgres` are the newest that Debian's packages have installed, or else those on the PATH.
- It listens on 127.0.0.1 only, and its data is in a temporary folder.
- PostgreSQL does not run as root; there it runs as `postgres`, the user that Debian's package makes.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

from course.lab import LabError
from course.lab.guarded import HOST, Guarded, answers, find, forbid_taken, free_port

USER = "postgres"
_INSTALLED = Path("/usr/lib/postgresql")
_ADVICE = (
    "Install PostgreSQL (Debian: apt install postgresql). "
    "Or name one that runs already: --postgres CONNINFO; or use Docker: `course lab up --with docker`."
)
# A lab's data is gone with it, so it need not reach the disk; a killed client is noticed all the same.
_SETTINGS = {
    "fsync": "off",
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "50",
    "wal_level": "logical",
}


class Postgres(Guarded):
    """A running database server; `conninfo` is what psycopg connects with."""

    def __init__(self, port: int | None = None) -> None:
        initdb, postgres = _command("initdb"), _command("postgres")
        if port is not None:
            forbid_taken("PostgreSQL", port)
        self.port = port or free_port()
        self.conninfo = f"host={HOST} port={self.port} user={USER} dbname=postgres"
        folder = Path(tempfile.mkdtemp(prefix="course-postgres-"))
        data = folder / "data"
        as_user = _as_user(folder)
        _initialise([*as_user, initdb, "-D", str(data), "-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync"])
        settings = [f"-c{name}={value}" for name, value in (_SETTINGS | {"port": str(self.port)}).items()]
        super().__init__("PostgreSQL", [*as_user, postgres, "-D", str(data), *settings], folder, {})
        self.await_ready(lambda: answers(self.port))


def _initialise(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    if done.returncode:
        raise LabError(f"PostgreSQL cannot make its data folder. {done.stderr.strip()}")


def _command(name: str) -> str:
    versions = sorted(_INSTALLED.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    return str(versions[-1]) if versions else find(name, _ADVICE)


def _as_user(folder: Path) -> list[str]:
    """What makes a command run as somebody else than root, who then owns the folder."""
    if os.geteuid() != 0:
        return []
    try:
        pwd.getpwnam(USER)
    except KeyError:
        raise LabError(f"PostgreSQL does not run as root, and there is no user `{USER}`. {_ADVICE}") from None
    shutil.chown(folder, USER, USER)
    return [find("setpriv", "It is in util-linux."), f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
