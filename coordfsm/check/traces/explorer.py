"""The page of `coordfsm explore`: one state of a model, what can happen in it, and the way that led there.

A way is written as the numbers of the actions taken, ``/3.0.12``. Successors come in a fixed order, so an address
means the same state every time; the number of another start than the first comes before them, ``/2:3.0.12``. The
page needs no script. A counterexample is such a way, too: the page then says at
each of its states how it goes on.
"""

from collections.abc import Iterator
from html import escape
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import NamedTuple

from coordfsm.check.exploration.reference import holds_in, may_rest
from coordfsm.check.exploration.semantics import Action, State, StepError, System
from coordfsm.check.modelling.model import Local, Model, Property
from coordfsm.check.traces.replay import first_of
from coordfsm.check.traces.trace import Trace, TraceFileError, TraceStep, action_key, build_trace, describe
from coordfsm.kernel import CoordfsmError

LONGEST = 1_000
"""Steps of a way at most."""

HOSTS = ("127.0.0.1", "localhost")
"""Names under which the page is asked for: any other is a page elsewhere that a browser was led to send here."""

STYLE = """
:root { color-scheme: light dark; --line: #8886; --bad: #c62828; --good: #1b7f4b; --link: #2f6fd6; }
@media (prefers-color-scheme: dark) { :root { --bad: #ff7b72; --good: #5bd08f; --link: #6ea8fe; } }
body { margin: 1rem 1.4rem; font: 14px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.25rem; margin: 0 0 .2rem; } h2 { font-size: .95rem; margin: 1.2rem 0 .4rem; }
main { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 30rem), 1fr)); gap: 0 2rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid var(--line);
  overflow-wrap: anywhere; }
td:first-child { white-space: nowrap; }
th { font-weight: 600; } a { color: var(--link); text-decoration: none; } a:hover { text-decoration: underline; }
.soft { opacity: .65; } .bad { color: var(--bad); font-weight: 600; } .good { color: var(--good); }
.way td { border-left: 1px solid var(--line); padding-left: .5rem; }
"""


class WayError(CoordfsmError):
    """An address does not name a way through the model."""


class Place(NamedTuple):
    """A state with how it was reached.

    Attributes:
        start: the number of the start that it began with.
        taken: the numbers of the actions taken.
        path: the states passed, with those actions.
        enabled: what can happen next.
        error: what a machine raised when it was asked; empty if none did.
    """

    start: int
    taken: tuple[int, ...]
    path: list[tuple[Action | None, State]]
    enabled: list[tuple[Action, State]]
    error: str

    @property
    def state(self) -> State:
        return self.path[-1][1]


