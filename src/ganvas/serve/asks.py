"""What may be asked, and what is answered: OpenAI's parameters and our own."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

PICTURES = 64
"""Items of one request."""
LARGEST = 2_048
"""Side of a picture, in pixels."""
PROMPT = 100_000
"""Characters to go on with."""
TOKENS = 4_096
"""That are written for one choice."""
CHOICES = 16
SAID = 4_096
"""Characters of a text to be said."""

Seed = Annotated[int, Field(ge=0, lt=2**63)]
Number = Annotated[float, Field(ge=-1_000, le=1_000)]
Row = Annotated[list[Number], Field(min_length=1, max_length=65_536)]
Rows = Annotated[list[Row], Field(min_length=1, max_length=PICTURES)]
Class = Annotated[str, Field(max_length=200)] | Annotated[int, Field(ge=0, lt=2**31)]
Zero = Annotated[float, Field(ge=0, le=0)]
Picture = Annotated[str, Field(max_length=3_000_000)]
"""A file in base64."""
Word = Annotated[str, Field(max_length=200)]


class Ask(BaseModel):
    """A request: nothing is guessed, and nothing unknown is passed over."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
    )


class Images(Ask):
    """As of POST /v1/images/generations; `seed` and `truncation` are ours."""

    prompt: str = Field(default="", max_length=1_000)
    """A class by name or number; empty: any."""
    model: Word | None = None
    """Left out: the first that makes pictures."""
    n: Annotated[int, Field(ge=1, le=PICTURES)] | None = None
    size: Annotated[str, Field(pattern=r"^(auto|[1-9]\d{0,3}x[1-9]\d{0,3})$")] | None = None
    """WIDTHxHEIGHT in the shape of the model's pictures; left out or auto: as they are."""
    response_format: Literal["b64_json", "url"] | None = None
    """Left out: b64_json. A url lasts while others do not take its room."""
    output_format: Literal["png", "jpeg", "webp"] | None = None
    seed: Seed | None = None
    """The same seed, the same pictures as of `ganvas sample`; left out, one by chance, which is told."""
    truncation: Annotated[float, Field(gt=0, le=1)] | None = None
    """Below 1: more typical, less varied."""
    user: Word | None = None
    """Without effect, as are quality, style, background and moderation."""
    quality: Word | None = None
    style: Word | None = None
    background: Word | None = None
    moderation: Word | None = None
    stream: Literal[False] | None = None


class Choices(Ask):
    """What completions and chats have in common; `top_k` and `min_p` are ours."""

    model: Word
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    top_k: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    min_p: Annotated[float, Field(ge=0, le=1)] | None = None
    n: Annotated[int, Field(ge=1, le=CHOICES)] | None = None
    stream: bool | None = None
    stream_options: "StreamOptions | None" = None
    stop: Word | Annotated[list[Word], Field(max_length=4)] | None = None
    seed: Seed | None = None
    """Choice k is made of seed + k; left out, of one by chance."""
    frequency_penalty: Zero | None = None
    presence_penalty: Zero | None = None
    logit_bias: Annotated[dict[str, float], Field(max_length=0)] | None = None
    user: Word | None = None
    """Without effect."""

    @property
    def how(self) -> dict[str, Any]:
        """What is given of these."""
        names = ("temperature", "top_p", "top_k", "min_p")
        return {name: value for name in names if (value := getattr(self, name)) is not None}

    @property
    def ends(self) -> list[str]:
        return [self.stop] if isinstance(self.stop, str) else list(self.stop or [])


class StreamOptions(Ask):
    include_usage: bool | None = None
    include_obfuscation: Literal[False] | None = None


class Completions(Choices):
    """As of POST /v1/completions."""

    prompt: (
        Annotated[str, Field(max_length=PROMPT)]
        | Annotated[list[Annotated[str, Field(max_length=PROMPT)]], Field(min_length=1, max_length=CHOICES)]
        | None
    ) = None
    """What it goes on with; left out, it begins anew."""
    max_tokens: Annotated[int, Field(ge=1, le=TOKENS)] | None = None
    """Left out: 16, as the specification has it."""
    echo: bool | None = None
    suffix: Annotated[str, Field(max_length=0)] | None = None
    logprobs: None = None
    best_of: Annotated[int, Field(ge=1, le=1)] | None = None


class Text(Ask):
    type: Literal["text"]
    text: Annotated[str, Field(max_length=PROMPT)]


class Message(Ask):
    role: Literal["system", "developer", "user", "assistant"]
    content: (
        Annotated[str, Field(max_length=PROMPT)] | Annotated[list[Text], Field(min_length=1, max_length=16)]
    )
    name: Word | None = None

    @property
    def text(self) -> str:
        return self.content if isinstance(self.content, str) else "".join(part.text for part in self.content)


