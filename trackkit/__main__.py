"""``python -m trackkit``: the same as the command ``trackkit``."""

from trackkit.cli.main import main

main()
