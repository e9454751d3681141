"""Figures of runs and leaderboards, drawn with matplotlib, which is an extra."""
