"""What holds for every request: errors as sentences, headers, forms from our own pages alone."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aiohttp import web

from ctr_monitor.errors import BadInputError, NotThereError
from ctr_monitor.traces.intake import TooMuchAtOnceError

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler, Middleware
    from structlog.typing import FilteringBoundLogger

    from ctr_monitor.instruments import Instruments

FORM_PREFIX = "/incidents/"
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
HEADERS = {
    # No script at all; styles of our own and those inside the plots.
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def errors_as_sentences(instruments: Instruments, log: FilteringBoundLogger) -> Middleware:
    """Return a middleware that turns our errors into status codes and anything else into a 500."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            response = await handler(request)
        except BadInputError as error:
            instruments.bad_input.labels(_place(request)).inc()
            response = _sentence(400, str(error))
        except NotThereError as error:
            response = _sentence(404, str(error))
        except TooMuchAtOnceError as error:
            response = _sentence(503, str(error))
            response.headers["Retry-After"] = "1"
        except web.HTTPException as error:
            error.headers.update(HEADERS)
            raise
        except Exception as error:  # noqa: BLE001 -- a defect answers 500, and says which in the log
            # Not log.exception: its text may hold what was sent.
            log.error("request_failed", path=_pattern(request), error=type(error).__qualname__)  # noqa: TRY400 -- see above
            response = _sentence(500, "a defect of the monitor; its log says which")
        response.headers.update(HEADERS)
        return response

    return middleware


def own_forms_only(allowed_hosts: frozenset[str]) -> Middleware:
    """Return a middleware that refuses forms which another site's page sends.

    A browser tells where a form comes from; the host it asked for must be one of ours too, so that
    a foreign name that resolves to this address gets nothing.

    Args:
        allowed_hosts: names, without ports, under which people reach the pages.
    """

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.method == "POST" and request.path.startswith(FORM_PREFIX):
            host = urlsplit(f"//{request.host}").hostname or ""
            origin = request.headers.get("Origin")
            site = request.headers.get("Sec-Fetch-Site", "same-origin")
            foreign = origin is not None and urlsplit(origin).netloc != request.host
            if host not in allowed_hosts or foreign or site not in {"same-origin", "none"}:
                raise web.HTTPForbidden(
                    text="this form did not come from the monitor's own page; "
                    "if people reach it under another name, give that as --public-url\n"
                )
        return await handler(request)

    return middleware


def allowed_hosts(host: str, public_url: str) -> frozenset[str]:
    """Return the names that forms may be sent to."""
    public = urlsplit(public_url).hostname
    return LOOPBACK | {host} | ({public} if public else set())


def _sentence(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=text + "\n")


def _pattern(request: web.Request) -> str:
    """The route, never the path: a path may hold anything."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "none"


def _place(request: web.Request) -> str:
    return {"/api/v1/alerts": "webhook", "/v1/traces": "otlp"}.get(request.path, "form")
