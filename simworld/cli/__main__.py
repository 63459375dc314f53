"""`python -m simworld.cli` is `simworld`."""

from simworld.cli.app import main

main()
