#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The frame of the command line: words, options, errors, exit statuses.
. "$(dirname "$0")/lib.sh"

# Help and version, by every way to ask for them.
like "help names the commands" "$(npctl help)" 'version .*show the version'
is "--help is help" "$(npctl --help)" "$(npctl help)"
is "-h before a command is its help" "$(npctl -h topo)" "$(npctl help topo)"
is "COMMAND help is its help" "$(npctl topo help)" "$(npctl help topo)"
is "COMMAND --help is its help" "$(npctl topo --help)" "$(npctl help topo)"
is "COMMAND VERB --help is the verb's" "$(npctl topo up --help)" "$(npctl help topo up)"
is "COMMAND help VERB is the verb's" "$(npctl topo help up)" "$(npctl help topo up)"
is "--help wins over wrong words" "$(npctl topo exec --help)" "$(npctl help topo exec)"
like "a verb's help has its usage" "$(npctl help topo up)" 'npctl topo up .*--file'
is "-V is version" "$(npctl -V)" "$(npctl version)"
is "-V behind a command is version, and nothing else" "$(npctl topo -V; npctl policy delete --all -V)" \
	"$(npctl version; npctl version)"
is "version begins with the name" "$(npctl version | cut -d' ' -f1 | head -1)" npctl
npctl >"$T/bare"
is "without a command: help, and wrong usage" "$?$(cat "$T/bare")" "2$(npctl help)"

# Prefixes of commands and verbs, never of options.
is "a unique prefix of a command will do" "$(npctl vers)" "$(npctl version)"
is "a unique prefix of a verb will do" "$(npctl topo sh)" "$(npctl topo show)"
fails_with "an ambiguous command" 2 'command "t" is ambiguous: .*topo.* or ' npctl t
fails_with "an option is not abbreviated" 2 'unknown option "--jso".*did you mean --json' \
	npctl version --jso

# Unknown words.
fails_with "an unknown command" 2 'unknown command "polcy": did you mean policy\? \(mend: npctl help\)$' \
	npctl polcy
fails_with "nothing near: no suggestion" 2 'unknown command "xyzzy" \(mend' npctl xyzzy
fails_with "an unknown verb" 2 'unknown verb "shwo" of topo: did you mean show\? \(mend: npctl help topo\)$' \
	npctl topo shwo
fails_with "a missing verb" 2 'topo needs a verb: .*up.* or ' npctl topo
fails_with "an unknown option" 2 'unknown option "--fiel" of topo up: did you mean --file\?' \
	npctl topo up --fiel x
fails_with "an unknown letter" 2 'unknown option "-z" of version' npctl version -z
fails_with "an unknown global option" 2 'unknown option "--jsom": did you mean --json\?' npctl --jsom version
fails_with "a word too many" 2 'unexpected word "x": version takes no words' npctl version x
fails_with "words missing" 2 'topo exec needs .*POD' npctl topo exec
fails_with "a value missing" 2 'option --root needs a value: DIR' npctl --root
fails_with "an empty value" 2 'option --file needs a value' npctl topo up --file=
fails_with "a value for a flag" 2 'option --json takes no value' npctl --json=1 version
fails_with "an option twice" 2 'option --file is given twice' npctl topo up -f a -f b
fails_with "control characters stay out of errors" 2 '"a\?b\?\[31m"' npctl $'a\nb\e[31m'

fails_with "a verb without its command" 2 'unknown command "allow": did you mean policy allow\?' npctl allow 10.0.0.1
fails_with "a verb of several" 2 'unknown command "list": did you mean policy list, .*or endpoint list\?' npctl list
is "detach is attach detach" "$(npctl detach nothing 2>&1)" "$(npctl attach detach nothing 2>&1)"
like "it has help" "$(npctl help detach)" 'npctl detach POD'
ok "as JSON, too" jq -e '.name == "detach"' <(npctl -j help detach)

