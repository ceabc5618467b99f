# HTTP for tests, byte by byte where a test wants it: a connection sends what it is given,
# also what no client would send, and reads answers with a deadline.
#
#   my $answer = MultiRegion::Http->get($port, '/api/regions');
#   my $http = MultiRegion::Http->connect($port); $http->send("GET / HT"); ...
#   my $answer = $http->answer(timeout => 5);
#
# An answer is a hash: version, status, reason, headers (lower-case names), fields (list
# of [name, value]), body, json (decoded, if it is), text (everything as received). Undef
# where none came in time or the connection ended before; nothing here dies for what a
# server does. check_answer() says what is wrong with one by the house's rules.
package MultiRegion::Http;

use strict;
use warnings;

use Exporter qw(import);
use IO::Select;
use JSON::PP ();
use Socket qw(AF_INET AF_UNIX SOCK_STREAM IPPROTO_TCP TCP_NODELAY SHUT_WR INADDR_LOOPBACK pack_sockaddr_in pack_sockaddr_un);
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

our @EXPORT_OK = qw(shape_problem check_answer);

# A connection to a port of the loopback, or to a unix socket by its path; undef if there is
# none.
sub connect
{
	my ($class, $port) = @_;
	my $local = $port =~ m{^/};

	socket(my $socket, $local ? AF_UNIX : AF_INET, SOCK_STREAM, 0) or return undef;
	CORE::connect($socket, $local ? pack_sockaddr_un($port) : pack_sockaddr_in($port, INADDR_LOOPBACK))
		or return undef;
	setsockopt($socket, IPPROTO_TCP, TCP_NODELAY, 1) unless $local;
	$socket->blocking(0);
	return bless { socket => $socket, buffer => '', ended => 0 }, $class;
}

# Sends all bytes; false when the other side has hung up or takes nothing for 10 s.
sub send
{
	my ($self, $bytes) = @_;
	my $deadline = clock_gettime(CLOCK_MONOTONIC) + 10;

	local $SIG{PIPE} = 'IGNORE';
	while (length $bytes)
	{
		my $count = syswrite($self->{socket}, $bytes);
		if (defined $count)
		{
			substr($bytes, 0, $count, '');
			next;
		}
		return 0 unless $!{EAGAIN} || $!{EINTR};
		return 0 if clock_gettime(CLOCK_MONOTONIC) > $deadline;
		IO::Select->new($self->{socket})->can_write(1);
	}
	return 1;
}

# Says that nothing more will be sent.
sub end { shutdown($_[0]{socket}, SHUT_WR); return; }

sub close
{
	my ($self) = @_;
	CORE::close($self->{socket}) if $self->{socket};
	$self->{socket} = undef;
	return;
}

# Waits for bytes until the deadline; false if none came.
sub _fill
{
	my ($self, $deadline) = @_;

	while (!$self->{ended})
	{
		my $count = sysread($self->{socket}, $self->{buffer}, 65536, length $self->{buffer});
		return 1 if $count;
		if (defined $count || !($!{EAGAIN} || $!{EINTR}))
		{
			$self->{ended} = 1;
			last;
		}
		my $left = $deadline - clock_gettime(CLOCK_MONOTONIC);
		return 0 if $left <= 0;
		IO::Select->new($self->{socket})->can_read($left);
	}
	return 0;
}

