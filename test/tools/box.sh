#!/bin/bash
#
# Another Debian in a folder, for the scripts that source this: fresh.sh and matrix.sh.
#
# A box is entered with mounts and processes of its own, and with the network of this machine
# or, if BOX_NETWORK is "own", with loopback alone: its ports are then free whatever else runs.
# All of them end with whoever entered it, however that ends: nothing has to be cleaned
# up. Mirrors and proxy are those of this machine's own apt, asked at run time. Needs
# root.

# Prints "URI RELEASE COMPONENT" of each Debian archive that this machine uses.
box_archives()
{
	apt-get indextargets --format '$(ORIGIN)|$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
		sed -n 's/^Debian|//p' | sort -u
}

# Prints the mirror of the archive itself, neither of its updates nor of its security fixes.
box_mirror()
{
	local mirror
	if [ -z "$(box_archives)" ]; then
		apt-get update >&2
	fi
	mirror=$(box_archives | awk '$2 !~ /-/ && $3 == "main" { print $1; exit }')
	if [ -z "$mirror" ]; then
		echo "this machine's apt knows no Debian archive" >&2
		return 1
	fi
	echo "$mirror"
}

# Prints the settings without which this machine's apt would not reach its mirror.
box_apt_settings()
{
	apt-config dump Acquire |
		grep -E '^Acquire::(Check-Valid-Until|Check-Date|https?(::.*)?::?Proxy.*) ' || :
}

# box_begin NAME: sets box to a new folder for boxes, and removes those of runs that were
# killed: the lock is held by whoever runs, and by all it started.
box_begin()
{
	local other
	for other in "/var/tmp/multiregion-$1".*; do
		[ ! -e "$other/lock" ] || flock -n "$other/lock" rm -rf --one-file-system "$other" || :
	done
	box=$(mktemp -d "/var/tmp/multiregion-$1.XXXXXX")
	exec 7>"$box/lock"
	flock 7
}

# box_enter ROOT SETUP COMMAND...: SETUP is shell code that makes further mounts below
# "$root" (no argument of it is quoted twice: pass values in exported variables). The
# command gets the variables that BOX_ENVIRONMENT lists ("NAME=value ..."), and its npm
# trusts the authorities that this machine's does.
box_enter()
{
	local root=$1 setup=$2 authorities=/etc/ssl/machine.pem
	shift 2
	if [ -r "${NODE_EXTRA_CA_CERTS:-}" ] && [ -w "$root/etc" ]; then
		mkdir -p "$root/etc/ssl"
		cp "$NODE_EXTRA_CA_CERTS" "$root$authorities"
		local BOX_ENVIRONMENT="NODE_EXTRA_CA_CERTS=$authorities ${BOX_ENVIRONMENT:-}"
		export BOX_ENVIRONMENT
	fi
	local networks=()
	[ "${BOX_NETWORK:-}" != own ] || networks=(--net)
	setpriv --pdeathsig KILL unshare --mount --pid --fork --uts --ipc "${networks[@]}" \
		--propagation private --kill-child /bin/bash -euc '
		root=$1
		setup=$2
		network=$3
		shift 3
		hostname freshbox
		# SIOCSIFFLAGS with IFF_UP: there may be no ip(8)
		[ -z "$network" ] || perl -MSocket -e "
			socket(my \$any, AF_INET, SOCK_DGRAM, 0) or die;
			ioctl(\$any, 0x8914, my \$request = pack(q(a16 s x22), q(lo), 1)) or die \$!"
		mount --bind "$root" "$root"
		eval "$setup"
		mount -t proc proc "$root/proc"
		mount --rbind /sys "$root/sys"
		mount --rbind /dev "$root/dev"
		mount -t tmpfs tmpfs "$root/dev/shm"
		mount -t tmpfs tmpfs "$root/run"
		# its root is the root of its mounts: in a mere chroot there are no user namespaces
		mkdir "$root/run/machine"
		cd "$root"
		pivot_root . run/machine
		umount -l /run/machine
		rmdir /run/machine
		# not exec: process 1 must reap orphans, or a killed postmaster seems to run on
		status=0
		/usr/bin/env -i HOME=/root TERM=dumb \
			PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
			$BOX_ENVIRONMENT "$@" || status=$?
		exit $status' _ "$root" "$setup" "${networks[*]}" "$@" </dev/null
}

box_drop()
{
	rm -rf --one-file-system "$1"
}
