#!/bin/sh
# Unpack Debian's Orthanc into the directory $1, with the libraries that this system lacks. It is not installed:
# a package's installation would start a server that listens to everybody. Needs no root, but apt's lists.
set -eu
mkdir -p "$1"
target=$(cd "$1" && pwd)
archives=$(mktemp -d)
trap 'rm -rf "$archives"' EXIT
mkdir "$archives/partial"
apt-get install -y -qq --download-only --no-install-recommends --reinstall \
    -o Debug::NoLocking=1 -o Dir::Cache::archives="$archives" orthanc
for package in "$archives"/*.deb; do
    dpkg-deb --extract "$package" "$target"
done
