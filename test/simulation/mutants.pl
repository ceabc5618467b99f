#!/usr/bin/perl
#
# Breaks src/core on purpose, one rule at a time, and demands that the simulation
# notices: a rule whose loss nobody sees is not tested.
#
#   mutants.pl            all
#   mutants.pl --quick    those that a minute is enough for (make test runs these)
#   mutants.pl NAME ...   these
#   mutants.pl --list     what there is
#
# A mutant is a list of replacements in files of src/core. The text to be replaced must
# be there exactly once, so a mutant that no longer fits its source fails loudly. The
# broken copies live in build/test/mutants; everything else comes from build/test, which
# "make build-simulation" makes. Each is run from seed 1 on until a schedule fails, over
# at most as many seeds as it is given here. Prints TAP.
use strict;
use warnings;
use File::Basename qw(dirname);
use File::Path qw(make_path remove_tree);

my $build = 'build/test';
my ($seeds, $many) = (1000, 40000);

# [name, what is broken, file => [from, to, ...] ...]; rare => it takes many seeds, not quick.
my @mutants = (
	['vote_in_promise', 'a voter votes while its promise to another runs',
		'lease_voter.c' => ["if (promised_to_another(step))\n", "if (false)\n"]],
	['any_proof', 'a voter does not compare the proof of release with its promise',
		'lease_voter.c' => ["return proof->term != 0 && proof->term == lease->promise_term &&",
			"return proof->term != 0 || (proof->term == lease->promise_term &&",
			"proof->nonce == lease->promise_nonce;", "proof->nonce == lease->promise_nonce);"], rare => 1],
	['vote_twice', 'a voter votes for two candidates of a term',
		'lease_voter.c' => ["return MR_REFUSE_ALREADY_VOTED;", "return MR_REFUSE_NONE;"]],
	['no_restart_wait', 'a restarted voter votes for anybody at once',
		'lease.c' => ["now_ns + mr_promise_ns(durable->max_lease_ms);", "now_ns;"]],
	['own_term_sticks', 'a restarted holder campaigns in spite of a promise given since',
		'lease_voter.c' => ["lease->own_term = 0;", ""], rare => 1],
	['vote_not_persisted', 'a promise is not written to the state file',
		'lease_voter.c' => ["durable->max_lease_ms = message->lease_ms;\n\t\tlease->dirty = true;",
			"durable->max_lease_ms = message->lease_ms;"]],
	['persisted_late', 'the state file is written after the reply has left',
		'lease.c' => ["int at = 0;", "int at = actions->count;"]],
	['promise_too_short', 'a promise is shorter than the lease',
		'mr_candidate.h' => ["(100 + MR_DRIFT_PERCENT)", "(100 - 5)"]],
	['no_drift_margin', 'a promise is as long as the lease, whatever the clocks do',
		'mr_candidate.h' => ["(100 + MR_DRIFT_PERCENT)", "100"]],
	['deadline_from_reply', 'the lease counts from the reply',
		'lease_leader.c' => ["until = step->event->sent_ns +", "until = step->now +"],
		'lease_candidate.c' => ["step->event->sent_ns +", "step->now +"]],
	['release_without_fence', 'a RELEASE is sent by a leader that is not fenced',
		'lease_handover.c' => ["\tmr_step_deadline(step, 0);\n\tlease->handover", "\tlease->handover"]],
	['deadline_after_release', 'grants that arrive after a RELEASE still count',
		'lease_handover.c' => ["lease->peers[i].granted_until_ns = 0;", ""],
		'lease_contact.c' => ["if (lease->handover >= MR_HANDOVER_WAIT)",
			"if (lease->handover >= MR_HANDOVER_WAIT && reply->kind == MR_MSG_RELEASE)"],
		'lease_leader.c' => [
			"if (lease->renounced || !lease->stamped || lease->handover > MR_HANDOVER_DRAIN)",
			"if (!lease->stamped)", "reply->term == lease->durable.term && !lease->renounced &&",
			"reply->term == lease->durable.term &&"]],
	['last_byte_before_fence', 'the end of the last commit is read before the fence is up',
		'lease_handover.c' => ["lease->handover_until_ns = step->now + wait_ns;\n",
			"lease->handover_until_ns = step->now + wait_ns;\n\tlease->leader_lsn = needed_lsn(step);\n",
			"message->need_lsn = needed_lsn(step);", "message->need_lsn = lease->leader_lsn;",
			"static void\nbegin_handover", "static MrLsn needed_lsn(const MrStep *step);\n\nstatic void\nbegin_handover"], rare => 1],
	['handover_unchecked', 'a successor need not hold the last byte',
		'lease_release.c' => ["message->need_lsn != 0 && !holds(step, message))", "false)"]],
	['unstamped_handover', 'a leader without a stamp asks for the end of an older one',
		'lease_handover.c' => ["if (!step->lease->stamped)\n", "if (false)\n"], rare => 1],
	['holder_without_boot', 'the holder is a node, not a boot: it renews its term after a restart',
		'lease.c' => ["lease->own_term = durable->term;",
			"{\n\t\tlease->own_term = durable->term;\n\t\tif (durable->last_led_term == durable->term)\n\t\t{\n"
			. "\t\t\tlease->role = MR_ROLE_LEADER;\n\t\t\tlease->leader = lease->self;\n"
			. "\t\t\tlease->promote_until_ns = INT64_MAX;\n\t\t}\n\t}\n"],
		'lease_voter.c' => ["return MR_REFUSE_WRONG_BOOT;", "return MR_REFUSE_NONE;"],
		'lease_release.c' => ["message->term == durable->term && message->nonce == durable->voted_nonce &&",
			"message->term == durable->term &&"]],
	['witness_forgets', 'a witness elects whoever asks',
		'lease_witness.c' => ["if (limit < 0)", "if (true)"]],
	['witness_compares_bytes', 'a witness compares positions and not leaderships',
		'lease_witness.c' => ["return !is_prefix(step) ||\n\t\t   (", "return (", "> (uint64_t) limit);", "> (uint64_t) limit && is_prefix(step));"]],
	['timeline_not_reserved', 'a candidate takes a timeline that votes have reserved',
		'lease_candidate.c' => ["uint32_t newest = step->lease->durable.reserved_timeline;",
			"uint32_t newest = 0;"],
		'lease_voter.c' => ["return MR_REFUSE_TIMELINE_TAKEN;", "return MR_REFUSE_NONE;"]],
	['timeline_not_remembered', 'a voter does not reserve the timeline of its candidate',
		'lease_voter.c' => ["lease->durable.reserved_timeline = message->timeline;", ""]],
	['ahead_ignored', 'a voter elects a candidate that holds less WAL',
		'lease_voter.c' => ["if (ahead_of_candidate(step))\n", "if (false)\n"]],
	['log_term_too_early', 'the log term is that of a stamp whose WAL is not held yet',
		'lease.c' => ["local->wal_end <= durable->stamp.lsn)", "false)"]],
	['log_term_of_any_timeline', 'WAL of another timeline counts as past the stamp',
		'lease.c' => ["local->timeline != durable->stamp.timeline ||", ""]],
	['not_severed', 'a node votes while its walreceiver still writes',
		'lease_voter.c' => ["refusal == MR_REFUSE_NONE && lease->bound && !step->local->severed)", "false)"]],
	['diverged_follows', 'a node past the fork follows the leader all the same',
		'lease_voter.c' => ["step->local->standby && passes_fork(step)", "false"]],
	['stamp_not_awaited', 'a node follows a leader whose stamp it does not have',
		'lease_voter.c' => ["lease->durable.stamp.term != step->event->message->term)", "false)"]],
	['grants_not_shortened', 'a pause that ended leaves grants that reach too far',
		'lease_leader.c' => ["lease->peers[slot].granted_until_ns = longest_ns;", ";",
			"if (lease->deadline_ns > longest_ns)", "if (false)"]],
	['overtaken_shortens', 'a grant that was overtaken shortens a promise',
		'lease_voter.c' => ["(overtaken || !message->shorten)", "!message->shorten"], rare => 1],
	['long_reply_counts', 'the reply to a grant of a pause counts in full after the pause',
		'lease_leader.c' => ["reply->lease_ms < wanted_ms ? reply->lease_ms : wanted_ms", "reply->lease_ms"], rare => 1],
	['any_released_byte', 'a candidate that lacks bytes the last leader acknowledged passes for complete',
		'lease_voter.c' => ["message->report.wal_end >= message->released.need_lsn", "message->report.wal_end > 0"], rare => 1],
	['amnesia_at_once', 'one refusal makes an amnesiac',
		'lease_contact.c' => ["|| step->event->message->id <= peer->amnesia_after_id", ""], rare => 1],
	['opens_at_once', 'a leader that leaves "manage" opens its fence before the others know',
		'lease_configuration.c' => ["next->leaving = !mr_config_elects(next) && (lease->bound || mr_config_binds(current));",
			"next->leaving = false;"]],
	['grants_do_not_count', 'the way out of "manage" needs no grants that run',
		'lease_configuration.c' => ["mr_config_has_majority(config, mask & granted_by(step))",
			"(granted_by(step) || true) && mr_config_has_majority(config, mask)"], rare => 1],
	['former_primary_opens', 'a former primary lets go of its fence with all others',
		'lease_mode.c' => ["return (step->local->standby && !step->local->promotion_told) ||", "return true ||"]],
	['promoted_after_all', 'a standby whose promotion was signalled long ago lets go of its fence',
		'lease_mode.c' => ["step->local->standby && !step->local->promotion_told", "step->local->standby"], rare => 1],
	['stale_leader_proposes', 'a leader that was deposed makes configurations of its own',
		'lease_configuration.c' => ["current->term != lease->durable.term || current->voters_old != 0 ||",
			"current->voters_old != 0 ||"], rare => 1],
	['elected_while_leaving', 'standbys are elected while the cluster leaves "manage"',
		'lease_mode.c' => ["return step->local->in_recovery || durable->last_led_term != durable->config.term\n\t\t\t   ? MR_REFUSE_OBSERVE\n\t\t\t   : MR_REFUSE_NONE;",
			"return MR_REFUSE_NONE;"]],
	['candidate_goes_on', 'votes that were asked for in "manage" still count after it',
		'lease_configuration.c' => ["if (!mr_config_elects(config))\n", "if (false)\n"],
		'lease_mode.c' => ["if (refusal != MR_REFUSE_NONE || mr_config_elects(&durable->config) || mr_mode_is_played(step))",
			"if (refusal != MR_REFUSE_NONE || mr_config_elects(&durable->config) || mr_mode_is_played(step) || lease->role == MR_ROLE_CANDIDATE)"], rare => 1],
	['same_generation', 'a forced quorum begins with the next term instead of the next generation',
		'forced.c' => ["durable->term = (mr_generation(newest) + 1) << 32;", "durable->term = newest + 1;"]],
	['forced_among_all', 'a forced quorum still needs the votes of those it left out',
		'forced.c' => ["config->voters = BIT(self);", ";"]],
	['forced_while_joint', 'a change of voters that was under way goes on after a forced quorum',
		'forced.c' => ["config->voters_old = 0;", ";"]],
	['left_out_proposed', 'the tables make members of those whom a forced quorum left out',
		'lease_configuration.c' => ["mr_forced_brings_back(&lease->durable, proposed))", "false)"]],
	['left_out_lives_on', 'a node that was left out does not stop',
		'lease.c' => ["if (step->local->manage && mr_durable_is_discarded(&lease->durable))", "if (false)"]],
	['other_generation_counts', 'what nodes of another generation say is believed',
		'lease_contact.c' => ["if (!same_generation)\n", "if (false)\n"]],
	['forced_timelines', 'a forced quorum takes the next timeline, which those left out may have taken',
		'forced.c' => ["durable->reserved_timeline += TIMELINES_LEFT_OUT;", ";"]],
	['voters_at_once', 'a change of voters is not joint',
		'lease_configuration.c' => ["next.voters_old = next.voters == current->voters ? 0 : current->voters;",
			"next.voters_old = 0;"]],
	['final_unbacked', 'new voters elect while a lease of the old ones runs',
		'lease_configuration.c' => ["if (lease->durable.config.voters_old != 0 && !mr_leader_rests_on_both(step))\n", "if (false)\n"], rare => 1],
	['newer_voters_old_grants', 'a leader counts the grants of its term by the voters of a newer one',
		'lease_configuration.c' => ["if (config->term > durable->term && lease->role == MR_ROLE_LEADER)", "if (false)"], rare => 1],
	['dropped_at_once', 'a member is dropped while it has a vote',
		'lease_configuration.c' => ["if (mr_config_problem(&next) != NULL)\n", "if (false)\n"]],
	['promoted_observer', 'an observer does what it would do',
		'lease_candidate.c' => ["if (mr_mode_is_played(step))\n", "if (false)\n"]],
);

