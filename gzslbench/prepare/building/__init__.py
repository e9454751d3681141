"""Build a dataset with a split from a folder of images and a table of semantics."""
