"""``python -m seggui``: the same as the installed command ``seggui``."""

import sys

from seggui.cli import main

if __name__ == "__main__":  # a spawned child process imports this file too
    sys.exit(main())
