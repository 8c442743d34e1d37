"""Tokens: short-lived permissions for the pages of one origin, signed with a key that they do not hold."""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import hmac
import json
import re
import secrets
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field

from cfg.errors import ConfigError
from ditto_server.live.access import check_written_origin
from ditto_server.live.problems import Problem

MARK = "ditto1"  # that a token begins with
PURPOSE = b"tokens of the live server"
MAX_TOKEN_LETTERS = 2048
VALID_SECONDS, MAX_VALID_SECONDS = 600.0, 24 * 3600.0  # in which a token may begin sessions
MAX_TOKEN_SESSIONS = 16  # at once
MAX_REMEMBERED = 4096  # sessions of tokens that are remembered, those that are over among them
OF_A_SESSION = re.compile(r"/(?:v1/sessions|whep)/([^/]+)")
SESSIONS, OF_A_RECORDING = "/v1/sessions", "/record"  # paths, the second of them an end of one
IN_PLACE_OF_THE_KEY = {SESSIONS: "POST", "/v1/avatars": "GET"}  # requests that a token makes


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """Permission of a page that has no key."""

    origin: str  # of the page: https://shop.example
    expires: float  # seconds since 1970, after which no session is begun
    avatar: str | None = None  # the only one that may be chosen; None: any
    session_seconds: float = 600.0  # that a session may last
    sessions: int = 1  # at once
    id: str = field(default_factory=lambda: secrets.token_urlsafe(9))

    def __post_init__(self) -> None:
        check_written_origin(self.origin)
        if self.session_seconds <= 0:
            raise ConfigError(f"session_seconds is {self.session_seconds:g}, but must be above 0")
        if not 1 <= self.sessions <= MAX_TOKEN_SESSIONS:
            raise ConfigError(f"sessions is {self.sessions}, but must be from 1 to {MAX_TOKEN_SESSIONS}")


class Signer:
    """Makes and reads tokens. Whoever knows the server's key can make them without asking the server."""

    def __init__(self, key: str | None) -> None:
        """Without a key, tokens hold as long as this signer."""
        known = secrets.token_bytes(32) if key is None else key.encode()
        self._secret = hmac.digest(known, PURPOSE, "sha256")

    def signed(self, token: Token) -> str:
        said = encoded(json.dumps(asdict(token), separators=(",", ":")).encode())
        return f"{MARK}.{said}.{encoded(self._signature(said))}"

    def read(self, text: str | None) -> Token | None:
        """The token that a text is; None where it is none that was signed here."""
        mark, _, rest = (text or "")[: MAX_TOKEN_LETTERS + 1].partition(".")
        said, _, signature = rest.partition(".")
        if mark != MARK or len(text or "") > MAX_TOKEN_LETTERS or not rest.isascii():
            return None
        if not hmac.compare_digest(encoded(self._signature(said)).encode(), signature.encode()):
            return None
        try:
            return Token(**json.loads(base64.urlsafe_b64decode(padded(said))))
        except (binascii.Error, ValueError, TypeError, ConfigError):
            return None  # of a server that knows other members

    def _signature(self, said: str) -> bytes:
        return hmac.new(self._secret, said.encode(), hashlib.sha256).digest()


def is_for_operators(method: str, path: str) -> bool:
    """Whether a request lists all sessions, or records one: no token is good for it."""
    return path.endswith(OF_A_RECORDING) or (path == SESSIONS and method not in ("POST", "OPTIONS"))


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def padded(text: str) -> str:
    return text + "=" * (-len(text) % 4)


class TokenSessions:
    """Sessions that tokens have made: they alone may be used by the pages that the tokens name."""

    def __init__(self, signer: Signer, is_open: Callable[[str], bool]) -> None:
        """`is_open` tells of a session's name whether it still goes on."""
        self.signer = signer
        self._is_open = is_open
        self._made: OrderedDict[str, Token] = OrderedDict()
        self._beginning: Counter[str] = Counter()  # sessions of a token

    def admits(self, origin: str, method: str, path: str, given: str | None) -> bool:
        """Whether a page of elsewhere may make a request because of a token; `given` is its key."""
        if is_for_operators(method, path):
            return False
        session = OF_A_SESSION.match(path)
        if session is not None:
            maker = self._made.get(session[1])
            if maker is None:  # of a session that is not there, a page learns no more than that
                return not self._is_open(session[1])
            return maker.origin == origin
        if path in IN_PLACE_OF_THE_KEY and method == "OPTIONS":
            return True  # asked before the token is shown: the request itself is checked
        if IN_PLACE_OF_THE_KEY.get(path) != method:
            return False
        token = self.signer.read(given)
        return token is not None and token.origin == origin

    def check_shown(self, method: str, path: str, given: str | None) -> None:
        """A token that is shown is good for the sessions that it has made, and for no other."""
        session, token = OF_A_SESSION.match(path), self.signer.read(given)
        if token is None:
            return
        if is_for_operators(method, path):
            raise Problem(403, "a token neither lists sessions nor records them")
        if session is not None and self._is_open(session[1]) and self._made.get(session[1]) != token:
            raise Problem(403, "this token has not made that session, so it cannot be used with it")

    def check(self, token: Token, origin: str | None) -> None:
        """Whether a request may be made by a token."""
        if origin != token.origin:
            raise Problem(403, f"this token is for pages of {token.origin}, not of {origin or 'nowhere'}")
        if time.time() >= token.expires:
            raise Problem(
                401, "the token has expired; get another from whoever gave it", {"WWW-Authenticate": "Bearer"}
            )

    @contextlib.contextmanager
    def room(self, token: Token, avatar: str | None) -> Iterator[Callable[[str], None]]:
        """Keeps a place for one more session, if the token allows it; gives what notes the session's name."""
        if avatar != token.avatar and token.avatar is not None:
            raise Problem(403, f"this token is for the avatar '{token.avatar}' alone")
        going = sum(made == token and self._is_open(id) for id, made in self._made.items())
        if going + self._beginning[token.id] >= token.sessions:
            noun = "one session" if token.sessions == 1 else f"{token.sessions} sessions"
            raise Problem(
                429, f"this token is for {noun} at once; end one of them, or wait until one is over"
            )
        self._beginning[token.id] += 1
        try:
            yield lambda id: self._note(id, token)
        finally:
            self._beginning[token.id] -= 1
            self._beginning += Counter()  # forgets those that are at nought

    def _note(self, id: str, token: Token) -> None:
        self._made[id] = token
        if len(self._made) > MAX_REMEMBERED:
            over = next((old for old in self._made if not self._is_open(old)), next(iter(self._made)))
            del self._made[over]
