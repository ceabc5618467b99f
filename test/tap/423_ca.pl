# docker/tls/ca.sh, as an administrator uses it: what it makes can be verified, doing a
# thing again changes nothing, and what is wrong is said. Method: openssl looks at the
# results; no server runs.
use strict;
use warnings;

use Fcntl qw(:mode);
use File::Path qw(make_path);
use File::Temp ();
use FindBin;
use Test::More;

my $script = ($ENV{MR_TOP} // "$FindBin::Bin/../..") . '/docker/tls/ca.sh';
my $base = ($ENV{TESTDIR} // File::Temp::tempdir(CLEANUP => 1)) . '/ca-test';
my $dir = "$base/ca";
make_path($base);

# Runs a command: (exit status, output).
sub run
{
	my (@command) = @_;
	my $pid = open(my $pipe, '-|') // die "fork: $!";

	if ($pid == 0)
	{
		open(STDIN, '<', '/dev/null');
		open(STDERR, '>&', \*STDOUT);
		exec(@command) or exit 127;
	}
	local $/;
	my $output = <$pipe> // '';
	close $pipe;
	return ($? >> 8, $output);
}

sub ca { my ($verb, @arguments) = @_; return run($script, $verb, '--dir', $dir, @arguments) }

sub ok_ca
{
	my ($pattern, $what, @arguments) = @_;
	my ($status, $output) = ca(@arguments);

	is($status, 0, $what) or diag($output);
	like($output, $pattern, "$what: it says so");
	return;
}

sub fails_ca
{
	my ($wanted, $pattern, $what, @arguments) = @_;
	my ($status, $output) = ca(@arguments);

	is($status, $wanted, $what) or diag($output);
	like($output, $pattern, "$what: it says why");
	unlike($output, qr/line \d+:|unbound|not found/, "$what: without the shell's own words");
	return;
}

sub openssl { return (run('openssl', @_))[1] }
sub mode_of { return sprintf '%o', S_IMODE((stat $_[0])[2]) }

sub bytes_of
{
	open(my $file, '<', $_[0]) or return undef;
	local $/;
	return <$file>;
}

# Everything below a folder, as text; the lock is always written.
sub contents { return join '', map { $_ => bytes_of($_) } grep { -f && !/lock$/ } sort glob("$dir/* $dir/*/*") }

# --- before there is one ---------------------------------------------------------------------

fails_ca(1, qr/there is no authority.*ca\.sh init/, 'nothing can be issued without an authority',
	'node', 'us-1', '--dns', 'us-1.example.com');
fails_ca(2, qr/no such command/, 'an unknown command is refused', 'frobnicate');
fails_ca(2, qr/no such command/, 'so is a command without its name', 'node');
fails_ca(2, qr/needs a value/, 'an option without its value', 'init', '--days');
fails_ca(2, qr/no number of days/, 'days that are none', 'init', '--days', '07');
fails_ca(2, qr/no range/, 'a range that is none', 'init', '--permit-ip', '10.0.0.0');
ok(!-e $dir, 'none of that made anything');

# --- the authority ---------------------------------------------------------------------------

ok_ca(qr/made the authority/, 'an authority is made', 'init', '--permit-dns', 'example.com',
	'--permit-ip', '10.0.0.0/255.0.0.0', '--days', '100');
is(mode_of("$dir/ca.key"), '600', 'its key is its owner\'s alone');
is(mode_of($dir), '700', 'so is its folder');
my $text = openssl('x509', '-in', "$dir/ca.crt", '-noout', '-text');
like($text, qr/Basic Constraints: critical\s+CA:TRUE, pathlen:0/, 'it makes no other authorities');
like($text, qr/Name Constraints: critical\s+Permitted:\s+DNS:example.com\s+IP:10.0.0.0/, 'it is limited to its names');
my $before = contents();
ok_ca(qr/unchanged/, 'making it again changes nothing', 'init', '--permit-dns', 'other.com');
is(contents(), $before, 'not a byte');

# --- certificates ----------------------------------------------------------------------------

ok_ca(qr/issued/, 'a node gets a certificate', 'node', 'us-1.example.com', '--ip', '10.1.2.3');
$text = openssl('x509', '-in', "$dir/certificates/us-1.example.com.crt", '-noout', '-text');
like($text, qr/Subject: CN ?= ?us-1.example.com/, 'with its name');
like($text, qr/DNS:us-1.example.com, IP Address:10.1.2.3/, 'by which it can be reached');
like($text, qr/TLS Web Server Authentication, TLS Web Client Authentication/, 'as a server and as a client');
like($text, qr/CA:FALSE/, 'and not as an authority');
is((run('openssl', 'x509', '-in', "$dir/certificates/us-1.example.com.crt", '-noout', '-checkend', 98 * 86400))[0], 0,
	'for as many whole days as the authority');
is(mode_of("$dir/keys/us-1.example.com.key"), '600', 'its key is its owner\'s alone');
$before = contents();
ok_ca(qr/unchanged/, 'issuing it again changes nothing', 'node', 'us-1.example.com', '--ip', '10.1.2.3');
is(contents(), $before, 'not a byte');
ok_ca(qr/issued/, 'another name makes it another one', 'node', 'us-1.example.com', '--dns', 'db.example.com');
like(openssl('x509', '-in', "$dir/certificates/us-1.example.com.crt", '-noout', '-text'), qr/DNS:db.example.com/, 'with that');

ok_ca(qr/issued/, 'a role gets a certificate', 'client', 'multiregion_api', '--days', '40');
$text = openssl('x509', '-in', "$dir/certificates/multiregion_api.crt", '-noout', '-text');
unlike($text, qr/Server Authentication|Alternative Name/, 'with which no server can be run');
like($text, qr/TLS Web Client Authentication/, 'but logged in');
ok_ca(qr/unchanged/, 'it is good for a while', 'client', 'multiregion_api');

fails_ca(1, qr/may not issue.*other names/s, 'a name outside of the limits is refused', 'node', 'us-9', '--dns', 'us-9.other.com');
fails_ca(1, qr/may not issue/, 'so is an address', 'node', 'us-9', '--ip', '192.168.0.1');
fails_ca(1, qr/may not issue/, 'also for a node that has a certificate', 'node', 'us-1.example.com', '--dns', 'x.other.com');
ok(!glob("$dir/*/us-9*"), 'and leaves nothing behind');
unlike(openssl('x509', '-in', "$dir/certificates/us-1.example.com.crt", '-noout', '-text'), qr/other/, 'nor changes what there is');
fails_ca(2, qr/at least one/, 'a node without a name or address is refused', 'node', 'us-9');
fails_ca(1, qr/another kind/, 'a node cannot take a client\'s name', 'node', 'multiregion_api', '--dns', 'a.example.com');
fails_ca(1, qr/valid for \d+ days only/, 'nothing outlives the authority', 'client', 'c', '--days', '200');
fails_ca(2, qr/is no name/, "\"$_\" is no name", 'client', $_) foreach '../x', '-x', 'a b', "a\nb", 'a/CN=b';
fails_ca(2, qr/too long/, 'a name of 64 characters is too long', 'client', 'x' x 64);
fails_ca(2, qr/is no host name/, "\"$_\" is no host name", 'node', 'n', '--dns', $_) foreach "a\nDNS:b", '*', 'a,DNS:b', 'a..b';
fails_ca(2, qr/is no IP address/, "\"$_\" is no address", 'node', 'n', '--ip', $_) foreach '10.0.0.1,DNS:evil', '10.0.0.1/8', 'x y';

# --- renewing, installing, revoking --------------------------------------------------------------

my $key = bytes_of("$dir/keys/us-1.example.com.key");
my $crt = bytes_of("$dir/certificates/us-1.example.com.crt");
ok_ca(qr/renewed/, 'a certificate is renewed', 'renew', 'us-1.example.com');
isnt(bytes_of("$dir/certificates/us-1.example.com.crt"), $crt, 'it is another one');
is(bytes_of("$dir/keys/us-1.example.com.key"), $key, 'with the same key');
like(openssl('x509', '-in', "$dir/certificates/us-1.example.com.crt", '-noout', '-text'), qr/DNS:db.example.com/, 'and the same names');
ok_ca(qr/renewed/, 'or a new key', 'renew', 'us-1.example.com', '--new-key');
isnt(bytes_of("$dir/keys/us-1.example.com.key"), $key, 'when asked for');
fails_ca(1, qr/no certificate of "nobody"/, 'what there is not cannot be renewed', 'renew', 'nobody');

ok_ca(qr/installed node.crt/, 'the files of a node are laid out', 'install', 'us-1.example.com', "$base/node");
ok_ca(qr/installed multiregion_api.crt/, 'and those of a role', 'install', 'multiregion_api', "$base/node");
is(mode_of("$base/node/node.key"), '600', 'keys are their owner\'s alone');
is(mode_of("$base/node/node.crt"), '644', 'certificates everybody\'s');
is(openssl('pkey', '-in', "$base/node/node.key", '-pubout'), openssl('x509', '-in', "$base/node/node.crt", '-noout', '-pubkey'),
	'key and certificate belong together');
my @verify = ('openssl', 'verify', '-crl_check', '-CAfile', "$base/node/ca.crt", '-CRLfile');
like((run(@verify, "$base/node/ca.crl", "$base/node/$_"))[1], qr/OK/, "$_ can be verified") foreach qw(node.crt multiregion_api.crt);

my ($status, $list) = ca('list', '--within', 60);
is($status, 3, 'what runs out soon is an exit code');
like($list, qr/multiregion_api\s+client\s+\d{4}-\d\d-\d\d\s+\d+/, 'everything is listed');
is((ca('list', '--within', 20))[0], 0, 'what does not is none');

ok_ca(qr/revoked certificate/, 'a certificate is revoked', 'revoke', 'us-1.example.com');
like((run(@verify, "$dir/ca.crl", "$base/node/node.crt"))[1], qr/certificate revoked/, 'it cannot be verified any more');
like((run(@verify, "$dir/ca.crl", "$base/node/multiregion_api.crt"))[1], qr/OK/, 'others can');
ok(!-e "$dir/keys/us-1.example.com.key", 'its key is gone');
ok_ca(qr/unchanged/, 'revoking it again changes nothing', 'revoke', 'us-1.example.com');
fails_ca(1, qr/no certificate/, 'what there is not cannot be revoked', 'revoke', 'nobody');
ok_ca(qr/issued/, 'a new one can be issued', 'node', 'us-1.example.com');
ok_ca(qr/anew/, 'the list of revoked ones can be made anew', 'crl');
like((run(@verify, "$dir/ca.crl", "$base/node/node.crt"))[1], qr/certificate revoked/, 'and is complete');

($status, $list) = run($script, '--help');
is($status, 0, 'help is there');
like($list, qr/ca\.sh revoke NAME/, 'and lists the commands');

done_testing();
