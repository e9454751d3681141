"""From a folder of photographs and a table of semantics to a dataset with a split."""
