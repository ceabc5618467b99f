# Patroni's REST contract on a real cluster: every path, by every method, on the primary and
# on a standby, as a table; the forms of its JSON; its commands; then the primary's server
# killed, cut off, frozen, and its lease worker alone frozen: whoever is asked, and when, no
# sidecar says 200 on /primary while another one does. Method: one cluster of three regions
# with their sidecars, each fault on the node that leads.
use strict;
use warnings;

use JSON::PP ();
use Test::More;

use MultiRegion::Cluster;
use MultiRegion::Http qw(shape_problem);
use MultiRegion::Sidecar;

my $secret = 'test-token-0123456789';
my $cluster = MultiRegion::Cluster->new(
	regions => 3, sidecars => 1, policy => { health_check_interval => '300ms', failback => 'off' },
	sidecar_settings => { MULTIREGION_API_TOKEN => $secret });
$cluster->start;
my $leader = $cluster->wait_for_leader;
my ($second, $third) = grep { $_ != $leader } $cluster->nodes;
my $json = JSON::PP->new->utf8->canonical;
my @authorized = ("Authorization: Bearer $secret");

sub ask { my ($node, @request) = @_; return MultiRegion::Http->ask($node->http_port, @request) }

sub code { return ask($_[0], 'GET', $_[1], timeout => 3)->{status} }

