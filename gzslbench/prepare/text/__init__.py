"""Semantics of classes from texts about them, by a text encoder."""
