"""The operator's commands and the HTTP side of a running node."""

import asyncio
import inspect
import logging
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from importlib.resources import files
from typing import Any, get_type_hints

import msgspec

from coordfsm.kernel import EncodingError
from coordfsm.protocols.membership.events import ForceView, Join
from coordfsm_runtime.admin.http import HttpServer, Page, Route
from coordfsm_runtime.admin.live import LivePages
from coordfsm_runtime.admin.metrics import CONTENT_TYPE, exposition
from coordfsm_runtime.admin.server import AdminServer
from coordfsm_runtime.admin.status import (
    entities_of,
    history_of,
    members_of,
    status_of,
    topology_of,
    transaction_text,
    view_of,
)
from coordfsm_runtime.errors import AdminError, CommandRefusedError, UnconfirmedError
from coordfsm_runtime.node import ClusterNode
from coordfsm_runtime.plain import summarize, to_plain
from coordfsm_runtime.wire.keyring import parse_key

logger = logging.getLogger(__name__)

Handler = Callable[..., Awaitable[Any]]


class Operations:
    """Answers operators of one node.

    Args:
        node: which must have started before `start`.

    Attributes:
        stopped: set when the node is to end.
        graceful: whether it leaves the cluster before it ends.
    """

    def __init__(self, node: ClusterNode) -> None:
        self.node = node
        self.stopped = asyncio.Event()
        self.graceful = False
        self._admin: AdminServer | None = None
        self._http: HttpServer | None = None
        self._pages = LivePages(node)
        self._handlers: dict[str, Handler] = {
            "status": self._status,
            "members": self._members,
            "coordinator": self._coordinator,
            "topology": self._topology,
            "history": self._history,
            "register": self._register,
            "unregister": self._unregister,
            "create": self._create,
            "update": self._update,
            "remove": self._remove,
            "entities": self._entities,
            "payload": self._payload,
            "migrate": self._migrate,
            "in-doubt": self._in_doubt,
            "resolve": self._resolve,
            "confirm-stopped": self._confirm_stopped,
            "join": self._join,
            "leave": self._leave,
            "force-view": self._force_view,
            "keys": self._keys,
            "metrics": self._metrics,
        }

    async def start(self) -> None:
        """Open the admin socket and, if configured, the HTTP server.

        Raises:
            AdminError: one of them cannot be opened.
        """
        config = self.node.config
        if config.socket is not None:
            self._admin = AdminServer(config.socket, self.handle, self.watch)
            await self._admin.start()
        if config.http:
            self._http = HttpServer(config.http, self._routes(), config.http_hosts)
            await self._http.start()
            logger.info("http", extra={"fields": {"port": self._http.port}})

    async def close(self) -> None:
        for server in (self._admin, self._http):
            if server is not None:
                await server.close()

    def stop(self, *, graceful: bool) -> None:
        """End the node soon."""
        self.graceful = graceful
        self.stopped.set()

    async def handle(self, command: str, arguments: dict[str, Any]) -> Any:
        """The answer to one command.

        Raises:
            CoordfsmError: unknown, wrong arguments, or refused; the text says why.
        """
        handler = self._handlers.get(command)
        if handler is None:
            raise AdminError(f"unknown command {command!r}, expected one of {', '.join(sorted(self._handlers))}")
        try:
            inspect.signature(handler).bind(**arguments)
        except TypeError as error:
            raise AdminError(f"{command}: {error}") from error
        kinds = get_type_hints(handler)
        for name, value in arguments.items():
            try:
                msgspec.convert(value, kinds[name])
            except msgspec.ValidationError:
                raise AdminError(f"{command}: {name} is {value!r:.80}, expected {_described(kinds[name])}") from None
        try:
            return await handler(**arguments)
        except (ValueError, EncodingError) as error:
            raise AdminError(f"{command}: {error}") from error

    async def watch(self, *, serves: bool = False) -> AsyncIterator[dict[str, Any]]:
        """Every event as plain data.

        Args:
            serves: the caller serves entities, and confirms with ``confirm-stopped`` that it has stopped.
        """
        async for event in self.node.events(serves=serves, confirms=True):
            yield summarize(event)

    # -- commands ----------------------------------------------------------------------------------------------------

    async def _status(self) -> dict[str, Any]:
        return status_of(self.node)

    async def _members(self) -> dict[str, Any]:
        return {"view": view_of(self.node.view), "members": members_of(self.node)}

    async def _coordinator(self) -> dict[str, Any]:
        status = status_of(self.node)
        return {key: status[key] for key in ("coordinator", "succession", "stable", "acts_as_coordinator")}

    async def _topology(self) -> dict[str, Any] | None:
        return topology_of(self.node)

    async def _history(self) -> list[dict[str, Any]]:
        return history_of(self.node)

    async def _register(self, bubbles: list[str]) -> dict[str, Any]:
        return await self._hosted(self.node.register(*_texts("bubbles", bubbles)))

    async def _unregister(self, bubbles: list[str]) -> dict[str, Any]:
        return await self._hosted(self.node.unregister(*_texts("bubbles", bubbles)))

    async def _hosted(self, change: Coroutine[Any, Any, tuple[str, ...]]) -> dict[str, Any]:
        try:
            return {"hosted": list(await change), "confirmed": True}
        except UnconfirmedError:
            return {"hosted": list(self.node.data.coordination.registrar.hosted.bubbles), "confirmed": False}

    async def _create(self, entity: str, payload: str = "") -> dict[str, Any]:
        await self.node.create(_text("entity", entity), payload.encode())
        return self._entity(entity)

    async def _update(self, entity: str, payload: str) -> dict[str, Any]:
        outcome = await self.node.update(_text("entity", entity), payload.encode())
        return self._entity(entity) | {"outcome": outcome}

    async def _remove(self, entity: str) -> dict[str, Any]:
        await self.node.remove(_text("entity", entity))
        return self._entity(entity)

    async def _entities(self, state: str = "", entity: str = "") -> list[dict[str, Any]]:
        return entities_of(self.node, state, entity)

    async def _payload(self, entity: str) -> dict[str, Any]:
        held = self.node.data.migration.entities.get(_text("entity", entity))
        if held is None:
            raise CommandRefusedError(f"entity {entity!r} is not known here")
        return self._entity(entity) | {"payload": to_plain(held.payload)}

    def _entity(self, entity: str) -> dict[str, Any]:
        found = entities_of(self.node, entity=entity)
        return found[0] if found else {"entity": entity, "state": "absent"}

    async def _migrate(
        self, entity: str, destination: str, token: str = "", since: int = 0, *, wait: bool = True
    ) -> dict[str, Any]:
        names = (_text("entity", entity), _text("destination", destination))
        ended = await self.node.migrate(*names, token, since=since, wait=wait)
        answer: dict[str, Any] = to_plain(ended)
        answer.pop("type")
        answer["transaction"] = transaction_text(ended.transaction)
        held = self.node.data.migration.entities.get(entity)
        went = held is not None and held.state in ("departing", "departed")
        return answer | {"owner": held.peer if held is not None and went else ""}

    async def _in_doubt(self) -> list[dict[str, Any]]:
        return entities_of(self.node, "prepared") + entities_of(self.node, "departing")

    async def _resolve(self, entity: str, *, commit: bool) -> dict[str, Any]:
        await self.node.resolve(_text("entity", entity), commit=commit)
        return self._entity(entity)

    async def _confirm_stopped(self, entity: str, freeze: int = 0) -> dict[str, Any]:
        await self.node.confirm_stopped(_text("entity", entity), freeze)
        return self._entity(entity)

    async def _join(self, seeds: list[str]) -> dict[str, Any]:
        await self.node.submit(Join(_texts("seeds", seeds), secrets.token_hex(16)))
        return {"state": self.node.state}

    async def _leave(self) -> dict[str, Any]:
        self.stop(graceful=True)
        return {"state": "leaving"}

    async def _force_view(self, survivors: list[str], token: str = "") -> dict[str, Any]:
        token = token or secrets.token_hex(16)
        await self.node.submit(ForceView(_texts("survivors", survivors), token))
        return {"view": view_of(self.node.view), "token": token}

    async def _keys(self, replace: list[str] | None = None) -> dict[str, Any]:
        transport = self.node.transport
        if replace is not None:
            transport.replace_keys(tuple(parse_key(text) for text in _texts("replace", replace)))
            logger.info("keys replaced", extra={"fields": {"keys": len(replace)}})
        keyring = transport.keyring
        return {"sealed": keyring is not None, "keys": list(keyring.ids) if keyring is not None else []}

    async def _metrics(self) -> dict[str, Any]:
        return self.node.counters.to_json()

    # -- http --------------------------------------------------------------------------------------------------------

    def _routes(self) -> dict[str, Route]:
        return {
            "/": Route(self._page),
            "/status": Route(lambda: _json(self._whole_status())),
            "/healthz": Route(self._health),
            "/metrics": Route(lambda: Page(CONTENT_TYPE, exposition(self.node.counters, self._gauges()).encode())),
            "/events": Route(events=self._pages.lines),
        }

    def _page(self) -> Page:
        return Page("text/html; charset=utf-8", files("coordfsm_runtime.admin").joinpath("page.html").read_bytes())

    def _health(self) -> Page:
        """200 while the node acts as a member of a majority's view, else 503: for load balancers and supervisors."""
        healthy = self.node.state == "member" and not self.node.disk.is_hopeless
        return _json({"healthy": healthy, "state": self.node.state}, 200 if healthy else 503)

    def _gauges(self) -> dict[str, tuple[float, str]]:
        node = self.node
        view = node.view
        judged = Counter(member["state"] for member in members_of(node))
        return {
            "members": (len(view.members) if view else 0, "Members of the view."),
            "view_number": (view.number if view else 0, "Number of the view."),
            "is_coordinator": (node.coordinator == node.config.name, "Whether this node coordinates."),
            "is_member": (node.state == "member", "Whether this node acts as a member."),
            **{
                f"entities_{state}": (count, f"Entities here that are {state}.")
                for state, count in node.entity_counts.items()
            },
            "members_accused": (judged["accused"], "Members that this node accuses now."),
            "members_condemned": (judged["condemned"], "Members that this node condemns now."),
            "disk_slow": (node.disk.is_slow, "Whether the last commit was slow, or the one under way is."),
            "commit_waiting_seconds": (node.disk.waiting_s, "How long the commit under way takes already."),
            "uptime_seconds": (node.uptime_s, "Time since the start."),
        }

    def _whole_status(self) -> dict[str, Any]:
        past = {"history": history_of(self.node), "last_migrations": self._pages.last_migrations}
        return status_of(self.node) | past


def _described(kind: Any) -> str:
    """What an argument of this type has to be, in words."""
    return {str: "a text", bool: "true or false", int: "a whole number"}.get(kind, "a list of texts")


def _json(content: Any, status: int = 200) -> Page:
    return Page("application/json", msgspec.json.encode(content), status)


def _text(name: str, value: str) -> str:
    if not value:
        raise ValueError(f"{name} is {value!r}, expected a text")
    return value


def _texts(name: str, values: list[str]) -> tuple[str, ...]:
    if not values:
        raise ValueError(f"{name} is {values!r}, expected a list of texts")
    return tuple(values)
