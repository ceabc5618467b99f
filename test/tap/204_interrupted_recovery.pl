# A rewind that ends while it prepares the data directory leaves a node that may not
# lead: it has written to its own history, and may be no standby any more. Method: the
# crash recovery that pg_rewind needs fails; then the node starts alone.
use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use MultiRegion::Cluster;
use MultiRegion::Rejoin qw(run_join replace_program walsender_of);

my $cluster = MultiRegion::Cluster->new(regions => 3,
	settings => { wal_receiver_timeout => "'60s'" });
$cluster->start;
my $old = $cluster->wait_for_leader;
my @others = grep { $_ != $old } $cluster->nodes;
$old->safe_psql('CREATE TABLE work (id bigserial PRIMARY KEY)');
$cluster->wait_caught_up;
kill 'STOP', map { walsender_of($old, $_) } @others;
$old->safe_psql('INSERT INTO work SELECT FROM generate_series(1, 100)');
$old->kill_all;
my $new = $cluster->wait_for_leader(not => $old, timeout => 30);
$new->safe_psql('INSERT INTO work DEFAULT VALUES');

my $programs = replace_program($old, 'postgres', <<'SCRIPT');
case " $* " in *" --single "*) echo "no recovery today" >&2; exit 1 ;; esac
exec "$REAL" "$@"
SCRIPT
my ($code, $output) = run_join($old, '--bindir', $programs);
isnt($code, 0, 'multiregion-join does not let the server start');
like($output, qr/crash recovery of the data directory failed/, 'and says what failed');

$_->kill_all foreach @others;
$old->start;
$cluster->poll_until(
	sub {
		my $row = $old->query(q{SELECT reason FROM multiregion.member_status() WHERE node_name = '}
				. $old->name . q{'})->{rows}[0];
		return $row && ($row->[0] // '') =~ /has not caught up since it was rebuilt/;
	}, 30, 'the node to say why it may not lead');
pass('started alone, it may not lead');
ok(!$old->is_writable, 'and is fenced');

$_->start foreach @others;
$cluster->wait_complete(90);
is($cluster->wait_for_leader->safe_psql('SELECT count(*) FROM work'), 1,
	'the others lead, and it is back among them');
is($old->value('SELECT pg_is_in_recovery()'), 't', 'as a standby');

done_testing();
