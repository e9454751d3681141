"""Figures of runs and leaderboards, drawn by matplotlib, which is an extra."""
