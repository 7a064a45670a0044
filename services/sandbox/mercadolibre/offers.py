"""How listings change, and what buyers ask about them."""

from datetime import datetime

from services.sandbox.mercadolibre.pool import Ids, Pool
from services.sandbox.mercadolibre.population import Population
from services.sandbox.mercadolibre.state import Change, Item, Question
from services.sandbox.seeded import Stream

QUESTION_STATUSES = (
    "ANSWERED",
    "BANNED",
    "CLOSED_UNANSWERED",
    "DELETED",
    "DISABLED",
    "UNANSWERED",
    "UNDER_REVIEW",
)

_QUESTIONS = (
    "¿Tenés en talle 42? ¡Gracias!",
    "Bom dia, o tênis é original? Emite nota fiscal?",
    "¿Hacen envíos a Michoacán? 🙂",
    "Qual a diferença entre o nº 41 e o 42?",
    "¿Cuánto tarda en llegar a Añelo, Neuquén?",
)
_ANSWERS = (
    "¡Hola! Sí, tenemos. Saludos.",
    "Olá! É original, com nota fiscal. À disposição.",
    "Sí, llega en 3 a 5 días.",
)


class Offers:
    """Changes of listings, and all questions. `open_questions` wait for an answer."""

    def __init__(self, source: Stream, population: Population) -> None:
        self._source = source
        self._population = population
        self._ids = Ids(source, 13_000_000_000, 90_000)
        self.questions: dict[int, Question] = {}
        self.open_questions: Pool[Question] = Pool()

    def ask(self, now: datetime) -> list[Change]:
        """A buyer asks."""
        item = self._population.any_item()
        question = Question(
            id=self._ids.next(),
            item=item,
            buyer=self._population.any_buyer(item.seller),
            text=self._source.choice(_QUESTIONS),
            status="UNANSWERED",
            created=now,
            updated=now,
        )
        self.questions[question.id] = question
        self.open_questions.add(question)
        return [self._asked(question)]

    def settle(self, now: datetime) -> list[Change]:
        """One of the open questions is answered; at times it ends otherwise."""
        question = self.open_questions.draw(self._source)
        luck = self._source.random()
        if question.status == "UNANSWERED" and luck < 0.08:
            return self.become(question, "UNDER_REVIEW", now)
        ends = self._source.choice(("CLOSED_UNANSWERED", "DELETED", "BANNED"))
        return self.become(question, ends if luck > 0.85 else "ANSWERED", now)

    def become(self, question: Question, status: str, now: datetime) -> list[Change]:
        """Give a question another status; an answered one gets an answer."""
        question.status, question.updated = status, now
        if status == "ANSWERED":
            question.answer = question.answer or self._source.choice(_ANSWERS)
            question.answered = now
        if status in {"UNANSWERED", "UNDER_REVIEW"}:
            self.open_questions.add(question)
        else:
            self.open_questions.discard(question)
        return [self._asked(question)]

    def revise(self, now: datetime) -> list[Change]:
        """A seller changes price, stock or status of a listing."""
        item = self._population.any_item()
        item.updated = now
        what = self._source.choice(("price", "stock", "status"))
        if what == "price":
            item.price = max(100, round(item.price * self._source.uniform(0.8, 1.25)))
            return [self._listed(item, "price"), Change("price", item.id, item.seller, now)]
        if what == "stock":
            item.quantity = self._source.randint(0, 60)
        else:
            item.status = {"active": "paused", "paused": "active"}.get(item.status, "active")
        return [self._listed(item, what)]

    def _asked(self, question: Question) -> Change:
        return Change("question", question.id, question.item.seller, question.updated)

    def _listed(self, item: Item, action: str) -> Change:
        return Change("item", item.id, item.seller, item.updated, (action,))
