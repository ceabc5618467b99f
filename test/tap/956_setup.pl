# The commands of SETUP, in its order, on real servers: from bare machines with the files
# it shows (settings, pg_hba.conf, passfiles, environment); from one server with data, while
# somebody writes; from streaming replication that is observed first. Logins between nodes
# are by password, as SETUP begins with.
use strict;
use warnings;

use FindBin;
use File::Path qw(make_path);
use Test::More;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use lib "$FindBin::Bin/lib";
use MultiRegion::Cluster;
use MultiRegion::Document;
use MultiRegion::Plain;
use MultiRegion::Rejoin qw(add_environment read_file write_file);

my $document = MultiRegion::Document->new('docs/MULTI_REGION_SETUP.md');

sub name_nodes
{
	my ($cluster) = @_;
	my @names = qw(us_east_1 eu_west_1 ap_southeast_1);
	$_->{name} = shift @names foreach $cluster->nodes;
	return $cluster;
}

# A file of the document, as a machine has it.
sub file_of
{
	my ($node, $name) = @_;
	return MultiRegion::Document::translate($node->{cluster}, $node, $document->file($name));
}

sub write_private
{
	my ($path, $text) = @_;
	write_file($path, $text);
	chmod 0600, $path;
	return;
}

# /etc/multiregion, and what the unit and multiregiond find there.
sub equip
{
	my ($cluster) = @_;
	my $etc = "$cluster->{directory}/etc";

	make_path($etc);
	foreach my $node (reverse $cluster->nodes)
	{
		my $text = file_of($node, '15-main.env');
		my ($name, $region, $port) = ($node->name, $node->region, $node->port);
		my ($first) = $cluster->nodes;
		my $peers = join('; ', map { $_->conninfo } grep { $_ != $node } $cluster->nodes);

		$text =~ s/^DEPLOYMENT_REGION=.*/DEPLOYMENT_REGION=$region/m;
		$text =~ s/^MULTIREGION_NODE=.*/MULTIREGION_NODE=$name/m;
		$text =~ s/^MULTIREGION_PEERS=.*/MULTIREGION_PEERS="$peers"/m;
		$text =~ s/^(MULTIREGION_DATABASE_URL=.*):\d+/$1:$port/m;
		$text .= 'MULTIREGION_HTTP_LISTEN=127.0.0.1:' . $node->http_port . "\n";
		$cluster->_prepare_node($node);
		add_environment($node, 'MULTIREGION_PEER_OPTIONS', "passfile=$etc/pgpass");
		$node->{environment} = { MULTIREGION_PEER_OPTIONS => "passfile=$etc/pgpass" };
		unlink $node->directory . '/.env.multiregion';
		write_private($node->directory . '/.env.multiregion', $text);
		write_private("$etc/15-main.env", $text);
	}
	write_private("$etc/pgpass", $document->file('pgpass'));
	write_private("$etc/pgpass-api", join('', grep { /_api/ } split /^/, $document->file('pgpass')));
	return;
}

# The data directory that Debian makes, with what a test needs and these settings.
sub initdb
{
	my ($node, $settings) = @_;
	my $cluster = $node->{cluster};

	MultiRegion::Cluster::_run('cp', '-a', $cluster->_template, $node->data);
	write_file($node->data . '/postgresql.conf', read_file($node->data . '/postgresql.conf') . $settings
		. "listen_addresses = '127.0.0.1'\nunix_socket_directories = ''\nshared_buffers = 32MB\n"
		. "log_line_prefix = '%m [%p] %b %a '\n");
	write_file($node->data . '/pg_hba.conf',
		file_of($node, 'pg_hba.conf') . "host all postgres 127.0.0.1/32 trust\n");
	return;
}

sub logins_are_by_password
{
	my ($cluster) = @_;
	foreach my $node ($cluster->nodes)
	{
		is($node->query('SELECT 1')->{sqlstate}, undef, $node->name . ' answers');
		my $session = $node->session(user => 'multiregion_peer');
		ok(!$session, $node->name . ' lets no peer in without a password');
	}
	return;
}

# --- a writer that measures how long it waited ------------------------------------------------

