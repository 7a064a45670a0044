"""POST /{entity}: creating, changing and deleting rows, several at a time, all or none."""

from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from aiohttp import web
from pydantic import ValidationError

from libs.commands.command import Command, Work
from libs.commands.run import Commands
from libs.commands.unified import REPLIES, IdempotencyHeader, answer, json_body
from libs.entities.deciding import decide
from libs.entities.sequences import Sequences
from libs.http.openapi import Operation, Route
from libs.http.unified import Refused, told
from schemas.entity import Entity
from services.catalog.requests import ACTIONS, Batch, request_model

MOST_BYTES = 8 * 1024 * 1024

_DESCRIPTION = (
    "`action`: 1 create, 2 update, 3 delete, as a number or a text. An update changes what it gives. The operations of "
    "one request are carried out in their order, all or none; there is one result for each, or a single error."
)


class Writing:
    """The route of one entity's commands."""

    def __init__(self, entity: Entity, commands: Commands, sequences: Sequences) -> None:
        self._entity = entity
        self._commands = commands
        self._sequences = sequences

    def routes(self) -> tuple[Route, ...]:
        operation = Operation(
            self._entity.summary,
            "\n\n".join(filter(None, (_DESCRIPTION, *_rules(self._entity)))),
            tags=(self._entity.collection,),
            header=IdempotencyHeader,
            body=self._model,
            replies=REPLIES,
        )
        return (Route("POST", f"/{self._entity.collection}", self.post, operation),)

    async def post(self, request: web.Request) -> web.Response:
        return await answer(request, self._commands, self._parsed, self._work)

    @cached_property
    def _model(self) -> type[Batch]:
        return request_model(self._entity)

    def _parsed(self, body: bytes) -> list[Any]:
        try:
            return self._model.model_validate(json_body(body)).operations
        except ValidationError as error:
            raise Refused(400, told(error, skip=ACTIONS)) from error

    def _work(self, operations: list[Any]) -> Work[list[str]]:
        async def work(command: Command) -> list[str]:
            sequence = await self._sequences.of(self._entity)
            return await decide(command, self._entity, operations, sequence, datetime.now(UTC))

        return work


def _rules(entity: Entity) -> list[str]:
    """What the JSON Schema cannot say."""
    rules = [f"Unique: {', '.join(map(entity.told, fields))}." for fields in entity.unique]
    for reference in entity.references:
        rules.append(f"{entity.told(reference.field)} must exist in {' or '.join(reference.collections)}.")
    if (workflow := entity.workflow) is not None:
        steps = "; ".join(f"{old} → {', '.join(new) or 'the end'}" for old, new in workflow.steps.items())
        rules.append(f"{entity.told(workflow.field)} begins with {', '.join(workflow.starts)}. Steps: {steps}.")
    return rules
