"""The application: routes, the page, and what stands before them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import resources
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from starlette.exceptions import HTTPException

from ganvas.core.errors import UserError
from ganvas.export.facts import version
from ganvas.serve import openai, own
from ganvas.serve.bench import Bench
from ganvas.serve.door import LOCAL, Door, Limits
from ganvas.serve.pictures import Kept
from ganvas.serve.problems import Refusal, body, of_status, of_validation
from ganvas.serve.shelf import Shelf
from ganvas.serve.watch import Watch

PAGE = {
    "index.html": "text/html",
    "style.css": "text/css",
    "app.js": "text/javascript",
    "words.js": "text/javascript",
    "pictures.js": "text/javascript",
    "speech.js": "text/javascript",
    "texts.js": "text/javascript",
    "about.js": "text/javascript",
    "service.js": "text/javascript",
}
"""The page's files, which lie in the package."""
ABLE = {
    "Images": "images",
    "Completions": "write",
    "Chats": "chat",
    "Speech": "speak",
    "Decode": "decode",
    "Reconstruct": "encode",
    "Interpolate": "decode",
    "Vary": "decode",
    "Samples": None,
}
"""What a model must be able to, to be named in these requests."""


def build(
    shelf: Shelf,
    *,
    watch: Watch | None = None,
    limits: Limits | None = None,
    key: str | None = None,
    hosts: tuple[str, ...] | None = LOCAL,
    together: int = 64,
) -> Door:
    """An ASGI application. `hosts`: the names under which it answers; None: any. `together`: items that are
    decoded at once."""
    watch = watch or Watch()
    bench = Bench(together, watch.batches.observe)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        bench.close()

    app = FastAPI(
        title="ganvas",
        version=version(),
        summary="Pictures, text and more of models that were trained here.",
        docs_url=None,  # both load scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
    )
    app.include_router(openai.routes(shelf, bench, Kept()))
    app.include_router(openai.told(shelf, bench))
    app.include_router(own.facts(shelf))
    app.include_router(own.latents(shelf, bench))
    _page(app)

    @app.get("/health", tags=["server"])
    async def health() -> dict[str, str]:
        """Whether it lives."""
        return {"status": "ok"}

    @app.get("/metrics", tags=["server"], response_class=PlainTextResponse)
    async def metrics() -> Response:
        """Figures for Prometheus."""
        return Response(watch.figures(), media_type="text/plain; version=0.0.4; charset=utf-8")

    _problems(app)
    _documented(app, shelf, key is not None)
    page = frozenset(f"/{name}" for name in PAGE)
    return Door(app, watch, limits or Limits(), key, hosts, page)


def _page(app: FastAPI) -> None:
    here = resources.files("ganvas.serve") / "page"

    def serve(address: str, name: str) -> None:
        content = (here / name).read_bytes()

        async def answer() -> Response:
            return Response(content, media_type=PAGE[name])

        app.add_api_route(address, answer, methods=["GET", "HEAD"], include_in_schema=False)

    for name in PAGE:
        serve(f"/{name}", name)
    serve("/", "index.html")


def _problems(app: FastAPI) -> None:
    """All errors have one shape."""

    def told(refusal: Refusal) -> Response:
        return JSONResponse(refusal.body, refusal.status, refusal.headers)

    @app.exception_handler(Refusal)
    async def _refusal(_: Request, error: Refusal) -> Response:
        return told(error)

    @app.exception_handler(UserError)
    async def _user(_: Request, error: UserError) -> Response:
        return told(Refusal(400, str(error), code="invalid_value"))

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> Response:
        return told(of_validation(error.errors()))

    @app.exception_handler(HTTPException)
    async def _http(_: Request, error: HTTPException) -> Response:
        return JSONResponse(
            body(error.status_code, of_status(error.status_code)), error.status_code, error.headers
        )


def _documented(app: FastAPI, shelf: Shelf, keyed: bool) -> None:
    """The OpenAPI document names the models that are there, and the key."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        found = plain()
        schemas = found["components"]["schemas"]
        for name, able in ABLE.items():
            if names := shelf.names(able):
                schemas[name]["properties"]["model"] = {"type": "string", "enum": names, "title": "Model"}
        for address in found["paths"].values():
            for operation in address.values():
                for one in operation.get("parameters", []):
                    if one["name"] == "model":
                        one["schema"] = {"type": "string", "enum": shelf.names()}
        if keyed:
            found["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
            found["security"] = [{"key": []}]
        return found

    app.openapi = openapi
