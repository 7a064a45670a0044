"""Values that many resources have."""

from typing import Any

from services.sandbox.mercadolibre.state import User


def major(cents: int) -> float:
    """An amount as a JSON number in major units. Two decimals survive a double up to 10**13."""
    return cents / 100


def shipping_address(user: User) -> dict[str, Any]:
    """An address of the new shipments format."""
    site = user.site
    street, _, number = user.street.rpartition(" ")
    return {
        "country": {"id": site.country, "name": site.country_name},
        "state": {"id": f"{site.country}-{site.state[:3].upper()}", "name": site.state},
        "city": {"id": None, "name": site.city},
        "municipality": {"id": None, "name": None},
        "neighborhood": {"id": None, "name": "Centro"},
        "zip_code": site.zip_code,
        "street_name": street,
        "street_number": number,
        "address_line": user.street,
        "comment": "Referencia: frente al jardín — portón nº 2",
        "latitude": None,
        "longitude": None,
        "geolocation_type": None,
        "geolocation_source": None,
        "geolocation_last_updated": None,
        "types": ["default_selling_address"],
        "agency": None,
        "node": None,
        "address_id": user.id * 3,
        "location_id": None,
        "scoring": None,
        "intersection": None,
    }
