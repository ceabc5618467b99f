#!/usr/bin/perl
#
# Runs the layers of the suite and counts: the last line is "N passed, N failed".
#
#   run_tests.pl --make MAKE LAYER... [-- NAME...]
#
# A layer is a rule for finding test files and a way to run one (see %layer); a new
# file is found by its place. A test is any program that prints TAP, each "ok" of it
# counts, or else any program with an exit status, which counts as one. NAME picks
# files by name without directory and ending. A failing test's whole output is shown,
# and with V=1 every test's; all of it is kept in build/test/log. What a layer needs
# compiled is made first ("make build-LAYER"); a compile error is a failed test.
#
# Tests of servers wait most of their time, for leases that run out, so that several run at
# a time: always two, and more while the processors have time to spare. What computes for
# long runs beside them with what they leave over. Those that take longest begin.
#
# Environment: JOBS (processors), TAP_JOBS (so many files with servers at a time, whatever
# the processors do), MR_TEST_TIMEOUT (seconds a file).
# Servers refuse root, so this never runs as root: the Makefile sees to that.

use strict;
use warnings;
use Cwd qw(getcwd);
use Fcntl qw(:flock);
use File::Basename qw(basename dirname);
use File::Path qw(make_path remove_tree);
use List::Util qw(min sum);
use POSIX qw(:sys_wait_h setpgid dup2);
use TAP::Parser;
use Time::HiRes qw(time);

my $top = getcwd();
my $cpus = $ENV{JOBS} || 1;
my $fewest_servers = $ENV{TAP_JOBS} || min(2, $cpus);
my $most_servers = $ENV{TAP_JOBS} || 2 * $cpus;
my $timeout = $ENV{MR_TEST_TIMEOUT} || 600;
my $pg_config = $ENV{PG_CONFIG};
my ($passed, $failed, $skipped, @failures) = (0, 0, 0);
my %running;

# Another file with servers begins at most this often (seconds), and only while less than this
# part of the processors was busy since the last one did: a cluster that starts computes.
my ($pace, $busy_enough) = (2, 0.7);

# What takes longest (seconds on two quiet processors): what ends last should not begin last.
my %seconds = (
	'955_runbook' => 75, '220_network' => 60, '550_alerts' => 47, '400_switchover' => 45, '410_failback' => 43,
	'950_demo' => 42, '130_restart' => 38, '210_state_file' => 37, '430_hooks' => 36, '400_mode_switch' => 34,
	'440_races' => 32, '420_observe_patroni' => 31, '260_witness' => 30, '200_rejoin' => 28, '100_failover' => 27,
	'985_mixed_versions' => 26, '110_faults' => 25, '110_freeze' => 24, '480_forced_alive' => 23,
);

