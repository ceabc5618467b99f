# The processes of a region: finding, signalling, waiting. Part of demo.sh, which sets
# demo and prefix. PostgreSQL gives each child of the postmaster a session of its own,
# so neither a process group nor a session holds a region together; its folder does.

# Prints "PID STATE PPID" of the numbered processes that exist.
describe_processes()
{
	local pid line rest
	for pid in "$@"; do
		# A process may end while we look at it.
		read -r line 2>/dev/null <"/proc/$pid/stat" || continue
		rest=${line##*) }
		set -- $rest
		echo "$pid $1 $2"
	done
}

# When a process started, in clock ticks; with its id that is its identity.
start_time_of()
{
	local line rest
	read -r line 2>/dev/null <"/proc/$1/stat" || return 1
	rest=${line##*) }
	set -- $rest
	echo "${20}"
}

# The recorded loops of a region that still run.
loops_of()
{
	local file pid started
	for file in "$demo/$1"/{supervisor,sidecar,origin,edge}.pid; do
		if read -r pid started 2>/dev/null <"$file" &&
			[ "$(start_time_of "$pid")" = "$started" ]; then
			echo "$pid"
		fi
	done
}

# Ids of everything of a region: its loops first.
processes_of()
{
	local loops
	loops=$(loops_of "$1")
	find /proc/[0-9]* -maxdepth 1 \( -name cwd -o -name exe \) -printf '%p %l\n' 2>/dev/null |
		awk -v loops="$loops" -v folder="$demo/$1" -v prefix="$prefix" -v programs="$(readlink -f "$bindir")" \
			-v fronts="$front_programs" '
			BEGIN {
				n = split(loops, loop)
				for (i = 1; i <= n; i++) { print loop[i]; is_loop[loop[i]] = 1 }
				n = split(fronts, front)
				for (i = 1; i <= n; i++) is_front[front[i]] = 1
			}
			{
				split($1, path, "/")
				target = substr($0, length($1) + 2)
				if (path[4] == "cwd" && (target == folder || index(target, folder "/") == 1))
					here[path[3]] = 1
				if (path[4] == "exe" && (index(target, prefix) == 1 || index(target, programs "/") == 1 ||
					target in is_front))
					ours[path[3]] = 1
			}
			END {
				for (pid in here)
					if ((pid in ours) && !(pid in is_loop)) print pid
			}'
}

# Sends a signal to everything of a region, until nothing is found that has not got it.
signal_region()
{
	local signal=$1 region=$2 seen=" " new pid
	while :; do
		new=
		for pid in $(processes_of "$region"); do
			case $seen in
				*" $pid "*) ;;
				*) new="$new $pid" ;;
			esac
		done
		if [ -z "$new" ]; then
			return
		fi
		kill -s "$signal" $new 2>/dev/null || :
		seen="$seen$new "
	done
}

# All of it stops before any of it dies, so that no part sees another one's death.
kill_region()
{
	signal_region STOP "$1"
	signal_region KILL "$1"
	wait_until 10 "the processes of $1 to end" has_no_process "$1"
}

has_no_process()
{
	[ -z "$(processes_of "$1")" ]
}

# The running postmaster of a region; nothing if there is none.
postmaster_of()
{
	local pid
	if read -r pid 2>/dev/null <"$demo/$1/data/postmaster.pid" &&
		[ "$(readlink "/proc/$pid/cwd" 2>/dev/null)" = "$demo/$1/data" ]; then
		echo "$pid"
	fi
}

has_no_postmaster()
{
	[ -z "$(postmaster_of "$1")" ]
}

# Its loop runs (frozen or not).
is_running()
{
	[ -n "$(loops_of "$1")" ]
}

is_frozen()
{
	local pid
	pid=$(postmaster_of "$1")
	[ -n "$pid" ] && [ "$(describe_processes "$pid" | cut -d' ' -f2)" = T ]
}

# Starts one of the loops in a session of its own, in the region's folder.
start_loop()
{
	local region=$1 name=$2 pid
	cd "$demo/$region"
	setsid bash "$here/$name.sh" </dev/null >>"$name.log" 2>&1 3>&- 4>&- 8>&- 9>&- &
	pid=$!
	echo "$pid $(start_time_of "$pid")" >"$name.pid"
	cd "$OLDPWD"
}

# wait_until SECONDS WHAT COMMAND...: asks again and again; fails with a message.
wait_until()
{
	local limit=$1 what=$2 end
	shift 2
	end=$(($(now_ms) + limit * 1000))
	until "$@"; do
		if [ "$(now_ms)" -ge "$end" ]; then
			show_logs
			die "waited $limit s in vain for $what"
		fi
		sleep 0.05
	done
}

now_ms()
{
	local time=$EPOCHREALTIME
	echo "${time%[.,]*}$(printf %.3s "${time#*[.,]}")"
}

say()
{
	printf '%s\n' "$*"
}

die()
{
	printf 'demo: %s\n' "$*" >&2
	exit 1
}
