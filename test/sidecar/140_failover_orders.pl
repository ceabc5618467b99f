# Making another region the primary over HTTP: from the sidecar of the target, of a bystander
# and of the primary itself; what is refused, and why; what is not done in time. Method: one
# cluster of three regions with their sidecars, on idle loopback; what the answers claim is
# compared with the leases.
use strict;
use warnings;

use JSON::PP ();
use Test::More;

use MultiRegion::Cluster;
use MultiRegion::Http qw(shape_problem check_answer);
use MultiRegion::Process ();
use MultiRegion::Sidecar;

my $secret = 'test-token-0123456789';
my $cluster = MultiRegion::Cluster->new(
	regions => 3, sidecars => 1, policy => { health_check_interval => '300ms' },
	sidecar_settings => { MULTIREGION_API_TOKEN => $secret });
$cluster->start;
my $leader = $cluster->wait_for_leader;
my $json = JSON::PP->new->utf8->canonical;
my @headers = ("Authorization: Bearer $secret", 'Content-Type: application/json');
my $path = '/api/regions/failover/manual';
my $region_words = qr/^(?:US_EAST|EU_WEST|AP_SOUTHEAST)$/;
my $place = { nodeName => 'string', regionKey => $region_words };
my $nodes = [ { nodeName => 'string', regionKey => $region_words, eligible => 'boolean', rule => 'string?',
	reason => 'string?' } ];
my %order = (failoverId => 'string?', status => 'string', kind => 'string?', from => $place, to => $place,
	epoch => 'integer?', durationMs => 'integer?', lostBytes => 'integer?', rule => 'string?', reason => 'string?',
	nodes => $nodes);

sub request
{
	my ($port, $method, $path, %args) = @_;
	my $http = MultiRegion::Http->connect($port) or return undef;
	my $answer = $http->request($method, $path, timeout => 40, headers => \@headers, %args);

	$http->close;
	return $answer;
}

sub order
{
	my ($node, $body, %args) = @_;
	return request(ref $node ? $node->http_port : $node, 'POST', $path, body => ref $body ? $json->encode($body) : $body, %args);
}