# -p is --pretty, and behind `policy allow` --port; before it, it is --pretty, too.
like "-p in front of the command" "$(npctl -p policy allow 10.0.0.1 -p 80)" $'\n.*"tcp/80"'
is "-p behind it" "$(npctl policy allow 10.0.0.2 -p 80)" "rule 2: allow ingress 10.0.0.2/32 tcp/80 (added)"
is "-jp: JSON, and a port" "$(npctl policy deny 10.0.0.3 -jp udp/53 | jq -r '.[].ports[]')" "udp/53"
like "--pretty behind it" "$(npctl policy allow 10.0.0.1 --pretty --port 80)" $'\n.*"tcp/80"'
like "-p between its words" "$(npctl policy -p allow 10.0.0.1 -p 80)" $'\n.*"tcp/80"'
fails_with "-p without a port" 2 'option --port needs a value: PORT' npctl policy allow 10.0.0.1 -p
like "-p where there is no port" "$(npctl policy list -p)" $'\n.*"tcp/80"'
npctl policy delete --all

# JSON, errors too.
ok "-j help is JSON" jq -e '.commands | length > 5' <(npctl -j help)
ok "-j help topo is JSON" jq -e '.verbs[] | select(.name == "up")' <(npctl -j help topo)
ok "-j version is JSON" jq -e .version <(npctl -j version)
is "-j may follow the command" "$(npctl version -j)" "$(npctl -j version)"
is "-p is many lines" "$(npctl -p version | jq -c .)" "$(npctl -j version)"
error=$(npctl -j polcy 2>"$T/errors")
is "an error under -j is status 2" $? 2
is "an error under -j is an object" "$(jq -r '.error + "; " + .mend' <<<"$error")" \
	'unknown command "polcy": did you mean policy?; npctl help'
is "and nothing on standard error" "$(cat "$T/errors")" ""
ok "bytes that are no UTF-8 stay JSON" jq -e .error <(npctl -j $'\xff\xfe')

# The instance.
mkdir "$T/a" "$T/b"
fails_with "--root is the place to look" 1 "$T/a is not" npctl --root "$T/a/x" policy allow any
NPCTL_ROOT=$T/a/x fails_with "NPCTL_ROOT, too" 1 "$T/a is not" npctl policy allow any
NPCTL_ROOT=$T/a/x fails_with "--root wins" 1 "$T/b is not" npctl --root "$T/b/x" policy allow any

# Where the output goes.
npctl help | head -1 >"$T/first" 2>"$T/errors"
is "a closed pipe is silent" "${PIPESTATUS[0]/141/0} $(cat "$T/errors")" "0 "
npctl help 2>"$T/errors" >/dev/full
is "a full disk is a failure" "$? $(cat "$T/errors")" \
	"1 npctl: cannot write the output: No space left on device"
ok "closed descriptors do no harm" bash -c 'npctl help <&- >&- 2>&-'
export TERM=xterm
like "colours on a terminal" "$(script -qec 'npctl help' /dev/null)" $'\e\['
unlike "none with NO_COLOR" "$(NO_COLOR=1 script -qec 'npctl help' /dev/null)" $'\e\['
unlike "none on a dumb terminal" "$(TERM=dumb script -qec 'npctl help' /dev/null)" $'\e\['
unlike "none into a pipe" "$(npctl help)" $'\e\['
mkdir "$T/bin"
cat >"$T/bin/man" <<'END'
#!/bin/sh
[ "$2" = npctl-topo ] && echo "the page: $*"
END
chmod +x "$T/bin/man"
PATH=$T/bin:$PATH
page() { script -qec "$*" /dev/null | tr -d '\r'; }
is "at a terminal help shows a command's page" "$(page npctl help topo)" "the page: 8 npctl-topo"
like "where there is none, what is built in" "$(page npctl help load)" 'npctl load'
like "and for a verb" "$(page npctl help topo up)" '--file'
is "--help is short" "$(page npctl topo --help | head -1)" "topo: pods to try policies on: namespaces, links, servers"
like "a pipe gets what is built in" "$(npctl help topo)" 'npctl topo up'
like "a dumb terminal, too" "$(TERM=dumb page npctl help topo)" 'npctl topo up'
is "help is as wide as asked" "$(COLUMNS=60 npctl help | awk 'length > 60' | grep -c .)" 0
plan_done
