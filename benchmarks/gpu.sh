#!/usr/bin/env bash
# Measure what needs a CUDA device, and run the tests that need one.
#
#     [PYTHON=.venv/bin/python] [OUT=results/gpu] benchmarks/gpu.sh
#
# PYTHON has gzslbench installed, with its dev extra for the tests. The suite flo needs FLO's efficientnet_lite0
# features under GZSLBENCH_DATA. All that is measured goes into the folder OUT, suite runs that are finished
# there are not run again. If a step fails, the script says so and continues with the others.
#
# Exit status: 0 every step succeeded; 1 one failed.
set -euo pipefail

python=${PYTHON:-python}
out=${OUT:-results/gpu}
tests=$(dirname "${BASH_SOURCE[0]}")/../tests
failed=()
trap "exit 130" INT # in every step

step() {
    echo "== $*"
    if ! "$python" -m "$@"; then
        failed+=("$*")
        echo "failed: $*" >&2
    fi
}

speed() {
    step gzslbench_benchmarks.speed "$@" --device cuda
}

mkdir -p "$out"
speed iteration epoch evaluation f-clswgan methods regions training precision growth peak-memory extraction --out "$out/speed-cuda.json"
for precision in tf32 bf16; do
    speed iteration training extraction --precision "$precision" --out "$out/speed-cuda-$precision.json"
done
step gzslbench regress flo --results "$out/results" --stored "$out/flo.json" --update --reason measured-on-a-GPU
if [[ -d $tests ]]; then
    step pytest -m gpu "$tests"
fi

if ((${#failed[@]})); then
    printf 'failed: %s\n' "${failed[@]}" >&2
    exit 1
fi
echo "all of it is in $out"
