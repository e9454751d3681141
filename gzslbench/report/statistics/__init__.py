"""What can be said of numbers that differ from seed to seed."""
