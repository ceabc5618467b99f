# TLS between the nodes, each logging in with its certificate: all of it is encrypted and
# verified, also after a failover, a rewind and a clone; new certificates need no restart.
# Method: three nodes with a private authority, asked what sessions they have.
use strict;
use warnings;

use FindBin;
use Math::BigInt;
use Test::More;

use lib "$FindBin::Bin/lib";
use MultiRegion::Cluster;
use MultiRegion::Document;
use MultiRegion::Rejoin qw(read_file write_file walsender_of run_join);

my $cluster = MultiRegion::Cluster->new(tls => 'cert', sidecars => 1);
$cluster->start;
my $tls = $cluster->{tls};
my $old = $cluster->wait_for_leader;

# Sessions of peers and sidecars at a node that are not as they should be, as text.
sub bad_sessions
{
	my ($node) = @_;
	return $node->safe_psql(q{SELECT a.usename, a.application_name, s.ssl, s.client_dn}
			. q{ FROM pg_stat_activity AS a JOIN pg_stat_ssl AS s USING (pid)}
			. q{ WHERE a.usename LIKE 'multiregion%' AND NOT (s.ssl AND s.client_dn}
			. q{ ~ CASE a.usename WHEN 'multiregion_api' THEN '^/CN=multiregion_api$'}
			. q{ ELSE '^/CN=n[0-9][.]multiregion[.]test$' END)});
}

# Which parts of which nodes have a session with TLS here.
sub sessions
{
	my ($node) = @_;
	return map { join ' ', @$_ } @{ $node->query(q{SELECT DISTINCT regexp_replace(a.application_name, '^mr_.*', 'stream'),}
				. q{ substring(s.client_dn FROM '/CN=(n[0-9]|multiregion_api)')}
				. q{ FROM pg_stat_activity AS a JOIN pg_stat_ssl AS s USING (pid)}
				. q{ WHERE s.ssl AND a.usename LIKE 'multiregion%' ORDER BY 1, 2})->{rows} // [] };
}

sub all_encrypted
{
	my ($what) = @_;
	my $leader = $cluster->wait_for_leader;

	foreach my $node ($cluster->nodes)
	{
		is(bad_sessions($node), '', "$what: no session of a peer at " . $node->name . ' without its certificate');
	}
	my @others = map { $_->name } grep { $_ != $leader } $cluster->nodes;
	my %there = map { $_ => 1 } sessions($leader);
	ok($there{"stream $_"}, "$what: $_ streams with its certificate") foreach @others;
	foreach my $node (grep { $_ != $leader } $cluster->nodes)
	{
		$cluster->poll_until(sub { grep { $_ eq 'multiregion lease ' . $leader->name } sessions($node) }, 20,
			'the leader to ask ' . $node->name);
		pass("$what: the leader asks " . $node->name . ' with its certificate');
	}
	return;
}

all_encrypted('at first');
foreach my $node ($cluster->nodes)
{
	$cluster->poll_until(sub { grep { $_ eq 'multiregiond multiregion_api' } sessions($node) }, 20,
		'the sidecar of ' . $node->name);
}
pass('each sidecar logs in with its own certificate');

# What check() says about these connections, as text.
sub complaints
{
	my ($node) = @_;
	return $node->safe_psql(q{SELECT string_agg(name || ': ' || detail, ' ' ORDER BY name) FROM multiregion.check()}
			. q{ WHERE NOT ok AND name LIKE 'peer%'});
}

is(complaints($_), '', 'check() of ' . $_->name . ' is content') foreach $cluster->nodes;
MultiRegion::Document->new('docs/tls.md')->run($cluster);
my $hba = $old->data . '/pg_hba.conf';
my $kept = read_file($hba);
write_file($hba, $kept . "host all all 10.0.0.0/8 trust\nhost all postgres 10.0.0.0/8 trust\n"
		. "host all +multiregion_peer samenet trust\nhost all all 10.0.0.0/8 scram-sha-256\n");
like(complaints($old), qr/^peer_trust: .* in line: 5, 7\.$/, 'but not with pg_hba.conf when it trusts other machines');
write_file($hba, $kept);

# --- failover, rewind and clone over TLS -----------------------------------------------------

my @others = grep { $_ != $old } $cluster->nodes;
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
all_encrypted('after failover and rewind');
$old->kill_all;
system('rm', '-rf', $old->data) == 0 or die 'rm';
$from = $old->log_size;
$old->start;
$cluster->wait_streaming(nodes => [$old], timeout => 60);
like($old->log_text($from), qr/cloning; rule/, 'its directory lost, it is cloned');
$cluster->wait_complete(60);
all_encrypted('after a clone');
is($old->value('SHOW multiregion.peer_options'), $tls->peer_options($old), 'the clone has its own options');

# --- new certificates, without a restart ---------------------------------------------------------

# Serial numbers of the certificates that nodes have now, in decimal as PostgreSQL shows them.
sub serials
{
	return join ',', map {
		my $file = $tls->folder_of($_) . '/node.crt';
		my $text = `openssl x509 -in '$file' -noout -serial`;
		$text =~ /serial=([0-9A-F]+)/ ? Math::BigInt->from_hex($1)->bstr : die $text
	} $cluster->nodes;
}

my $term = $cluster->term;
my $before = serials();
foreach my $node ($cluster->nodes)
{
	$tls->ca('renew', $tls->host_of($node->name), $node == $old ? '--new-key' : ());
	$tls->install($node, $tls->host_of($node->name));
	$node->safe_psql('SELECT pg_reload_conf()');
}
my $after = serials();
isnt($after, $before, 'the nodes have new certificates');
# A session that ends is made anew, with the files as they are then.
my $peers = q{FROM pg_stat_activity AS a JOIN pg_stat_ssl AS s USING (pid) WHERE a.usename = 'multiregion_peer'};
my $leader = $cluster->wait_for_leader;
foreach my $node ($cluster->nodes)
{
	$node->safe_psql("SELECT pg_terminate_backend(a.pid) $peers AND s.client_serial IN ($before)");
}
$cluster->wait_streaming(nodes => [ $cluster->nodes ], timeout => 60);
foreach my $node ($cluster->nodes)
{
	$cluster->poll_until(
		sub {
			($node->value("SELECT count(*) FILTER (WHERE s.client_serial IN ($before)) = 0 AND count(*) FILTER"
						. " (WHERE s.client_serial IN ($after)) >= " . ($node == $leader ? 2 : 1) . " $peers") // '') eq 't'
		}, 20, 'sessions with new certificates at ' . $node->name);
}
pass('all sessions of peers are with the new certificates');
is($cluster->term, $term, 'nobody lost the lease by that');

# --- who asks whether the others are lost must be able to log in -----------------------------

my ($asking) = grep { $_ != $leader } $cluster->nodes;
my $others = join ',', map { $_->name } grep { $_ != $asking } $cluster->nodes;
$asking->stop;
my ($code, $output) = run_join($asking, '--force-new-quorum', "--discard=$others", '--dry-run');
is($code, 2, "a new quorum: the server's own options find the others ($output)");
like($output, qr/node "@{[ $leader->name ]}" leads/, 'a new quorum: and there is no need for one');
done_testing();
