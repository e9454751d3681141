"""``python -m gzslbench``."""

from gzslbench.cli import main

main(prog_name="gzslbench")
