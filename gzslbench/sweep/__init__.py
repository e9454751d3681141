"""Sweeps: the cells of a suite on an executor, whatever dies on the way."""
