#!/bin/bash
#
# Stands for what runs nginx in production. Works in a region's folder, whose "origin" has
# the configuration. Ended by SIGKILL; what it started goes on. Used by demo.sh.

nginx=$(PATH=$PATH:/usr/sbin command -v nginx)

while :; do
	"$nginx" -e stderr -c "$PWD/origin/nginx.conf" -g "daemon off; pid \"$PWD/origin/nginx.pid\";"
	sleep 0.5
done
