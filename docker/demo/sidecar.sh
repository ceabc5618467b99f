#!/bin/bash
#
# Stands for what runs multiregiond beside each PostgreSQL in production. Works in a
# node's folder, where multiregiond finds its .env.multiregion. Ended by SIGKILL; what it
# started goes on. Used by demo.sh and by the tests (MultiRegion::Node).

. ./environment

while :; do
	"$MR_BINDIR/multiregiond"
	sleep 0.1
done
