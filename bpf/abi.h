/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Every type that the datapath and user space share, once.
 *
 * The tables are persistent structures in the functional sense: a change
 * writes new runs beside the old ones, fills the idle half of the settings,
 * the peer index and the subjects, and then flips one word, settings.version.
 * The half in force is `version & 1`. A program that finds the word changed
 * when it is done judges once more, so nothing that it read can have been
 * overwritten meanwhile, and each packet is judged by exactly one policy.
 */
#ifndef NPCTL_ABI_H
#define NPCTL_ABI_H

#ifndef __bpf__
#include <linux/types.h>
#endif

/* Raised whenever a type below changes; maps of another number are refused. */
#define NPCTL_ABI 4

enum direction { INGRESS, EGRESS, DIRECTIONS };

/*
 * A span is the answer to a search, or the place to search on.
 *   count == 0: `first` is the answer itself.
 *   count  > 0: `count` sorted entries from `first` on in the chunks of `runs`
 *               (`runs6` for IPv6 peers); the last entry whose start is not
 *               greater than the key holds the answer. The first entry's start
 *               is the smallest possible key, so there always is one.
 * A span never crosses from one chunk into the next. It is 8 bytes, aligned,
 * and always written and read as a whole.
 */
struct span {
	__u32 first;
	__u32 count;
} __attribute__((aligned(8)));

/*
 * An answer of a set or a table: a verdict and its rule, or where the table
 * stands that has it. In `runs`, a table is headed by an entry whose `start`
 * is the number of those that follow.
 */
#define ANSWER_ALLOW 0x80000000u
#define ANSWER_TABLE 0x40000000u
#define ANSWER_LIMITED 0x20000000u /* allowed as often as `rates` says */
#define ANSWER_TIMED 0x10000000u   /* by the clock: a table of minutes, or what one says */
#define ANSWER_PAGE 0x08000000u	   /* in the directory of a flat set: where the page stands */
#define ANSWER_DIFFERS 0x04000000u /* of a judgement: the candidate would decide otherwise */
#define ANSWER_RULE 0x00ffffffu	   /* no table */
#define ANSWER_INDEX 0x01ffffffu   /* table */

/*
 * Three kinds of runs share the chunks of `runs`:
 *   sets    identity -> answer, which may be a table; large ones flat, see below
 *   tables  protocol << 16 | port (ICMP: type << 8 | code) -> answer, which may
 *           be a timed table: minute of the local day -> answer
 *   peers   lower half of an IPv4 address -> identity
 * Those of peers are packed, so that the search stays within a cache line or
 * two: first `count` starts of 16 bits, four to an entry, the last entry
 * padded with 65535, then as many identities of 16 bits, or, where one does not
 * fit and `count` has PEER_WIDE, of 32; all in the order of the host's memory.
 */
#define PEER_WIDE 0x80000000u
#define PEER_COUNT(count) ((count) & ~PEER_WIDE)
#define PEER_STARTS(count) ((PEER_COUNT(count) + 3) / 4)
#define PEER_ENTRIES(count)   \
	(PEER_STARTS(count) + \
	 ((count)&PEER_WIDE ? (PEER_COUNT(count) + 1) / 2 : PEER_STARTS(count)))

struct run_entry {
	__u32 start;
	__u32 answer;
};

struct run6_entry {
	__u64 high, low;  /* IPv6 address in two host-order halves */
	struct span span; /* leaf, or count 0 and the identity */
};

/*
 * A flat set: `count` has SET_FLAT and the number of slots of its directory. A
 * slot is the answer for SET_PAGE identities, or leads to a page with one for
 * each. Two answers lie in an entry. An identity behind the last slot has the
 * answer of identity 0.
 */
#define SET_FLAT 0x80000000u
#define SET_PAGE 256
#define SET_RUN_MOST 32 /* entries: up to here a run is as quick, and smaller */

