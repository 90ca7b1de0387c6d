#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Presets: what ships, what users add, put in force for a cgroup as a whole.
. "$(dirname "$0")/lib.sh"
. "$tests/cgroup.sh"
export NPCTL_PRESETS=$T/presets
cp -r "$tests/../presets" "$NPCTL_PRESETS"
groups web db
servers 80 443 53 5432
npctl load >/dev/null
npctl attach cgroup "$top/web" >/dev/null
preset() { npctl policy preset "$@"; }
rules() { npctl -j policy list | jq -r '[.[] | select(.preset) | "\(.preset) \(.peer) \(.ports)"] | join(", ")'; }

is "those that ship" "$(npctl -j policy preset | jq -r '[.[].preset] | join(" ")')" "database frontend worker"
is "each with a line" "$(npctl -j policy preset | jq '[.[].description | length > 10] | all')" true
is "one is shown" "$(npctl -j policy preset worker --show | jq -c '[.settings.addresses, .settings.private, .file]')" \
	"[null,true,\"$NPCTL_PRESETS/worker.yml\"]"

# frontend: 80, 443, 53 and private.
is "before: all pass" "$(try web tcp 192.0.2.1 5432)" yes
ok "frontend" preset frontend --cgroup "$top/web"
for to in "192.0.2.1 80" "192.0.2.1 443" "2001:db8::1 443" "192.0.2.1 53" "10.9.0.1 5432"; do
	# shellcheck disable=SC2086 # two words
	is "frontend: $to" "$(try web tcp $to)" yes
done
is "frontend: DNS by UDP" "$(try web udp 192.0.2.1 53)" yes
is "frontend: nothing else" "$(try web tcp 192.0.2.1 5432)" "$denied"
is "frontend: not even loopback" "$(try web tcp 127.0.0.1 5432)" "$denied"
is "others are free" "$(try db tcp 192.0.2.1 5432)" yes
like "listed with where it comes from" "$(npctl policy list)" "PRESET.*any +tcp/80,tcp/443 +frontend"
fails_with "its rules go together" 1 'part of preset frontend.*--remove' npctl policy delete 1
id() { npctl -j policy list | jq -r '.[] | select(.peer == "private") | .id'; }
before=$(id)
ok "again without DNS, with loopback" preset frontend --cgroup "$top/web" --set dns=off --set loopback=on
is "DNS is off" "$(try web udp 192.0.2.1 53)" "$denied"
is "loopback is on" "$(try web tcp 127.0.0.1 5432)" yes
is "what stays keeps its number" "$(id)" "$before"

# Another one takes its place.
ok "database" preset database --cgroup "$top/web"
is "database: private" "$(try web tcp 10.9.0.1 5432)" yes
is "database: nothing else" "$(try web tcp 192.0.2.1 80)" "$denied"
is "of frontend nothing is left" "$(rules)" "database private any"
fails_with "worker wants addresses" 1 'needs a setting: addresses.*--set addresses' preset worker --cgroup "$top/web"
is "then nothing has changed" "$(rules)" "database private any"
ok "worker" preset worker --cgroup "$top/web" --set addresses=192.0.2.1,2001:db8::1 --set ports=tcp/80,udp/53
is "worker: address and port" "$(try web tcp 192.0.2.1 80)" yes
is "worker: IPv6 and UDP" "$(try web udp 2001:db8::1 53)" yes
is "worker: private" "$(try web tcp 10.9.0.1 443)" yes
is "worker: another port" "$(try web tcp 192.0.2.1 443)" "$denied"
is "worker: another address" "$(try web tcp 192.0.2.2 80)" "$denied"
npctl policy deny 10.9.0.1 --port tcp/443 --cgroup "$top/web" >/dev/null
is "a rule by hand goes first where it is closer" "$(try web tcp 10.9.0.1 443)" "$denied"
npctl policy export >"$T/export.yml"
ok "all is taken away" preset --remove --cgroup "$top/web"
is "but for what was said by hand" "$(npctl -j policy list | jq -r '[.[] | select(.id) | .peer] | join(" ")')" 10.9.0.1/32
fails_with "nothing is left to remove" 1 'no preset is in force' preset --remove --cgroup "$top/web"
npctl policy delete --all >/dev/null
ok "an export brings it back" npctl policy apply -f "$T/export.yml"
is "as a preset" "$(rules)" "worker 192.0.2.1/32 tcp/80,udp/53, worker 2001:db8::1/128 tcp/80,udp/53, worker private any"
npctl policy delete --all >/dev/null

# For all pods, without a subject.
ok "for pods" preset database
is "as egress" "$(npctl -j policy list | jq -r '.[0] | [.direction, .subject] | join(" ")')" "egress all"
ok "and away" preset --remove

# One's own.
cat >"$NPCTL_PRESETS/mail.yml" <<'EOF'
description: mail, but not to the world's open relays
settings:
  relays: [192.0.2.1, 192.0.2.2]
rules:
- allow: $relays
  ports: [tcp/80, tcp/443]
- deny: 192.0.2.2
  ports: tcp/443
EOF
is "one's own is listed" "$(npctl -j policy preset | jq -r '[.[].preset] | join(" ")')" "database frontend mail worker"
ok "one's own is taken" preset mail --cgroup "$top/web"
is "its allow" "$(try web tcp 192.0.2.2 80)" yes
is "its deny" "$(try web tcp 192.0.2.2 443)" "$denied"
npctl policy delete --all >/dev/null

# What is wrong is refused, with its place.
own() { printf '%s\n' "$@" >"$NPCTL_PRESETS/own.yml"; }
own 'rules:' '- allow: any' '  port: tcp/80'
fails_with "a field that nobody knows" 1 'own.yml:3: .*port: unknown field' preset own --cgroup "$top/web"
own 'rules:' '- allow: any' '  deny: any'
fails_with "both verdicts" 1 'own.yml:2: .*either allow or deny' preset own --cgroup "$top/web"
own 'rules:' "- allow: \$nix"
fails_with "a setting that is none" 1 'own.yml: .*"nix"' preset own --cgroup "$top/web"
own 'rules:' '- allow: 10.0.0.300'
fails_with "no address" 1 '10.0.0.300' preset own --cgroup "$top/web"
own 'rules: 5'
fails_with "no rules" 1 'own.yml' preset own --cgroup "$top/web"
own
fails_with "nothing at all" 1 'own.yml: is not one' preset own --cgroup "$top/web"
own 'kind: Pod' 'rules: []'
fails_with "no preset" 1 'own.yml: is a Pod' preset own --cgroup "$top/web"
like "a broken one is listed with its problem" "$(npctl policy preset)" 'own .*is a Pod'
fails_with "one that is not there" 1 '"nix" does not exist' preset nix --cgroup "$top/web"
fails_with "a path is no name" 1 'is not made of' preset ../../etc/passwd --cgroup "$top/web"
fails_with "an unknown setting" 1 'no setting "x".*--show' preset frontend --set x=1
fails_with "no value" 2 'not KEY=VALUE' preset frontend --set dns
fails_with "neither on nor off" 1 'dns is on or off' preset frontend --set dns=maybe
fails_with "strict would be open" 1 'allows nothing|has no rules' preset database --set addresses=
is "after all that, no rule" "$(npctl -j policy list | jq '[.[] | select(.id)] | length')" 0
plan_done
