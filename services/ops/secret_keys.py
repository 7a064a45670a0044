"""Where this installation's keys are: named by the environment, else in the state folder's own file."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from libs.secrets.keys import new_key
from libs.secrets.settings import KEYS, KEYS_FILE, vault_from
from libs.secrets.vault import Vault
from libs.stack.folders import ensure_writable


def key_environment(environ: Mapping[str, str], state_dir: Path, *, own: bool) -> dict[str, str]:
    """The settings that services need beyond `environ`: the state folder's key file, unless a key is named there.

    `own`: the data is our own (the embedded stack's, or made up by the sandbox), so a key may be made up beside it.
    With somebody's own database it is his to keep: nothing is added, and a service without a key says so.
    """
    if environ.get(KEYS) or environ.get(KEYS_FILE) or not own:
        return {}
    return {KEYS_FILE: str(key_file(state_dir))}


def key_file(state_dir: Path) -> Path:
    """The state folder's own keys."""
    return state_dir / "secrets.keys"


def make_key_file(environ: Mapping[str, str]) -> Path | None:
    """Make the key file that the environment names, if it is not there; its path if it was made. Never replaces one."""
    if environ.get(KEYS) or not (named := environ.get(KEYS_FILE)):
        return None
    path = Path(named)
    if path.exists():
        return None
    ensure_writable(path.parent, mend=f"Let {KEYS_FILE} name a file in a folder that this user may write.")
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # readable by its owner only
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"# sellstream's keys: the first seals, the others only open. Keep a copy.\n{new_key()}\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(temporary)  # unlike a rename, it never replaces the file of somebody who was faster
        except FileExistsError:
            return None
    finally:
        Path(temporary).unlink()
    return path


def vault_of(environ: Mapping[str, str], state_dir: Path) -> Vault:
    """The vault that commands use. Raises SecretsError."""
    named, own = environ.get(KEYS_FILE), key_file(state_dir)
    file = Path(named) if named else own if own.exists() else None
    return vault_from(environ.get(KEYS), file)
