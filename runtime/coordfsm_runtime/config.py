"""A node's configuration: a TOML file, then environment variables, then flags; the later ones win."""

import logging
import os
import stat
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from coordfsm_runtime.errors import ConfigurationError, EndpointError
from coordfsm_runtime.settings import NODE_SETTINGS, Setting
from coordfsm_runtime.wire.endpoint import format_endpoint, is_loopback, is_wildcard, parse_endpoint, resolve_endpoint
from coordfsm_runtime.wire.keyring import parse_key
from coordfsm_runtime.wire.transport import TransportSettings

logger = logging.getLogger(__name__)

STANDARD_INPUT = Path("-")

MAXIMUM_SOCKET_BYTES = 100
"""A Unix socket's path must fit the system's 108 bytes."""


class NodeConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a node is told when it starts.

    Attributes:
        name: the node id; stable over restarts.
        listen: numeric ``host:port`` to bind. The port should stay the same over restarts.
        advertise: what others send to; empty for the bound address.
        data: directory of the store.
        seeds: endpoints of members to ask for admission.
        bootstrap: found a new cluster, if the store knows of none and no seed does.
        new_cluster: with `bootstrap`: found it also when seeds do not answer.
        label: the cluster's name.
        trace: file to record inputs and effects in, or None.
        trace_max_bytes: of the trace's two files together; 0 for no bound.
        leave_timeout_ms: longest wait for a graceful leave.
        keys: cluster keys, the primary first; empty for plain datagrams.
        insecure: plain datagrams beyond loopback.
        socket: the admin socket, or None for none.
        http: ``host:port`` of the HTTP server, empty for none.
        http_hosts: further names under which the HTTP server may be asked.
        log_level: least level that is logged.
        machines: settings of the machines by section, as far as given.
    """

    name: str
    data: Path
    listen: str = "127.0.0.1:0"
    advertise: str = ""
    seeds: tuple[str, ...] = ()
    bootstrap: bool = False
    new_cluster: bool = False
    label: str = "coordfsm"
    trace: Path | None = None
    trace_max_bytes: int = 0
    leave_timeout_ms: int = 10_000
    keys: tuple[bytes, ...] = ()
    insecure: bool = False
    socket: Path | None = None
    http: str = ""
    http_hosts: tuple[str, ...] = ()
    log_level: str = "info"
    machines: Mapping[str, Mapping[str, Any]] = {}

    def __repr__(self) -> str:
        """Without the keys: a configuration may be logged."""
        fields = {name: getattr(self, name) for name in self.__struct_fields__ if name != "keys"}
        shown = ", ".join(f"{name}={value!r}" for name, value in fields.items())
        return f"NodeConfig({shown}, keys=<{len(self.keys)} not shown>)"

    @property
    def transport(self) -> TransportSettings:
        return TransportSettings(self.listen, self.advertise, self.label, self.keys, self.insecure)


class Gathered:
    """Settings found so far, each with the source that gave it."""

    def __init__(self, settings: tuple[Setting, ...]) -> None:
        self._settings = {setting.key: setting for setting in settings}
        self._values: dict[str, tuple[Any, str]] = {}

    def take(self, source: str, key: str, value: Any) -> None:
        """Check one setting and keep it.

        Raises:
            ConfigurationError: unknown, mistyped or out of range.
        """
        setting = self._settings.get(key)
        if setting is None:
            section = key.partition(".")[0]
            near = [known for known in self._settings if known.startswith(section + ".")] or [
                f"[{name}]" for name in dict.fromkeys(known.partition(".")[0] for known in self._settings)
            ]
            raise ConfigurationError(source, key, value, "one of " + ", ".join(near))
        try:
            self._values[key] = (setting.parse(value), source)
        except (ValueError, TypeError):
            raise ConfigurationError(source, key, value, setting.expected) from None

    def value(self, key: str) -> Any:
        return self._values[key][0] if key in self._values else self._settings[key].default

    def source(self, key: str) -> str:
        """Who gave a setting; for one that nobody gave, all that could have."""
        setting = self._settings[key]
        return (
            self._values[key][1] if key in self._values else f"configuration (file, {setting.variable}, {setting.flag})"
        )

    def given(self, section: str) -> dict[str, Any]:
        """The settings of one section that somebody gave, by name."""
        return {
            key.partition(".")[2]: value for key, (value, _) in self._values.items() if key.startswith(section + ".")
        }


def load_config(
    machine_settings: tuple[Setting, ...],
    file: Path | None = None,
    environment: Mapping[str, str] = os.environ,
    flags: Mapping[str, Any] | None = None,
) -> NodeConfig:
    """Read a configuration.

    Args:
        machine_settings: the settings of the machines that the node runs.
        file: a TOML file, or None.
        environment: variables ``COORDFSM_SECTION_NAME``; others are passed over.
        flags: values by ``section.name`` that were given on the command line.

    Raises:
        ConfigurationError: naming the source, the key, the value and what was expected.
    """
    known = (*NODE_SETTINGS, *machine_settings)
    gathered = Gathered(known)
    if file is not None:
        _take_file(gathered, file)
    for setting in known:
        if setting.variable in environment:
            gathered.take(f"environment {setting.variable}", setting.key, environment[setting.variable])
    for key, value in (flags or {}).items():
        if key == "security.keys":
            expected = "security.key_file, or COORDFSM_SECURITY_KEYS: whoever lists processes reads a command line"
            raise ConfigurationError("command line", key, value, expected)
        gathered.take("command line", key, value)
    return _build(gathered, tuple(dict.fromkeys(setting.section for setting in machine_settings)))


def _take_file(gathered: Gathered, file: Path) -> None:
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(str(file), "file", str(file), f"a readable file ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(str(file), "file", str(file), f"TOML ({error})") from error
    security = content.get("security")
    if isinstance(security, dict) and "keys" in security:
        _check_secrecy(file, "security.keys")
    for section, table in content.items():
        if not isinstance(table, dict):
            gathered.take(str(file), section, table)
            continue
        for name, value in table.items():
            gathered.take(str(file), f"{section}.{name}", value)


def _build(gathered: Gathered, machine_sections: tuple[str, ...]) -> NodeConfig:
    value = gathered.value
    for key in ("node.name", "node.data"):
        if value(key) is None:
            setting = next(setting for setting in NODE_SETTINGS if setting.key == key)
            raise ConfigurationError(gathered.source(key), key, None, setting.expected)
    data: Path = value("node.data")
    socket: Path = value("admin.socket") or data / "admin.sock"
    if len(os.fsencode(socket.absolute())) > MAXIMUM_SOCKET_BYTES:
        raise ConfigurationError(gathered.source("admin.socket"), "admin.socket", str(socket), "a shorter path")
    return NodeConfig(
        name=value("node.name"),
        data=data,
        listen=_numeric(gathered, "node.listen"),
        advertise=_numeric(gathered, "node.advertise"),
        seeds=_seeds(gathered),
        bootstrap=value("node.bootstrap"),
        new_cluster=value("node.new_cluster"),
        label=value("node.label"),
        trace=value("node.trace"),
        trace_max_bytes=value("node.trace_max_bytes"),
        leave_timeout_ms=value("node.leave_timeout_ms"),
        keys=_all_keys(gathered),
        insecure=value("security.insecure"),
        socket=socket,
        http=_http(gathered),
        http_hosts=value("admin.http_hosts"),
        log_level=value("log.level"),
        machines={section: gathered.given(section) for section in machine_sections},
    )


def _seeds(gathered: Gathered) -> tuple[str, ...]:
    """The others to ask. One list may serve all nodes: a node's own address in it is passed over."""
    given = tuple(_resolve(gathered, "node.seeds", seed) for seed in gathered.value("node.seeds"))
    own = (_numeric(gathered, "node.listen"), _numeric(gathered, "node.advertise"))
    others = tuple(seed for seed in given if seed not in own)
    everywhere = next((seed for seed in others if is_wildcard(seed)), None)
    if everywhere is not None:
        expected = "addresses that can be sent to; this one is every address of the machine"
        raise ConfigurationError(gathered.source("node.seeds"), "node.seeds", everywhere, expected)
    twice = next((seed for seed in others if others.count(seed) > 1), None)
    if twice is not None:
        raise ConfigurationError(gathered.source("node.seeds"), "node.seeds", twice, "each address once")
    if given and not others and not gathered.value("node.bootstrap"):
        expected = "another node's address, not only this node's own"
        raise ConfigurationError(gathered.source("node.seeds"), "node.seeds", given[0], expected)
    return others


