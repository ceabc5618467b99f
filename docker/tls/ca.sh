#!/bin/bash
#
# A private certificate authority for the nodes of a cluster: what issues, renews and
# revokes the certificates with which they and their sidecars trust each other.
#
#   ca.sh init [--name TEXT] [--permit-dns DOMAIN]... [--permit-ip ADDRESS/MASK]...
#   ca.sh node NAME [--dns NAME]... [--ip ADDRESS]...
#   ca.sh client ROLE
#   ca.sh renew NAME [--new-key]
#   ca.sh revoke NAME
#   ca.sh crl
#   ca.sh list [--within DAYS]
#   ca.sh install NAME DIRECTORY [--owner USER]
#
# Everywhere: --dir DIRECTORY (default: ./ca, or MULTIREGION_CA), where the authority
# lives; --days DAYS, how long what is made is valid. Needs bash and openssl.
#
#   init     makes the authority: ca.key (mode 0600; keep it off the servers) and ca.crt.
#            With --permit-... certificates for other names are refused by every verifier.
#   node     certificate of a server, which is its client certificate towards the other
#            nodes as well. NAME is its common name, and a name in it if it has a dot.
#   client   certificate with which a role logs in: multiregion_api, multiregion_peer.
#   renew    a new certificate with the same names; the same key unless --new-key.
#   revoke   puts every certificate of the name on the revocation list, and its key away.
#   crl      makes the revocation list anew. It is valid as long as the authority: one
#            that has run out would refuse everybody.
#   list     what was issued, and until when; with --within exit code 3 if something that
#            is in use runs out within so many days.
#   install  puts ca.crt, ca.crl and certificate and key of NAME (node.crt and node.key;
#            of a client ROLE.crt and ROLE.key) into DIRECTORY, each in one step.
#
# Doing a thing again that is done already changes nothing and says so. Exit codes: 0
# well, 1 failed or refused, 2 wrong call, 3 see list.

set -eu
umask 077
export LC_ALL=C

curve=P-256
soon=30 # days: when less is left, node and client issue anew; a third of a short --days

die()
{
	printf 'ca: %s\n' "$*" >&2
	exit 1
}

wrong()
{
	printf 'ca: %s\n' "$*" >&2
	printf 'hint: ca.sh --help lists the commands\n' >&2
	exit 2
}

say()
{
	printf '%s\n' "$*"
}

usage()
{
	sed -n '3,/^$/s/^# \{0,1\}//p' "$0"
}

# Runs openssl; its chatter is shown only when it fails.
openssl_quietly()
{
	local output
	output=$(openssl "$@" 2>&1) || {
		printf '%s\n' "$output" >&2
		die "openssl $1 failed"
	}
}

# --- checking what was typed ----------------------------------------------------------------

check_name()
{
	case $1 in
		'' | [!A-Za-z0-9]* | *[!A-Za-z0-9._-]*)
			wrong "\"$1\" is no name: letters, digits, dots, hyphens and underscores, at most 63" ;;
	esac
	[ "${#1}" -le 63 ] || wrong "\"$1\" is too long: at most 63 characters"
}

check_dns()
{
	case $1 in
		'' | [!A-Za-z0-9]* | *[!A-Za-z0-9.-]* | *..* | *. | *-)
			wrong "\"$1\" is no host name" ;;
	esac
	[ "${#1}" -le 253 ] || wrong "\"$1\" is too long for a host name"
}

# openssl reads the address; here only what would be another line of its configuration.
check_ip()
{
	case $1 in
		'' | *[!0-9a-fA-F.:]*) wrong "\"$1\" is no IP address" ;;
	esac
}

check_ip_range()
{
	case $1 in
		*/*) ;;
		*) wrong "\"$1\" is no range: ADDRESS/MASK, like 10.0.0.0/255.0.0.0" ;;
	esac
	check_ip "${1%%/*}"
	check_ip "${1#*/}"
}

check_days()
{
	case $1 in
		'' | *[!0-9]* | 0*) wrong "\"$1\" is no number of days" ;;
	esac
	[ "${#1}" -le 5 ] || wrong "$1 days are too many"
}

# --- the authority's folder -------------------------------------------------------------------

# One command at a time, so that the list of what was issued stays whole.
open_authority()
{
	[ -e "$dir/ca.crl" ] ||
		die "there is no authority in $dir: make one with \"ca.sh init\", or name it with --dir"
	lock_authority
}

lock_authority()
{
	exec 9>"$dir/lock"
	flock -w 30 9 || die "another ca.sh is at work in $dir"
}