#define RUN_CHUNK_BITS 17 /* 131072 entries of 8 bytes: 1 MiB */
#define RUN_CHUNKS 256
#define RUN6_CHUNK_BITS 15 /* 32768 entries of 24 bytes: 768 KiB */
#define RUN6_CHUNKS 256
#define RUN6_LEAF 256 /* entries in a leaf; the directory is one run */

/* Search depth: no run is longer than its chunk. */
#define RUN_STEPS (RUN_CHUNK_BITS + 1)
#define RUN6_STEPS (RUN6_CHUNK_BITS + 1)
#define PEER_STEPS 15

/* peers4: half << 16 | top 16 bits of the address -> span */
#define PEERS4_HALF 65536

enum lifetime {
	LIFE_TCP_OPENING, /* one side has spoken */
	LIFE_UDP_OPENING,
	LIFE_TCP, /* LIFE_OPENED behind its opening */
	LIFE_UDP,
	LIFE_TCP_CLOSING, /* both sides' FIN, or a reset */
	LIFE_SCTP,
	LIFE_ICMP,
	LIFE_FRAGMENT,
	LIFETIMES,
};

#define LIFE_OPENED 2

#define SINKS 16 /* listeners */

/*
 * The local time: a clock of the kernel's and `offset` make the time in ns
 * since 1970, to which the offset in seconds of the first zone with a later
 * `until` is added.
 */
#define CLOCK_ZONES 8

struct clock {
	__u64 offset;
	struct {
		__u64 until; /* seconds since 1970 */
		__s64 offset;
	} zone[CLOCK_ZONES];
};

/*
 * A change waits to be confirmed: until then the half that is not in force is what there was
 * before. From the time on that the upper bits of `confirm` tell, in CONFIRM_TICKs since boot,
 * suspends included, the version after `version` is in force, which is that half, and nobody
 * has to be there for it; provided that the last bit is that of `version`. They wrap after
 * four years.
 */
#define CONFIRM_TICK_BITS 26 /* of nanoseconds: 67 ms */

/* 0 is for flows that were never judged; the half goes by the last bit. */
static inline __u32 version_after(__u32 version)
{
	return version + 1 ? version + 1 : 2;
}

static inline __u32 confirm_ticks(__u64 since_boot)
{
	return (__u32)(since_boot >> CONFIRM_TICK_BITS) << 1;
}

/* Whether the time is over; `confirm` not 0. */
static inline int confirm_is_over(__u32 version, __u32 confirm, __u64 since_boot)
{
	return !((confirm ^ version) & 1) &&
	       (__s32)(confirm_ticks(since_boot) - (confirm & ~1u)) >= 0;
}

#define DIRTY_WRITER 1u /* a writer was at work */
#define DIRTY_WAITED 2u /* a change waits, or was taken back: both halves are as they should be */

struct settings {
	__u32 version;
	__u32 listening;     /* bit n: slot n wants verdicts */
	__u32 listening_all; /* bit n: slot n wants every packet */
	__u32 abi;
	__u32 dirty;		   /* one of these: collect garbage first */
	__u32 lifetime[LIFETIMES]; /* in jiffies */
	struct span peers6[2];	   /* the IPv6 directory, by half */
	__u32 confirm;		   /* see below; 0: nothing waits */
	struct clock clock[2];	   /* by half */
	__u32 tai;		   /* the programs' clock is CLOCK_TAI, not that since boot */
	__u32 formats;		   /* what the loaded programs understand */
};

#define FORMAT_FLAT_SETS 1u
#define FORMAT_WIDE_PEERS 2u
#define FORMAT_CONFIRM 4u
#define FORMATS (FORMAT_FLAT_SETS | FORMAT_WIDE_PEERS | FORMAT_CONFIRM)

/* What one interface is judged by, in one version of the policy. */
#define SUBJECT_ENFORCED(direction) (1u << (direction))
#define SUBJECT_CHECK_SOURCE 4u /* packets must bear one of the addresses */
#define SUBJECT_SHADOW 8u	/* the candidate has sets for it in `shadows` */

