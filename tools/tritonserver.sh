#!/usr/bin/env bash
# Become the tritonserver that tools/setup_triton.sh installed: tools/tritonserver.sh ARGUMENTS...
# The process keeps this one's id, so that signals reach the server.
set -euo pipefail
HOME_OF_TOOLS="$(cd "$(dirname "$0")/.." && pwd)/.tools"
[[ -f $HOME_OF_TOOLS/triton.installed ]] || {
  echo "tritonserver.sh: no Triton under $HOME_OF_TOOLS; run \`make triton-setup\`" >&2
  exit 1
}
VENV=$HOME_OF_TOOLS/triton-venv
PYTHON_LIBRARIES=$("$VENV/bin/python" -c 'import sysconfig; print(sysconfig.get_config_var("LIBDIR"))')
# The stub that runs model.py takes its packages from the python on PATH, and only from there.
export PATH=$VENV/bin:$PATH
export LD_LIBRARY_PATH=$HOME_OF_TOOLS/triton/nvidia_pytriton.libs:$PYTHON_LIBRARIES
unset PYTHONPATH PYTHONHOME VIRTUAL_ENV
exec "$HOME_OF_TOOLS/triton/pytriton/tritonserver/bin/tritonserver" \
  --backend-directory="$HOME_OF_TOOLS/triton/pytriton/tritonserver/backends" "$@"
