"""GET /users/me."""

from typing import Any

from services.sandbox.mercadolibre.state import User
from services.sandbox.times import offset_time

_PUBLIC = (
    *("id", "nickname", "registration_date", "country_id", "address", "user_type", "tags", "logo", "points", "site_id"),
    *("permalink", "seller_reputation", "buyer_reputation", "status"),
)
"""What everybody may know of a user."""


def public_user_body(user: User) -> dict[str, Any]:
    """GET /users/{id}: the user as others see him."""
    whole = user_body(user)
    return {name: whole[name] for name in _PUBLIC}


def user_body(user: User) -> dict[str, Any]:
    """The user with the private part, as the user himself sees it."""
    site = user.site
    ratings = {"positive": 0.97, "negative": 0.02, "neutral": 0.01}
    return {
        "id": user.id,
        "nickname": user.nickname,
        "registration_date": offset_time(user.registered),
        "first_name": user.first_name,
        "last_name": user.last_name,
        "email": user.email,
        "country_id": site.country,
        "identification": {"type": None, "number": None},
        "address": {"state": f"{site.country}-{site.state[:3].upper()}", "city": site.city, "zip_code": site.zip_code},
        "phone": {"area_code": "", "number": "", "extension": "", "verified": False},
        "alternative_phone": {"area_code": "", "number": "", "extension": ""},
        "user_type": "normal",
        "tags": ["normal", "user_product_seller", "mshops"],
        "logo": None,
        "points": 120,
        "site_id": site.id,
        "permalink": f"https://perfil.sandbox.invalid/{user.nickname}",
        "seller_experience": "ADVANCED",
        "seller_reputation": {
            "level_id": "5_green",
            "power_seller_status": "gold",
            "transactions": {
                "period": "historic",
                "total": 1200,
                "completed": 1150,
                "canceled": 50,
                "ratings": ratings,
            },
        },
        "buyer_reputation": {"canceled_transactions": 0, "tags": []},
        "status": {
            "site_status": "active",
            "list": {"allow": True, "codes": []},
            "buy": {"allow": True, "codes": []},
            "sell": {"allow": True, "codes": []},
            "billing": {"allow": True, "codes": []},
        },
        "credit": {"consumed": 0, "credit_level_id": "MLA1"},
    }
