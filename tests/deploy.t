#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# plain build only: a sanitized program is not what is deployed
# What deploy/ holds does what it says, as far as that needs no cluster.
. "$(dirname "$0")/lib.sh"
. "$tests/apiserver/lib.sh"
deploy=$tests/../deploy

# The program with its libraries, on a node
configuration=$T/host/etc/cni/net.d
mkdir -p "$configuration"
ok "a bundle" "$deploy/bundle" "$NPCTL" "$T/bundle"
fails "a node without a network plugin" "$deploy/on-node" "$T/host" "$T/bundle"
echo '{"cniVersion": "1.0.0", "name": "net", "plugins": [{"type": "bridge"}]}' >"$configuration/10-net.conflist"
cp "$configuration/10-net.conflist" "$configuration/20-other.conflist"
ok "a node" "$deploy/on-node" "$T/host" "$T/bundle"
is "its plugins" "$(jq -c '[.plugins[].type]' "$configuration"/10*)" '["bridge","npctl"]'
is "of the first network alone" "$(jq -c '[.plugins[].type]' "$configuration"/20*)" '["bridge"]'
before=$(stat -c %Y.%i "$configuration"/10*)
ok "done again" "$deploy/on-node" "$T/host" "$T/bundle"
is "its configuration stays" "$(stat -c %Y.%i "$configuration"/10*)" "$before"
is "nothing else is left" "$(find "$T/host/opt" "$configuration" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | paste -sd ' ')" \
	"10-net.conflist 20-other.conflist cni npctl"
is "the plugin is the program" "$(readlink "$T/host/opt/cni/bin/npctl")" /opt/npctl/npctl
# shellcheck disable=SC2016 # for the other shell
on_node() { unshare -m bash -c 'mount --bind "$1/opt" /opt && /opt/cni/bin/npctl version && CNI_COMMAND=VERSION /opt/cni/bin/npctl <<<"{\"cniVersion\": \"1.0.0\"}"' - "$T/host"; }
like "and runs there" "$(on_node | tr -d '\n')" 'npctl .*"supportedVersions"'

in_tree() { (cd "$deploy/.." && "$@"); }

# What the agent asks for is what it may
apiserver_start --history 100
npctl -q load >/dev/null || exit
for each in rbac daemonset; do
	ok "kubectl takes $each.yml" kube apply --dry-run=client --validate=false -f "$deploy/$each.yml"
done
while IFS= read -r words; do
	# shellcheck disable=SC2086 # words, indeed
	ok "docs/kubernetes.md: kubectl $words" in_tree kube $words
done < <(sed -n 's/^# kubectl //p' "$deploy/../docs/kubernetes.md")
like "the agent is on every node" "$(kube get daemonset npctl -n kube-system -o yaml)" 'operator: Exists'
ok "the bundle brings what TLS takes" test -e "$T/bundle/lib/libcurl.so.4" -a -e "$T/bundle/lib/libssl.so.3"
ok "the agent is in step" "$T/bundle/npctl" -q agent -k "$A/kubeconfig" --once
asked=$(requests '.user != "admin" and .verb == "list"' | jq -r '.path' | sort -u)
for path in $asked; do
	grep -qE "[[ ]${path##*/}[],]" "$deploy/rbac.yml"
	result $? "it may look at ${path##*/}"
done
is "that is all" "$(wc -w <<<"$asked")" "$(grep -oP 'resources: \[\K[^]]*' "$deploy/rbac.yml" | tr -d , | wc -w)"

# Inside the cluster
mount -t tmpfs tmpfs /run
account=/var/run/secrets/kubernetes.io/serviceaccount
mkdir -p $account
cp "$A/ca.crt" "$A/token" $account
ok "in a pod it finds all of it by itself" env KUBERNETES_SERVICE_HOST=127.0.0.1 \
	KUBERNETES_SERVICE_PORT="${SERVER##*:}" npctl -q agent --once
umount /run

# The rights that the service leaves it
rights=$(grep -oP '^CapabilityBoundingSet=\K.*' "$tests/../packaging/npctl-agent.service" | tr 'A-Z ' 'a-z,' | sed 's/cap_/+/g')
mkdir "$T/manifests"
ok "the service's rights suffice" setpriv --no-new-privs --bounding-set="-all,$rights" \
	npctl -q agent --manifests "$T/manifests" --once
ok "to load, too" setpriv --no-new-privs --bounding-set="-all,$rights" npctl -q load
service() { # what a service manager does
	perl -MIO::Socket::UNIX -e '
		my $socket = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $ARGV[0]) or die;
		my $child = fork // die;
		exec "npctl", "-q", "agent", "--manifests", $ARGV[1] unless $child;
		alarm 10;
		$socket->recv(my $said, 100);
		print $said;
		kill "TERM", $child;
		waitpid $child, 0;
		exit $? >> 8' "$T/notify" "$T/manifests"
}
is "it tells when it is in step, and ends well" "$(NOTIFY_SOCKET=$T/notify service) $?" "READY=1 0"
plan_done
