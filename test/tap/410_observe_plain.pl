# An observer beside plain streaming replication: servers made by pg_basebackup, no
# supervisor, no multiregion-join, failover by hand with pg_promote(). The members watch
# each other and say what they would have done, when, and what would have been lost; a
# person decides otherwise, and that is recorded too. Nothing is touched: settings, slots,
# signal files, the data directory's list of files. A copy of a data directory is a plain
# server. At last all of them are managed, without a restart.
use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use MultiRegion::Plain;

my $plain = MultiRegion::Plain->new;
$plain->start;
my @nodes = $plain->nodes;
my ($primary, $first, $second) = @nodes;

sub file
{
	my ($path) = @_;
	open(my $file, '<', $path) or return '(none)';
	local $/;
	return <$file> // '';
}

# Everything of a server that an observer might be tempted to touch.
sub picture
{
	my ($node) = @_;
	my $data = $node->data;
	opendir(my $directory, $data) or die "$data: $!";
	my @files = sort grep { !/^(?:\.|postmaster\.(?:pid|opts)|current_logfiles)/ } readdir $directory;
	return {
		files => \@files,
		auto => file("$data/postgresql.auto.conf"),
		conf => file("$data/postgresql.conf"),
		hba => file("$data/pg_hba.conf"),
		slots => $node->safe_psql('SELECT slot_name FROM pg_replication_slots ORDER BY 1'),
		settings => $node->safe_psql(q{SELECT string_agg(name || '=' || setting, ' ' ORDER BY name) FROM pg_settings
			WHERE source <> 'default' AND name !~ '^multiregion' AND name NOT IN ('application_name', 'client_encoding')}),
		standby => -e "$data/standby.signal" ? 1 : 0,
	};
}

my %postmaster = map { $_->name => $_->postmaster } @nodes;
my %before = map { $_->name => picture($_) } @nodes;
my %receiver = map { $_->name => ($_->processes(qr/walreceiver/))[0] } $first, $second;

# --- becoming observers ------------------------------------------------------------------

$plain->observe;
is(join(' ', map { $_->lease_status->{mode} } @nodes), 'observe observe observe', 'all observe');
is(join(' ', map { $_->lease_status->{primary_node} } @nodes), join(' ', ($primary->name) x 3),
	'and know who is primary');
is_deeply(picture($_), $before{ $_->name }, $_->name . ': nothing was touched') foreach @nodes;
is_deeply({ map { $_->name => ($_->processes(qr/walreceiver/))[0] } $first, $second }, \%receiver,
	'the streams go on undisturbed');
is($primary->query('CREATE TABLE t (i int)')->{sqlstate}, undef, 'the primary writes');
is($primary->safe_psql(q{SELECT bool_and(eligible) FROM multiregion.member_status()}), 't',
	'everybody could be promoted');
ok(-e $_->state_directory . '/state', $_->name . ' has an identity, outside of its data directory')
	foreach @nodes;

# --- a copy is a plain server -------------------------------------------------------------

my $copy = $plain->cluster->plan_another('US_EAST');
MultiRegion::Cluster::_run("$plain->{cluster}{bindir}/pg_basebackup", '-c', 'fast', '-D', $copy->data, '-d',
	$primary->connect_string);
$plain->start_server($copy);
is($copy->safe_psql('SELECT managed FROM multiregion.lease_status()'), 'f', 'a copy is no member');
is($copy->query('CREATE TABLE of_copy (i int)')->{sqlstate}, undef, 'and writes as it likes');
$plain->cluster->forget($copy);

# --- the node's own ceiling ----------------------------------------------------------------

