# GET /metrics on a real cluster: both formats, read as a scraper reads them and by promtool;
# what it says is what SQL says; it goes on, and says nothing wrong, while the database is
# frozen, killed, or fails over; the counter of failovers survives all of that on every node.
# A real Prometheus scrapes the three sidecars meanwhile, with the rules that are shipped.
# Method: one cluster of three regions, one fault after the other. Where promtool and
# Prometheus are not installed, only what they would say is left out.
use strict;
use warnings;

use JSON::PP ();
use Test::More;
use Time::HiRes qw(time);

use MultiRegion::Cluster;
use MultiRegion::Http;
use MultiRegion::Metrics qw(metrics_of value_of promtool);
use MultiRegion::Prometheus;
use MultiRegion::Sidecar;

my $cluster = MultiRegion::Cluster->new(
	regions => 3, sidecars => 1, policy => { health_check_interval => '300ms', alert_delay => '200ms' },
	sidecar_settings => { MULTIREGION_STALE_AFTER => 1500, MULTIREGION_DATABASE_TIMEOUT => 1000 });
$cluster->start;
my $leader = $cluster->wait_for_leader;
my ($second, $third) = grep { $_ != $leader } $cluster->nodes;

sub file { my ($name) = @_; local (@ARGV, $/) = "$ENV{MR_TOP}/$name"; return scalar <> }

sub get
{
	my ($node, $path, %args) = @_;
	return MultiRegion::Http->get($node->http_port, $path, timeout => 2, %args) // { status => 'none', body => '', headers => {} };
}

# The samples of a node: a hash of "name{labels}" => value, with labels in the order written.
sub samples { return metrics_of(get($_[0], '/metrics')->{body}) }