struct subject_half {
	__u32 ifindex; /* the tag: 0 for none */
	__u32 flags;
	__be32 address4;
	struct span set[DIRECTIONS];
	__u8 address6[16];
	__u8 link_local6[16];
};

struct subject {
	struct subject_half half[2];
};

#define SUBJECT_SLOTS 4096 /* direct-mapped: ifindex % SUBJECT_SLOTS */

/* Reserved identities; classes of addresses are numbered from IDENTITY_FIRST. */
#define IDENTITY_WORLD 0
#define IDENTITY_HOST 1
#define IDENTITY_NONE 0xffffffffu /* a run was missing: denied */
#define IDENTITY_FIRST 256
#define IDENTITY_LIMIT 65536	    /* while there are not many: they fit into 16 bits */
#define IDENTITY_LIMIT_MOST 4194304 /* then */

/* Flows are keyed from the subject's side, so both directions meet in one. */
struct flow4_key {
	__u32 ifindex;
	__be32 local, remote;
	__be16 local_port, remote_port;
	__u8 protocol;
	__u8 pad[3];
};

struct flow6_key {
	__u32 ifindex;
	__u8 local[16], remote[16];
	__be16 local_port, remote_port;
	__u8 protocol;
	__u8 pad[3];
};

/* ICMP echo: local_port is the identifier, remote_port who asked. */
#define ECHO_LOCAL_ASKS 1
#define ECHO_REMOTE_ASKS 2

struct judgement {
	__u32 version; /* of the policy that judged; 0: seeded, never judged */
	__u32 answer;
};

/* Read and written by words: what is in one goes together. */
struct flow {
	union {
		struct judgement last;
		__u64 last_word;
	};
	union {
		struct {
			__u32 seen; /* jiffies, low half, as are the next two */
			__u32 expires;
		};
		__u64 life_word;
	};
	union {
		struct {
			__u32 created;
			__u8 initiator; /* enum direction of the first packet */
			__u8 lifetime;	/* enum lifetime */
			__u8 fin;	/* bit per direction, and FLOW_ANSWERED */
			__u8 pad;
		};
		__u64 state_word;
	};
	__u32 packets[DIRECTIONS];
};

#define FLOW_ANSWERED 4 /* the other side has spoken, too */

/*
 * flows4, flows6: buckets of slots, each with cache lines of its own. A flow
 * may be in either of two buckets; lib/flow_table.h has the rules. Of `word`,
 * the upper half is the tag of the key, 0 when there is none, and the lower
 * half counts the changes, odd while there is one.
 */
#define FLOW_WAYS 8

struct flow4_slot {
	__u64 word;
	struct flow flow;
	struct flow4_key key;
	__u32 pad;
};

struct flow6_slot {
	__u64 word;
	struct flow flow;
	struct flow6_key key;
	__u8 pad[44];
};

struct flow4_bucket {
	struct flow4_slot slot[FLOW_WAYS];
};

struct flow6_bucket {
	struct flow6_slot slot[FLOW_WAYS];
};

/* Drawn at load: without it nobody can tell which flows meet in a bucket. */
#define FLOW_MULTIPLIERS 12

struct flow_secret {
	__u64 multiplier[FLOW_MULTIPLIERS];
};

/*
 * First fragments: a subject has so many places in each direction, and a peer
 * its own few of them, so that nobody pushes out another's.
 */
#define FRAGMENT_PEERS 128
#define FRAGMENT_IDS 8

struct fragment_key {
	__u32 ifindex;
	__u16 place; /* peer * FRAGMENT_IDS + id */
	__u8 direction;
	__u8 family;
};

struct fragment {
	__u32 id;
	__u8 local[16], remote[16];
	__u8 outer; /* the network header's protocol; 0 in IPv6 */
	__u8 protocol;
	__be16 local_port, remote_port;
	__u16 port;
	__u32 seen; /* jiffies, low half */
};

struct counter {
	__u64 packets, bytes;
};

/*
 * Users: whom a packet leaving a host interface is judged for. The entry of
 * USER_ANY is for all who have none of their own.
 */