class Explorer:
    """Pages of one model.

    Args:
        model: what is explored.
        counterexample: a way through it that the pages point out; None: there is none.

    Attributes:
        begin: the address to open first: that of the counterexample's end, or of the start.

    Raises:
        TraceFileError: the counterexample is of other nodes, or has a step that cannot happen in the model.
    """

    def __init__(self, model: Model, counterexample: Trace | None = None) -> None:
        self._system = System(model)
        self._counterexample = counterexample
        self._start, self._way = (0, ()) if counterexample is None else self._way_of(counterexample)
        self.begin = _address(self._start, self._way)

    def _way_of(self, trace: Trace) -> tuple[int, tuple[int, ...]]:
        """The number of a trace's start, and those of the actions that it takes."""
        names = tuple(node.name for node in self._system.model.nodes)
        if names != trace.nodes:
            raise TraceFileError(f"it is of nodes {', '.join(trace.nodes)}, the model has {', '.join(names)}")
        taken: list[int] = []
        first = state = first_of(self._system, trace)
        for step in trace.steps:
            enabled, _ = self._enabled(state)
            keys = [action_key(action) for action, _ in enabled]
            if step.action not in keys:
                raise TraceFileError(f"step {step.number} cannot happen in the model as it is now")
            taken.append(keys.index(step.action))
            state = enabled[taken[-1]][1]
        return [known for _, known in self._system.starts].index(first), tuple(taken)

    def place(self, address: str) -> Place:
        """The state that an address names.

        Raises:
            WayError: not numbers separated by dots, too long, or a number that nothing has there.
        """
        start, colon, way = address.strip("/").rpartition(":")
        texts = [text for text in way.split(".") if text]
        if len(texts) > LONGEST or not all(map(_is_number, [*texts, *([start] if colon else [])])):
            raise WayError(f"expected at most {LONGEST} numbers with dots between them")
        starts, chosen = self._system.starts, int(start or 0)
        if chosen >= len(starts):
            raise WayError(f"the model has {len(starts)} starts, number {chosen} is none of them")
        path: list[tuple[Action | None, State]] = [(None, starts[chosen][1])]
        for step, number in enumerate(map(int, texts), 1):
            enabled, _ = self._enabled(path[-1][1])
            if number >= len(enabled):
                raise WayError(f"step {step}: {len(enabled)} things can happen there, number {number} is none of them")
            path.append(enabled[number])
        return Place(chosen, tuple(map(int, texts)), path, *self._enabled(path[-1][1]))

    def _enabled(self, state: State) -> tuple[list[tuple[Action, State]], str]:
        enabled: list[tuple[Action, State]] = []
        try:
            enabled.extend(self._system.successors(state))
        except StepError as error:
            return enabled, str(error)
        return enabled, ""

    def page(self, address: str) -> str:
        """The page of a state.

        Raises:
            WayError: as `place`.
        """
        place, model = self.place(address), self._system.model
        parameters = " ".join(f"{name}={value}" for name, value in model.parameters.items())
        trace = build_trace(self._system, place.path, "", "")
        parts = [
            '<!doctype html><html lang="en"><meta charset="utf-8"><link rel="icon" href="data:,">',
            f"<title>{escape(model.name)}: step {len(place.taken)}</title><style>{STYLE}</style>",
            f"<h1>{escape(model.name)} <span class=soft>{escape(parameters)}</span></h1>",
            f"<nav>step {len(place.taken)} &middot; {self._starts(place)} {_back(place)}</nav>",
            *self._told_counterexample(place),
            "<main><div>",
            *self._properties(place),
            *self._nodes(place),
            *self._messages(place),
            "</div><div>",
            *self._next(place),
            "</div></main>",
            *_way(place, trace),
        ]
        return "\n".join(parts)

    def _starts(self, place: Place) -> str:
        """Links to where things begin; that of the way so far stands out."""
        links = [
            f'<a href="/{_address(number, ())}">{escape(name or "start")}</a>'
            for number, (name, _) in enumerate(self._system.starts)
        ]
        if len(links) > 1:
            links[place.start] = f"<b>{links[place.start]}</b>"
        return " &middot; ".join(links)

    def _told_counterexample(self, place: Place) -> Iterator[str]:
        trace = self._counterexample
        if trace is None:
            return
        mutant = f" (mutant {trace.mutant})" if trace.mutant else ""
        yield f"<p>Counterexample{escape(mutant)}: <b>{escape(trace.property)}</b> {escape(trace.statement)}<br>"
        at = len(place.taken)
        if (place.start, place.taken) != (self._start, self._way[:at]):
            yield f'This state is off its way: <a href="/{self.begin}">its end</a>'
        elif at < len(self._way):
            after = _address(place.start, self._way[: at + 1])
            yield f'Step {at} of {len(self._way)}: <a href="/{after}">next</a>, <a href="/{self.begin}">its end</a>'
        elif 0 < trace.loop < at:
            back = _address(place.start, self._way[: trace.loop])
            yield f'Its end: the steps after <a href="/{back}">step {trace.loop}</a> repeat for ever.'
        else:
            yield f"Its end. {escape(trace.rest)}"

    def _properties(self, place: Place) -> Iterator[str]:
        yield "<h2>Properties in this state</h2><table>"
        for item in self._system.model.properties:
            word, style = self._verdict(item, place.state)
            yield f'<tr><td>{escape(item.id)}<td class="{style}">{word}<td class=soft>{escape(item.statement)}'
        yield "</table>"

    def _verdict(self, item: Property, state: State) -> tuple[str, str]:
        holds = holds_in(self._system, item, state)
        if item.kind == "invariant":
            return ("holds", "good") if holds else ("VIOLATED", "bad")
        return (f"{item.kind.replace('_', ' ')}: here", "good") if holds else (f"{item.kind}: not here", "soft")

    def _nodes(self, place: Place) -> Iterator[str]:
        yield "<h2>Nodes</h2><table>"
        for position, node in enumerate(self._system.model.nodes):
            changed = len(place.path) > 1 and place.path[-2][1].locals[position] != place.state.locals[position]
            name = f"<b>{escape(node.name)}</b>" if changed else escape(node.name)
            yield f"<tr><td>{name}<td>{_local(self._system.local(place.state, position))}"
        if self._system.model.observer is not None:
            kept = self._system.locals.values[place.state.locals[-1]].kept
            yield f"<tr><td>history<td>{escape(describe(kept))}"
        for name, left in zip(self._system.budget_names, place.state.budgets, strict=True):
            yield f"<tr class=soft><td>{escape(name)}<td>{left} left"
        if place.state.cut:
            partition = self._system.model.faults.partitions[place.state.cut - 1]
            yield f"<tr class=bad><td>partition<td>{escape(partition.name)}"
        yield "</table>"

    def _messages(self, place: Place) -> Iterator[str]:
        flying = sorted(
            (item.receiver, item.sender, describe(item.message)) for item in self._system.in_flight(place.state)
        )
        yield f"<h2>Messages in flight ({len(flying)})</h2><table>"
        for receiver, sender, message in flying:
            yield f"<tr><td>{escape(sender)} &rarr; {escape(receiver)}<td>{escape(message)}"
        yield "</table>"

    def _next(self, place: Place) -> Iterator[str]:
        yield f"<h2>What can happen next ({len(place.enabled)})</h2><table>"
        for number, (action, successor) in enumerate(place.enabled):
            [step] = build_trace(self._system, [(None, place.state), (action, successor)], "", "").steps
            link = f'<a href="/{_address(place.start, (*place.taken, number))}">{escape(_headline(step))}</a>'
            same = " <span class=soft>(changes nothing)</span>" if successor == place.state else ""
            violated = [
                item.id
                for item in self._system.model.properties
                if item.kind == "invariant" and not holds_in(self._system, item, successor)
            ]
            warning = f" <span class=bad>violates {escape(', '.join(violated))}</span>" if violated else ""
            yield f"<tr><td>{escape(action.node)}<td>{link}{same}{warning}"
        yield "</table>"
        if place.error:
            yield f"<p class=bad>{escape(place.error)}</p>"
        elif not place.enabled:
            rests = may_rest(self._system, place.state)
            yield f"<p>Nothing: {'every node may rest here' if rests else 'a deadlock, some node may not rest'}.</p>"


