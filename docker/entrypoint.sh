#!/bin/bash
#
# Process 1 of the image (docker/Dockerfile).
#
#   entrypoint.sh [server] [POSTGRES OPTION...]   a member: multiregion-join and postgres,
#                                                 again and again (supervisor.sh)
#   entrypoint.sh bootstrap [INITDB OPTION...]    makes an empty data directory the first
#                                                 node's, and ends; once in a cluster's life
#   entrypoint.sh sidecar [ARGUMENT...]           multiregiond
#   entrypoint.sh COMMAND...                      anything else
#
# A server never makes a database by itself: a volume that was lost must end in a clone
# of the other nodes, not in a second, empty cluster of the same name.
#
# Environment: PGDATA, MULTIREGION_NODE, MULTIREGION_PEERS and the rest that
# multiregion-join --help and docs/configuration.md list; for bootstrap also
# POSTGRES_PASSWORD_FILE (of the role postgres, for logins over the network). Files that
# are used where they exist: /etc/multiregion/postgresql.conf (included by the server's
# own) and /etc/multiregion/pg_hba.conf (instead of it).
#
# Started as root, it goes on as postgres.

set -eu

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
settings=${MR_SETTINGS_DIR:-/etc/multiregion}
MR_BINDIR=${MR_BINDIR:-/usr/lib/postgresql/${PG_MAJOR:-15}/bin}
PGDATA=${PGDATA:-/var/lib/postgresql/data}
state=${MULTIREGION_STATE_DIRECTORY:-$PGDATA.multiregion}
export MR_BINDIR PGDATA

die()
{
	printf 'entrypoint: %s\n' "$*" >&2
	exit 1
}

# Volumes arrive as root's.
become_postgres()
{
	local folder
	[ "$(id -u)" = 0 ] || return 0
	for folder in "$(dirname "$PGDATA")" "$(dirname "$state")" "$PGDATA" "$state"; do
		[ "$folder" = / ] || [ ! -d "$folder" ] || chown postgres: "$folder"
	done
	install -d -o postgres -g postgres -m 2775 /run/postgresql
	exec setpriv --reuid=postgres --regid=postgres --init-groups --inh-caps=-all \
		env HOME=/var/lib/postgresql USER=postgres LOGNAME=postgres "$0" "$@"
}

bootstrap()
{
	local options=(--username=postgres --data-checksums --encoding=UTF8 --locale=C.UTF-8
		--auth-local=peer --auth-host=scram-sha-256 --no-instructions)
	[ -z "$(ls -A "$PGDATA" 2>/dev/null)" ] || die "$PGDATA is not empty"
	[ ! -e "$state/state" ] ||
		die "$state holds the identity of a node that was a member: start it as a server, and it is cloned"
	if [ -n "${POSTGRES_PASSWORD_FILE:-}" ]; then
		options+=(--pwfile="$POSTGRES_PASSWORD_FILE")
	fi
	"$MR_BINDIR/initdb" "${options[@]}" "$@" -D "$PGDATA"
	cat >>"$PGDATA/postgresql.conf" <<-END

		# --- multiregion: what a member needs, then what is this place's own ---
		include '$here/member.conf'
		include_if_exists '$settings/postgresql.conf'
	END
	echo "entrypoint: start the server now, then run \"multiregiond init\" beside it"
}

server()
{
	local options=()
	if [ -n "${MULTIREGION_STATE_DIRECTORY:-}" ]; then
		options+=(-c "multiregion.state_directory=$MULTIREGION_STATE_DIRECTORY")
	fi
	if [ -e "$settings/pg_hba.conf" ]; then
		options+=(-c "hba_file=$settings/pg_hba.conf")
	fi
	exec "$here/supervisor.sh" "${options[@]}" "$@"
}

become_postgres "$@"
verb=${1:-server}
[ $# -eq 0 ] || shift
case $verb in
	server) server "$@" ;;
	-*) server "$verb" "$@" ;;
	bootstrap) bootstrap "$@" ;;
	sidecar) exec "$MR_BINDIR/multiregiond" "$@" ;;
	*) exec "$verb" "$@" ;;
esac
