#!/bin/sh
# Checks the syntax of the shell scripts, their first lines and their modes.
# SPDX-License-Identifier: Apache-2.0
set -eu
cd "$(dirname "$0")/.."
status=0

for script in scripts/*.sh scripts/glance-server mount-helpers/* Examples/*.sh Benchmarks/*.sh .ci/run; do
    [ -f "$script" ] || continue
    shell=$(sed -n '1s|^#!/bin/||p' "$script")
    case $shell in
    sh | bash) "$shell" -n "$script" || status=1 ;;
    *)
        echo "$script: begins with neither #!/bin/sh nor #!/bin/bash" >&2
        status=1
        ;;
    esac
    if ! sed -n 3p "$script" | grep -q '^# SPDX-License-Identifier: Apache-2.0$'; then
        echo "$script: the third line is not the licence" >&2
        status=1
    fi
    if [ ! -x "$script" ]; then
        echo "$script: not executable" >&2
        status=1
    fi
    shellcheck "$script" || status=1
done
exit "$status"
