"""Many clients on one server of pictures: is every answer right, how fast, and what does gathering bring?

    python benchmarks/serving.py RUN --clients 64 --seconds 60

Sides take turns on this machine, clients and server on the same cores: pictures of requests that wait are
decoded together (`--batch 64`), or each alone (`--batch 1`); one client alone; and a queue that is too short
(`--queue 16`). An answer is right if it differs from `ganvas.load(RUN).sample(1, seed=…)` by at most one
level of 255.
"""

import argparse
import asyncio
import base64
import io
import json
import time
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
from api_cases import served
from PIL import Image

SEEDS = 64
TOGETHER, ALONE = ("--batch", "64", "--queue", "64"), ("--batch", "1", "--queue", "64")
SHORT = ("--batch", "64", "--queue", "16")


class Judge:
    """Whether a picture is that of its seed."""

    def __init__(self, run):
        from ganvas.model import load

        model = load(run, "cpu")
        self.expected = [model.sample(1, seed=seed)[0].astype(int) for seed in range(SEEDS)]
        self.known = set()

    def right(self, seed, answer):
        file = answer["data"][0]["b64_json"]
        if (seed, file) in self.known:
            return True
        pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(file)))).astype(int)
        same = np.abs(pixels.reshape(self.expected[seed].shape) - self.expected[seed]).max() <= 1
        if same:
            self.known.add((seed, file))
        return same


async def client(number, where, end, judge, found):
    """One request after another, on one connection."""
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    seed = number
    while time.monotonic() < end:
        seed = (seed + 1) % SEEDS
        body = json.dumps({"prompt": "", "seed": seed}).encode()
        head = "POST /v1/images/generations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        began = time.monotonic()
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        answer = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        status = int(answer.split()[1])
        content = await reader.readexactly(int(answer.partition("content-length: ")[2].split()[0]))
        took = time.monotonic() - began
        if status == 200:
            found["seconds"].append(took)
            found["answers"]["right" if judge.right(seed, json.loads(content)) else "wrong"] += 1
        else:
            found["answers"][status] += 1
            if status == 429:
                assert "retry-after: " in answer
                await asyncio.sleep(0.05)
    writer.close()


def memory(process):
    """MB, resident."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1e3


def side(run, options, clients, seconds, judge):
    """Answers, throughput, seconds, memory."""
    found = {"answers": Counter(), "seconds": []}
    with served([run], *options) as (address, server):

        async def load(span):
            end = time.monotonic() + span
            where = urlsplit(address)
            await asyncio.gather(*(client(k, where, end, judge, found) for k in range(clients)))

        asyncio.run(load(3))
        found = {"answers": Counter(), "seconds": []}
        before, began = memory(server), time.monotonic()
        asyncio.run(load(seconds))
        took, after = time.monotonic() - began, memory(server)
    p50, p95 = np.percentile(found["seconds"], [50, 95])
    return {
        "options": " ".join(options),
        "clients": clients,
        "answers": {str(k): v for k, v in found["answers"].items()},
        "pictures_per_second": round(found["answers"]["right"] / took, 1),
        "p50_ms": round(1000 * p50, 1),
        "p95_ms": round(1000 * p95, 1),
        "memory_mb": [round(before), round(after)],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=60)
    asked = parser.parse_args()
    judge = Judge(asked.run)
    rows, many = [], asked.clients
    for options, clients in ((TOGETHER, many), (ALONE, many), (TOGETHER, 1), (SHORT, many)):
        rows.append(side(asked.run, options, clients, asked.seconds, judge))
        print(json.dumps(rows[-1]), flush=True)
    speeds = [row["pictures_per_second"] for row in rows]
    alone, single = speeds[0] / speeds[1], speeds[0] / speeds[2]
    print(f"together over each alone: {alone:.2f}; over one client: {single:.2f}")


if __name__ == "__main__":
    main()