def _http(gathered: Gathered) -> str:
    """Where HTTP is served: beyond loopback only for those who say that they mean it."""
    endpoint = _numeric(gathered, "admin.http")
    if endpoint and not is_loopback(endpoint) and not gathered.value("admin.http_public"):
        expected = "a loopback address, or admin.http_public = true: whoever reaches it reads the cluster's state"
        raise ConfigurationError(gathered.source("admin.http"), "admin.http", endpoint, expected)
    return endpoint


def _numeric(gathered: Gathered, key: str) -> str:
    endpoint: str = gathered.value(key)
    return _resolve(gathered, key, endpoint) if endpoint else ""


def _resolve(gathered: Gathered, key: str, endpoint: str) -> str:
    try:
        return format_endpoint(parse_endpoint(endpoint))
    except EndpointError:
        pass
    try:
        return resolve_endpoint(endpoint)
    except EndpointError as error:
        raise ConfigurationError(gathered.source(key), key, endpoint, f"a host that resolves ({error})") from error


def _all_keys(gathered: Gathered) -> tuple[bytes, ...]:
    """The keys given directly, then those of the key file."""
    keys: tuple[bytes, ...] = gathered.value("security.keys")
    file: Path | None = gathered.value("security.key_file")
    return tuple(dict.fromkeys((*keys, *(read_key_file(file) if file is not None else ()))))


def _check_secrecy(file: Path, key: str) -> None:
    """Refuse a file with keys that others than its owner can write; warn of one that they can read."""
    mode = file.stat().st_mode
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        expected = "a file that only its owner can write (chmod 600): whoever writes it can join the cluster"
        raise ConfigurationError(str(file), key, str(file), expected)
    if mode & (stat.S_IRGRP | stat.S_IROTH):
        logger.warning("key file", extra={"fields": {"file": str(file), "reason": "others than its owner can read it"}})


def read_key_file(file: Path) -> tuple[bytes, ...]:
    """The keys of a file, one base64 text a line; empty lines and lines that start with ``#`` are passed over.

    Args:
        file: its path; ``-`` for standard input, of which nothing is left then.

    Raises:
        ConfigurationError: unreadable, writable by others than its owner, without keys, or with a line that is no key
            (it is not repeated).
    """
    piped = file == STANDARD_INPUT
    try:
        lines = (sys.stdin.buffer.read() if piped else file.read_bytes()).decode("ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigurationError(str(file), "security.key_file", str(file), f"a readable file ({reason})") from error
    if not piped:
        _check_secrecy(file, "security.key_file")
    keys: list[bytes] = []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            keys.append(parse_key(line))
        except ValueError as error:
            raise ConfigurationError(f"{file}:{number}", "key", "(not shown)", f"a base64 key: {error}") from error
    if not keys:
        raise ConfigurationError(str(file), "security.key_file", str(file), "at least one key")
    return tuple(keys)
