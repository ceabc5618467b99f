#!/bin/bash
#
# A really fresh Debian 12 in a folder, to try what the README promises to a new user.
#
#   fresh.sh readme            both commands of the README, as root and as an ordinary user
#   fresh.sh image             the steps of docker/Dockerfile (image.sh)
#   fresh.sh make DIR          unpack a box
#   fresh.sh enter DIR CMD...  run CMD inside, with its own mounts and processes and this
#                              machine's network; its processes end with it
#   fresh.sh drop DIR          remove it
#
# Needs root; how boxes work is in box.sh. The minimal system is made once by debootstrap
# and kept as /var/cache/multiregion/fresh-SUITE.tar. The network is shared, so
# DEMO_HTTP_PORT and DEMO_PG_PORT are handed inside. Called by "make test-fresh".

set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
suite=bookworm
template=/var/cache/multiregion/fresh-$suite.tar
install_make='apt-get update && apt-get install -y make'
. "$top/test/tools/box.sh"

# A subshell: its trap must not replace the caller's.
make_template()
(
	local mirror work
	mirror=$(box_mirror)
	"$top/test/tools/bootstrap.sh" --group fresh
	mkdir -p "$(dirname "$template")"
	work=$(mktemp -d "$template.XXXXXX")
	trap 'rm -rf --one-file-system "$work"' EXIT
	debootstrap --variant=minbase "$suite" "$work" "$mirror" >"$template.log" 2>&1 || {
		tail -n 20 "$template.log" >&2
		exit 1
	}
	tar -C "$work" -cf "$template.new" .
	mv "$template.new" "$template"
	rm -rf --one-file-system "$work"
)

make_box()
{
	[ -f "$template" ] || make_template
	mkdir -p "$1"
	tar -C "$1" -xf "$template"
	chmod 755 "$1"
	box_archives | awk -v suite=$suite 'index($2, suite) == 1 { print "deb", $0 }' >"$1/etc/apt/sources.list"
	box_apt_settings >"$1/etc/apt/apt.conf.d/90machine"
	# A box lives for minutes: dpkg need not wait for the disk after each file.
	echo force-unsafe-io >"$1/etc/dpkg/dpkg.cfg.d/box"
	cp /etc/resolv.conf "$1/etc/resolv.conf"
}

enter_box()
{
	local root=$1
	shift
	BOX_ENVIRONMENT="DEMO_HTTP_PORT=$DEMO_HTTP_PORT DEMO_PG_PORT=$DEMO_PG_PORT" box_enter "$root" : "$@"
}

# Puts the checkout, without what was built in it, where only root can read it.
copy_checkout()
{
	mkdir -p "$1$2"
	tar -C "$top" --exclude=./build --exclude=./.git -cf - . | tar -C "$1$2" -xf -
}

# step NAME BOX COMMAND: runs it in the box and says how long it took.
step()
{
	local name=$1 box=$2 began status=0
	began=$(date +%s)
	echo "== $name: $3"
	enter_box "$box" /bin/bash -c "$3" || status=$?
	echo "== $name: exit status $status after $(($(date +%s) - began)) s"
	[ "$status" = 0 ] || exit 1
}

run_readme()
{
	local command
	for command in "$install_make && make demo" "$install_make && make test"; do
		grep -qF "$command" "$top/README.md" || {
			echo "README.md does not show the command \"$command\"" >&2
			exit 1
		}
	done

	box_begin fresh
	trap 'box_drop "$box"' EXIT
	make_box "$box/demo"
	copy_checkout "$box/demo" /root/multiregion
	step "demo as root" "$box/demo" "cd /root/multiregion && $install_make && make demo &&
		make demo && make demo-status && make demo-clean"

	make_box "$box/test"
	copy_checkout "$box/test" /root/multiregion
	copy_checkout "$box/test" /home/dev/multiregion
	step "nothing installed, ordinary user" "$box/test" "$install_make >/dev/null && useradd -m -s /bin/bash dev &&
		chown -R dev: /home/dev && cd /home/dev/multiregion && ! runuser -u dev -- make >/tmp/said 2>&1 &&
		cat /tmp/said && grep -q 'apt-get install' /tmp/said"
	step "test as root" "$box/test" "cd /root/multiregion && $install_make && make test"
	step "no cluster, no service, nothing left" "$box/test" "! ls /etc/postgresql/*/main /usr/sbin/policy-rc.d \
		/etc/postgresql-common/createcluster.d/* 2>/dev/null"
	step "ordinary user" "$box/test" "cd /home/dev/multiregion && runuser -u dev -- env HOME=/home/dev \
		make test"
}

export DEMO_HTTP_PORT="${DEMO_HTTP_PORT:-3001}" DEMO_PG_PORT="${DEMO_PG_PORT:-5501}"
action=${1:-}
[ $# -eq 0 ] || shift
if [ "$(id -u)" != 0 ]; then
	echo "fresh.sh unpacks a whole Debian and needs root" >&2
	exit 1
fi
case $action in
	readme) run_readme ;;
	image)
		# shellcheck source=image.sh
		. "$top/test/tools/image.sh"
		run_image ;;
	make) make_box "$1" ;;
	enter) enter_box "$@" ;;
	drop) box_drop "$1" ;;
	*)
		echo "usage: fresh.sh readme | image | make DIR | enter DIR CMD... | drop DIR" >&2
		exit 2 ;;
esac
