"""Extract features from a dataset's images with a pretrained network."""
