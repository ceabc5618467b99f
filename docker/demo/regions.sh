# The regions of the demo: making, starting, stopping and asking them. Part of demo.sh,
# which sets here, demo and bindir; uses processes.sh.

regions="US_EAST EU_WEST AP_SOUTHEAST"

# The key of a region given by key or id in any case; fails for anything else.
region_named()
{
	local name=${1^^}
	case ${name//-/_} in
		US_EAST | US_EAST_1) echo US_EAST ;;
		EU_WEST | EU_WEST_1) echo EU_WEST ;;
		AP_SOUTHEAST | AP_SOUTHEAST_1) echo AP_SOUTHEAST ;;
		*) return 1 ;;
	esac
}

number_of()
{
	case $1 in
		US_EAST) echo 0 ;;
		EU_WEST) echo 1 ;;
		AP_SOUTHEAST) echo 2 ;;
	esac
}

pg_port_of()
{
	echo $((pg_port + $(number_of "$1")))
}

http_port_of()
{
	echo $((http_port + $(number_of "$1")))
}

# Its node's name, as multiregiond derives it.
node_of()
{
	echo "${1,,}_1"
}

# Its node's host name: in no name server, but in its certificate.
host_of()
{
	local id=${1,,}-1
	echo "${id//_/-}.multiregion.test"
}

# How other nodes reach its node, without what each of them adds (peer_options_of).
conninfo_of()
{
	echo "host=$(host_of "$1") hostaddr=127.0.0.1 port=$(pg_port_of "$1")"
}

peer_options_of()
{
	local tls=$demo/$1/tls
	echo "sslmode=verify-full sslrootcert=$tls/ca.crt sslcrl=$tls/ca.crl sslcert=$tls/node.crt sslkey=$tls/node.key"
}

# --- before anything is made ------------------------------------------------------------

check_user()
{
	if [ "$(id -u)" = 0 ]; then
		die "PostgreSQL does not run as root; \"make demo\" uses the user postgres then"
	fi
	if [ ! -x "$bindir/postgres" ]; then
		die "there is no PostgreSQL in $bindir: start the demo with \"make demo\""
	fi
}

