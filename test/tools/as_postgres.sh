#!/bin/bash
#
# Runs a command as user postgres in a copy of this checkout, for root: PostgreSQL
# refuses to run as root, and root's checkout may lie where postgres cannot read.
#
#   as_postgres.sh [--no-sync] COMMAND...   --no-sync: with the copy as it is
#   as_postgres.sh --where                  print the copy's folder
#   as_postgres.sh --sync                   bring the copy up to date, run nothing
#   as_postgres.sh --clean                  remove what was built in the copy
#
# The copy is /var/cache/multiregion/NAME-NUMBER, one for each checkout; MR_COPY names
# another folder, and MR_COPY_OWNER whom it belongs to (USER:GROUP, also as numbers). Sources are brought up to date before each command (only files that
# differ are touched, and never in place: a running script keeps the file it has open);
# build/ in the copy belongs to the copy. Copies of checkouts that are gone are removed.
# Called by the Makefile.

set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
number=$(printf %s "$top" | cksum)
copy=${MR_COPY:-/var/cache/multiregion/$(basename "$top")-${number%% *}}
owner=${MR_COPY_OWNER:-postgres:postgres}

# Lists "copy PATH" and "remove PATH" for what differs between checkout and copy.
differences()
{
	diff -rq --no-dereference --exclude=.git --exclude=build "$top" "$copy" | awk -v top="$top" -v copy="$copy" '
		/^Only in / {
			line = substr($0, 9)
			cut = index(line, ": ")
			path = substr(line, 1, cut - 1) "/" substr(line, cut + 2)
			if (index(path, copy "/") == 1)
				print "remove", substr(path, length(copy) + 2)
			else
				print "copy", substr(path, length(top) + 2)
			next
		}
		/ differ$/ || / while file / {
			word = ($1 == "Files" || $1 == "File") ? $2 : $3
			print "copy", substr(word, length(top) + 2)
		}'
}

# Removes the copies whose checkout is gone, and that nobody is at work in.
remove_orphans()
{
	local other
	for other in /var/cache/multiregion/*/.of; do
		[ -e "$other" ] && [ ! -e "$(cat "$other")" ] || continue
		other=${other%/.of}
		[ -e "$other/build/demo" ] || flock -n "$other/.lock" rm -rf --one-file-system "$other" || :
	done
}

synchronise()
{
	local verb path
	[ -n "${MR_COPY:-}" ] || [ -e "$copy/.of" ] || remove_orphans
	install -d -o "${owner%:*}" -g "${owner#*:}" -m 755 "$copy"
	exec 9>"$copy/.lock"
	flock 9
	[ -n "${MR_COPY:-}" ] || echo "$top" >"$copy/.of"
	differences | while read -r verb path; do
		case $path in
			.lock | .of) continue ;;
		esac
		if [ "$verb" = remove ] || [ -d "$top/$path" ]; then
			rm -rf "${copy:?}/$path"
		fi
		if [ "$verb" = copy ]; then
			cp -a --remove-destination "$top/$path" "$copy/$path"
			chown -hR "$owner" "$copy/$path"
			chmod -R u+rwX "$copy/$path"
		fi
	done
	exec 9>&-
}

case ${1:-} in
	--where)
		echo "$copy"
		exit ;;
	--clean)
		if [ -e "$copy/build/demo" ]; then
			echo "the demo lives in $copy/build/demo: run make demo-clean first" >&2
			exit 1
		fi
		rm -rf "${copy:?}/build"
		exit ;;
	--sync)
		synchronise
		exit ;;
	--no-sync)
		shift
		[ -e "$copy/Makefile" ] || synchronise ;;
	*)
		synchronise ;;
esac

cd "$copy"
# A checkout below /root has made HOME and others point where postgres cannot look.
unset MR_COPY XDG_RUNTIME_DIR XDG_CACHE_HOME
mkdir -p build/home
chown postgres: build build/home
exec runuser -u postgres -- env HOME="$copy/build/home" USER=postgres LOGNAME=postgres "$@"
