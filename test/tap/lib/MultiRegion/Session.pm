# A database connection for tests, in plain Perl: no psql to start for a poll, and a
# statement can be left under way, a socket watched, a deadline kept.
#
#   my $session = MultiRegion::Session->connect(port => 5501, timeout => 2);  # or undef
#   my $result  = $session->query('SELECT 1', timeout => 5);
#   $session->send('INSERT ...'); ...; my $result = $session->receive(timeout => 1);
#
# A result is a hash: rows (array of arrays, NULL is undef), columns, tags, and, if it
# failed, sqlstate, message, detail, hint; {lost => 1} means that the connection ended
# and {timeout => 1} that the answer is still to come. Speaks protocol 3.0 to a server
# that trusts it; one simple query (which may hold several statements) at a time.
# What NOTIFY has sent is kept as [channel, payload] in {notifications}.
# Never dies for what a server does.
package MultiRegion::Session;

use strict;
use warnings;

use Errno qw(EINPROGRESS EINTR EAGAIN);
use IO::Select;
use Socket qw(AF_INET SOCK_STREAM IPPROTO_TCP TCP_NODELAY SOL_SOCKET SO_ERROR
	inet_aton pack_sockaddr_in);
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

our $last_error;

sub now { return clock_gettime(CLOCK_MONOTONIC) }

