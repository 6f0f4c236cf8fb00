#!/usr/bin/env bash
# Print the exact versions of an environment, without ourselves.
set -euo pipefail
echo "# Every version that CI ran with. Made by 'make lock'; 'make setup' installs with -c."
"${1:?usage: lock.sh PIP}" freeze --exclude-editable | grep -viE '^(ctr-serve|torch)\b' | sort -f
