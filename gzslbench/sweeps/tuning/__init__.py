"""Search a method's parameters on validation classes. Needs optuna, which is imported late."""
