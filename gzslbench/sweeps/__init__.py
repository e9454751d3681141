"""Many runs: the cells of a suite, the executors that run them, and the search for parameters."""