write_configuration()
{
	cat >"$dir/openssl.cnf" <<-END
		[ca]
		default_ca = authority
		[authority]
		database = $dir/index.txt
		new_certs_dir = $dir/issued
		certificate = $dir/ca.crt
		private_key = $dir/ca.key
		rand_serial = yes
		unique_subject = no
		default_md = sha256
		email_in_dn = no
		policy = any
		[any]
		commonName = supplied
		organizationName = optional
		[req]
		distinguished_name = none
		prompt = no
		[none]
	END
}

# Days from now until "notAfter=..." of a certificate; negative when it is over.
days_left()
{
	local end
	end=$(openssl x509 -in "$1" -noout -enddate) || die "cannot read $1"
	echo $((($(date -d "${end#notAfter=}" +%s) - $(date +%s)) / 86400))
}

until_of()
{
	local end
	end=$(openssl x509 -in "$1" -noout -enddate) || die "cannot read $1"
	date -u -d "${end#notAfter=}" +%Y-%m-%d
}

make_crl()
{
	local left
	left=$(days_left "$dir/ca.crt")
	[ "$left" -ge 1 ] || die "the authority itself has run out"
	openssl_quietly ca -config "$dir/openssl.cnf" -gencrl -crldays "$left" -out "$dir/ca.crl.new"
	chmod 644 "$dir/ca.crl.new"
	mv "$dir/ca.crl.new" "$dir/ca.crl"
}

# --- commands ---------------------------------------------------------------------------------

# Lines of the form permitted;DNS.0 = ...
constraints()
{
	local number=0 entry
	[ "${#permit_dns[@]}" -gt 0 ] || [ "${#permit_ip[@]}" -gt 0 ] || return 0
	echo "nameConstraints = critical, @permitted"
	echo "[permitted]"
	for entry in ${permit_dns[@]+"${permit_dns[@]}"}; do
		echo "permitted;DNS.$number = $entry"
		number=$((number + 1))
	done
	number=0
	for entry in ${permit_ip[@]+"${permit_ip[@]}"}; do
		echo "permitted;IP.$number = $entry"
		number=$((number + 1))
	done
}

make_authority()
{
	case $title in
		'' | *[!A-Za-z0-9\ ._-]*) wrong "--name: letters, digits, blanks, dots, hyphens, underscores" ;;
	esac
	mkdir -p "$dir/issued" "$dir/keys" "$dir/certificates"
	chmod 700 "$dir"
	lock_authority
	if [ -e "$dir/ca.crl" ]; then
		say "unchanged: the authority in $dir is valid until $(until_of "$dir/ca.crt")"
		return
	fi
	: >"$dir/index.txt"
	write_configuration
	{
		printf '%s\n' "[req]" "distinguished_name = subject" "prompt = no" \
			"x509_extensions = extensions" "[subject]" "CN = $title" "[extensions]" \
			"basicConstraints = critical, CA:true, pathlen:0" \
			"keyUsage = critical, keyCertSign, cRLSign" "subjectKeyIdentifier = hash"
		constraints
	} >"$dir/authority.cnf"
	openssl_quietly genpkey -algorithm EC -pkeyopt "ec_paramgen_curve:$curve" -out "$dir/ca.key"
	chmod 600 "$dir/ca.key"
	openssl_quietly req -x509 -new -config "$dir/authority.cnf" -key "$dir/ca.key" -sha256 \
		-days "${days:-3650}" -out "$dir/ca.crt.new"
	chmod 644 "$dir/ca.crt.new"
	mv "$dir/ca.crt.new" "$dir/ca.crt"
	make_crl
	say "made the authority \"$title\" in $dir, valid until $(until_of "$dir/ca.crt")"
	say "keep $dir/ca.key off the servers, and a copy of it somewhere safe"
}

# What the certificate of a name is to say; compared to tell whether it does already.
describe()
{
	local entry
	echo "kind=$kind"
	for entry in ${dns[@]+"${dns[@]}"}; do echo "DNS:$entry"; done
	for entry in ${ip[@]+"${ip[@]}"}; do echo "IP:$entry"; done
}

