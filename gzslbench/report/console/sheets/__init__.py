"""Tables in every format that people paste them into."""
