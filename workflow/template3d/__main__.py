"""The command line: `template3d reconstruct ...`, or `python -m template3d reconstruct ...`."""

import argparse

from template3d import __version__


def main() -> None:
    """Hand the arguments over to the command that they name."""
    parser = argparse.ArgumentParser(prog="template3d", description="One photo in, a 3D shape out.")
    parser.add_argument("--version", action="version", version=f"template3d {__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")
    commands.add_parser("reconstruct", add_help=False, help="a photo's object as a mesh; --help tells more")
    _, rest = parser.parse_known_args()
    from template3d import reconstruct

    reconstruct.main(rest)


if __name__ == "__main__":
    main()
