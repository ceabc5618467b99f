# Tokens across changes of the primary: a wait that meets a promotion, a commit that a
# failover has lost, and switchover() called on its own target, whose snapshot must not hold
# up what the target has to replay. Method: three regions, a planned and an unplanned change.
use strict;
use warnings;

use FindBin;
use Test::More;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use lib "$FindBin::Bin/lib";
use MultiRegion::Cluster;
use MultiRegion::Rejoin qw(row_of);
use MultiRegion::Token qw(make_token token_parts);

my $cluster = MultiRegion::Cluster->new(regions => 3, links => 1,
	settings => { max_standby_streaming_delay => '60s' },
	policy => { failback => 'off', health_check_interval => '1s' });
$cluster->start;
my $primary = $cluster->settle;
my ($target, $third) = grep { $_ != $primary } $cluster->nodes;

# A session of the primary, and the token of a commit of it.
sub write_one
{
	my ($sql) = @_;
	my $session = $primary->session(options => '-c multiregion.report_token=on');
	my $result = $session->query($sql);
	die "$sql: $result->{message}" if defined $result->{sqlstate};
	return $session->parameter('multiregion.session_token');
}

sub wait_at
{
	my ($node, $token) = @_;
	my $session = $node->session;
	$session->send("SELECT wait_for_token('$token', '30 s')");
	return $session;
}

sub answer { return $_[0]->receive(timeout => 40)->{rows}[0][0] // 'none' }

# --- a planned change, with waits under way ----------------------------------------------------

my $before = write_one('CREATE TABLE note (id int); INSERT INTO note SELECT generate_series(1, 500)');
my %parts = token_parts($before);
my $unwritten = make_token(%parts, lsn => $parts{lsn} + 0x10000000);
my $next = make_token(%parts, timeline => $parts{timeline} + 1, lsn => $parts{lsn} + 0x100);
$cluster->wait_caught_up;
my @lost = map { wait_at($_, $unwritten) } $target, $third;
my @coming = map { wait_at($_, $next) } $target, $third;

# The order is given, the primary's lease worker does not get to it; meanwhile rows that the
# target's session could still see are vacuumed away.
$primary->freeze_workers(qr/multiregion lease/);
my $asking = $target->session;
$asking->send(sprintf q{SELECT * FROM switchover('%s', wait => '20 s')}, $target->name);
$cluster->poll_until(
	sub { $target->value(q{SELECT count(*) FROM pg_stat_activity WHERE query ~ 'switchover' AND state = 'active' AND pid <> pg_backend_pid()}) == 1 },
	10, 'the order to be given');
$primary->safe_psql('DELETE FROM note WHERE id > 10');
$primary->safe_psql('VACUUM note');
$primary->thaw_workers;
my $result = $asking->receive(timeout => 40);
is($result->{sqlstate} // 'none', 'none', 'a switchover that is asked for at its target succeeds') or diag($result->{message});
my $old = $primary;
$primary = $cluster->wait_for_leader(not => $old);
is($primary->name, $target->name, 'it leads');
is(answer($_), 'diverged', 'a wait for what was never written ends as diverged') foreach @lost;
is(answer($coming[0]), 'not in recovery', 'a wait for the next timeline ends with the promotion');
is(answer($coming[1]), 'success', 'and on a standby when it follows');
is($primary->value("SELECT wait_for_token('$before')"), 'not in recovery', 'commits from before are there');
is($third->value("SELECT wait_for_token('$before')"), 'success', 'on the standby as well');

# --- global reads follow ------------------------------------------------------------------------

my $reader = $third->session(options => '-c multiregion.read_consistency=global');
write_one('INSERT INTO note VALUES (2000)');
is($reader->value('SELECT max(id) FROM note'), 2000, 'global reads ask the new primary');
$cluster->settle;

# --- an unplanned one that loses a commit --------------------------------------------------------

write_one('INSERT INTO note VALUES (3000)');
my $kept = write_one('INSERT INTO note VALUES (3001)');
$cluster->wait_caught_up;
$cluster->cut($primary);
my $gone = write_one('INSERT INTO note VALUES (3002)');
my $waits = wait_at($third, $gone);
$old = $primary;
$primary = $cluster->wait_for_leader(not => $old, timeout => 30);
my ($standby) = grep { $_ != $old && $_ != $primary } $cluster->nodes;
$cluster->wait_streaming(nodes => [$standby]);
is(answer($waits), 'diverged', 'a wait for the commit that was lost ends');
is($_->value("SELECT wait_for_token('$gone')"), 'diverged', $_->name . ' knows that it is lost') foreach $primary, $standby;
is($_->value("SELECT token_reached('$kept')"), 't', $_->name . ' has what was replicated') foreach $primary, $standby;
$result = $standby->query("SET multiregion.wait_for = '$gone'");
is($result->{sqlstate}, 'MR002', 'SET says so by an error of its own');
like($result->{detail}, qr/a failover has lost it/, 'in words');
is($primary->query("SET multiregion.wait_for = '$gone'")->{sqlstate}, 'MR002', 'also on the primary');
$reader = $standby->session(options => "-c multiregion.read_consistency=session -c multiregion.wait_for=$gone");
is($reader->query('SELECT 1')->{sqlstate}, 'MR002', 'and so do reads of a session that must see it');
$reader->query('SET multiregion.on_timeout = stale');
is($reader->query('SELECT 1')->{sqlstate}, 'MR002', 'whatever it does about stale ones');
$cluster->heal($old);
$cluster->settle;

done_testing();
