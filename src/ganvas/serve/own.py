"""Our own routes: seeds, truncation, latents in and out, and what is known of each model."""

from typing import Any

import numpy as np
import torch
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from ganvas.core.errors import UserError
from ganvas.core.run import WATCHED
from ganvas.exploration.directions import layers, sefa
from ganvas.exploration.paths import spherical
from ganvas.exploration.scene import Scene
from ganvas.export.facts import figures, named
from ganvas.report.diary import entries
from ganvas.serve import asks, pictures
from ganvas.serve.bench import Bench
from ganvas.serve.openai import made
from ganvas.serve.problems import ANSWERS, Refusal
from ganvas.serve.shelf import Served, Shelf

ORDERED, BASE, STEP = 512, 2, 2.0
"""Numbers of z, up to which they are put in order of what they change; at so many z; by so much."""
DIRECTIONS = 8
DIARY = WATCHED[1]
REPORT = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "img-src data:; media-src data:; font-src data:"
}
Json = dict[str, Any]


def facts(shelf: Shelf) -> APIRouter:
    """What is known of each model."""
    router = APIRouter(prefix="/v1/ganvas", tags=["models"], responses=ANSWERS)

    @router.get("/models")
    async def models() -> asks.Abouts:
        """All that are served: what they are, and what they can."""
        return asks.Abouts(data=[about(one) for one in shelf])

    @router.get("/models/{model}")
    async def model(model: str) -> asks.About:
        """One of them."""
        return about(shelf.find(model))

    @router.get("/models/{model}/evaluation")
    async def evaluation(model: str) -> Json:
        """The figures of `ganvas evaluate`, with intervals and protocols; empty, where there are none."""
        return figures(shelf.find(model).run.path)

    @router.get("/models/{model}/diary")
    async def diary(model: str) -> asks.Diary:
        """What the doctor noted while it was trained."""
        lines = shelf.find(model).run.lines(DIARY)
        return asks.Diary(
            data=[
                {"step": entry.step, "head": entry.head, "said": entry.said, "advice": entry.advice}
                for entry in entries(lines)
            ]
        )

    @router.get(
        "/models/{model}/report",
        response_class=Response,
        responses={200: {"content": {"text/html": {}}, "description": "One self-contained page."}},
    )
    async def report(model: str) -> Response:
        """The report of its training."""
        path = shelf.find(model).run.path / "report.html"
        if not path.is_file():
            raise Refusal(404, "this run has no report yet; `ganvas report` writes it")
        return Response(path.read_bytes(), media_type="text/html", headers=REPORT)

    return router


def latents(shelf: Shelf, bench: Bench) -> APIRouter:
    """Items of latents, and latents of items."""
    router = APIRouter(prefix="/v1/ganvas", tags=["latents"], responses=ANSWERS)
    found: dict[str, asks.Controls] = {}

    @router.get("/models/{model}/controls")
    async def controls(model: str) -> asks.Controls:
        """In which order its numbers matter, and directions that change much (Shen & Zhou 2021)."""
        one = shelf.find(model, "decode")
        if one.name not in found:
            found[one.name] = await bench.do(lambda: turned(one))
        return found[one.name]

    @router.post("/samples", response_model=asks.Items)
    async def samples(ask: asks.Samples, request: Request) -> Response:
        """What `ganvas sample` makes of a seed, of any kind; with its z, if asked for."""
        one = shelf.find(ask.model, "decode" if ask.latents else None)
        if one.kind in ("speech", "sound"):
            raise Refusal(400, f"the model {one.name} makes sound", param="model", code="model_not_able")
        pictures.bounded(ask.n, one.model.spec)
        items, z, labels = await made(bench, one, ask.n, ask.seed, ask.label, ask.truncation)
        if ask.latents and z is None:
            z, labels = await bench.do(lambda: drawn(one, ask))
        return answer(request, one, items, z if ask.latents else None, labels)

    @router.post("/decode", response_model=asks.Items)
    async def decode(ask: asks.Decode, request: Request) -> Response:
        """The items of these z."""
        one = shelf.find(ask.model, "decode")
        z = rows(one, ask.z, "z")
        labels = one.model.spec.numbers(ask.label, len(z))
        return answer(request, one, await bench.decode(one, z, labels), z, labels)

    @router.post("/encode", response_model=asks.Items)
    async def encode(ask: asks.Reconstruct, request: Request) -> Response:
        """The z of pictures of your own, and what becomes of them on the way there and back."""
        one = shelf.find(ask.model, "encode")
        if one.kind != "image":
            raise Refusal(
                400, f"the model {one.name} makes no pictures", param="model", code="model_not_able"
            )
        spec = one.model.spec
        labels = spec.numbers(ask.label, len(ask.images))

        def encoded() -> np.ndarray:
            items = np.stack([pictures.unpacked(sent, spec, k) for k, sent in enumerate(ask.images)])
            return one.model.encode(items, label=labels)

        z = await bench.do(encoded)
        return answer(request, one, await bench.decode(one, z, labels), z, labels)

    @router.post("/interpolate", response_model=asks.Items)
    async def interpolate(ask: asks.Interpolate, request: Request) -> Response:
        """The way from a to b, both with it; of two labels, the second from the middle on."""
        one = shelf.find(ask.model, "decode")
        pictures.bounded(ask.steps, one.model.spec, param="steps")
        ends = torch.from_numpy(np.concatenate([rows(one, [ask.a], "a"), rows(one, [ask.b], "b")]))
        z = spherical(ends[:1], ends[1:], torch.linspace(0, 1, ask.steps))[0].numpy()
        label: Any = ask.label
        if isinstance(label, list) and len(label) == 2:
            label = [label[2 * k >= ask.steps] for k in range(ask.steps)]
        labels = one.model.spec.numbers(label, len(z))
        return answer(request, one, await bench.decode(one, z, labels), z, labels)

    @router.post("/vary", response_model=asks.Items)
    async def vary(ask: asks.Vary, request: Request) -> Response:
        """More like this one."""
        one = shelf.find(ask.model, "decode")
        pictures.bounded(ask.n, one.model.spec)
        noise = torch.randn(ask.n, one.latent, generator=torch.Generator().manual_seed(ask.seed)).numpy()
        z = np.sqrt(1 - ask.spread**2) * rows(one, [ask.z], "z") + ask.spread * noise
        labels = one.model.spec.numbers(ask.label, len(z))
        z = z.astype(np.float32)
        return answer(request, one, await bench.decode(one, z, labels), z, labels)

    return router


