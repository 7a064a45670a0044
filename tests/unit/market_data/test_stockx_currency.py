"""In which currencies StockX's market may be asked for."""

import pytest
from pydantic import ValidationError

from libs.marketplaces.stockx.market_data import CURRENCIES, known_currency
from services.product_search.messages import MarketQuery


def test_those_of_stockx_and_no_other() -> None:
    assert len(CURRENCIES) == 30
    assert all(MarketQuery(currency_code=code).currency_code == known_currency(code) == code for code in CURRENCIES)
    for wrong in ("XXX", "usd", "", "ARS"):
        with pytest.raises(ValidationError):
            MarketQuery(currency_code=wrong)
