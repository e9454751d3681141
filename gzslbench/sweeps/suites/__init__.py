"""Suites: which runs belong together, their stored metrics, and the claims of papers that they test."""
