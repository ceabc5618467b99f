# What the API says of changes while the primary is lost: every 200 is there afterwards (or its
# token tells that the failover lost it), what was not done is not there, tokens grow across
# the failover, and changes go on by themselves.
# Method: one writer a region, each posting to its own sidecar without a pause, while the
# primary's postmaster is killed, then while the next one is frozen. Each attempt has a reason
# of its own, by which it is found, or not, in the history of the tenants.
use strict;
use warnings;

use JSON::PP ();
use Test::More;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use MultiRegion::Cluster;
use MultiRegion::Http qw(check_answer);
use MultiRegion::Process ();
use MultiRegion::Sidecar;

my $secret = 'test-token-0123456789';
my $cluster = MultiRegion::Cluster->new(
	regions => 3, sidecars => 1, policy => { health_check_interval => '300ms' },
	sidecar_settings => { MULTIREGION_API_TOKEN => $secret, MULTIREGION_WRITE_TIMEOUT => 2500,
		MULTIREGION_DATABASE_TIMEOUT => 1000 });
$cluster->start;
$cluster->wait_for_leader;
my $json = JSON::PP->new->utf8->canonical;
my @headers = ("Authorization: Bearer $secret", 'Content-Type: application/json');

sub seconds { return clock_gettime(CLOCK_MONOTONIC) }

sub region_of { return $_[0] % 2 ? 'EU_WEST' : 'AP_SOUTHEAST' }