sub read_file
{
	my ($path) = @_;
	open(my $handle, '<', $path) or die "$path: $!\n";
	local $/;
	my $text = <$handle>;
	return $text;
}

sub write_file
{
	my ($path, $text) = @_;
	open(my $handle, '>', $path) or die "$path: $!\n";
	print $handle $text;
	close($handle) or die "$path: $!\n";
	return;
}

# The sources of src/core with the mutant's changes; dies if one does not fit.
sub break_sources
{
	my ($folder, $changes) = @_;
	make_path("$folder/core");
	my %text = map { ($_ =~ m{([^/]+)$})[0] => read_file($_) } glob('src/core/*.[ch]');
	for my $file (sort keys %$changes)
	{
		my @pairs = @{ $changes->{$file} };
		while (my ($from, $to) = splice(@pairs, 0, 2))
		{
			my $count = () = $text{$file} =~ /\Q$from\E/g;
			die "$file has $count times: $from\n" if $count != 1;
			$text{$file} =~ s/\Q$from\E/$to/;
		}
	}
	write_file("$folder/core/$_", $text{$_}) for keys %text;
	return;
}

# Compiles what differs (all of the protocol when a header does) before the archive's.
sub compile
{
	my ($folder, $changes) = @_;
	my @files = grep { /\.c$/ } keys %$changes;
	@files = map { ($_ =~ m{([^/]+)$})[0] } glob('src/core/lease*.c') if grep { /\.h$/ } keys %$changes;
	my @sources = map { "$folder/core/$_" } sort @files;
	my @objects = glob("$build/test/simulation/*.o");
	die "make build-simulation has not been run\n" if !@objects || !-e "$build/libcore.a";
	system('gcc', '-std=gnu11', '-O1', '-w', '-DUSE_ASSERT_CHECKING', "-I$folder", '-o', "$folder/simulation.bin",
		@sources, @objects, "$build/libcore.a", '-lm') == 0 or die "it does not compile\n";
	return;
}

