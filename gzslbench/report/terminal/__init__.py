"""What commands print to the terminal: tables, live progress, and the same content as JSON."""
