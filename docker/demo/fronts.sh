# What stands before a region, where it is installed: nginx as the origin of its static files,
# with the configuration of docker/nginx. Part of demo.sh, which sets here and demo; uses
# processes.sh and regions.sh. It must never stand in the way of a demo without nginx.

# Empty where it is not installed.
nginx_program=$(PATH=$PATH:/usr/sbin command -v nginx || :)

# As /proc tells them; what runs one of these in a region's folder belongs to the region.
front_programs=${nginx_program:+$(readlink -f "$nginx_program")}

has_origin()
{
	[ -e "$demo/$1/origin/nginx.conf" ]
}

origin_port_of()
{
	echo $((http_port + 200 + $(number_of "$1")))
}

check_front_ports()
{
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

start_fronts()
{
	if [ -n "$nginx_program" ] && has_origin "$1"; then
		start_loop "$1" origin
	fi
}

# For what to try.
print_fronts()
{
	if [ -n "$nginx_program" ] && has_origin EU_WEST; then
		echo "    curl -i http://localhost:$(origin_port_of EU_WEST)/"
	fi
}