# Runs it until a schedule fails. Returns what it saw, or nothing.
sub hunt
{
	my ($folder, $limit) = @_;
	open(my $pipe, '-|', "$folder/simulation.bin", '--from', 1, '--runs', $limit, '--first') or die "fork: $!\n";
	my $seen = '';
	while (my $line = <$pipe>)
	{
		$seen = $1 if $line =~ /^# (seed .*)/;
	}
	close($pipe);
	return $seen if $seen ne '';
	return $? == 0 ? '' : 'it crashed (status ' . ($? >> 8 || $?) . ')';
}

sub main
{
	my @wanted = @ARGV;
	if (@wanted && $wanted[0] eq '--list')
	{
		printf "%-24s %s\n", @{$_}[ 0, 1 ] for @mutants;
		return 0;
	}
	my $quick = @wanted && $wanted[0] eq '--quick' && shift @wanted;
	my %wanted = map { $_ => 1 } @wanted;
	my ($number, $failures) = (0, 0);
	my @chosen = grep { !@wanted || $wanted{ $_->[0] } } @mutants;
	@chosen = grep { my (undef, undef, %about) = @$_; !$about{rare} } @chosen if $quick;
	$| = 1;
	print '1..', scalar(@chosen), "\n";
	for my $mutant (@chosen)
	{
		my ($name, $what, %changes) = @$mutant;
		my $limit = delete $changes{rare} ? $many : $seeds;
		my $folder = "$build/mutants/$name";
		remove_tree($folder);
		my $seen = eval { break_sources($folder, \%changes); compile($folder, \%changes); hunt($folder, $limit) };
		print '# ', $@ if !defined $seen;
		my $caught = defined $seen && $seen ne '';
		$failures++ if !$caught;
		printf "%sok %d - %s: %s\n", $caught ? '' : 'not ', ++$number, $name, $what;
		print '#   ', $caught ? $seen : defined $seen ? "not noticed in $limit schedules" : 'it could not be made', "\n";
	}
	return $failures > 0;
}

exit main();
