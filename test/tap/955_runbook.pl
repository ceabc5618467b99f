# The runbook's commands, in its order, on a cluster of three regions with sidecars. What
# an entry is about has happened before its commands are run: replay is paused, a state file
# is lost, a node is down, a region dies with commits that no other has, two of three regions
# are gone, a machine has lost its disk.
use strict;
use warnings;

use FindBin;
use File::Path qw(make_path remove_tree);
use Test::More;

use lib "$FindBin::Bin/lib";
use MultiRegion::Cluster;
use MultiRegion::Document;
use MultiRegion::Rejoin qw(add_environment walsender_of);

my $token = 'runbook-runbook-runbook';
my $cluster = MultiRegion::Cluster->new(sidecars => 1, sidecar_settings => { MULTIREGION_API_TOKEN => $token },
	policy => { failback => 'off', health_check_interval => '500ms', max_consecutive_failures => 2 });
my @names = qw(us_east_1 eu_west_1 ap_southeast_1);
$_->{name} = shift @names foreach $cluster->nodes;
$cluster->start;
my $document = MultiRegion::Document->new('docs/MULTI_REGION_RUNBOOK.md');
my ($us, $eu, $ap) = map { $cluster->node($_) } qw(us_east_1 eu_west_1 ap_southeast_1);
make_path("$cluster->{directory}/etc");
open(my $file, '>', "$cluster->{directory}/etc/token") or die "token: $!";
print $file $token;
close $file;

sub leader { return $cluster->wait_for_leader }

# Until the primary holds the node for down.
sub wait_down
{
	my ($node) = @_;
	my $query = "SELECT status = 'down' FROM multiregion.member_status() WHERE node_name = '" . $node->name . "'";
	return $cluster->poll_until(sub { (leader()->value($query) // '') eq 't' }, 30, $node->name . " to be down");
}

# Everybody runs, follows and could be promoted; the primary is that node.
sub settle
{
	my ($primary) = @_;
	$cluster->settle;
	return if !$primary || leader() == $primary;
	leader()->query(sprintf "SELECT switchover('%s')", $primary->name);
	$cluster->poll_until(sub { leader() == $primary }, 20, $primary->name . ' to lead');
	return settle();
}

# The primary is lost with rows that it has acknowledged and nobody else has.
sub lose_commits
{
	my ($primary) = @_;

	$primary->safe_psql('CREATE TABLE IF NOT EXISTS lost (i int)');
	$cluster->wait_caught_up;
	kill 'STOP', map { walsender_of($primary, $_) } grep { $_ != $primary } $cluster->nodes;
	is($primary->query("INSERT INTO lost VALUES ($_)", timeout => 1)->{sqlstate}, undef, "row $_ is acknowledged")
		foreach 1 .. 3;
	$primary->kill_all;
	return $cluster->wait_for_leader(not => $primary, timeout => 30);
}

# A machine is back without its disk.
sub lose_disk
{
	my ($node) = @_;
	$node->kill_all;
	remove_tree($node->data, $node->data . '.multiregion');
	return;
}

# A machine that is still to become a node.
sub another
{
	my ($name, $region) = @_;
	my $node = $cluster->_plan_node($region);
	$node->{name} = $name;
	remove_tree($node->directory);
	$cluster->_prepare_node($node);
	return $node;
}

settle($us);
$document->run($cluster, before => {
	candidate_refused => sub {
		$eu->safe_psql('SELECT pg_wal_replay_pause()');
		$cluster->poll_until(
			sub { $us->value(q{SELECT eligible FROM multiregion.member_status() WHERE node_name = 'eu_west_1'}) eq 'f' },
			20, 'the paused node to be unfit');
	},
	diverged => sub {
		settle($us);
		lose_commits($us);
		settle($us);
	},
	amnesia => sub {
		settle($us);
		$ap->stop;
		unlink($ap->data . '.multiregion/state') or die "state: $!";
	},
	node_down => sub {
		settle($us);
		$ap->kill_all;
		wait_down($ap);
	},
	region_down => sub { settle($us) },
	veto => sub {
		$us->safe_psql(q{CREATE FUNCTION public.no_promotion() RETURNS text LANGUAGE sql AS $$SELECT 'it is being repaired'$$});
		$eu->safe_psql(q{ALTER SYSTEM SET multiregion.veto_function = 'public.no_promotion'});
		$eu->safe_psql('SELECT pg_reload_conf()');
	},
	Switchover => sub { settle($us) },
	'Rolling restart' => sub { settle($us) },
	'Region loss' => sub {
		settle($us);
		$us->kill_all;
		$cluster->wait_for_leader(not => $us);
		wait_down($us);
	},
	'Manual failover' => sub {
		settle($us);
		leader()->safe_psql(q{SELECT multiregion.set_policy('auto_failover', 'off')});
		$cluster->poll_until(
			sub { !grep { ($_->value(q{SELECT in_force FROM multiregion.policies WHERE name = 'auto_failover'}) // '') ne 'off' }
				$cluster->nodes }, 20, 'the policy to be in force');
		$us->kill_all;
		$cluster->poll_until(
			sub { ($eu->lease_status // {})->{primary_node} ? 0 : 1 }, 20, 'nobody to lead');
	},
	'Loss of a majority (break glass)' => sub {
		settle($us);
		$_->kill_all foreach $us, $eu;
		$cluster->poll_until(sub { ($ap->lease_status // {})->{primary_node} ? 0 : 1 }, 20, 'nobody to lead');
	},
	'Replacing a lost node' => sub {
		settle($us);
		lose_disk($eu);
	},
	'Adding and retiring regions' => sub {
		settle($us);
		another('sa_east_1', 'SA_EAST');
	},
	Witness => sub {
		$cluster->forget($cluster->node('sa_east_1'));
		settle($us);
		$us->safe_psql(q{SELECT drop_node('ap_southeast_1')});
		$cluster->forget($ap);
		add_environment(another('frankfurt_w', 'EU_CENTRAL'), 'MULTIREGION_WITNESS', 'on');
	},
});
$document->run_inline($cluster);
done_testing();