# The next answer. head => 1: of a request HEAD, which has no body.
sub answer
{
	my ($self, %args) = @_;
	my $deadline = clock_gettime(CLOCK_MONOTONIC) + ($args{timeout} // 10);
	my %answer;

	until ($self->{buffer} =~ /\r\n\r\n/)
	{
		return undef unless $self->_fill($deadline);
	}
	my ($head) = $self->{buffer} =~ /\A(.*?\r\n)\r\n/s;
	my ($first, @lines) = split /\r\n/, $head;
	@answer{qw(version status reason)} = $first =~ m{\A(HTTP/\d\.\d) (\d\d\d) (.*)\z} or return undef;
	foreach my $line (@lines)
	{
		my ($name, $value) = $line =~ /\A([^:\s]+): ?(.*)\z/ or return undef;
		push @{ $answer{fields} }, [ $name, $value ];
		$answer{headers}{ lc $name } = $value;
	}
	my $length = $answer{headers}{'content-length'};
	$length = 0 if $args{head} || $answer{status} == 204 || $answer{status} == 304 || $answer{status} < 200;
	while (length($self->{buffer}) < length($head) + 2 + ($length // 1e9))
	{
		next if $self->_fill($deadline);
		last if $self->{ended} && !defined $length;
		return undef;
	}
	my $size = defined $length ? length($head) + 2 + $length : length $self->{buffer};
	$answer{text} = substr($self->{buffer}, 0, $size, '');
	$answer{body} = substr($answer{text}, length($head) + 2);
	$answer{json} = eval { JSON::PP->new->utf8->decode($answer{body}) };
	return $answer{status} < 200 ? $self->answer(%args) : \%answer;
}

# Whether the other side hangs up within timeout seconds; what it sends meanwhile stays
# in the buffer.
sub ends
{
	my ($self, %args) = @_;
	my $deadline = clock_gettime(CLOCK_MONOTONIC) + ($args{timeout} // 10);

	1 while $self->_fill($deadline);
	return $self->{ended};
}

# Bytes received and not yet taken.
sub rest { return $_[0]{buffer} }

# The bytes of a simple request. headers => [...] lines, body => text.
sub request_text
{
	my ($class, $method, $path, %args) = @_;
	my @lines = ("$method $path HTTP/1.1", 'Host: localhost', @{ $args{headers} // [] });

	push @lines, 'Content-Length: ' . length $args{body} if defined $args{body};
	return join("\r\n", @lines) . "\r\n\r\n" . ($args{body} // '');
}

# One request on this connection.
sub request
{
	my ($self, $method, $path, %args) = @_;

	$self->send($self->request_text($method, $path, %args)) or return undef;
	return $self->answer(%args, head => $method eq 'HEAD');
}

# One request on a connection of its own, that lasts as long as an order to fail over may. Where
# nobody answers, the status is 'none'.
sub ask
{
	my ($class, $port, $method, $path, %args) = @_;
	my $none = { status => 'none', body => '' };
	my $http = $class->connect($port) or return $none;
	my $answer = $http->request($method, $path, timeout => 40, %args) // $none;

	$http->close;
	return $answer;
}

# One GET on a connection of its own.
sub get
{
	my ($class, $port, $path, %args) = @_;
	my $http = $class->connect($port) or return undef;
	my $answer = $http->request('GET', $path, %args);

	$http->close;
	return $answer;
}

# Sends bytes on a connection of their own: the answer.
sub raw
{
	my ($class, $port, $bytes, %args) = @_;
	my $http = $class->connect($port) or return undef;

	$http->send($bytes);
	my $answer = $http->answer(%args);
	$http->close;
	return $answer;
}

# --- judging ----------------------------------------------------------------------------

my %kinds = (
	string => sub { !ref $_[0] && JSON::PP->new->allow_nonref->encode($_[0]) =~ /^"/ },
	integer => sub { !ref $_[0] && JSON::PP->new->allow_nonref->encode($_[0]) =~ /^-?\d+$/ },
	number => sub { !ref $_[0] && JSON::PP->new->allow_nonref->encode($_[0]) =~ /^-?\d/ },
	boolean => sub { JSON::PP::is_bool($_[0]) },
	time => sub { !ref $_[0] && $_[0] =~ /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/ });

# What is wrong with a value, or ''. A shape is a hash (exactly these keys), an array of
# one shape (each element), a pattern, or a kind above, with "?" where null is allowed.
sub shape_problem
{
	my ($value, $shape, $where) = @_;
	$where //= '$';

	if (ref $shape eq 'HASH')
	{
		return "$where is not an object" unless ref $value eq 'HASH';
		my ($has, $wanted) = map { join(' ', sort keys %$_) } $value, $shape;
		return "$where has the keys $has instead of $wanted" if $has ne $wanted;
		return join('', map { shape_problem($value->{$_}, $shape->{$_}, "$where.$_") } sort keys %$shape);
	}
	if (ref $shape eq 'ARRAY')
	{
		return "$where is not an array" unless ref $value eq 'ARRAY';
		return join('', map { shape_problem($value->[$_], $shape->[0], "$where\[$_]") } 0 .. $#$value);
	}
	my ($kind, $optional) = ref $shape ? ($shape, 0) : $shape =~ /^(\w+)(\??)$/;
	return $optional ? '' : "$where is null; " unless defined $value;
	return !ref $value && $value =~ $shape ? '' : "$where is \"$value\"; " if ref $shape;
	return $kinds{$kind}->($value) ? '' : "$where is no $kind: $value; ";
}

my $error_shape = { code => 'string', message => 'string', details => 'string?', hint => 'string?' };

# What is wrong with an answer, or '': headers every answer has, the form of errors. more =>
# {...}: keys that this error has beside those of every error. type: if it is not JSON.
sub check_answer
{
	my ($answer, %args) = @_;

	return 'no answer' unless $answer;
	my %headers = %{ $answer->{headers} };
	my @twice = grep { my $name = $_; 1 < grep { lc $_->[0] eq $name } @{ $answer->{fields} } }
		keys %headers;
	return "headers twice: @twice" if @twice;
	return "version $answer->{version}" if $answer->{version} !~ m{^HTTP/1\.[01]$};
	return 'no reason' if $answer->{reason} eq '' || $answer->{reason} eq 'Unknown';
	my $cached = defined $headers{etag} ? 'no-cache' : 'no-store';
	return "Cache-Control is not $cached" if ($headers{'cache-control'} // '') ne $cached;
	return 'X-Content-Type-Options is missing' if ($headers{'x-content-type-options'} // '') ne 'nosniff';
	return 'X-Request-Id is missing' if ($headers{'x-request-id'} // '') !~ m{^[\w.~+/=:-]{1,64}$};
	return $answer->{body} eq '' ? '' : 'a body that may not be' if $answer->{status} == 204 || $answer->{status} == 304;
	return $headers{'content-length'} =~ /^\d+$/ ? '' : 'no Content-Length'
		if ($headers{'content-type'} // '') eq 'text/plain; charset=utf-8';
	return 'Content-Type ' . ($headers{'content-type'} // 'is missing')
		if ($headers{'content-type'} // '') ne ($args{type} // 'application/json; charset=utf-8');
	return 'no Content-Length' if ($headers{'content-length'} // '') !~ /^\d+$/;
	return '' if $args{head};
	return "not JSON: $answer->{body}" unless $answer->{json};
	return 'no line break at the end' if $answer->{body} !~ /\n\z/;
	return '' if $answer->{status} < 400 || $answer->{json}{reason} || $answer->{json}{patroni};
	return shape_problem($answer->{json}, { %$error_shape, %{ $args{more} // {} } });
}

1;
