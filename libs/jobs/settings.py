"""The settings of a worker, with the names that the mission gives them: `LOCKED_BY`, `LOCK_SECONDS`, …"""

from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from libs.jobs.backoff import Backoff
from libs.jobs.job import MAX_ATTEMPTS


class WorkerSettings(BaseSettings):
    """Read from the environment, without a prefix (mission, MercadoLibre search worker, "Configuration").

    `LOCKED_BY` names the worker to people; each running process adds something of its own, so that two of the same name
    never hold each other's locks.
    """

    model_config = SettingsConfigDict(frozen=True)

    locked_by: str = Field(default="ml_worker_01", pattern=r"^[A-Za-z0-9._-]{1,64}$")
    lock_seconds: float = Field(default=120.0, gt=0, le=86_400, description="A worker's silence until others take over")
    max_attempts: int = Field(default=MAX_ATTEMPTS, ge=1, le=1000, description="Of the jobs that the worker enqueues")
    sleep_empty: float = Field(default=2.0, gt=0, le=3600, description="The slow look for delayed jobs; seconds")
    sleep_error: float = Field(default=3.0, gt=0, le=3600, description="After PostgreSQL failed to answer; seconds")
    concurrency: int = Field(default=8, ge=1, le=1000, description="Jobs at the same time, in one process")
    prefetch: int = Field(default=0, ge=0, le=10_000, description="Jobs locked beyond those, for jobs of milliseconds")
    stop_grace_seconds: float = Field(default=15.0, ge=0, le=3600, description="For running jobs when it is stopped")
    backoff_base_seconds: float = Field(default=60.0, gt=0)
    backoff_max_seconds: float = Field(default=3600.0, gt=0)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.backoff_max_seconds < self.backoff_base_seconds:
            raise ValueError("BACKOFF_MAX_SECONDS is less than BACKOFF_BASE_SECONDS")
        return self

    @property
    def backoff(self) -> Backoff:
        return Backoff(self.backoff_base_seconds, self.backoff_max_seconds)
