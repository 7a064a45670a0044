"""GET /questions/{id} (times with nanoseconds, UTC) and its form in /questions/search (times with an offset)."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from services.sandbox.mercadolibre.state import Question
from services.sandbox.times import offset_time, zulu_nanoseconds


def question_body(question: Question) -> dict[str, Any]:
    """The question with `api_version=4`."""
    body = _common(question, lambda moment: zulu_nanoseconds(moment, question.id % 1000))
    return {"id": question.id, "seller_id": question.item.seller.id, "buyer_id": question.buyer.id, **body}


def found_question(question: Question) -> dict[str, Any]:
    """The question in search results, and by id without `api_version=4`: `from` instead of `buyer_id`."""
    body = _common(question, offset_time)
    return {
        "id": question.id,
        "seller_id": question.item.seller.id,
        "from": {"id": question.buyer.id},
        **body,
    }


def _common(question: Question, written: Callable[[datetime], str]) -> dict[str, Any]:
    answer = None
    if question.answer is not None and question.answered is not None:
        banned = question.status == "BANNED"
        answer = {
            "text": "" if banned else question.answer,
            "status": "BANNED" if banned else "ACTIVE",
            "date_created": written(question.answered),
        }
    return {
        "item_id": question.item.id,
        "deleted_from_listing": question.status == "DELETED",
        "suspected_spam": False,
        "status": question.status,
        "hold": False,
        "text": "" if question.status == "BANNED" else question.text,
        "app_id": None,
        "date_created": written(question.created),
        "last_updated": written(question.updated),
        "answer": answer,
    }
