"""The functions of the Python API, which ``gzslbench`` exports; the commands call them too."""
