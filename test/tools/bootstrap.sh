#!/bin/bash
#
# Installs the Debian packages of packages.txt that are missing.
#
#   bootstrap.sh                  install (root), or say what to install (anybody else)
#   bootstrap.sh --group GROUP    the packages of a group instead
#   bootstrap.sh [--group GROUP] --list
#                                 print the names of all these packages, one a line
#                                 (MR_CODENAME names a Debian other than this one)
#
# It asks before installing only if a person sits at a terminal (standard input is
# one); MR_YES=1 answers for them. It must never touch a database of this machine:
# Debian's own "main" cluster is not created, no service is started, stopped or
# restarted, and nothing of that stays switched off afterwards.
#
# Called by the Makefile before everything that compiles.

set -eu

tools=$(cd "$(dirname "$0")" && pwd)
pg_major=${PG_MAJOR:-15}
codename=${MR_CODENAME:-$(. /etc/os-release 2>/dev/null && echo "${VERSION_CODENAME:-}")}
drop_in=/etc/postgresql-common/createcluster.d/zz-multiregion-bootstrap.conf
policy=/usr/sbin/policy-rc.d
made_policy=

# Prints the packages of a group; "" is the group of those that everybody needs.
wanted_packages()
{
	sed -e 's/#.*//' -e "s/@PG@/$pg_major/" "$tools/packages.txt" |
		awk -v group="${1:-}" -v codename="$codename" '
			group == "" && NF == 1 { print $1 }
			NF == 2 && $1 == (group != "" ? group : codename) ":" { print $2 }'
}

# Prints those of the arguments that are not installed.
missing_packages()
{
	local have package
	have=" $(dpkg-query -W -f='${db:Status-Status}:${Package} ' "$@" 2>/dev/null || :) "
	for package in "$@"; do
		case $have in
			*" installed:$package "*) ;;
			*) echo "$package" ;;
		esac
	done
}

# Debian would create and start a database for whoever installs the server, and
# restart one that an upgrade touches. Both files are there only while apt runs.
hold_services_down()
{
	mkdir -p "$(dirname "$drop_in")"
	echo "create_main_cluster = false" >"$drop_in"
	if [ ! -e "$policy" ]; then
		printf '#!/bin/sh\nexit 101\n' >"$policy"
		chmod 755 "$policy"
		made_policy=yes
	fi
}

release_services()
{
	rm -f "$drop_in"
	rmdir --ignore-fail-on-non-empty "$(dirname "$drop_in")" 2>/dev/null || :
	if [ -n "$made_policy" ]; then
		rm -f "$policy"
	fi
}

# True if apt knows each of the arguments.
lists_are_there()
{
	local package
	for package in "$@"; do
		apt-cache show "$package" >/dev/null 2>&1 || return 1
	done
}

install_packages()
{
	apt-get install -y --no-install-recommends -o Dpkg::Use-Pty=0 \
		-o DPkg::Lock::Timeout=300 "$@" </dev/null
}

# Debian enables what it installs for the next start of the machine. What is here for tests and
# the demo, as a program, must not take port 80 then; who wants the service enables it.
leave_services_off()
{
	local package
	for package in "$@"; do
		case $package in
			nginx | haproxy | vip-manager)
				deb-systemd-helper disable "$package.service" >/dev/null 2>&1 || :
				echo "The service $package is not enabled: systemctl enable --now $package does that."
				;;
		esac
	done
}

tell_what_to_install()
{
	cat >&2 <<-TEXT
		These packages are missing. Have root install them, then try again:

		    apt-get install -y --no-install-recommends \\
		$(echo "$@" | fold -s -w 64 | sed -e 's/^/        /' -e 's/ *$/ \\/' -e '$s/ \\$//')

		(Debian also creates and starts a database of its own when the server is installed,
		unless /etc/postgresql-common/createcluster.conf says "create_main_cluster = false".
		multiregion does not use it.)
	TEXT
}

ask()
{
	local answer
	if [ ! -t 0 ] || [ -n "${MR_YES:-}" ]; then
		return 0
	fi
	read -r -p "Install them now? [Y/n] " answer
	case $answer in
		"" | [Yy]*) return 0 ;;
	esac
	echo "Nothing was installed." >&2
	return 1
}

main()
{
	local group="" all missing
	if [ "${1:-}" = --group ]; then
		group=$2
		shift 2
	fi
	all=$(wanted_packages "$group")
	if [ "${1:-}" = --list ]; then
		echo "$all"
		return
	fi
	if ! command -v dpkg-query >/dev/null; then
		echo "This is not a Debian system: have the equivalents of these packages and set PG_CONFIG:" $all >&2
		return
	fi
	missing=$(missing_packages $all)
	if [ -z "$missing" ]; then
		return
	fi
	if [ "$(id -u)" != 0 ]; then
		tell_what_to_install $missing
		exit 1
	fi
	printf '%s\n' "Packages to be installed:" $missing | sed '2,$s/^/    /'
	ask || exit 1
	export DEBIAN_FRONTEND=noninteractive
	trap release_services EXIT
	hold_services_down
	lists_are_there $missing || apt-get update
	# An old package list names files that the mirror no longer has: fetch it anew once.
	install_packages $missing || { apt-get update && install_packages $missing; }
	leave_services_off $missing
}

main "$@"
