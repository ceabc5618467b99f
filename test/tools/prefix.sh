#!/bin/bash
#
# prefix.sh DIR PG_CONFIG: makes DIR a private copy of the machine's PostgreSQL.
#
# PostgreSQL finds its files relative to its own binary, so a copy that keeps the
# layout (DIR/usr/lib/postgresql/15/bin, DIR/usr/share/postgresql/15) is a complete
# server for whoever owns it; "make install DESTDIR=DIR" puts an extension into it.
# DIR/bin is a short way to its programs. Nothing outside DIR is written.
#
# The copy is kept until the machine's PostgreSQL changes. Headers, bitcode, manual
# pages and translations stay behind. Called by build.mk.

set -eu

dir=$1 pg_config=$2
bindir=$("$pg_config" --bindir)
pkglibdir=$("$pg_config" --pkglibdir)
sharedir=$("$pg_config" --sharedir)
identity="$("$bindir/postgres" -V) $bindir $pkglibdir $sharedir $(stat -c %Y "$bindir/postgres")"

if [ "$(cat "$dir/identity" 2>/dev/null)" = "$identity" ]; then
	exit 0
fi

new=$dir.new.$$
trap 'rm -rf "$new"' EXIT
mkdir -p "$new$bindir" "$new$pkglibdir" "$new$sharedir"
tar -C "$bindir" -cf - . | tar -C "$new$bindir" -xf - --no-same-owner
tar -C "$pkglibdir" --exclude=./bitcode --exclude=./pgxs -cf - . |
	tar -C "$new$pkglibdir" -xf - --no-same-owner
tar -C "$sharedir" --exclude=./man --exclude=./locale -cf - . |
	tar -C "$new$sharedir" -xf - --no-same-owner
ln -s "${bindir#/}" "$new/bin"
echo "$identity" >"$new/identity"

rm -rf "$dir.old"
if [ -e "$dir" ]; then
	mv "$dir" "$dir.old"
fi
mv "$new" "$dir"
rm -rf "$dir.old"
