#!/usr/bin/env bash
# Gradescope builds the container with this: everything that `course grade` needs.
set -euo pipefail
apt-get update
apt-get install --yes python3 python3-venv bubblewrap libseccomp2
python3 -m venv /autograder/course
/autograder/course/bin/pip install --require-hashes --no-deps --requirement /autograder/source/requirements.lock
/autograder/course/bin/pip install --no-deps --no-build-isolation /autograder/source