foreach my $mode ('off', 'manage')
{
	$primary->safe_psql("ALTER SYSTEM SET multiregion.mode = $mode");
	$primary->safe_psql('SELECT pg_reload_conf()');
	my $expected = $mode eq 'off' ? 'off' : 'observe';
	$plain->poll_until(
		sub {
			my $result = $primary->query('INSERT INTO t VALUES (-1)');
			die "an observer refused a write: $result->{message}" if defined $result->{sqlstate};
			($primary->lease_status // {})->{mode} eq $expected;
		}, 20, "the primary to be in mode $expected");
	pass("multiregion.mode = $mode: mode $expected, and every write goes through");
}
$primary->safe_psql('ALTER SYSTEM RESET multiregion.mode');
$primary->safe_psql('SELECT pg_reload_conf()');
$plain->wait_observed($primary);
$before{ $primary->name } = picture($primary);

# --- a restart of a standby and of the primary ------------------------------------------------

foreach my $node ($second, $primary)
{
	$node->stop;
	$plain->start_server($node);
	is($node->query($node == $primary ? 'INSERT INTO t VALUES (0)' : 'SELECT 1')->{sqlstate}, undef,
		$node->name . ' works from its first moment on');
	$plain->wait_observed($primary);
}
is_deeply(picture($_), $before{ $_->name }, $_->name . ': nothing was touched') foreach @nodes;

# --- the primary dies; a person promotes another than we would ---------------------------------

$primary->safe_psql('INSERT INTO t VALUES (1)');
$plain->cluster->poll_until(sub { ($_->value('SELECT max(i) FROM t') // 0) == 1 }, 20, $_->name)
	foreach $first, $second;
my %size = map { $_->name => $_->log_size } @nodes;
$primary->kill_all;
$plain->poll_until(
	sub { grep { $_->log_text($size{ $_->name }) =~ /event would_fail_over/ } $first, $second }, 20,
	'somebody to say what would be done');
is(join('', map { $_->value('SELECT pg_is_in_recovery()') } $first, $second), 'tt', 'nobody is promoted');
my ($ours) = grep { $_->log_text($size{ $_->name }) =~ /event would_fail_over/ } $first, $second;
my ($theirs) = grep { $_ != $ours } $first, $second;
is($theirs->safe_psql('SELECT pg_promote()'), 't', 'a person promotes the other one');
is($theirs->query('INSERT INTO t VALUES (2)')->{sqlstate}, undef, 'it writes at once');
$plain->poll_until(sub { ($theirs->lease_status // {})->{is_primary} eq 't' }, 20,
	'the observers to agree that it is primary');
$plain->poll_until(
	sub { ($theirs->value(q{SELECT count(DISTINCT kind) FROM multiregion.event
		WHERE kind IN ('would_fail_over', 'observed_failover')}) // 0) == 2 }, 60, 'both to be recorded');
is($theirs->safe_psql(q{SELECT kind, subject FROM multiregion.event
	WHERE kind IN ('would_fail_over', 'observed_failover') ORDER BY at}),
	'would_fail_over|' . $ours->name . "\nobserved_failover|" . $theirs->name, 'who, and who instead');
note($theirs->safe_psql(q{SELECT detail FROM multiregion.event WHERE kind IN ('would_fail_over', 'observed_failover')}));
is($theirs->safe_psql(q{SELECT cause, from_node, to_node FROM multiregion.failovers ORDER BY epoch DESC LIMIT 1}),
	'observed|' . $primary->name . '|' . $theirs->name, 'the failover is in the list');
is_deeply(picture($ours), $before{ $ours->name }, $ours->name . ': nothing was touched');

# --- the old primary comes back by mistake: that is not ours to prevent ---------------------------

$plain->start_server($primary);
is($primary->query('INSERT INTO t VALUES (3)')->{sqlstate}, undef, 'plain PostgreSQL: two primaries');
is($theirs->query('INSERT INTO t VALUES (3)')->{sqlstate}, undef, 'each of which writes');
my $refusal = $theirs->query(q{SELECT multiregion.set_mode('manage')});
is($refusal->{sqlstate}, '55000', 'that cannot be managed');
note("$refusal->{message}: $refusal->{detail}");
$primary->stop('immediate');

# --- put in order by hand, and managed from then on --------------------------------------------

foreach my $node ($primary, $ours)
{
	$node->stop if $node->postmaster;
	rename($node->data, $node->data . '.old') or die $!;
	$plain->add_standby($theirs, $node);
}
$plain->wait_observed($theirs);
$theirs->safe_psql('INSERT INTO t VALUES (4)');
%postmaster = map { $_->name => $_->postmaster } @nodes;
$plain->poll_until(sub { ($theirs->query(q{SELECT multiregion.set_mode('manage')})->{detail} // '') =~ /may not replicate/ },
	30, 'a login that may not replicate to stand in the way');
$theirs->safe_psql('ALTER ROLE multiregion_peer REPLICATION');
$plain->poll_until(sub { !defined $theirs->query(q{SELECT multiregion.set_mode('manage')})->{sqlstate} }, 30,
	'all to be ready');
$plain->poll_until(sub { (join ' ', map { ($_->lease_status // {})->{mode} // '?' } @nodes) eq 'manage manage manage' },
	20, 'mode manage everywhere');
is_deeply({ map { $_->name => $_->postmaster } @nodes }, \%postmaster, 'managed without a restart');
$plain->poll_until(sub { (join ' ', $plain->cluster->streaming($theirs)) eq join ' ', sort map { $_->name } $primary, $ours },
	30, 'the standbys to stream through the gate');
is($theirs->query('INSERT INTO t VALUES (5)')->{sqlstate}, undef, 'the primary writes');
$theirs->kill_all;
my $next = $plain->cluster->wait_for_leader(not => $theirs);
is($next->query('INSERT INTO t VALUES (6)')->{sqlstate}, undef, $next->name . ' was promoted and writes');
done_testing();
