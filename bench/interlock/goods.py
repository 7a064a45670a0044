"""Products with a listing on each marketplace, put into the read models at once (as a rebuild would leave them)."""

from bench.interlock.marketplaces import CHANNELS, MARKET
from libs.db.pool import Database

_OF_EVERY_ROW = "false, now(), 'bench', 'bench', 0, 0"
_COLUMNS = "deleted, updated_at, event_id, log_topic, log_partition, log_offset"


async def fill(database: Database, products: int) -> None:
    """Products 1 to `products`, and listings numbered by product and marketplace."""
    async with database.transaction() as connection:
        await connection.execute(
            f"""
            INSERT INTO read_models.unified_products
                (key, unified_product_id, brand, model, title, ean_upc, attributes_json, {_COLUMNS})
            SELECT n::text, n, 'b', 'm', 't', n::text, '{{}}', {_OF_EVERY_ROW} FROM generate_series(1, $1::int) AS n
            """,  # noqa: S608  (constants of ours)
            products,
        )
        for place, channel in enumerate(CHANNELS):
            await connection.execute(
                f"""
                INSERT INTO read_models.sell_listings
                    (key, sell_listing_id, channel, market, channel_item_id, title, sell_price_original,
                     currency_original, sell_price_usd, fx_rate_to_usd, fx_as_of_date, listing_timestamp,
                     unified_product_id, {_COLUMNS})
                SELECT (n * 10 + $2)::text, n * 10 + $2, $3, $4, $3 || '-' || n, 't', 100, 'USD', 100, 1,
                       '2026-01-15', now(), n, {_OF_EVERY_ROW}
                FROM generate_series(1, $1::int) AS n
                """,  # noqa: S608  (constants of ours)
                products,
                place,
                str(channel),
                MARKET,
            )
        await connection.execute("ANALYZE read_models.sell_listings")