def _local(local: Local) -> str:
    parts = ["<span class=bad>down</span>"] if local.data is None else [escape(describe(local.data))]
    parts += [f"timer {escape(describe(timer))}" for timer in local.timers]
    parts += [f"durable {escape(record.key)}: {escape(describe(record.value))}" for record in local.durable]
    return "<br>".join(parts)


def _address(start: int, taken: tuple[int, ...]) -> str:
    return f"{start}:" * (start > 0) + ".".join(map(str, taken))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 7


def _back(place: Place) -> str:
    return f'&middot; <a href="/{_address(place.start, place.taken[:-1])}">one step back</a>' if place.taken else ""


def _headline(step: TraceStep) -> str:
    told = {
        "deliver": f"{step.sender} \u2192 {step.event}",
        "lose": f"lost: {step.sender} \u2192 {step.event}",
        "timeout": f"timer {step.event}",
        "crash": "crashes",
        "recover": "starts again",
        "partition": "partition begins",
        "heal": "partition heals",
        "copy": "its store is copied",
        "rollback": "the copy of its store is put back",
        "clone": "a copy of its store leaves",
        "wipe": "its store is lost",
    }.get(step.kind, step.event)
    return f"{told} ({step.note})" if step.note else told


def _way(place: Place, trace: Trace) -> Iterator[str]:
    """The sequence chart of the way: a column a node, a row a step."""
    if not trace.steps:
        return
    yield "<h2>The way so far</h2><table class=way><tr><th>step"
    yield "".join(f"<th>{escape(name)}" for name in trace.nodes)
    for step in trace.steps:
        link = f'<a href="/{_address(place.start, place.taken[: step.number])}">{step.number}</a>'
        told = [f"<b>{escape(_headline(step))}</b>", *map(escape, step.changes)]
        told += [f"&rarr; {escape(sent.receiver)}: {escape(sent.message)}" for sent in step.sent]
        cells = ["<br>".join(told) if name == step.node else "" for name in trace.nodes]
        if step.node not in trace.nodes:
            cells = [f"<b>{escape(step.node)}: {escape(_headline(step))}</b>", *cells[1:]]
        yield f"<tr><td>{link}" + "".join(f"<td>{cell}" for cell in cells)
    yield "</table>"


def serve(explorer: Explorer, port: int) -> HTTPServer:
    """A server on the loopback interface. One request at a time: the tables are not shared between threads.

    Raises:
        WayError: the port cannot be had.
    """

    class Handler(BaseHTTPRequestHandler):
        timeout = 5  # a browser that opens a connection and says nothing must not block the next request

        def do_GET(self) -> None:
            status, page = 200, ""
            try:
                if self.headers.get("Host", "").rpartition(":")[0] not in HOSTS:
                    status, page = 403, "<p>expected a request to 127.0.0.1"
                else:
                    page = explorer.page(self.path)
            except WayError as error:
                status, page = 404, f'<p>{escape(str(error))}<p><a href="/">start</a>'
            body = page.encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Requests are not news."""

    try:
        return HTTPServer(("127.0.0.1", port), Handler)
    except (OSError, OverflowError) as error:
        raise WayError(f"cannot serve on 127.0.0.1 port {port}: {error}") from error
