"""What others wrote, on an operator's terminal: no control characters, and nothing that the terminal cannot show."""

import io
import sys


def harmless(text: str, *, lines: bool = False) -> str:
    """Without control characters: a sender's text must not steer the operator's terminal. `lines`: keep line ends."""
    return "".join(
        one if one.isprintable() or (lines and one == "\n") else one.encode("unicode_escape").decode() for one in text
    )


def show_everything() -> None:
    """Let a terminal without Unicode show `\\u2705` for what it has no letter for; else the command would end there."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
