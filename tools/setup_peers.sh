#!/usr/bin/env bash
# Put the servers that `make bench-peers` measures under .tools/peers/: tools/setup_peers.sh [PYTHON]
# Each has an environment of its own, with every version pinned in bench/peers/requirements/NAME.txt.
# Does nothing where the same versions lie already. Needs Python 3.11 and the package registry.
set -euo pipefail
cd "$(dirname "$0")/.."

PYTHON=${1:-python3.11}
REQUIREMENTS=bench/peers/requirements
PLACE=.tools/peers

fail() { echo "setup_peers: $*" >&2; exit 1; }

command -v "$PYTHON" >/dev/null || fail "no $PYTHON; give the path of Python 3.11 as the argument"
VERSION=$("$PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
[[ $VERSION == 3.11 ]] || fail "$PYTHON is Python $VERSION; the versions are pinned for 3.11"
tools/setup_triton.sh "$PYTHON"

mkdir -p "$PLACE"
for WANTED in "$REQUIREMENTS"/*.txt; do
  NAME=$(basename "$WANTED" .txt)
  DONE=$PLACE/$NAME.installed
  if [[ -f $DONE ]] && cmp -s "$WANTED" "$DONE"; then continue; fi
  FREE_MB=$(df -Pm . | awk 'NR == 2 {print $4}')
  ((FREE_MB > 512)) || fail "half a GB of disk is needed for $NAME; $FREE_MB MB are free here"
  echo "setting up the peer $NAME under $PLACE (under a minute, once) ..." >&2
  rm -rf "$DONE" "${PLACE:?}/$NAME"
  "$PYTHON" -m venv "$PLACE/$NAME"
  "$PLACE/$NAME/bin/pip" install --quiet --disable-pip-version-check --no-deps -r "$WANTED"
  "$PLACE/$NAME/bin/pip" check >/dev/null || fail "the versions in $WANTED do not fit: $PLACE/$NAME/bin/pip check"
  cp "$WANTED" "$DONE"
done
