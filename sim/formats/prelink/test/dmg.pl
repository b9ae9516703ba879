# SPDX-License-Identifier: MIT
# A disk image (UDIF) whose one block is an LZVN stream as Apple's lzfse frames it, for
# 7-Zip to decode. usage: perl dmg.pl PACKED SIZE >X.dmg; SIZE of what is packed: sectors.
use strict;
use warnings;
use MIME::Base64;

my ($file, $size) = @ARGV;
my $sectors = $size / 512;
open(my $in, '<:raw', $file) or die "$file: $!\n";
my $lzvn = do { local $/; <$in> };
my $data = 'bvxn' . pack('VV', $size, length $lzvn) . $lzvn . 'bvx$';
my $no_sum = pack('NN', 0, 0) . "\0" x 128;

# The table of blocks: LZFSE, and the end.
my $mish = 'mish' . pack('NQ>Q>Q>NN', 1, 0, $sectors, 0, 0x808, 0) . "\0" x 24 . $no_sum .
	pack('N', 2) . pack('NNQ>Q>Q>Q>', 0x80000007, 0, 0, $sectors, 0, length $data) .
	pack('NNQ>Q>Q>Q>', 0xffffffff, 0, $sectors, 0, length $data, 0);
my $plist = '<?xml version="1.0" encoding="UTF-8"?><plist version="1.0"><dict>' .
	'<key>resource-fork</key><dict><key>blkx</key><array><dict>' .
	'<key>Attributes</key><string>0x0050</string><key>Data</key><data>' .
	encode_base64($mish) . '</data><key>ID</key><string>0</string>' .
	'<key>Name</key><string>kernel</string></dict></array></dict></dict></plist>';
my $koly = 'koly' . pack('NNNQ>Q>Q>Q>Q>NN', 4, 512, 1, 0, 0, length $data, 0, 0, 1, 1) .
	"\0" x 16 . $no_sum . pack('Q>Q>', length $data, length $plist) . "\0" x 120 .
	$no_sum . pack('NQ>', 1, $sectors) . "\0" x 12;
die 'trailer of ' . length($koly) unless length $koly == 512;
binmode STDOUT;
print $data, $plist, $koly;
