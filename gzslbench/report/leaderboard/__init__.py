"""Methods beside each other, as far as their numbers may be compared."""
