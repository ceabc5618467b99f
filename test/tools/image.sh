# Replays docker/Dockerfile without a container engine: each stage is a fresh Debian in a
# folder, each RUN a command in it. Then the image's own entrypoint makes a database there,
# serves it, and stops. Part of fresh.sh, which makes and enters the boxes.

dockerfile=$top/docker/Dockerfile
stages=   # "NAME FOLDER" lines
variables=() # of ENV, for the stage at hand

# Its instructions, one a line, without comments.
instructions()
{
	sed -e ':join' -e '/\\$/ { N; s/\\\n[[:space:]]*//; b join' -e '}' "$dockerfile" | grep -vE '^[[:space:]]*(#|$)'
}

folder_of()
{
	echo "$stages" | awk -v name="$1" '$1 == name { print $2 }'
}

# copy_into BOX SOURCE... TARGET
copy_into()
{
	local box=$1 from=$top source target=${!#}
	shift
	case $1 in
		--from=*) from=$(folder_of "${1#--from=}"); shift ;;
	esac
	mkdir -p "$box$target"
	while [ $# -gt 1 ]; do
		if [ "$1" = . ]; then
			tar -C "$top" --exclude=./build --exclude=./.git -cf - . | tar -C "$box$target" -xf -
		elif [ -d "$from/$1" ]; then
			cp -a "$from/$1/." "$box$target/"
		else
			cp -a "$from/$1" "$box$target/"
		fi
		shift
	done
}

# The boxes of all stages; prints nothing but what the commands do. Sets box to the last.
build_image()
{
	local verb rest number=0
	while read -r verb rest; do
		case $verb in
			FROM)
				set -- $rest
				[ "$1" = debian:bookworm-slim ] || die "no idea what $1 is"
				number=$((number + 1))
				box=$image/$number
				variables=()
				make_box "$box"
				stages="$stages${3:-last} $box"$'\n'
				;;
			RUN) step "RUN" "$box" "export ${variables[*]:-_=} && $rest" ;;
			COPY) copy_into "$box" $rest ;;
			ENV) variables+=($rest) ;;
			VOLUME | EXPOSE | HEALTHCHECK | STOPSIGNAL | ENTRYPOINT | CMD) ;;
			*) die "$verb is no instruction that image.sh can replay" ;;
		esac
	done < <(instructions)
}

die()
{
	echo "image: $*" >&2
	exit 1
}

# What a person would do with the image.
try_image()
{
	local entry
	entry=$(instructions | sed -n 's/^ENTRYPOINT \["\(.*\)"\]$/\1/p')
	step "bootstrap, serve, stop" "$box" "
		set -e
		export ${variables[*]}
		$entry bootstrap >/tmp/bootstrap.log
		printf '%s\n' 'port = 16543' \"listen_addresses = ''\" >/etc/multiregion/postgresql.conf
		$entry >/tmp/server.log 2>&1 &
		server=\$!
		export PGPORT=16543 PGUSER=postgres PGHOST=/run/postgresql
		as_postgres='setpriv --reuid=postgres --regid=postgres --init-groups'
		ended() { cat /tmp/server.log; exit 1; }
		until /usr/lib/postgresql/15/bin/pg_isready --quiet; do
			kill -0 \$server && [ \$SECONDS -lt 60 ] || ended
		done
		\$as_postgres psql -X -c 'CREATE EXTENSION multiregion' -c 'SELECT managed FROM multiregion.lease_status()'
		test \"\$(\$as_postgres psql -XAtc \"SELECT count(*) FROM multiregion.check() WHERE NOT ok AND severity <> 'info'\")\" = 0
		$entry sidecar --version
		kill -TERM \$server
		wait \$server
		! $entry bootstrap"
}

run_image()
{
	box_begin image
	image=$box
	trap 'box_drop "$image"' EXIT
	build_image
	try_image
}
