# Clients that reconnect only when they see an error: 2 s after a new primary took over each
# of them has its answer, or has at least noticed and is about to (how soon they all have it
# is up to the machine: make bench-pool), whatever befell the old one. Method: 200 clients with a connection each
# (test/load/pool.c, of which a fourth only read) through a switchover, a killed postmaster,
# a killed and a frozen region; and one without a time limit of its own, to show what a pool
# needs it for (docs/configuration.md).
use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use MultiRegion::Cluster;
use MultiRegion::Pool qw(cases settle);

my $program = $ENV{MR_POOL} // ($ENV{MR_TOP} // "$FindBin::Bin/../..") . '/build/test/pool.bin';
my $clients = 200;
my $cluster = MultiRegion::Cluster->new(
	settings => { max_connections => $clients + 60, fsync => 'on' },
	policy => { failback => 'off' });
$cluster->start;
my $pool = MultiRegion::Pool->start($cluster, $program, clients => $clients);
my $patient;

note(sprintf '%d connections take %d ms', $clients, $pool->connect_ms);

foreach my $case (cases())
{
	my ($name, $deed) = @$case;
	my $old = settle($cluster);
	my ($next) = grep { $_ != $old } $cluster->nodes;

	$patient = MultiRegion::Pool->start($cluster, $program, clients => 4, answer => 0)
		if $name eq 'region_frozen';
	print { $patient->{in} } "fault\n" if $patient;
	my $from = $old->log_size;
	my $seen = $pool->hit(sub { $deed->($old, $next) });
	ok($seen, "$name: everybody is back") or last;
	# A killed postmaster's last bytes may have reached nobody: then it comes back itself, with them.
	my $returned = $name eq 'postmaster_killed' && $old->log_text($from) =~ /the same node leads again after a restart/;
	ok($seen->{node} ne $old->name || $returned, "$name: on another node, or with all of its WAL");
	is($seen->{stuck}, 0, "$name: nobody was stuck 2 s after the takeover");
	note("$name: takeover after $seen->{takeover_ms} ms, the last client $seen->{last_ms} ms later");
}

# A frozen machine still has a kernel that keeps its connections: it acknowledges what
# arrives and answers keepalives.
is($patient->result(1), undef, 'a client without a limit waits for a frozen server');
settle($cluster);
ok($patient->result(10), 'until that thaws, which ends the session');
$_->stop foreach $patient, $pool;
done_testing();
