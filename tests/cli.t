#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The frame of the command line: words, options, errors, exit statuses.
. "$(dirname "$0")/lib.sh"

like "help names the commands" "$(npctl help)" 'version .*show the version'
is "--help is help" "$(npctl --help)" "$(npctl help)"
is "-h before a command is its help" "$(npctl -h version)" "$(npctl help version)"
is "COMMAND help is its help" "$(npctl version help)" "$(npctl help version)"
is "COMMAND --help is its help" "$(npctl version --help)" "$(npctl help version)"
is "-V is version" "$(npctl -V)" "$(npctl version)"
is "a unique prefix of a command will do" "$(npctl vers)" "$(npctl version)"
plan_done
