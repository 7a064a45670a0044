-- The same opportunities in one statement: what is bought, what is sold, who competes, which rule holds, what is earned.
WITH bought AS (
    SELECT unified_product_id, min(round(buy_cost_usd, 2)) AS buy
    FROM product_matches JOIN buy_offers ON buy_offer_id = entity_id
    WHERE entity_type = 'buy' AND confidence > 0.80 AND is_active AND stock_level IS DISTINCT FROM 0
    GROUP BY unified_product_id
), listed AS (
    SELECT unified_product_id, channel, market, round(sell_price_usd, 2) AS price,
           row_number() OVER (PARTITION BY unified_product_id, channel, market ORDER BY sell_listing_id) AS place
    FROM sell_listings
), quotes AS (
    SELECT unified_product_id, channel, market, category, buy,
           max(price) FILTER (WHERE place = 1) AS sell,
           count(*) FILTER (WHERE place > 1) AS others,
           round(avg(price) FILTER (WHERE place > 1), 2) AS average
    FROM listed JOIN bought USING (unified_product_id) JOIN unified_products USING (unified_product_id)
    GROUP BY unified_product_id, channel, market, category, buy
), ruled AS (
    SELECT quotes.*, sell - buy - round(sell * (fee_percent + ads_percent) + fixed_fee_usd
           + returns_rate * avg_return_cost_usd + packaging_cost_usd + other_cost_usd, 2) AS earned
    FROM quotes CROSS JOIN LATERAL (
        SELECT * FROM cost_rules AS rule
        WHERE rule.channel = quotes.channel AND rule.market IN (quotes.market, '*')
          AND rule.category IN (quotes.category, '*') AND effective_from <= $1
          AND (effective_to IS NULL OR $1 <= effective_to)
        ORDER BY rule.market = '*' AND rule.category = '*', rule.market = '*', rule.category = '*',
                 effective_from DESC, cost_rule_id DESC
        LIMIT 1
    ) AS rule
)
SELECT unified_product_id, channel, market, buy AS buy_cost_usd, sell AS sell_price_usd,
       earned AS estimated_profit_usd, round(earned * 100 / buy, 2) AS roi_percent,
       round(earned * 100 / sell, 2) AS margin_percent, NULL::bigint AS days_to_sell, others AS competitor_count,
       average AS avg_competitor_price_usd,
       CASE WHEN average IS NULL OR abs(sell - average) <= 0.05 * average THEN 'competitive'
            WHEN sell > average THEN 'premium' ELSE 'volume' END AS price_strategy
FROM ruled