class Chats(Choices):
    """As of POST /v1/chat/completions."""

    messages: Annotated[list[Message], Field(min_length=1, max_length=256)]
    max_tokens: Annotated[int, Field(ge=1, le=TOKENS)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1, le=TOKENS)] | None = None
    logprobs: Literal[False] | None = None
    response_format: dict[str, Literal["text"]] | None = None


class Speech(Ask):
    """As of POST /v1/audio/speech; `seed`, `variation`, `rhythm` and `pause` are ours."""

    input: Annotated[str, Field(max_length=SAID)]
    model: Word | None = None
    """Left out: the first that speaks."""
    voice: Word | None = None
    """Who speaks, by name, where a model has several; others pass it over."""
    response_format: Literal["mp3", "opus", "aac", "flac", "wav", "pcm"] | None = None
    """Left out: mp3."""
    speed: Annotated[float, Field(ge=0.25, le=4)] | None = None
    seed: Seed | None = None
    variation: Annotated[float, Field(ge=0, le=2)] | None = None
    rhythm: Annotated[float, Field(ge=0, le=2)] | None = None
    pause: Annotated[float, Field(ge=0, le=10)] | None = None
    instructions: Annotated[str, Field(max_length=4096)] | None = None
    """Without effect."""
    stream_format: Literal["audio"] | None = None


class Samples(Ask):
    """New items of a model of any kind."""

    model: Word
    n: Annotated[int, Field(ge=1, le=PICTURES)] = 1
    seed: Seed = 0
    label: Class | None = None
    truncation: Annotated[float, Field(gt=0, le=1)] = 1.0
    latents: bool = False
    """Whether z is told too."""


class OfLatents(Ask):
    model: Word
    label: Class | Annotated[list[Class], Field(min_length=1, max_length=PICTURES)] | None = None
    """A class, or one for each item."""


class Decode(OfLatents):
    """Items of these z."""

    z: Rows


class Reconstruct(OfLatents):
    """Pictures of your own, in base64: they are cut and scaled to the model's size."""

    images: Annotated[list[Picture], Field(min_length=1, max_length=16)]


class Interpolate(OfLatents):
    """From one z to another, along the great circle while the length changes evenly."""

    a: Row
    b: Row
    steps: Annotated[int, Field(ge=2, le=PICTURES)] = 8


class Vary(OfLatents):
    """More like this: `sqrt(1 - spread^2) z + spread e` with e of N(0, 1), which has the law of z."""

    z: Row
    n: Annotated[int, Field(ge=1, le=PICTURES)] = 8
    spread: Annotated[float, Field(gt=0, le=1)] = 0.4
    seed: Seed = 0


class ModelCard(BaseModel):
    """As of GET /v1/models."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "ganvas"


class ModelList(BaseModel):
    object: Literal["list"] = "list"
    data: list[ModelCard]


class Image(BaseModel):
    b64_json: str | None = None
    url: str | None = None


class ImageList(BaseModel):
    created: int
    data: list[Image]
    output_format: str
    size: str
    seed: int


class Usage(BaseModel):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Choice(BaseModel):
    index: int
    text: str
    logprobs: None = None
    finish_reason: Literal["stop", "length"] | None


class Completion(BaseModel):
    id: str
    object: Literal["text_completion"] = "text_completion"
    created: int
    model: str
    choices: list[Choice]
    usage: Usage | None = None
    seed: int


class Said(BaseModel):
    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None


class ChatChoice(BaseModel):
    index: int
    message: Said
    logprobs: None = None
    finish_reason: Literal["stop", "length"]


class Chat(BaseModel):
    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[ChatChoice]
    usage: Usage
    seed: int


class Item(BaseModel):
    """One thing that was made: a picture as a PNG file in base64, a text, or the numbers of a point."""

    b64_json: str | None = None
    text: str | None = None
    values: list[float] | None = None
    label: str | None = None
    z: list[float] | None = None


class Items(BaseModel):
    model: str
    data: list[Item]


class About(BaseModel):
    """A model, as far as it concerns who uses it."""

    id: str
    kind: str
    recipe: str
    can: list[str]
    shape: list[int]
    classes: list[str]
    latent: int
    truncation: bool
    """Whether it is a matter of z, so that z is told with it."""
    data: dict[str, Any]
    step: int | None
    weights: int
    report: bool


class Abouts(BaseModel):
    data: list[About]


class Controls(BaseModel):
    """What to turn: the numbers of z, those that change most first, and directions in z."""

    order: list[int]
    directions: list[list[float]]


class Diary(BaseModel):
    """What the doctor noted."""

    data: list[dict[str, str]]