sub start_writer
{
	my ($node, $result) = @_;
	pipe(my $reader, my $writer) or die "pipe: $!";
	my $pid = fork() // die "fork: $!";
	if ($pid == 0)
	{
		my ($session, $last, $longest) = (undef, clock_gettime(CLOCK_MONOTONIC), 0);

		chdir $node->{cluster}{directory};
		close $writer;
		vec(my $end = '', fileno $reader, 1) = 1;
		until (select(my $ended = $end, undef, undef, 0.002))
		{
			$session //= $node->session(timeout => 1) or next;
			my $answer = $session->query('INSERT INTO work DEFAULT VALUES', timeout => 10);
			if (!$answer->{ready}) { $session = undef; next; }
			next if defined $answer->{sqlstate};
			my $now = clock_gettime(CLOCK_MONOTONIC);
			$longest = $now - $last if $now - $last > $longest;
			$last = $now;
		}
		write_file($result, sprintf '%.3f', $longest);
		POSIX::_exit(0);
	}
	close $reader;
	return { pid => $pid, pipe => $writer, result => $result };
}

# Seconds between the two acknowledged writes that were furthest apart.
sub longest_wait
{
	my ($writer) = @_;
	close $writer->{pipe};
	waitpid($writer->{pid}, 0);
	return read_file($writer->{result});
}

# --- from bare machines ------------------------------------------------------------------------

sub from_bare_machines
{
	my $cluster = name_nodes(MultiRegion::Cluster->new(name => 'bare', sidecars => 1));
	my $us = $cluster->node('us_east_1');

	equip($cluster);
	initdb($us, file_of($us, 'postgresql.conf'));
	$document->run($cluster, sections => qr/^[248]\./) or return;
	$cluster->wait_complete(30);
	logins_are_by_password($cluster);
	note($us->safe_psql('SELECT name, detail FROM multiregion.check() WHERE NOT ok'));
	return $cluster->stop;
}

# --- from one server with data ------------------------------------------------------------------

sub from_one_server
{
	my $cluster = name_nodes(MultiRegion::Cluster->new(name => 'single'));
	my $us = $cluster->node('us_east_1');
	my ($writer, $restart, $init);

	equip($cluster);
	initdb($us, "wal_level = replica\n");
	$us->start;
	$cluster->poll_until(sub { defined $us->value('SELECT 1') }, 30, 'the single server');
	$us->safe_psql('CREATE TABLE work (id bigserial PRIMARY KEY, at timestamptz DEFAULT clock_timestamp())');
	$us->safe_psql('INSERT INTO work SELECT FROM generate_series(1, 100000)');
	$writer = start_writer($us, "$cluster->{directory}/restart");
	$document->run($cluster, sections => qr/^5\./, after => {
		'systemctl restart postgresql@15-main' => sub {
			$restart = longest_wait($writer);
			$writer = start_writer($us, "$cluster->{directory}/init");
		},
		'FROM multiregion.lease_status' => sub { $init = longest_wait($writer) },
	}) or return;
	$cluster->wait_complete(30);
	cmp_ok($restart, '<', 20, "writes stopped for $restart s at the restart");
	cmp_ok($init, '<', 5, "writes stopped for $init s when the server became a member");
	$cluster->wait_caught_up;
	is($_->safe_psql('SELECT count(*) >= 100000 FROM work'), 't', $_->name . ' has the data') foreach $cluster->nodes;
	logins_are_by_password($cluster);
	$document->run_inline($cluster);
	$document->run($cluster, sections => qr/^9\./) or return;
	is($us->query('INSERT INTO work DEFAULT VALUES')->{sqlstate}, undef, 'a plain server at last');
	return $cluster->stop;
}

# --- beside streaming replication, and from it -----------------------------------------------------

sub from_streaming_replication
{
	my $plain = MultiRegion::Plain->new(name => 'plain');
	my ($primary, @standbys) = name_nodes($plain->cluster)->nodes;

	make_path($primary->directory);
	$plain->cluster->_prepare_first($primary);
	foreach my $node ($plain->nodes)
	{
		$plain->cluster->_prepare_node($node);
		add_environment($node, 'MULTIREGION_STATE_DIRECTORY', $node->state_directory);
		$node->{environment} = { MULTIREGION_STATE_DIRECTORY => $node->state_directory };
	}
	$plain->start_server($primary);
	$plain->add_standby($primary, $_) foreach @standbys;
	return $document->run($plain->cluster, sections => qr/^[67]\./);
}

from_bare_machines();
from_one_server();
from_streaming_replication();
done_testing();
