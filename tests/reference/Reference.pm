# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A second opinion: network policy evaluated straight from the words of the
# API, one packet at a time, as slow and plain as can be. It shares nothing
# with src/model and src/compile, so that one mistake is not made twice.
package Reference;
use strict;
use warnings;
use Socket qw(inet_pton AF_INET AF_INET6);

sub new {
    my ($class, @objects) = @_;
    my $self = bless {pods => [], policies => [], cluster => [], nodes => [], namespaces => {}}, $class;
    for my $object (@objects) {
        my $kind = $object->{kind};
        if ($kind eq 'Namespace') {
            $self->{namespaces}{$object->{metadata}{name}} = $object->{metadata}{labels} || {};
        } elsif ($kind eq 'Pod') {
            push @{$self->{pods}}, $object;
        } elsif ($kind eq 'Node') {
            push @{$self->{nodes}}, $object;
        } elsif ($kind eq 'NetworkPolicy') {
            push @{$self->{policies}}, $object;
        } else {
            push @{$self->{cluster}}, $object;
        }
    }
    return $self;
}

# --- addresses

sub bits {
    my ($address) = @_;
    my $raw = $address =~ /:/ ? inet_pton(AF_INET6, $address) : inet_pton(AF_INET, $address);
    return unpack('B*', $raw);
}

sub in_prefix {
    my ($address, $prefix) = @_;
    my ($base, $length) = split m{/}, $prefix;
    my ($a, $b) = (bits($address), bits($base));
    return 0 if length($a) != length($b);
    return substr($a, 0, $length) eq substr($b, 0, $length);
}

sub same_address { return bits($_[0]) eq bits($_[1]); }

sub addresses { return map { $_->{ip} } @{$_[0]{status}{podIPs} || []}; }

