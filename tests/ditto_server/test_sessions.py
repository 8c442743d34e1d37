"""Sessions and the ways on which they end, without HTTP."""

import asyncio

import pytest

from ditto_server.live.ice import IceSettings
from ditto_server.live.limits import Limits
from ditto_server.live.problems import Problem
from ditto_server.live.session import Record
from ditto_server.live.sessions import Sessions


def sessions_of(source, limits=None, outputs=None):
    return Sessions(source, limits or Limits(), None, IceSettings(), outputs)


def test_nothing_begins_in_a_server_that_stops(source):
    async def begun_late():
        async with sessions_of(source) as sessions:
            pass
        await sessions.open(Record(id="late", avatar="drawn-man"))

    with pytest.raises(Problem, match="the server stops") as refused:
        asyncio.run(begun_late())
    assert refused.value.status == 503 and source.faces == []
