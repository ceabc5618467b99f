# The mode of a running cluster: manage -> observe -> off -> manage, several times, with
# writers on every node. No server is restarted, no write fails, and what observes is a
# plain PostgreSQL: no marker, nothing fenced, nobody promoted, streams that find their
# primary by themselves. Back in "manage" a failover works as ever.
use strict;
use warnings;

use FindBin;
use Test::More;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use lib "$FindBin::Bin/lib";
use MultiRegion::Cluster;
use MultiRegion::Probe;
use MultiRegion::Process qw(kill_directory);

my $program = $ENV{MR_PROBE} // ($ENV{MR_TOP} // "$FindBin::Bin/../..") . '/build/test/probe.bin';
my $cluster = MultiRegion::Cluster->new(policy => { failback => 'off' });
$cluster->start;
my $leader = $cluster->wait_for_leader;
MultiRegion::Probe->make_table($leader);
my @nodes = $cluster->nodes;
my @standbys = grep { $_ != $leader } @nodes;
my %postmaster = map { $_->name => $_->postmaster } @nodes;

sub now { return clock_gettime(CLOCK_MONOTONIC) }
sub marker { return $_[0]->data . '/multiregion.managed' }

sub modes { return join ' ', map { ($_->lease_status // {})->{mode} // '?' } @nodes }

# Sets a mode and waits until every node is in it; returns how long that took.
sub set_mode
{
	my ($mode) = @_;
	my $begin = now();
	my $result;
	# On a busy machine a member may not have heard of the last change yet.
	$cluster->poll_until(
		sub {
			$result = $leader->query("SELECT multiregion.set_mode('$mode', 'test')");
			!defined $result->{sqlstate} || $result->{message} !~ /is not ready to be managed/;
		}, 20, "set_mode('$mode') to be possible");
	is(($result->{rows} // [])->[0][0], $mode, "set_mode('$mode')") or diag($result->{message});
	$cluster->poll_until(sub { modes() eq join ' ', ($mode) x @nodes }, 20, "mode $mode everywhere");
	return now() - $begin;
}

# --- back and forth under load -----------------------------------------------------------

my $probe = MultiRegion::Probe->start($cluster, $program);
foreach my $round (1 .. 3)
{
	my $count = scalar $probe->log->read_on->acks;
	note(sprintf 'manage -> observe took %.3f s', set_mode('observe'));
	is(scalar(grep { -e marker($_) } @nodes), 0, 'no observer is marked');
	is($leader->lease_status->{writable}, 't', 'the primary writes');
	is(scalar(grep { $_->lease_status->{fenced} eq 'f' } @nodes), 3, 'nothing is fenced');
	set_mode('off') if $round == 2;
	$cluster->poll_until(sub { scalar $probe->log->read_on->acks > $count + 50 }, 20, 'writes to go on');
	note(sprintf 'back to manage took %.3f s', set_mode('manage'));
	is(scalar(grep { -e marker($_) } @nodes), 3, 'every member is marked again');
	$cluster->wait_streaming;
	is($leader->lease_status->{writable}, 't', 'the primary writes');
}
my $log = $probe->stop;
my @acks = grep { $_->{node} eq $leader->name } $log->acks;
is(scalar @acks, scalar $log->acks, 'only the primary ever acknowledged');
is(scalar(grep { $_->{node} eq $leader->name } @{ $log->{errors} }), 0, 'and refused nothing');
is($log->{connected}{ $leader->name } < $acks[0]{at}, 1, 'its writers kept their connection');
is(scalar $log->lost($leader), 0, 'no acknowledged row is lost');
my ($gap) = sort { $b <=> $a } map { $acks[$_]{at} - $acks[ $_ - 1 ]{at} } 1 .. $#acks;
note(sprintf 'longest time without an acknowledgement: %.3f s, %d acknowledgements', $gap, scalar @acks);
cmp_ok($gap, '<', 1, 'writes were never interrupted for long');
is_deeply({ map { $_->name => $_->postmaster } @nodes }, \%postmaster, 'no server was restarted');

# --- the primary dies while all observe ------------------------------------------------------

set_mode('observe');
# Who asks the members whether they are ready keeps nobody else from the policy meanwhile.
my $asks = $leader->session;
$standbys[0]->freeze;
$asks->send(q{SELECT multiregion.set_policy('mode', 'manage')});
$cluster->poll_until(sub { $leader->value('SELECT wait_event_type FROM pg_stat_activity WHERE pid = ' . $asks->pid) }, 10, 'it to ask');
my ($set, $at) = split /,/, $leader->value(q{SELECT multiregion.set_policy('failback_delay', '4min') || ',' || clock_timestamp()}, timeout => 1);
is($set, '240000', 'another policy is set at once');
is($leader->value("SELECT state = 'active' OR state_change > '$at' FROM pg_stat_activity WHERE pid = " . $asks->pid), 't', 'before the answer is there');
is($asks->receive(timeout => 20)->{sqlstate}, '55000', 'who does not answer is not ready');
$standbys[0]->thaw;
$cluster->poll_until(sub { modes() eq join ' ', ('observe') x @nodes }, 20, 'everybody again');
my %before = map { $_->name => $_->log_size } @standbys;
$leader->kill_all;
$cluster->poll_until(
	sub { grep { $_->log_text($before{ $_->name }) =~ /event would_fail_over/ } @standbys },
	20, 'an observer to say that it would have taken over');
is(scalar(grep { ($_->value('SELECT pg_is_in_recovery()') // '') eq 't' } @standbys), 2,
	'but nobody was promoted');
$leader->start;
$cluster->poll_until(sub { $leader->is_writable }, 20, 'the primary to be back');
ok(!-e marker($leader), 'multiregion-join has left it alone');
$cluster->poll_until(
	sub { ($leader->value(q{SELECT count(DISTINCT kind) FROM multiregion.event
		WHERE kind IN ('would_fail_over', 'observed_failover')}) // 0) == 2 },
	40, 'both to be recorded');
# Observers give no votes that would bind them: two that ask in the same instant both win.
is($leader->safe_psql(q{SELECT count(*) IN (1, 2), count(*) = count(DISTINCT subject), bool_or(subject = '} . $leader->name . q{')
	FROM multiregion.event WHERE kind = 'would_fail_over'}), 't|t|f', 'a standby would have been promoted');
is($leader->safe_psql(q{SELECT DISTINCT subject FROM multiregion.event WHERE kind = 'observed_failover'}),
	$leader->name, 'and the same node was primary again');
note($leader->safe_psql(q{SELECT detail FROM multiregion.event WHERE kind IN ('would_fail_over', 'observed_failover')}));
$cluster->wait_streaming;

# --- and "manage" is as it was --------------------------------------------------------------------

my ($slow, $other) = @standbys;
$slow->kill_all;
$cluster->poll_until(
	sub { ($leader->value(q{SELECT heard_ms > 2000 FROM multiregion.member_status() WHERE node_name = '}
		. $slow->name . q{'}) // '') eq 't' }, 20, 'the primary to miss a member');
my $refusal = $leader->query(q{SELECT multiregion.set_mode('manage')});
is($refusal->{sqlstate}, '55000', 'not into manage without every member');
like($refusal->{message}, qr/"\Q@{[ $slow->name ]}\E" is not ready/, 'which is named');
$slow->start;
$cluster->poll_until(
	sub { !defined $leader->query(q{SELECT multiregion.set_mode('manage')})->{sqlstate} }, 30,
	'the members to be ready');
$cluster->poll_until(sub { modes() eq 'manage manage manage' }, 20, 'mode manage everywhere');
$cluster->wait_complete(60);
$leader->kill_all;
my $next = $cluster->wait_for_leader(not => $leader);
isnt($next->name, $leader->name, 'a failover works again');
$leader->start;
$leader = $next;
$cluster->wait_complete(60);

# --- a former primary does not come out of its fence by the others' decision ------------------------

my ($old) = ($leader);
$old->supervisor_off;
$old->freeze;
$leader = $cluster->wait_for_leader(not => $old, timeout => 30);
$leader->safe_psql(q{SELECT multiregion.set_mode('observe')});
$cluster->poll_until(
	sub { (grep { $_ != $old && ($_->lease_status // {})->{mode} eq 'observe' } @nodes) == 2 },
	20, 'the others to observe');
$old->thaw;
my $refused = 0;
$cluster->poll_until(
	sub {
		my $result = $old->query('INSERT INTO bench.probe VALUES (-1)', timeout => 2);
		die 'a former primary acknowledged a write' if $result->{ready} && !defined $result->{sqlstate};
		$refused++ if ($result->{sqlstate} // '') eq '25006';
		!$old->postmaster;
	}, 30, 'the former primary to stop for its rejoin');
ok(-e marker($old), 'it stays marked');
$old->start;
$cluster->poll_until(sub { ($old->lease_status // {})->{mode} eq 'observe' && !-e marker($old) }, 60,
	'it to observe too, once it is a standby');
is($old->value('SELECT pg_is_in_recovery()'), 't', 'rewound, it is a standby and observes');
done_testing();
