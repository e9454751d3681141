"""What makes files: downloads, built datasets, extracted features, text semantics."""
