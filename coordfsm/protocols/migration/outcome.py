"""What can become of a request to migrate: one word each, the same in events, answers, logs and metrics."""

from enum import StrEnum


class MigrationOutcome(StrEnum):
    """What became of a request to migrate. A member equals its name as text, and is encoded as that text."""

    COMMITTED = "COMMITTED"
    """It is decided: the entity is the destination's."""
    ALREADY_APPLIED = "ALREADY_APPLIED"
    """A request with this token was committed before; nothing changed."""
    TOKEN_EXPIRED = "TOKEN_EXPIRED"  # noqa: S105  (a word, not a secret)
    """The token is too old to know whether it was used; nothing changed."""
    ALREADY_MIGRATING = "ALREADY_MIGRATING"
    """Another migration of the entity is under way."""
    NOT_OWNER = "NOT_OWNER"
    """The entity is not in service at this process; the reason says where it went, if that is known."""
    NOT_IN_VIEW = "NOT_IN_VIEW"
    """The destination, or this process, is no member of the view."""
    VIEW_UNSTABLE = "VIEW_UNSTABLE"
    """The view is new or about to change; nothing began."""
    VIEW_CHANGED = "VIEW_CHANGED"
    """The view changed before the decision; the entity stayed."""
    WEDGED = "WEDGED"
    """No majority is within reach; the entity stayed."""
    NOT_STOPPED = "NOT_STOPPED"
    """The application here did not confirm in time that it stopped serving the entity; the entity stayed."""
    REJECTED = "REJECTED"
    """The destination, or an operator, said no; the reason says why. The entity stayed."""
    TIMEOUT = "TIMEOUT"
    """The destination did not answer in time; the entity stayed."""
