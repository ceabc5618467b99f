#!/bin/bash
#
# Writes a .gz and a .br beside each file of a release that is worth it, as small as they
# get, for nginx to send as they are.
#
#   precompress.sh FOLDER
#
# Run it over the new release before the link is switched to it. Files of less than 1 kB,
# and those that would not become smaller, stay alone. The same release gives the same files
# and times everywhere, so every region sends the same entity tags; .gz and .br are dated one
# and two seconds after their file, so that no two forms of it have the same tag. It must
# never leave a compressed form that belongs to an older file, and refuses a release with a
# link that leads out of it, as nginx follows links. May be run again.

set -eu

if [ $# -ne 1 ] || [ ! -d "$1" ]; then
	echo "usage: precompress.sh FOLDER" >&2
	exit 2
fi
if ! command -v brotli >/dev/null; then
	echo "precompress.sh: there is no brotli (Debian: brotli)" >&2
	exit 1
fi

# compress SOURCE SUFFIX DATE COMMAND...: the command reads SOURCE and prints it smaller.
compress()
{
	local source=$1 target=$1.$2 date=$3
	shift 3
	if [ -e "$target" ] && [ "$(stat -c %Y "$target")" = "$date" ] && [ ! "$source" -nt "$target" ]; then
		return
	fi
	rm -f "$target"
	"$@" <"$source" >"$target.part"
	if [ "$(stat -c %s "$target.part")" -lt "$(stat -c %s "$source")" ]; then
		chmod --reference="$source" "$target.part"
		touch -d "@$date" "$target.part"
		mv "$target.part" "$target"
	else
		rm -f "$target.part"
	fi
}

release=$(readlink -f "$1")
outside=$(find "$release/" -type l -print0 | while IFS= read -r -d '' link; do
	case $(readlink -m "$link")/ in
		"$release"/*) ;;
		*) echo "$link" ;;
	esac
done)
if [ -n "$outside" ]; then
	printf 'precompress.sh: these links lead out of the release:\n%s\n' "$outside" >&2
	exit 1
fi

find "$release" -type f -size +1023c \( -name '*.js' -o -name '*.mjs' -o -name '*.css' -o -name '*.html' \
	-o -name '*.json' -o -name '*.map' -o -name '*.svg' -o -name '*.txt' -o -name '*.xml' \
	-o -name '*.wasm' -o -name '*.webmanifest' -o -name '*.ttf' -o -name '*.otf' \) -print0 |
	while IFS= read -r -d '' file; do
		time=$(stat -c %Y "$file")
		compress "$file" gz $((time + 1)) gzip -9 -n -c
		compress "$file" br $((time + 2)) brotli -q 11 -c
	done
