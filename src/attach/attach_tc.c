// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "attach/attach_tc.h"
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <string.h>

static int dump(int type, const struct tcmsg *request, nl_recvmsg_msg_cb_t row, void *data)
{
	struct nl_sock *socket = nl_socket_alloc();
	struct nl_msg *message = nlmsg_alloc_simple(type, NLM_F_DUMP);
	int error = socket && message ? nl_connect(socket, NETLINK_ROUTE) : -NLE_NOMEM;

	if (!error)
		error = nlmsg_append(message, (void *)request, sizeof(*request), NLMSG_ALIGNTO);
	if (!error)
		error = nl_socket_modify_cb(socket, NL_CB_VALID, NL_CB_CUSTOM, row, data);
	if (!error)
		error = nl_send_auto(socket, message);
	if (error >= 0)
		error = nl_recvmsgs_default(socket);
	nlmsg_free(message);
	nl_socket_free(socket);
	return error < 0 ? error : 0;
}

static void copy_text(char *to, size_t size, struct nlattr *from)
{
	if (from)
		nla_strlcpy(to, from, size);
}

static int qdisc_row(struct nl_msg *message, void *data)
{
	const struct tcmsg *tc = nlmsg_data(nlmsg_hdr(message));
	struct nlattr *attributes[TCA_MAX + 1];
	struct qdiscs *qdiscs = data;
	enum qdisc kind;
	char name[16] = "";

	if (nlmsg_parse(nlmsg_hdr(message), sizeof(*tc), attributes, TCA_MAX, NULL))
		return NL_SKIP;
	copy_text(name, sizeof(name), attributes[TCA_KIND]);
	kind = !strcmp(name, "clsact")	  ? QDISC_CLSACT
	       : !strcmp(name, "ingress") ? QDISC_INGRESS
					  : QDISC_NONE;
	if (kind == QDISC_NONE)
		return NL_OK;
	GROW(qdiscs->row, qdiscs->count, qdiscs->capacity);
	qdiscs->row[qdiscs->count++] = (struct qdisc_row){tc->tcm_ifindex, kind};
	return NL_OK;
}

int qdiscs_list(struct qdiscs *qdiscs)
{
	const struct tcmsg request = {.tcm_family = AF_UNSPEC};
	int error = dump(RTM_GETQDISC, &request, qdisc_row, qdiscs);

	return error ? fail("list the qdiscs: %s", nl_geterror(error)) : 0;
}

enum qdisc qdisc_of(const struct qdiscs *qdiscs, int ifindex)
{
	size_t i;

	for (i = 0; i < qdiscs->count; i++)
		if (qdiscs->row[i].ifindex == ifindex)
			return qdiscs->row[i].kind;
	return QDISC_NONE;
}

static void read_bpf(struct filter *filter, struct nlattr *options)
{
	struct nlattr *attributes[TCA_BPF_MAX + 1];

	if (nla_parse_nested(attributes, TCA_BPF_MAX, options, NULL))
		return;
	copy_text(filter->name, sizeof(filter->name), attributes[TCA_BPF_NAME]);
	filter->actions = attributes[TCA_BPF_ACT];
	if (attributes[TCA_BPF_ID])
		filter->id = nla_get_u32(attributes[TCA_BPF_ID]);
	if (attributes[TCA_BPF_FLAGS])
		filter->direct = nla_get_u32(attributes[TCA_BPF_FLAGS]) & TCA_BPF_FLAG_ACT_DIRECT;
}

/* Every classifier has a row without a handle, too, which is no filter. */
static int filter_row(struct nl_msg *message, void *data)
{
	const struct tcmsg *tc = nlmsg_data(nlmsg_hdr(message));
	struct nlattr *attributes[TCA_MAX + 1];
	struct filters *filters = data;
	struct filter filter = {.handle = tc->tcm_handle, .priority = tc->tcm_info >> 16};

	if (!tc->tcm_handle ||
	    nlmsg_parse(nlmsg_hdr(message), sizeof(*tc), attributes, TCA_MAX, NULL))
		return NL_SKIP;
	copy_text(filter.kind, sizeof(filter.kind), attributes[TCA_KIND]);
	if (!strcmp(filter.kind, "bpf") && attributes[TCA_OPTIONS])
		read_bpf(&filter, attributes[TCA_OPTIONS]);
	GROW(filters->filter, filters->count, filters->capacity);
	filters->filter[filters->count++] = filter;
	return NL_OK;
}

int filters_list(int ifindex, bool egress, struct filters *filters)
{
	const struct tcmsg request = {
	    .tcm_family = AF_UNSPEC,
	    .tcm_ifindex = ifindex,
	    .tcm_parent = TC_H_MAKE(TC_H_CLSACT, egress ? TC_H_MIN_EGRESS : TC_H_MIN_INGRESS),
	};
	int error = dump(RTM_GETTFILTER, &request, filter_row, filters);

	return error ? fail("list the tc filters: %s", nl_geterror(error)) : 0;
}
