"""``host:port`` text and socket addresses. Hosts are numeric on the wire: with names, sending could block."""

import ipaddress
import socket
from functools import lru_cache
from typing import NamedTuple

from coordfsm.kernel import Endpoint
from coordfsm_runtime.errors import EndpointError

MAXIMUM_ENDPOINT_BYTES = 64


class Address(NamedTuple):
    """A numeric socket address."""

    host: str
    port: int


@lru_cache(maxsize=16_384)
def parse_endpoint(endpoint: Endpoint) -> Address:
    """The address of ``192.0.2.1:7401`` or ``[2001:db8::1]:7401``.

    Raises:
        EndpointError: not of that form, the host is not numeric, or the port is not within 0 to 65535.
    """
    host, port = split_endpoint(endpoint)
    try:
        return Address(str(ipaddress.ip_address(host)), port)
    except ValueError:
        raise EndpointError(f"{endpoint!r} is not an endpoint: {host!r} is not a numeric address") from None


def split_endpoint(endpoint: str) -> tuple[str, int]:
    """Host and port; the host may still be a name.

    Raises:
        EndpointError: no port, or one outside 0 to 65535.
    """
    host, colon, port = endpoint.rpartition(":")
    if len(endpoint) > MAXIMUM_ENDPOINT_BYTES or not colon or not host or not (port.isascii() and port.isdigit()):
        raise EndpointError(f"{endpoint[:80]!r} is not an endpoint, expected host:port")
    if int(port) > 65_535:
        raise EndpointError(f"{endpoint!r} is not an endpoint: port {port} is over 65535")
    return host.removeprefix("[").removesuffix("]"), int(port)


def format_endpoint(address: Address) -> Endpoint:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def resolve_endpoint(endpoint: str) -> Endpoint:
    """The numeric form of an endpoint whose host may be a name. Blocks on the resolver: for start-up only.

    Raises:
        EndpointError: not an endpoint, or the name is unknown.
    """
    host, port = split_endpoint(endpoint)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    except OSError as error:
        raise EndpointError(f"{endpoint!r}: cannot resolve {host!r}: {error.strerror or error}") from error
    return format_endpoint(Address(str(found[0][4][0]), port))


def is_loopback_host(host: str) -> bool:
    """Whether a numeric host is this machine's own; False for a name."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_loopback(endpoint: Endpoint) -> bool:
    return ipaddress.ip_address(parse_endpoint(endpoint).host).is_loopback


def is_wildcard(endpoint: Endpoint) -> bool:
    """Whether a numeric endpoint stands for every address of its machine: to be bound, but nobody can send to it."""
    address = ipaddress.ip_address(parse_endpoint(endpoint).host)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return address.is_unspecified or (mapped is not None and mapped.is_unspecified)
