"""The jobs of MercadoLibre's search pipeline: search → enrich → score (mission, "MercadoLibre Jobs Queue")."""

from enum import StrEnum

QUEUE = "mercadolibre"


class JobType(StrEnum):
    """What a job does."""

    SEARCH = "search"
    ENRICH = "enrich"
    SCORE = "score"
