"""What is installed of what a runner needs."""

from importlib.metadata import PackageNotFoundError, version


def packages(*names: str) -> str:
    """The packages with their versions. Raises PackageNotFoundError."""
    return ", ".join(f"{name} {version(name)}" for name in names)


def missing(*names: str) -> str | None:
    """Which of the packages could not be installed on this machine, or None."""
    absent = [name for name in names if not _is_there(name)]
    return f"not installed: {', '.join(absent)}" if absent else None


def _is_there(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True
