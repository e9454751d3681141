"""Find the packages, because `find:` in setup.cfg does not follow the folders of `package_dir`."""

from setuptools import find_packages, setup

FOLDERS = {
    "gzslbench": "gzslbench",
    "gzslbench_benchmarks": "benchmarks",
    "gzslbench_features": "features",
    "gzslbench_methods": "methods",
}

setup(
    package_dir=FOLDERS,
    packages=[
        ".".join(filter(None, (package, inner)))
        for package, folder in FOLDERS.items()
        for inner in ("", *find_packages(folder))
    ],
)
