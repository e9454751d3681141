"""Runs that belong together, and whether they still come to what was stored of them."""
