"""Fine-tune the network of an extractor on the training images of a dataset's seen classes."""
