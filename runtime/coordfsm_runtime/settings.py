"""What a node can be told, as data: section, name, type, default and what is expected, for file, environment and flags.

The settings of the machines (timeouts, limits) are read off their own declarations, so that none can be forgotten.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from coordfsm.kernel import LARGEST_NUMBER, Value
from coordfsm_runtime.errors import EndpointError
from coordfsm_runtime.logs import LEVELS
from coordfsm_runtime.wire.endpoint import split_endpoint
from coordfsm_runtime.wire.keyring import parse_key

MAXIMUM_NAME = 64


class Setting(NamedTuple):
    """One setting.

    Attributes:
        section: the table in the file.
        name: the key in that table.
        default: the value when nothing is given; None when it must be given or is worked out.
        expected: what is accepted, for help and errors.
        parse: from text (environment, flag) or TOML value to the setting's value; raises ValueError.
        help: one line.
    """

    section: str
    name: str
    default: Any
    expected: str
    parse: Callable[[Any], Any]
    help: str

    @property
    def key(self) -> str:
        return f"{self.section}.{self.name}"

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return f"COORDFSM_{self.section}_{self.name}".upper()

    @property
    def flag(self) -> str:
        """The command line flag that sets it; settings of `node` need no section."""
        prefix = "" if self.section == "node" else f"{self.section}-"
        return f"--{prefix}{self.name}".replace("_", "-")


def _name(value: Any) -> str:
    text = _text(value)
    if not 0 < len(text) <= MAXIMUM_NAME or not text.isprintable() or set(text) & set(" /,"):
        raise ValueError
    return text


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _path(value: Any) -> Path:
    if not _text(value):
        raise ValueError
    return Path(value).expanduser()


def _key_file(value: Any) -> Path:
    """A path; not a key that was put in its place, which would be shown as the path of a missing file."""
    try:
        parse_key(_text(value))
    except ValueError:
        return _path(value)
    raise ValueError


def _endpoint(value: Any) -> str:
    try:
        split_endpoint(_text(value))
    except EndpointError as error:
        raise ValueError from error
    return str(value)


def _reachable(value: Any) -> str:
    """An endpoint that somebody can send to: not port 0, which stands for any that is free."""
    endpoint = _endpoint(value)
    if split_endpoint(endpoint)[1] == 0:
        raise ValueError
    return endpoint


def _endpoints(value: Any) -> tuple[str, ...]:
    return tuple(_reachable(item) for item in _items(value))


def _hosts(value: Any) -> tuple[str, ...]:
    hosts = tuple(_text(item) for item in _items(value))
    if any(not host or not host.isascii() or set(host) & set(" /:@") for host in hosts):
        raise ValueError
    return hosts


def _keys(value: Any) -> tuple[bytes, ...]:
    keys = tuple(parse_key(_text(item)) for item in _items(value))
    if len(set(keys)) != len(keys):
        raise ValueError
    return keys


def _items(value: Any) -> list[Any]:
    """A list from TOML, or comma-separated text."""
    if isinstance(value, list | tuple):
        return list(value)
    return [item.strip() for item in _text(value).split(",") if item.strip()]


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    known = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    try:
        return known[_text(value).lower()]
    except KeyError:
        raise ValueError from None


def _level(value: Any) -> str:
    if value not in LEVELS:
        raise ValueError
    return str(value)


def _integer(least: int, most: int = LARGEST_NUMBER) -> Callable[[Any], int]:
    def parse(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise TypeError
        if isinstance(value, str) and not (value.isascii() and value.removeprefix("-").isdigit()):
            raise ValueError
        number = int(value)
        if not least <= number <= most:
            raise ValueError
        return number

    return parse


NODE_SETTINGS = (
    Setting(
        "node", "name", None, f"1 to {MAXIMUM_NAME} printable characters without space, slash, comma", _name, "node id"
    ),
    Setting("node", "listen", "127.0.0.1:7401", "host:port", _endpoint, "UDP address to bind"),
    Setting(
        "node",
        "advertise",
        "",
        "host:port, not port 0",
        _reachable,
        "address that others send to, when not the bound one",
    ),
    Setting("node", "data", None, "a directory", _path, "directory of the durable store"),
    Setting("node", "seeds", (), "a list of host:port, not port 0", _endpoints, "members to ask for admission"),
    Setting(
        "node",
        "bootstrap",
        default=False,
        expected="true or false",
        parse=_boolean,
        help="found a new cluster (one node only, once)",
    ),
    Setting(
        "node",
        "new_cluster",
        default=False,
        expected="true or false",
        parse=_boolean,
        help="with bootstrap: found it although seeds do not answer",
    ),
    Setting("node", "label", "coordfsm", "a name", _name, "the cluster's name; others are refused"),
    Setting("node", "trace", None, "a file", _path, "record all inputs and effects here"),
    Setting(
        "node",
        "trace_max_bytes",
        1 << 30,
        "an integer of at least 0",
        _integer(0),
        "most bytes of the trace; 0 for no bound",
    ),
    Setting(
        "node", "leave_timeout_ms", 10_000, "an integer of at least 0", _integer(0), "longest wait for a graceful leave"
    ),
    Setting(
        "security", "keys", (), "a list of base64 keys of 32 bytes, each once", _keys, "cluster keys, primary first"
    ),
    Setting(
        "security",
        "key_file",
        None,
        "a file with one base64 key a line",
        _key_file,
        "file with the cluster keys, - for standard input",
    ),
    Setting(
        "security",
        "insecure",
        default=False,
        expected="true or false",
        parse=_boolean,
        help="plain datagrams beyond loopback",
    ),
    Setting("admin", "socket", None, "a path of under 100 bytes", _path, "Unix socket for the operator's commands"),
    Setting("admin", "http", "", "host:port", _endpoint, "serve status, metrics and the live page here"),
    Setting(
        "admin",
        "http_hosts",
        (),
        "a list of host names",
        _hosts,
        "names under which status may be asked",
    ),
    Setting(
        "admin",
        "http_public",
        default=False,
        expected="true or false",
        parse=_boolean,
        help="serve status beyond loopback, to whoever reaches it",
    ),
    Setting("log", "level", "info", " or ".join(LEVELS), _level, "least level that is logged"),
)


def machine_settings(section: str, declaration: type[Value], exclude: frozenset[str]) -> tuple[Setting, ...]:
    """The settings of a machine's own settings value that are plain numbers or switches."""
    settings: list[Setting] = []
    for field in msgspec.structs.fields(declaration):
        if field.name in exclude:
            continue
        if field.type is bool:
            settings.append(Setting(section, field.name, field.default, "true or false", _boolean, ""))
        elif field.type is int:
            bounds: Mapping[str, tuple[int, int]] = getattr(declaration, "bounds", {})
            usual = (1 if field.name.endswith("_ms") else 0, LARGEST_NUMBER)
            least, most = bounds.get(field.name, usual)
            expected = (
                f"an integer of at least {least}" if most == LARGEST_NUMBER else f"an integer from {least} to {most}"
            )
            settings.append(Setting(section, field.name, field.default, expected, _integer(least, most), ""))
    return tuple(settings)
