# A process of a standby crashes, and the WAL with which its recovery has to begin is not
# there any more: it needs the leader for that, whom only the lease worker can find, which
# the postmaster starts only when recovery has begun. Method: the standby's WAL is
# moved away, then a backend killed.
use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use MultiRegion::Cluster;

my $cluster = MultiRegion::Cluster->new;
$cluster->start;
my $leader = $cluster->wait_for_leader;
my ($standby) = grep { $_ != $leader } $cluster->nodes;

$leader->safe_psql('CREATE TABLE kept AS SELECT 1 AS a');
$cluster->wait_caught_up;
$standby->safe_psql('CHECKPOINT');
my $pid = $standby->postmaster;
my $session = $standby->session;
my $away = $standby->directory . '/away';
mkdir $away or die "$away: $!";
foreach my $segment (glob($standby->data . '/pg_wal/*'))
{
	my ($name) = $segment =~ m{/([0-9A-F]{24})$} or next;
	rename($segment, "$away/$name") or die "$segment: $!";
}
kill 'KILL', $session->pid;
$cluster->poll_until(sub { ($standby->postmaster // $pid) != $pid }, 60, 'another start of the server');
pass('the server does not wait for ever');
$cluster->wait_complete(60);
$leader->safe_psql('INSERT INTO kept VALUES (2)');
$cluster->wait_caught_up;
is($standby->value('SELECT count(*) FROM kept'), 2, 'the standby follows again');

done_testing();
