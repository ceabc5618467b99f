# TLS and logins of a test cluster, as an administrator sets them up: a private authority
# (docker/tls/ca.sh), a certificate for each node, pg_hba.conf that admits the roles of
# multiregion only with TLS. Made by MultiRegion::Cluster with tls => 'cert' (nodes log in
# with their certificate) or 'scram' (with a passfile).
#
# Server files lie outside the data directories, at the same path seen from each of them,
# as on real machines: a clone must not bring another node's key along.
package MultiRegion::Tls;

use strict;
use warnings;

use File::Path qw(make_path);

my $password = 'a peer';

# Keys: script (ca.sh), directory (of the authority), login (cert or scram).
sub new
{
	my ($class, %args) = @_;
	my $self = bless {%args}, $class;

	$self->ca('init');
	return $self;
}

# Runs ca.sh; dies with its output if it fails.
sub ca
{
	my ($self, @arguments) = @_;
	my ($status, $output) = $self->try_ca(@arguments);

	die "ca.sh @arguments: $output" if $status != 0;
	return $output;
}

# Runs ca.sh: (exit status, output).
sub try_ca
{
	my ($self, $verb, @arguments) = @_;
	my $pid = open(my $pipe, '-|') // die "fork: $!";

	if ($pid == 0)
	{
		open(STDERR, '>&', \*STDOUT);
		exec($self->{script}, $verb, '--dir', $self->{directory}, @arguments) or POSIX::_exit(127);
	}
	local $/;
	my $output = <$pipe> // '';
	close $pipe;
	return ($? >> 8, $output);
}

sub host_of { return "$_[1].multiregion.test" }

sub folder_of { return $_[1]->directory . '/tls' }

# Makes and installs the files of a node. Of its sidecar as well.
sub equip
{
	my ($self, $node) = @_;
	my $folder = $self->folder_of($node);

	$self->ca('node', $self->host_of($node->name));
	$self->ca('client', 'multiregion_api');
	make_path($folder);
	$self->install($node, $self->host_of($node->name));
	$self->ca('install', 'multiregion_api', $folder);
	return if $self->{login} eq 'cert';
	unlink "$folder/passfile";
	_write("$folder/passfile", 0600, "*:*:*:multiregion_peer:$password");
	return;
}

# Gives a node the certificate of this name.
sub install
{
	my ($self, $node, $name) = @_;

	$self->ca('install', $name, $self->folder_of($node));
	return;
}

# How the others reach a node.
sub conninfo
{
	my ($self, $node, $port) = @_;
	return 'host=' . $self->host_of($node->name) . " hostaddr=127.0.0.1 port=$port"
		. ($self->{login} eq 'scram' ? ' sslmode=verify-full' : '');
}

# The node's own part of its connections to the others.
sub peer_options
{
	my ($self, $node) = @_;
	my $folder = $self->folder_of($node);
	return "sslrootcert=$folder/ca.crt sslcrl=$folder/ca.crl passfile=$folder/passfile"
		if $self->{login} eq 'scram';
	return "sslmode=verify-full sslrootcert=$folder/ca.crt sslcrl=$folder/ca.crl"
		. " sslcert=$folder/node.crt sslkey=$folder/node.key";
}

# How a node's sidecar reaches it.
sub sidecar_url
{
	my ($self, $node) = @_;
	my $folder = $self->folder_of($node);
	return 'host=' . $self->host_of($node->name) . ' hostaddr=127.0.0.1 port=' . $node->port
		. ' user=multiregion_api sslmode=verify-full'
		. " sslrootcert=tls/ca.crt sslcert=tls/multiregion_api.crt sslkey=tls/multiregion_api.key";
}

# Lines for postgresql.conf: the same on every node.
sub settings
{
	return (
		ssl => 'on', log_connections => 'on',
		ssl_cert_file => "'../tls/node.crt'", ssl_key_file => "'../tls/node.key'",
		ssl_ca_file => "'../tls/ca.crt'", ssl_crl_file => "'../tls/ca.crl'");
}

# pg_hba.conf and pg_ident.conf of the first node, which others copy, and its own options.
sub prepare_first
{
	my ($self, $node) = @_;
	my $login = $self->{login} eq 'cert' ? 'cert map=multiregion' : 'scram-sha-256';
	my $data = $node->data;

	unlink "$data/pg_hba.conf", "$data/pg_ident.conf";
	_write("$data/pg_hba.conf", 0600,
		"hostssl all,replication multiregion_peer 127.0.0.1/32 $login",
		'hostssl postgres multiregion_api 127.0.0.1/32 cert',
		'host all,replication multiregion_peer,multiregion_api all reject',
		'host all,replication postgres 127.0.0.1/32 trust');
	_write("$data/pg_ident.conf", 0600,
		'multiregion /^[a-z0-9]+[.]multiregion[.]test$ multiregion_peer');
	_write("$data/postgresql.auto.conf", 0600,
		"multiregion.peer_options = '" . $self->peer_options($node) . "'");
	return;
}

# What the role of the peers needs to log in.
sub role_option { return $_[0]{login} eq 'scram' ? "PASSWORD '$password'" : '' }

sub _write
{
	my ($path, $mode, @lines) = @_;

	open(my $file, '>>', $path) or die "$path: $!";
	print $file map { "$_\n" } @lines;
	close $file or die "$path: $!";
	chmod $mode, $path;
	return;
}

1;