#define USER_ANY 0xffffffffu
#define USER_NONE 0xfffffffeu /* no socket: forwarded, or the kernel's own */
#define USER_STRICT 1u	      /* answers to what others began are judged as well */
#define USER_SHADOW 2u	      /* as SUBJECT_SHADOW; of containers, too */

struct user_key {
	__u32 ifindex;
	__u32 uid;
};

struct user_half {
	__u32 present;
	__u32 flags;
	struct span set;
};

struct user_subject {
	struct user_half half[2];
};

/* What a TCP socket, which has one peer for good, was told. */
struct socket_verdict {
	/* read and written as one word: allowed there, by this version; 0: not */
	union {
		struct {
			__u32 version;
			__u32 ifindex;
		} allowed;
		__u64 allowed_word;
	};
	__u32 answer;
	__u32 reply; /* the other side began */
};

/* Containers: cgroup id -> set; every one on the way to the root has its say. */
struct container_half {
	__u32 present;
	__u32 flags;
	struct span set;
};

struct container_subject {
	struct container_half half[2];
};

#define CGROUP_LEVELS 16

/*
 * shadows: the set by which the candidate would judge, for those alone whose entry says that
 * there is one. It has the classes of addresses, the tables and the rules of what is in force.
 */
struct shadow_key {
	__u64 subject; /* ifindex, or cgroup id */
	__u32 uid;     /* USER_ANY where there is none */
	__u8 hook;
	__u8 direction;
	__u8 half;
	__u8 pad;
};

/* rates: by rule number; a bucket for each destination. */
struct rate {
	__u32 per_second;
	__u32 burst;
};

struct bucket_key {
	__u32 rule;
	__u8 remote[16];
};

/* When the next connection would be due if they came evenly, in ns. */
struct bucket {
	__u64 due;
};

/*
 * tallies: what was denied, and at sockets what was allowed, with nobody
 * looking. Each subject has its own share of entries: beyond it, peers and
 * ports are summed under zeros, so a noisy one crowds nobody out.
 */
#define TALLY_SHARE 256
#define TALLY_SHADOWS 0x100 /* in a share's `hook`: for what the candidate would do */

struct tally_key {
	__u64 subject; /* ifindex, or cgroup id */
	__u32 uid;     /* USER_ANY where there is none */
	__u32 answer;  /* verdict and rule */
	__u8 peer[16];
	__u16 port; /* of the destination, host order; ICMP: type << 8 | code */
	__u8 protocol;
	__u8 family; /* 0: summed */
	__u8 direction;
	__u8 hook;
	__u8 reason;
	__u8 pad;
};

struct tally {
	__u64 count;
	__u64 first, last; /* jiffies */
};

/*
 * Of each processor, not yet in the table, for a flood is counted here: the
 * last one, and the sum of a subject's whose share is spent.
 */
#define TALLY_LAST 0
#define TALLY_OTHERS 1

struct tally_recent {
	struct tally_key key;
	struct tally tally; /* count 0: none */
};

struct tally_share_key {
	__u64 subject;
	__u32 uid;
	__u32 hook;
};

/* rules: what the datapath and other tools may know of rule n. */
struct rule_info {
	__u8 tier; /* enum tier */
	__u8 direction;
	__u8 allow;
	__u8 pad;
	char name[124]; /* as `policy list` calls it */
};

/* Why a packet met its fate; X(symbol, word in JSON, text for people). */
#define REASONS(X)                                                      \
	X(POLICY, "policy", "rule")                                     \
	X(ESTABLISHED, "established", "known flow")                     \
	X(NEIGHBOUR, "neighbour", "neighbour discovery")                \
	X(UNENFORCED, "unenforced", "not enforced")                     \
	X(MALFORMED, "malformed", "malformed packet")                   \
	X(FRAGMENT, "fragment", "fragment without its first")           \
	X(SPOOFED, "spoofed", "spoofed source address")                 \
	X(PROTOCOL, "protocol", "not IP")                               \
	X(NO_SUBJECT, "no-subject", "interface without policy entry")   \
	X(RELATED, "related", "error about a known flow")               \
	X(BUSY, "busy", "policy changed while judging")                 \
	X(LIMITED, "limited", "rate limited")                           \
	X(REPLY, "reply", "answer to what others began")                \
	X(SOCKET, "socket", "connects of this protocol pass by unseen") \
	X(SHADOW, "shadow", "the candidate would")

