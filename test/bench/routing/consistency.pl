# Reading on a standby what was just written on the primary. Without fsync: it is not the disks
# that are measured.
#
#   wait_p95        from SET multiregion.wait_for to its answer, right after the commit, as the
#                   client sees it; the 95th of 100
#   wait_p50        the same, the median
#   answer_p50      what the same client takes for a SET that waits for nothing
#   poll_p95        wait_p95 with multiregion.replay_wakeup = poll
#   report_token    what multiregion.report_token adds to a commit
#   stale_session   reads that missed the write before them, of 20,000 pairs, half with SET
#                   multiregion.wait_for, half with read_consistency = session
#   stale_eventual  the same without a token: the control
use strict;
use warnings;

my $pairs = 20_000;
my $value = 0;

sub write_one
{
	my ($writer) = @_;
	$writer->query('UPDATE bench.counter SET value = ' . ++$value);
	return $writer->parameter('multiregion.session_token');
}

sub percentile
{
	my ($share, @values) = @_;
	my @sorted = sort { $a <=> $b } @values;
	return $sorted[ int($share * $#sorted) ];
}

# Milliseconds of so many waits, each for a commit that was acknowledged just now.
sub waits
{
	my ($bench, $writer, $reader) = @_;
	my @times;

	for (1 .. 2000)
	{
		my $token = write_one($writer);
		push @times, 1000 * $bench->seconds($reader, "SET multiregion.wait_for = '$token'");
	}
	return @times;
}

sub stale
{
	my ($writer, $count, $read) = @_;
	my $stale = 0;

	for (1 .. $count)
	{
		my $token = write_one($writer);
		my $result = $read->($token);
		die $result->{message} if defined $result->{sqlstate};
		$stale++ if $result->{rows}[-1][0] != $value;
	}
	return $stale;
}

sub set_on
{
	my ($node, $name, $value, $session) = @_;

	$node->safe_psql("ALTER SYSTEM SET $name = '$value'");
	$node->safe_psql('SELECT pg_reload_conf()');
	$node->{cluster}->poll_until(sub { $session->value("SHOW $name") eq $value }, 10, "$name = $value");
	return;
}

# Microseconds that a commit takes longer; of many, taken in turns.
sub cost_of_report
{
	my ($bench, $writer) = @_;
	my %times;

	foreach my $report (map { ('off', 'on') } 1 .. 20)
	{
		$writer->query("SET multiregion.report_token = $report; SET synchronous_commit = off");
		push @{ $times{$report} }, map { $bench->seconds($writer, 'UPDATE bench.counter SET value = value') } 1 .. 500;
	}
	$writer->query('RESET synchronous_commit; SET multiregion.report_token = on');
	return 1e6 * ($bench->median(@{ $times{on} }) - $bench->median(@{ $times{off} }));
}

sub {
	my ($bench) = @_;
	my $primary = $bench->primary;
	my (@waits, @polls, @p95, @p50, @answers);

	$primary->safe_psql('CREATE SCHEMA IF NOT EXISTS bench; CREATE TABLE bench.counter (value int);'
			. ' INSERT INTO bench.counter VALUES (0)');
	$bench->cluster->wait_caught_up;
	my ($writer, $reader) = ($bench->session($primary), $bench->session($bench->standby));
	set_on($primary, 'fsync', 'off', $writer);
	set_on($bench->standby, 'fsync', 'off', $reader);
	$writer->query('SET multiregion.report_token = on');
	for (1 .. $bench->runs)
	{
		@waits = waits($bench, $writer, $reader);
		push @p95, percentile(0.95, @waits);
		push @p50, percentile(0.5, @waits);
		push @answers, percentile(0.5, map { 1000 * $bench->seconds($reader, "SET multiregion.wait_for = ''") } 1 .. 2000);
	}
	set_on($bench->standby, 'multiregion.replay_wakeup', 'poll', $reader);
	push @polls, percentile(0.95, waits($bench, $writer, $reader)) for 1 .. $bench->runs;
	set_on($bench->standby, 'multiregion.replay_wakeup', 'auto', $reader);
	$bench->report('wait_p95', 'ms', '%.3f', @p95);
	$bench->report('wait_p50', 'ms', '%.3f', @p50);
	$bench->report('answer_p50', 'ms', '%.3f', @answers);
	$bench->report('poll_p95', 'ms', '%.3f', @polls);
	$bench->report('report_token', 'us', '%.1f', map { cost_of_report($bench, $writer) } 1 .. $bench->runs);

	my $session = stale($writer, $pairs / 2, sub { $reader->query("SET multiregion.wait_for = '$_[0]'; SELECT value FROM bench.counter") });
	$reader->query('SET multiregion.read_consistency = session');
	$session += stale($writer, $pairs / 2, sub {
		$reader->query("SELECT set_config('multiregion.wait_for', '$_[0]', false)");
		$reader->query('SELECT value FROM bench.counter');
	});
	$reader->query('RESET ALL');
	$bench->report('stale_session', 'reads', '%d', $session);
	$bench->report('stale_eventual', 'reads', '%d', stale($writer, $pairs, sub { $reader->query('SELECT value FROM bench.counter') }));
	set_on($primary, 'fsync', 'on', $writer);
	set_on($bench->standby, 'fsync', 'on', $reader);
	return;
};
