# What the failover benchmark concludes from a probe's log: outages, acknowledgements by
# two primaries at once. Method: logs written by hand, with instants in milliseconds.
use strict;
use warnings;

use File::Temp ();
use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use MultiRegion::ProbeLog;

my $folder = $ENV{TESTDIR} // File::Temp::tempdir(CLEANUP => 1);
my $count = 0;

# Lines "KIND NODE MS [ID [SQLSTATE]]".
sub log_of
{
	my (@lines) = @_;
	my $path = "$folder/log-" . ++$count;
	open(my $file, '>', $path) or die "$path: $!";
	foreach my $line (@lines)
	{
		my ($kind, $node, $ms, @rest) = split ' ', $line;
		print $file join(' ', $kind, $node, $ms * 1_000_000, @rest), "\n";
	}
	close $file;
	return (MultiRegion::ProbeLog->new($path)->read_on, $path);
}

my ($log) = log_of('C a 1', 'C b 1', 'S a 10 1', 'A a 12 1', 'S b 10 2', 'E b 11 2 25006',
	'S a 20 3', 'A a 31 3', 'S b 90 4', 'A b 95 4');
is(scalar $log->acks, 3, 'refused inserts are not acknowledged');
is($log->first_ack_after(0.015, 'a')->{id}, 4,
	'an old connection to the faulty node does not show that service is back');
is($log->first_ack_after(0.015, 'a')->{at}, 0.095, 'an outage ends with the acknowledgement');
is($log->first_ack_after(0.100, 'a'), undef, 'no acknowledgement, no end');

($log) = log_of('C a 1', 'S a 10 1', 'A a 12 1', 'D a 20', 'C a 60', 'S a 61 2', 'A a 63 2');
is($log->first_ack_after(0.015, 'a')->{id}, 2, 'a new connection to the same node does');

($log) = log_of('C a 1', 'S a 10 1', 'A a 12 1', 'S a 20 2', 'A a 140 2');
is($log->first_ack_after(0.015, 'b')->{id}, 2, 'a slow answer counts when it comes');

# b takes over at 100.
($log) = log_of('C a 1', 'C b 1', 'S a 80 1', 'A a 99 1', 'S a 90 2', 'A a 140 2');
is(scalar $log->late_acks('a', 0.100), 0, 'sent before and received within 50 ms is not late');
($log) = log_of('C a 1', 'C b 1', 'S a 90 1', 'A a 151 1');
is(scalar $log->late_acks('a', 0.100), 1, 'received more than 50 ms after is late');
($log) = log_of('C a 1', 'C b 1', 'S a 101 1', 'A a 102 1', 'S b 101 2', 'A b 102 2');
is(scalar $log->late_acks('a', 0.100), 1, 'sent after is late, but not at the new primary');

my ($growing, $path) = log_of('C a 1', 'S a 10 1');
open(my $file, '>>', $path) or die;
$file->autoflush(1);
print $file 'A a 1200';
is(scalar $growing->read_on->acks, 0, 'an unfinished line waits');
print $file "0000 1\n";
is(($growing->read_on->acks)[0]{at}, 0.012, 'and is read when it is complete');

package FakeNode { sub new { bless {} } sub query { return { rows => [ [1], [3] ] } } }
is_deeply([ map { $_->{id} } (log_of('C a 1', 'S a 1 1', 'A a 2 1', 'S a 3 2', 'A a 4 2',
			'S a 5 3', 'S a 6 4', 'E a 7 4 25006'))[0]->lost(FakeNode->new) ], [2],
	'lost is what was acknowledged and is not there');

done_testing();
