"""What the three steps share: the clients, the commands, the queue."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from libs.commands.run import Commands
from libs.db.pool import Connection
from libs.http.errors import ApiError, Blocked, NotFound
from libs.jobs import Failed, Job, JobError, JobFailed, JobQueue, Retry
from libs.jobs.backoff import Backoff
from libs.jobs.failures import tell_failure
from libs.marketplaces.mercadolibre.client import MercadoLibre
from libs.marketplaces.mercadolibre.score_result import ScoreWeights
from schemas.registry import summary
from services.mercadolibre_enricher.fallbacks.seeds import Seeds
from services.mercadolibre_enricher.workers.sellers import Sellers

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")


class ItemPayload(BaseModel):
    """The payload of enrich and score jobs. `account` is whose item it is, where that is known."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    item_id: str = Field(pattern=r"^M[A-Z]{2}[0-9]{1,15}$")
    source: str = Field(default="api", min_length=1, max_length=100)
    account: str | None = None


@dataclass(frozen=True)
class Pipeline:
    """`accounts` are the clients by our name of the account, at least one."""

    accounts: Mapping[str, MercadoLibre]
    commands: Commands
    queue: JobQueue
    seeds: Seeds
    sellers: Sellers
    backoff: Backoff = field(default_factory=Backoff)
    weights: ScoreWeights = field(default_factory=ScoreWeights)
    max_attempts: int = 6
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def payload(self, job: Job, model: type[M]) -> M:
        """The job's payload; raise JobFailed for one that no later run can read."""
        try:
            return model.model_validate(dict(job.payload))
        except ValidationError as error:
            raise JobFailed({"code": "InvalidPayload", "msg": summary(error)}) from None

    async def ask(self, account: str | None, question: Callable[[MercadoLibre], Awaitable[T]]) -> T:
        """Ask as the account whose it is; where that is not known, as one after the other until one is answered."""
        known = self.accounts.get(account) if account is not None else None
        clients = [known] if known is not None else list(self.accounts.values())
        refused: ApiError | None = None
        for client in clients:
            try:
                return await question(client)
            except (Blocked, NotFound) as error:
                refused = error if refused is None or isinstance(error, Blocked) else refused
        assert refused is not None  # there is at least one account
        raise refused

    def again(self, job: Job, error: JobError) -> Retry:
        """The run failed; later again, after the documented backoff."""
        return Retry(error, self.backoff.seconds(job.attempts + 1))

    async def end(self, job: Job, outcome: Retry | Failed) -> None:
        """End a run that left nothing but its error."""
        tell_failure(job, outcome)
        await self.queue.finish(job, outcome)

    async def finish_in(self, connection: Connection, job: Job, outcome: Retry | Failed | None = None) -> None:
        """End a run in the transaction of its rows: another worker that has the job now rolls both back."""
        if outcome is not None:
            tell_failure(job, outcome)
        await self.queue.finish_in(connection, job, outcome)
