"""Which requests an entity was moved by: the last few travel with it, and of the others a horizon is left."""

import xxhash

from coordfsm.protocols.migration.data import EntityData, MigrationData
from coordfsm.protocols.migration.messages import Migrate, UsedToken


def digest_of(token: str) -> str:
    """What is kept of a token: 32 characters, however long it is."""
    return xxhash.xxh3_128_hexdigest(token.encode())


def is_used(data: EntityData, token: str) -> bool:
    """A move by a request with this token was committed, as far as is still known here."""
    if data.state == "departing" and data.token == token:
        return True
    digest = digest_of(token)
    return any(used.digest == digest for used in data.tokens)


def is_not_expired(data: EntityData, given: Migrate) -> bool:
    """The request's token cannot be one that was used and then forgotten, as far as its caller says since when it is.

    A token that was used in an epoch was made in that epoch or before. So what was made after the last forgotten use
    was never forgotten.
    """
    return not given.since or given.since > data.forgotten


def with_used(data: EntityData, context: MigrationData) -> tuple[tuple[UsedToken, ...], int]:
    """The entity's used tokens and its horizon once the open attempt is committed."""
    if not data.token:
        return data.tokens, data.forgotten
    tokens = (*data.tokens, UsedToken(digest_of(data.token), data.epoch))
    surplus = max(0, len(tokens) - context.settings.tokens_per_entity)
    forgotten = max([data.forgotten, *(used.epoch for used in tokens[:surplus])])
    return tokens[surplus:], forgotten
