"""Problems with a request, each in one clear sentence, as RFC 9457 has them."""

from __future__ import annotations

import http
import json
import logging
from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cfg.errors import Cancelled, ConfigError, DittoError

MEDIA_TYPE = "application/problem+json"

log = logging.getLogger(__name__)


class Problem(DittoError):
    """A request that is refused, with the status that says why."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = dict(headers or {})


def try_again(status: int, reason: str, seconds: int) -> Problem:
    """A refusal that holds for a while alone."""
    return Problem(status, f"{reason}; try again in {seconds} s", {"Retry-After": str(seconds)})


def status_of(error: Exception) -> int:
    if isinstance(error, Problem):
        return error.status
    if isinstance(error, Cancelled):
        return 410
    if isinstance(error, TimeoutError):
        return 429
    return 422 if isinstance(error, ConfigError) else 500


def members(error: Exception) -> dict[str, object]:
    """The members of a problem document."""
    status = status_of(error)
    return {"title": http.HTTPStatus(status).phrase, "status": status, "detail": str(error)}


def response_of(error: Exception) -> Response:
    headers = error.headers if isinstance(error, Problem) else {}
    said = members(error)
    return Response(json.dumps(said), status_of(error), headers, media_type=MEDIA_TYPE)


async def of_ours(request: Request, error: Exception) -> Response:
    return response_of(error)


async def of_http(request: Request, error: Exception) -> Response:
    """A refusal of the router: no such address, or another method is wanted there."""
    assert isinstance(error, HTTPException)
    said = {
        404: f"there is nothing at {request.url.path}",
        405: f"{request.method} is not possible at {request.url.path}",
    }.get(error.status_code, error.detail)
    return response_of(Problem(error.status_code, said, error.headers))


async def of_a_fault(request: Request, error: Exception) -> Response:
    """A bug of ours: the log has the traceback, whoever asked has one sentence."""
    log.error("%s %s", request.method, request.url.path, exc_info=error)
    return response_of(Problem(500, "the server failed at this request; its log says why"))
