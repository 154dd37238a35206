"""What the commands of `ganvas.cli.serving` do."""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ganvas.cli.serving import Serve


def serve(ask: "Serve") -> None:
    """Until it is ended."""
    from ganvas.serve.server import serve
    from ganvas.terminal import said

    serve(
        ask.run,
        host=ask.host,
        port=ask.port,
        key=os.environ.get("GANVAS_API_KEY") if ask.api_key is None else ask.api_key,
        queue=ask.queue,
        together=ask.batch,
        seconds=ask.timeout,
        device=ask.device,
        said=said,
    )
