"""``python -m template3d.app``."""

from template3d.app.command import main

if __name__ == "__main__":
    main()
