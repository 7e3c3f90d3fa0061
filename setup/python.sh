#!/bin/sh
# Say in one sentence what is missing before anything is installed. Argument: the Python to use.
set -eu
python=$1

say() {
    echo "carrierbag: $1" >&2
    exit 1
}

command -v "$python" >/dev/null || say "no $python here. Install Python 3.11 or newer."
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    say "$("$python" --version) is too old. Install Python 3.11 or newer, then run: make PYTHON=python3.11"
"$python" -c 'import ensurepip, venv' 2>/dev/null ||
    say "$python cannot make virtual environments. Install them: apt-get install python3-venv"
command -v npm >/dev/null || say "no npm here. Install Node.js with npm: apt-get install npm"
