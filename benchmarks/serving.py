"""Many clients on one server: is every answer right, how fast, and of pictures, what does gathering bring?

    python benchmarks/serving.py RUN --clients 64 --seconds 60
    python benchmarks/serving.py asterisk --clients 64 --seconds 60

Sides take turns on this machine, clients and server on the same cores. Pictures: those of requests that wait
are decoded together (`--batch 64`), or each alone (`--batch 1`); one client alone; and a queue that is too
short (`--queue 16`). Voices: many clients, one alone, and the short queue. Where other work shares the
cores, the processor's time that the server takes for a right answer says more than answers a second.
An answer is right if it differs from what `ganvas.load(RUN)` makes of the same seed by at most one level: of
255 in a picture, of 65,535 in speech.
"""

import argparse
import asyncio
import base64
import io
import json
import os
import time
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
from api_cases import served
from PIL import Image

TOGETHER, ALONE = ("--batch", "64", "--queue", "64"), ("--batch", "1", "--queue", "64")
SHORT = ("--batch", "64", "--queue", "16")
HEADER = 44
"""Bytes of a WAV file before its samples."""


class Pictures:
    """What is asked for, seed by seed, and whether an answer is that."""

    path, unit, seeds = "/v1/images/generations", "pictures", 64

    def __init__(self, model):
        self.expected = [model.sample(1, seed=seed)[0].astype(int) for seed in range(self.seeds)]
        self.known = set()

    def body(self, seed):
        return {"prompt": "", "seed": seed}

    def worth(self, seed):
        return 1

    def right(self, seed, content):
        file = json.loads(content)["data"][0]["b64_json"]
        if (seed, file) in self.known:
            return True
        pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(file)))).astype(int)
        same = np.abs(pixels.reshape(self.expected[seed].shape) - self.expected[seed]).max() <= 1
        if same:
            self.known.add((seed, file))
        return same


class Speech:
    """The same of sentences."""

    path, unit, seeds = "/v1/audio/speech", "seconds of speech", 16
    text = "Conference call number {}, please hold the line."

    def __init__(self, model, name):
        self.name, self.rate = name, model.spec.rate
        made = [model.say(self.text.format(seed), seed=seed) for seed in range(self.seeds)]
        self.expected = [(sound * 32767).round().astype(int) for sound in made]

    def body(self, seed):
        asked = {"model": self.name, "voice": "", "response_format": "wav"}
        return asked | {"input": self.text.format(seed), "seed": seed}

    def worth(self, seed):
        return len(self.expected[seed]) / self.rate

    def right(self, seed, content):
        sound = np.frombuffer(content[HEADER:], "<i2").astype(int)
        same = sound.shape == self.expected[seed].shape
        return same and np.abs(sound - self.expected[seed]).max() <= 1


async def client(number, where, end, judge, found):
    """One request after another, on one connection."""
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    seed = number
    while time.monotonic() < end:
        seed = (seed + 1) % judge.seeds
        body = json.dumps(judge.body(seed)).encode()
        head = f"POST {judge.path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        began = time.monotonic()
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        answer = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        status = int(answer.split()[1])
        heard = time.monotonic()
        content = await whole(reader, answer)
        if status == 200:
            found["first"].append(heard - began)
            found["seconds"].append(time.monotonic() - began)
            found["answers"]["right" if judge.right(seed, content) else "wrong"] += 1
            found["worth"] += judge.worth(seed)
        else:
            found["answers"][status] += 1
            if status == 429:
                assert "retry-after: " in answer
                await asyncio.sleep(0.05)
    writer.close()


async def whole(reader, answer):
    """The content, of a length that is told or in chunks."""
    if "content-length: " in answer:
        return await reader.readexactly(int(answer.partition("content-length: ")[2].split()[0]))
    parts = []
    while size := int(await reader.readuntil(b"\r\n"), 16):
        parts.append((await reader.readexactly(size + 2))[:-2])
    await reader.readuntil(b"\r\n")
    return b"".join(parts)


def memory(process):
    """MB, resident."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1e3


def processor(process):
    """Seconds of it that the process has taken."""
    times = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, times)) / os.sysconf("SC_CLK_TCK")


def side(run, options, clients, seconds, judge):
    """Answers, throughput, seconds, memory."""

    def nothing():
        return {"answers": Counter(), "first": [], "seconds": [], "worth": 0.0}

    with served([run], *options) as (address, server):

        async def load(span, found):
            end = time.monotonic() + span
            where = urlsplit(address)
            await asyncio.gather(*(client(k, where, end, judge, found) for k in range(clients)))
            return found

        asyncio.run(load(3, nothing()))
        before, began, spent = memory(server), time.monotonic(), processor(server)
        found = asyncio.run(load(seconds, nothing()))
        took, after, spent = time.monotonic() - began, memory(server), processor(server) - spent
    told = {
        "options": " ".join(options),
        "clients": clients,
        "answers": {str(k): v for k, v in found["answers"].items()},
        f"{judge.unit.replace(' ', '_')}_per_second": round(found["worth"] / took, 1),
    }
    told["processor_ms_per_right_answer"] = round(1e3 * spent / found["answers"]["right"], 2)
    for name in ("first", "seconds"):
        p50, p95 = np.percentile(found[name], [50, 95])
        told |= {f"{name}_p50_ms": round(1000 * p50, 1), f"{name}_p95_ms": round(1000 * p95, 1)}
    return told | {"memory_mb": [round(before), round(after)]}, found["worth"] / took


def main():
    from ganvas.model import load

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=60)
    asked = parser.parse_args()
    model = load(asked.run, "cpu")
    spoken = bool(model.spec.symbols)
    judge = Speech(model, Path(asked.run).name) if spoken else Pictures(model)
    sides = {"many": (TOGETHER, asked.clients), "one": (TOGETHER, 1), "short": (SHORT, asked.clients)}
    if not spoken:
        sides["alone"] = (ALONE, asked.clients)
    speeds = {}
    for name, (options, clients) in sides.items():
        row, speeds[name] = side(asked.run, options, clients, asked.seconds, judge)
        print(json.dumps(row), flush=True)
    print(f"many clients over one: {speeds['many'] / speeds['one']:.2f}")
    if not spoken:
        print(f"together over each alone: {speeds['many'] / speeds['alone']:.2f}")


if __name__ == "__main__":
    main()
