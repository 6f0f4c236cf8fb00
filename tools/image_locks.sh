#!/usr/bin/env bash
# Lock what each image installs, with hashes: pyproject's extras at the versions of constraints.txt.
# For the exporter, TORCH_WHEELS names a folder or a page with torch's wheels for CPUs.
set -euo pipefail
cd "$(dirname "$0")/.."
uv=${1:?usage: image_locks.sh UV}
torch_wheels=${TORCH_WHEELS:-${PIP_FIND_LINKS:-https://download.pytorch.org/whl/cpu/torch/}}
cpu_torch=$(mktemp)
trap 'rm -f "$cpu_torch"' EXIT
sed -n 's/^ *"torch==\([0-9.]*\)".*/torch==\1+cpu/p' pyproject.toml > "$cpu_torch"

lock() { # IMAGE ARGUMENTS...
  local file=k8s/images/$1/requirements.txt
  shift
  # Aside and renamed: a lock that could not be made whole leaves the old one.
  echo "# Made by 'make image-locks' from pyproject.toml and constraints.txt." > "$file.new"
  "$uv" pip compile --quiet --no-config --generate-hashes --no-header --no-annotate \
    --python-version 3.11.14 --python-platform x86_64-manylinux_2_28 \
    --constraint constraints.txt "$@" >> "$file.new"
  mv "$file.new" "$file"
  echo "$file: $(grep -c '==' "$file") packages"
}

lock wheel k8s/images/wheel/requirements.in
lock sbom k8s/images/sbom/requirements.in
lock gateway --extra service --extra openvino pyproject.toml
lock monitor --extra monitor pyproject.toml
lock exporter --extra export --constraint "$cpu_torch" --find-links "$torch_wheels" pyproject.toml
