"""`sellstream topics list | apply | replay`: the system map, the topics at the broker, and records once more."""

import asyncio
import json
import logging
from typing import Annotated, Any

import typer

from libs.bus.topics import TopicsNotApplied, apply_topics
from libs.stack import StackError
from schemas.registry import EVENTS
from schemas.topics import Topic, dead_letter_topic, topics
from services.ops.connection import kafka_alone
from services.ops.replay import replay


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    group = typer.Typer(help="What flows: the declared topics, and the topics at the broker.", no_args_is_help=True)
    group.command("list")(list_)
    group.command()(apply)
    group.command()(replay)
    app.add_typer(group, name="topics")


def list_(as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False) -> None:
    """Show the system map: each topic's events, key, partitions, retention, producers, consumers and dead letters."""
    rows = [_row(topic) for topic in topics().values()]
    if as_json:
        print(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    for row in rows:
        _print_topic(row)


def apply(
    replication: Annotated[
        int | None, typer.Option(min=1, help="Copies of new topics; by default 3, or as many as there are brokers.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Add partitions even to topics with records: breaks the order of keys once.")
    ] = False,
) -> None:
    """Create missing topics, bring settings in line, add partitions. Safe to repeat; removes nothing."""
    # While a broker is away its client complains at every try; the one sentence at the end says it once.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        settings = kafka_alone()
        changes = asyncio.run(
            apply_topics(
                settings.bootstrap_servers,
                topics().values(),
                prefix=settings.topic_prefix,
                replication=replication,
                force=force,
            )
        )
    except (StackError, TopicsNotApplied) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    for change in changes:
        print(f"{change.kind:<10} {change.topic}  {change.detail}")
    if not changes:
        print(f"Nothing to do: all {len(topics())} topics are as declared.")


def _row(topic: Topic) -> dict[str, Any]:
    return {
        "topic": topic.name,
        "description": topic.description,
        "events": [f"{one.name} v{one.latest}" for one in EVENTS if one.topic == topic.name],
        "key": topic.key,
        "partitions": topic.partitions,
        "retention": topic.retention if isinstance(topic.retention, str) else f"{topic.retention.days}d",
        "cleanup_policy": topic.cleanup_policy,
        "producers": list(topic.producers),
        "consumers": list(topic.consumers),
        "dead_letters": [dead_letter_topic(consumer) for consumer in topic.dead_lettering],
        "config": topic.config(),
    }


def _print_topic(row: dict[str, Any]) -> None:
    """A block for each topic: it fits any width, and it can be searched."""
    print(f"{row['topic']}  ({row['partitions']} partitions, kept {row['retention']}, {row['cleanup_policy']})")
    print(f"  {row['description']}")
    print(f"  key          {row['key']}")
    for label, key in (("events", "events"), ("producers", "producers"), ("consumers", "consumers")):
        if row[key]:
            print(f"  {label:<12} {', '.join(row[key])}")
    if row["dead_letters"]:
        print(f"  dead letters {', '.join(row['dead_letters'])}")
    print()
