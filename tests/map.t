#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Maps are shown by their types, and take what people write.
. "$(dirname "$0")/lib.sh"

clang -O2 -g -target bpf -idirafter "/usr/include/$(uname -m)-linux-gnu" \
	-c -o "$T/shapes.o" "$tests/bpf/map_shapes.bpf.c" || skip_all "clang is missing"
ok "a user's own object is loaded" npctl load "$T/shapes.o"

key='{"ifindex":3,"local":"10.0.0.1","port":80,"protocol":6,"remote":"fd00::1"}'
value='{"name":"hello","colour":"COLOUR_GREEN","low":-5,"yes":true,'
value+='"large":"18446744073709551615","data":"01 02 03 04","numbers":[1,2],'
value+='"three":5,"signed4":-3,"family":4,"source":"1.2.3.4",'

like "list names a map" "$(npctl map list)" 'shapes +hash +[0-9]+ +28 +72 +0 +4 '
ok "an entry of every kind of member" \
	npctl map update shapes key "$key" value "$value\"address\":\"9.8.7.6\"}"
is "comes back as it was given" "$(npctl -j map lookup shapes key "$key")" \
	"{\"key\":$key,\"value\":$value\"one\":101124105,\"address\":\"9.8.7.6\"}}"
is "dump is an array" "$(npctl -j map dump shapes)" \
	"[{\"key\":$key,\"value\":$value\"one\":101124105,\"address\":\"9.8.7.6\"}}]"
like "list counts it" "$(npctl map list)" 'shapes +hash +[0-9]+ +28 +72 +1 +4 '
like "show tells the types" "$(npctl map show shapes)" 'key_type: struct shape_key'

# words that are no key or value
refused() {
	fails_with "refused: $*" 1 "$1" npctl map "${@:2}"
}
refused 'map "nope" does not exist \(mend: npctl map list\)' show nope
refused 'map "/nope" does not exist' show /nope
refused 'no object of BPF' show /etc/passwd
refused 'no map with id 4294967295' show id 4294967295
refused 'has no such key' lookup shapes key '{"ifindex":4}'
refused 'key has no member "ifindx" \(it has ifindex, local, ' lookup shapes key '{"ifindx":4}'
refused 'ifindex: -4 does not fit in 32 unsigned bits' lookup shapes key '{"ifindex":-4}'
refused 'port: 70000 does not fit' lookup shapes key '{"port":70000}'
refused 'not JSON' lookup shapes key '{"port":70000'
refused 'must be a JSON object of ifindex' lookup shapes key 5
refused '"10.0.0.256" is not an address' lookup shapes key '{"local":"10.0.0.256"}'
refused '2 bytes given, 28 needed' lookup shapes key hex 00 01
refused '"BLUE" is neither a number nor one of the names' \
	update shapes key "$key" value '{"colour":"BLUE"}'
refused '9 does not fit in the bit field' update shapes key "$key" value '{"three":9}'
refused 'longer than 16 bytes' update shapes key "$key" value '{"name":"12345678901234567"}'
refused 'is not an array of 2' update shapes key "$key" value '{"numbers":[1]}'
refused 'has that key already' update shapes key "$key" value '{}' noexist
refused 'has no such key' update shapes key '{}' value '{}' exist
refused 'ends before that key' update numbers key 9 value 1
refused 'entries of an array cannot be deleted' delete numbers key 1
refused 'holds no entries to list' dump ring
refused 'a map is needed: id N or pinned PATH' update nested key 1 value 7
refused 'of another shape' update nested key 1 value pinned /sys/fs/bpf/npctl/maps/hits
refused 'is no number of 6 bytes' update bare key 1 value 5
fails_with "no key" 2 'more words' npctl map lookup shapes
fails_with "no word key" 2 '"key" is missing' npctl map lookup shapes 1 2
fails_with "a word too many" 2 'unexpected word "more"' npctl map show shapes more
is "after all that nothing has changed" "$(npctl -j map dump shapes)" \
	"[{\"key\":$key,\"value\":$value\"one\":101124105,\"address\":\"9.8.7.6\"}}]"
ok "delete" npctl map delete shapes key "$key"
is "an empty dump" "$(npctl -j map dump shapes)" "[]"
for n in 1 2 3 4; do
	npctl map update shapes key "{\"ifindex\":$n}" value '{}'
done
refused 'full' update shapes key '{"ifindex":5}' value '{}'

# each processor has its own
cpus=$(getconf _NPROCESSORS_CONF)
ok "per-CPU values" npctl map update hits key 7 value '{"packets":3}'
like "are shown with their sum" "$(npctl -j map dump hits)" \
	"^\[\{\"key\":7,\"value\":\{\"packets\":$((3 * cpus)),\"bytes\":0\},\"cpus\":\[\{\"packets\":3,"

ok "a number in hex" npctl map update numbers key 1 value 0x10
is "--used leaves zeros out" "$(npctl -j map dump numbers --used)" '[{"key":1,"value":16}]'
is "and else they are there" "$(npctl -j map dump numbers)" \
	'[{"key":0,"value":0},{"key":1,"value":16},{"key":2,"value":0},{"key":3,"value":0}]'

# no types, only bytes
ok "bytes in hex" npctl map update bare key hex 0a 00 00 14 value hex 01 02 03 04 05 06
ok "bytes as bpftool takes them" npctl map update bare key 0x0a 0 0 21 value 1 2 3 4 5 6
is "bytes come back" "$(npctl -j map lookup bare key 0x0a 0 0 21)" \
	'{"key":"0a 00 00 15","value":"01 02 03 04 05 06"}'

# maps in maps, by path, by id
id=$(npctl -j map show numbers | grep -o '"id":[0-9]*' | grep -o '[0-9]*')
ok "an inner map by id" npctl map update nested key 2 value id "$id"
ok "an inner map by path" npctl map update nested key 1 value pinned /sys/fs/bpf/npctl/maps/numbers
is "inner maps show their ids" "$(npctl -j map dump nested)" \
	"[{\"key\":1,\"value\":{\"map_id\":$id}},{\"key\":2,\"value\":{\"map_id\":$id}}]"
is "a map by id" "$(npctl -j map lookup id "$id" key 1)" '{"key":1,"value":16}'
is "a map by path" "$(npctl -j map lookup /sys/fs/bpf/npctl/maps/numbers key 1)" \
	'{"key":1,"value":16}'
mv /sys/fs/bpf/npctl/maps/numbers /sys/fs/bpf/numbers
is "a map of others by its pinned name" "$(npctl -j map lookup numbers key 1)" \
	'{"key":1,"value":16}'
like "an error is JSON, too" "$(npctl -j map show nope)" \
	'^\{"error":"map .*","mend":"npctl map list"\}$'

# npctl's own
ok "the datapath is loaded" npctl load
refused 'is not a BPF map' show /sys/fs/bpf/npctl/progs/pod_ingress
is "its settings are shown by name" \
	"$(npctl -j map lookup settings key 0 | grep -c '"version":[0-9]*,"listening":0')" 1
like "-x tells bpftool's words" "$(npctl -x map lookup settings key 0 2>&1)" \
	'\+ bpftool map lookup pinned /sys/fs/bpf/npctl/maps/settings'
plan_done