port_is_taken()
{
	(exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

check_region_ports()
{
	if port_is_taken "$(pg_port_of "$1")"; then
		die "port $(pg_port_of "$1") is taken by another program. Stop that, or move the demo's" \
			"databases (after make demo-clean): make demo DEMO_PG_PORT=6501"
	fi
	if port_is_taken "$(http_port_of "$1")"; then
		die "port $(http_port_of "$1") is taken by another program. Stop that, or move the demo's" \
			"HTTP ports (after make demo-clean): make demo DEMO_HTTP_PORT=4001"
	fi
	check_front_ports "$1"
}

check_ports()
{
	local region
	pg_port=${DEMO_PG_PORT:-5501}
	http_port=${DEMO_HTTP_PORT:-3001}
	case $pg_port$http_port in
		*[!0-9]*) die "DEMO_PG_PORT and DEMO_HTTP_PORT must be numbers" ;;
	esac
	for region in $pg_port $http_port; do
		if [ "$region" -lt 1024 ] || [ "$region" -gt 65333 ]; then
			die "port $region is out of range: DEMO_PG_PORT and DEMO_HTTP_PORT are from 1024 to 65333"
		fi
	done
	if [ $((pg_port - http_port)) -gt -3 ] && [ $((pg_port - http_port)) -lt 3 ]; then
		die "the three ports from DEMO_PG_PORT and the three from DEMO_HTTP_PORT overlap"
	fi
	for region in 100 200; do
		if [ $((pg_port - http_port - region)) -gt -3 ] && [ $((pg_port - http_port - region)) -lt 3 ]; then
			die "the three ports from DEMO_PG_PORT and those $region above DEMO_HTTP_PORT overlap"
		fi
	done
	for region in $regions; do
		check_region_ports "$region"
	done
}

# The ports belong to the demo once it is made, whatever the environment says later.
write_ports()
{
	echo "$pg_port $http_port" >"$demo/ports"
}

read_ports()
{
	read -r pg_port http_port <"$demo/ports"
}

# --- making it ----------------------------------------------------------------------------

write_settings()
{
	local region=$1 other peers=
	for other in $regions; do
		if [ "$other" != "$region" ]; then
			peers="$peers${peers:+, }$(conninfo_of "$other")"
		fi
	done
	mkdir -p "$demo/$region"
	cat >"$demo/$region/environment" <<-END
		MR_BINDIR='$bindir'
		MR_NODE='$(node_of "$region")'
		MR_PORT=$(pg_port_of "$region")
		MR_PEERS='$peers'
		export MULTIREGION_PEER_OPTIONS='$(peer_options_of "$region")'
	END
	sed -e "s/@REGION@/$region/" -e "s/@HTTP@/$(http_port_of "$region")/" \
		-e "s/@HOST@/$(host_of "$region")/" -e "s/@PG@/$(pg_port_of "$region")/" \
		-e "s/@PG1@/$pg_port/" -e "s/@PG2@/$((pg_port + 1))/" -e "s/@PG3@/$((pg_port + 2))/" \
		-e "s/@HTTP1@/$http_port/" -e "s/@HTTP2@/$((http_port + 1))/" \
		-e "s/@HTTP3@/$((http_port + 2))/" -e "s/@FAILBACK@/$failback_delay/" "$here/env.multiregion" >"$demo/$region/.env.multiregion"
}

# A private authority, and for each region what its node and its sidecar need.
issue_certificates()
{
	local region output
	for region in $regions; do
		output=$(
			exec 2>&1
			export MULTIREGION_CA=$demo/ca
			"$here/../tls/ca.sh" init --permit-dns multiregion.test &&
				"$here/../tls/ca.sh" node "$(host_of "$region")" &&
				"$here/../tls/ca.sh" client multiregion_api &&
				"$here/../tls/ca.sh" install "$(host_of "$region")" "$demo/$region/tls" &&
				"$here/../tls/ca.sh" install multiregion_api "$demo/$region/tls"
		) || die "the certificates could not be made:" "$output"
	done
}

init_first_region()
{
	local folder=$demo/US_EAST
	"$bindir/initdb" --username=postgres --auth=trust --encoding=UTF8 --locale=C.UTF-8 \
		--data-checksums --no-instructions -D "$folder/data" >"$folder/initdb.log" 2>&1 ||
		die "initdb failed; see $folder/initdb.log"
	cat "$here/postgresql.conf" "$here/tls.conf" >>"$folder/data/postgresql.conf"
	cp "$here/pg_hba.conf" "$here/pg_ident.conf" "$folder/data/"
	# Where a clone has its own; multiregion-join writes it there, too.
	echo "multiregion.peer_options = '$(peer_options_of US_EAST)'" >>"$folder/data/postgresql.auto.conf"
}

make_cluster()
{
	local output
	output=$(cd "$demo/US_EAST" && . ./environment && "$bindir/multiregiond" init 2>&1) ||
		die "multiregiond init failed:" "$output"
	sql US_EAST "SELECT multiregion.set_policy('max_failovers_per_hour', '-1',
		'the demo is there to be killed')" >/dev/null
	sql US_EAST "CREATE TABLE IF NOT EXISTS visit (id bigserial PRIMARY KEY,
		at timestamptz NOT NULL DEFAULT now(), note text)" >/dev/null
}

# For changes over HTTP; only who may read the demo's folder knows it.
draw_token()
{
	(umask 077 && od -An -N16 -tx1 /dev/urandom | tr -d ' \n' >"$demo/token")
}

set_up_regions()
{
	local region
	say "Making US_EAST (us-east-1): PostgreSQL on port $(pg_port_of US_EAST)"
	for region in $regions; do
		write_settings "$region"
		write_origin "$region"
		write_edge "$region"
	done
	issue_certificates
	draw_token
	init_first_region
	start_loop US_EAST supervisor
	wait_until 30 "PostgreSQL of US_EAST" sql US_EAST "SELECT" >/dev/null
	make_cluster
	start_loop US_EAST sidecar
	start_fronts US_EAST
	wait_until 30 "US_EAST to hold the lease" has_primary
	say "Cloning it to EU_WEST (eu-west-1) and AP_SOUTHEAST (ap-southeast-1)"
	start_region EU_WEST
	start_region AP_SOUTHEAST
	for region in EU_WEST AP_SOUTHEAST; do
		wait_until 60 "$region to stream" is_streaming "$region"
		say "$region streams from US_EAST: PostgreSQL on port $(pg_port_of "$region")"
	done
	wait_until 30 "three voters" has_three_voters
	wait_until 30 "the sidecars to agree" sidecars_agree
	: >"$demo/complete"
}

