#!/bin/sh
# Run a command nearly as a container does: process 1 of its own, root file system read-only but
# /tmp, user 65532 with no right to write and no way to more. Call it by `unshare`, see contained.py.
# Reading is allowed throughout, since the tests' Python may lie in root's home.
set -eu
mount --bind /tmp /tmp
mount -o remount,bind,ro /
if touch /ctr-probe 2>/dev/null; then
  echo "the root is not read-only" >&2
  exit 99
fi
cd /
exec setpriv --reuid 65532 --regid 65532 --clear-groups --no-new-privs \
  --inh-caps=-all,+dac_read_search --ambient-caps=+dac_read_search \
  --bounding-set=-all,+dac_read_search env -i "$@"
