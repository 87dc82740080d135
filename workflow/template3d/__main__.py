"""The command line: `template3d <command> ...`, or `python -m template3d <command> ...`."""

import argparse
from importlib import import_module

from template3d import __version__

COMMANDS = {
    "reconstruct": "reconstruct the object on a photo as a mesh",
    "fit": "fit a shape to a scan, complete or of one side",
    "app": "serve a page on this machine: a photo in, a shape to turn",
    "export-model": "write a trained model as a folder or ZIP file to hand over",
    "import-meshes": "print the configuration for a folder of meshes",
}
"""The commands, each a module or package of the same name with a function ``main``."""


def main() -> None:
    """Run the command that the arguments name."""
    parser = argparse.ArgumentParser(prog="template3d", description="From photos of objects to their 3D shapes.")
    parser.add_argument("--version", action="version", version=f"template3d {__version__}")
    commands = parser.add_subparsers(required=True, metavar="command", dest="command")
    for name, words in COMMANDS.items():
        commands.add_parser(name, add_help=False, help=f"{words}; see --help")
    options, rest = parser.parse_known_args()
    import_module(f"template3d.{options.command.replace('-', '_')}").main(rest)


if __name__ == "__main__":
    main()
