"""Stores to share: a file, and a PostgreSQL server of the test's own."""

import glob
import itertools
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
_NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def postgres():
    """The URL of an empty server without its schema, as in f"{postgres}#one"."""
    pytest.importorskip("psycopg")
    home = shutil.which("initdb") and os.path.dirname(os.path.realpath(shutil.which("initdb")))
    homes = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
    if not homes and not home:
        pytest.skip("PostgreSQL's server programs (initdb, pg_ctl) are not installed: apt-get install postgresql")
    root = Path(tempfile.mkdtemp(prefix="gossamer-pg-"))
    try:
        yield from _served(Path(homes[-1] if homes else home), root)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _served(programs, root):
    # The server refuses to run as root.
    user = _other_user() if os.getuid() == 0 else None
    data = root / "data"
    data.mkdir()
    if user:
        root.chmod(0o755)
        shutil.chown(data, user)

    def run(*command):
        done = subprocess.run(command, user=user, cwd="/", capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr + done.stdout

    run(programs / "initdb", "-D", data, "-A", "trust", "-U", "gossamer", "--no-sync", "-E", "UTF8", "--locale=C")
    options = f"-k {data} -c listen_addresses='' -c fsync=off"
    run(programs / "pg_ctl", "-D", data, "-w", "-l", data / "log", "-o", options, "start")
    try:
        yield f"postgresql://gossamer@/postgres?host={data}"
    finally:
        run(programs / "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")


def _other_user():
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    pytest.skip("PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody")


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request, tmp_path):
    """A store that is not there yet, of either kind."""
    if request.param == "sqlite":
        return str(tmp_path / "store.sqlite")
    return f"{request.getfixturevalue('postgres')}#search-{next(_NUMBERS)}"
