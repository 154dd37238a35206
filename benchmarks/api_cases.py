"""Thousands of requests made of the OpenAPI document, right and wrong ones, to a server of these runs.

    pip install schemathesis
    python benchmarks/api_cases.py RUN… --examples 150

No answer may be a server's error or one that the document does not have.
"""

import argparse
import json
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance,negative_data_rejection,missing_required_header,unsupported_method"
)
"""All but `positive_data_acceptance`: a document cannot say which classes a model has, and such."""

OPTIONS = (
    "--seed 0 --generation-deterministic --phases examples,coverage,fuzzing --continue-on-failure --no-color "
    "--request-timeout 30"
)


@contextmanager
def served(runs, *options):
    """`ganvas serve`, on a port that is free; gives its address and its process."""
    line = [sys.executable, "-m", "ganvas", "serve", *map(str, runs), "--port", "0", *options]
    log = Path(f"/tmp/ganvas-serve-{'-'.join(options) or 'log'}.jsonl".replace("--", ""))
    with log.open("w") as out, subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as server:
        first = server.stdout.readline()
        if not first:
            raise SystemExit("the server did not start")
        drain = subprocess.Popen(["cat"], stdin=server.stdout, stdout=out)
        try:
            yield json.loads(first)["address"], server
        finally:
            server.terminate()
            server.wait()
            drain.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--examples", type=int, default=150)
    parser.add_argument("--schemathesis", default="schemathesis")
    asked = parser.parse_args()
    with served(asked.runs, "--timeout", "20") as (address, _):
        line = f"run {address}/openapi.json --checks {CHECKS} --max-examples {asked.examples} {OPTIONS}"
        line = [asked.schemathesis, *line.split()]
        raise SystemExit(subprocess.run(line, check=False).returncode)


if __name__ == "__main__":
    main()
