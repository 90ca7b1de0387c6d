// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "net/sockets.h"
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdlib.h>
#include <string.h>
#include "base/base.h"
#include "net/netns.h"

/* A request that waits for its last acknowledgement; newer than the C library. */
#define NEW_SYN_RECV 12
#define STATE(state) (1u << (state))
#define OPEN_STATES                                                            \
	(STATE(TCP_ESTABLISHED) | STATE(TCP_SYN_SENT) | STATE(TCP_SYN_RECV) |  \
	 STATE(TCP_FIN_WAIT1) | STATE(TCP_FIN_WAIT2) | STATE(TCP_CLOSE_WAIT) | \
	 STATE(TCP_LAST_ACK) | STATE(TCP_CLOSING) | STATE(NEW_SYN_RECV))
/* A UDP socket without a remote end is "closed". */
#define WAITING_STATES (STATE(TCP_LISTEN) | STATE(TCP_CLOSE))

struct listing {
	struct connection *connections;
	size_t count, capacity;
	/* local ports on which somebody waits for the other side to begin */
	struct waiting {
		uint8_t protocol;
		uint16_t port;
	} * waiting;
	size_t waiting_count, waiting_capacity;
	uint8_t protocol; /* of the dump under way */
};

static struct address address_of(int family, const __be32 words[4])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct address address = {.family = family == AF_INET ? 4 : 6};

	memcpy(address.bytes, words, family == AF_INET ? 4 : 16);
	if (address.family == 6 && !memcmp(address.bytes, mapped, sizeof(mapped))) {
		address = (struct address){.family = 4};
		memcpy(address.bytes, &words[3], 4);
	}
	return address;
}

static bool is_loopback(const struct address *address)
{
	static const uint8_t loopback6[16] = {[15] = 1};

	return address->family == 4 ? address->bytes[0] == 127
				    : !memcmp(address->bytes, loopback6, sizeof(loopback6));
}

static void add_waiting(struct listing *listing, uint16_t port)
{
	GROW(listing->waiting, listing->waiting_count, listing->waiting_capacity);
	listing->waiting[listing->waiting_count++] = (struct waiting){listing->protocol, port};
}

/* What stays inside the namespace passes no interface, and so no policy. */
static void add_connection(struct listing *listing, const struct inet_diag_msg *socket)
{
	struct connection connection = {
	    .local = address_of(socket->idiag_family, socket->id.idiag_src),
	    .remote = address_of(socket->idiag_family, socket->id.idiag_dst),
	    .local_port = ntohs(socket->id.idiag_sport),
	    .remote_port = ntohs(socket->id.idiag_dport),
	    .protocol = listing->protocol,
	};

	if (is_loopback(&connection.local) ||
	    !address_compare(&connection.local, &connection.remote))
		return;
	GROW(listing->connections, listing->count, listing->capacity);
	listing->connections[listing->count++] = connection;
}

static int take_socket(struct nl_msg *message, void *data)
{
	struct nlmsghdr *header = nlmsg_hdr(message);
	struct inet_diag_msg *socket = nlmsg_data(header);
	struct listing *listing = data;

	if (!nlmsg_valid_hdr(header, sizeof(*socket)))
		return NL_SKIP;
	if (STATE(socket->idiag_state) & WAITING_STATES)
		add_waiting(listing, ntohs(socket->id.idiag_sport));
	else
		add_connection(listing, socket);
	return NL_OK;
}

static int dump(struct nl_sock *diag, int family, int protocol)
{
	struct inet_diag_req_v2 request = {
	    .sdiag_family = family,
	    .sdiag_protocol = protocol,
	    .idiag_states = OPEN_STATES | WAITING_STATES,
	};
	int error =
	    nl_send_simple(diag, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &request, sizeof(request));

	if (error >= 0)
		error = nl_recvmsgs_default(diag);
	/* a kernel without the family or the protocol has no such connections */
	if (error == -NLE_OBJ_NOTFOUND || error == -NLE_INVAL)
		error = 0;
	return error;
}

static void mark_accepted(struct listing *listing)
{
	for (size_t i = 0; i < listing->count; i++) {
		struct connection *connection = &listing->connections[i];

		for (size_t j = 0; j < listing->waiting_count; j++)
			if (listing->waiting[j].port == connection->local_port &&
			    listing->waiting[j].protocol == connection->protocol)
				connection->accepted = true;
	}
}

static int list_here(void *data)
{
	static const int families[] = {AF_INET, AF_INET6};
	static const int protocols[] = {IPPROTO_TCP, IPPROTO_UDP};
	struct listing *listing = data;
	struct nl_sock *diag = nl_socket_alloc();
	int error = diag ? nl_connect(diag, NETLINK_SOCK_DIAG) : -NLE_NOMEM;

	if (!error)
		nl_socket_modify_cb(diag, NL_CB_VALID, NL_CB_CUSTOM, take_socket, listing);
	for (size_t i = 0; i < ARRAY_SIZE(families) * ARRAY_SIZE(protocols) && !error; i++) {
		listing->protocol = protocols[i % 2];
		error = dump(diag, families[i / 2], protocols[i % 2]);
	}
	nl_socket_free(diag);
	if (error)
		return fail("list open connections: %s", nl_geterror(error));
	mark_accepted(listing);
	return 0;
}

int sockets_list(const char *netns, struct connection **connections, size_t *count)
{
	struct listing listing = {};
	int error = netns ? netns_run(netns, list_here, &listing) : list_here(&listing);

	free(listing.waiting);
	if (error) {
		free(listing.connections);
		return error;
	}
	*connections = listing.connections;
	*count = listing.count;
	return 0;
}
