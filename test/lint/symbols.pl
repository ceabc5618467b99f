#!/usr/bin/perl
#
# Layers, told by the linker. What src/core leaves undefined must be of core itself or one
# of the C library's functions on strings and numbers: no memory, clock, random numbers,
# files, locale or server. What multiregion.so exports must begin with mr_ or multiregion_,
# because PostgreSQL 15 exports every global name into one name space; and it must not use
# json_object, which the server would answer for jansson. Needs the release build.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use HouseLint;

my %pure = map { $_ => 1 } qw(
  memchr memcmp memcpy memmove memset memccpy
  strchr strrchr strcmp strncmp strcspn strspn strlen strnlen strpbrk strstr snprintf
  abs labs llabs fabs floor ceil round trunc fmod sqrt sin cos tan asin acos atan atan2 sincos
  exp log log2 log10 pow isnan isinf lround llround
  __stack_chk_fail __memcpy_chk __memset_chk __memmove_chk __snprintf_chk);

# The tree of this rule: output of nm by object, library under its own name.
sub check
{
	my ($tree, $report) = @_;
	my %defined;
	my @core = grep { m{/src/core/} } keys %$tree;
	for my $object (@core)
	{
		$defined{$1} = 1 while $tree->{$object} =~ /^[0-9a-f]+ [A-Z] (\S+)$/mg;
	}
	for my $object (sort @core)
	{
		while ($tree->{$object} =~ /^ +[Uw] (\S+)$/mg)
		{
			next if $pure{$1} || $defined{$1} || $1 eq '_GLOBAL_OFFSET_TABLE_';
			$report->($object, 0, "core must not use $1");
		}
	}
	for my $library (grep { /\.so$/ } keys %$tree)
	{
		while ($tree->{$library} =~ /^[0-9a-f]+ [A-TV-Z] (\S+)$/mg)
		{
			next if $1 =~ /^(?:mr_|multiregion_|pg_finfo_multiregion_|_PG_init$|_PG_archive_module_init$|Pg_magic_func$)/;
			$report->($library, 0, "exports \"$1\", which does not begin with mr_");
		}
		$report->($library, 0, 'uses json_object, which is the server\'s own')
		  if $tree->{$library} =~ /^ +U json_object(?:@\S*)?$/m;
	}
}

sub output_of_nm
{
	my %tree;
	my @objects = glob('build/release/src/core/*.o');
	die "build/release is not compiled\n" if !@objects || !-e 'build/release/multiregion.so';
	$tree{$_} = `nm $_` for @objects;
	$tree{'build/release/multiregion.so'} = `nm -D build/release/multiregion.so`;
	return \%tree;
}

my $address = '0000000000000000';
my $real = output_of_nm();
lint(
	files => $real,
	check => \&check,
	violations => [
		{ 'b/src/core/a.o' => "                 U malloc\n" },
		{ 'b/src/core/a.o' => "                 U clock_gettime\n" },
		{ 'b/src/core/a.o' => "                 U mr_peer_send\n" },
		{ 'b/src/core/a.o' => "                 U stderr\n" },
		{ 'multiregion.so' => "$address T fence_check\n" },
		{ 'multiregion.so' => "$address B nodes\n" },
		{ 'multiregion.so' => "                 U json_object\@libjansson.so.4\n" },
	],
	clean => [
		{ 'b/src/core/a.o' => "                 U mr_x\n                 U memcpy\n", 'b/src/core/b.o' => "$address T mr_x\n" },
		{ 'multiregion.so' => "$address T mr_x\n$address T multiregion_rpc\n                 U json_pack\n$address T pg_finfo_multiregion_rpc\n" },
	]);
