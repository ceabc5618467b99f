# Answers of GET /metrics, read as a scraper does, and judged by promtool where it is installed.
package MultiRegion::Metrics;

use strict;
use warnings;

use Exporter qw(import);
use File::Temp ();

our @EXPORT_OK = qw(metrics_of value_of promtool);

# The samples of a text: "name{labels}" => value. Dies of a line that is none, of a sample
# outside its family, and of one that comes twice.
sub metrics_of
{
	my ($text) = @_;
	my (%samples, %ended, $family, $type);

	foreach my $line (split /\n/, $text)
	{
		if ($line =~ /^# TYPE (\w+) (\w+)$/)
		{
			die "the family $1 comes twice\n" if $ended{$1}++;
			($family, $type) = ($1, $2);
			next;
		}
		next if $line =~ /^# (?:HELP \w+ \S|UNIT \w+ \w+$|EOF$)/;
		my ($name, $labels, $value) = $line =~ /^(\w+)(\{(?:\w+="(?:[^"\\]|\\["\\n])*",?)+\})? (\S+)$/
		  or die "no sample: $line\n";
		my $suffix = $type eq 'histogram' ? qr/_(?:bucket|sum|count)/ : $type eq 'counter' ? qr/(?:_total)?/ : qr//;
		die "$name in the family $family\n" if $name !~ /^\Q$family\E$suffix$/;
		die "$name$labels comes twice\n" if exists $samples{ $name . ($labels // '') };
		$samples{ $name . ($labels // '') } = $value;
	}
	return \%samples;
}

# The value of the only sample of this name.
sub value_of
{
	my ($samples, $name) = @_;
	my @found = grep { /^\Q$name\E(?:\{|$)/ } keys %$samples;

	return @found == 1 ? $samples->{ $found[0] } : undef;
}

# What promtool finds wrong with a text (check metrics) or a file; '' for nothing, or if there
# is no promtool.
sub promtool
{
	my ($what, $input) = @_;
	my ($command, @rest) = split / /, $what;
	my $output = '';
	my $file = File::Temp->new;

	return '' if !-x '/usr/bin/promtool';
	print $file $input;
	close $file;
	my $pid = open(my $pipe, '-|') // die "fork: $!";
	if (!$pid)
	{
		open(STDERR, '>&', \*STDOUT);
		open(STDIN, '<', $rest[0] eq 'metrics' ? $file->filename : '/dev/null') or die $!;
		exec('/usr/bin/promtool', $command, @rest, $rest[0] eq 'metrics' ? () : $input) or die $!;
	}
	$output .= $_ while <$pipe>;
	close $pipe;
	return $? == 0 && $rest[0] ne 'metrics' ? '' : $output . ($? == 0 ? '' : 'exit status ' . ($? >> 8));
}

1;
