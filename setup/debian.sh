#!/bin/sh
# Install the Debian packages of setup/debian.txt that are missing. Says so when it may not.
set -eu
cd "$(dirname "$0")"

missing=$(grep -v '^#' debian.txt | while read -r package; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q ' installed$' || echo "$package"
done)
[ -z "$missing" ] && exit 0

as_root=
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || {
        echo "carrierbag: the tests need Debian packages. Ask root to run: apt-get install" $missing >&2
        exit 1
    }
    as_root=sudo
fi
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq
$as_root apt-get install -y -qq --no-install-recommends $missing
