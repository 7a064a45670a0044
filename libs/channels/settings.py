"""The accounts that we sell with: `SELLING_…`, the same for every service that writes listings.

`SELLING_ACCOUNTS` is a JSON list, for example `[{"channel": "ebay", "market": "US", "account": "main", …}]`.
"""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, HttpUrl, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from libs.http.client import ApiSettings
from libs.http.jwt import MIN_KEY_BYTES
from libs.marketplaces.amazon import client as amazon
from libs.marketplaces.amazon.oauth import BASE_URL as AMAZON_LOGIN
from libs.marketplaces.ebay import client as ebay
from libs.marketplaces.mercadolibre import client as mercadolibre
from schemas.values import Json


class _Account(BaseModel):
    """One account in one country. `defaults`: members of payloadJson that drafts need not give."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)

    market: str = Field(pattern=r"^[A-Z]{2}$", description="Country code")
    account: str = Field(
        pattern=r"^[A-Za-z0-9._-]{1,64}$", description="Our name of it, as in other services' settings"
    )
    defaults: Json = Field(default_factory=dict)


class _Authorised(_Account):
    """An account of an OAuth application."""

    client_id: str = Field(min_length=1)
    client_secret: SecretStr = Field(min_length=1)
    refresh_token: Annotated[SecretStr, Field(min_length=1)] | None = Field(
        default=None, description="Of the first authorisation; none if the account was authorised here"
    )


class AmazonAccount(_Authorised):
    """A seller at Amazon."""

    channel: Literal["amazon"]
    seller_id: str = Field(pattern=r"^[A-Z0-9]{1,32}$")
    settle_seconds: float = Field(default=15.0, ge=0, description="Until an accepted item is looked at again")


class EbayAccount(_Authorised):
    """A seller at eBay. `defaults` usually has the policies' ids and `merchantLocationKey`."""

    channel: Literal["ebay"]


class MercadoLibreAccount(_Authorised):
    """A seller at MercadoLibre."""

    channel: Literal["mercadolibre"]
    user_id: str = Field(pattern=r"^[0-9]{1,20}$")


class StockXAccount(_Account):
    """A seller at StockX, by stockx_poller's commands."""

    channel: Literal["stockx"]
    user_id: str = Field(pattern=r"^[A-Za-z0-9._@-]{1,64}$", description="Our user, whose account it is there")


Account = Annotated[AmazonAccount | EbayAccount | MercadoLibreAccount | StockXAccount, Field(discriminator="channel")]


class SellingSettings(BaseSettings):
    """Read from the environment; nested values either as JSON or with `__` (`SELLING_EBAY__BASE_URL`)."""

    model_config = SettingsConfigDict(
        env_prefix="SELLING_",
        env_nested_delimiter="__",
        nested_model_default_partial_update=True,
        frozen=True,
    )

    accounts: tuple[Account, ...] = ()
    amazon: ApiSettings = ApiSettings(base_url=HttpUrl(amazon.BASE_URL))
    amazon_login: ApiSettings = ApiSettings(base_url=HttpUrl(AMAZON_LOGIN))
    ebay: ApiSettings = ApiSettings(base_url=HttpUrl(ebay.BASE_URL))
    mercadolibre: ApiSettings = ApiSettings(base_url=HttpUrl(mercadolibre.BASE_URL))
    stockx_commands: ApiSettings = ApiSettings(base_url=HttpUrl("http://127.0.0.1:8086"))
    stockx_jwt_key: Annotated[SecretStr, Field(min_length=MIN_KEY_BYTES)] | None = Field(
        default=None, description="STOCKX_POLLER_JWT_KEY: signs our tokens for its commands"
    )

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        places = [(account.channel, account.market) for account in self.accounts]
        if len(set(places)) != len(places):
            raise ValueError("two accounts sell on the same channel in the same market")
        if any(account.channel == "stockx" for account in self.accounts) and self.stockx_jwt_key is None:
            raise ValueError("SELLING_STOCKX_JWT_KEY is missing: stockx_poller takes commands only with a token")
        return self


def _from_environment(given: object) -> object:
    if isinstance(given, SellingSettings):
        return given
    try:
        return SellingSettings()
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False)  # the input may be a secret
        places = [(".".join(map(str, one["loc"])), one["msg"]) for one in problems]
        raise ValueError("; ".join(f"SELLING_{place.upper()}: {message}" for place, message in places)) from None


SellingFromEnvironment = Annotated[
    SellingSettings, BeforeValidator(_from_environment), Field(default={}, validate_default=True)
]
"""A field of a service's settings: read from `SELLING_…`, whatever the service's own prefix is."""