sub wait_ready
{
	$leader = $cluster->wait_for_leader;
	($second, $third) = grep { $_ != $leader } $cluster->nodes;
	$cluster->wait_streaming(nodes => [ $cluster->nodes ], timeout => 60);
	$cluster->poll_until(
		sub {
			code($leader, '/primary') eq 200 && 2 == grep { code($_, '/readiness') eq 200
					&& (ask($_, 'GET', '/patroni')->{json}{multiregion}{primaryNode} // '') eq $leader->name } $second, $third;
		}, 30, 'the sidecars to see it');
	return;
}

wait_ready();
my %sidecar_of = map { $_->name => join(' ', $_->processes(qr/multiregiond/)) } $cluster->nodes;
$leader->safe_psql(q{SELECT set_tenant_region('acme', '} . $second->region . q{')});
$cluster->wait_caught_up;

# --- every path ---------------------------------------------------------------------------

# path, status on the primary, on a standby
my $region = $second->region;
my @table = (
	map({ [ $_, 200, 503 ] } '/', '/primary', '/master', '/read-write', '/leader', '/node/is-read-write',
		'/health/primary', '/primary/', '/primary?lag=abc', '/primary?tag_nope=1', '/read-only-sync', '/read-only-quorum'),
	map({ [ $_, 503, 503 ] } '/standby-leader', '/standby_leader', '/synchronous', '/sync', '/quorum',
		'/replica?tag_nope=1', '/replica?tag_region=NOWHERE', '/replica?replication_state=in%20archive%20recovery',
		'/replica?region=NOWHERE', '/primary?region=NOWHERE', '/replica?tenant=nobody'),
	map({ [ $_, 503, 200 ] } '/replica', '/replica?lag=10MB', '/replica?lag=1048576', '/replica?lag=1%20GB',
		'/replica?lag_seconds=30', '/replica?replication_state=streaming', "/replica?tag_region=$region",
		'/replica?region=' . lc $region, '/replica?tenant=acme', '/asynchronous', '/async', '/async?lag=10MB',
		'/node/is-read-only', "/read-only?region=$region", "/read-only?tag_region=$region"),
	map({ [ $_, 200, 200 ] } '/read-only', '/read-only?lag=10MB', '/health', '/liveness', '/readiness', '/readiness?lag=10MB',
		'/readiness?lag=10MB&mode=write', '/patroni', '/connection/is-ready', '/health/live', '/health/region',
		'/agent'),
	map({ [ $_, 200, 200, 204 ] } '/cluster', '/history', '/config'),
	[ '/failsafe', 502, 502, 204 ],
	map({ [ $_, 400, 400 ] } '/replica?lag=abc', '/replica?lag=-1', '/replica?lag=', '/read-only?lag_seconds=x',
		'/readiness?mode=guess', '/replica?lag=%zz', '/replica?tenant='),
	map({ [ $_, 404, 404 ] } '/nothing', '/Primary', '/api/v1/replica'));

foreach my $row (@table)
{
	my ($path, @wanted) = @$row;
	my $options = $wanted[2];

	foreach my $node ($leader, $second)
	{
		my @got = map { my $method = $_; ask($node, $method, $path)->{status} } qw(GET HEAD OPTIONS);
		my $wanted = shift @wanted;
		is("@got", join(' ', ($wanted) x 2, $options // $wanted),
			"$path on the " . ($node == $leader ? 'primary' : 'standby'));
	}
}
is(ask($leader, 'GET', $_)->{body}, '', "$_: an empty body") foreach qw(/liveness /readiness);
is(ask($leader, 'OPTIONS', '/primary')->{body}, '', 'OPTIONS: an empty body');
is(ask($leader, 'GET', '/node/is-read-write')->{body} . ask($second, 'GET', '/node/is-read-write')->{body}, "true\nfalse\n",
	'a word for PGD');
ok(ask($leader, 'GET', '/', headers => ['Accept: application/json'])->{json}{paths}, '/ is the list for who accepts JSON');
ok(ask($second, 'GET', '/', headers => ['Accept: text/html, */*'])->{json}{paths}, '/ is the list for browsers');
ok(ask($second, 'GET', '/api')->{json}{paths}, '/api is always the list');
is(ask($second, 'GET', '/', headers => ['Accept: */*'])->{status}, 503, '/ is a check for all others');

# --- as programs ask ----------------------------------------------------------------------------

# What HAProxy, kubelet and vip-manager (2 and later; 164_vip_manager has Debian's) send, byte by byte.
sub first_line
{
	my ($node, $bytes) = @_;
	my $answer = MultiRegion::Http->raw($node->http_port, $bytes =~ s/\n/\r\n/gr) or return 'none';
	return "$answer->{status}" . ($answer->{body} eq '' ? ' empty' : '');
}

my $haproxy = "OPTIONS %s HTTP/1.0\n\n";
my $kubelet = "GET %s HTTP/1.1\nHost: 10.0.0.5:3000\nUser-Agent: kube-probe/1.31\nAccept: */*\nConnection: close\n\n";
my $manager = "GET %s HTTP/1.1\nHost: 127.0.0.1:8008\nUser-Agent: Go-http-client/1.1\nAccept-Encoding: gzip\n\n";
foreach my $case ([ 'HAProxy', $haproxy, '/primary', '200 empty', '503 empty' ], [ 'HAProxy without a path', $haproxy, '/', '200 empty', '503 empty' ],
	[ 'HAProxy for reading', $haproxy, '/replica?lag=10MB', '503 empty', '200 empty' ],
	[ "kubelet's liveness", $kubelet, '/liveness', '200 empty', '200 empty' ], [ "kubelet's readiness", $kubelet, '/readiness', '200 empty', '200 empty' ],
	[ 'vip-manager', $manager, '/leader', '200', '503' ])
{
	my ($what, $bytes, $path, @wanted) = @$case;
	is(join(', ', map { first_line($_, sprintf $bytes, $path) } $leader, $second), join(', ', @wanted), $what);
}
is(ask($second, 'HEAD', '/', headers => ['Accept: */*'])->{status}, 503, 'curl --head');

# --- its JSON --------------------------------------------------------------------------------

my %age = (asOf => 'time', ageMs => 'integer', stale => 'boolean');
my %status = (state => qr/^running$/, postmaster_start_time => qr/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}\+00:00$/,
	server_version => 'integer', timeline => 'integer', dcs_last_seen => 'integer',
	database_system_identifier => qr/^\d+$/, tags => { region => 'string', region_id => 'string' },
	patroni => { version => qr/^4\./, scope => 'string', name => 'string' },
	multiregion => { %age, version => 'string', region => 'string', primaryNode => 'string', epoch => 'integer',
		reason => 'string' });
foreach my $path ('/patroni', '/primary', '/health')
{
	is(shape_problem(ask($leader, 'GET', $path)->{json},
			{ %status, role => qr/^primary$/, xlog => { location => 'integer' },
				replication => [ { usename => 'string', application_name => 'string', client_addr => 'string?',
						state => qr/^streaming$/, sync_state => qr/^async$/, sync_priority => 'integer' } ] }), '',
		"$path on the primary: keys and types");
	is(shape_problem(ask($second, 'GET', $path)->{json},
			{ %status, role => qr/^replica$/, replication_state => qr/^streaming$/,
				xlog => { received_location => 'integer', replayed_location => 'integer', replayed_timestamp => 'string?',
					paused => 'boolean' } }), '', "$path on a standby: keys and types");
}
is(ask($leader, 'GET', '/patroni')->{json}{database_system_identifier},
	$leader->value('SELECT system_identifier FROM pg_control_system()'), 'the identifier of the system');
my $cluster_json = ask($second, 'GET', '/cluster')->{json};
is(join(' ', map { $_->{name} } @{ $cluster_json->{members} }), join(' ', sort map { $_->name } $cluster->nodes),
	'/cluster: members by name');
foreach my $member (@{ $cluster_json->{members} })
{
	my $leads = $member->{name} eq $leader->name;
	is(shape_problem($member, { name => 'string', role => $leads ? qr/^leader$/ : qr/^replica$/,
				state => $leads ? qr/^running$/ : qr/^streaming$/, host => qr/^127\.0\.0\.1$/, port => 'integer',
				timeline => 'integer', tags => { region => 'string' },
				$leads ? () : (lag => 'integer', lsn => 'string', receive_lag => 'integer', receive_lsn => 'string',
					replay_lag => 'integer', replay_lsn => 'string') }), '', "/cluster: $member->{name}");
}
is($cluster_json->{scope}, 'multiregion', '/cluster: the scope');
my $config = ask($second, 'GET', '/config')->{json};
is("$config->{ttl} $config->{loop_wait} $config->{maximum_lag_on_failover}", '3 0.5 16777216', '/config: lease and lag');
is($config->{multiregion}{failback}, $leader->value(q{SELECT value FROM multiregion.policies WHERE name = 'failback'}),
	'/config: every policy');
is_deeply(ask($second, 'GET', '/history')->{json}, [], '/history: nothing yet');

# --- settings are read again ---------------------------------------------------------------------

# The way to the database is the same: nobody has to be turned away.
my %seen;
foreach my $round (1 .. 5)
{
	my $before = length $leader->sidecar_log;
	kill 'HUP', $leader->processes(qr/multiregiond/);
	my $after = 0;
	$cluster->poll_until(
		sub {
			$seen{ code($leader, $_) }++ foreach '/primary', '/read-only?tenant=nobody';
			$after++ if substr($leader->sidecar_log, $before) =~ /reloaded the settings/;
			return $after > 10;
		}, 20, 'a reload');
}
is(join(' ', sort keys %seen), '200', 'a reload makes no check fail');

# --- its commands -----------------------------------------------------------------------------

sub command
{
	my ($method, $path, $body, %args) = @_;
	my $answer = ask($args{node} // $second, $method, $path, headers => \@authorized,
		defined $body ? (body => ref $body ? $json->encode($body) : $body) : (), %args);
	my $text = $answer->{json} ? $answer->{json}{code} : $answer->{body};
	return "$answer->{status} $text";
}

my ($from, $to) = ($leader->name, $second->name);
is(ask($second, $_->[0], $_->[1], $_->[0] eq 'DELETE' ? () : (body => '{}'))->{status}, 401, "$_->[0] $_->[1] without a token")
	foreach [ 'POST', '/switchover' ], [ 'DELETE', '/switchover' ], [ 'POST', '/failover' ], [ 'PATCH', '/config' ],
	[ 'PUT', '/config' ], [ 'POST', '/restart' ], [ 'DELETE', '/restart' ], [ 'POST', '/reinitialize' ], [ 'POST', '/reload' ];
# What the page of any origin may have a browser send, with its user's credentials.
foreach my $of ([ 'text/plain', '415 unsupported_media_type' ], [ undef, '415 unsupported_media_type' ],
	[ 'application/json', '412 leader name does not match' ])
{
	my ($type, $wanted) = @$of;
	my @headers = (@authorized, 'Origin: https://evil.example.com', defined $type ? "Content-Type: $type" : ());
	foreach my $path ('/switchover', '/failover')
	{
		my $answer = ask($second, 'POST', $path, headers => \@headers, body => $json->encode({ leader => 'wrong', candidate => $to }));
		is("$answer->{status} " . ($answer->{json} ? $answer->{json}{code} : $answer->{body}), $wanted,
			"POST $path from another origin, " . ($type // 'of no type'));
	}
}
foreach my $case (
	[ '/switchover', undef, '411 there is no body' ],
	[ '/switchover', 'nonsense', '400 the body is not one JSON object with texts' ],
	[ '/switchover', {}, '400 Switchover could be performed only from a specific leader' ],
	[ '/switchover', { leader => 'wrong' }, '412 leader name does not match' ],
	[ '/switchover', { leader => $from, candidate => $from }, '400 Switchover target and source are the same' ],
	[ '/switchover', { leader => $from, candidate => 'nobody' }, '412 candidate does not exists' ],
	[ '/switchover', { leader => $from, scheduled_at => '2001-01-01T00:00:00+00:00' }, '422 Cannot schedule switchover in the past' ],
	[ '/switchover', { leader => $from, scheduled_at => '2099-01-01T00:00:00' },
		'400 Timezone information is mandatory for the scheduled switchover' ],
	[ '/switchover', { leader => $from, scheduled_at => 'tomorrow' }, '422 Unable to parse scheduled timestamp' ],
	[ '/switchover', { leader => $from, scheduled_at => '2099-13-45T00:00:00Z' }, '422 Unable to parse scheduled timestamp' ],
	[ '/failover', {}, '400 Failover could be performed only to a specific candidate' ],
	[ '/failover', { candidate => 'nobody' }, '412 candidate does not exists' ],
	[ '/failover', { candidate => $from }, '400 Failover target and source are the same' ],
	[ '/failover', { leader => 'wrong', candidate => $to }, '412 leader name does not match' ])
{
	my ($path, $body, $wanted) = @$case;
	is(command('POST', $path, $body), $wanted, "POST $path " . (ref $body ? $json->encode($body) : $body // ''));
}
is(command(@$_), '501 not_implemented', "$_->[0] $_->[1]")
	foreach [ 'POST', '/restart', '{}' ], [ 'DELETE', '/restart' ], [ 'POST', '/reinitialize', '{}' ],
	[ 'POST', '/reload', '{}' ], [ 'PATCH', '/config', '{"pause":true}' ], [ 'PUT', '/config', '{}' ];
is(command('POST', '/failsafe', '{}'), '502 failsafe_off', 'POST /failsafe');

my ($day) = $leader->value(q{SELECT to_char(now() + '1 day', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')});
is(command('DELETE', '/switchover'), '404 no switchover is scheduled', 'nothing is scheduled');
is(command('POST', '/switchover', { leader => $from, candidate => $to, scheduled_at => $day }), '202 Switchover scheduled', 'one is');
is(command('POST', '/switchover', { leader => $from, scheduled_at => $day }), '202 Switchover scheduled', 'another one in its place');
is($leader->value(q{SELECT string_agg(state, ' ' ORDER BY schedule_id) FROM multiregion.scheduled_switchovers}),
	'cancelled waiting', 'the first one is cancelled');
$cluster->poll_until(sub { (ask($third, 'GET', '/cluster')->{json}{scheduled_switchover} // {})->{from} }, 10, '/cluster to show it');
like(ask($third, 'GET', '/cluster')->{json}{scheduled_switchover}{at}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z$/, '/cluster shows it');
is(command('DELETE', '/switchover'), '200 scheduled switchover deleted', 'and it can be deleted');
$leader->safe_psql(q{SELECT pause_failover('1 hour')});
$cluster->poll_until(sub { ask($third, 'GET', '/cluster')->{json}{pause} }, 10, '/cluster to show the pause');
ok(ask($third, 'GET', '/patroni')->{json}{pause} && ask($third, 'GET', '/config')->{json}{pause}, 'a pause shows everywhere');
is(command('POST', '/switchover', { leader => $from }, node => $third),
	'400 Switchover is possible only to a specific candidate in a paused state', 'paused: only to a candidate');
$leader->safe_psql(q{SELECT resume_failover()});
$cluster->poll_until(sub { !ask($third, 'GET', '/cluster')->{json}{pause} }, 10, 'the pause to end');

# A switchover, ordered at a bystander.
is(command('POST', '/switchover', { leader => $leader->name, candidate => $second->name }, node => $third),
	'200 Successfully switched over to "' . $second->name . '"', 'a switchover');
is($cluster->wait_for_leader->name, $to, 'it leads');
$leader = $second;
$cluster->poll_until(sub { code($leader, '/primary') eq 200 }, 10, 'its sidecar to say so');
my $history;
$cluster->poll_until(sub { @{ $history = ask($leader, 'GET', '/history')->{json} } == 1 }, 10, 'the history');
like(join(' ', @{ $history->[0] }), qr/^1 \d+ switchover \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00 $to$/, '/history: which, where, why, when, who');
is($history->[0][1], $leader->value(q{SELECT fork_lsn - '0/0' FROM multiregion.failovers ORDER BY epoch DESC LIMIT 1}),
	'/history: the end of the timeline');
wait_ready();
is(command('POST', '/failover', { candidate => $third->name }, node => $leader), '200 Successfully failed over to "' . $third->name . '"',
	'and a failover to a node that is named');

# A statement that is cancelled has given its order all the same.
wait_ready();
my ($fresh) = grep { $_->name eq $from } $cluster->nodes; # no order was given there yet
$leader->safe_psql(q{ALTER ROLE multiregion_api SET statement_timeout = '1ms'});
$cluster->poll_until(sub { $fresh->value(q{SELECT 1 FROM pg_db_role_setting WHERE setconfig @> '{statement_timeout=1ms}'}) }, 10, 'the setting');
is(command('POST', '/failover', { candidate => $from }, node => $fresh),
	'503 Failover status unknown: canceling statement due to statement timeout; operation may still be in progress',
	'nobody is told that what may yet be done has failed');

foreach my $node ($cluster->nodes)
{
	is(MultiRegion::Sidecar::findings_in($node->sidecar_log), '', $node->name . ': the sanitizers found nothing');
	is(join(' ', $node->processes(qr/multiregiond/)), $sidecar_of{ $node->name }, $node->name . ': still the same sidecar');
}

done_testing();
