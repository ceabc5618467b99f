# A service manager that tidies up after a killed postmaster sends SIGTERM to its lease
# worker, perhaps before that has noticed the death: the last gasp must take place all
# the same. And what was acknowledged in the last moments must not be missing there. Method:
# the worker is frozen while both happen.
use strict;
use warnings;

use FindBin;
use Test::More;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use lib "$FindBin::Bin/lib";
use MultiRegion::Cluster;
use MultiRegion::Process qw(is_alive);
use MultiRegion::Rejoin qw(row_of);

my $cluster = MultiRegion::Cluster->new;
$cluster->start;
my $old = $cluster->wait_for_leader;

$cluster->wait_caught_up;
$old->supervisor_off;
my @workers = $old->freeze_workers(qr/lease/);
is(scalar @workers, 1, 'one lease worker');
$old->kill_postmaster;
kill 'TERM', @workers;
$old->thaw_workers;
my $new = $cluster->wait_for_leader(not => $old);
my $term = $new->lease_status->{term};
my $failover = $cluster->poll_until(
	sub {
		my $row = row_of($new->session, "SELECT * FROM multiregion.failovers WHERE epoch = $term");
		return $row->{cause} ? $row : undef;
	}, 20, 'the failover to be recorded');
is($failover->{cause}, 'primary_crash', 'the lease was handed over');

# --- a commit that is acknowledged after the postmaster's death ------------------------------

$old->start;
$cluster->wait_complete(60);
$new->supervisor_off;
$new->safe_psql('CREATE TABLE last_words (i int)');
$cluster->wait_caught_up;
my @senders = $new->processes(qr/^postgres: (?:\S+: )?walsender/);
is(scalar @senders, 2, 'two streams');

# It lasts until a file is gone, and is not interrupted by the death before it ends.
my $hold = $new->data . '/hold';
open(my $file, '>', $hold) or die "$hold: $!";
close $file;
my $session = $new->session;
$session->send(q{DO $$ BEGIN INSERT INTO last_words VALUES (1);
	WHILE (pg_stat_file('hold', true)).size IS NOT NULL LOOP END LOOP; END $$});
$cluster->poll_until(
	sub { $new->value(q{SELECT count(*) FROM pg_locks WHERE relation = 'last_words'::regclass}) > 0 }, 20, 'the row');
@workers = $new->freeze_workers(qr/lease/);
$new->kill_postmaster;
# PostgreSQL's own end at once; ours wait a little for more
my $until = clock_gettime(CLOCK_MONOTONIC) + 0.03;
while (clock_gettime(CLOCK_MONOTONIC) < $until && grep { is_alive($_) } @senders) { }
unlink $hold or die "$hold: $!";
my $answer = $session->receive(timeout => 20);
$new->thaw_workers;
is($answer->{message}, undef, 'it was acknowledged');
my $next = $cluster->wait_for_leader(not => $new);
is($next->safe_psql('SELECT count(*) FROM last_words'), 1, 'and its bytes have arrived');
$cluster->poll_until(
	sub { ($next->value(q{SELECT cause FROM multiregion.failovers ORDER BY epoch DESC LIMIT 1}) // '') eq 'primary_crash' },
	20, 'the failover to be recorded');
pass('where the lease was handed over to');

# --- a standby that is far behind --------------------------------------------------------------

# It gets what its socket takes: what it lacks is neither waited for nor read into memory.
$new->start;
$cluster->wait_complete(60);
$next = $cluster->wait_for_leader;
my ($slow) = grep { $_ != $next } $cluster->nodes;
kill 'STOP', $slow->processes(qr/^postgres: (?:\S+: )?walreceiver/);
$next->safe_psql(q{SELECT count(pg_logical_emit_message(false, 'x', repeat('x', 1000000))) FROM generate_series(1, 200)});
my $sender = $next->value(q{SELECT pid FROM pg_stat_replication ORDER BY sent_lsn LIMIT 1});
ok($next->value(q{SELECT pg_current_wal_lsn() - min(sent_lsn) > 100000000 FROM pg_stat_replication}) eq 't', 'it is far behind');
$next->supervisor_off;
$next->kill_postmaster;
my $most_kb = 0;
$until = clock_gettime(CLOCK_MONOTONIC) + 20;
while (is_alive($sender) && clock_gettime(CLOCK_MONOTONIC) < $until)
{
	open(my $status, '<', "/proc/$sender/status") or last;
	my ($kb) = map { /^RssAnon:\s+(\d+)/ ? $1 : () } <$status>;
	$most_kb = $kb if ($kb // 0) > $most_kb;
}
ok(!is_alive($sender), 'its walsender ends');
cmp_ok($most_kb, '<', 50000, 'with what it has sent in memory, not with what it has not');
$slow->thaw;

done_testing();
