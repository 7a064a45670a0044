"""The only main loop: settings, signals, start and stop in order, health, metrics. Every service is run by it."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, NoReturn, TypeVar

import uvloop
from aiohttp import web
from pydantic import ValidationError
from pydantic_settings import BaseSettings

from libs.http.server import Health, prepare_application
from libs.memory import settle_memory
from libs.telemetry.log import configure_logs, get_logger
from libs.telemetry.metrics import BUILD_INFO
from libs.telemetry.trace import configure_traces

log = get_logger()

Worker = Callable[[asyncio.Event], Coroutine[Any, Any, None]]
Listen = Callable[[web.AppRunner], AbstractAsyncContextManager[None]]
Config = TypeVar("Config", bound=BaseSettings)

STOP_GRACE_SECONDS = 20.0


@dataclass
class Service:
    """A built service: its HTTP API, what must answer before it is ready, and its long-running workers.

    Each `ready` check raises while its dependency does not answer. Each worker runs until the event is set; a worker
    that ends before that ends the service, because half a service is worse than one that is restarted. `listen` is for
    a service with a listener of its own in front of its application; it stops accepting when its context ends.
    """

    name: str
    host: str
    port: int
    http: web.Application
    ready: Mapping[str, Callable[[], Awaitable[None]]] = field(default_factory=dict)
    workers: Mapping[str, Worker] = field(default_factory=dict)
    listen: Listen | None = None


def run(build: Callable[[Config], AbstractAsyncContextManager[Service]], config: type[Config]) -> NoReturn:
    """Run a service until SIGTERM or SIGINT. Exit status: 0 stopped, 1 failed, 2 wrong settings."""
    name = build.__module__.rsplit(".", 2)[-2]
    configure_logs(name)
    try:
        settings = config()
    except ValidationError as error:
        sys.exit(_wrong_settings(name, config, error))
    sys.exit(uvloop.run(_serve(name, build, settings)))


def _wrong_settings(name: str, config: type[BaseSettings], error: ValidationError) -> str | int:
    prefix = config.model_config.get("env_prefix", "")
    for problem in error.errors(include_url=False, include_input=False):  # the input may be a secret
        name = "__".join(str(part) for part in problem["loc"]).upper()
        setting = name if name.startswith(prefix) else prefix + name  # an alias is told as it is
        print(f"{name}: the setting {setting} is wrong: {problem['msg']}", file=sys.stderr)
    print(f"{name}: not started. services/{name}/README.md lists the settings.", file=sys.stderr)
    return 2


async def _serve(name: str, build: Callable[[Config], AbstractAsyncContextManager[Service]], settings: Config) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    traces = configure_traces(name)
    BUILD_INFO.labels(name, version("sellstream")).set(1)
    try:
        async with AsyncExitStack() as stack:
            service = await _until_stopped(stack.enter_async_context(build(settings)), stop)
            if service is None:
                return 0
            health = await stack.enter_async_context(_listen(service))
            settle_memory()
            log.info("started", host=service.host, port=service.port)
            failed = await _work(service, stop)
            health.stopping = True
            log.info("stopped", failed=failed)
            return 1 if failed else 0
    except Exception:
        log.exception("failed")
        return 1
    finally:
        traces.shutdown()


async def _until_stopped(building: Awaitable[Service], stop: asyncio.Event) -> Service | None:
    """The built service, or None when the stop signal came first (a dependency may take long to answer)."""
    build = asyncio.ensure_future(building)
    stopped = asyncio.ensure_future(stop.wait())
    await asyncio.wait({build, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if build.done():
        return build.result()
    build.cancel()
    await asyncio.wait({build})
    return None


@asynccontextmanager
async def _listen(service: Service) -> AsyncIterator[Health]:
    health = Health(service.ready)
    prepare_application(service.http, service.name, health)
    runner = web.AppRunner(
        service.http,
        access_log=None,
        shutdown_timeout=5.0,
        keepalive_timeout=75.0,  # also for a connection that never completes its first request's headers
        lingering_time=2.0,  # for the rest of a body that was refused
    )
    await runner.setup()
    try:
        if service.listen is None:
            await web.TCPSite(runner, service.host, service.port).start()
            yield health
        else:
            async with service.listen(runner):
                yield health
    finally:
        await runner.cleanup()


async def _work(service: Service, stop: asyncio.Event) -> str | None:
    """Run the workers until the stop signal; return the name of a worker that ended too early."""
    tasks = {asyncio.create_task(worker(stop), name=name) for name, worker in service.workers.items()}
    stopped = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait({*tasks, stopped}, return_when=asyncio.FIRST_COMPLETED)
    failed = next((task for task in done if task is not stopped), None) if not stop.is_set() else None
    stop.set()
    stopped.cancel()
    _, late = await asyncio.wait(tasks, timeout=STOP_GRACE_SECONDS) if tasks else (set(), set())
    for task in late:
        log.error("worker did not stop in time", worker=task.get_name(), seconds=STOP_GRACE_SECONDS)
        task.cancel()
    for task, result in zip(tasks, await asyncio.gather(*tasks, return_exceptions=True), strict=True):
        if isinstance(result, Exception):
            log.error("worker failed", worker=task.get_name(), exc_info=result)
            failed = failed or task
    return failed.get_name() if failed else None
