# Nodes that log in with a passfile over TLS: start, failover, rejoin, and a new password
# while everything runs. Method: three nodes whose pg_hba.conf wants scram-sha-256 from
# peers; a password must be in no connection string, table or log.
use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use MultiRegion::Cluster;
use MultiRegion::Rejoin qw(write_file walsender_of);

my $cluster = MultiRegion::Cluster->new(tls => 'scram');
$cluster->start;
my $tls = $cluster->{tls};
my $old = $cluster->wait_for_leader;
my @others = grep { $_ != $old } $cluster->nodes;

sub sessions_are_good
{
	my ($what) = @_;
	my $row;

	foreach my $node ($cluster->nodes)
	{
		$cluster->poll_until(
			sub {
				$row = $node->safe_psql(q{SELECT count(*) > 0, bool_and(s.ssl AND s.client_dn IS NULL)}
						. q{ FROM pg_stat_activity AS a JOIN pg_stat_ssl AS s USING (pid)}
						. q{ WHERE a.usename = 'multiregion_peer'});
				return $row =~ /^t/;
			}, 20, 'sessions of peers at ' . $node->name);
		is($row, 't|t', "$what: sessions of peers at " . $node->name . ' have TLS and no certificate');
	}
	return;
}

sessions_are_good('at first');
foreach my $node ($cluster->nodes)
{
	is($node->safe_psql(q{SELECT string_agg(name || ': ' || detail, ' ') FROM multiregion.check()}
				. q{ WHERE NOT ok AND name LIKE 'peer%'}), '', 'check() of ' . $node->name . ' is content');
}

# Failover, and back over the fork with pg_rewind.
$old->safe_psql('CREATE TABLE work (id bigserial PRIMARY KEY, origin text)');
$cluster->wait_caught_up;
kill 'STOP', map { walsender_of($old, $_) } @others;
$old->safe_psql(q{INSERT INTO work (origin) SELECT 'lost' FROM generate_series(1, 100)});
$old->kill_all;
my $new = $cluster->wait_for_leader(not => $old);
$new->safe_psql(q{INSERT INTO work (origin) VALUES ('kept')});
my $from = $old->log_size;
$old->start;
$cluster->wait_streaming(nodes => [$old], timeout => 60);
like($old->log_text($from), qr/rewinding; rule past_fork/, 'the former primary is rewound');
$cluster->wait_complete(60);
sessions_are_good('after failover and rewind');

# A new password: passfiles first, then the role; whoever connects in between tries again.
my $term = $cluster->term;
write_file($tls->folder_of($_) . '/passfile', "*:*:*:multiregion_peer:another one\n") foreach $cluster->nodes;
$new->safe_psql(q{ALTER ROLE multiregion_peer PASSWORD 'another one'});
$cluster->wait_caught_up;
foreach my $node ($cluster->nodes)
{
	$node->safe_psql(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'multiregion_peer'});
}
$cluster->wait_complete(60);
sessions_are_good('after a new password');
is($cluster->term, $term, 'nobody lost the lease by that');

# A wrong one: refused, and said.
my $loner = (grep { $_ != $new } $cluster->nodes)[0];
write_file($tls->folder_of($loner) . '/passfile', "*:*:*:multiregion_peer:wrong one\n");
$loner->stop_fast;
my $about = $new->name;
$from = $loner->log_size;
$loner->start;
$loner->wait_for_log(qr/does not answer: FATAL: password authentication failed for user "multiregion_peer"/, from => $from);
pass('multiregion-join says that the password is wrong');
$cluster->poll_until(sub { ($loner->value("SELECT reason FROM multiregion.nodes WHERE node_name = '$about'") // '')
			=~ /password authentication failed/ }, 30, 'the reason');
pass('so does the status of the node');
write_file($tls->folder_of($loner) . '/passfile', "*:*:*:multiregion_peer:another one\n");
$cluster->wait_streaming(nodes => [$loner], timeout => 60);
pass('with the right one it streams, without a restart');

unlike($_->log_text, qr/a peer|another one|wrong one/, 'no password in the log of ' . $_->name)
	foreach $cluster->nodes;
is($new->safe_psql(q{SELECT count(*) FROM multiregion.node WHERE conninfo ~ 'password'}), '0', 'none in the table');

done_testing();