sub own { my ($node, $name, $more) = @_; return "$name\{region=\"" . $node->region . '",node="' . $node->name . '"' . ($more // '') . '}' }

sub wait_for
{
	my ($node, $name, $value, $timeout, $more) = @_;
	my $key = $name =~ /\{/ ? $name : own($node, $name, $more);

	$cluster->poll_until(sub { (samples($node)->{$key} // '') eq $value }, $timeout // 10, "$key of " . $node->name . " to be $value");
	return 1;
}

foreach my $node ($cluster->nodes)
{
	ok(wait_for($node, 'multiregion_up', 1, 20), $node->name . ': up');
	ok(wait_for($node, 'multiregion_failover_possible', 1, 20), $node->name . ': a failover is possible');
}
my $prometheus = MultiRegion::Prometheus->start(
	directory => "$cluster->{directory}/prometheus", targets => { map { $_->name => $_->http_port } $cluster->nodes });

# --- form ----------------------------------------------------------------------------------

get($leader, '/api/regions/tenant/secret-tenant/region');
get($leader, '/nowhere');
MultiRegion::Http->raw($leader->http_port, "GET / HTTP/1.1\r\n\r\n");
my $plain = get($leader, '/metrics');
is("$plain->{status} $plain->{headers}{'content-type'}", '200 text/plain; version=0.0.4; charset=utf-8', 'the text format');
is(promtool('check metrics', $plain->{body}), '', 'promtool has nothing to say about it');
my $open = get($leader, '/metrics', headers => ['Accept: application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5']);
is($open->{headers}{'content-type'}, 'application/openmetrics-text; version=1.0.0; charset=utf-8', 'OpenMetrics for who asks for it');
like($open->{body}, qr/\n# EOF\n\z/, 'OpenMetrics ends');
like($open->{body}, qr/^# TYPE multiregion_health_checks counter$/m, 'its counters are families without _total');
is_deeply([ sort map { s/\{.*//r } keys %{ metrics_of($open->{body}) } ], [ sort map { s/\{.*//r } keys %{ metrics_of(get($leader, '/metrics')->{body}) } ],
	'both formats have the same samples');
unlike($plain->{body}, qr/secret-tenant/, 'no tenant is in it');
my %names = map { s/[{ ].*//r => 1 } grep { !/^#/ } split /\n/, $plain->{body};
my $manual = file('docs/metrics.md');
my @unknown = grep { my $family = s/_(?:bucket|sum|count)$//r; $manual !~ /^\| `(?:\Q$_\E|\Q$family\E)` \|/m } sort keys %names;
is("@unknown", '', 'each metric is in the manual');
my @missing = grep { !$names{$_} && !$names{"${_}_count"} } $manual =~ /^\| `((?:multiregion|process)_\w+)` \|/mg;
is("@missing", 'multiregion_failover_events_total multiregion_failover_duration_seconds multiregion_failover_lost_bytes_total'
		. ' multiregion_last_failover_timestamp_seconds multiregion_failback_due_timestamp_seconds multiregion_alert_active',
	'each of the manual is there, but for what has not happened');
is(get($leader, '/metrics?compat=other')->{status}, 400, 'another compat is refused');
my $head = MultiRegion::Http->connect($leader->http_port)->request('HEAD', '/metrics');
cmp_ok($head->{headers}{'content-length'}, '>', 1000, 'HEAD answers like GET');

# A long answer leaves in pieces; none of them waits for the client to acknowledge the others.
my $kept = MultiRegion::Http->connect($leader->http_port);
$kept->request('GET', '/metrics');
my @took = sort { $a <=> $b } map { my $began = time; $kept->request('GET', '/metrics'); time - $began } 1 .. 9;
cmp_ok($took[0], '<', 0.03, 'on a kept connection it comes at once'); # else each takes 40 ms

my $patroni = get($leader, '/metrics?compat=patroni')->{body};
my @patroni_names = file('src/sidecar/mr_patroni_metric_list.h') =~ /X\(\w+, "(\w+)"/g;
is(scalar @patroni_names, 26, "Patroni's 26 metrics");
my $of_leader = metrics_of($patroni);
is_deeply([ sort keys %$of_leader ], [ sort map { "$_\{scope=\"multiregion\",name=\"" . $leader->name . '"}' } @patroni_names ], 'by its names, and no others');
my $of_second = metrics_of(get($second, '/metrics?compat=patroni')->{body});
my $patroni_of = sub { my ($samples, $node, $name) = @_; return $samples->{"patroni_$name\{scope=\"multiregion\",name=\"" . $node->name . '"}'} };
is(join(' ', map { $patroni_of->($of_leader, $leader, $_) } qw(primary replica postgres_running postgres_state cluster_unlocked)), '1 0 1 5 0', 'of the primary');
is(join(' ', map { $patroni_of->($of_second, $second, $_) } qw(primary replica postgres_streaming postgres_in_archive_recovery)), '0 1 1 0', 'of a standby');
cmp_ok($patroni_of->($of_leader, $leader, 'xlog_location'), '>', 16 * 1024 * 1024, 'the position of its WAL');
is($patroni_of->($of_leader, $leader, 'postgres_server_version'), $leader->value('SHOW server_version_num'), 'the version of the server');
like(get($leader, '/metrics?compat=seed')->{body}, qr/^# TYPE db_query_duration histogram$(?:.*)^# TYPE http_request_duration histogram$/ms, "the seed's names");

# --- contents --------------------------------------------------------------------------------

my %of = map { $_->name => samples($_) } $cluster->nodes;
my $term = $leader->lease_status->{term};
foreach my $node ($cluster->nodes)
{
	my ($name, $has) = ($node->name, $of{ $node->name });
	my $role = $node == $leader ? 'primary' : 'standby';
	is(join(' ', map { $_ . $has->{ own($node, 'multiregion_node_role', ",role=\"$_\"") } } qw(primary standby unknown)),
		$role eq 'primary' ? 'primary1 standby0 unknown0' : 'primary0 standby1 unknown0', "$name: its role");
	is($has->{ own($node, 'multiregion_node_state', ',state="' . ($role eq 'primary' ? 'writable_primary' : 'standby_of_leader') . '"') }, 1, "$name: its state");
	is($has->{ own($node, 'multiregion_epoch') }, $term, "$name: the epoch");
	is($has->{ own($node, 'multiregion_writable') }, $role eq 'primary' ? 1 : 0, "$name: who may write");
	is($has->{ own($node, 'multiregion_fenced') }, $role eq 'primary' ? 0 : 1, "$name: who is fenced");
	is($has->{ own($leader, 'multiregion_primary') }, 1, "$name: who is primary");
	is(join(' ', map { $has->{ own($node, "multiregion_$_") } } qw(voters voters_present quorum_size)), '3 3 2', "$name: the votes");
	is(join(' ', map { $has->{ own($_, 'multiregion_member_up') } . $has->{ own($_, 'multiregion_timeline') } } $cluster->nodes), '11 11 11', "$name: the members");
	is(join(' ', map { $has->{ "multiregion_region_role{region=\"" . $_->region . '",role="primary"}' } } $cluster->nodes),
		join(' ', map { $_ == $leader ? 1 : 0 } $cluster->nodes), "$name: the region of the primary");
	is($has->{ own($node, 'multiregion_mode', ',mode="manage"') }, 1, "$name: the mode");
	is($has->{'multiregion_policy_value{policy="lease",unit="ms"}'}, $node->value(q{SELECT in_force FROM multiregion.policies WHERE name = 'lease'}) =~ s/\D//gr, "$name: a policy");
	cmp_ok($has->{ own($node, 'multiregion_status_age_seconds', ',part="status"') }, '<', 2, "$name: it is fresh");
	my $start = $node->value('SELECT extract(epoch FROM pg_postmaster_start_time())');
	cmp_ok(abs($has->{ own($node, 'multiregion_postmaster_start_timestamp_seconds') } - $start), '<', 0.1, "$name: when the server started");
}
my $has = samples($leader);
my $http = 'multiregion_http_request_duration_seconds_count{region="' . $leader->region . '",';
is($has->{ $http . 'route="/api/regions/tenant/:id/region",method="GET",code="200"}' }, 1, 'a request is counted by its template');
is($has->{ $http . 'route="unmatched",method="GET",code="404"}' }, 1, 'one that has none');
is($has->{ $http . 'route="malformed",method="other",code="400"}' }, 1, 'what is none');
is($has->{ own($leader, 'multiregion_db_query_duration_seconds_count', ',operation="tenant_read"') }, 1, 'a statement by its operation');
cmp_ok($has->{ own($leader, 'multiregion_db_query_duration_seconds_count', ',operation="status"') }, '>', 1, "the watcher's statements");
cmp_ok($has->{ own($second, 'multiregion_health_checks_total', ',result="ok"') }, '>', 0, 'health checks');
cmp_ok($has->{ own($leader, 'multiregion_lease_remaining_seconds') }, '>', 0, 'a lease');
$kept->request('GET', '/api/health') foreach 1 .. 5;
is(samples($leader)->{ $http . 'route="/api/health",method="GET",code="200"}' }, 5, 'requests that come again are counted, too');

# Alerts and pauses come and go.
$leader->safe_psql(q{SELECT pause_failover('1 hour')});
wait_for($second, 'multiregion_paused{scope="cluster"}', 1);
wait_for($second, 'multiregion_alert_active{alert="failover_suspended",severity="info"}', 1);
like(get($second, '/metrics?compat=patroni')->{body}, qr/^patroni_is_paused\{.*\} 1$/m, 'a pause is one of Patroni, too');
$prometheus->wait_for_alert('MultiregionFailoverSuspended', 20);
pass('Prometheus passes an alert on');
$leader->safe_psql(q{SELECT resume_failover()});
wait_for($second, 'multiregion_paused{scope="cluster"}', 0);
$cluster->poll_until(sub { !grep { /failover_suspended/ } keys %{ samples($second) } }, 10, 'the alert to end');
pass('an alert that is over is gone');

# --- a frozen database -------------------------------------------------------------------------

# What may be said of a database that does not answer.
sub is_honest
{
	my ($node, $what) = @_;
	my $answer = get($node, '/metrics');
	my $has = metrics_of($answer->{body});

	is(promtool('check metrics', $answer->{body}), '', "$what: well-formed");
	is($has->{ own($node, 'multiregion_node_role', ',role="unknown"') }, 1, "$what: its role is unknown");
	is($has->{ own($node, 'multiregion_serving') }, 0, "$what: it does not serve");
	my @wrong = grep { my ($name) = /^(\w+)/; $manual =~ /^\| `\Q$name\E` \| \w+ \| fresh \|/m } sort keys %$has;
	is("@wrong", '', "$what: nothing that may be wrong by now");
	ok(defined $has->{ own($node, 'multiregion_epoch') }, "$what: the epoch is kept");
	ok(defined $has->{ own($node, 'multiregion_status_age_seconds', ',part="status"') }, "$what: how old it is");
	like(get($node, '/metrics?compat=patroni')->{body}, qr/^patroni_primary\{.*\} 0$/m, "$what: no primary in Patroni's words");
	return $has;
}

my @frozen = grep { my $pid = $_; !grep { $pid == $_ } $third->processes(qr/multiregiond/) }
	MultiRegion::Process::processes_in($third->directory);
kill 'STOP', @frozen;
wait_for($third, 'multiregion_up', 0);
my $age = is_honest($third, 'frozen')->{ own($third, 'multiregion_status_age_seconds', ',part="status"') };
cmp_ok($age, '>=', 1.5, 'frozen: too old');
$prometheus->wait_for_query("multiregion_up{node=\"@{[ $third->name ]}\"} == 0", 10);
pass('frozen: Prometheus sees it');
kill 'CONT', @frozen;
wait_for($third, 'multiregion_up', 1);
pass('thawed: fresh again');

# --- failovers -----------------------------------------------------------------------------------

$leader->supervisor_off;
$leader->kill_postmaster;
wait_for($leader, 'multiregion_up', 0);
is_honest($leader, 'killed');
my $next = $cluster->wait_for_leader(not => $leader, timeout => 15);
my $other = $next == $second ? $third : $second;
my $events = sub { my ($from, $to, $kind, $cause) = @_;
	return 'multiregion_failover_events_total{from="' . $from->region . '",to="' . $to->region . "\",kind=\"$kind\",cause=\"$cause\"}" };
my $first;
$cluster->poll_until(sub { $first = $next->query('SELECT cause FROM multiregion.failovers ORDER BY epoch DESC LIMIT 1')->{rows}[0]; $first }, 10, 'the record');
my $automatic = $events->($leader, $next, 'automatic', $first->[0]);
foreach my $node ($next, $other)
{
	wait_for($node, $automatic, 1);
	my $has = samples($node);
	is($has->{'multiregion_failover_duration_seconds_count{phase="total"}'}, 1, $node->name . ': how long it took');
	is($has->{'multiregion_failover_duration_seconds_bucket{phase="total",le="+Inf"}'}, 1, $node->name . ': in a bucket');
	cmp_ok(abs(time - value_of($has, 'multiregion_last_failover_timestamp_seconds')), '<', 60, $node->name . ': when it was');
	is(promtool('check metrics', get($node, '/metrics')->{body}), '', $node->name . ': still well-formed');
}
$prometheus->wait_for_alert('MultiregionFailover', 15);
$prometheus->wait_for_query("sum(multiregion_writable) == 1 and on () sum(multiregion_primary{node=\"@{[ $next->name ]}\"}) == 2", 15);
pass('Prometheus has seen the failover');

# It moves again, then the old primary comes back: the counter has both, also where both were missed.
$cluster->poll_until(sub { $next->query(sprintf q{SELECT kind FROM switchover('%s', dry_run => true)}, $other->region)->{rows}[0] }, 15, 'the other node to be ready');
$next->safe_psql(sprintf q{SELECT switchover('%s')}, $other->region);
$leader->start;
foreach my $node ($cluster->nodes)
{
	wait_for($node, $events->($next, $other, 'manual', 'switchover'), 1, 20);
	is(samples($node)->{$automatic}, 1, $node->name . ': and the one before');
}
my $now = get($other, '/metrics?compat=seed')->{body};
like($now, qr/^failover_events\{from="\w+",to="\w+",kind="manual",cause="switchover"\} 1$/m, "the seed's name of it");
$prometheus->wait_for_query('count(sum by (from, to, kind, cause) (multiregion_failover_events_total)) == 2', 15);
is($prometheus->problems, '', 'every scrape could be read');

# Every panel of the dashboard shows something, now that all of it has happened.
foreach my $panel (@{ JSON::PP->new->utf8->decode(file('docker/grafana/multiregion.json'))->{panels} })
{
	next if $panel->{type} eq 'row' || $panel->{title} eq 'Alerts';
	my @empty = grep { my $query = s/\$job/multiregion/gr; !eval { $prometheus->wait_for_query($query, 10); 1 } } map { $_->{expr} } @{ $panel->{targets} };
	is("@empty", '', "the panel $panel->{title}");
}

# A sidecar that knows no database has little to say, but says it well.
my $lonely = MultiRegion::Sidecar->new(directory => $cluster->{directory}, name => 'lonely', settings => {})->start;
my $body = MultiRegion::Http->get($lonely->port, '/metrics')->{body};
is(promtool('check metrics', $body), '', 'without a database: well-formed');
is(metrics_of($body)->{multiregion_up}, 0, 'not up');
is(metrics_of($body)->{'multiregion_node_state{state="disabled"}'}, 1, 'and why');
is(scalar(() = MultiRegion::Http->get($lonely->port, '/metrics?compat=patroni')->{body} =~ /^patroni_.* 0$/mg), 24, "nothing in Patroni's words");
is($lonely->findings, '', 'the sanitizers found nothing');
$lonely->stop;

foreach my $node ($cluster->nodes)
{
	is(MultiRegion::Sidecar::findings_in($node->sidecar_log), '', $node->name . ': the sanitizers found nothing');
}
is(promtool('check rules', "$ENV{MR_TOP}/docker/prometheus/multiregion.rules.yml"), '', 'the rules are rules');
is(promtool('test rules', "$ENV{MR_TOP}/docker/prometheus/multiregion.rules.test.yml"), '', 'and do what their tests say');
$prometheus->stop;

done_testing();
