#!/usr/bin/env bash
# NVIDIA's perf_analyzer under .tools/perf_analyzer, for the cross-check of `make bench-selftest`.
# The binary ships in an old tritonclient's wheel; it links Debian's libb64 and CUDA's runtime, of
# which it uses nothing here. Nothing of this enters the project's own environment.
#   tools/setup_perf_analyzer.sh PYTHON
set -euo pipefail
cd "$(dirname "$0")/.."
python="$1"
place=.tools/perf_analyzer
test -x "$place/bin/perf_analyzer" && exit 0
echo "installing perf_analyzer into $place ..." >&2
rm -rf "$place.new"
mkdir -p "$place.new"
"$python" -m pip install --quiet --disable-pip-version-check --no-deps --target "$place.new" \
  "tritonclient==2.51.0" "nvidia-cuda-runtime-cu12>=12,<13"
if ! ldconfig -p | grep -q 'libb64\.so\.0d'; then
  (cd "$place.new" && apt-get download --quiet libb64-0d && dpkg -x libb64-0d_*.deb libb64)
fi
chmod +x "$place.new/bin/perf_analyzer"
rm -rf "$place"
mv "$place.new" "$place"
