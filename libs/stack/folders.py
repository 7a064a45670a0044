"""Where a stack keeps its data between runs, and where downloads are kept between projects."""

import hashlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from libs.stack.errors import StackError

_PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class CacheFolder:
    """A folder for downloads; `note` says why it is not the usual one, if it is not."""

    path: Path
    note: str | None = None


def state_folder(environ: Mapping[str, str]) -> Path:
    """`SELLSTREAM_STATE_DIR`, else `.state` in the project's checkout, else `.state` in the current folder."""
    if configured := environ.get("SELLSTREAM_STATE_DIR"):
        return Path(configured).expanduser().absolute()
    root = _PROJECT if (_PROJECT / "pyproject.toml").is_file() else Path.cwd()
    return root / ".state"


def cache_folder(environ: Mapping[str, str], state_dir: Path) -> CacheFolder:
    """`SELLSTREAM_CACHE_DIR`, else `~/.cache/sellstream`, else (no home, or not writable) `cache` in the state folder.

    Raises StackError when the folder that was asked for by name cannot be written.
    """
    if configured := environ.get("SELLSTREAM_CACHE_DIR"):
        path = Path(configured).expanduser().absolute()
        ensure_writable(path, mend="Set SELLSTREAM_CACHE_DIR to a folder that this user may write.")
        return CacheFolder(path)
    home = environ.get("HOME")
    if home:
        usual = Path(home) / ".cache" / "sellstream"
        try:
            ensure_writable(usual, mend="")
        except StackError:
            reason = f"{usual} is not writable"
        else:
            return CacheFolder(usual)
    else:
        reason = "HOME is not set"
    path = state_dir / "cache"
    ensure_writable(path, mend="Set SELLSTREAM_CACHE_DIR to a folder that this user may write.")
    return CacheFolder(path, note=f"{reason}: downloads are kept in {path}.")


def ensure_writable(folder: Path, *, mend: str) -> None:
    """Create `folder` and prove that a file can be made in it, or raise StackError ending with `mend`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise StackError(f"The folder {folder} cannot be written: {error.strerror}. {mend}".rstrip()) from error


def read_kept(path: Path) -> str | None:
    """The text of a file of the state folder, or None when there is none. Raises StackError when it may not be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError as error:
        raise StackError(
            f"{path} may not be read by this user: the state folder belongs to another one. "
            "Work as that user, or set SELLSTREAM_STATE_DIR to a folder of your own."
        ) from error


def write_private(path: Path, content: str) -> None:
    """Replace a file in one step, readable by its owner only: nobody ever sees a half-written or an open one."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:  # mkstemp makes it with mode 0600
            file.write(content)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def folder_digest(folder: Path) -> str:
    """A short name for a folder, for things of it that must live elsewhere."""
    return hashlib.sha256(os.fsencode(folder.absolute())).hexdigest()[:12]
