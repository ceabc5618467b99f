# A query on a standby that replay waits for, without end (max_standby_streaming_delay = -1),
# does not keep the service down when that standby is elected: its session is ended. Method:
# failover is paused for the other standby, so that the one with the query must lead.
use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use MultiRegion::Cluster;

my $cluster = MultiRegion::Cluster->new(regions => 3,
	settings => { max_standby_streaming_delay => '-1', hot_standby_feedback => 'off' });
$cluster->start;

# Replay of what this writes waits for a session that is in a transaction since before.
my %conflicts = (
	lock => sub { my ($leader) = @_; $leader->safe_psql('DROP TABLE work; CREATE TABLE work AS SELECT generate_series(1, 100) AS id'); },
	snapshot => sub { my ($leader) = @_; $leader->safe_psql('DELETE FROM work'); $leader->safe_psql('VACUUM work'); });

foreach my $kind (sort keys %conflicts)
{
	my $old = $cluster->wait_for_leader;
	my ($next, $other) = grep { $_ != $old } $cluster->nodes;
	$old->safe_psql('DROP TABLE IF EXISTS work; CREATE TABLE work AS SELECT generate_series(1, 100) AS id');
	$cluster->configure(sprintf q{SELECT pause_failover('10 min', node => '%s')}, $other->name);
	$cluster->wait_caught_up;
	my ($reader, $idle) = map { $next->session or die 'no session' } 1 .. 2;
	$reader->query('BEGIN ISOLATION LEVEL REPEATABLE READ');
	$reader->query('SELECT count(*) FROM work');
	$idle->query('SELECT count(*) FROM work');
	$conflicts{$kind}->($old);
	$old->safe_psql('CREATE TABLE IF NOT EXISTS later (id int)');
	$cluster->poll_until(
		sub {
			($next->value(q{SELECT pg_last_wal_receive_lsn() > pg_last_wal_replay_lsn()}) // '') eq 't'
				&& $next->value('SELECT pg_last_wal_receive_lsn()') eq $old->value('SELECT pg_current_wal_flush_lsn()');
		}, 30, "$kind: all is there, and replay waits");
	is($reader->query('SELECT 1')->{rows}[0][0], 1, "$kind: a query holds replay up on a standby");
	my $from = $next->log_size;
	$old->kill_all;
	is($cluster->wait_for_leader(not => $old, timeout => 20), $next, "$kind: the standby is elected, and leads");
	ok($reader->query('SELECT 1')->{lost}, "$kind: the session of the query was ended");
	is($idle->query('SELECT 1')->{rows}[0][0], 1, "$kind: one that held nothing was not");
	like($next->log_text($from), qr/ended the transactions of \d+ session/, "$kind: the log says so");
	$old->start;
	$cluster->wait_complete(60);
	$next->safe_psql(sprintf q{SELECT resume_failover(node => '%s')}, $other->name);
}
done_testing();
