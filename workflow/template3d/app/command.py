"""The command ``template3d app``: serve the page to a browser on this machine.

make app                                       # set up, then start it
.venv/bin/template3d app --models results/models --port 7860
"""

import argparse
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from template3d.runtime.errors import InputError

ADDRESS = "127.0.0.1"
PORT = 7860


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve the page until it is interrupted; exits with status 1 and a sentence if it cannot start."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="template3d app", description=__doc__, formatter_class=form)
    models = "a folder of models, of the models of a category, or of one model"
    parser.add_argument("--models", type=Path, default=Path("results/models"), help=f"{models} (%(default)s)")
    parser.add_argument("--port", type=int, default=PORT, help="the page is at http://127.0.0.1:PORT (%(default)s)")
    parser.add_argument(
        "--resolution", type=int, default=96, help="cells a side, a multiple of 32 up to 256 (%(default)s)"
    )
    options = parser.parse_args(arguments)
    try:
        if options.resolution not in range(32, 257, 32):
            raise InputError(f"--resolution is {options.resolution}, but must be a multiple of 32 from 32 to 256")
        check_port(options.port)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # so that the folder is deleted then, too
        with tempfile.TemporaryDirectory(prefix="template3d-app-") as folder:
            serve(options.models, options.port, options.resolution, Path(folder))
    except InputError as error:
        sys.exit(f"{error}")


def check_port(port: int) -> None:
    """Raise InputError unless a port can be listened on."""
    if not 1 <= port <= 65535:
        raise InputError(f"--port is {port}, but must be from 1 to 65535")
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((ADDRESS, port))
        except OSError as error:
            raise InputError(
                f"port {port} cannot be used ({error.strerror}); is another app running? Add --port {port % 65535 + 1}"
            ) from error


def serve(models: Path, port: int, resolution: int, folder: Path, wait: bool = True) -> object:
    """Serve the page; photos and shapes go into ``folder``. Raises InputError if there are no models or no Gradio."""
    private = {
        "GRADIO_ANALYTICS_ENABLED": "False",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "GRADIO_TEMP_DIR": str(folder),
        "no_proxy": ",".join(filter(None, [os.environ.get("no_proxy"), ADDRESS])),  # Gradio calls its own page
    }
    os.environ.update(private)  # before Gradio is imported
    from template3d.app import examples
    from template3d.app.models import Models
    from template3d.app.page import Page
    from template3d.app.reconstructor import Reconstructor

    offered = Models(models)
    page = Page(Reconstructor(offered, resolution), folder, examples.written(models, offered.categories, folder))
    print(f"The app is at http://{ADDRESS}:{port} (Ctrl+C stops it).", flush=True)
    return page.launch(port, wait)
