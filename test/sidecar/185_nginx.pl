# The origin of a region (docker/nginx): what is sent in which form, how long each name may be
# kept, that nothing outside of the release is served, and a switch of releases under load.
# Method: Debian's nginx with the shipped files, site.conf being changed in paths and port
# only, and precompress.sh over two releases.
use strict;
use warnings;

use File::Path qw(make_path);
use File::Temp ();
use POSIX ();
use Test::More;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use MultiRegion::Http;
use MultiRegion::Ports qw(free_port);
use MultiRegion::Process qw(kill_directory);

my $program = '/usr/sbin/nginx';
my $modules = '/usr/lib/nginx/modules/ngx_http_brotli_';
plan skip_all => 'nginx, its modules for brotli, or brotli are not installed'
	if grep { !-e } $program, "${modules}filter_module.so", "${modules}static_module.so", '/usr/bin/brotli';

my $shipped = "$ENV{MR_TOP}/docker/nginx";
my $folder = ($ENV{TESTDIR} // File::Temp::tempdir(CLEANUP => 1)) . '/origin';
my $port = free_port();
END { local $?; kill_directory($folder) if defined $folder && -d $folder; }

sub read_file
{
	my ($name) = @_;
	open(my $file, '<:raw', $name) or die "$name: $!";
	local $/;
	return scalar <$file>;
}

sub write_file
{
	my ($name, $text, $time) = @_;
	make_path($name =~ s{/[^/]*\z}{}r);
	open(my $file, '>:raw', $name) or die "$name: $!";
	print $file $text;
	close $file;
	utime $time, $time, $name if $time;
	return;
}

sub wait_for
{
	my ($condition, $what) = @_;
	my $deadline = clock_gettime(CLOCK_MONOTONIC) + 10;
	until ($condition->())
	{
		die "waited in vain for $what" if clock_gettime(CLOCK_MONOTONIC) > $deadline;
		select(undef, undef, undef, 0.02);
	}
	return;
}

# An answer on a connection that ends with it; its body as it was before it was cut in chunks.
sub answer_on
{
	my ($http) = @_;
	my $answer = ($http ? $http->answer : undef) // { status => 'none', headers => {}, body => '' };
	my ($rest, $body) = ($answer->{body}, '');

	$http->close if $http;
	return $answer if ($answer->{headers}{'transfer-encoding'} // '') ne 'chunked';
	while ($rest =~ s/\A([0-9a-f]+)\r\n// && hex $1)
	{
		$body .= substr($rest, 0, hex $1, '');
		substr($rest, 0, 2, '');
	}
	$answer->{body} = $body;
	return $answer;
}

# Sends a request: the connection, for answer_on().
sub ask
{
	my ($path, @headers) = @_;
	my $http = MultiRegion::Http->connect($port) or return undef;
	$http->send(MultiRegion::Http->request_text('GET', $path, headers => [ 'Connection: close', @headers ]));
	return $http;
}

sub get { return answer_on(ask(@_)) }

# What a command makes of a text.
sub piped
{
	my ($text, @command) = @_;
	write_file("$folder/piped", $text);
	return `@command <$folder/piped`;
}

my %unpacked = ('' => sub { $_[0] }, gzip => sub { piped($_[0], 'gzip -dc') }, br => sub { piped($_[0], 'brotli -dc') });

# Two releases, made at two times. Each script is told apart by its text.
my %script = map { $_ => "/* release $_ */\n" . join('', map { "function number_$_() { return $_; }\n" } 1 .. 400) } 1, 2;
foreach my $number (1, 2)
{
	my ($release, $time) = ("$folder/release$number", 1_700_000_000 + 1000 * $number);
	my %files = ('index.html' => "<p>release $number</p>", 'app.js' => $script{$number}, 'app.0a1b2c3d.js' => $script{$number},
		'docs/index.html' => '<p>docs</p>', 'tiny.css' => 'p{}', 'late.css' => "p { margin: 0 }\n" x 200,
		'report-20241127.txt' => 'of a day', 'sw.js' => '1', 'app.webmanifest' => '{}', 'font.woff2' => 'x' x 2000,
		'assets/index-BxJk29_a.js' => '1', 'assets/jquery-validate.js' => '1', '_next/static/page.js' => '1',
		'.env' => 'secret', '.git/config' => 'secret', '.well-known/security.txt' => 'hello', 'empty/file.txt' => '1');
	write_file("$release/$_", $files{$_}, $time) foreach keys %files;
	is(system("$shipped/precompress.sh", $release), 0, "release $number is compressed beforehand");
	# What nobody has compressed is compressed on the way.
	unlink "$release/late.css.gz", "$release/late.css.br";
}
symlink "$folder/release1", "$folder/current" or die "link: $!";
symlink '/etc/passwd', "$folder/release1/passwd.txt" or die "link: $!";
like(`$shipped/precompress.sh $folder/release1 2>&1`, qr{lead out of the release:\n.*/passwd\.txt\n\z}, 'a link that leads out is named');
isnt($?, 0, 'and the release refused');
unlink "$folder/release1/passwd.txt";
symlink 'app.js', "$folder/release1/link.js" or die "link: $!";

# The shipped files; the folders are the test's.
make_path("$folder/etc");
write_file("$folder/etc/$_", read_file("$shipped/$_")) foreach qw(nginx.conf brotli.conf);
my $site = read_file("$shipped/site.conf");
$site =~ s/^listen 127\.0\.0\.1:8080;/listen 127.0.0.1:$port;/m or die 'no listen';
$site =~ s{/srv/multiregion/current}{$folder/current} or die 'no root';
$site =~ s{/var/log/nginx/origin.log origin buffer=64k flush=1s}{$folder/access.log origin} or die 'no log';
$site .= join('', map { "${_}_temp_path $folder/temp_$_;\n" } qw(client_body proxy fastcgi uwsgi scgi));
write_file("$folder/etc/site.conf", $site);
my @command = ($program, '-e', "$folder/error.log", '-c', "$folder/etc/nginx.conf", '-g', "daemon off; pid $folder/pid;");
is(system("cd $folder && " . join(' ', map { "'$_'" } @command, '-t') . " >$folder/check.log 2>&1"), 0, 'the configuration is valid')
	or diag(read_file("$folder/check.log"));
is(join('', grep { /warn|emerg/ && !/"user" directive/ } split(/^/, read_file("$folder/check.log"))), '', 'without a warning');
my $nginx = fork() // die "fork: $!";
if ($nginx == 0)
{
	chdir $folder;
	open(STDOUT, '>', "$folder/output.log");
	open(STDERR, '>&', \*STDOUT);
	exec(@command) or POSIX::_exit(127);
}
wait_for(sub { get('/health/origin')->{status} eq '200' }, 'nginx');

# --- forms -------------------------------------------------------------------------------

my %tags;
foreach my $case ([ '', '' ], [ 'gzip', 'gzip' ], [ 'br', 'br' ], [ 'gzip, deflate, br', 'br' ], [ 'identity', '' ],
	[ 'br;q=0, gzip', 'gzip' ])
{
	my ($accepted, $form) = @$case;
	foreach my $path ('/app.js', '/late.css')
	{
		my $answer = get($path, "Accept-Encoding: $accepted", 'Via: 2.0 cdn');
		my $name = "$path, Accept-Encoding \"$accepted\"";
		is(($answer->{headers}{'content-encoding'} // ''), $form, "$name: the form");
		is($answer->{headers}{vary}, 'Accept-Encoding', "$name: Vary");
		next if $path ne '/app.js';
		ok($unpacked{$form}->($answer->{body}) eq $script{1}, "$name: the content");
		$tags{$form} = $answer->{headers}{etag};
		like($tags{$form}, qr/^"[0-9a-f-]+"$/, "$name: a strong entity tag");
	}
}
is(scalar(keys %{ { reverse %tags } }), 3, 'each form has an entity tag of its own');
is(get('/app.js', "If-None-Match: $tags{br}", 'Accept-Encoding: br')->{status}, 304, 'which spares the content');
is(get('/app.js', "If-None-Match: $tags{gzip}", 'Accept-Encoding: br')->{status}, 200, 'but not that of another form');
is(get('/app.js', 'Range: bytes=0-3')->{body}, '/* r', 'a part of a file');
ok(!-e "$folder/release1/tiny.css.gz" && !-e "$folder/release1/font.woff2.br", 'what is not worth it stays as it is');
cmp_ok(-s "$folder/release1/app.js.br", '<', -s "$folder/release1/app.js.gz", 'brotli is smaller');
is(get('/tiny.css', 'Accept-Encoding: gzip, br')->{headers}{'content-encoding'}, undef, 'small files come as they are');

# --- how long --------------------------------------------------------------------------------

my ($ever, $soon) = ('public, max-age=31536000, immutable', 'public, max-age=300, stale-while-revalidate=60, stale-if-error=86400');
foreach my $case (
	[ '/', 200, 'no-cache' ], [ '/index.html', 200, 'no-cache' ], [ '/docs/', 200, 'no-cache' ], [ '/docs', 301, 'no-store' ],
	[ '/app.js', 200, $soon ], [ '/app.0a1b2c3d.js', 200, $ever ], [ '/report-20241127.txt', 200, $soon ],
	[ '/assets/index-BxJk29_a.js', 200, $ever ], [ '/assets/jquery-validate.js', 200, $soon ],
	[ '/_next/static/page.js', 200, $ever ], [ '/sw.js', 200, 'no-cache' ], [ '/app.webmanifest', 200, 'no-cache' ],
	[ '/gone.0a1b2c3d.js', 404, 'no-store' ], [ '/_next/static/gone.js', 404, 'no-store' ], [ '/empty/', 403, 'no-store' ],
	[ '/health/origin', 200, 'no-store' ])
{
	my ($path, $status, $cache) = @$case;
	my $answer = get($path);
	is("$answer->{status} " . ($answer->{headers}{'cache-control'} // ''), "$status $cache", "$path: how long it may be kept");
	is(join(' ', map { $answer->{headers}{$_} // 'none' } qw(x-multiregion-served-by x-content-type-options)),
		'US_EAST nosniff', "$path: what every answer has");
}
is(get('/docs')->{headers}{location}, '/docs/', 'a redirect names neither host nor port');
is(get('/app.0a1b2c3d.js', 'Range: bytes=0-3')->{headers}{'cache-control'}, $ever, 'a part may be kept like the whole');
is(get('/app.js', "If-None-Match: $tags{''}")->{headers}{'cache-control'}, $soon, 'and what has not changed');
is(get('/app.webmanifest')->{headers}{'content-type'}, 'application/manifest+json', 'types that browsers insist on');

# --- what is not served ------------------------------------------------------------------------

foreach my $path ('/.env', '/.git/config', '/docs/../.env', '/%2e%65nv', '/../check.log', '/..%2fcheck.log')
{
	my $answer = get($path);
	like($answer->{status}, qr/^40[034]$/, "$path is not served");
	unlike($answer->{body}, qr/secret|root:/, "$path: nothing of it");
}
ok(get("/link.js")->{body} eq $script{1}, 'a link within the release is');
is(get('/.well-known/security.txt')->{body}, 'hello', 'and so is /.well-known');
foreach my $method (qw(POST PUT DELETE OPTIONS PATCH))
{
	my $http = MultiRegion::Http->connect($port);
	my $answer = $http->request($method, '/app.js', body => '');
	is("$answer->{status} $answer->{headers}{allow} $answer->{headers}{'cache-control'}", '405 GET, HEAD no-store', "$method is refused");
	$http->close;
}
my $head = MultiRegion::Http->connect($port)->request('HEAD', '/app.js');
is("$head->{status} $head->{body}", '200 ', 'HEAD is served');
get('/tiny.css?logged', 'X-Forwarded-For: 192.0.2.7', 'X-Request-Id: abc');
wait_for(sub { read_file("$folder/access.log") =~ /tiny\.css\?logged/ }, 'the log');
like(read_file("$folder/access.log"), qr{^192\.0\.2\.7 \[\S+\] "GET /tiny\.css\?logged HTTP/1\.1" 200 .* abc$}m, 'the log names the client');

# --- releases --------------------------------------------------------------------------------------

# While the link is switched to and fro every answer is of one release or of the other.
my @wrong;
foreach my $round (1 .. 20)
{
	my $number = 1 + $round % 2;
	my @asked = map { ask('/app.js', 'Accept-Encoding: br') } 1 .. 5;
	symlink "$folder/release$number", "$folder/next" or die "link: $!";
	rename "$folder/next", "$folder/current" or die "rename: $!";
	foreach my $answer (map { answer_on($_) } @asked)
	{
		my $text = $answer->{status} eq '200' ? $unpacked{br}->($answer->{body}) : '';
		push @wrong, $answer->{status} unless grep { $text eq $_ } values %script;
	}
	push @wrong, "after the switch to $number" if $unpacked{br}->(get('/app.js', 'Accept-Encoding: br')->{body}) ne $script{$number};
}
is("@wrong", '', 'a switch of releases shows at once, and no answer is of neither');

# A file that was changed in its place, and the tool run again: no form is left behind.
my $time = 1_700_009_000;
write_file("$folder/release1/app.js", $script{2}, $time);
write_file("$folder/release1/late.css", 'p{}' . ' ' x 10, $time);
is(system("$shipped/precompress.sh", "$folder/release1"), 0, 'precompress.sh again');
ok($unpacked{$_}->(get("/app.js", "Accept-Encoding: $_")->{body}) eq $script{2}, "nothing old is left as \"$_\"") foreach qw(gzip br);
is((stat "$folder/release1/app.js.gz")[9] . ' ' . (stat "$folder/release1/app.js.br")[9], $time + 1 . ' ' . ($time + 2),
	'the times are those of the file, so that all regions have the same entity tags');

# Without a release the region says so.
unlink "$folder/current";
is(get('/health/origin')->{status}, 503, 'without a release the check fails');
is(get('/app.js')->{headers}{'cache-control'}, 'no-store', 'and what is missing is not kept');

kill 'QUIT', $nginx;
waitpid $nginx, 0;
is($?, 0, 'nginx ends in order');
is(join('', grep { /\[(?:alert|emerg|crit)\]/ } split(/^/, read_file("$folder/error.log"))), '', 'and has found nothing wrong with itself');

done_testing();