# The answer must have this status (and code); an order that is refused has all of its keys.
sub is_answer
{
	my ($answer, $wanted, $what, %more) = @_;
	my $got = $answer ? join(' ', $answer->{status}, $answer->{status} < 400 ? () : $answer->{json}{code}) : 'none';

	is(check_answer({ %{ $answer // {} }, json => { map { $_ => $answer->{json}{$_} } grep { !exists $more{$_} }
				keys %{ $answer->{json} // {} } } }) || $got, $wanted, $what);
	return $answer ? $answer->{json} : {};
}

# Until everybody could be ordered to lead and every sidecar knows who does.
sub wait_ready
{
	my ($leader) = @_;

	$cluster->wait_streaming(nodes => [ $cluster->nodes ], timeout => 60);
	foreach my $node ($cluster->nodes)
	{
		$cluster->poll_until(
			sub {
				my $answer = order($node, { targetRegionId => ($leader == $node ? (grep { $_ != $leader } $cluster->nodes)[0]
							: $node)->region, dryRun => JSON::PP::true }) or return 0;
				return $answer->{status} == 200 && 2 == grep { $_->{eligible} } @{ $answer->{json}{nodes} };
			}, 60, 'the members to be fit, as ' . $node->name . ' sees them');
	}
	return;
}

wait_ready($leader);
my ($second, $third) = grep { $_ != $leader } $cluster->nodes;
my %sidecar_of = map { $_->name => join(' ', $_->processes(qr/multiregiond/)) } $cluster->nodes;

# --- refused --------------------------------------------------------------------------------

my $term = $leader->lease_status->{term};
is_answer(order($second, { targetRegionId => $second->region }, headers => [ $headers[1] ]), '401 unauthorized', 'without a token');
is_answer(order($second, { targetRegionId => $second->region }, headers => [ $headers[0] ]), '415 unsupported_media_type', 'no JSON');
is_answer(order($second, $_->[0]), '400 bad_body', $_->[1])
	foreach [ '{}', 'no target' ], [ '{"targetRegionId":null}', 'a null target' ], [ '{"targetRegionId":1}', 'a number' ],
	[ '{"targetRegionID":"EU_WEST"}', 'a misspelled key' ], [ '{"targetRegionId":"EU_WEST","dryRun":"yes"}', 'a flag in words' ],
	[ '{"targetRegionId":"EU_WEST","dryrun":true}', 'a misspelled flag' ], [ 'EU_WEST', 'no object' ];
is_answer(order($_, { targetRegionId => 'ATLANTIS' }), '404 unknown_target', 'an unknown region, by ' . $_->name, %order)
	foreach $cluster->nodes;
foreach my $node ($cluster->nodes)
{
	my $there = is_answer(order($node, { targetRegionId => $leader->region }), '409 already_primary',
		'the region of the primary, by ' . $node->name, %order);
	is($there->{to}{nodeName}, $leader->name, 'it is named');
}
is_answer(request($second->http_port, 'GET', '/api/regions/failover/manual'), '400 22P02', 'no id of a failover');
is_answer(request($second->http_port, 'GET', '/api/regions/failover/12345'), '404 unknown_failover', 'an id that nobody gave', %order);
is_answer(request($second->http_port, 'GET', '/api/regions/failover/%ff'), '400 bad_parameter', 'an id that is no text');

# Who may never be promoted is not, and the reason is told, with those of all others.
$leader->safe_psql(sprintf(q{SELECT alter_node('%s', no_promote => true)}, $third->name));
foreach my $node ($cluster->nodes)
{
	my $json;
	$cluster->poll_until(
		sub {
			my $answer = order($node, { targetRegionId => $third->region, dryRun => JSON::PP::true });
			return $answer && $answer->{status} == 412 && ($json = $answer->{json});
		}, 20, 'the refusal by ' . $node->name);
	is($json->{rule}, 'no_promote', 'refused by ' . $node->name . ': the rule');
	like($json->{reason}, qr/never to be promoted/, 'refused: the reason in words');
	is($json->{code}, 'refused', 'refused: the code');
	is(shape_problem({ map { $_ => $json->{$_} } keys %order }, { %order }), '', 'refused: all keys and types');
	my ($other) = grep { $_->{nodeName} eq $second->name } @{ $json->{nodes} };
	my ($that) = grep { $_->{nodeName} eq $third->name } @{ $json->{nodes} };
	ok($other->{eligible} && !defined $other->{rule}, 'refused: another one could');
	is("$that->{rule} $that->{eligible}", 'no_promote 0', 'refused: of each node why');
}
$leader->safe_psql(sprintf(q{SELECT alter_node('%s', no_promote => false)}, $third->name));
wait_ready($leader);
is($leader->lease_status->{term}, $term, 'nothing that was refused, or only asked, moved the primary');

# --- done -------------------------------------------------------------------------------------

# To the region of the sidecar that is asked, to another one, and away from the primary's own.
foreach my $case ([ 'the target', sub { $second }, sub { $second } ], [ 'a bystander', sub { $second }, sub { $third } ],
	[ 'the primary itself', sub { $leader }, sub { $second } ])
{
	my ($what, $asked, $to) = ($case->[0], $case->[1]->(), $case->[2]->());
	my $old = $leader;
	my $before = $old->lease_status->{term};
	my $answer = is_answer(order($asked, { targetRegionId => lc $to->region }), 200, "$what is asked: done");
	is(shape_problem($answer, { %order, failoverId => qr/^\d+$/, epoch => 'integer', durationMs => 'integer' }), '',
		"$what is asked: all keys and types");
	is("$answer->{status} $answer->{kind} $answer->{from}{nodeName} $answer->{to}{nodeName}",
		'done switchover ' . $old->name . ' ' . $to->name, "$what is asked: what was done");
	is($answer->{lostBytes}, 0, "$what is asked: nothing is lost");
	cmp_ok($answer->{durationMs}, '<', 20000, "$what is asked: in $answer->{durationMs} ms");
	$leader = $cluster->wait_for_leader;
	is($leader->name, $to->name, "$what is asked: it leads");
	is($answer->{epoch}, $leader->lease_status->{term}, "$what is asked: the epoch");
	cmp_ok($answer->{epoch}, '>', $before, "$what is asked: a new one");
	($second, $third) = grep { $_ != $leader } $cluster->nodes;
	wait_ready($leader);
	foreach my $node ($cluster->nodes)
	{
		$cluster->poll_until(
			sub {
				my $result = request($node->http_port, 'GET', "/api/regions/failover/$answer->{failoverId}");
				return $result && $result->{status} == 200 && $result->{json}{status} eq 'done'
					&& $result->{json}{to}{nodeName} eq $leader->name && $result->{json}{epoch} == $answer->{epoch};
			}, 20, "the same failover at " . $node->name);
	}
	pass("$what is asked: every sidecar knows of it afterwards");
}

# Two at a time: one is carried out, and the other is told that it is not, unless it came
# so late that it was a switchover after the first one.
my $before = $leader->lease_status->{term};
my @http = map { MultiRegion::Http->connect($_->http_port) } $second, $third;
$http[$_]->send(MultiRegion::Http->request_text('POST', $path, headers => \@headers,
		body => $json->encode({ targetRegionId => ($second, $third)[$_]->region }))) foreach 0, 1;
my @answers = map { $_->answer(timeout => 40) } @http;
my @words = map { $_ ? "$_->{status} " . ($_->{json}{code} // $_->{json}{status}) : 'none' } @answers;
cmp_ok(scalar(grep { $_ eq '200 done' } @words), '>=', 1, "two orders at a time: one is carried out (@words)");
is(scalar(grep { /^(?:409 in_progress|412 refused|504 pending|200 done)$/ } @words), 2, 'each is told what became of it');
$leader = $cluster->wait_for_leader;
my ($done) = sort { $b->{json}{epoch} <=> $a->{json}{epoch} } grep { $_->{status} == 200 } @answers;
is($leader->region, $done->{json}{to}{regionKey}, 'who is said to lead last does');
($second, $third) = grep { $_ != $leader } $cluster->nodes;
wait_ready($leader);

# --- not in time --------------------------------------------------------------------------------

# A target that has just gone: the order is given, and not done within the sidecar's time.
my $sidecar = MultiRegion::Sidecar->new(directory => $cluster->{directory}, name => 'hasty',
	settings => { ENABLE_MULTI_REGION => 'true', DEPLOYMENT_REGION => $third->region, MULTIREGION_API_TOKEN => $secret,
		MULTIREGION_FAILOVER_TIMEOUT => 500,
		MULTIREGION_DATABASE_URL => "postgresql://127.0.0.1:$third->{port}/postgres" })->start;
$sidecar->poll_until(sub { (order($sidecar->port, { targetRegionId => $leader->region }) // {})->{status} == 409 }, 20, 'the sidecar');
my %sidecars = map { $_ => 1 } $second->processes(qr/multiregiond/);
my @stopped = grep { !$sidecars{$_} } MultiRegion::Process::processes_in($second->directory);
kill 'STOP', @stopped;
my $late = order($sidecar->port, { targetRegionId => $second->region });
kill 'CONT', @stopped;
my $told = is_answer($late, '504 pending', 'a target that does not answer in time', %order);
like($told->{failoverId} // '', qr/^\d+$/, 'not in time: the id to ask with');
my $result = request($sidecar->port, 'GET', "/api/regions/failover/$told->{failoverId}");
is($result->{status}, 200, 'not in time: it can be asked for');
like($result->{json}{status}, qr/^(?:pending|done|refused)$/, "not in time: what became of it ($result->{json}{status})");
$leader = $cluster->wait_for_leader;

# The sessions of orders do not answer any more: a question is not taken for an order.
my $dry_run = { targetRegionId => $leader->region, dryRun => JSON::PP::true };
is((order($sidecar->port, $dry_run) // {})->{status}, 409, 'a session is there');
my @sessions = split /\s+/, $third->value(
	q{SELECT string_agg(pid::text, ' ') FROM pg_stat_activity WHERE application_name = 'multiregiond request'});
kill 'STOP', @sessions;
my $lost = order($sidecar->port, $dry_run);
kill 'CONT', @sessions;
is_answer($lost, '503 database_unavailable', 'a dry run whose answer does not come: nothing was ordered');
is(($lost // {})->{headers}{'retry-after'}, 1, 'so it may be asked again');
$sidecar->signal('TERM');
is($sidecar->wait_for_end, 0, 'that sidecar ends well');
is($sidecar->findings, '', 'the sanitizers found nothing in it');

# No server beside the sidecar: another one must be asked.
($second, $third) = grep { $_ != $leader } $cluster->nodes;
$third->stop('immediate');
my $down = order($third, { targetRegionId => $second->region });
is_answer($down, '503 database_unavailable', 'without a server of its own');
is($down->{headers}{'retry-after'}, 1, 'without a server: when to try again');

foreach my $node ($cluster->nodes)
{
	is(MultiRegion::Sidecar::findings_in($node->sidecar_log), '', $node->name . ': the sanitizers found nothing');
	is(join(' ', $node->processes(qr/multiregiond/)), $sidecar_of{ $node->name }, $node->name . ': still the same sidecar');
}

done_testing();
