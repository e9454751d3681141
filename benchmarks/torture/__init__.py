"""Attacks on the toolkit: damaged files, killed processes, hostile plugins, odd environments."""