enum reason {
#define X(symbol, word, text) REASON_##symbol,
	REASONS(X)
#undef X
	    REASON_COUNT
};

/* One record of a listener's ring buffer. */
struct event {
	__u64 time; /* CLOCK_MONOTONIC, ns */
	__u32 ifindex;
	__u32 rule;	/* 0: none */
	__u32 identity; /* of the peer, when it was looked up */
	__u32 size;	/* of the packet, bytes */
	__u8 allow;
	__u8 direction;
	__u8 reason;
	__u8 family; /* 4, 6, 0 when not IP */
	__u8 protocol;
	__u8 tcp_flags;
	__be16 ether_type;
	__u8 source[16], destination[16];     /* IPv4 in the first four bytes */
	__be16 source_port, destination_port; /* ICMP: type, code */
	__u8 hook;			      /* enum hook */
	__u8 captured;			      /* it heads a struct packet_event */
	__u8 shadow;			      /* the candidate would: 0 the same, or one of these */
	__u8 pad;
	__u32 uid, pid; /* where the hook knows them, else ~0 and 0 */
	char command[16];
	__u64 cgroup;	   /* where it is known, else 0 */
	__u32 shadow_rule; /* that says so */
	__u32 pad2;
};

#define SHADOW_DENIES 1
#define SHADOW_ALLOWS 2

/* The same for a listener that asked for bytes. */
#define CAPTURE_BYTES 256

struct packet_event {
	struct event event;
	__u32 length; /* of what there is of the packet */
	__u32 pad;
	__u8 data[CAPTURE_BYTES]; /* from the Ethernet header on */
};

enum hook { HOOK_POD, HOOK_USER, HOOK_CONTAINER };

/* sinks: what the listener in slot n wants, and how it fares. */
#define SINK_DROPS 1u	/* drops only */
#define SINK_ALL 2u	/* every packet, not just verdicts */
#define SINK_BYTES 4u	/* with the packet's first bytes */
#define SINK_USER 8u	/* of the user `uid` only */
#define SINK_RULE 16u	/* by one of `rules` only */
#define SINK_SHADOW 32u /* every packet, but only those whose fate the candidate would change */

/* One end of a packet: none given is any, else it is in the prefix of its family. */
#define SINK_GIVEN4 1u
#define SINK_GIVEN6 2u

struct sink_end {
	__u8 given;
	__u8 prefix4, prefix6;
	__u8 pad;
	__be32 address4;
	__u8 address6[16];
};

#define SINK_RULES 32 /* of a policy with more, the listener sorts out itself */

struct sink {
	__u64 lease; /* CLOCK_MONOTONIC ns; dead afterwards */
	__u64 lost;  /* ring full */
	__u64 sent;
	__u64 cgroup; /* whoever is in it or below; 0: any */
	__u32 flags;
	__u32 ifindex; /* 0: any */
	__u32 uid;
	__u32 rule_count;
	__u32 rules[SINK_RULES];
	struct sink_end end[2]; /* source, destination */
	__u16 port;		/* either end, host order; 0: any */
	__u8 protocol;		/* 0: any */
	__u8 pad[5];
};

/* documents: what the user said, packed and cut in parts. */
#define DOCUMENT_PART 1912

struct document_key {
	__u32 id; /* 1 and 2: the directory of each half */
	__u32 part;
};

struct document_part {
	__u32 length; /* bytes used */
	__u32 total;  /* of the whole document, packed; in every part */
	__u8 data[DOCUMENT_PART];
};

#endif
