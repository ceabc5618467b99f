#!/bin/bash
#
# Stands for what runs PostgreSQL in production (systemd, Docker, Kubernetes), with the
# same loop as in a container. Works in a node's folder, which holds "environment" and
# "data". Ended by SIGKILL; what it started goes on. Used by demo.sh and by the tests
# (MultiRegion::Node).

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. ./environment
export MR_BINDIR PGDATA=$PWD/data MULTIREGION_NODE=$MR_NODE MULTIREGION_PEERS=$MR_PEERS
exec "$here/supervisor.sh" -p "$MR_PORT" -c cluster_name="$MR_NODE"