# files: what the layer consists of. command: how one file is run. tap: the test must
# print TAP, so that one that dies before its first check cannot pass. servers: it starts
# some and waits for them. background: it computes for long and waits for nobody.
my %layer = (
	lint => {
		files => sub { glob('test/lint/*.pl test/lint/*.sh') },
		command => sub { $_[0] },
	},
	unit => {
		files => sub { glob('test/unit/test_*.c') },
		command => sub { 'build/asan/' . ($_[0] =~ s/\.c$//r) },
		tap => 1,
	},
	simulation => {
		files => sub { (only('test/simulation/*.c', 'test/simulation'), glob('test/simulation/mutants.pl')) },
		command => sub { $_[0] =~ /mutants/ ? ($_[0], '--quick') : ('build/test/simulation.bin', '--quick') },
		tap => 1,
		background => 1,
	},
	mutants => {
		files => sub { glob('test/simulation/mutants.pl') },
		command => sub { $_[0] },
		tap => 1,
		background => 1,
	},
	model => {
		files => sub { only('test/model/run.sh', 'test/model/run.sh') },
		command => sub { $_[0] },
		background => 1,
	},
	regress => {
		files => sub { only('sql/*.sql', 'sql') },
		command => sub { ('test/tools/regress.sh', 'build/test', @{ $_[1] }) },
		servers => 1,
		tap => 1,
		picks_itself => 1,
	},
	isolation => {
		files => sub { only('test/isolation/specs/*.spec', 'test/isolation') },
		command => sub { ('test/tools/regress.sh', '--isolation', 'build/test', @{ $_[1] }) },
		servers => 1,
		tap => 1,
		picks_itself => 1,
	},
	tap => {
		files => sub { glob('test/tap/*.pl') },
		command => sub { perl_test($_[0]) },
		servers => 1,
		tap => 1,
	},
	sidecar => {
		files => sub { glob('test/sidecar/*.pl') },
		command => sub { perl_test($_[0]) },
		servers => 1,
		tap => 1,
	},
);

# One test that stands for all files of a pattern, if there are any.
sub only
{
	my ($pattern, $name) = @_;
	my @found = glob($pattern);
	return (@found && -e $found[0]) ? ($name) : ();
}

sub perl_test
{
	my ($file) = @_;
	return ($^X, "-I$ENV{MR_PGXS_DIR}/src/test/perl", '-Itest/tap/lib', $file);
}

# What PostgreSQL::Test::Cluster and our own tests expect to find.
sub set_environment
{
	delete $ENV{$_} for grep { /^PG(?!_MAJOR$|_CONFIG$|_TEST)/ } keys %ENV;
	my $prefix = $ENV{MR_PREFIX} . '/test';
	chomp(my $pgxs = `$pg_config --pgxs`);
	chomp(my $bindir = `$pg_config --bindir`);
	$ENV{MR_PGXS_DIR} = $pgxs =~ s{/src/makefiles/pgxs\.mk$}{}r;
	$ENV{MR_BINDIR} = "$prefix$bindir";
	$ENV{MR_TOP} = $top;
	$ENV{PATH} = "$ENV{MR_BINDIR}:$ENV{PATH}";
	$ENV{PG_REGRESS} = "$ENV{MR_PGXS_DIR}/src/test/regress/pg_regress";
	$ENV{PG_TEST_PORT_DIR} = "$top/build/test/portlock";
	$ENV{UBSAN_OPTIONS} ||= 'print_stacktrace=1';
	$ENV{LC_ALL} = 'C.UTF-8';
	delete $ENV{LANGUAGE};
	return;
}

sub label
{
	my ($test) = @_;
	my $name = basename($test->{file}) =~ s/\.(?:c|pl|sh)$//r;
	return $name eq $test->{layer} ? $name : "$test->{layer}/$name";
}

sub duration
{
	my ($test) = @_;
	return $seconds{ basename($test->{file}) =~ s/\.[a-z]+$//r } // 0;
}

sub start
{
	my ($test) = @_;
	my $name = label($test);
	$test->{log} = 'build/test/log/' . ($name =~ tr{/}{-}r) . '.log';
	$test->{dir} = "$top/build/test/run/" . ($name =~ tr{/}{-}r);
	remove_tree($test->{dir});
	make_path($test->{dir}, dirname($test->{log}));
	my $pid = fork() // die "fork: $!";
	if ($pid == 0)
	{
		setpgid(0, 0);
		delete @ENV{qw(MAKEFLAGS MFLAGS MAKELEVEL)} if $test->{layer} ne 'build';
		$ENV{TESTDIR} = $ENV{TESTDATADIR} = $test->{dir};
		$ENV{TESTLOGDIR} = "$test->{dir}/log";
		open(STDIN, '<', '/dev/null') or die $!;
		open(STDOUT, '>', $test->{log}) or die "$test->{log}: $!";
		open(STDERR, '>&', \*STDOUT) or die $!;
		POSIX::nice(5) if $test->{background};
		exec { $test->{command}[0] } @{ $test->{command} }
		  or do { print "could not run $test->{command}[0]: $!\n"; POSIX::_exit(127); };
	}
	$test->{started} = time();
	$running{$pid} = $test;
	return;
}

# A test over its time gets SIGTERM, so that it can stop its servers, then SIGKILL. One that
# gives way to others has more of it, and compiling takes what it takes.
sub enforce_time
{
	for my $pid (keys %running)
	{
		my $test = $running{$pid};
		my $age = time() - $test->{started};
		next if $test->{layer} eq 'build';
		$age /= 3 if $test->{background};
		if ($age > $timeout && !$test->{late})
		{
			$test->{late} = 1;
			kill 'TERM', -$pid;
		}
		kill 'KILL', -$pid if $age > $timeout + 15;
	}
	return;
}

sub read_file
{
	my ($file) = @_;
	open(my $handle, '<', $file) or return '';
	local $/;
	my $text = <$handle>;
	return $text // '';
}

# Returns (passed, failed, reason): the checks of a TAP stream, or 1 for the exit status.
sub judge
{
	my ($test, $status, $output) = @_;
	my $how = $status & 127 ? 'died of signal ' . ($status & 127) : 'exit status ' . ($status >> 8);
	$how = "stopped after $timeout s" if $test->{late};
	if ($output !~ /^(?:not )?ok\b|^1\.\.\d+/m)
	{
		return (0, 1, $status == 0 ? 'printed no TAP' : $how) if $test->{tap} || $status != 0;
		return (1, 0, '');
	}
	my $parser = TAP::Parser->new({ tap => $output });
	$parser->run;
	my ($good, $bad) = (scalar($parser->passed), scalar($parser->failed));
	return (0, 0, 'skipped: ' . $parser->skip_all) if $parser->skip_all && $status == 0;
	return ($good, $bad, '') if $bad;
	return ($good, 1, join('; ', $parser->parse_errors)) if $parser->parse_errors;
	return ($good, 1, $how) if $status != 0 || $test->{late};
	return ($good, 0, '');
}

# The failed checks and the notes under them, and what a test that died said last: shown
# at the end of the run, where the cut of a long output still leaves them.
sub failed_checks
{
	my ($output) = @_;
	my (@found, $noted);
	my @lines = split(/^/, $output);
	for my $line (@lines)
	{
		$noted = $line =~ /^not ok\b/ || ($noted && $line =~ /^#/);
		push(@found, $line) if $noted;
	}
	push(@found, grep { !$noted } $lines[-1] // ());
	return join('', map { "  $_" } @found);
}

# The tail of the servers' logs of a failed cluster test.
sub server_logs
{
	my ($test) = @_;
	my $text = '';
	for my $file (glob("$test->{dir}/tmp_check/log/*.log"), glob("$test->{dir}/log/*.log"))
	{
		next if basename($file) =~ /^regress_log/;
		my @lines = split(/^/, read_file($file));
		splice(@lines, 0, @lines - 60) if @lines > 60;
		$text .= "--- last lines of $file\n" . join('', @lines);
	}
	return $text;
}

sub finish
{
	my ($test, $status) = @_;
	my $output = read_file($test->{log});
	my ($good, $bad, $reason) = judge($test, $status, $output);
	my $word = $bad ? 'FAIL' : $reason =~ /^skipped/ ? 'skip' : 'ok';
	$passed += $good;
	$failed += $bad;
	$skipped++ if $word eq 'skip';
	push(@failures, label($test) . "\n" . failed_checks($output)) if $bad;
	printf "%-4s %-40s %5d passed %3d failed %7.1f s%s\n", $word, label($test), $good, $bad,
	  time() - $test->{started}, $reason ? "  ($reason)" : '';
	my %left_out = map { $_ => 1 } $output =~ /^ok \d+ # skip (.+)$/mg;
	print map { "     left out: $_\n" } sort keys %left_out;
	if ($bad || $ENV{V})
	{
		$output .= server_logs($test) if $bad;
		print "---- output of ", label($test), "\n", $output, "\n" x ($output !~ /\n\z/), "----\n";
	}
	remove_tree($test->{dir}) if !$bad;
	return;
}

# What the background tests have computed so far, in ticks: they give way to the others.
sub background_time
{
	my %ours = map { $_ => 1 } grep { $running{$_}{background} } keys %running;
	my $ticks = 0;
	for my $file (%ours ? glob('/proc/[0-9]*/stat') : ())
	{
		my @fields = split(' ', read_file($file) =~ s/^.*\)//sr);
		$ticks += sum(@fields[11 .. 14]) if @fields > 14 && $ours{ $fields[2] };
	}
	return $ticks;
}

# Time that the processors were busy and that they had, in ticks since the machine's start.
sub processor_time
{
	my (undef, $user, $nice, $system, $idle, $wait, @interrupts) = split(' ', read_file('/proc/stat'));
	return (0, 0) if !defined $wait;
	my $busy = $user + $nice + $system + sum(@interrupts[0 .. 2]);
	return ($busy - background_time(), $busy + $idle + $wait);
}

# Whether one more file with servers may begin beside those that run.
{
	my ($began, $busy, $all) = (0);

	sub may_serve
	{
		my ($count) = @_;
		return 0 if $count >= $most_servers;
		if ($count >= $fewest_servers)
		{
			return 0 if time() - $began < $pace;
			my ($busy_now, $all_now) = processor_time();
			my $had = $all_now - $all;
			my $used = $busy_now - $busy;
			($began, $busy, $all) = (time(), $busy_now, $all_now);
			# Less than nothing: a background test has ended, and its time with it.
			return 0 if $had <= 0 || $used < 0 || $used / $had > $busy_enough;
		}
		($began, $busy, $all) = (time(), processor_time());
		return 1;
	}
}

# Runs the tests, each kind in the order given.
sub run_tests
{
	my (@tests) = @_;
	my @serving = grep { $_->{servers} } @tests;
	my @computing = grep { !$_->{servers} } @tests;
	while (@serving || @computing || %running)
	{
		my $servers = grep { $_->{servers} } values %running;
		start(shift @computing) if @computing && keys(%running) - $servers < $cpus;
		start(shift @serving) if @serving && may_serve($servers);
		my $pid = waitpid(-1, WNOHANG);
		if ($pid > 0 && $running{$pid})
		{
			my $status = $?;
			my $test = delete $running{$pid};
			# What the test left behind in its group must not outlive it.
			kill 'TERM', -$pid;
			finish($test, $status);
		}
		elsif ($pid <= 0)
		{
			enforce_time();
			select(undef, undef, undef, 0.02);
		}
	}
	return;
}

sub tests_of
{
	my ($name, @wanted) = @_;
	my %wanted = map { (basename($_) =~ s/\.[a-z]+$//r) => 1 } @wanted;
	my $rule = $layer{$name} or die "unknown layer \"$name\"\n";
	my @files = $rule->{files}->();
	@files = grep { $wanted{ basename($_) =~ s/\.[a-z]+$//r } } @files
	  if @wanted && !$rule->{picks_itself};
	die "no test of layer \"$name\" is called @wanted\n" if @wanted && !@files;
	return map { { layer => $name, file => $_, tap => $rule->{tap}, servers => $rule->{servers},
		background => $rule->{background},
		  command => [ $rule->{command}->($_, [ sort keys %wanted ]) ] } } @files;
}

sub main
{
	my ($make, @layers, @wanted);
	while (defined(my $argument = shift @ARGV))
	{
		if ($argument eq '--make') { $make = shift @ARGV; }
		elsif ($argument eq '--') { @wanted = @ARGV; @ARGV = (); }
		else { push(@layers, $argument); }
	}
	die "usage: run_tests.pl --make MAKE LAYER... [-- NAME...]\n" if !$make || !@layers;
	$| = 1;
	make_path('build/test');
	open(my $lock, '>', 'build/test/lock') or die "build/test/lock: $!\n";
	flock($lock, LOCK_EX | LOCK_NB) or die "another test run is using $top/build\n";
	my $began = time();
	set_environment();
	my @selected = map { [ $_, tests_of($_, @wanted) ] } @layers;
	my @needed = map { "build-$_->[0]" } grep { @$_ > 1 } @selected;
	if (@needed)
	{
		my %build = (layer => 'build', file => 'build', command => [ $make, @needed ]);
		run_tests(\%build);
	}
	if (!$failed)
	{
		my @tests = sort { duration($b) <=> duration($a) } map { @$_[1 .. $#$_] } @selected;
		run_tests(grep { !$_->{servers} && !$_->{background} } @tests);
		run_tests(grep { $_->{servers} || $_->{background} } @tests);
	}
	print "failed: $_" =~ s{\n*\z}{\n}r for @failures;
	printf "%d test files skipped\n", $skipped if $skipped;
	printf "in %d s\n", time() - $began;
	printf "%d passed, %d failed\n", $passed, $failed;
	return $failed || !$passed ? 1 : 0;
}

local $SIG{INT} = local $SIG{TERM} = sub {
	kill 'TERM', map { -$_ } keys %running;
	die "interrupted\n";
};
exit main();
