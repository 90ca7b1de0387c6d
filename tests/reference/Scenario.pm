# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Random clusters, small and crowded, so that everything touches everything.
package Scenario;
use strict;
use warnings;

my @namespaces = qw(a b c d);
my @keys = qw(app tier env);
my @values = ('x', 'y', 'z', '');
my @names = qw(http dns metrics);
my @protocols = qw(TCP TCP TCP UDP UDP SCTP);
my @numbers = (53, 79, 80, 81, 443, 8080);

sub pick { return $_[rand @_]; }
sub chance { return rand() < $_[0]; }
sub several { my ($most, $make) = @_; return [map { $make->($_) } 1 .. int(rand($most + 1))]; }
sub some { my ($most, $make) = @_; return [map { $make->($_) } 1 .. 1 + int(rand($most))]; }

sub labels {
    my %labels;
    for my $key (@keys) { $labels{$key} = pick(@values) if chance(0.5); }
    return \%labels;
}

sub requirement {
    my $operator = pick(qw(In NotIn Exists DoesNotExist));
    my %requirement = (key => pick(@keys, 'none'), operator => $operator);
    $requirement{values} = some(2, sub { pick(@values) }) if $operator =~ /In$/;
    return \%requirement;
}

sub selector {
    my %selector;
    $selector{matchLabels} = {pick(@keys) => pick(@values)} if chance(0.4);
    $selector{matchExpressions} = some(2, \&requirement) if chance(0.35);
    return \%selector;
}

sub namespace_selector {
    return {matchLabels => {'kubernetes.io/metadata.name' => pick(@namespaces)}} if chance(0.3);
    return {matchExpressions => [{key => 'kubernetes.io/metadata.name', operator => pick(qw(In NotIn)),
                values => some(2, sub { pick(@namespaces) })}]} if chance(0.2);
    return selector();
}

sub address4 { return '10.' . join '.', pick(0, 0, 0, 1, 200), pick(0, 1), 1 + int rand 30; }
sub address6 { return sprintf 'fd00:0:%x::%x', pick(0, 1), 1 + int rand 30; }
sub address { return chance(0.7) ? address4() : address6(); }

sub prefix {
    if (chance(0.7)) {
        return pick('0.0.0.0/0', '10.0.0.0/8', '10.0.0.0/16', '10.0.0.0/15', '10.0.0.0/24',
            '10.0.1.0/24', '128.0.0.0/1', address4() . '/' . pick(24, 25, 27, 28, 29, 30, 31, 32));
    }
    return pick('::/0', 'fd00::/16', 'fd00::/47', 'fd00:0:1::/48', 'fd00::/48',
        address6() . '/' . pick(64, 120, 124, 125, 126, 127, 128));
}

sub block {
    my $cidr = prefix();
    my ($base, $length) = split m{/}, $cidr;
    my $six = $base =~ /:/;
    my %block = (cidr => $cidr);
    my @excepts;
    for (1 .. int rand 3) {
        my $more = $length + 1 + int rand 6;
        next if $more > ($six ? 128 : 32);
        my $inside = $length >= ($six ? 48 : 15) ? $base : $six ? address6() : address4();
        next unless Reference::in_prefix($inside, $cidr);
        push @excepts, "$inside/$more";
    }
    $block{except} = \@excepts if @excepts;
    return \%block;
}

# --- NetworkPolicy

sub np_peer {
    return {ipBlock => block()} if chance(0.35);
    my %peer;
    $peer{podSelector} = selector() if chance(0.6);
    $peer{namespaceSelector} = namespace_selector() if chance(0.5) || !%peer;
    return \%peer;
}

sub np_port {
    my %port;
    $port{protocol} = pick(@protocols) if chance(0.6);
    if (chance(0.85)) {
        $port{port} = chance(0.35) ? pick(@names) : pick(@numbers);
        if ($port{port} =~ /^\d+$/ && chance(0.3)) {
            $port{endPort} = $port{port} + pick(0, 1, 2, 500);
        }
    }
    return \%port;
}

