"""Make semantics of classes from texts, with a text encoder."""
