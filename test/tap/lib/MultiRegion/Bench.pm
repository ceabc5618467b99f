# What the cases of "make bench-routing" share: a small cluster with a million tenants, times
# of a call, lines of results.
#
#   my $bench = MultiRegion::Bench->new(runs => 5);
#   my $session = $bench->session($bench->primary);
#   $bench->report('name', 'us', '%.3f', map { $bench->per_call($session, 'f(id)') } 1 .. $bench->runs);
#
# All of it is made when it is asked for first. The cluster has a primary and a standby, and
# room for all tenants in the cache (128 MB).
package MultiRegion::Bench;

use strict;
use warnings;

use parent 'MultiRegion::BenchRun';

use MultiRegion::Cluster;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

our $tenants = 1_000_000;

sub now { return clock_gettime(CLOCK_MONOTONIC) }

sub cluster
{
	my ($self) = @_;

	return $self->{cluster} if $self->{cluster};
	$self->tell_progress('making a cluster');
	$self->{cluster} = MultiRegion::Cluster->new(regions => 2, policy => { failback => 'off' },
		settings => { shared_buffers => '512MB', max_wal_size => '4GB', autovacuum => 'off',
			'multiregion.tenant_cache_size' => '128MB' });
	return $self->{cluster}->start;
}

sub primary { return $_[0]->cluster->wait_for_leader }

sub standby
{
	my ($self) = @_;
	my $primary = $self->primary;
	my ($standby) = grep { $_ != $primary } $self->cluster->nodes;
	return $standby;
}

# The tenants t1 ... t1000000, half of them at home in each region; on both nodes.
sub million_tenants
{
	my ($self) = @_;

	return if $self->{has_tenants}++;
	my $primary = $self->primary;
	$self->tell_progress("making $tenants tenants");
	$primary->query(qq{INSERT INTO multiregion.tenant (tenant_id, region_key, version, changed_by)
		SELECT 't' || i, CASE i % 2 WHEN 0 THEN 'US_EAST' ELSE 'EU_WEST' END, 1, 'bench'
		FROM generate_series(1, $tenants) AS i}, timeout => 300);
	$primary->query('VACUUM ANALYZE multiregion.tenant', timeout => 120);
	$self->cluster->wait_caught_up(timeout => 120);
	return;
}

# A connection for measuring: one process does the work, as planned.
sub session
{
	my ($self, $node) = @_;
	my $session = $node->session(timeout => 5) or die 'no connection';

	$session->query("SET $_") foreach 'jit = off', 'max_parallel_workers_per_gather = 0',
		'work_mem = 256MB', 'statement_timeout = 0';
	return $session;
}

sub seconds
{
	my ($self, $session, $sql) = @_;
	my $start = now();
	my $result = $session->query($sql, timeout => 600);

	die "$result->{message}\n  in: $sql\n" if defined $result->{sqlstate} || !$result->{ready};
	return now() - $start;
}

# Processor seconds the session's backend has had; on a quiet machine its work takes no longer.
sub processor
{
	my ($self, $session) = @_;
	my $pid = $session->pid;

	open(my $file, '<', "/proc/$pid/schedstat") or die "/proc/$pid/schedstat: $!";
	my ($nanoseconds) = <$file> =~ /^(\d+)/;
	return $nanoseconds / 1e9;
}

sub processor_seconds
{
	my ($self, $session, $sql) = @_;
	my $before = $self->processor($session);

	$self->seconds($session, $sql);
	return $self->processor($session) - $before;
}

# Microseconds a call of an expression over id, 't' and a random number of a tenant; less what
# the same loop costs without it. Runs on standbys, too. By the processor's time, so that what
# else the machine does counts for little.
sub per_call
{
	my ($self, $session, $expression, %args) = @_;
	my $calls = $args{calls} // 300_000;
	my $loop = "FROM (SELECT 't' || 1 + (i * 7919::bigint + 104729) % $tenants AS id"
		. " FROM generate_series(1, $calls) AS i OFFSET 0) AS asked";
	my $empty = $self->processor_seconds($session, "SELECT count(id) $loop");
	my $full = $self->processor_seconds($session, "SELECT count($expression) $loop");

	return ($full - $empty) / $calls * 1e6;
}

1;
