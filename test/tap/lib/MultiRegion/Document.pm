# The commands of a manual, run as they stand there. A fenced block is preceded by a comment
# that says where it is run, or why it is not:
#
#   <!-- run: on primary -->                    psql there (```sql), or bash (```sh)
#   <!-- run: on eu_west_1; shows streaming --> again and again, until its output
#                                               matches, a run of blanks counting as one
#   <!-- run: on standby; fails 25006 -->       it fails, and its output matches
#   <!-- run: on primary; varies at; soon -->   see MultiRegion::Example (```sql)
#   <!-- file: postgresql.conf -->              given to the test, which uses it
#   <!-- not run: why -->                       bash -n (```sh); nothing else
#
# Places are the name of a node, "primary" and "standby" (the first that runs), and what
# places => { NAME => NODE } adds.
#
#   my $document = MultiRegion::Document->new('docs/MULTI_REGION_RUNBOOK.md');
#   $document->run($cluster, before => { 'Region loss' => sub { ... } });
#
# examples => 1 (of new()): a manual of examples. Its ```sql blocks show what they return,
# as MultiRegion::Example says, and a failed one is no reason to leave out the others.
# before: what has to have happened when a section is read, by its heading; each must be
# there. after: the same, behind the first block that contains these words. sections => REGEX
# runs a part of the document. The names of machines in it are
# those of %hosts; /etc/multiregion is the folder "etc" of
# the cluster, and 10.0.0.0/8 the loopback. Stand-ins for runuser and systemctl act on the test's servers and their supervisors.
package MultiRegion::Document;

use strict;
use warnings;

use Fcntl qw(O_RDWR O_NONBLOCK);
use File::Path qw(make_path);
use MultiRegion::Example qw(run_example);
use POSIX qw(mkfifo WNOHANG);
use Test::More;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

my %hosts = ('us-1.db.example.com' => 'us_east_1', 'eu-1.db.example.com' => 'eu_west_1',
	'ap-1.db.example.com' => 'ap_southeast_1', 'sa-1.db.example.com' => 'sa_east_1',
	'w-1.db.example.com' => 'frankfurt_w');
my $host = join('|', map { quotemeta } sort keys %hosts);

