"""Which photographs a dataset has, from the index files of its publishers."""
