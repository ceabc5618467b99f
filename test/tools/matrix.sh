#!/bin/bash
#
# The quick suite on every version of PostgreSQL, each in the Debian that ships it.
#
#   matrix.sh GROUP...    builds without a warning and runs "make test" as user postgres in
#                         each; says "N passed, N failed" for each, and of all together in the
#                         last line. GROUP: what of packages.txt a Debian has beside the rest
#
# Environment: VERSIONS ("15 17 18"), LAYERS (all of "make test"), TESTS (names of files;
# with LAYERS only), V, TAP_JOBS.
#
# Needs root; how boxes work is in box.sh. A Debian is made once by mmdebstrap and kept
# below /var/cache/multiregion; it is mounted read-only, so that runs cannot differ by what
# others left in it, and made anew when the list of packages changes, or by removing it.
# The checkout is copied (as_postgres.sh) to a folder of its own for each version, whose
# build/ is kept. The packages from npm are those of this machine, for each Debian's own
# Node.js; in the Debian of this machine, where it may be newer, it is this machine's.
# Called by "make test-matrix".

set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
cache=/var/cache/multiregion
number=$(printf %s "$top" | cksum)
groups=("$@")
. "$top/test/tools/box.sh"

suite_of()
{
	case $1 in
		15) echo bookworm ;;
		17) echo trixie ;;
		18) echo forky ;;
		*)
			echo "no Debian is known to ship PostgreSQL $1: VERSIONS takes 15, 17 and 18" >&2
			return 1 ;;
	esac
}

# Prints where packages of a Debian come from. That of this machine has the fixes that this
# machine has, too; of others is known only that its mirror has them.
sources_of()
{
	local mirror own
	mirror=$(box_mirror)
	own=$(box_archives | awk -v suite="$1" '$2 == suite || index($2, suite "-") == 1 { print "deb", $0 }')
	echo "${own:-deb $mirror $1 main}"
}

# Runs mmdebstrap where its mounts end with it.
bootstrap_root()
{
	local new=$1 suite=$2 packages=$3 sources
	sources=$(sources_of "$suite")
	"$top/test/tools/bootstrap.sh" --group matrix
	box_drop "$new"
	box_apt_settings >"$new.apt"
	setpriv --pdeathsig KILL unshare --mount --pid --fork --propagation private --kill-child \
		--mount-proc mmdebstrap --variant=minbase --dpkgopt=force-unsafe-io --include="$packages" \
		--aptopt="$new.apt" --aptopt='Apt::Install-Recommends "false"' \
		--essential-hook='mkdir -p "$1/etc/postgresql-common/createcluster.d" "$1/checkout" "$1'"$cache"'"' \
		--essential-hook='echo "create_main_cluster = false" >"$1/etc/postgresql-common/createcluster.d/box.conf"' \
		"$suite" "$new" - <<<"$sources" >"$new.log" 2>&1 || {
		tail -n 20 "$new.log" >&2
		return 1
	}
	rm -f "$new.apt"
}

# Prints the packages of the Debian for a version, one a line.
packages_of()
{
	local group
	PG_MAJOR=$1 MR_CODENAME=$(suite_of "$1") "$top/test/tools/bootstrap.sh" --list
	for group in "${groups[@]}"; do
		"$top/test/tools/bootstrap.sh" --group "$group" --list
	done
	"$top/test/tools/bootstrap.sh" --group node --list | grep -vx npm
}

# Sets $root to the Debian for a version. Whoever uses one holds its lock, shared.
take_root()
{
	local version=$1 suite packages recipe other
	suite=$(suite_of "$version")
	packages=$(packages_of "$version" | paste -sd ,)
	recipe=$(declare -f bootstrap_root | cat - <(echo "$suite $packages") | cksum)
	root=$cache/box-pg$version-${recipe%% *}
	mkdir -p "$cache"
	exec 8>"$root.lock"
	flock 8
	if [ ! -d "$root" ]; then
		echo "== PostgreSQL $version: making Debian $suite (some minutes; once)"
		bootstrap_root "$root.new" "$suite" "$packages"
		mv "$root.new" "$root"
	fi
	flock -s 8
	for other in "$cache/box-pg$version"-*.lock; do
		[ "$other" = "$root.lock" ] || flock -n "$other" rm -rf --one-file-system "${other%.lock}"* || :
	done
}

# In the box, where nothing has started that would make the folder of the sockets.
readonly as_postgres_script='
	install -d -o postgres -g postgres -m 2775 /run/postgresql
	exec runuser -u postgres -- "$@"'

