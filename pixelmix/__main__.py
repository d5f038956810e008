"""Run the command line with ``python -m pixelmix``."""

from pixelmix.cli import main

if __name__ == "__main__":
    main()
