"""The HTML report: a static site of stored runs that opens from disk and asks no network."""
