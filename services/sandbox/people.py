"""Made-up people and goods, with the letters that real ones have."""

from dataclasses import dataclass

from services.sandbox.seeded import Stream

_FIRST = (
    "José", "Núria", "João", "Conceição", "María Ángeles", "Óscar", "Zoë", "Iñaki", "Günther", "Łucja", "Renée",
    "Ximena", "Thaís", "André", "Sofía", "Ángela", "Estêvão", "Begoña", "Søren", "Chloé",
)  # fmt: skip
_LAST = (
    "Muñoz", "Gonçalves", "Pérez-Ibáñez", "Araújo", "Müller", "Ñandú", "Sepúlveda", "d'Ávila", "Çelik", "Brandão",
    "Yáñez", "Lacerda Neto", "Échegaray", "Novák", "O’Higgins", "Zúñiga", "Albuquerque", "Ødegård",
)  # fmt: skip
_STREETS = ("Av. São João", "Calle Íñigo Arista", "Rua da Conceição", "Paseo de la República", "Avenida 9 de Julio")
_MODELS = (
    "Tênis Runner",
    "Tenis Clásico",
    "Zapatilla Urbana",
    "Chuteira Pro",
    "Bota Niña",
    "Sneaker 1990’s",
    "Polo Piqué",
)
_COLOURS = ("Preto", "Blanco", "Marrón", "Azul-marinho", "Café", "Vermelho", "Gris – claro")


@dataclass(frozen=True, slots=True)
class Person:
    """A person that does not exist."""

    first_name: str
    last_name: str
    nickname: str
    email: str


def person(source: Stream, number: int) -> Person:
    """`number` makes the nickname unique."""
    first, last = source.choice(_FIRST), source.choice(_LAST)
    letters = "".join(letter for letter in f"{first}{last}".upper() if letter.isascii() and letter.isalpha())
    return Person(first, last, f"{letters[:12]}{number}", f"buyer{number}@sandbox.invalid")


def title(source: Stream) -> str:
    """A listing's title."""
    return f"{source.choice(_MODELS)} {source.choice(_COLOURS)} Nº {source.randint(34, 46)}"


def model_of(told: str) -> int:
    """Which model a listing's title is about."""
    return next(number for number, model in enumerate(_MODELS) if told.startswith(model))


def street(source: Stream) -> str:
    """A street and a house number."""
    return f"{source.choice(_STREETS)} {source.randint(1, 9999)}"
