#!/bin/bash
#
# Stands for what runs HAProxy in production. Works in a region's folder, whose "edge" has its
# environment and maps. Ended by SIGKILL; what it started goes on. Used by demo.sh.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
haproxy=$(PATH=$PATH:/usr/sbin command -v haproxy)
set -a
. edge/environment
set +a

while :; do
	"$haproxy" -db -f "$here/haproxy/haproxy.cfg"
	sleep 0.5
done
