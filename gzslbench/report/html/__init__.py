"""The HTML report of stored runs."""
