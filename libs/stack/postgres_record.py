"""What the state folder keeps about the embedded PostgreSQL."""

import json
import secrets
from dataclasses import asdict
from pathlib import Path

from libs.stack.errors import StackError
from libs.stack.folders import read_kept, write_private
from libs.stack.process import ProcessId

USER = DATABASE = "sellstream"


class PostgresRecord:
    """The files that tell a later start about this server: `password`, `port` and, while it runs, `running.json`."""

    def __init__(self, state_dir: Path) -> None:
        self.folder = state_dir / "postgres"

    def running(self) -> tuple[ProcessId, int] | None:
        text = read_kept(self.folder / "running.json")
        if text is None:
            return None
        kept = json.loads(text)
        identity = ProcessId(kept["pid"], kept["started_at"])
        return (identity, kept["port"]) if identity.is_alive() else None

    def write(self, identity: ProcessId, port: int) -> None:
        write_private(self.folder / "running.json", json.dumps({**asdict(identity), "port": port}))
        write_private(self.folder / "port", str(port))

    def clear(self) -> None:
        (self.folder / "running.json").unlink(missing_ok=True)

    def last_port(self) -> int | None:
        text = read_kept(self.folder / "port")
        return None if text is None else int(text)

    def has_password(self) -> bool:
        return (self.folder / "password").exists()

    def password_or_new(self) -> str:
        path = self.folder / "password"
        if not self.has_password():
            write_private(path, secrets.token_urlsafe(24))
        return path.read_text(encoding="utf-8")

    def url(self, port: int, database: str = DATABASE) -> str:
        password = read_kept(self.folder / "password")
        if password is None:
            raise StackError(
                f"{self.folder / 'password'} is missing, so the embedded PostgreSQL cannot be entered. "
                f"Put it back, or (this deletes its data) stop the stack and remove {self.folder}."
            )
        return f"postgresql://{USER}:{password}@127.0.0.1:{port}/{database}"
