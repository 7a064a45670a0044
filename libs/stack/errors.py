"""The one error of this package."""


class StackError(Exception):
    """Kafka or PostgreSQL cannot be reached, started or stopped.

    The text says what happened, to what, and what to do; it is fit to be shown to a person as it is.
    """
