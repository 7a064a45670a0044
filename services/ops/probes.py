"""Whether a service answers."""

import aiohttp

_TIMEOUT = aiohttp.ClientTimeout(total=3)


async def http_ready(port: int) -> str | None:
    """None when `http://127.0.0.1:<port>/readyz` answers 200, else what it answered or why it did not."""
    try:
        async with (
            aiohttp.ClientSession(timeout=_TIMEOUT) as session,
            session.get(f"http://127.0.0.1:{port}/readyz") as answer,
        ):
            return None if answer.status == 200 else f"/readyz answered {answer.status}: {(await answer.text())[:200]}"
    except (aiohttp.ClientError, TimeoutError) as error:
        return f"/readyz did not answer ({type(error).__name__})"
