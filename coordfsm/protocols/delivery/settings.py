"""Settings of delivery, with sensible defaults."""

from coordfsm.kernel import Value


class DeliverySettings(Value):
    """What an operator may set.

    Attributes:
        resend_ms: after this long without an answer, a request is sent again.
        deadline_ms: after this long without an answer, the caller is told what is known.
        pending_limit: requests of one process that may be under way; a further one is rejected.
        kept_requests: so many of the last requests of each sender are known at an owner, with their answers.
        maximum_message_bytes: longer messages are rejected.
        maximum_answer_bytes: longer answers are refused.
        hops_limit: places that are tried for one request.
    """

    resend_ms: int = 50
    deadline_ms: int = 5_000
    pending_limit: int = 4_096
    kept_requests: int = 4_096
    maximum_message_bytes: int = 65_536
    maximum_answer_bytes: int = 4_096
    hops_limit: int = 16
