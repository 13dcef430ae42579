#!/usr/bin/env bash
# Gradescope builds the container with this: everything that `course grade` needs.
set -euo pipefail
apt-get update
apt-get install --yes python3 python3-venv bubblewrap libseccomp2
python=
for found in python3.13 python3.14 python3.12 python3; do
    if "$found" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 12))' 2>/dev/null; then
        python=$found
        break
    fi
done
if [ -z "$python" ]; then
    echo "The course needs Python 3.12 or newer: choose a base image that has it, such as Ubuntu 24.04, and build again." >&2
    exit 1
fi
"$python" -m venv /autograder/course
/autograder/course/bin/pip install --require-hashes --no-deps --requirement /autograder/source/requirements.lock
/autograder/course/bin/pip install --no-deps --no-build-isolation /autograder/source
