"""The command line: `template3d reconstruct ...`, or `python -m template3d reconstruct ...`."""

import argparse

from template3d import __version__


def main() -> None:
    """Run the command that the arguments name."""
    parser = argparse.ArgumentParser(prog="template3d", description="One photo in, a 3D shape out.")
    parser.add_argument("--version", action="version", version=f"template3d {__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")
    commands.add_parser("reconstruct", add_help=False, help="reconstruct the object on a photo as a mesh; see --help")
    _, rest = parser.parse_known_args()
    from template3d import reconstruct

    reconstruct.main(rest)


if __name__ == "__main__":
    main()
