// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "net/shape.h"
#include <limits.h>
#include <linux/pkt_sched.h>
#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <netlink/route/qdisc.h>
#include <netlink/route/qdisc/tbf.h>
#include <netlink/route/tc.h>
#include <stdlib.h>
#include <string.h>
#include "base/base.h"

#define LATENCY_US 25000 /* how long a packet may wait in the bucket's queue */

/* libnl's numbers are bytes in an int. */
static int bytes_of(uint64_t bits)
{
	return bits / 8 > INT_MAX ? INT_MAX : (int)(bits / 8);
}

int shape_set(struct nl_sock *links, int ifindex, const struct shape *shape)
{
	struct rtnl_qdisc *qdisc = rtnl_qdisc_alloc();
	int error;

	if (!qdisc)
		abort();
	rtnl_tc_set_ifindex(TC_CAST(qdisc), ifindex);
	rtnl_tc_set_parent(TC_CAST(qdisc), TC_H_ROOT);
	rtnl_tc_set_handle(TC_CAST(qdisc), TC_HANDLE(1, 0));
	error = rtnl_tc_set_kind(TC_CAST(qdisc), "tbf");
	if (!error) {
		rtnl_qdisc_tbf_set_rate(qdisc, bytes_of(shape->rate), bytes_of(shape->burst), 0);
		error = rtnl_qdisc_tbf_set_limit_by_latency(qdisc, LATENCY_US);
	}
	if (!error)
		error = rtnl_qdisc_add(links, qdisc, NLM_F_CREATE | NLM_F_REPLACE);
	rtnl_qdisc_put(qdisc);
	return error ? fail("limit interface %d to %llu bit/s: %s", ifindex,
			    (unsigned long long)shape->rate, nl_geterror(error))
		     : 0;
}

int shape_is_set(struct nl_sock *links, int ifindex, const struct shape *shape, bool *set)
{
	struct nl_cache *cache;
	struct rtnl_qdisc *qdisc;
	int error = rtnl_qdisc_alloc_cache(links, &cache);

	*set = false;
	if (error)
		return fail("list queueing disciplines: %s", nl_geterror(error));
	qdisc = rtnl_qdisc_get_by_parent(cache, ifindex, TC_H_ROOT);
	if (qdisc) {
		const char *kind = rtnl_tc_get_kind(TC_CAST(qdisc));

		*set = kind && !strcmp(kind, "tbf") &&
		       rtnl_qdisc_tbf_get_rate(qdisc) == bytes_of(shape->rate);
		rtnl_qdisc_put(qdisc);
	}
	nl_cache_free(cache);
	return 0;
}
