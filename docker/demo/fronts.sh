# What stands before a region, where it is installed: nginx as the origin of its static files,
# with the configuration of docker/nginx, and HAProxy as its edge, with that of docker/haproxy,
# fed by the sidecar; the edge's application is nginx. Part of demo.sh, which sets here and
# demo; uses processes.sh and regions.sh. It must never stand in the way of a demo without them.

# Empty where it is not installed.
nginx_program=$(PATH=$PATH:/usr/sbin command -v nginx || :)
haproxy_program=$(PATH=$PATH:/usr/sbin command -v haproxy || :)

# As /proc tells them; what runs one of these in a region's folder belongs to the region.
front_programs="${nginx_program:+$(readlink -f "$nginx_program")} ${haproxy_program:+$(readlink -f "$haproxy_program")}"

socket_size=97 # of HAProxy's sockets: longer paths have no edge

has_origin()
{
	[ -e "$demo/$1/origin/nginx.conf" ]
}

origin_port_of()
{
	echo $((http_port + 200 + $(number_of "$1")))
}

has_edge()
{
	[ -e "$demo/$1/edge/environment" ]
}

edge_port_of()
{
	echo $((http_port + 100 + $(number_of "$1")))
}

edge_socket_of()
{
	echo "$demo/$1/edge/socket"
}

can_have_edge()
{
	local socket
	socket=$(edge_socket_of "$1")
	[ -n "$haproxy_program" ] && [ -n "$nginx_program" ] && [ ${#socket} -le $socket_size ]
}

check_front_ports()
{
	if can_have_edge "$1" && port_is_taken "$(edge_port_of "$1")"; then
		die "port $(edge_port_of "$1") is taken by another program. Stop that, or move the demo's" \
			"HTTP ports (after make demo-clean): make demo DEMO_HTTP_PORT=4001"
	fi
	if [ -n "$nginx_program" ] && port_is_taken "$(origin_port_of "$1")"; then
		die "port $(origin_port_of "$1") is taken by another program. Stop that, or move the demo's" \
			"HTTP ports (after make demo-clean): make demo DEMO_HTTP_PORT=4001"
	fi
}

# A release with one page, and the shipped configuration with the demo's paths and port.
write_origin()
{
	local region=$1 folder=$demo/$1/origin name
	[ -n "$nginx_program" ] || return 0
	mkdir -p "$folder/release-1"
	ln -sfn release-1 "$folder/current"
	cat >"$folder/release-1/index.html" <<-HTML
		<!doctype html>
		<title>multiregion</title>
		<p>Hello from $region.</p>
	HTML
	cp "$here/../nginx/nginx.conf" "$folder/"
	if [ -e /usr/lib/nginx/modules/ngx_http_brotli_filter_module.so ] &&
		[ -e /usr/lib/nginx/modules/ngx_http_brotli_static_module.so ]; then
		cp "$here/../nginx/brotli.conf" "$folder/"
	fi
	sed -e "s/^listen 127.0.0.1:8080;/listen 127.0.0.1:$(origin_port_of "$region");/" \
		-e "s/origin_region US_EAST/origin_region $region/" \
		-e "s|\"\{0,1\}/srv/multiregion/current\"\{0,1\};|\"$folder/current\";|" \
		-e "s|^access_log .*|access_log \"$folder/access.log\" origin;|" \
		"$here/../nginx/site.conf" >"$folder/site.conf"
	for name in client_body proxy fastcgi uwsgi scgi; do
		echo "${name}_temp_path \"$folder/temp-$name\";" >>"$folder/site.conf"
	done
}

# Empty maps, whom the edge believes, and the shipped configuration's environment.
write_edge()
{
	local region=$1 folder=$demo/$1/edge other
	can_have_edge "$region" || return 0
	mkdir -p "$folder"
	: >"$folder/tenants.map"
	: >"$folder/recent.map"
	: >"$folder/countries.map"
	echo 127.0.0.1 >"$folder/trusted.lst"
	cat >"$folder/environment" <<-END
		DEPLOYMENT_REGION='$region'
		ENABLE_CROSS_REGION_PROXY=true
		MULTIREGION_HAPROXY_HTTP=127.0.0.1:$(edge_port_of "$region")
		MULTIREGION_HAPROXY_SOCKET='$(edge_socket_of "$region")'
		MULTIREGION_HAPROXY_MAPS='$folder'
		MULTIREGION_APP=127.0.0.1:$(origin_port_of "$region")
		MULTIREGION_APP_HEALTH=/
		MULTIREGION_SIDECAR=127.0.0.1:$(http_port_of "$region")
		MULTIREGION_TENANT_HEADER=X-Tenant-Id
		MULTIREGION_GEO_HEADER=CF-IPCountry
	END
	for other in $regions; do
		echo "MULTIREGION_EDGE_$other=127.0.0.1:$(edge_port_of "$other")" >>"$folder/environment"
	done
	cat >>"$demo/$region/.env.multiregion" <<-END

		# The edge that this sidecar feeds.
		MULTIREGION_HAPROXY_SOCKET=$(edge_socket_of "$region")
		MULTIREGION_HAPROXY_MAPS=$folder
	END
}

start_fronts()
{
	if [ -n "$nginx_program" ] && has_origin "$1"; then
		start_loop "$1" origin
	fi
	if [ -n "$haproxy_program" ] && has_edge "$1"; then
		start_loop "$1" edge
	fi
}

# For what to try.
print_fronts()
{
	if [ -n "$nginx_program" ] && has_origin EU_WEST; then
		printf '\n    curl -i http://localhost:%s/\n' "$(origin_port_of EU_WEST)"
	fi
	if [ -n "$haproxy_program" ] && has_edge US_EAST; then
		cat <<-END

			A request for a tenant of EU_WEST that enters at US_EAST is served by EU_WEST:

			    \$psql "\$any" -c "SELECT region_key FROM set_tenant_region('acme', 'EU_WEST')"
			    curl -i -H 'X-Tenant-Id: acme' http://localhost:$(edge_port_of US_EAST)/
		END
	fi
}
