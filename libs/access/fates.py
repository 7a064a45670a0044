"""The one table from what can go wrong when a marketplace is asked about a notification to the notification's fate."""

from datetime import timedelta

from libs.bus.outcome import ErrorClass, Ignore, Reject, Retry, Wait
from libs.http.errors import (
    ApiError,
    Blocked,
    CircuitOpen,
    Garbage,
    NotFound,
    RateLimited,
    Refused,
    Unauthorized,
    Unavailable,
)
from libs.oauth.tokens import TokensAway

WAIT_FOR_CREDENTIALS = timedelta(minutes=1)
WAIT_FOR_TURN = timedelta(seconds=10)


def fate_of(error: ApiError, text: str, gone: str, unsettled: timedelta) -> Exception:  # noqa: PLR0911  (it is a table)
    """The outcome to raise.

    | error        | meaning                                       | fate                                            |
    |--------------|-----------------------------------------------|-------------------------------------------------|
    | NotFound     | not there yet                                 | Retry when the notification is no longer young  |
    | NotFound     | not there: `gone` says what that means        | Ignore                                          |
    | Blocked      | a policy, or rights, stand between            | Retry, then dead letter `policy`                |
    | Unauthorized | our credentials are dead                      | Wait; a person must authorise the account again |
    | TokensAway   | no token can be had for anyone                | Wait                                            |
    | RateLimited  | too fast, or a quota is spent                 | Wait as long as it asked                        |
    | CircuitOpen  | it fails for everyone                         | Wait until the next probe                       |
    | Unavailable  | it fails for this one                         | Retry, then dead letter `dependency`            |
    | Garbage      | unreadable                                    | Retry, then dead letter `poison`                |
    | Refused      | the id is none                                | Reject `contract`                               |

    `text` is the error in words. `unsettled` is how much longer the answer may still lag behind the notification.
    """
    match error:
        case NotFound() if unsettled > timedelta(0):
            return Retry(text, after=unsettled)
        case NotFound():
            return Ignore(f"{text}: {gone}")
        case Blocked():
            return Retry(text, error_class=ErrorClass.POLICY)
        case Unauthorized():
            return Wait(f"{text}. Authorise the account again", WAIT_FOR_CREDENTIALS)
        case RateLimited() | CircuitOpen() | TokensAway():
            return Wait(text, error.retry_after or WAIT_FOR_TURN)
        case Unavailable():
            return Retry(text, after=error.retry_after)
        case Garbage():
            return Retry(text, error_class=ErrorClass.POISON)
        case Refused():
            return Reject(text, ErrorClass.CONTRACT)
        case _:
            return error