def about(one: Served) -> asks.About:
    model, spec = one.model, one.model.spec
    return asks.About(
        id=one.name,
        kind=one.kind,
        recipe=model.config["recipe"],
        can=list(one.can),
        shape=list(spec.shape),
        classes=list(spec.classes),
        latent=one.latent,
        truncation=not one.latent or one.law["truncation"] is not None,
        data=named(one.run.record.get("data") or {}),
        step=model.config.get("step"),
        weights=sum(p.numel() for p in model.objective.parameters()),
        report=(one.run.path / "report.html").is_file(),
    )


def rows(one: Served, z: list[list[float]], name: str) -> np.ndarray:
    """(n, latent), or Refusal."""
    if wrong := next((row for row in z if len(row) != one.latent), None):
        raise Refusal(
            400,
            f"{name}: this model's latents have {one.latent} numbers, not {len(wrong)}",
            param=name,
            code="invalid_value",
        )
    pictures.bounded(len(z), one.model.spec, param=name)
    return np.array(z, np.float32)


def drawn(one: Served, ask: asks.Samples) -> tuple[np.ndarray, Any]:
    """z, where it follows no simple law."""
    from ganvas.export.files import drawn

    label = None if ask.label is None else str(ask.label)
    return drawn(one.model, ask.n, ask.seed, label, ask.truncation)


def answer(
    request: Request, one: Served, items: np.ndarray, z: np.ndarray | None, labels: np.ndarray | None
) -> Response:
    spec = one.model.spec
    request.scope["ganvas"] |= {"model": one.name, "items": len(items)}
    data = [shown(item) for item in items]
    for k, entry in enumerate(data):
        if labels is not None and spec.classes:
            entry["label"] = spec.classes[int(labels[k])]
        if z is not None:
            entry["z"] = [round(float(value), 6) for value in z[k]]
    return JSONResponse({"model": one.name, "data": data})


def shown(item: Any) -> Json:
    """One item, as JSON has it."""
    if isinstance(item, str):
        return {"text": item}
    if item.ndim == 3:
        return {"b64_json": pictures.text(pictures.packed(item))}
    return {"values": [float(value) for value in item]}


def turned(one: Served) -> asks.Controls:
    """Of a model, once."""
    latent, spec = one.latent, one.model.spec
    base = torch.randn(BASE, latent, generator=torch.Generator().manual_seed(0)).numpy()
    label = 0 if spec.classes else None
    order = list(range(latent))
    if latent <= ORDERED:
        change = []
        for k in range(latent):
            step = STEP * np.eye(latent, dtype=np.float32)[k]
            moved = one.model.decode(np.concatenate([base + step, base - step]), label=label).astype(float)
            change.append(np.abs(moved[:BASE] - moved[BASE:]).mean())
        order = np.argsort(-np.array(change), kind="stable").tolist()
    return asks.Controls(order=order, directions=_directions(one))


def _directions(one: Served) -> list[list[float]]:
    if one.kind != "image":
        return []
    try:
        first = layers(Scene(one.model.objective, one.model.spec, _no_pictures)).first
        vectors = sefa(first.weight[:, : one.latent], DIRECTIONS).vectors
    except (UserError, RuntimeError):  # z does not meet a matrix first
        return []
    return [[round(float(value), 6) for value in vector] for vector in vectors]


def _no_pictures() -> Any:
    raise UserError("no pictures are shown here")
