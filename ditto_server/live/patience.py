"""Patience with one client: what is too much is refused, and who goes on regardless is cut off."""

from __future__ import annotations

from ditto_server.live.limits import Bucket, Limits
from ditto_server.live.problems import Problem

SECONDS_OF_COMMANDS = 2.0  # that may come at once
SECONDS_OF_REFUSALS = 10.0  # of commands that may be refused at once, and as many in a second as are taken


class Flood(Problem):
    """So much was refused that the client is cut off."""

    def __init__(self) -> None:
        super().__init__(429, "this connection is closed: it went on sending more than is taken")


def commanded(limits: Limits) -> Bucket:
    """Commands that may be given on one way."""
    return Bucket(limits.commands_per_second, limits.commands_per_second * SECONDS_OF_COMMANDS)


class Patience:
    """One client's share of the server's attention."""

    def __init__(self, limits: Limits) -> None:
        rate = limits.commands_per_second
        self._commands = commanded(limits)
        self._refusals = Bucket(rate, rate * SECONDS_OF_REFUSALS)

    def take(self) -> None:
        """Lets one command pass, or says that it is one too many."""
        if not self._commands.take():
            self.refuse()
            raise Problem(429, "too many commands a second")

    def refuse(self) -> None:
        """Counts what is refused."""
        if not self._refusals.take():
            raise Flood
