# A standby has fetched the history of a leader that did not last: recovery waits for that
# timeline, and the next leader does not have it. It restarts through multiregion-join,
# which puts the history aside. Method: such a history is written into pg_wal of a
# standby, and its walreceiver is ended.
use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use MultiRegion::Cluster;
use MultiRegion::Rejoin qw(write_file);

my $cluster = MultiRegion::Cluster->new;
$cluster->start;
my $leader = $cluster->wait_for_leader;
my ($standby) = grep { $_ != $leader } $cluster->nodes;
$leader->safe_psql('CREATE TABLE work (id int)');
$cluster->wait_caught_up;
my $timeline = $leader->lease_status->{timeline};
my $end = $standby->value('SELECT pg_last_wal_replay_lsn()');
my $path = $standby->data . sprintf('/pg_wal/%08X.history', $timeline + 1);
write_file($path, "$timeline\t$end\tno recovery target specified\n");
my $from = $standby->log_size;
kill 'TERM', $standby->processes(qr/^postgres: (?:\S+: )?walreceiver/);
$leader->safe_psql('INSERT INTO work VALUES (1)');
$standby->wait_for_log(qr/event dead_timeline/, from => $from, timeout => 60);
pass('the standby notices');
$cluster->wait_streaming(nodes => [$standby], timeout => 60);
$cluster->wait_caught_up;
is($standby->value('SELECT count(*) FROM work'), 1, 'and follows again after its restart');
ok(!-e $path, 'the dead history is put aside');
done_testing();