# Keys: port; host (numeric), user, dbname, application, options, replication, timeout in
# seconds.
# Undef when it failed; $MultiRegion::Session::last_error holds the result hash.
sub connect
{
	my ($class, %args) = @_;
	my $deadline = now() + ($args{timeout} // 5);
	my $self = bless { port => $args{port}, buffer => '', parameters => {} }, $class;
	my %startup = (
		user => $args{user} // 'postgres',
		database => $args{dbname} // 'postgres',
		application_name => $args{application} // 'test');
	foreach my $key (qw(options replication))
	{
		$startup{$key} = $args{$key} if defined $args{$key};
	}

	$last_error = undef;
	return $self->_fail unless $self->_open($args{host} // '127.0.0.1', $deadline);
	my $packet = pack('N', 196608) . join('', map { "$_\0$startup{$_}\0" } sort keys %startup) . "\0";
	return $self->_fail unless $self->_write(pack('N', 4 + length $packet) . $packet, $deadline);
	my $result = $self->_collect($deadline);
	return $self if $result->{ready};
	$self->close;
	$last_error = $result;
	return undef;
}

sub _fail
{
	my ($self) = @_;

	$last_error = { lost => 1, message => "$!" };
	$self->close;
	return undef;
}

sub _open
{
	my ($self, $host, $deadline) = @_;

	socket(my $socket, AF_INET, SOCK_STREAM, 0) or return 0;
	$self->{socket} = $socket;
	$socket->blocking(0);
	setsockopt($socket, IPPROTO_TCP, TCP_NODELAY, 1);
	my $address = pack_sockaddr_in($self->{port}, inet_aton($host));
	return 1 if CORE::connect($socket, $address);
	return 0 unless $! == EINPROGRESS;
	return 0 unless $self->_wait('can_write', $deadline);
	$! = unpack('i', getsockopt($socket, SOL_SOCKET, SO_ERROR));
	return $! == 0;
}

sub _wait
{
	my ($self, $direction, $deadline) = @_;
	my $left = $deadline - now();

	return 0 if $left <= 0;
	return scalar IO::Select->new($self->{socket})->$direction($left);
}

sub _write
{
	my ($self, $data, $deadline) = @_;

	local $SIG{PIPE} = 'IGNORE';
	while (length $data)
	{
		my $written = syswrite($self->{socket}, $data);
		if (defined $written)
		{
			substr($data, 0, $written, '');
			next;
		}
		return 0 unless $! == EAGAIN || $! == EINTR;
		return 0 if now() >= $deadline;
		$self->_wait('can_write', $deadline);
	}
	return 1;
}

# The next whole message as (type, body); () at the deadline; ('') when it ended.
sub _message
{
	my ($self, $deadline) = @_;

	for (;;)
	{
		if (length $self->{buffer} >= 5)
		{
			my ($type, $length) = unpack('aN', $self->{buffer});
			if (length $self->{buffer} >= 1 + $length)
			{
				my $body = substr($self->{buffer}, 5, $length - 4);
				substr($self->{buffer}, 0, 1 + $length, '');
				return ($type, $body);
			}
		}
		my $read = sysread($self->{socket}, $self->{buffer}, 65536, length $self->{buffer});
		next if $read;
		return ('') if defined $read || !($! == EAGAIN || $! == EINTR);
		$self->_wait('can_read', $deadline) or return ();
	}
}

my %error_field = (C => 'sqlstate', M => 'message', D => 'detail', H => 'hint', S => 'severity');

sub _fields
{
	my ($body) = @_;
	my %fields;

	foreach my $field (split /\0/, $body)
	{
		my ($code, $text) = (substr($field, 0, 1), substr($field, 1));
		$fields{ $error_field{$code} } = $text if $error_field{$code};
	}
	return \%fields;
}

sub _row
{
	my ($body) = @_;
	my ($count, @row) = (unpack('n', $body));
	my $at = 2;

	for (1 .. $count)
	{
		my $length = unpack('l>', substr($body, $at, 4));
		$at += 4;
		push @row, $length < 0 ? undef : substr($body, $at, $length);
		$at += $length if $length > 0;
	}
	return \@row;
}

sub _columns
{
	my ($body) = @_;
	my @columns;

	substr($body, 0, 2, '');
	while ($body =~ s/\A([^\0]*)\0.{18}//s)
	{
		push @columns, $1;
	}
	return \@columns;
}

# Reads until the server is ready for the next query. A partial result stays in the
# object, so that a later call goes on where the deadline interrupted.
sub _collect
{
	my ($self, $deadline) = @_;
	my $result = $self->{partial} //= { rows => [], tags => [], notices => [] };

	for (;;)
	{
		my ($type, $body) = $self->_message($deadline);
		if (!defined $type)
		{
			return { timeout => 1, message => 'no answer in time' };
		}
		if ($type eq '')
		{
			delete $self->{partial};
			$self->close;
			return { %$result, lost => 1, message => $result->{message} // 'the connection ended' };
		}
		if ($type eq 'D') { push @{ $result->{rows} }, _row($body); }
		elsif ($type eq 'T') { $result->{columns} = _columns($body); }
		elsif ($type eq 'C') { push @{ $result->{tags} }, substr($body, 0, -1); }
		elsif ($type eq 'N') { push @{ $result->{notices} }, _fields($body); }
		elsif ($type eq 'A') { push @{ $self->{notifications} }, [ (split /\0/, substr($body, 4))[0, 1] ]; }
		elsif ($type eq 'E') { %$result = (%$result, %{ _fields($body) }); }
		elsif ($type eq 'S')
		{
			my ($name, $value) = split /\0/, $body;
			$self->{parameters}{$name} = $value;
		}
		elsif ($type eq 'K') { $self->{pid} = unpack('N', $body); }
		elsif ($type eq 'R' && unpack('N', $body) != 0)
		{
			$self->close;
			return { sqlstate => '28000', message => 'the server asks for a password' };
		}
		elsif ($type eq 'Z')
		{
			delete $self->{partial};
			$result->{ready} = 1;
			$result->{transaction} = $body;
			return $result;
		}
	}
}

# Sends a query and does not wait. False: the connection has ended.
sub send
{
	my ($self, $sql) = @_;

	return 0 unless $self->{socket};
	return $self->_write('Q' . pack('N', 5 + length $sql) . "$sql\0", now() + 5);
}

sub _packet { my ($type, $body) = @_; return $type . pack('N', 4 + length $body) . $body }

# The extended protocol: prepares a statement under a name, and runs it with parameters
# (text). Results are those of query().
sub prepare
{
	my ($self, $name, $sql, %args) = @_;

	return { lost => 1, message => 'not connected' } unless $self->{socket};
	$self->_write(_packet('P', "$name\0$sql\0" . pack('n', 0)) . _packet('S', ''), now() + 5);
	return $self->receive(%args);
}

sub execute
{
	my ($self, $name, @parameters) = @_;
	my $values = join('', map { pack('N', length) . $_ } @parameters);

	return { lost => 1, message => 'not connected' } unless $self->{socket};
	$self->_write(_packet('B', "\0$name\0" . pack('nn', 0, scalar @parameters) . $values . pack('n', 0))
			. _packet('E', "\0" . pack('N', 0)) . _packet('S', ''), now() + 5);
	return $self->receive;
}

# The answer to what was sent, if it comes within timeout seconds (default 30).
sub receive
{
	my ($self, %args) = @_;

	return { lost => 1, message => 'not connected' } unless $self->{socket};
	return $self->_collect(now() + ($args{timeout} // 30));
}

sub query
{
	my ($self, $sql, %args) = @_;

	unless ($self->send($sql))
	{
		# The server may have said why before it hung up.
		my $result = $self->receive(timeout => 0.1);
		return { %$result, lost => 1 };
	}
	return $self->receive(%args);
}

# First column of the first row, undef if there is none or it failed.
sub value
{
	my ($self, $sql, %args) = @_;
	my $result = $self->query($sql, %args);

	return undef if defined $result->{sqlstate} || !@{ $result->{rows} // [] };
	return $result->{rows}[0][0];
}

# A value the server reported (server_version, in_hot_standby, ...).
sub parameter { return $_[0]{parameters}{ $_[1] } }

# Process id of the backend.
sub pid { return $_[0]{pid} }

sub is_open { return defined $_[0]{socket} }

# Ends at once; the backend learns it from the socket.
sub close
{
	my ($self) = @_;

	CORE::close($self->{socket}) if $self->{socket};
	$self->{socket} = undef;
	return;
}

1;
