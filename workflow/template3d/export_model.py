"""Hand a trained model over: a folder, or a ZIP file to publish, with a model card and checksums.

    template3d export-model results/models/chairs/two_phase -o chairs_model
    template3d export-model results/models/chairs/two_phase -o chairs.zip --licence "CC BY 4.0"

`--model` of the other commands takes the folder, and the address of the ZIP file on the web with its SHA-256.
"""

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from template3d.networks import model_folders
from template3d.networks.model_folders import DESCRIPTION, WEIGHTS
from template3d.runtime import checksums, files
from template3d.runtime.errors import InputError

CARD = "README.md"


def main(arguments: Sequence[str] | None = None) -> None:
    """Export a model from the command line; exits with a sentence if it cannot."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="template3d export-model", description=__doc__, formatter_class=form)
    parser.add_argument("model", help="a folder results/models/<category>/<method>")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, help="a new folder, or a new file that ends with .zip"
    )
    parser.add_argument("--licence", help="of the model, for its card")
    parser.add_argument("--note", help="a paragraph for its card")
    options = parser.parse_args(arguments)
    try:
        print(exported(options.model, options.output, options.licence, options.note))
    except InputError as error:
        sys.exit(f"{error}")
    except OSError as error:
        sys.exit(f"{options.output}: cannot be written ({error.strerror or error}); give another path after -o")


def exported(model: str, output: Path, licence: str | None = None, note: str | None = None) -> str:
    """Write the folder or ZIP file ``output`` completely or not at all; returns what to tell the user.

    Raises InputError if there is no such model, if it is damaged or was exported before, or if ``output`` exists;
    OSError if it cannot be written.
    """
    weights = model_folders.weights_of(model)
    if (weights.parent / checksums.NAME).exists():
        raise InputError(f"{weights.parent}: is an exported model already; copy it as it is")
    if os.path.lexists(output):
        raise InputError(f"{output}: is there already; give a new path after -o")
    from template3d.networks.models import load_model  # PyTorch takes seconds to import
    from template3d.report import model_card

    card = model_card.text(load_model(weights), weights, licence, note)
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=files.PREFIX, dir=output.parent) as beside:
        name = output.stem if output.suffix.lower() == ".zip" else output.name
        folder = Path(beside, name)
        folder.mkdir()
        shutil.copyfile(weights, folder / WEIGHTS)
        shutil.copyfile(weights.with_suffix(".json"), folder / DESCRIPTION)
        (folder / CARD).write_text(card, encoding="utf-8")
        checksums.write(folder, (WEIGHTS, DESCRIPTION))
        if output.suffix.lower() != ".zip":
            folder.rename(output)
            return f"{output}: the model, its card ({CARD}) and checksums; add your own words to the card"
        archive = Path(shutil.make_archive(str(folder), "zip", beside, name))
        sha256 = checksums.sha256(archive)
        archive.rename(output)
        return f"{output}: once published, use it with --model https://<host>/{output.name}#sha256={sha256}"


if __name__ == "__main__":
    main()