# All blocks of a text: hashes with line, language, text, heading, level and mark.
sub blocks_of
{
	my ($text) = @_;
	my ($number, $heading, $mark, $open, @blocks) = (0, '', '');

	foreach my $line (split /\n/, $text)
	{
		$number++;
		if ($open)
		{
			if ($line =~ /^```\s*$/) { push @blocks, $open; $open = undef; }
			else { $open->{text} .= "$line\n"; }
		}
		elsif ($line =~ /^```(\S*)/)
		{
			$open = { line => $number, language => $1, text => '', heading => $heading, mark => $mark };
			$mark = '';
		}
		else
		{
			$heading = $1 if $line =~ /^#+ (.*?)\s*$/;
			$mark = $line =~ /^<!-- (.*) -->$/ ? $1 : '';
		}
	}
	push @blocks, { %$open, unclosed => 1 } if $open;
	return @blocks;
}

# What a mark says: (kind, place or reason, how it ends, what the output has to be, columns
# that vary, whether it is repeated).
sub meaning_of
{
	my ($mark) = @_;

	return ('run', $1, $4, $5, $2, $3) if $mark =~ /^run: on (\w+)(?:; varies (\w+(?:, \w+)*))?(; soon)?(?:; (shows|fails) (.+))?$/;
	return ('file', $1) if $mark =~ /^file: (\S+)$/;
	return ('not', $1) if $mark =~ /^not run: (\S.{9,})$/;
	return ();
}

# Headings of a text, as [level, words].
sub headings_of
{
	my ($text) = @_;
	$text =~ s/^```.*?^```\s*$//gms;
	return map { /^(#+) (.*?)\s*$/ ? [ length $1, $2 ] : () } split /\n/, $text;
}

sub new
{
	my ($class, $path, %args) = @_;
	my $top = $ENV{MR_TOP} // '.';

	open(my $file, '<', "$top/$path") or die "$path: $!";
	local $/;
	my $text = <$file>;
	return bless { %args, path => $path, text => $text, blocks => [ blocks_of($text) ], kept => {} }, $class;
}

sub blocks { return @{ $_[0]{blocks} } }
sub text { return $_[0]{text} }

# Text of the block marked as this file.
sub file
{
	my ($self, $name) = @_;
	my ($block) = grep { $_->{mark} eq "file: $name" } @{ $self->{blocks} };
	return $block ? $block->{text} : die "$self->{path} has no block for $name";
}

# --- what the document calls a machine -----------------------------------------------------

# The document's text for one node of a cluster.
sub translate
{
	my ($cluster, $node, $text) = @_;
	my $of = sub { $cluster->node($hosts{ $_[0] }) };
	my $etc = "$cluster->{directory}/etc";

	$text =~ s{(?<=[/@])($host)(?=[/?])}{'127.0.0.1:' . $of->($1)->port}ge;
	$text =~ s{($host):3000}{'127.0.0.1:' . $of->($1)->http_port}ge;
	$text =~ s{localhost:3000}{'127.0.0.1:' . $node->http_port}ge;
	$text =~ s{host=((?:$host)(?:,(?:$host))*)(?: port=5432(?:,5432)*)?}{
		my @names = split /,/, $1;
		'host=' . join(',', ('127.0.0.1') x @names) . ' port=' . join(',', map { $of->($_)->port } @names)
	}ge;
	$text =~ s{/etc/multiregion\b}{$etc}g;
	$text =~ s{(?<=\s)10\.0\.0\.0/8(?=\s)}{127.0.0.0/8}g; # of pg_hba.conf
	return $text;
}

sub _place
{
	my ($cluster, $word, $places) = @_;

	return $places->{$word} if $places && $places->{$word};
	return $cluster->wait_for_leader if $word eq 'primary';
	return $cluster->node($word) if $word ne 'standby';
	my ($node) = grep { $_->postmaster && ($_->value('SELECT pg_is_in_recovery()') // '') eq 't' } $cluster->nodes;
	return $node // die 'there is no standby';
}

# --- running -------------------------------------------------------------------------------

# Stand-ins for what a machine has and a test has not.
sub _make_tools
{
	my ($cluster) = @_;
	my $folder = "$cluster->{directory}/tools";

	return $folder if -d $folder;
	make_path($folder);
	mkfifo("$folder/$_", 0600) or die "$folder/$_: $!" foreach qw(request answer);
	my %scripts = (
		# Whoever runs the tests: the superuser is postgres, and Debian's folder of sockets not needed.
		initdb => qq{"$cluster->{bindir}/initdb" --username=postgres "\$@" && echo "unix_socket_directories = ''" >>"\$PGDATA/postgresql.conf"\n},
		runuser => qq{[ "\$1 \$3" = '-u --' ] && shift 3\nexec "\$@"\n},
		systemctl => qq{echo "\$MACHINE \$*" >"$folder/request" && read -r answer <"$folder/answer"\n}
			. qq{[ "\$answer" = done ] || { echo "systemctl: \$answer" >&2; exit 1; }\n});
	foreach my $name (keys %scripts)
	{
		open(my $file, '>', "$folder/$name") or die "$folder/$name: $!";
		print $file "#!/bin/bash\n$scripts{$name}";
		close $file or die "$folder/$name: $!";
		chmod 0755, "$folder/$name";
	}
	return $folder;
}

# What systemd would do with a unit of a node.
sub systemctl
{
	my ($cluster, $request) = @_;
	my ($name, $verb, @units) = split ' ', $request;
	my $node = $cluster->node($name);

	return 'done' if $verb eq 'daemon-reload';
	@units = grep { !/^--/ } @units;
	$verb = 'start' if $verb eq 'enable';
	foreach my $unit (@units)
	{
		my $server = $unit =~ /^postgresql\@15-main$/;
		return "no unit $unit" if !$server && $unit !~ /^multiregiond\@15-main$/;
		return "no verb $verb" if $verb !~ /^(?:start|stop|restart)$/;
		next if !$server && $verb ne 'start';
		$node->stop(undef, 60) if $verb ne 'start';
		next if $verb eq 'stop';
		$node->start;
		$cluster->poll_until(sub { defined $node->value('SELECT 1', timeout => 2) }, 60, "$name to answer");
	}
	return 'done';
}

# Runs bash with a text on one node: (exit status, output).
sub _bash
{
	my ($cluster, $node, $text) = @_;
	my $tools = _make_tools($cluster);
	my $output = "$cluster->{directory}/output";

	sysopen(my $request, "$tools/request", O_RDWR | O_NONBLOCK) or die "$tools/request: $!";
	my $pid = fork() // die "fork: $!";
	if ($pid == 0)
	{
		chdir $node->directory or POSIX::_exit(126);
		%ENV = (%ENV, PATH => "$tools:$cluster->{bindir}:$ENV{MR_TOP}/docker/tls:$ENV{PATH}", MACHINE => $node->name,
			PGDATA => $node->data, PGHOST => '127.0.0.1', PGPORT => $node->port, PGUSER => 'postgres',
			PGDATABASE => 'postgres', PGCONNECT_TIMEOUT => 5, MULTIREGION_NODE => $node->name,
			MULTIREGION_PEERS => join('; ', map { $_->conninfo } grep { $_ != $node } $cluster->nodes),
			%{ $node->{environment} // {} });
		open(STDIN, '<', '/dev/null');
		open(STDOUT, '>', $output) or POSIX::_exit(126);
		open(STDERR, '>&', \*STDOUT);
		exec('bash', '-euo', 'pipefail', '-c', $text) or POSIX::_exit(127);
	}
	my $deadline = clock_gettime(CLOCK_MONOTONIC) + 120;
	until (waitpid($pid, WNOHANG) == $pid)
	{
		if (clock_gettime(CLOCK_MONOTONIC) > $deadline) { kill 'KILL', $pid; }
		vec(my $ready = '', fileno $request, 1) = 1;
		next if !select($ready, undef, undef, 0.02);
		sysread($request, my $line, 4096) or next;
		my $answer = eval { systemctl($cluster, $line) } // "failed: $@";
		open(my $to, '>', "$tools/answer") or die "$tools/answer: $!";
		print $to $answer =~ s/\n/ /gr, "\n";
		close $to;
	}
	my $status = $?;
	open(my $file, '<', $output) or die "$output: $!";
	local $/;
	return ($status, <$file> // '');
}

sub _once
{
	my ($cluster, $block, $place) = @_;
	my $node = _place($cluster, $place);
	my $text = translate($cluster, $node, $block->{text});

	return _bash($cluster, $node, $text) if $block->{language} ne 'sql';
	open(my $file, '>', "$cluster->{directory}/statements") or die "statements: $!";
	print $file "\\set ON_ERROR_STOP on\n\\set VERBOSITY verbose\n$text";
	close $file or die "statements: $!";
	return _bash($cluster, $node, "psql -X -f '$cluster->{directory}/statements'");
}

# A block of a manual of examples.
sub _run_example
{
	my ($self, $cluster, $block) = @_;
	my (undef, $place, undef, undef, $varies, $soon) = meaning_of($block->{mark});
	my $deadline = clock_gettime(CLOCK_MONOTONIC) + 45;
	my $node = _place($cluster, $place, $self->{places});
	my ($wrong, $output);

	$cluster->wait_caught_up if $cluster->leader;
	for (;;)
	{
		my $session = $node->session(application => 'psql') // die $node->name . ' does not answer';
		($wrong, $output) = run_example($session, translate($node->{cluster}, $node, $block->{text}),
			varies => $varies, kept => $self->{kept});
		$session->close;
		last if !@$wrong || !$soon || clock_gettime(CLOCK_MONOTONIC) > $deadline;
		select(undef, undef, undef, 0.1);
	}
	ok(!@$wrong, "$self->{path}:$block->{line}: $block->{heading}") or diag(join("\n", @$wrong, '', $output));
	note($output) if !@$wrong;
	return 1;
}

sub _run_block
{
	my ($self, $cluster, $block) = @_;
	my ($kind, $place, $how, $pattern) = meaning_of($block->{mark});
	my $name = "$self->{path}:$block->{line}: $block->{heading}";
	my $deadline = clock_gettime(CLOCK_MONOTONIC) + 45;
	my ($status, $output, $good);

	return 1 if ($kind // '') ne 'run';
	return $self->_run_example($cluster, $block) if $self->{examples} && !defined $how && $block->{language} eq 'sql';
	for (;;)
	{
		($status, $output) = _once($cluster, $block, $place);
		my $squeezed = $output =~ s/ +/ /gr;
		$good = !defined $how ? $status == 0
			: ($how eq 'shows' ? $status == 0 : $status != 0) && $squeezed =~ /$pattern/;
		last if $good || !defined $how || clock_gettime(CLOCK_MONOTONIC) > $deadline;
		select(undef, undef, undef, 0.1);
	}
	ok($good, $name) or diag("$block->{text}said (status $status):\n$output");
	note("$block->{text}$output") if $good;
	return $good;
}

# Statements that only read stand in the text, too: each `SELECT ...` that is whole.
sub run_inline
{
	my ($self, $cluster) = @_;
	my $text = $self->{text} =~ s/^```.*?^```\s*$//gmsr;

	while ($text =~ /`(SELECT [^`]*)`/g)
	{
		my $statement = $1;
		next if $statement =~ /\.\.\.|_node\(/;
		my ($status, $output) = _once($cluster,
			{ language => 'sql', text => "BEGIN READ ONLY;\n$statement;\nROLLBACK;\n" }, 'primary');
		is($status, 0, "$self->{path}: $statement") or diag($output);
	}
	return;
}

# Runs what is marked to be run, in the order of the document; false after a failure.
sub run
{
	my ($self, $cluster, %args) = @_;
	my %before = %{ $args{before} // {} };
	my %after = %{ $args{after} // {} };
	my $heading = '';

	$self->{places} = $args{places};
	foreach my $block (@{ $self->{blocks} })
	{
		next if defined $args{sections} && $block->{heading} !~ $args{sections};
		if ($block->{heading} ne $heading)
		{
			$heading = $block->{heading};
			my $scene = delete $before{$heading};
			$scene->() if $scene;
		}
		# what comes next rests on this one
		return 0 if !$self->_run_block($cluster, $block);
		my ($part) = grep { index($block->{text}, $_) >= 0 } sort keys %after;
		(delete $after{$part})->() if defined $part;
	}
	return is(join(', ', sort(keys %before, keys %after)), '', "$self->{path}: all that was expected is there");
}

1;