# In the box, as user postgres. "make test" is one run; of layers there is one run each.
readonly suite_script='
	cd /checkout
	export HOME=/checkout/build/home PG_MAJOR=$1 V=$2 TAP_JOBS=$3 TESTS=$4
	shift 4
	mkdir -p "$HOME"
	[ -n "$V" ] || unset V
	[ -n "$TAP_JOBS" ] || unset TAP_JOBS
	[ $# -gt 0 ] || exec make test
	status=0
	for layer in "$@"; do make "test-$layer" || status=1; done
	exit $status'

# Prints what a run's log says was not tried there, and why.
left_out()
{
	awk '/^(ok|FAIL) / { name = $2 }
		/^skip / { name = $2; sub(/^[^(]*\(skipped: /, ""); sub(/\)$/, ""); print "  left out: " name ": " $0 }
		/^     left out: / { sub(/^ *left out: /, ""); print "  left out: " name ": " $0 }
		END { printf "." }' "$1"
}

# Runs the suite on a version and adds to $verdicts.
run_version()
{
	local version=$1 owner log status=0 server passed failed writer
	take_root "$version"
	owner=$(awk -F: '$1 == "postgres" { print $3 ":" $4 }' "$root/etc/passwd")
	server=$(chroot "$root" "/usr/lib/postgresql/$version/bin/postgres" -V)
	server=${server#*) }
	export MR_COPY="$cache/${top##*/}-${number%% *}-pg$version"
	# A Debian made anew may number its users differently.
	if [ -d "$MR_COPY" ] && [ -n "$(find "$MR_COPY" ! -uid "${owner%:*}" -print -quit)" ]; then
		chown -hR "$owner" "$MR_COPY"
	fi
	MR_COPY_OWNER=$owner "$top/test/tools/as_postgres.sh" --sync
	export MR_NODE=""
	if [ "$(suite_of "$version")" = "$(. /etc/os-release && echo "${VERSION_CODENAME:-}")" ]; then
		MR_NODE=$(readlink -e "$(command -v node)") || :
	fi
	log=$MR_COPY/build/matrix.log
	install -d -o "${owner%:*}" -g "${owner#*:}" "$MR_COPY/build"
	echo "== PostgreSQL $server, Debian $(suite_of "$version"), in $MR_COPY"
	exec 7> >(tee "$log")
	writer=$!
	BOX_NETWORK=own BOX_ENVIRONMENT="LC_ALL=C.UTF-8" box_enter "$root" '
		mount -o remount,bind,ro "$root"
		mount --bind "$MR_COPY" "$root/checkout"
		mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
		mount -t tmpfs tmpfs "$root$MR_CACHE"
		if [ -n "$MR_MODULES" ]; then
			mkdir "$root$MR_MODULES"
			mount --bind "$MR_MODULES" "$root$MR_MODULES"
			mount -o remount,bind,ro "$root$MR_MODULES"
		fi
		[ -z "$MR_NODE" ] || mount --bind "$MR_NODE" "$root/usr/bin/node"' \
		bash -c "$as_postgres_script" _ bash -c "$suite_script" _ "$version" "${V:-}" "${TAP_JOBS:-}" \
		"${TESTS:-}" ${LAYERS:-} >&7 2>&1 || status=$?
	exec 7>&-
	wait "$writer"
	read -r passed failed < <(awk '/^[0-9]+ passed, [0-9]+ failed$/ { p += $1; f += $3 }
		END { print p + 0, f + 0 }' "$log")
	# A run that ended before its last line has failed, too.
	[ "$status" = 0 ] || [ "$failed" != 0 ] || failed=1
	verdicts+="PostgreSQL $server: $passed passed, $failed failed"$'\n'$(left_out "$log")
	verdicts=${verdicts%.}
	all_passed=$((all_passed + passed))
	all_failed=$((all_failed + failed))
}

if [ "$(id -u)" != 0 ]; then
	echo "make test-matrix runs whole Debians and needs root" >&2
	exit 1
fi
if [ -n "${TESTS:-}" ] && [ -z "${LAYERS:-}" ]; then
	echo 'TESTS picks files of layers: say LAYERS="tap", too' >&2
	exit 2
fi
"$top/test/tools/node_modules.sh"
MR_MODULES=$("$top/test/tools/node_modules.sh" --where) || :
export MR_MODULES MR_CACHE=$cache
trap 'exit 130' INT
verdicts="" all_passed=0 all_failed=0
for version in ${VERSIONS:-15 17 18}; do
	run_version "$version"
done
printf '\n%s%d passed, %d failed\n' "$verdicts" "$all_passed" "$all_failed"
[ "$all_failed" = 0 ] && [ "$all_passed" != 0 ]
