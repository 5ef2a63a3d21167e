"""What became of an update."""

from enum import StrEnum


class UpdateOutcome(StrEnum):
    """What the caller of `update` may rely on. The payload is on disk here in either case."""

    DURABLE = "DURABLE"
    """This process is in a view and knows of no lost majority. A process that is cut off takes a moment to notice."""
    MAY_BE_LOST = "MAY_BE_LOST"
    """This process is wedged or in no view: it is lost if an operator meanwhile gives the entity to another process."""
