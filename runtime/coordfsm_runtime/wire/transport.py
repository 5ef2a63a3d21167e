"""Datagrams in and out of a UDP socket, in the event loop. Nothing that arrives can raise here: it is counted.

The socket is read and written directly: what the kernel's buffers do not take is dropped and counted, since the
protocols resend what matters and stale datagrams only add load. Messages that are sent to one address within a turn of
the event loop share datagrams.

Longer than most files here: the ways in and out share the socket, its counters and its backlog.
"""

import asyncio
import contextlib
import logging
import secrets
import socket
import time
from collections.abc import Callable
from typing import NamedTuple

from coordfsm.kernel import Decoder, EncodingError, Endpoint, Message, encode, out_of_range
from coordfsm_runtime.counters import Counters
from coordfsm_runtime.errors import ConfigurationError, EndpointError, MessageTooLargeError
from coordfsm_runtime.wire.datagram import (
    LENGTH_BYTES,
    PLACE_BYTES,
    REFUSED,
    STAMP_OVERHEAD_BYTES,
    Bundle,
    DroppedError,
    DropReason,
    Envelope,
    Frame,
    Receipt,
    pack_bundle,
    pack_frame,
    pack_receipt,
    pack_refusal,
    pack_stamped,
    unpack_frame,
    unpack_refusal,
    unpack_stamped,
)
from coordfsm_runtime.wire.endpoint import Address, format_endpoint, is_loopback, is_wildcard, parse_endpoint
from coordfsm_runtime.wire.flow import Flow
from coordfsm_runtime.wire.fragments import MAXIMUM_PIECES, NoRoomError, Reassembler, cut
from coordfsm_runtime.wire.keyring import Keyring
from coordfsm_runtime.wire.strangers import Strangers

DATAGRAM_BYTES = 1_200
"""The largest datagram that is sent: fits the smallest usual path MTU with room for tunnels (as QUIC chooses)."""

READS_PER_TURN = 64
"""Datagrams read before timers and others get their turn."""

SOCKET_BUFFER_BYTES = 1 << 20

PIECES_AT_ONCE = 64
"""Pieces of large messages sent in one go: more would overrun the receiver's buffer."""

PACE_S = 0.002
"""Pause before the next pieces of large messages: about 38 MB/s."""

DROPS_PER_TURN = 1_024
"""Datagrams of strangers beyond their budget that are read before others get their turn: dropping costs little."""

REFUSAL_PAUSE_S = 0.1
"""At most one stranger in this time is told why it is not heard."""

WARNING_PAUSE_S = 5.0

REFUSAL_TEXT = {
    DropReason.OTHER_CLUSTER: "that is a cluster with another label",
    DropReason.UNKNOWN_KEY: "that cluster has another key",
    DropReason.NOT_SEALED: "that cluster is sealed with a key, and this node has none",
}

logger = logging.getLogger(__name__)

Deliver = Callable[[Endpoint, Message], bool]
"""Takes a message; False when there is no room for it."""


Stamp = Callable[[], bytes]
"""What every datagram says of the sender's store; empty for nothing."""

Admit = Callable[[Endpoint, bytes], bool]
"""Takes the stamp of a datagram; False when the datagram is not to be taken."""


class TransportSettings(NamedTuple):
    """How a node is reached and whom it believes.

    Attributes:
        listen: numeric ``host:port`` to bind; port 0 picks a free one.
        advertise: where others reach this node, empty for the bound address.
        label: the cluster's name; datagrams of other clusters are dropped.
        keys: cluster keys, the primary first; empty for plain datagrams.
        insecure: allow plain datagrams beyond loopback.
    """

    listen: Endpoint
    advertise: Endpoint = ""
    label: str = "coordfsm"
    keys: tuple[bytes, ...] = ()
    insecure: bool = False


