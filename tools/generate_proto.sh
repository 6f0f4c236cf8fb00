#!/usr/bin/env bash
# Generate Python code and stubs from proto/ctr/v1 into the folder given.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:?usage: generate_proto.sh OUT_FOLDER}
python -m grpc_tools.protoc -I proto \
  --python_out="$out" --grpc_python_out="$out" \
  --mypy_out="quiet:$out" --mypy_grpc_out="quiet:$out" \
  proto/ctr/v1/*.proto
# A file without services needs no service code.
rm -f "$out"/ctr/v1/error_reason_pb2_grpc.py "$out"/ctr/v1/error_reason_pb2_grpc.pyi
