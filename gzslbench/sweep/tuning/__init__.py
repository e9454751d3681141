"""Tuning a method's parameters on validation classes; it takes optuna, which is imported late."""
