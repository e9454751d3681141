"""Lists of a dataset's images, in the order that its split indexes."""
