# What TLS must refuse: a node whose certificate is of another authority, of another name,
# run out or revoked, or that has no TLS. Such a node is not heard and not told anything,
# nothing goes on in plain text instead, and status says why. Method: three nodes, one of
# which is given each bad certificate in turn; what the others say of it.
use strict;
use warnings;

use FindBin;
use POSIX ();
use Test::More;

use lib "$FindBin::Bin/lib";
use MultiRegion::Cluster;
use MultiRegion::Rejoin qw(read_file write_file run_join);
use MultiRegion::Tls;

my $cluster = MultiRegion::Cluster->new(tls => 'cert', sidecars => 1,
	policy => { health_check_interval => '500ms', health_retry_interval => '200ms' });
$cluster->start;
my $tls = $cluster->{tls};
my $leader = $cluster->wait_for_leader;
my ($good, $bad) = grep { $_ != $leader } $cluster->nodes;
my $host = $tls->host_of($bad->name);
my $folder = $tls->folder_of($bad);
my $term = $cluster->term;

# Makes every node connect anew to every other, and the sidecars to their nodes.
sub end_sessions
{
	$_->safe_psql(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename LIKE 'multiregion%'})
		foreach $cluster->nodes;
	return;
}

sub reason_at
{
	my ($node, $about) = @_;
	return $node->value(q{SELECT reason FROM multiregion.nodes WHERE status <> 'up' AND node_name = '}
			. $about->name . q{'}) // '';
}

sub wait_for_reason
{
	my ($node, $about, $pattern, $what) = @_;
	my $reason;

	eval {
		$cluster->poll_until(sub { $reason = reason_at($node, $about); $reason =~ $pattern }, 20, 'the reason');
	};
	like($reason, $pattern, $what);
	return;
}

# The bad node with other files or settings: refused by both others as a server (first
# pattern), and by their servers as a client (second pattern; undef: not looked at).
sub is_refused
{
	my ($what, $as_server, $as_client) = @_;
	my %from = map { $_->name => $_->log_size } $cluster->nodes;

	$bad->safe_psql('SELECT pg_reload_conf()');
	end_sessions();
	wait_for_reason($_, $bad, $as_server, "$what: " . $_->name . ' says why') foreach $leader, $good;
	wait_for_reason($bad, $leader, $as_client, "$what: the node itself says why") if $as_client;
	is(scalar(grep { $_ eq $bad->name } $cluster->streaming($leader)), 0, "$what: it does not stream") if $as_client;
	foreach my $node ($cluster->nodes)
	{
		unlike($node->log_text($from{ $node->name }),
			qr/connection authorized: user=multiregion(?!.*SSL enabled)/, "$what: nothing in plain text at " . $node->name);
	}
	is($cluster->term, $term, "$what: the leader stays");
	return;
}

# As before again, and well.
sub mend
{
	$tls->install($bad, $host);
	$bad->safe_psql('SELECT pg_reload_conf()');
	end_sessions();
	$cluster->wait_streaming(nodes => [ $cluster->nodes ], timeout => 60);
	$cluster->poll_until(
		sub {
			!grep { ($_->value(q{SELECT count(*) FROM multiregion.nodes WHERE status <> 'up'}) // 9) != 0 } $cluster->nodes;
		}, 30, 'every node to be up everywhere');
	return;
}

# What check() of a node says about its files.
sub certificates_at
{
	my ($node) = @_;
	my $detail = $node->safe_psql(q{SELECT detail FROM multiregion.check() WHERE name = 'peer_certificates' AND NOT ok});
	return $detail =~ s/^Certificates, or lists of revoked ones: (.*)\.$/$1/r;
}

mend();
is(certificates_at($_), '', 'check() of ' . $_->name . ' is content with its certificates') foreach $cluster->nodes;

# --- another authority ---------------------------------------------------------------------------

my $other = MultiRegion::Tls->new(script => $tls->{script}, login => 'cert', directory => "$cluster->{directory}/other");
$other->ca('node', $host);
$other->install($bad, $host);
is_refused('another authority', qr/certificate verify failed/, qr/certificate verify failed/);
# It knows the right authority; only its own certificate is of the other.
write_file("$folder/$_", read_file("$tls->{directory}/$_")) foreach qw(ca.crt ca.crl);
is_refused('a certificate of another authority', qr/certificate verify failed/, qr/unknown ca/);
$cluster->poll_until(sub { $bad->sidecar_log =~ /certificate verify failed/ }, 20, 'the sidecar to complain');
pass('a sidecar refuses such a server as well, and says why');
mend();

# --- another name -----------------------------------------------------------------------------

$tls->install($bad, $tls->host_of($good->name));
is_refused('the certificate of another node',
	qr/"\Q@{[ $tls->host_of($good->name) ]}\E" does not match host name "\Q$host\E"/);
$tls->ca('node', 'stranger', '--dns', $host);
$tls->install($bad, 'stranger');
$bad->safe_psql('SELECT pg_reload_conf()');
end_sessions();
wait_for_reason($bad, $leader, qr/certificate authentication failed for user "multiregion_peer"/,
	'a common name that pg_ident.conf does not know: the node itself says why');
mend();

# --- run out ------------------------------------------------------------------------------------

my $configuration = "$tls->{directory}/openssl.cnf";
system("cd $tls->{directory} && openssl req -new -config $configuration -key keys/$host.key -subj /CN=$host -out old.csr"
		. " && printf 'subjectAltName = DNS:$host\\nextendedKeyUsage = serverAuth, clientAuth\\n' >old.cnf"
		. " && openssl ca -batch -notext -config $configuration -extfile old.cnf -startdate 20200101000000Z"
		. ' -enddate 20200201000000Z -in old.csr -out old.crt 2>old.log') == 0
	or die 'openssl: ' . read_file("$tls->{directory}/old.log");
write_file("$folder/node.crt", read_file("$tls->{directory}/old.crt"));
is_refused('a certificate that has run out', qr/certificate verify failed/, qr/certificate expired/);
is(certificates_at($bad), 'ssl_cert_file has run out, sslcert has run out', 'check() says so');
$tls->ca('renew', $host, '--days', 5);
mend();
like(certificates_at($bad), qr/^ssl_cert_file runs out in [45] days, sslcert runs out in [45] days$/, 'or that it will soon');
$tls->ca('renew', $host);
$tls->install($bad, $host);
write_file("$folder/ca.crl", '');
is(certificates_at($bad), 'ssl_crl_file cannot be read, sslcrl cannot be read', 'or that there is none');
mend();

# --- revoked --------------------------------------------------------------------------------------

my %kept = map { $_ => read_file("$folder/$_") } qw(node.crt node.key);
$tls->ca('revoke', $host);
write_file($tls->folder_of($_) . '/ca.crl', read_file("$tls->{directory}/ca.crl")) foreach $leader, $good;
$_->safe_psql('SELECT pg_reload_conf()') foreach $leader, $good;
is_refused('a revoked certificate', qr/certificate verify failed/, qr/certificate revoked/);
$tls->ca('node', $host);
mend();

# --- no TLS ---------------------------------------------------------------------------------------

$bad->safe_psql('ALTER SYSTEM SET ssl = off');
is_refused('a server without TLS', qr/server does not support SSL, but SSL was required/);
$bad->safe_psql('ALTER SYSTEM RESET ssl');
mend();
$bad->safe_psql(q{ALTER SYSTEM SET multiregion.peer_options = 'sslmode=disable'});
$bad->safe_psql('SELECT pg_reload_conf()');
end_sessions();
wait_for_reason($bad, $leader, qr/pg_hba.conf rejects connection.*no encryption/, 'a node without TLS is not let in');
is(scalar(grep { $_ eq $bad->name } $cluster->streaming($leader)), 0, 'it does not stream');
$bad->safe_psql("ALTER SYSTEM SET multiregion.peer_options = '" . $tls->peer_options($bad) . q{'});
mend();
my $refused = $bad->query(q{ALTER SYSTEM SET multiregion.peer_options = 'sslmode=verify-full password=geheim'});
is($refused->{sqlstate}, '22023', 'a password in the options is refused');
unlike(join(' ', map { $refused->{$_} // '' } qw(message detail hint)), qr/geheim/, 'and not repeated');

# --- multiregion-join -------------------------------------------------------------------------------

$bad->stop_fast;
my @join = ($bad, '--dry-run', '--timeout', 1);
my ($code, $output) = run_join(@join);
like($output, qr/leader "\Q@{[ $leader->name ]}\E"/, 'multiregion-join takes the options from the server\'s configuration');
my $right = $tls->peer_options($bad);
($code, $output) = run_join(@join, '--peer-options', $right =~ s/ca[.]crt/other.crt/r);
like($output, qr/root certificate file "[^"]*other.crt" does not exist/, 'it says what it does not find');
foreach my $case ([ 'host=127.0.0.1', qr/something else than options/ ], [ 'sslpassword=geheim', qr/hold a password/ ])
{
	($code, $output) = run_join(@join, '--peer-options', $case->[0]);
	is($code, 1, "--peer-options $case->[0] is refused");
	like($output, $case->[1], 'with the reason');
	unlike($output, qr/geheim/, 'and no secret');
}
my $auto = $bad->data . '/postgresql.auto.conf';
my $kept = read_file($auto);
write_file($auto, $kept . "multiregion.peer_options = 'sslmode=verify-full sslpassword=geheim'\n");
($code, $output) = run_join(@join);
is($code, 5, 'multiregion-join goes no further with a setting that cannot be used');
like($output, qr/multiregion.peer_options cannot be used: They hold a password/, 'and says so');
$output = `"$cluster->{bindir}/postgres" -D '@{[ $bad->data ]}' -p @{[ $bad->port ]} 2>&1`;
isnt($?, 0, 'no server starts with it: it would verify nobody');
like($output, qr/FATAL:\s+invalid value for parameter "multiregion.peer_options"/, 'and says so, too');
unlike($output, qr/geheim/, 'without the secret');
write_file($auto, $kept);
$other->ca('node', $host);
$other->install($bad, $host);
($code, $output) = run_join(@join);
like($output, qr/does not answer: .*certificate verify failed/, 'a server of another authority is not believed');
$tls->install($bad, $host);

# A key with a passphrase: nobody is there to type it, though standard input is open.
system("openssl pkey -aes256 -passout pass:geheim -in $folder/node.key -out $folder/locked.key && chmod 600 $folder/locked.key") == 0
	or die 'openssl';
pipe(my $reader, my $writer) or die "pipe: $!";
my $log = "$cluster->{directory}/locked.log";
my $pid = fork() // die "fork: $!";
if ($pid == 0)
{
	POSIX::setsid();
	chdir $bad->directory;
	open(STDIN, '<&', $reader) or POSIX::_exit(126);
	close $writer;
	open(STDOUT, '>', $log) or POSIX::_exit(126);
	open(STDERR, '>&', \*STDOUT);
	exec("$cluster->{bindir}/multiregion-join", '--data', $bad->data, '--node', $bad->name, '--peers', $leader->conninfo,
		'--dry-run', '--timeout', 1, '--peer-options', $right =~ s/node[.]key/locked.key/r) or POSIX::_exit(127);
}
my $ended = eval { $cluster->poll_until(sub { waitpid($pid, POSIX::WNOHANG()) == $pid }, 20, 'multiregion-join'); 1 };
kill 'KILL', $pid unless $ended;
ok($ended, 'a key with a passphrase makes nobody wait');
like(read_file($log), qr/could not load private key file/, 'and says so');

$bad->start;
$cluster->poll_until(sub { defined $bad->value('SELECT 1') }, 30, $bad->name . ' to answer');
mend();
done_testing();
