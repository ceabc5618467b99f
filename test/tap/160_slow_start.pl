# A standby whose startup process takes long to replay its first record hears of the
# leader before: it must not take itself for one that has left the leader's history.
# Method: restore_command, which is asked for the first file, waits for the test.
use strict;
use warnings;

use FindBin;
use POSIX qw(mkfifo);
use Test::More;

use lib "$FindBin::Bin/lib";
use MultiRegion::Cluster;

my $cluster = MultiRegion::Cluster->new;
$cluster->start;
my $first = $cluster->wait_for_leader;

# only a second timeline has a history
$first->kill_all;
my $leader = $cluster->wait_for_leader(not => $first);
$first->start;
$cluster->wait_complete(60);
$leader = $cluster->wait_for_leader;
my ($standby) = grep { $_ != $leader } $cluster->nodes;
$standby->stop_fast;

my $gate = $standby->directory . '/gate';
mkfifo($gate, 0600) or die "$gate: $!";
open(my $settings, '>>', $standby->data . '/postgresql.conf') or die "postgresql.conf: $!";
print $settings "restore_command = 'cat $gate > /dev/null; false'\n";
close $settings;
my $from = $standby->log_size;
$standby->start;
$standby->wait_for_log(qr/event leader_changed/, from => $from);
my $pid = $standby->postmaster;

# Let it in: whoever waits reads the end, whoever comes later finds nothing.
open(my $opened, '>', $gate) or die "$gate: $!";
unlink $gate or die "$gate: $!";
close $opened;
$cluster->wait_complete(60);
is($standby->postmaster, $pid, 'it follows the leader without another start');
unlike($standby->log_text($from), qr/event (?:diverged|server_stopped)/,
	'it does not think that it has diverged');

done_testing();
