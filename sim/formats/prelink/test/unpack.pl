#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# unpack.pl FILE: the Mach-O inside a compressed prelinked kernel, to standard output. A
# second decoder of lzss and lzvn for the tests, written from the description of the two
# formats, that shares nothing with lzss.c and lzvn.c.
use strict;
use warnings;

sub fail { die "unpack.pl: $_[0]\n" }

# Copy $len bytes from $dist before the end of $$out; they may overlap.
sub copy {
	my ($out, $len, $dist) = @_;
	fail("distance $dist at " . length $$out) if !$dist || $dist > length $$out;
	$$out .= substr $$out, -$dist, 1 for 1 .. $len;
}

# Okumura's LZSS: N = 4096, F = 18, ring of spaces, absolute positions.
sub lzss {
	my ($in, $want) = @_;
	my ($out, $at, $r) = ('', 0, 4096 - 18);
	my @ring = (32) x 4096;
	my $put = sub { $ring[$r] = $_[0]; $r = ($r + 1) & 4095; $out .= chr $_[0] };
	while ($at < length $in && length $out < $want) {
		my $flags = ord substr $in, $at++, 1;
		for my $bit (0 .. 7) {
			last if $at >= length $in || length $out >= $want;
			if ($flags >> $bit & 1) {
				$put->(ord substr $in, $at++, 1);
				next;
			}
			my ($a, $b) = unpack 'CC', substr $in, $at, 2;
			$at += 2;
			my $pos = $a | ($b & 0xf0) << 4;
			$put->($ring[$pos + $_ & 4095]) for 0 .. ($b & 15) + 2;
		}
	}
	return $out;
}

# LZVN: an opcode has up to three literals, a match length and a distance.
sub lzvn {
	my ($in, $want) = @_;
	my ($out, $at, $dist) = ('', 0, 0);
	my $byte = sub { ord substr $in, $at++, 1 };
	my $literals = sub { $out .= substr $in, $at, $_[0]; $at += $_[0] };
	while ($at < length $in) {
		my $op = $byte->();
		my ($hi, $lo) = ($op >> 4, $op & 15);
		if ($hi == 14) { # literals alone
			$literals->($lo || $byte->() + 16);
		} elsif ($hi == 15) { # a match alone
			copy(\$out, $lo || $byte->() + 16, $dist);
		} elsif ($hi == 10 || $hi == 11) { # 101LLMMM DDDDDDMM DDDDDDDD
			my $l = $op >> 3 & 3;
			my $m = ($op & 7) << 2;
			my $w = $byte->();
			$w |= $byte->() << 8;
			$literals->($l);
			$dist = $w >> 2;
			copy(\$out, ($m | $w & 3) + 3, $dist);
		} elsif ($op == 6) {
			last;
		} elsif ($op == 14 || $op == 22) {
			next;
		} elsif ($hi == 7 || $hi == 13 || ($op & 7) == 6 && $op < 0x40) {
			fail(sprintf 'opcode %02x', $op);
		} else {
			my ($l, $m, $d) = ($op >> 6, ($op >> 3 & 7) + 3, $op & 7);
			my $new = $dist;
			if ($d < 6) {
				$new = $d << 8 | $byte->();
			} elsif ($d == 7) {
				$new = $byte->();
				$new |= $byte->() << 8;
			}
			$literals->($l);
			$dist = $new;
			copy(\$out, $m, $dist);
		}
	}
	return $out;
}

open my $f, '<:raw', $ARGV[0] or fail("$ARGV[0]: $!");
my $file = do { local $/; <$f> };
my (undef, undef, undef, undef, $offset, $size) = unpack 'N6', $file;
my $slice = substr $file, $offset, $size;
my ($signature, $type, undef, $want, $len) = unpack 'a4a4N3', $slice;
fail('not "comp"') if $signature ne 'comp';
my %decode = (lzss => \&lzss, lzvn => \&lzvn);
my $out = ($decode{$type} || fail("type $type"))->(substr($slice, 0x180, $len), $want);
fail(length($out) . " bytes of $want") if length $out != $want;
binmode STDOUT;
print $out;
