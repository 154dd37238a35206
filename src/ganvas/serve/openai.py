"""The routes that existing clients know, as OpenAI's specification has them."""

import asyncio
import functools
import secrets
import time
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from ganvas.serve import asks, pictures, speech, texts
from ganvas.serve.bench import Bench
from ganvas.serve.problems import ANSWERS, Refusal
from ganvas.serve.shelf import Served, Shelf

AT_ONCE = 50_000
"""Numbers that are drawn in no time."""
STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
        "description": "Whole, or as events.",
    }
}


async def made(
    bench: Bench, one: Served, n: int, seed: int, label: str | int | None, truncation: float
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    """Items, and z and labels where they are known: what `one.model.sample` gives of this seed."""
    drawn = functools.partial(one.start, n, seed, label, truncation)
    start = drawn() if n * one.latent <= AT_ONCE else await bench.do(drawn)  # few are not worth a turn
    if start is None:
        items = await bench.do(lambda: one.model.sample(n, seed=seed, label=label, truncation=truncation))
        return items, None, None
    z, labels = start
    return await bench.decode(one, z, labels), z, labels


def routes(shelf: Shelf, bench: Bench, kept: pictures.Kept) -> APIRouter:
    """Models and pictures."""
    router = APIRouter(responses=ANSWERS)

    @router.get("/v1/models", tags=["models"])
    async def models() -> asks.ModelList:
        """All that are served."""
        return asks.ModelList(data=[card(one) for one in shelf])

    @router.get("/v1/models/{model}", tags=["models"])
    async def model(model: str) -> asks.ModelCard:
        """One of them."""
        return card(shelf.find(model))

    @router.post("/v1/images/generations", tags=["pictures"], response_model=asks.ImageList)
    async def images(ask: asks.Images, request: Request) -> Response:
        """New pictures; those of requests that come at once are made together."""
        one = shelf.find(ask.model, "images")
        size = pictures.size_of(ask.size, one.model.spec)
        n, suffix = ask.n or 1, ask.output_format or "png"
        pictures.bounded(n, one.model.spec, size)
        seed = secrets.randbelow(texts.SEEDS) if ask.seed is None else ask.seed
        request.scope["ganvas"] |= {"model": one.name, "items": n}
        items, _, _ = await made(bench, one, n, seed, ask.prompt.strip() or None, ask.truncation or 1.0)

        def packed() -> list[dict[str, str]]:
            files = [pictures.packed(item, size, suffix) for item in items]
            if ask.response_format == "url":
                return [
                    {"url": str(request.base_url) + f"v1/files/{kept.add(file, suffix)}"} for file in files
                ]
            return [{"b64_json": pictures.text(file)} for file in files]

        height, width = items.shape[1:3]
        wide, high = size or (width, height)
        return JSONResponse(
            {
                "created": int(time.time()),
                "data": await asyncio.to_thread(packed),
                "output_format": suffix,
                "size": f"{wide}x{high}",
                "seed": seed,
            }
        )

    @router.get(
        "/v1/files/{name}",
        tags=["pictures"],
        response_class=Response,
        responses={200: {"content": {f"image/{kind}": {} for kind in ("png", "jpeg", "webp")}}},
    )
    async def file(name: str) -> Response:
        """A picture that was given as an address, until others have taken its room."""
        found = kept.get(name)
        if found is None:
            raise Refusal(404, "there is no such picture, or no longer")
        return Response(found[1], media_type=found[0])

    return router


def told(shelf: Shelf, bench: Bench) -> APIRouter:
    """Text and speech, as they are made."""
    router = APIRouter(responses=ANSWERS)

    @router.post("/v1/completions", tags=["text"], response_model=asks.Completion, responses=STREAM)
    async def completions(ask: asks.Completions, request: Request) -> Response:
        """What follows a prompt."""
        one = shelf.find(ask.model, "write")
        writing = await bench.do(lambda: texts.completions(one, ask))
        first = texts.head("text", one, writing.seed)

        def shaped(index: int, text: str | None, ended: str | None) -> dict[str, Any]:
            if text is None:
                return {}
            return {"index": index, "text": text, "logprobs": None, "finish_reason": ended}

        if ask.stream:
            return _streamed(request, writing, one, texts.events(bench, writing, first, shaped, _usage(ask)))
        found = await texts.whole(bench, writing)
        _count(request, one, writing)
        pairs = zip(writing.choices, found, strict=True)
        choices = [shaped(choice.index, text, choice.ended) for choice, text in pairs]
        return JSONResponse({**first, "choices": choices, "usage": writing.usage()})

    @router.post("/v1/chat/completions", tags=["text"], response_model=asks.Chat, responses=STREAM)
    async def chat(ask: asks.Chats, request: Request) -> Response:
        """The reply to messages, of models that have learnt chats."""
        one = shelf.find(ask.model, "chat")
        writing = await bench.do(lambda: texts.chats(one, ask))
        first = texts.head(".chunk" if ask.stream else "", one, writing.seed)

        def shaped(index: int, text: str | None, ended: str | None) -> dict[str, Any]:
            delta = (
                {"role": "assistant", "content": ""} if text is None else {"content": text} if text else {}
            )
            return {"index": index, "delta": delta, "logprobs": None, "finish_reason": ended}

        if ask.stream:
            return _streamed(request, writing, one, texts.events(bench, writing, first, shaped, _usage(ask)))
        found = await texts.whole(bench, writing)
        _count(request, one, writing)
        choices = [
            {
                "index": choice.index,
                "message": {"role": "assistant", "content": text, "refusal": None},
                "logprobs": None,
                "finish_reason": choice.ended,
            }
            for choice, text in zip(writing.choices, found, strict=True)
        ]
        return JSONResponse({**first, "choices": choices, "usage": writing.usage()})

    @router.post(
        "/v1/audio/speech",
        tags=["speech"],
        response_class=Response,
        responses={200: {"content": {kind: {} for kind in speech.TYPES.values()}}},
    )
    async def say(ask: asks.Speech, request: Request) -> Response:
        """A text, spoken: it comes from the first piece on, as it is made."""
        one = shelf.find(ask.model, "speak")
        form = ask.response_format or "mp3"
        request.scope["ganvas"] |= {"model": one.name, "items": 1}
        parts = await bench.do(lambda: speech.packed(speech.pieces(one, ask), speech.rate(one), form))
        following = bench.follow(parts)
        first = await anext(following)

        async def sound() -> AsyncIterator[bytes]:
            yield b"".join(first)
            async for some in following:
                yield b"".join(some)

        return StreamingResponse(sound(), media_type=speech.TYPES[form])

    return router


def card(one: Served) -> asks.ModelCard:
    return asks.ModelCard(id=one.name, created=one.created)


def _usage(ask: asks.Choices) -> bool:
    return bool(ask.stream_options and ask.stream_options.include_usage)


def _count(request: Request, one: Served, writing: texts.Writing) -> None:
    request.scope["ganvas"] |= {"model": one.name, "tokens": writing.written}


def _streamed(
    request: Request, writing: texts.Writing, one: Served, events: AsyncIterator[str]
) -> StreamingResponse:
    async def counted() -> AsyncIterator[str]:
        try:
            async for event in events:
                yield event
        finally:
            _count(request, one, writing)

    return StreamingResponse(counted(), media_type="text/event-stream", headers={"x-accel-buffering": "no"})