sub np_rule {
    my ($peers) = @_;
    my %rule;
    $rule{$peers} = several(3, \&np_peer) if chance(0.75);
    $rule{ports} = several(3, \&np_port) if chance(0.6);
    return \%rule;
}

sub network_policy {
    my ($name) = @_;
    my %spec = (podSelector => chance(0.4) ? {} : selector());
    delete $spec{podSelector} if chance(0.03);
    $spec{ingress} = several(3, sub { np_rule('from') }) if chance(0.6);
    $spec{egress} = several(3, sub { np_rule('to') }) if chance(0.5);
    $spec{policyTypes} = pick([], ['Ingress'], ['Egress'], ['Ingress', 'Egress'], ['Egress', 'Ingress'])
        if chance(0.7);
    my %metadata = (name => $name, namespace => pick(@namespaces));
    return {apiVersion => 'networking.k8s.io/v1', kind => 'NetworkPolicy', metadata => \%metadata, spec => \%spec};
}

# --- cluster policies

sub cluster_pods {
    return {namespaces => namespace_selector()} if chance(0.5);
    return {pods => {namespaceSelector => namespace_selector(), podSelector => selector()}};
}

sub cluster_peer {
    my ($egress, $names) = @_;
    return cluster_pods() if !$egress || $names || chance(0.5);
    return {nodes => selector()} if chance(0.3);
    return {networks => distinct(map { prefix() } 1 .. 1 + int rand 3)};
}

sub distinct { my %seen; return [grep { !$seen{$_}++ } @_]; }

sub protocol2 {
    my ($names) = @_;
    return {destinationNamedPort => pick(@names)} if $names && chance(0.6);
    my $start = pick(@numbers);
    my $port = chance(0.6) ? {number => $start} : {range => {start => $start, end => $start + pick(1, 2, 400)}};
    return {lc(pick(@protocols)) => {destinationPort => $port}};
}

sub port1 {
    my ($names) = @_;
    return {namedPort => pick(@names)} if $names && chance(0.6);
    my $start = pick(@numbers);
    my %protocol = chance(0.7) ? (protocol => pick(@protocols)) : ();
    return {portNumber => {%protocol, port => $start}} if chance(0.6);
    return {portRange => {%protocol, start => $start, end => $start + pick(1, 2, 400)}};
}

sub cluster_rule {
    my ($egress, $generation, @actions) = @_;
    my $names = chance(0.25);
    my %rule = (action => pick(@actions));
    $rule{$egress ? 'to' : 'from'} = some(2, sub { cluster_peer($egress, $names) });
    $rule{name} = 'rule-' . int rand 100 if chance(0.3);
    if ($names || chance(0.5)) {
        if ($generation == 2) { $rule{protocols} = some(3, sub { protocol2($names) }); }
        else { $rule{ports} = some(3, sub { port1($names) }); }
    }
    return \%rule;
}

sub cluster_policy {
    my ($name) = @_;
    my $kind = pick(qw(ClusterNetworkPolicy ClusterNetworkPolicy AdminNetworkPolicy));
    my $generation = $kind eq 'ClusterNetworkPolicy' ? 2 : 1;
    my @actions = $generation == 2 ? qw(Accept Deny Pass) : qw(Allow Deny Pass);
    my %spec = (subject => cluster_pods(), priority => pick(0, 1, 5, 10, 1000));
    $spec{tier} = pick(qw(Admin Admin Baseline)) if $generation == 2;
    $spec{ingress} = several(3, sub { cluster_rule(0, $generation, @actions) }) if chance(0.7);
    $spec{egress} = several(3, sub { cluster_rule(1, $generation, @actions) }) if chance(0.7);
    return {apiVersion => "policy.networking.k8s.io/v1alpha$generation", kind => $kind,
        metadata => {name => $name}, spec => \%spec};
}

sub baseline_policy {
    my %spec = (subject => cluster_pods());
    $spec{ingress} = several(3, sub { cluster_rule(0, 1, qw(Allow Deny)) });
    $spec{egress} = several(3, sub { cluster_rule(1, 1, qw(Allow Deny)) });
    return {apiVersion => 'policy.networking.k8s.io/v1alpha1', kind => 'BaselineAdminNetworkPolicy',
        metadata => {name => 'default'}, spec => \%spec};
}