# Signs keys/NAME.key.new; what the certificate is to say is in certificates/NAME.names.new.
sign()
{
	local name=$1 names validity left
	names=$(grep -v '^kind=' "$dir/certificates/$name.names.new" | paste -sd, -)
	left=$(days_left "$dir/ca.crt")
	validity=${days:-365}
	if [ "$validity" -gt "$left" ]; then
		[ -z "$days" ] || die "the authority itself is valid for $left days only"
		validity=$left
	fi
	{
		printf '%s\n' "basicConstraints = critical, CA:false" "keyUsage = critical, digitalSignature" \
			"subjectKeyIdentifier = hash" "authorityKeyIdentifier = keyid"
		if grep -q '^kind=node' "$dir/certificates/$name.names.new"; then
			echo "extendedKeyUsage = serverAuth, clientAuth"
		else
			echo "extendedKeyUsage = clientAuth"
		fi
		if [ -n "$names" ]; then
			echo "subjectAltName = $names"
		fi
	} >"$dir/extensions.cnf"
	openssl_quietly req -new -config "$dir/openssl.cnf" -key "$dir/keys/$name.key.new" \
		-subj "/CN=$name" -out "$dir/request.csr"
	openssl_quietly ca -batch -notext -config "$dir/openssl.cnf" -extfile "$dir/extensions.cnf" \
		-days "$validity" -in "$dir/request.csr" -out "$dir/certificates/$name.crt.new"
	if ! openssl verify -CAfile "$dir/ca.crt" "$dir/certificates/$name.crt.new" >/dev/null 2>&1; then
		openssl_quietly ca -config "$dir/openssl.cnf" -revoke "$dir/certificates/$name.crt.new"
		rm -f "$dir/certificates/$name".*.new "$dir/keys/$name.key.new"
		die "the authority may not issue a certificate for $name${names:+ ($names)}:" \
			"it was made with --permit-dns or --permit-ip for other names"
	fi
	chmod 644 "$dir/certificates/$name.crt.new"
	mv "$dir/keys/$name.key.new" "$dir/keys/$name.key"
	mv "$dir/certificates/$name.names.new" "$dir/certificates/$name.names"
	mv "$dir/certificates/$name.crt.new" "$dir/certificates/$name.crt"
	rm -f "$dir/request.csr" "$dir/extensions.cnf"
}

new_key()
{
	openssl_quietly genpkey -algorithm EC -pkeyopt "ec_paramgen_curve:$curve" -out "$dir/keys/$1.key.new"
	chmod 600 "$dir/keys/$1.key.new"
}

issue()
{
	local name=$1 crt=$dir/certificates/$1.crt wanted
	check_name "$name"
	[ "$name" != ca ] || wrong "\"ca\" is the authority's own name"
	open_authority
	if [ "$kind" = node ]; then
		case $name in
			*.*) dns=("$name" ${dns[@]+"${dns[@]}"}) ;;
		esac
		[ "${#dns[@]}" -gt 0 ] || [ "${#ip[@]}" -gt 0 ] ||
			wrong "a node needs at least one --dns NAME or --ip ADDRESS: what others call it"
	fi
	if [ -n "$days" ] && [ $((days / 3)) -lt "$soon" ]; then
		soon=$((days / 3))
	fi
	wanted=$(describe)
	if [ -e "$crt" ] && [ "$wanted" = "$(cat "$dir/certificates/$name.names")" ] &&
		[ "$(days_left "$crt")" -ge "$soon" ]; then
		say "unchanged: the certificate of $name is valid until $(until_of "$crt")"
		return
	fi
	if [ -e "$crt" ] && [ "kind=$kind" != "$(head -n 1 "$dir/certificates/$name.names")" ]; then
		die "$name has a certificate of another kind: revoke that first, or choose another name"
	fi
	if [ -e "$dir/keys/$name.key" ]; then
		cp -p "$dir/keys/$name.key" "$dir/keys/$name.key.new"
	else
		new_key "$name"
	fi
	printf '%s\n' "$wanted" >"$dir/certificates/$name.names.new"
	sign "$name"
	say "issued the certificate of $name, valid until $(until_of "$crt")"
}

require_issued()
{
	check_name "$1"
	open_authority
	[ -e "$dir/certificates/$1.crt" ] || die "there is no certificate of \"$1\"; ca.sh list shows what there is"
}

renew()
{
	require_issued "$1"
	if [ -n "$with_new_key" ]; then
		new_key "$1"
	else
		cp -p "$dir/keys/$1.key" "$dir/keys/$1.key.new"
	fi
	cp -p "$dir/certificates/$1.names" "$dir/certificates/$1.names.new"
	sign "$1"
	say "renewed the certificate of $1, valid until $(until_of "$dir/certificates/$1.crt")"
}

# Serial numbers of the certificates of a name that are neither revoked nor over.
valid_serials()
{
	awk -F '\t' -v subject="/CN=$1" '$1 == "V" && $6 == subject { print $4 }' "$dir/index.txt"
}

