#!/usr/bin/env bash
# Fail when the committed generated code is not what proto/ctr/v1 generates.
set -euo pipefail
cd "$(dirname "$0")/.."
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
tools/generate_proto.sh "$fresh"
if ! diff -r --exclude='*.proto' --exclude=__pycache__ "$fresh/ctr" proto/ctr; then
  echo "generated code differs from its source: run 'make proto' and commit" >&2
  exit 1
fi
