#!/bin/bash
#
# Stands for what runs PostgreSQL in production (systemd, Docker, Kubernetes): starts
# multiregion-join and then postgres, again and again. Works in a node's folder, which
# holds "environment" and "data". Ended by SIGKILL; what it started goes on. Used by
# demo.sh and by the tests (MultiRegion::Node).

. ./environment

while :; do
	"$MR_BINDIR/multiregion-join" --data "$PWD/data" --node "$MR_NODE" --peers "$MR_PEERS" &&
		"$MR_BINDIR/postgres" -D "$PWD/data" -p "$MR_PORT" -c cluster_name="$MR_NODE"
	sleep 0.1
done
