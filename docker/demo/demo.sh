#!/bin/bash
#
# Three regions on this machine: what "make demo" and "make demo-..." run.
#
#   demo.sh start-all        set up what is missing, start what was never killed
#   demo.sh status           what runs, and what each region says of itself
#   demo.sh kill REGION      kill -9 of everything of a region; it stays down
#   demo.sh freeze REGION    SIGSTOP to everything of a region
#   demo.sh thaw REGION      SIGCONT to everything of a region
#   demo.sh start REGION     start a region that is down
#   demo.sh stop             stop all regions in order; the data stays
#   demo.sh clean            kill all regions and remove their data
#
# Environment: MR_DEMO_DIR (where it lives, build/demo), MR_PREFIX (private PostgreSQL),
# DEMO_PG_PORT and DEMO_HTTP_PORT (the first of three ports each; 5501 and 3001;
# where they are installed, HAProxy has the three that lie 100 higher than those of HTTP and
# nginx those 200 higher),
# DEMO_FAILBACK_DELAY (ms of health after which US_EAST is primary again; 30000).
#
# It must never touch a process that it did not start: a region's processes are those
# that run a program of the private prefix, nginx or HAProxy, or are the loop whose id was recorded,
# AND work in the region's folder. Parts: processes.sh (finding and signalling), regions.sh
# (making and asking a region), fronts.sh (what stands before it).

set -eu

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
demo=$(readlink -m "${MR_DEMO_DIR:-$top/build/demo}")
prefix=${MR_PREFIX:-$top/build/prefix}/release
bindir=${MR_DEMO_BINDIR:-$prefix/bin}
failback_delay=${DEMO_FAILBACK_DELAY:-30000}

# shellcheck source=processes.sh
. "$here/processes.sh"
# shellcheck source=regions.sh
. "$here/regions.sh"
# shellcheck source=fronts.sh
. "$here/fronts.sh"

usage()
{
	sed -n 's/^#   demo.sh/    demo.sh/p' "$here/demo.sh" >&2
	exit 2
}

# One command at a time; whoever comes second is told instead of made to wait.
take_lock()
{
	exec 9>"$demo/lock"
	if ! flock -n 9; then
		die "another demo command is at work in $demo"
	fi
}

require_demo()
{
	[ -e "$demo/ports" ] || die "there is no demo yet: run \"make demo\" first"
	take_lock
	read_ports
}

start_all()
{
	local region set_up=

	check_user
	mkdir -p "$demo"
	take_lock
	if [ ! -e "$demo/complete" ]; then
		# An attempt that did not end well is in nobody's interest.
		remove_regions
		check_ports
		write_ports
		set_up=yes
	fi
	read_ports
	if [ -n "$set_up" ]; then
		set_up_regions
		say "The demo is complete."
	elif [ -z "$(down_regions)" ]; then
		say "The demo is already running."
	elif [ "$(down_regions | wc -w)" = 3 ]; then
		for region in $regions; do
			check_region_ports "$region"
			start_region "$region"
		done
		wait_until 30 "a primary" has_primary
	else
		say "The demo is already running, but for these regions:"
		for region in $(down_regions); do
			say "    $region (make demo-start REGION=$region)"
		done
	fi
	print_status
	if [ -n "$(primary_region)" ]; then
		print_what_to_try
	fi
}

start_one()
{
	local region=$1
	if is_running "$region"; then
		say "$region is running already."
		return
	fi
	check_region_ports "$region"
	start_region "$region"
	say "Started $region; waiting until it is a member again."
	wait_until 60 "$region to join" is_serving "$region"
	say "$region is $(role_of "$region")."
}

kill_one()
{
	local region=$1
	if [ -z "$(processes_of "$region")" ]; then
		say "Nothing of $region is running."
		return
	fi
	kill_region "$region"
	say "Killed everything of $region. It stays down until make demo-start REGION=$region"
}

freeze_one()
{
	[ -n "$(processes_of "$1")" ] || die "nothing of $1 is running"
	signal_region STOP "$1"
	say "Everything of $1 is frozen. Go on with: make demo-thaw REGION=$1"
}

thaw_one()
{
	[ -n "$(processes_of "$1")" ] || die "nothing of $1 is running"
	signal_region CONT "$1"
	say "Everything of $1 goes on."
}

# Standbys first: the primary can then see its last commit on its way.
stop_all()
{
	local region first last=
	first=$(primary_region)
	for region in $regions; do
		if [ "$region" = "$first" ]; then
			last=$region
		else
			stop_region "$region"
		fi
	done
	if [ -n "$last" ]; then
		stop_region "$last"
	fi
	say "The demo is stopped. Its data stays; \"make demo\" starts it again."
}

main()
{
	local verb=${1:-} region
	case $verb in
		start-all | status | stop | clean)
			[ $# -eq 1 ] || usage
			;;
		kill | freeze | thaw | start)
			[ $# -eq 2 ] || die "which region? For example: make demo-$verb REGION=US_EAST"
			region=$(region_named "$2") ||
				die "there is no region \"$2\"; the demo has" $regions
			require_demo
			;;
		*)
			usage
			;;
	esac
	case $verb in
		start-all) start_all ;;
		status)
			require_demo
			print_status
			;;
		kill) kill_one "$region" ;;
		freeze) freeze_one "$region" ;;
		thaw) thaw_one "$region" ;;
		start) start_one "$region" ;;
		stop)
			require_demo
			stop_all
			;;
		clean)
			if [ -e "$demo" ]; then
				take_lock
				remove_regions
				rm -rf "$demo"
			fi
			say "The demo is gone."
			;;
	esac
}

main "$@"