revoke()
{
	local name=$1 serial
	check_name "$name"
	open_authority
	openssl_quietly ca -config "$dir/openssl.cnf" -updatedb
	if [ -z "$(valid_serials "$name")" ]; then
		awk -F '\t' -v subject="/CN=$name" '$6 == subject { found = 1 } END { exit !found }' \
			"$dir/index.txt" || die "there is no certificate of \"$name\""
		say "unchanged: every certificate of $name is revoked or over"
		return
	fi
	for serial in $(valid_serials "$name"); do
		openssl_quietly ca -config "$dir/openssl.cnf" -revoke "$dir/issued/$serial.pem"
		say "revoked certificate $serial of $name"
	done
	make_crl
	rm -f "$dir/keys/$name.key" "$dir/certificates/$name.crt" "$dir/certificates/$name.names"
	say "now copy $dir/ca.crl to all nodes and reload them"
}

list()
{
	local crt name left ending=0
	open_authority
	printf '%-32s %-10s %-12s %s\n' NAME KIND "VALID UNTIL" "DAYS LEFT"
	for crt in "$dir/ca.crt" "$dir"/certificates/*.crt; do
		[ -e "$crt" ] || continue
		name=$(basename "$crt" .crt)
		left=$(days_left "$crt")
		kind=authority
		[ "$crt" = "$dir/ca.crt" ] || kind=$(sed -n 's/^kind=//p' "$dir/certificates/$name.names")
		printf '%-32s %-10s %-12s %s\n' "$name" "$kind" "$(until_of "$crt")" "$left"
		if [ -n "$within" ] && [ "$left" -lt "$within" ]; then
			ending=$((ending + 1))
		fi
	done
	if [ "$ending" -gt 0 ]; then
		printf 'ca: %s of these run out within %s days\n' "$ending" "$within" >&2
		exit 3
	fi
}

# A file takes its name when it is complete: a reload never sees half of one.
put()
{
	local from=$1 to=$2 mode=$3
	rm -f "$to.new"
	cp "$from" "$to.new"
	chmod "$mode" "$to.new"
	if [ -n "$owner" ]; then
		chown "$owner" "$to.new" || die "cannot make $owner the owner of $to"
	fi
	mv "$to.new" "$to"
}

install_files()
{
	local name=$1 target=$2 as=$1
	require_issued "$name"
	if [ "$(head -n 1 "$dir/certificates/$name.names")" = kind=node ]; then
		as=node
	fi
	mkdir -p "$target"
	chmod 755 "$target"
	put "$dir/ca.crt" "$target/ca.crt" 644
	put "$dir/ca.crl" "$target/ca.crl" 644
	put "$dir/keys/$name.key" "$target/$as.key" 600
	put "$dir/certificates/$name.crt" "$target/$as.crt" 644
	say "installed $as.crt, $as.key, ca.crt and ca.crl in $target"
}

# --- the command line -----------------------------------------------------------------------------

main()
{
	local verb=${1:-} words=()
	[ $# -gt 0 ] && shift
	dir=${MULTIREGION_CA:-ca} days= title="multiregion" within= owner= with_new_key= kind=
	dns=() ip=() permit_dns=() permit_ip=()
	while [ $# -gt 0 ]; do
		case $1 in
			--new-key) with_new_key=yes ;;
			-h | --help) verb=help ;;
			--*)
				[ $# -ge 2 ] || wrong "$1 needs a value"
				case $1 in
					--dir) dir=$2 ;;
					--days) check_days "$2" && days=$2 ;;
					--name) title=$2 ;;
					--dns) check_dns "$2" && dns+=("$2") ;;
					--ip) check_ip "$2" && ip+=("$2") ;;
					--permit-dns) check_dns "$2" && permit_dns+=("$2") ;;
					--permit-ip) check_ip_range "$2" && permit_ip+=("$2") ;;
					--within) check_days "$2" && within=$2 ;;
					--owner) owner=$2 ;;
					*) wrong "there is no option $1" ;;
				esac
				shift
				;;
			*) words+=("$1") ;;
		esac
		shift
	done
	case $verb/${#words[@]} in
		init/0 | crl/0 | list/0 | node/1 | client/1 | renew/1 | revoke/1 | install/2) ;;
		help/* | -h/* | --help/*)
			usage
			exit 0
			;;
		*) wrong "there is no such command: $verb ${words[*]-}" ;;
	esac
	command -v openssl >/dev/null || die "openssl is not installed"
	dir=$(readlink -m "$dir")
	case $dir in
		*[!A-Za-z0-9/._+@:,=~-]*) die "openssl cannot read a configuration that names this path: $dir" ;;
	esac
	case $verb in
		init) make_authority ;;
		node | client)
			kind=$verb
			issue "${words[0]}"
			;;
		renew) renew "${words[0]}" ;;
		revoke) revoke "${words[0]}" ;;
		crl)
			open_authority
			make_crl
			say "made $dir/ca.crl anew, valid as long as the authority"
			;;
		list) list ;;
		install) install_files "${words[0]}" "${words[1]}" ;;
	esac
}

main "$@"
