"""Delivery: a message to an entity, wherever it is, reaches the application that serves it at most once.

The sender says which epoch of the entity and which session of its owner it means; the owner hands over nothing else.
"""

from coordfsm.protocols.delivery.data import InboxData, RequestData, SessionData
from coordfsm.protocols.delivery.parts import PARTS, first_session
from coordfsm.protocols.delivery.settings import DeliverySettings

__all__ = ["PARTS", "DeliverySettings", "InboxData", "RequestData", "SessionData", "first_session"]