# Posts until told to stop; a line for each attempt: when it began and ended, its reason, the
# status, the code or token.
sub write_on
{
	my ($port, $name, $file, $stop, $parent) = @_;
	my $http;

	open(my $out, '>', $file) or die "$file: $!";
	$out->autoflush(1);
	for (my $number = 1; !-e $stop && getppid() == $parent; $number++)
	{
		my $began = seconds();
		my $body = $json->encode({ regionKey => region_of($number), reason => "$name-$number" });
		$http //= MultiRegion::Http->connect($port) or next;
		my $answer = $http->request('POST', "/api/regions/tenant/$name/region", headers => \@headers, body => $body,
			timeout => 10);
		my $problem = check_answer($answer);
		my $what = !$answer || $problem ? "lost $problem" : "$answer->{status} "
			. ($answer->{json}{token} // $answer->{json}{code} // '-') . ' ' . ($answer->{json}{version} // '-')
			. ' ' . ($answer->{headers}{'retry-after'} // '-');
		printf $out "%.3f %.3f %s %s\n", $began, seconds(), "$name-$number", $what;
		$http = undef unless $answer;
	}
	return;
}

sub position
{
	my ($token) = @_;
	return map { hex } ($token // '') =~ /^mr1\.[0-9a-f]{16}\.([0-9a-f]+)\.([0-9a-f]+)\.([0-9a-f]+)\.[0-9a-f]{8}\z/;
}

sub is_before
{
	my ($one, $other) = @_;
	foreach my $part (0 .. 2)
	{
		return $one->[$part] < $other->[$part] if $one->[$part] != $other->[$part];
	}
	return 0;
}

sub lines_of
{
	my ($file) = @_;
	open(my $in, '<', $file) or return;
	return <$in>;
}

# Writers at these nodes' sidecars while something happens to the primary.
sub under_writers
{
	my ($what, $nodes, $fault) = @_;
	my $folder = "$cluster->{directory}/" . $what =~ s/\W/-/gr;
	my (%file, @children);

	mkdir $folder or die "$folder: $!";
	foreach my $node (@$nodes)
	{
		my $name = $what =~ s/\W/-/gr . '-' . $node->name;
		$file{$name} = "$folder/$name";
		my $parent = $$;
		my $pid = fork() // die "fork: $!";
		if ($pid == 0)
		{
			eval { write_on($node->http_port, $name, $file{$name}, "$folder/stop", $parent); 1 } or print STDERR $@;
			POSIX::_exit(0);
		}
		push @children, $pid;
	}
	my $good = sub { my ($name, $since) = @_; scalar grep { my @f = split ' '; $f[3] eq '200' && $f[0] > $since } lines_of($file{$name}) };
	$cluster->poll_until(sub { !grep { $good->($_, 0) < 20 } keys %file }, 20, 'the writers to write');
	my $began = seconds();
	$fault->();
	$cluster->poll_until(sub { !grep { $good->($_, $began + 0.1) < 20 } keys %file }, 30, 'the writers to write again');
	my $over = seconds();
	open(my $stop, '>', "$folder/stop") or die "$folder/stop: $!";
	close $stop;
	waitpid($_, 0) foreach @children;
	return ($began, map { $_ => [ lines_of($file{$_}) ] } keys %file);
}

# What the writers were told, against what is there. Replication is asynchronous: unless the
# primary could hand over to a standby that has every byte, what it acknowledged last may be
# lost, and then its token lies past the fork.
sub judge
{
	my ($what, $began, %lines) = @_;
	my $leader = $cluster->wait_for_leader;
	my $rows = $leader->query("SELECT tenant_id, version, region_key, reason FROM multiregion.tenant_history"
			. " WHERE tenant_id LIKE '$what-%'")->{rows};
	my %region = map { ("$_->[0] $_->[1]" => $_->[2]) } @$rows;
	my %there = map { ($_->[3] => 1) } @$rows;
	# Where the history of the new primary leaves that of the old one.
	my $lease = $leader->lease_status;
	my ($high, $low) = map { hex } split m{/}, $lease->{stamp_lsn};
	my $fork = $high * 2**32 + $low;
	my $rule = $leader->value('SELECT rule FROM multiregion.failovers LIMIT 1') // '';
	my $may_lose = $rule eq 'named_by_primary' ? 0 : 3 * keys %lines;
	my (%count, @missing, @lost, @made, @odd, $gap);

	foreach my $name (sort keys %lines)
	{
		my ($last, $failed) = ([ 0, 0, 0 ], 0);
		foreach my $line (@{ $lines{$name} })
		{
			my ($from, $to, $reason, $status, $word, $version, $retry) = split ' ', $line;
			my ($number) = $reason =~ /(\d+)$/;
			$count{ $status eq '200' ? 200 : "$status $word" }++;
			if ($status eq '200')
			{
				my @at = position($word);
				my $is_past = @at && $at[1] < $lease->{timeline} && $at[2] > $fork;
				# What was set already is answered with the version that set it.
				push @{ $is_past ? \@lost : \@missing }, $reason if ($region{"$name $version"} // '') ne region_of($number);
				push @odd, "$reason is there, past the fork" if $is_past && exists $there{$reason};
				# Made, but the connection was lost before the token came.
				next if $word eq '-';
				push @odd, "$reason $word" unless @at && is_before($last, \@at);
				$last = \@at;
				$gap = $to - $from if !defined $gap || $to - $from > $gap;
			}
			elsif ($word eq 'not_done')
			{
				push @made, $reason if exists $there{$reason};
				push @odd, "$reason without Retry-After" if $retry ne '1';
			}
			elsif ($word eq 'outcome_unknown')
			{
				push @odd, "$reason with Retry-After" if $retry ne '-';
			}
			else { push @odd, $line; }
			push @odd, sprintf('%s took %.1f s', $reason, $to - $from) if $to - $from > 4;
		}
	}
	note(sprintf('%s (%s): %s; the longest that succeeded took %.2f s', $what, $rule,
			join(', ', map { "$count{$_} x $_" } sort keys %count), $gap));
	is("@missing", '', "$what: the $count{200} changes that were acknowledged are there");
	cmp_ok(scalar @lost, '<=', $may_lose, "$what: a failover loses what replication had not carried yet (@lost); its tokens say so");
	is("@made", '', "$what: none of those that were not done is");
	is("@odd", '', "$what: tokens grow, and every answer is one of these");
	return;
}

my %sidecar_of = map { $_->name => join(' ', $_->processes(qr/multiregiond/)) } $cluster->nodes;
foreach my $node ($cluster->nodes)
{
	$cluster->poll_until(
		sub {
			my $http = MultiRegion::Http->connect($node->http_port);
			my $answer = $http->request('POST', '/api/regions/tenant/x/region', headers => \@headers, body => '{"regionKey":"EU_WEST"}');
			return $answer && $answer->{status} == 200;
		}, 20, 'a first change by ' . $node->name);
}

# The postmaster of the primary is killed: its own sidecar has no database, and goes on.
my $old = $cluster->leader;
my $term = $old->lease_status->{term};
judge('killed', under_writers('killed', [ $cluster->nodes ],
		sub {
			$old->supervisor_off;
			$old->kill_postmaster;
		}));
my $leader = $cluster->wait_for_leader;
isnt($leader->name, $old->name, 'killed: another node is the primary');
cmp_ok($leader->lease_status->{term}, '>', $term, 'killed: in a new term');
$old->start;
$cluster->wait_streaming(nodes => [ $cluster->nodes ], timeout => 60);

# The server of the primary is frozen, with connections of every sidecar; sidecars live on.
my $frozen = $cluster->wait_for_leader;
my %sidecars = map { $_ => 1 } $frozen->processes(qr/multiregiond/);
my @stopped;
judge('frozen', under_writers('frozen', [ $cluster->nodes ],
		sub {
			@stopped = grep { !$sidecars{$_} } MultiRegion::Process::processes_in($frozen->directory);
			kill 'STOP', @stopped;
		}));
kill 'CONT', @stopped;
isnt($cluster->wait_for_leader->name, $frozen->name, 'frozen: another node is the primary');
$cluster->wait_streaming(nodes => [ $cluster->nodes ], timeout => 60);

foreach my $node ($cluster->nodes)
{
	is(MultiRegion::Sidecar::findings_in($node->sidecar_log), '', $node->name . ': the sanitizers found nothing');
	is(join(' ', $node->processes(qr/multiregiond/)), $sidecar_of{ $node->name }, $node->name . ': still the same sidecar');
}

done_testing();
