"""`python -m pipeline` is `voc`."""

from pipeline.cli import main

main()
