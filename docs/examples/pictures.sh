#!/usr/bin/env bash
# Makes the pictures of docs/attention.md from the runs of benchmarks/attention_study.py.
set -euo pipefail
cd "$(dirname "$0")/../.."

nmt align docs/examples/reordering.ko docs/examples/reordering.en \
    --run runs/study/sample/bahdanau-1 --plot docs/images/bahdanau --plot-format svg
nmt align docs/examples/long.en docs/examples/long.fr \
    --run runs/study/hansards/bahdanau-1 --plot docs/images/long --plot-format svg
nmt align docs/examples/reordering.ko docs/examples/reordering.en \
    --run runs/study/sample/luong-dot-1 --plot docs/images/luong-dot --plot-format svg
nmt align docs/examples/reordering.ko docs/examples/reordering.en \
    --run runs/study/sample/scaled-dot-1 --plot docs/images/scaled-dot --plot-format svg
nmt align docs/examples/reordering.ko docs/examples/reordering.en \
    --run runs/study/sample/luong-general-1 --plot docs/images/luong-general --plot-format svg
nmt align docs/examples/reordering.ko docs/examples/reordering.en \
    --run runs/study/sample/luong-concat-1 --plot docs/images/luong-concat --plot-format svg
nmt align docs/examples/reordering.ko docs/examples/reordering.en \
    --run runs/study/sample/luong-location-1 --plot docs/images/luong-location --plot-format svg
nmt align docs/examples/reordering.ko docs/examples/reordering.en \
    --run runs/study/sample/luong-local-m-1 --plot docs/images/luong-local-m --plot-format svg
nmt align docs/examples/reordering.ko docs/examples/reordering.en \
    --run runs/study/sample/luong-local-p-1 --plot docs/images/luong-local-p --plot-format svg
nmt align docs/examples/long.en docs/examples/long.fr \
    --run runs/study/hansards/luong-local-p-1 --plot docs/images/long-local-p --plot-format svg
nmt align docs/examples/reordering.ko docs/examples/reordering.en \
    --run runs/study/sample/input-feeding-1 --plot docs/images/input-feeding --plot-format svg
nmt align docs/examples/reordering.ko docs/examples/reordering.en \
    --run runs/study/sample/coverage-1 --plot docs/images/coverage --plot-format svg
nmt align docs/examples/reordering.ko docs/examples/reordering.en \
    --run runs/study/sample/multi-head-1 --plot docs/images/multi-head --plot-format svg
nmt align docs/examples/reordering.ko docs/examples/reordering.en \
    --run runs/study/sample/transformer-1 --plot docs/images/transformer --plot-format svg
nmt translate --beam 5 --input docs/examples/reordering.ko \
    --run runs/study/sample/bahdanau-1 --plot docs/images/beam --plot-format svg
