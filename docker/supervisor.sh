#!/bin/bash
#
# Runs PostgreSQL as a member of a cluster: multiregion-join, then postgres, and both
# again whenever the server has ended. For containers, where it is process 1 and nobody
# else does that, and for the demo and the tests; systemd needs no such script
# (docker/systemd).
#
#   supervisor.sh [POSTGRES OPTION...]
#
# Environment: MR_BINDIR (where both programs lie), PGDATA, and what multiregion-join
# takes from it (MULTIREGION_NODE, MULTIREGION_PEERS ...; see its --help).
#
# SIGTERM and SIGINT stop the server fast, SIGQUIT at once, SIGHUP lets it read its
# configuration again. It ends when the server has ended AND its lease worker has: as
# process 1 it would take the last gasp, by which another region takes over, with it.
# SIGKILL ends it alone; what it started goes on. It reaps whatever it inherits, or a
# killed postmaster would stay a zombie, which PostgreSQL takes for a running one.

set -u

bindir=${MR_BINDIR:?where are multiregion-join and postgres?}
data=${PGDATA:?which data directory?}
state=${MULTIREGION_STATE_DIRECTORY:-$data.multiregion}

child=       # process id of what runs now
what=        # join, postgres or pause
stopping=    # the signal that stops a server; set once it is to end
interrupted= # a trap has cut the waiting short
pause=0.1

say()
{
	printf 'supervisor: %s\n' "$*" >&2
}

signal_child()
{
	[ -n "$child" ] || return 0
	if [ "$what" = postgres ]; then
		kill -s "$1" "$child" 2>/dev/null
	elif [ "$1" != HUP ]; then
		kill -s TERM "$child" 2>/dev/null
	fi
	return 0
}

on_stop()
{
	interrupted=yes
	[ "$stopping" = QUIT ] || stopping=$1
	signal_child "$stopping"
}

on_reload()
{
	interrupted=yes
	signal_child HUP
}

# The signal may have come before the program could take it: it is sent again and again.
end_child()
{
	local clock
	while kill -0 "$child" 2>/dev/null; do
		signal_child "$stopping"
		sleep 1 &
		clock=$!
		wait -n "$child" "$clock"
		kill "$clock" 2>/dev/null
	done
}

# run WHAT COMMAND...: until it ends; its exit status.
run()
{
	local status
	what=$1
	shift
	"$@" &
	child=$!
	while :; do
		interrupted=
		if [ -n "$stopping" ]; then
			end_child
			status=143
			break
		fi
		wait "$child"
		status=$?
		[ -n "$interrupted" ] || break
	done
	child=
	return "$status"
}

# The lease worker and what else is left of a server hold the lock of the state directory.
await_last_gasp()
{
	[ ! -e "$state/lock" ] || flock -w 10 "$state/lock" true ||
		say "processes of the server are still there"
}

# Longer after each quick end, so that a wrong setting does not fill the log.
rest()
{
	run pause sleep "$pause"
	case $pause in
		0.1) pause=0.2 ;;
		0.2) pause=0.5 ;;
		*) pause=1 ;;
	esac
}

main()
{
	local began
	trap 'on_stop INT' TERM INT
	trap 'on_stop QUIT' QUIT
	trap on_reload HUP
	while [ -z "$stopping" ]; do
		began=$SECONDS
		if run join "$bindir/multiregion-join" --pgdata "$data" && [ -z "$stopping" ]; then
			run postgres "$bindir/postgres" -D "$data" "$@"
		fi
		[ $((SECONDS - began)) -lt 2 ] || pause=0.1
		[ -n "$stopping" ] || rest
	done
	await_last_gasp
}

main "$@"
