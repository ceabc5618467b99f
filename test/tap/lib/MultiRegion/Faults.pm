# Random faults for a cluster, drawn from a seed and undone by heal(). What is drawn
# depends on the seed alone: a target is "leader" (whoever acknowledged last) or a number
# of another node, so that the same seed does the same to a cluster that reacts the same.
#
#   my $faults = MultiRegion::Faults->new($cluster, $say);
#   my @plan = MultiRegion::Faults->draw($seed, $node_count);   # [pause, fault, target, more]
#   $faults->perform($_, $leader) for @plan;
#   $faults->heal;
package MultiRegion::Faults;

use strict;
use warnings;

use MultiRegion::Process qw(is_alive);

# Weights of the faults.
my %weight = (
	kill_postmaster => 6, kill_region => 5, freeze => 5, thaw => 4,
	cut => 4, cut_from => 3, cut_to => 3, cut_pair => 3, heal_network => 4, delay => 2,
	stop_fast => 4, stop_smart => 3, stop_immediate => 3, start => 4,
	kill_lease => 3, kill_monitor => 1, kill_walreceiver => 3, kill_startup => 2,
	kill_walsender => 2, kill_checkpointer => 2, kill_backend => 3, kill_postmaster_down => 3,
	stop_lease => 3, stop_walreceiver => 3, stop_startup => 3, stop_walsender => 2, go_on => 3,
	terminate_backends => 2, terminate_lease => 2, terminate_walreceiver => 2,
	bulk => 3, switch_wal => 2, checkpoint => 2);

# Titles of single processes.
my %title = (
	lease => qr/multiregion lease/, monitor => qr/multiregion monitor/,
	walreceiver => qr/walreceiver/, startup => qr/: startup/, walsender => qr/walsender/,
	checkpointer => qr/: checkpointer/, backend => qr/: postgres postgres /);

sub new
{
	my ($class, $cluster, $say) = @_;
	return bless { cluster => $cluster, say => $say, cut => [] }, $class;
}

sub _pick_fault
{
	my $total = 0;
	$total += $_ foreach values %weight;
	my $at = rand($total);

	foreach my $fault (sort keys %weight)
	{
		return $fault if ($at -= $weight{$fault}) < 0;
	}
	return 'thaw';
}

# A pause: none (a burst), a moment around an election, or time to settle a little.
sub _pick_pause
{
	my $kind = rand();
	return $kind < 0.3 ? 0 : $kind < 0.7 ? rand(0.8) : $kind < 0.93 ? rand(3.5) : rand(8);
}

# The faults of one round.
sub draw
{
	my ($class, $seed, $nodes) = @_;
	my @plan;

	srand($seed);
	foreach (1 .. 1 + int(rand(8)))
	{
		my $target = rand() < 0.5 ? 'leader' : 1 + int(rand($nodes));
		push @plan, [ _pick_pause(), _pick_fault(), $target, rand() ];
	}
	push @plan, [ _pick_pause(), 'pause', 'leader', 0 ];
	return @plan;
}

# Performs a fault at a node; says so if it could not (the node may be down already).
sub perform
{
	my ($self, $fault, $leader) = @_;
	my (undef, $what, $target, $more) = @$fault;
	my @nodes = $self->{cluster}->nodes;
	my $node = $target eq 'leader' ? $leader : $nodes[ $target - 1 ];
	my $other = (grep { $_ != $node } @nodes)[ int($more * (@nodes - 1)) ];
	my $done = eval { $self->_perform($what, $node, $other, $more) };

	$self->{say}->(sprintf '  %s %s%s', $what, $node->name,
		defined $done ? " $done" : ' (not possible' . ($@ ? ": $@" : '') . ')');
	return;
}

sub _perform
{
	my ($self, $what, $node, $other, $more) = @_;

	if ($what =~ /^(kill|stop|terminate)_(lease|monitor|walreceiver|startup|walsender|checkpointer|backend)s?$/)
	{
		my $signal = { kill => 'KILL', stop => 'STOP', terminate => 'TERM' }->{$1};
		my @pids = $node->processes($title{$2});
		@pids = @pids[ int($more * @pids) ] if @pids && $signal ne 'TERM';
		return scalar kill($signal, @pids) ? "@pids" : undef;
	}
	my $method = "_do_$what";
	return $self->$method($node, $other, $more);
}

sub _do_pause { return '' }
sub _do_kill_postmaster { $_[1]->kill_postmaster; return '' }
sub _do_kill_postmaster_down { $_[1]->supervisor_off; $_[1]->kill_postmaster; return 'supervisor too' }
sub _do_kill_region { $_[1]->kill_all; return '' }
sub _do_freeze { $_[1]->freeze; return '' }
sub _do_thaw { $_[1]->thaw; return '' }
sub _do_start { $_[1]->start; return '' }
sub _do_go_on { $_[0]->thaw; return 'everybody' }
sub _do_stop_fast { $_[1]->signal_stop('fast'); return '' }
sub _do_stop_smart { $_[0]{smart}{ $_[1]->signal_stop('smart') } = $_[1]; return '' }
sub _do_stop_immediate { $_[1]->signal_stop('immediate'); return '' }

sub thaw
{
	my ($self) = @_;
	$_->thaw foreach $self->{cluster}->nodes;
	return;
}

sub _do_cut { $_[0]{cluster}->cut($_[1]); return 'off' }
sub _do_cut_from { $_[0]{cluster}->cut($_[1], '*'); return 'unheard' }
sub _do_cut_to { $_[0]{cluster}->cut('*', $_[1]); return 'deaf' }

sub _do_cut_pair
{
	my ($self, $node, $other, $more) = @_;
	$self->{cluster}->cut($node, $other);
	$self->{cluster}->cut($other, $node) if $more * 100 % 2;
	return ($more * 100 % 2 ? 'and ' : 'to ') . $other->name;
}

sub _do_heal_network { $_[0]{cluster}->heal; return 'all' }

sub _do_delay
{
	my ($self, $node, $other, $more) = @_;
	my $ms = int(400 * $more);
	$self->{cluster}->delay($node, '*', $ms);
	return "$ms ms";
}

# Statements that nobody waits for.
sub _send
{
	my ($self, $node, $sql) = @_;
	my $session = $node->session(timeout => 0.5) or return undef;
	push @{ $self->{sessions} }, $session;
	return $session->send($sql) ? '' : undef;
}

sub _do_bulk
{
	my ($self, $node, $other, $more) = @_;
	my $rows = int(60_000 * $more);
	return $self->_send($node, "INSERT INTO bench.bulk SELECT 1, repeat('x', 60) FROM generate_series(1, $rows)");
}

sub _do_switch_wal { return $_[0]->_send($_[1], 'SELECT pg_switch_wal()') }
sub _do_checkpoint { return $_[0]->_send($_[1], 'CHECKPOINT') }

# A smart shutdown waits for the clients, and lets nobody in meanwhile.
sub _end_smart_stops
{
	my ($self) = @_;
	my $stops = delete $self->{smart} // {};

	foreach my $pid (keys %$stops)
	{
		kill 'INT', $pid if ($stops->{$pid}->postmaster // 0) == $pid;
	}
	return;
}

# Undoes everything: all runs, all is connected, all is quick.
sub heal
{
	my ($self) = @_;
	my $cluster = $self->{cluster};

	$cluster->heal;
	$cluster->delay('*', '*', 0);
	$self->thaw;
	$self->_end_smart_stops;
	$_->start foreach $cluster->nodes;
	$_->close foreach @{ $self->{sessions} // [] };
	$self->{sessions} = [];
	return;
}

1;
