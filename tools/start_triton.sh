#!/usr/bin/env bash
# Serve a bundle's CPU target in the foreground: tools/start_triton.sh BUNDLE PORT
# Ctrl-C stops it. Says when it serves, and what to do then.
set -euo pipefail
cd "$(dirname "$0")/.."
BUNDLE=$1 PORT=$2
REPOSITORY=$BUNDLE/triton/cpu

fail() { echo "start_triton: $*" >&2; exit 1; }

[[ -f $BUNDLE/manifest.json ]] || fail "$BUNDLE is no bundle; \`make demo\` makes one, or give BUNDLE=/path"
[[ -d $REPOSITORY ]] ||
  fail "$BUNDLE has no triton/cpu: it is older than this release; export it again (\`make demo\`)"
if (exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null; then
  fail "port $PORT is in use; stop who listens there, or give another: make triton PORT=8011"
fi

LOG=build/triton.log
mkdir -p build
tools/tritonserver.sh --model-repository="$REPOSITORY" --model-control-mode=explicit --load-model='*' \
  --grpc-address=127.0.0.1 --grpc-port="$PORT" --allow-http=false --allow-metrics=false >"$LOG" 2>&1 &
SERVER=$!
trap 'kill "$SERVER" 2>/dev/null; wait "$SERVER" 2>/dev/null; exit 0' INT TERM

echo "tritonserver loads $REPOSITORY and warms up (log: $LOG) ..." >&2
STARTED=$SECONDS
until grep -q "Started GRPCInferenceService" "$LOG"; do
  kill -0 "$SERVER" 2>/dev/null || { tail -20 "$LOG" >&2; fail "tritonserver ended; its log is in $LOG"; }
  sleep 0.2
done
cat >&2 <<TEXT
serving on 127.0.0.1:$PORT after $((SECONDS - STARTED)) s; Ctrl-C stops it. In another terminal:
  .venv/bin/ctr-service serve --bundle $BUNDLE --triton 127.0.0.1:$PORT
TEXT
wait "$SERVER"
