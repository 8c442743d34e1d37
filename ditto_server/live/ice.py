"""Servers that help media through firewalls: none unless they are set, TURN credentials for each session."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from dataclasses import dataclass

from cfg.errors import ConfigError

SCHEMES = ("stun", "stuns", "turn", "turns")


@dataclass(frozen=True, slots=True)
class IceServer:
    """One server as browsers and aiortc are told of it."""

    urls: str
    username: str | None = None
    credential: str | None = None

    def as_json(self) -> dict[str, str]:
        named = {"urls": self.urls, "username": self.username, "credential": self.credential}
        return {name: value for name, value in named.items() if value is not None}


@dataclass(frozen=True, kw_only=True)
class IceSettings:
    """Servers that are asked; the secret is the one that coturn calls static-auth-secret."""

    urls: tuple[str, ...] = ()
    turn_secret: str | None = None
    lifetime_seconds: int = 3600  # of a session's credentials

    def __post_init__(self) -> None:
        for url in self.urls:
            if url.partition(":")[0] not in SCHEMES:
                raise ConfigError(
                    f"'{url}' is not the address of a STUN or TURN server, such as turn:turn.example.org:3478"
                )
        if any(url.startswith("turn") for url in self.urls) and not self.turn_secret:
            raise ConfigError(
                "a TURN server needs the secret that it shares with this one: DITTO_TURN_SECRET"
            )

    def servers(self, session: str, now: float | None = None) -> list[IceServer]:
        """For one session; the name tells when its password ends and nothing else of the session."""
        if not self.urls:
            return []
        until = int(time.time() if now is None else now) + self.lifetime_seconds
        username = f"{until}:{hashlib.sha256(session.encode()).hexdigest()[:12]}"
        made = []
        for url in self.urls:
            if url.startswith("turn") and self.turn_secret:
                signed = hmac.new(self.turn_secret.encode(), username.encode(), hashlib.sha1).digest()
                made.append(IceServer(url, username, base64.b64encode(signed).decode()))
            else:
                made.append(IceServer(url))
        return made
