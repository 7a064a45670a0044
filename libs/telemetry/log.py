"""Logs: one wide structured line per message or request, JSON on standard output (readable text in a terminal)."""

import logging
import sys
from collections.abc import Sequence

import structlog
from opentelemetry import trace
from structlog.typing import EventDict, Processor, WrappedLogger


def get_logger() -> structlog.stdlib.BoundLogger:
    """The logger of the calling module."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger()
    return logger


def configure_logs(service: str, level: str = "INFO") -> None:
    """Send all logs, those of libraries included, to standard output in one form."""
    shared: Sequence[Processor] = (
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _with_trace,
        structlog.processors.StackInfoRenderer(),
    )
    terminal = sys.stdout.isatty()
    render: Processor = structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer(default=str)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            *([] if terminal else [structlog.processors.format_exc_info]),
            render,
        ],
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.getLogger("aiokafka").setLevel("ERROR")  # it warns of every reconnect; our own lines tell of outages
    logging.getLogger("aiohttp.access").setLevel("WARNING")  # one wide line per request is written by libs.http.server
    structlog.contextvars.bind_contextvars(service=service)


def _with_trace(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = trace.format_trace_id(context.trace_id)
        event["span_id"] = trace.format_span_id(context.span_id)
    return event


def masked(secret: str) -> str:
    """A secret as it may be shown: the first 6 and the last 3 characters, and nothing of a short one."""
    return f"{secret[:6]}…{secret[-3:]}" if len(secret) >= 16 else "…"
