"""Access to alias' API (GOAT)."""

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, SecretStr

from libs.marketplaces.goat.client import BASE_URL


class GoatAccess(BaseModel):
    """alias' API."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    token: SecretStr = Field(min_length=1, description="A personal access token")
    base_url: HttpUrl = HttpUrl(BASE_URL)