class Transport:
    """A bound socket. Create with `Transport.open`; call `start` with the receiver, `close` at the end.

    Attributes:
        endpoint: what this node tells others to send to.
    """

    def __init__(
        self, bound: socket.socket, endpoint: Endpoint, envelope: Envelope, decoder: Decoder, counters: Counters
    ) -> None:
        self.endpoint = endpoint
        self._socket = bound
        self._envelope = envelope
        self._decoder = decoder
        self._counters = counters
        self._reassembler = Reassembler()
        # A random start: the pieces of a process's earlier run must not mix with those of this one.
        self._number = secrets.randbits(32)
        self._outgoing: dict[Address, list[bytes]] = {}
        self._flow = Flow()
        self._receipts: dict[Endpoint, list[tuple[int, int]]] = {}
        self._strangers = Strangers(time.monotonic())
        self._pacing: asyncio.TimerHandle | None = None
        self._paced = False  # the pause is one between two lots, not one for receipts
        self._next_refusal = 0.0
        self._next_warning = 0.0
        self._deliver: Deliver | None = None
        self._stamp: Stamp = bytes
        self._admit: Admit = lambda _sender, _stamp: True
        self._loop: asyncio.AbstractEventLoop | None = None
        self._piece_bytes = DATAGRAM_BYTES - envelope.overhead_bytes - envelope.frame_overhead_bytes(endpoint)

    @staticmethod
    def open(settings: TransportSettings, decoder: Decoder, counters: Counters) -> "Transport":
        """Bind the socket; nothing is read before `start`.

        Args:
            settings: addresses and keys.
            decoder: of the union of all messages.
            counters: where datagrams and drops are counted.

        Raises:
            ConfigurationError: the address cannot be bound, is beyond loopback with neither a key nor `insecure`, or is
                every address of the machine and none is advertised.
        """
        try:
            address = parse_endpoint(settings.listen)
        except EndpointError as error:
            raise ConfigurationError("transport", "node.listen", settings.listen, "a numeric host:port") from error
        if not settings.keys and not settings.insecure and not is_loopback(settings.listen):
            raise ConfigurationError(
                "transport",
                "node.listen",
                settings.listen,
                "a loopback address, or a cluster key (security.keys), or --insecure",
            )
        _check_advertised(settings)
        bound = _bind(address, settings.listen)
        own = Address(*bound.getsockname()[:2])
        envelope = Envelope(settings.label, Keyring(settings.keys) if settings.keys else None)
        return Transport(bound, settings.advertise or format_endpoint(own), envelope, decoder, counters)

    @property
    def keyring(self) -> Keyring | None:
        return self._envelope.keyring

    def replace_keys(self, keys: tuple[bytes, ...]) -> None:
        """Use another keyring from now on (rotation). A sealed cluster stays sealed.

        Raises:
            ValueError: no keys, a malformed one, or this transport is not sealed.
        """
        if self._envelope.keyring is None:
            raise ValueError("this node does not seal its datagrams; keys are set when it starts")
        self._envelope.keyring = Keyring(keys)

    def stamp_datagrams(self, stamp: Stamp, stamp_bytes: int, admit: Admit) -> None:
        """Say something of this process's store in every datagram, and hear what others say of theirs.

        Args:
            stamp: called for each datagram.
            stamp_bytes: how long its answer is at most.
            admit: called with each stamp that arrives, before what the datagram carries is handed over.
        """
        self._stamp, self._admit = stamp, admit
        self._piece_bytes -= STAMP_OVERHEAD_BYTES + stamp_bytes

    def start(self, deliver: Deliver) -> None:
        """Read from now on, within the running event loop."""
        self._deliver = deliver
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket.fileno(), self.poll)

    def close(self) -> None:
        """Stop reading and give the port back; pieces that wait are dropped. Closing twice does nothing."""
        self._send_outgoing()
        self._flow.clear()
        if self._pacing is not None:
            self._pacing.cancel()
        if self._loop is not None and not self._loop.is_closed() and self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket.fileno())
        self._socket.close()

    def send(self, to: Endpoint, message: Message) -> None:
        """Hand a message to the network, in as many datagrams as it needs. Within the running event loop.

        Raises:
            MessageTooLargeError: nothing was sent.
        """
        content = encode(message)
        pieces = cut(content, self._piece_bytes)
        if len(pieces) > MAXIMUM_PIECES:  # only with a tiny piece size
            raise MessageTooLargeError(f"a message of {len(content):,} bytes needs {len(pieces):,} datagrams")
        try:
            address = parse_endpoint(to)
        except EndpointError:
            self._counters.add("send_failed", "bad_endpoint")
            return
        self._counters.add("messages_sent", type(message).__name__)
        if len(pieces) <= 1:
            self._collect(content, address)
        else:
            self._send_pieces(content, pieces, address)

    def _collect(self, content: bytes, address: Address) -> None:
        """Keep a small message until this turn of the event loop ends: others may share its datagram."""
        if not self._outgoing:
            asyncio.get_running_loop().call_soon(self._send_outgoing)
        self._outgoing.setdefault(address, []).append(content)

    def _send_outgoing(self) -> None:
        outgoing, self._outgoing = self._outgoing, {}
        for address, contents in outgoing.items():
            bundle: list[bytes] = []
            room = self._piece_bytes
            for content in contents:
                if bundle and len(content) + LENGTH_BYTES > room:
                    self._send_bundle(bundle, address)
                    bundle, room = [], self._piece_bytes
                bundle.append(content)
                room -= len(content) + LENGTH_BYTES
            self._send_bundle(bundle, address)

    def _send_bundle(self, messages: list[bytes], address: Address) -> None:
        if len(messages) == 1:
            self._transmit(pack_frame(Frame(self.endpoint, 0, 0, 1, messages[0])), address)
        else:
            self._transmit(pack_bundle(Bundle(self.endpoint, tuple(messages))), address)

    def _send_pieces(self, content: bytes, pieces: tuple[bytes, ...], address: Address) -> None:
        if self._flow.is_under_way(content, address):
            self._counters.add("send_spared", "under_way")
            return
        self._number = (self._number + 1) & 0xFFFF_FFFF
        frames = tuple(
            Frame(self.endpoint, self._number, place, len(pieces), piece) for place, piece in enumerate(pieces)
        )
        if not self._flow.add(content, frames, address):
            self._counters.add("send_failed", "backlog_full")
            return
        self._pump()

    def _pump(self) -> None:
        """Send the pieces that may be sent now, and come back for the others."""
        if self._pacing is not None:
            if self._paced:
                return
            self._pacing.cancel()
            self._pacing = None
        repeated, given_up = self._flow.repeated, self._flow.given_up
        now = time.monotonic()
        frames = self._flow.take(PIECES_AT_ONCE, now)
        for frame, address in frames:
            self._transmit(pack_frame(frame), address)
        if self._flow.repeated > repeated:
            self._counters.add("pieces_repeated", amount=self._flow.repeated - repeated)
        if self._flow.given_up > given_up:
            self._counters.add("send_failed", "given_up", self._flow.given_up - given_up)
        self._paced = len(frames) == PIECES_AT_ONCE
        pause = PACE_S if self._paced else self._flow.due_s(now)
        if pause is not None:
            self._pacing = asyncio.get_running_loop().call_later(pause, self._pump_later)

    def _pump_later(self) -> None:
        self._pacing = None
        self._pump()

    def _send_receipts(self) -> None:
        receipts, self._receipts = self._receipts, {}
        room = self._piece_bytes // PLACE_BYTES
        for sender, pieces in receipts.items():
            for start in range(0, len(pieces), room):
                receipt = Receipt(self.endpoint, tuple(pieces[start : start + room]))
                self._transmit(pack_receipt(receipt), parse_endpoint(sender))

    def _transmit(self, frame: bytes, address: Address) -> None:
        datagram = self._envelope.close(pack_stamped(self._stamp(), frame))
        try:
            self._socket.sendto(datagram, address)
        except BlockingIOError:
            self._counters.add("send_failed", "buffer_full")
        except OSError as error:
            self._counters.add("send_failed", type(error).__name__)
        else:
            self._counters.add("datagrams_sent")
            self._counters.add("bytes_sent", amount=len(datagram))

    def poll(self) -> None:
        """Take what has arrived, up to a bound; nothing before `start`."""
        if self._deliver is None:
            return
        self._read()
        self._send_receipts()
        if len(self._flow):  # receipts may have made room
            self._pump()

    def _read(self) -> None:
        taken = dropped = 0
        while taken < READS_PER_TURN and dropped < DROPS_PER_TURN:
            try:
                datagram, source = self._socket.recvfrom(65_536)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:  # an unreachable peer reported by the kernel: not ours to handle
                self._counters.add("receive_failed", type(error).__name__)
                return
            if self.take(datagram, Address(*source[:2])):
                taken += 1
            else:
                dropped += 1

    def take(self, datagram: bytes, source: Address | None = None) -> bool:
        """Handle one datagram. Never raises: whatever is wrong with it is counted and it is dropped.

        Args:
            datagram: its bytes.
            source: where it came from, to answer a stranger, and to bound what strangers cost.

        Returns:
            Whether it was looked at: False for one beyond the strangers' budget.
        """
        is_sealed = self._envelope.keyring is not None  # plain datagrams tell nothing of who sent them
        if is_sealed and source is not None and not self._strangers.may_be_heard(source, time.monotonic()):
            self._counters.add("datagrams_dropped", DropReason.STRANGERS.value)
            return False
        self._take(datagram, source)
        return True

    def _take(self, datagram: bytes, source: Address | None) -> None:
        self._counters.add("datagrams_received")
        self._counters.add("bytes_received", amount=len(datagram))
        try:
            refusal = unpack_refusal(datagram)
            if refusal is not None:
                self._note_refusal(refusal, source)
                return
            opened = self._envelope.open(datagram)
            if source is not None:
                self._strangers.note(source)
            self._accept(opened)
        except DroppedError as dropped:
            self._counters.add("datagrams_dropped", dropped.reason.value)
            if source is not None and dropped.reason in REFUSED:
                self._refuse(dropped.reason, source)
        except Exception:
            logger.exception("a datagram of %d bytes failed", len(datagram))
            self._counters.add("datagrams_dropped", DropReason.INTERNAL.value)

    def _refuse(self, reason: DropReason, source: Address) -> None:
        """Tell a stranger why it is not heard: rarely, and with fewer bytes than it sent."""
        now = time.monotonic()
        if now < self._next_refusal:
            return
        self._next_refusal = now + REFUSAL_PAUSE_S
        with contextlib.suppress(OSError):
            self._socket.sendto(pack_refusal(reason), source)
            self._counters.add("refusals_sent", reason.value)

    def _note_refusal(self, reason: DropReason, source: Address | None) -> None:
        """Say it in the log, rarely: anybody can send a refusal, so nothing else follows from it."""
        self._counters.add("refusals_received", reason.value)
        now = time.monotonic()
        if now >= self._next_warning:
            self._next_warning = now + WARNING_PAUSE_S
            where = format_endpoint(source) if source is not None else ""
            logger.warning("refused", extra={"fields": {"by": where, "reason": REFUSAL_TEXT[reason]}})

    def _accept(self, opened: bytes) -> None:
        stamp, packed = unpack_stamped(opened)
        frame = unpack_frame(packed)
        if stamp and not self._admit(frame.sender, stamp):
            raise DroppedError(DropReason.COPY)
        if isinstance(frame, Receipt):
            self._flow.acknowledge(frame.pieces, time.monotonic())
            return
        if isinstance(frame, Bundle):
            for message in frame.messages:
                try:
                    self._receive(message, frame.sender)
                except DroppedError as dropped:  # the others may be good
                    self._counters.add("messages_dropped", dropped.reason.value)
            return
        if frame.pieces == 1:
            self._receive(frame.content, frame.sender)
        else:
            self._take_piece(frame)

    def _receive(self, content: bytes, sender: Endpoint) -> None:
        try:
            message = self._decoder.decode(content)
        except EncodingError:
            raise DroppedError(DropReason.UNKNOWN_MESSAGE) from None
        if out_of_range(message) is not None:
            raise DroppedError(DropReason.OUT_OF_RANGE)
        self._counters.add("messages_received", type(message).__name__)
        if self._deliver is None or not self._deliver(sender, message):
            raise DroppedError(DropReason.QUEUE_FULL)

    def _take_piece(self, frame: Frame) -> None:
        """Acknowledge a piece once it is kept, and the last one once its message is handed over.

        A message that nobody could take, however often it came, is not asked for again either.
        """
        content = self._assemble(frame)
        try:
            if content is not None:
                self._receive(content, frame.sender)
        except DroppedError as dropped:
            if dropped.reason is not DropReason.QUEUE_FULL:
                self._finish(frame)
            raise
        if content is not None:
            self._finish(frame)
        else:
            self._acknowledge(frame)

    def _assemble(self, frame: Frame) -> bytes | None:
        given_up = self._reassembler.given_up
        now_ms = int(time.monotonic() * 1000)
        try:
            return self._reassembler.add(frame.sender, frame.number, frame.place, frame.pieces, frame.content, now_ms)
        except ValueError:
            raise DroppedError(DropReason.MALFORMED) from None
        except NoRoomError:
            raise DroppedError(DropReason.NO_ROOM) from None
        finally:
            if self._reassembler.given_up > given_up:
                self._counters.add("messages_given_up", amount=self._reassembler.given_up - given_up)

    def _finish(self, frame: Frame) -> None:
        self._reassembler.finish(frame.sender, frame.number)
        self._acknowledge(frame)

    def _acknowledge(self, frame: Frame) -> None:
        self._receipts.setdefault(frame.sender, []).append((frame.number, frame.place))


def _check_advertised(settings: TransportSettings) -> None:
    """Others send to what is advertised: with a wildcard each of them would send to itself."""
    if settings.advertise and is_wildcard(settings.advertise):
        expected = "an address of this machine that others can send to"
        raise ConfigurationError("transport", "node.advertise", settings.advertise, expected)
    if not settings.advertise and is_wildcard(settings.listen):
        expected = (
            f"the address that others send to, since node.listen is {settings.listen}: every address of the machine"
        )
        raise ConfigurationError("transport", "node.advertise", None, expected)


def _bind(address: Address, listen: Endpoint) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_DGRAM)
    try:
        bound.setblocking(False)  # noqa: FBT003  (the standard library's signature)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            bound.setsockopt(socket.SOL_SOCKET, option, SOCKET_BUFFER_BYTES)
        bound.bind(address)
    except OSError as error:
        bound.close()
        expected = f"an address that can be bound ({error.strerror})"
        raise ConfigurationError("transport", "node.listen", listen, expected) from error
    return bound