# --- what there is

sub fresh { my ($taken, $make) = @_; my $made; do { $made = $make->() } while $taken->{$made}++; return $made; }

sub node {
    my ($name, $taken) = @_;
    my @addresses = ({type => 'Hostname', address => $name},
        {type => 'InternalIP', address => fresh($taken, \&address4)});
    push @addresses, {type => 'InternalIP', address => fresh($taken, \&address6)} if chance(0.6);
    push @addresses, {type => 'ExternalIP', address => fresh($taken, \&address4)} if chance(0.2);
    return {apiVersion => 'v1', kind => 'Node', metadata => {name => $name, labels => labels()},
        status => {addresses => \@addresses}};
}

sub container_port {
    my %port = (containerPort => pick(@numbers));
    $port{name} = pick(@names) if chance(0.6);
    $port{protocol} = pick(@protocols) if chance(0.6);
    return \%port;
}

sub pod {
    my ($name, $taken, @nodes) = @_;
    my %spec = (containers => [{name => 'c', image => 'i', ports => several(3, \&container_port)}]);
    my %metadata = (name => $name, labels => labels(), namespace => pick(@namespaces));
    my @ips;
    my $node = @nodes && chance(0.7) ? pick(@nodes) : undef;
    $spec{nodeName} = $node->{metadata}{name} if $node;
    if (chance(0.1)) {
        push @{$spec{containers}}, {name => 'd', image => 'i', ports => several(2, \&container_port)};
    }
    if (chance(0.1)) {
        $spec{initContainers} = [{name => 's', image => 'i', ports => some(1, \&container_port),
                chance(0.5) ? (restartPolicy => 'Always') : ()}];
    }
    if (chance(0.15)) {
        $spec{hostNetwork} = JSON::PP::true();
        @ips = map { $_->{address} } grep { $_->{type} eq 'InternalIP' } @{$node->{status}{addresses}} if $node;
        @ips = (fresh($taken, \&address4)) unless @ips;
    } else {
        @ips = (fresh($taken, \&address4)) if chance(0.9);
        push @ips, fresh($taken, \&address6) if !@ips || chance(0.5);
    }
    return {apiVersion => 'v1', kind => 'Pod', metadata => \%metadata, spec => \%spec,
        status => {podIP => $ips[0], podIPs => [map { {ip => $_} } @ips]}};
}

sub ips { my ($pod, $family) = @_; return grep { ($family == 6) == (/:/ ? 1 : 0) } Reference::addresses($pod); }

sub party {
    my ($family, @pods) = @_;
    my @with = grep { ips($_, $family) } @pods;
    if (@with && chance(0.8)) {
        my $pod = pick(@with);
        return (ips($pod, $family))[0] if chance(0.1);
        return Reference::namespace_of($pod) . '/' . $pod->{metadata}{name};
    }
    return $family == 6 ? address6() : address4();
}

sub probe {
    my (@pods) = @_;
    my $family = chance(0.7) ? 4 : 6;
    my $port = pick(@numbers) + (chance(0.3) ? pick(-1, 1, 2) : 0);
    return {from => party($family, @pods), to => party($family, @pods), family => $family,
        protocol => pick(@protocols), port => $port};
}

sub make {
    my ($seed, $probe_count) = @_;
    srand $seed;
    my %taken;
    my @nodes = map { node("node-$_", \%taken) } 1 .. int rand 4;
    my @pods = map { pod("pod-$_", \%taken, @nodes) } 1 .. 2 + int rand 8;
    my @objects = (@nodes, @pods);
    push @objects, {apiVersion => 'v1', kind => 'Namespace', metadata => {name => $_, labels => labels()}}
        for grep { chance(0.8) } @namespaces;
    push @objects, network_policy("np-$_") for 1 .. int rand 6;
    push @objects, cluster_policy("cp-$_") for 1 .. int(chance(0.6) ? rand 5 : 0);
    push @objects, baseline_policy() if chance(0.25);
    return (\@objects, [map { probe(@pods) } 1 .. $probe_count]);
}

1;