# --- starting and stopping -----------------------------------------------------------------

start_region()
{
	rm -f "$demo/$1"/{supervisor,sidecar,origin,edge}.pid
	start_loop "$1" supervisor
	start_loop "$1" sidecar
	start_fronts "$1"
}

# Orderly: the loops first, so that what ends stays down, then the server and the sidecar.
stop_region()
{
	local region=$1 loops rest
	loops=$(loops_of "$region")
	[ -n "$(processes_of "$region")" ] || return 0
	# A frozen process would not hear the rest.
	signal_region CONT "$region"
	if [ -n "$loops" ]; then
		kill -KILL $loops 2>/dev/null || :
	fi
	if [ -n "$(postmaster_of "$region")" ]; then
		kill -INT "$(postmaster_of "$region")" 2>/dev/null || :
		wait_until 30 "PostgreSQL of $region to stop" has_no_postmaster "$region"
	fi
	rest=$(processes_of "$region")
	if [ -n "$rest" ]; then
		kill -TERM $rest 2>/dev/null || :
		wait_until 10 "the rest of $region to stop" has_no_process "$region"
	fi
	say "Stopped $region"
}

remove_regions()
{
	local region
	for region in $regions; do
		kill_region "$region"
		rm -rf "${demo:?}/$region"
	done
	rm -rf "$demo/ca"
	rm -f "$demo/complete" "$demo/ports"
}

# --- asking ---------------------------------------------------------------------------------

# One statement at a region's PostgreSQL; fails if it does not answer within 2 s.
sql()
{
	PGCONNECT_TIMEOUT=2 timeout 2 "$bindir/psql" -XAtq -v ON_ERROR_STOP=1 -h 127.0.0.1 \
		-p "$(pg_port_of "$1")" -U postgres -d postgres -c "$2" 2>/dev/null
}

# GET of a region's sidecar: prints the body, fails if it does not answer within 2 s.
http_get()
{
	timeout 2 bash -c '
		exec 3<>"/dev/tcp/127.0.0.1/$1" &&
		printf "GET %s HTTP/1.0\r\nHost: localhost\r\nConnection: close\r\n\r\n" "$2" >&3 &&
		while read -r line && [ "${line%$'"'\r'"'}" != "" ]; do :; done <&3 &&
		cat <&3' http_get "$(http_port_of "$1")" "$2" 2>/dev/null
}

# One member of an answer: json_value KEY prints the text or number of its first place.
json_value()
{
	sed -n 's/.*"'"$1"'" *: *"\{0,1\}\([^",}]*\).*/\1/p' | head -n 1
}

# What region holds the lease, as its own node says; nothing if there is none.
primary_region()
{
	local region
	for region in $regions; do
		if [ -n "$(postmaster_of "$region")" ] && ! is_frozen "$region" &&
			[ "$(sql "$region" "SELECT writable FROM multiregion.lease_status()")" = t ]; then
			echo "$region"
			return
		fi
	done
}

has_primary()
{
	[ -n "$(primary_region)" ]
}

down_regions()
{
	local region
	for region in $regions; do
		is_running "$region" || echo "$region"
	done
}

# Streams, in the opinion of the primary.
is_streaming()
{
	local primary
	primary=$(primary_region)
	[ -n "$primary" ] && [ "$(sql "$primary" "SELECT count(*)
		FROM pg_stat_replication AS r JOIN multiregion.node AS n
			ON r.application_name = 'mr_' || replace(n.uuid::text, '-', '')
		WHERE r.state = 'streaming' AND n.node_name = '$(node_of "$1")'")" = 1 ]
}

role_of()
{
	if [ "$(primary_region)" = "$1" ]; then
		echo "the primary region"
	elif is_streaming "$1"; then
		echo "a standby of $(primary_region) and streams"
	else
		return 1
	fi
}

is_serving()
{
	role_of "$1" >/dev/null
}

