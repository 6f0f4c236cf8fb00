#!/usr/bin/env bash
# Put a real tritonserver, which runs on a CPU, under .tools/: tools/setup_triton.sh [PYTHON]
# Does nothing where the same versions lie already. Needs Python 3.11 and the package registry.
#
# .tools/triton       the server: the wheel of nvidia-pytriton, which holds it with one backend, Python's
# .tools/triton-venv  what the models run in: that backend crashes with numpy 2, which the gateway needs
set -euo pipefail
cd "$(dirname "$0")/.."

PYTHON=${1:-python3.11}
SERVER="nvidia-pytriton==0.7.0"
MODELS=("onnxruntime==1.31.1" "tokenizers==0.23.3" "numpy==1.26.4")
TARGET=.tools/triton
VENV=.tools/triton-venv
DONE=.tools/triton.installed
WANTED="$SERVER ${MODELS[*]}"

fail() { echo "setup_triton: $*" >&2; exit 1; }

if [[ -f $DONE && $(<"$DONE") == "$WANTED" ]]; then exit 0; fi
[[ $(uname -sm) == "Linux x86_64" ]] ||
  fail "the wheel holds a server for Linux on x86-64 only; this is $(uname -sm)"
command -v "$PYTHON" >/dev/null || fail "no $PYTHON; give the path of Python 3.11 as the argument"
VERSION=$("$PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
[[ $VERSION == 3.11 ]] ||
  fail "$PYTHON is Python $VERSION; the server's stub for models is taken for 3.11"
FREE_MB=$(df -Pm . | awk 'NR == 2 {print $4}')
((FREE_MB > 1024)) || fail "1 GB of disk is needed; $FREE_MB MB are free here"

echo "setting up Triton under .tools (about a minute, once) ..." >&2
rm -rf "$DONE" "$TARGET" "$VENV"
mkdir -p .tools
"$PYTHON" -m venv "$VENV"
PIP=("$VENV/bin/pip" install --quiet --disable-pip-version-check)
echo "  1/2 the server: $SERVER" >&2
"${PIP[@]}" --no-deps --target "$TARGET" "$SERVER"
echo "  2/2 what its models need: ${MODELS[*]}" >&2
"${PIP[@]}" "${MODELS[@]}"

SERVER_HOME=$TARGET/pytriton/tritonserver
STUB=triton_python_backend_stub
[[ -f $SERVER_HOME/python_backend_stubs/$VERSION/$STUB ]] ||
  fail "the wheel has another layout than 0.7.0's: $STUB for $VERSION is not in it"
cp "$SERVER_HOME/python_backend_stubs/$VERSION/$STUB" "$SERVER_HOME/backends/python/$STUB"
# A wheel keeps no run bits.
chmod +x "$SERVER_HOME/backends/python/$STUB" "$SERVER_HOME/bin/tritonserver"
echo "$WANTED" >"$DONE"
