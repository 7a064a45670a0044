"""A child's guard: a small process that runs one command and stops it when whoever asked for it is gone.

    python -I -S guard.py --signal SIGTERM --grace 20 [--user UID --group GID] -- command…

The guard's standard input is a pipe that its owner holds open. The kernel closes it however the owner ends, SIGKILL
included, so its end means "stop the command": first with the signal, after the grace period (seconds) with SIGKILL.
An owner that wants to stop the command closes the pipe too: the orderly stop and the emergency take the same path.

The command's process id is written to standard output as one line; its output goes to the guard's standard error.
The guard exits as the command did (128 + n when signal n ended it). Standard library only: it starts in milliseconds.
"""

import argparse
import contextlib
import os
import select
import signal
import subprocess
import sys
import threading


def main() -> int:
    """Run the command of the command line; see the module's text."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--signal", default="SIGTERM")
    parser.add_argument("--grace", type=float, default=20.0)
    parser.add_argument("--user", type=int)
    parser.add_argument("--group", type=int)
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()

    wake_reader, wake_writer = os.pipe()

    def stop_requested(*_: object) -> None:
        os.write(wake_writer, b"s")

    signal.signal(signal.SIGTERM, stop_requested)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)

    child = subprocess.Popen(  # noqa: S603 - the owner's command
        arguments.command,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr.fileno(),
        stderr=sys.stderr.fileno(),
        start_new_session=True,
        user=arguments.user,
        group=arguments.group,
        extra_groups=None if arguments.user is None else [],
    )
    with contextlib.suppress(BrokenPipeError):  # an owner that has died already is noticed below
        os.write(sys.stdout.fileno(), f"{child.pid}\n".encode())

    def report_exit() -> None:
        child.wait()
        os.write(wake_writer, b"x")

    threading.Thread(target=report_exit, daemon=True).start()
    select.select(
        [sys.stdin.fileno(), wake_reader], [], []
    )  # the owner is gone, a stop is asked for, or the child ended
    if child.poll() is None:
        _stop(child, getattr(signal, arguments.signal), arguments.grace)
    code = child.wait()
    return code if code >= 0 else 128 - code


def _stop(child: "subprocess.Popen[bytes]", stop_signal: signal.Signals, grace: float) -> None:
    child.send_signal(stop_signal)
    for pid in (child.pid, *_children(child.pid)):  # a paused process handles nothing until it is resumed
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
    try:
        child.wait(timeout=grace)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)  # with whatever it has started itself


def _children(pid: int) -> list[int]:
    """The direct children of a process, where the kernel lists them (Linux)."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:  # noqa: PTH123 - pathlib is slow to import
            return [int(word) for word in file.read().split()]
    except OSError:
        return []


if __name__ == "__main__":
    sys.exit(main())
