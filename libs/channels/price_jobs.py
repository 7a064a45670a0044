"""Prices on their way to the marketplace: pricing asks for it in the transaction that changes a listing's price.

A job, and no fact: there is one for each proposal that was applied, and no replay or rebuild makes another. It names no
price: the publisher puts the one that the listing has when it comes to it, so jobs may come late, twice, in any order.
"""

from libs.jobs import NewJob

QUEUE = "repricing"
CARRY = "carry_price"
_ATTEMPTS = 20


def carrying(sell_listing_id: int, proposal_id: int) -> NewJob:
    """The job: the price of a listing, changed because of a proposal (`pricing.price_proposals`)."""
    return NewJob(
        CARRY,
        {"sell_listing_id": sell_listing_id, "proposal_id": proposal_id},
        max_attempts=_ATTEMPTS,
        dedupe_key=f"{CARRY}:{proposal_id}",
    )
