#!/bin/sh
# SPDX-License-Identifier: MIT
# Do the tests exist that docs/rules-*.md name? The column "test" holds, separated
# by semicolons, `test_program: name of the case` and names of scenarios; a rule that is
# "done" names one at least, or says that no test tries it. Prints what is wrong.
set -u
cd "$(dirname "$0")/.." || exit 1

git ls-files '*/test/test_*.c' >"${TMPDIR:-/tmp}/rules.$$"
trap 'rm -f "${TMPDIR:-/tmp}/rules.$$"' EXIT

awk -v list="${TMPDIR:-/tmp}/rules.$$" '
function complain(what) { print FILENAME ":" FNR ": " what }

# Every string of a test program, as one text; "" when there is no such program.
function strings_of(program,   line, all) {
	if (program in known)
		return known[program]
	while (program in file && (getline line < file[program]) > 0)
		all = all "\n" line
	gsub(/\\"/, "\"", all)
	return known[program] = all
}

function check_case(item,   colon, program, name) {
	colon = index(item, ": ")
	program = substr(item, 1, colon - 1)
	name = substr(item, colon + 2)
	if (!colon || !(program in file))
		complain("no test program " (colon ? program : item))
	else if (!index(strings_of(program), "{\"" name "\","))
		complain(program " has no case \"" name "\"")
}

function check_scenario(name,   line) {
	if ((getline line < ("scenarios/" name ".yaml")) < 0)
		complain("no scenario " name)
	close("scenarios/" name ".yaml")
}

BEGIN {
	while ((getline path < list) > 0) {
		name = path
		sub(/.*\//, "", name)
		sub(/\.c$/, "", name)
		file[name] = path
	}
}

function check_row(n,   i, m, item) {
	if (cell[state] !~ /^(done|modelled|left out)/)
		complain("state \"" cell[state] "\"")
	if (cell[state] ~ /^done/ && cell[state] !~ /test/ && cell[test] == "")
		complain("done, and no test")
	m = split(cell[test], item, /;[ ]*/)
	for (i = 1; i <= m; i++)
		if (item[i] ~ /^`.*`$/)
			check_case(substr(item[i], 2, length(item[i]) - 2))
		else
			check_scenario(item[i])
}

# A table of rules is one whose header has a state and a test.
!/^\|/ { state = test = 0; next }
/^\|---/ { next }
{
	n = split($0, cell, /[ ]*\|[ ]*/)
	if (!columns || !state)
		for (i = 1; i <= n; i++) {
			if (cell[i] == "state")
				state = i
			if (cell[i] == "test") {
				test = i
				columns = n
				next
			}
		}
	if (state && n != columns)
		complain("a row of another number of cells")
	else if (state && test)
		check_row(n)
}' docs/rules-*.md
