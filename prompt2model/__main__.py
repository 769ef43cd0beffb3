"""`python -m prompt2model` is the `prompt2model` command."""

from prompt2model.cli import main

main()
