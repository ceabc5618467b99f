# A running standby whose WAL its primary has removed. Proves that it is noticed and
# recorded, that the server goes on where it may not be cloned, and stops and comes back as
# a clone where it may. Method: one standby is kept from streaming until its slot is lost, twice.
use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use MultiRegion::Cluster;
use MultiRegion::Rejoin qw(add_environment walsender_of);

my $cluster = MultiRegion::Cluster->new(
	regions => 3,
	policy => { health_check_interval => '1s', health_retry_interval => '200ms' });
$cluster->start;
my ($leader, $other, $late) = $cluster->nodes;
is($cluster->wait_for_leader, $leader, 'the first node leads');
$leader->safe_psql('CREATE TABLE work (id serial PRIMARY KEY)');
$cluster->wait_caught_up;

# Keeps the last node from streaming until the primary has removed what it needs next.
sub lose_wal
{
	my $needed = $leader->value('SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 9)');
	my $oldest = q{SELECT min(substr(name, 9)) FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$'};

	# only now: a clone under way must not lose its WAL
	$leader->safe_psql("ALTER SYSTEM SET $_") foreach q{max_slot_wal_keep_size = '16MB'}, 'wal_keep_size = 0',
		q{min_wal_size = '32MB'}, q{max_wal_size = '32MB'};
	$leader->safe_psql('SELECT pg_reload_conf()');
	# its stream ends, and no new one is let in; freezing it would leave a walsender that
	# cannot end while its socket is full
	$leader->safe_psql('ALTER ROLE multiregion_peer NOREPLICATION');
	$leader->safe_psql('SELECT pg_terminate_backend(' . walsender_of($leader, $late) . ')');
	foreach my $round (1 .. 5)
	{
		my $lsn = $leader->safe_psql('INSERT INTO work DEFAULT VALUES; SELECT pg_current_wal_flush_lsn()')
			=~ s/.*\n//sr;
		$leader->safe_psql('SELECT pg_switch_wal()');
		# the other one must not be left behind as well
		$cluster->poll_until(
			sub { ($other->value("SELECT pg_last_wal_replay_lsn() >= '$lsn'") // '') eq 't' }, 30, 'n2');
	}
	$cluster->poll_until(
		sub { $leader->query('CHECKPOINT', timeout => 60); ($leader->value($oldest) // '') gt $needed }, 90,
		'the WAL to go');
	$leader->safe_psql("ALTER SYSTEM RESET $_")
		foreach qw(max_slot_wal_keep_size wal_keep_size min_wal_size max_wal_size);
	$leader->safe_psql('SELECT pg_reload_conf()');
	$leader->safe_psql('ALTER ROLE multiregion_peer REPLICATION');
	return;
}

sub events { return $leader->value(q{SELECT count(*) FROM multiregion.events WHERE kind = 'wal_gone'}) // 0 }

lose_wal();
$cluster->poll_until(sub { events() == 1 }, 60, 'the event');
pass('the loss is recorded on the primary');
like($leader->value(q{SELECT detail FROM multiregion.events WHERE kind = 'wal_gone'}), qr/--reclone=auto/,
	'with what to do');
is($late->value('SHOW multiregion.reclone'), 'ask', 'it may not be cloned by itself');
my $pid = $late->postmaster;
$cluster->poll_until(
	sub { (() = $late->log_text =~ /has already been removed/g) >= 8 }, 60, 'more attempts');
is($late->postmaster, $pid, 'so it goes on');
is($late->value('SELECT count(*) >= 0 FROM work'), 't', 'and answers reads');

# Allowed now: its next start clones it at once, so it has to lose its WAL while it runs.
$late->stop;
add_environment($late, 'MULTIREGION_RECLONE', 'auto');
my $from = $late->log_size;
$late->start;
$late->wait_for_log(qr/cloned from/, from => $from, timeout => 60);
$cluster->wait_streaming(nodes => [$late], timeout => 60);
$cluster->wait_caught_up;
is($late->value('SHOW multiregion.reclone'), 'auto', 'now it may be cloned');
$from = $late->log_size;
lose_wal();
$late->wait_for_log(qr/cloned from/, from => $from, timeout => 90);
my $log = $late->log_text($from);
like($log, qr/removed WAL that this standby needs/, 'it notices');
like($log, qr/received fast shutdown request/, 'stops');
like($log, qr/cloning; rule wal_gone/, 'and is cloned');
$cluster->wait_streaming(nodes => [$late], timeout => 60);
$cluster->wait_caught_up;
is($late->value('SELECT count(*) FROM work'), $leader->value('SELECT count(*) FROM work'), 'it has everything again');
$cluster->stop;

done_testing();
