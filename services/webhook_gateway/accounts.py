"""The configured accounts: JSON in, one typed entry per account and marketplace out, or a sentence naming the entry."""

import json
from collections import defaultdict
from collections.abc import Mapping

from pydantic import ValidationError

from libs.marketplaces import MARKETPLACES
from libs.marketplaces.contract import AccountSettings
from schemas.registry import summary
from services.webhook_gateway.key_client import KeyClient


def read_accounts(text: str) -> Mapping[str, tuple[AccountSettings, ...]]:
    """Accounts by marketplace; raise ValueError. No error repeats a value: it may be a secret."""
    if not text.strip():
        raise ValueError("no account is configured: every delivery would be refused")
    try:
        entries = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        place = f"line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else "too deep"
        raise ValueError(f"the accounts are not JSON ({place})") from None
    if not isinstance(entries, list) or not entries:
        raise ValueError("the accounts must be a JSON list of at least one object")
    found: dict[str, list[AccountSettings]] = defaultdict(list)
    for number, entry in enumerate(entries, 1):
        name, settings = _account(number, entry)
        if any(settings.account == other.account for other in found[name]):
            raise ValueError(f"entry {number} ({name}): the account {settings.account} stands twice")
        found[name].append(settings)
    for name, accounts in found.items():
        try:
            MARKETPLACES[name].verifier(accounts, KeyClient())  # refused here, and not when the service is built
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    return {name: tuple(accounts) for name, accounts in found.items()}


def _account(number: int, entry: object) -> tuple[str, AccountSettings]:
    if not isinstance(entry, dict):
        raise ValueError(f"entry {number}: it must be an object")  # noqa: TRY004  (pydantic reports ValueError)
    name = entry.get("marketplace")
    if not isinstance(name, str) or name not in MARKETPLACES:
        raise ValueError(f"entry {number}: `marketplace` must be one of {', '.join(sorted(MARKETPLACES))}")
    settings = {field: value for field, value in entry.items() if field != "marketplace"}
    try:
        return name, MARKETPLACES[name].account_settings.model_validate(settings)
    except ValidationError as error:
        raise ValueError(f"entry {number} ({name}): {summary(error)}") from None
