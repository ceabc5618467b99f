#!/bin/bash
#
# Runs pg_regress, or the isolation tester, on a server of its own and prints TAP.
#
#   regress.sh [--isolation] BUILD_DIR [NAME...]   all tests, or these
#   regress.sh --accept BUILD_DIR NAME...          take their last output as expected
#
# pg_regress starts a temporary server from the private PostgreSQL, with the library
# preloaded (test/tools/regress.conf), and stops it. Tests run in the order of their
# names in one database; those that make the server managed come last, because whatever
# came after their failure would fail with them. Called by run_tests.pl, which sets
# MR_BINDIR and MR_PGXS_DIR.

set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
suite=regress
verb=run
while :; do
	case ${1:-} in
		--isolation) suite=isolation; shift ;;
		--accept) verb=accept; shift ;;
		*) break ;;
	esac
done
mkdir -p "$1"
output=$(cd "$1" && pwd)/$suite
shift

if [ "$verb" = accept ]; then
	[ $# -gt 0 ] || { echo 'say which: TESTS="NAME ..."' >&2; exit 2; }
	folder=$top/expected
	[ "$suite" = regress ] || folder=$top/test/isolation/expected
	for name in "$@"; do
		cp -v "$output/results/$name.out" "$folder/$name.out"
	done
	exit
fi

case $suite in
	regress)
		program=$MR_PGXS_DIR/src/test/regress/pg_regress
		input=$top
		pattern="$top/sql/*.sql" ;;
	isolation)
		program=$MR_PGXS_DIR/src/test/isolation/pg_isolation_regress
		input=$top/test/isolation
		pattern="$input/specs/*.spec" ;;
esac

tests=("$@")
last=()
if [ $# -eq 0 ]; then
	for file in $pattern; do
		name=${file##*/}
		case ${name%.*} in
			fenced | managed | schedule) last+=("${name%.*}") ;;
			*) tests+=("${name%.*}") ;;
		esac
	done
	tests+=("${last[@]}")
fi

# pg_regress gives up altogether when an expected file is missing: it gets an empty one.
rm -rf "$output"
mkdir -p "$output/input/expected"
cd "$output"
for folder in sql specs; do
	[ ! -d "$input/$folder" ] || ln -s "$input/$folder" "input/$folder"
done
[ ! -d "$input/expected" ] || cp -p "$input"/expected/* input/expected/ 2>/dev/null || :
for name in "${tests[@]}"; do
	[ -e "input/expected/$name.out" ] || : >"input/expected/$name.out"
done
{ cat "$top/test/tools/regress.conf"; echo "multiregion.database = '$suite'"; } >server.conf
# From 18 on initdb enables checksums, without which the findings are more interesting.
if "$MR_BINDIR/initdb" --help | grep -q no-data-checksums; then
	export PG_TEST_INITDB_EXTRA_OPTS=--no-data-checksums
fi
status=0
"$program" --temp-instance="$output/instance" --temp-config="$output/server.conf" \
	--bindir="$MR_BINDIR" --inputdir=input --outputdir="$output" \
	--no-locale --encoding=UTF8 --dbname="$suite" "${tests[@]}" >"$output/run.log" 2>&1 || status=$?

# "test name ... ok 12 ms" (15) or TAP of its own (16 and later) becomes plain TAP.
awk '
	/^test .* \.\.\. / { verdict[$2] = ($0 ~ /\.\.\. ok/) ? "ok" : "not ok"; order[++n] = $2 }
	/^(not )?ok [0-9]+ +[-+] / {
		name = $0
		sub(/^(not )?ok [0-9]+ +[-+] /, "", name)
		sub(/[ \t].*/, "", name)
		verdict[name] = ($1 == "not") ? "not ok" : "ok"
		order[++n] = name
	}
	END { for (i = 1; i <= n; i++) print verdict[order[i]], i, "-", order[i] }
' "$output/run.log" >"$output/tap"
cat "$output/tap"
echo "1..${#tests[@]}"

if [ "$status" != 0 ]; then
	sed 's/^/# /' "$output/run.log"
	[ ! -s "$output/regression.diffs" ] || sed 's/^/# /' "$output/regression.diffs"
	tail -n 60 "$output/log/postmaster.log" 2>/dev/null | sed 's/^/# /' || :
	exit 1
fi
