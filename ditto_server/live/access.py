"""Access to the server: from this machine alone by default, by key, from its own pages."""

from __future__ import annotations

import hmac
import ipaddress
import re
import secrets
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from cfg.errors import ConfigError
from ditto_server.live.problems import Problem

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
DEFAULT_PORTS = {"http": 80, "https": 443}
MIN_KEY_LETTERS = 12
MAX_DIGITS = 18  # of a number in a header or a query


@dataclass(frozen=True, kw_only=True)
class Access:
    """Hosts, origins and keys that are accepted."""

    host: str = "127.0.0.1"  # that is listened on
    key: str | None = None  # of visitors
    admin_key: str | None = None  # of who may see and end all sessions
    hosts: tuple[str, ...] = ()  # further names of this server, as behind a proxy
    origins: tuple[str, ...] = ()  # of other pages that may use it: https://example.org

    def __post_init__(self) -> None:
        for name, key in (("key", self.key), ("admin key", self.admin_key)):
            if key is not None and len(key) < MIN_KEY_LETTERS:
                raise ConfigError(f"the {name} has {len(key)} letters, but needs at least {MIN_KEY_LETTERS}")
        if not is_loopback(self.host) and self.key is None:
            raise ConfigError(
                f"{self.host} can be reached from other machines, so visitors need a key: "
                f"set DITTO_LIVE_KEY={secrets.token_urlsafe(16)} (made just now), or give --key"
            )
        outside = [name for name in self.hosts if not is_loopback(name)]
        if outside and self.key is None:
            raise ConfigError(
                f"who reaches {outside[0]} reaches this server, so visitors need a key: "
                "set DITTO_LIVE_KEY, or give --key"
            )
        for origin in self.origins:
            check_written_origin(origin)

    def check_host(self, named: str | None) -> None:
        """Against DNS rebinding: a page elsewhere cannot make its own name one of these."""
        name = host_of(named or "")
        if name in (*LOOPBACK_NAMES, self.host, *self.hosts):
            return
        if not is_loopback(self.host) and (is_address(name) or name == socket.gethostname().lower()):
            return
        raise Problem(421, f"this server is not called '{name}'; start it with --allow-host {name} if it is")

    def check_origin(self, origin: str | None, host: str | None) -> None:
        """A page may use the server it came from, or one that names its origin."""
        if origin is None or origin in self.origins:
            return
        if urlsplit(origin).netloc.lower() != (host or "").lower() or not host:
            raise Problem(403, f"pages of {origin} may not use this server; --allow-origin lets them")

    def check_key(self, given: str | None) -> None:
        keys = [key for key in (self.key, self.admin_key) if key is not None]
        if self.key is not None and not any(same(given, key) for key in keys):
            said = "this server needs a key" if given is None else "the key is wrong"
            raise Problem(401, f"{said}: Authorization: Bearer KEY", {"WWW-Authenticate": "Bearer"})

    def check_admin(self, given: str | None) -> None:
        if self.admin_key is not None:
            if not same(given, self.admin_key):
                raise Problem(401, "the admin key is needed here", {"WWW-Authenticate": "Bearer"})
        elif self.key is not None:
            raise Problem(403, "start the server with DITTO_LIVE_ADMIN_KEY set to see and end all sessions")


def check_written_origin(origin: str) -> None:
    """Refuses what is no origin, or is not written as browsers write it: they are compared as texts."""
    written = normal_origin(origin)
    if written is None:
        raise ConfigError(f"'{origin}' is not an origin, such as https://example.org")
    if origin != written:
        raise ConfigError(f"browsers write the origin '{origin}' as {written}; give it so")


def normal_origin(text: str) -> str | None:
    """`https://Example.org:443` as https://example.org; None for what is no origin."""
    try:
        parts = urlsplit(text)
        port, name = parts.port, (parts.hostname or "").encode("idna").decode()
    except ValueError:
        return None
    named = re.fullmatch(r"[a-z0-9._-]+", name) or is_address(name)
    if parts.scheme not in DEFAULT_PORTS or not named or parts.username or parts.path or parts.query:
        return None
    host = f"[{ipaddress.ip_address(name)}]" if ":" in name else name
    return f"{parts.scheme}://{host}" + ("" if port in (None, DEFAULT_PORTS[parts.scheme]) else f":{port}")


def same(given: str | None, key: str) -> bool:
    return given is not None and hmac.compare_digest(given.encode(), key.encode())


def bearer(headers: Headers) -> str | None:
    """The key of an Authorization header."""
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" and key.strip() else None


def host_of(named: str) -> str:
    """`Example.org:8765` as example.org; `[::1]:80` as ::1."""
    if named.startswith("["):
        return named[1:].partition("]")[0].lower()
    return named.rpartition(":")[0].lower() if named.count(":") == 1 else named.lower()


def is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_loopback(name: str) -> bool:
    return name == "localhost" or (is_address(name) and ipaddress.ip_address(name).is_loopback)


def whole(text: str | None) -> int | None:
    """The whole number that a header or a query says; None where it is none that anybody means."""
    known = text is not None and len(text) <= MAX_DIGITS and text.isascii() and text.isdigit()
    return int(text) if text is not None and known else None
