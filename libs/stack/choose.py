"""Which of the three stacks to use, when the answer is "whichever there is"."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from libs.stack.containers import container_engine_answers, container_stack
from libs.stack.embedded import embedded_stack
from libs.stack.endpoints import Endpoints, external_endpoints
from libs.stack.errors import StackError


@asynccontextmanager
async def choose_stack(
    environ: Mapping[str, str],
    state_dir: Path,
    *,
    durable: bool = True,
    on_progress: Callable[[str], None] = lambda _: None,
) -> AsyncIterator[Endpoints]:
    """External if the environment names it, else containers if an engine answers, else embedded in `state_dir`.

    `SELLSTREAM_STACK=containers|embedded` settles the choice between the last two. `durable=False` is for embedded
    data that need not outlive a power cut. Raises StackError.
    """
    wanted = environ.get("SELLSTREAM_STACK", "")
    if wanted not in ("", "containers", "embedded"):
        raise StackError(f"SELLSTREAM_STACK is {wanted!r}. Set it to containers or embedded, or leave it out.")
    if external := external_endpoints(environ):
        yield external
    elif wanted == "containers" or (not wanted and await asyncio.to_thread(container_engine_answers)):
        async with container_stack(on_progress=on_progress) as endpoints:
            yield endpoints
    else:
        async with embedded_stack(state_dir, durable=durable, on_progress=on_progress) as endpoints:
            yield endpoints
