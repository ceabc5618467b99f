# Connections for an election are there before it: each node keeps one to every voter, makes
# a lost one anew, and does not keep a server from a smart shutdown by it. Method: the
# sessions of lease workers, as the servers show them.
use strict;
use warnings;

use FindBin;
use Test::More;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use lib "$FindBin::Bin/lib";
use MultiRegion::Cluster;
use MultiRegion::Process qw(is_alive);

my $cluster = MultiRegion::Cluster->new(settings => { log_connections => 'on' });
$cluster->start;

my $sessions_sql = q{SELECT count(*) FROM pg_stat_activity WHERE application_name = 'multiregion lease'}
	. q{ AND backend_type = 'client backend'};

sub wait_for_sessions
{
	my ($what, $count, @nodes) = @_;

	foreach my $node (@nodes)
	{
		$cluster->poll_until(sub { ($node->value($sessions_sql) // '') eq $count }, 20,
			"$count sessions of lease workers at " . $node->name);
		pass("$what: both others are connected to " . $node->name);
	}
	return;
}

wait_for_sessions('at rest', 2, $cluster->nodes);
my $term = $cluster->term;
$_->safe_psql(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'multiregion lease'}
		. q{ AND backend_type = 'client backend'}) foreach $cluster->nodes;
wait_for_sessions('after their end', 2, $cluster->nodes);
is($cluster->term, $term, 'the leader stays');

# An election asks on connections that are there.
my $old = $cluster->wait_for_leader;
my @others = grep { $_ != $old } $cluster->nodes;
my %from = map { $_->name => $_->log_size } @others;
$old->kill_all;
my $new = $cluster->wait_for_leader(not => $old);
foreach my $node (@others)
{
	my ($before) = split /event leader_changed|event lease_acquired/, $node->log_text($from{ $node->name });
	unlike($before, qr/connection authorized: .* application_name=multiregion lease/,
		'nobody had to connect to ' . $node->name . ' to be elected');
}
$old->start;
$cluster->wait_complete(60);
wait_for_sessions('after the election', 2, $cluster->nodes);

# The silent ones among them do not keep a server from ending.
my ($standby) = grep { $_ != $new && $_ != $old } $cluster->nodes;
$standby->supervisor_off;
delete $standby->{session};
my $begin = clock_gettime(CLOCK_MONOTONIC);
my $pid = $standby->signal_stop('smart');
$cluster->poll_until(sub { !is_alive($pid) }, 30, 'the smart shutdown');
cmp_ok(clock_gettime(CLOCK_MONOTONIC) - $begin, '<', 10, 'a smart shutdown of a standby ends');
is($cluster->term, $new->lease_status->{term}, 'and changes no primary');
$standby->start;
$cluster->wait_complete(60);
wait_for_sessions('after its return', 2, $cluster->nodes);

done_testing();