has_three_voters()
{
	local primary
	primary=$(primary_region)
	[ -n "$primary" ] &&
		[ "$(sql "$primary" "SELECT count(*) FROM multiregion.member_status() WHERE voter")" = 3 ]
}

# All three sidecars name the same primary region, and it is one.
sidecars_agree()
{
	local region said= answer
	for region in $regions; do
		answer=$(http_get "$region" /api/regions/status | json_value primaryRegion)
		if [ -z "$answer" ] || [ "$answer" = null ] || [ "${said:-$answer}" != "$answer" ]; then
			return 1
		fi
		said=$answer
	done
}

# --- telling --------------------------------------------------------------------------------

print_status()
{
	local region state role epoch answer
	printf '%-14s %-9s %-10s %-6s %-32s %s\n' REGION STATE POSTGRESQL EPOCH ROLE "PRIMARY SAYS SIDECAR"
	for region in $regions; do
		state=down role=- epoch=-
		if is_frozen "$region"; then
			state=frozen
		elif is_running "$region"; then
			state=running
			epoch=$(sql "$region" "SELECT term FROM multiregion.lease_status()") || epoch='?'
			role=$(role_of "$region") || role="not serving"
		fi
		answer=-
		if [ "$state" = running ]; then
			answer=$(http_get "$region" /api/regions/status | json_value primaryRegion) || answer=
			answer="http://localhost:$(http_port_of "$region"): ${answer:-no answer}"
		fi
		printf '%-14s %-9s %-10s %-6s %-32s %s\n' "$region" "$state" "$(pg_port_of "$region")" \
			"$epoch" "${role#the }" "$answer"
	done
}

print_what_to_try()
{
	local ports
	ports=$(pg_port_of US_EAST),$(pg_port_of EU_WEST),$(pg_port_of AP_SOUTHEAST)
	cat <<-END

		Try this:

		    psql='$bindir/psql'
		    any="host=localhost,localhost,localhost port=$ports user=postgres dbname=postgres target_session_attrs=read-write"
		    \$psql "\$any" -c "INSERT INTO visit (note) VALUES ('hello') RETURNING *"
		    \$psql "\$any" -c "SELECT region_for_tenant('acme'), primary_region(), gateway_region()"
		    curl http://localhost:$(http_port_of EU_WEST)/api/regions/status
		
		without curl:

		    exec 3<>/dev/tcp/localhost/$(http_port_of EU_WEST); printf 'GET /api/regions/status HTTP/1.0\r\n\r\n' >&3; cat <&3
		$(print_fronts)

		Then let the primary region die, look again, and bring it back:

		    make demo-kill REGION=US_EAST
		    make demo-status
		    \$psql "\$any" -c "SELECT * FROM multiregion.failovers" -x
		    make demo-start REGION=US_EAST

		Within $((failback_delay / 1000)) s of health US_EAST is the primary again. Move it on purpose, by SQL and by HTTP, from any region:

		    \$psql "\$any" -c "SELECT * FROM explain_failover() WHERE NOT passes OR wins"
		    \$psql "\$any" -c "SELECT to_node, duration_ms, lost_bytes FROM switchover('EU_WEST')"
		    token=\$(cat $demo/token)
		    curl -H "Authorization: Bearer \$token" -H 'Content-Type: application/json' \\
		        -d '{"targetRegionId": "ap-southeast-1"}' http://localhost:$(http_port_of EU_WEST)/api/regions/failover/manual
		    curl -H "Authorization: Bearer \$token" -H 'Content-Type: application/json' \\
		        -d '{"regionKey": "EU_WEST"}' http://localhost:$(http_port_of AP_SOUTHEAST)/api/regions/tenant/acme/region
		    \$psql "\$any" -c "SELECT pause_failover('10 minutes')"  # stays where it is; SELECT resume_failover()

		Also: make demo-freeze, demo-thaw (REGION=...), demo-stop, demo-clean.
	END
}

show_logs()
{
	local file
	for file in "$demo"/*/supervisor.log "$demo"/*/sidecar.log; do
		if [ -s "$file" ]; then
			printf '%s\n' "--- last lines of $file" >&2
			tail -n 15 "$file" >&2
		fi
	done
}