sub namespace_of { return $_[0]{metadata}{namespace} // 'default'; }

sub host_network { return $_[0]{spec}{hostNetwork} ? 1 : 0; }

sub node_name { return $_[0]{spec}{nodeName} // ''; }

# --- selectors

sub selects {
    my ($selector, $labels) = @_;
    my $wanted = $selector->{matchLabels} || {};
    for my $key (keys %$wanted) {
        return 0 unless exists $labels->{$key} && $labels->{$key} eq $wanted->{$key};
    }
    for my $expression (@{$selector->{matchExpressions} || []}) {
        my ($key, $operator) = @$expression{qw(key operator)};
        my $there = exists $labels->{$key};
        my $among = $there && grep { $_ eq $labels->{$key} } @{$expression->{values} || []};
        return 0 if $operator eq 'In' && !$among;
        return 0 if $operator eq 'NotIn' && $among;
        return 0 if $operator eq 'Exists' && !$there;
        return 0 if $operator eq 'DoesNotExist' && $there;
    }
    return 1;
}

sub namespace_labels {
    my ($self, $name) = @_;
    return {%{$self->{namespaces}{$name} || {}}, 'kubernetes.io/metadata.name' => $name};
}

sub in_namespaces {
    my ($self, $pod, $selector) = @_;
    return selects($selector, $self->namespace_labels(namespace_of($pod)));
}

sub has_labels {
    my ($pod, $selector) = @_;
    return selects($selector, $pod->{metadata}{labels} || {});
}

# --- ports; $pod is the destination, undef outside the cluster

sub container_ports {
    my ($pod) = @_;
    return () unless $pod;
    my @containers = (@{$pod->{spec}{containers} || []},
        grep { ($_->{restartPolicy} // '') eq 'Always' } @{$pod->{spec}{initContainers} || []});
    return map { @{$_->{ports} || []} } @containers;
}

sub named {
    my ($pod, $name, $protocol, $port, $only) = @_;
    for my $have (container_ports($pod)) {
        next unless ($have->{name} // '') eq $name;
        next if defined $only && ($have->{protocol} // 'TCP') ne $only;
        return 1 if ($have->{protocol} // 'TCP') eq $protocol && $have->{containerPort} == $port;
    }
    return 0;
}

sub np_port {
    my ($rule, $pod, $protocol, $port) = @_;
    my $of = $rule->{protocol} // 'TCP';
    return 0 if $of ne $protocol;
    return 1 unless defined $rule->{port};
    return named($pod, $rule->{port}, $protocol, $port, $of) if $rule->{port} !~ /^\d+$/;
    return $rule->{port} <= $port && $port <= ($rule->{endPort} // $rule->{port});
}

sub cluster_port {
    my ($rule, $pod, $protocol, $port) = @_;
    for my $name (qw(destinationNamedPort namedPort)) {
        return named($pod, $rule->{$name}, $protocol, $port) if defined $rule->{$name};
    }
    for my $transport (qw(tcp udp sctp)) {
        my $wanted = $rule->{$transport} or next;
        return 0 if uc $transport ne $protocol;
        my $of = $wanted->{destinationPort};
        return $of->{range}{start} <= $port && $port <= $of->{range}{end} if $of->{range};
        return $of->{number} == $port;
    }
    if (my $one = $rule->{portNumber}) {
        return ($one->{protocol} // 'TCP') eq $protocol && $one->{port} == $port;
    }
    my $range = $rule->{portRange};
    return ($range->{protocol} // 'TCP') eq $protocol
        && $range->{start} <= $port && $port <= $range->{end};
}

# --- peers; {address, pod}, where pod is undef for what is no pod of its own

sub np_peer {
    my ($self, $policy, $rule, $peer) = @_;
    if (my $block = $rule->{ipBlock}) {
        return 0 unless in_prefix($peer->{address}, $block->{cidr});
        return !grep { in_prefix($peer->{address}, $_) } @{$block->{except} || []};
    }
    my $pod = $peer->{pod} or return 0;
    if ($rule->{namespaceSelector}) {
        return 0 unless $self->in_namespaces($pod, $rule->{namespaceSelector});
    } else {
        return 0 unless namespace_of($pod) eq namespace_of($policy);
    }
    return has_labels($pod, $rule->{podSelector} || {});
}

sub cluster_pods {
    my ($self, $rule, $pod) = @_;
    return 0 unless $pod;
    return $self->in_namespaces($pod, $rule->{namespaces}) if $rule->{namespaces};
    return $self->in_namespaces($pod, $rule->{pods}{namespaceSelector} || {})
        && has_labels($pod, $rule->{pods}{podSelector});
}

sub node_addresses {
    my ($node) = @_;
    return grep { /:/ ? inet_pton(AF_INET6, $_) : inet_pton(AF_INET, $_) }
        map { $_->{address} } @{$node->{status}{addresses} || []};
}

sub cluster_peer {
    my ($self, $rule, $peer) = @_;
    if ($rule->{networks}) {
        return scalar grep { in_prefix($peer->{address}, $_) } @{$rule->{networks}};
    }
    if ($rule->{nodes}) {
        for my $node (@{$self->{nodes}}) {
            next unless selects($rule->{nodes}, $node->{metadata}{labels} || {});
            return 1 if grep { same_address($_, $peer->{address}) } node_addresses($node);
        }
        return 0;
    }
    return $self->cluster_pods($rule, $peer->{pod});
}

# --- tiers

# "allow", "deny", "pass", or undef when nothing matches
sub cluster_tier {
    my ($self, $tier, $direction, $subject, $peer, $destination, $protocol, $port) = @_;
    my ($list, $peers) = $direction eq 'egress' ? ('egress', 'to') : ('ingress', 'from');
    my @of_tier = grep {
        my $own = $_->{kind} eq 'AdminNetworkPolicy'  ? 'Admin'
            : $_->{kind} eq 'BaselineAdminNetworkPolicy' ? 'Baseline' : $_->{spec}{tier};
        $own eq $tier;
    } @{$self->{cluster}};
    my @ordered = sort {
        ($a->{spec}{priority} // 1001) <=> ($b->{spec}{priority} // 1001)
            || $a->{metadata}{name} cmp $b->{metadata}{name}
    } @of_tier;
    for my $policy (@ordered) {
        next unless $self->cluster_pods($policy->{spec}{subject}, $subject);
        for my $rule (@{$policy->{spec}{$list} || []}) {
            next unless grep { $self->cluster_peer($_, $peer) } @{$rule->{$peers}};
            my $ports = $rule->{protocols} || $rule->{ports};
            next if $ports && !grep { cluster_port($_, $destination, $protocol, $port) } @$ports;
            return {Accept => 'allow', Allow => 'allow', Deny => 'deny', Pass => 'pass'}->{$rule->{action}};
        }
    }
    return undef;
}

sub policy_types {
    my ($spec) = @_;
    return @{$spec->{policyTypes}} if @{$spec->{policyTypes} || []};
    return ('Ingress', @{$spec->{egress} || []} ? 'Egress' : ());
}

sub network_policies {
    my ($self, $direction, $subject, $peer, $destination, $protocol, $port) = @_;
    my ($list, $peers) = $direction eq 'egress' ? ('egress', 'to') : ('ingress', 'from');
    my $isolated = 0;
    for my $policy (@{$self->{policies}}) {
        my $spec = $policy->{spec};
        next unless namespace_of($policy) eq namespace_of($subject);
        next unless has_labels($subject, $spec->{podSelector} || {});
        next unless grep { lc $_ eq $direction } policy_types($spec);
        $isolated = 1;
        for my $rule (@{$spec->{$list} || []}) {
            my @peers = @{$rule->{$peers} || []};
            next if @peers && !grep { $self->np_peer($policy, $_, $peer) } @peers;
            my @ports = @{$rule->{ports} || []};
            next if @ports && !grep { np_port($_, $destination, $protocol, $port) } @ports;
            return 'allow';
        }
    }
    return $isolated ? 'deny' : undef;
}

sub own_node {
    my ($self, $subject, $address) = @_;
    my $name = node_name($subject);
    for my $node (@{$self->{nodes}}) {
        next unless $node->{metadata}{name} eq $name;
        return 1 if grep { same_address($_, $address) } node_addresses($node);
    }
    for my $pod (@{$self->{pods}}) {
        next unless host_network($pod) && node_name($pod) eq $name;
        return 1 if grep { same_address($_, $address) } addresses($pod);
    }
    return 0;
}

sub judge {
    my ($self, $direction, $subject, $peer, $protocol, $port) = @_;
    my @self = grep { same_address($_, $peer->{address}) } addresses($subject);
    return 'allow' if @self;
    return 'allow' if $direction eq 'ingress' && $self->own_node($subject, $peer->{address});
    my $destination = $direction eq 'egress' ? $peer->{pod} : $subject;
    my @packet = ($direction, $subject, $peer, $destination, $protocol, $port);
    my $verdict = $self->cluster_tier('Admin', @packet);
    return $verdict if $verdict && $verdict ne 'pass';
    $verdict = $self->network_policies(@packet);
    return $verdict if $verdict;
    $verdict = $self->cluster_tier('Baseline', @packet);
    return $verdict if $verdict && $verdict ne 'pass';
    return 'allow';
}

# --- probes

sub party {
    my ($self, $text, $family) = @_;
    if ($text =~ m{^([^/]+)/(.+)$} && $text !~ /:/) {
        my ($namespace, $name) = ($1, $2);
        my ($pod) = grep { namespace_of($_) eq $namespace && $_->{metadata}{name} eq $name } @{$self->{pods}};
        die "no pod $text" unless $pod;
        my ($address) = grep { ($family == 6) == (/:/ ? 1 : 0) } addresses($pod);
        die "$text has no address" unless $address;
        return {address => $address, pod => host_network($pod) ? undef : $pod};
    }
    for my $pod (@{$self->{pods}}) {
        next if host_network($pod);
        return {address => $text, pod => $pod} if grep { same_address($_, $text) } addresses($pod);
    }
    return {address => $text, pod => undef};
}

sub probe {
    my ($self, $probe) = @_;
    my ($from, $to) = map { $self->party($probe->{$_}, $probe->{family}) } qw(from to);
    my @packet = @$probe{qw(protocol port)};
    my $egress = $from->{pod} ? $self->judge('egress', $from->{pod}, $to, @packet) : 'allow';
    my $ingress = $to->{pod} ? $self->judge('ingress', $to->{pod}, $from, @packet) : 'allow';
    return {egress => $egress, ingress => $ingress,
        verdict => $egress eq 'allow' && $ingress eq 'allow' ? 'allow' : 'deny'};
}

1;
