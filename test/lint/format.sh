#!/bin/bash
#
# C is formatted as .clang-format says; "make format" does it. The formatter is the
# version that Debian 12 ships, as others differ in small ways. A planted file proves
# first that bad formatting is found.

set -u

top=$(cd "$(dirname "$0")/../.." && pwd)
formatter=clang-format-14
cd "$top" || exit 1

if ! command -v $formatter >/dev/null && ! grep -qx 'VERSION_CODENAME=bookworm' /etc/os-release; then
	echo "1..0 # SKIP $formatter is not part of this Debian"
	exit
fi

if printf 'int f(void){return 1;}\n' | $formatter --dry-run --Werror --assume-filename=src/planted.c \
	>/dev/null 2>&1; then
	echo "this rule is broken: a planted violation was not found"
	exit 1
fi

mapfile -t files < <(find src test -name '*.[ch]' | sort)
mapfile -t wrong < <($formatter --dry-run --Werror "${files[@]}" 2>&1 | sed -n 's/^\([^: ]*\):[0-9].*error:.*/\1/p' | uniq)
for file in "${wrong[@]}"; do
	echo "$file: differs from its formatted text; run make format"
	$formatter "$file" | diff -u "$file" - | sed -n '3,12p'
done
echo "${#files[@]} files, ${#wrong[@]} violations"
[ ${#wrong[@]} -eq 0 ]
