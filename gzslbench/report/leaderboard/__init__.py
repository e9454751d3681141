"""Tables of methods by datasets, each with numbers that may be compared."""
