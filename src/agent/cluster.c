// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* All that an API server says of pods and who may reach them. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "agent/follow.h"
#include "manifest/schema.h"

static const struct resource resources[] = {
    {"/api/v1/namespaces", "Namespace", "v1", false},
    {"/api/v1/nodes", "Node", "v1", false},
    {"/api/v1/services", "Service", "v1", false},
    {"/api/v1/pods", "Pod", "v1", false},
    {"/apis/networking.k8s.io/v1/networkpolicies", "NetworkPolicy", "networking.k8s.io/v1", false},
    {"/apis/policy.networking.k8s.io/v1alpha2/clusternetworkpolicies", "ClusterNetworkPolicy",
     "policy.networking.k8s.io/v1alpha2", true},
    {"/apis/policy.networking.k8s.io/v1alpha1/adminnetworkpolicies", "AdminNetworkPolicy",
     "policy.networking.k8s.io/v1alpha1", true},
    {"/apis/policy.networking.k8s.io/v1alpha1/baselineadminnetworkpolicies",
     "BaselineAdminNetworkPolicy", "policy.networking.k8s.io/v1alpha1", true},
};

#define RESOURCES ARRAY_SIZE(resources)

struct cluster_source {
	struct cluster cluster;
	CURLM *multi;
	struct follow follow[RESOURCES];
};

static void look(struct source *source)
{
	struct cluster_source *own = source->own;

	source->synced = true;
	source->failing = false;
	for (size_t i = 0; i < RESOURCES; i++) {
		source->synced &= own->follow[i].listed;
		source->failing |= own->follow[i].failing;
	}
	if (source->failing || !source->said)
		return;
	warn("%s answers again", own->cluster.server);
	free(source->said);
	source->said = NULL;
}

/* After an outage, one that is answered tells the others. */
static void hurry(struct cluster_source *own)
{
	bool back = false;

	for (size_t i = 0; i < RESOURCES; i++) {
		back |= own->follow[i].back;
		own->follow[i].back = false;
	}
	for (size_t i = 0; back && i < RESOURCES; i++)
		follow_hurry(&own->follow[i]);
}

/* Of this kind there was some, says what an earlier agent left. */
static void take_stored(const json_t *object, void *data)
{
	struct cluster_source *own = data;
	const char *kind = field_text(object, "kind", "");

	for (size_t i = 0; i < RESOURCES; i++)
		own->follow[i].known |= strcmp(resources[i].kind, kind) == 0;
}

static int cluster_start(struct source *source, struct instance *instance)
{
	struct cluster_source *own = source->own;

	if (instance)
		mirror_stored_each(instance, take_stored, own);
	for (size_t i = 0; i < RESOURCES; i++) {
		own->follow[i].resource = &resources[i];
		own->follow[i].source = source;
		own->follow[i].cluster = &own->cluster;
		own->follow[i].multi = own->multi;
		follow_start(&own->follow[i]);
	}
	look(source);
	return 0;
}

static void cluster_wait(struct source *source, struct waits *waits)
{
	struct cluster_source *own = source->own;
	long timeout_ms = -1;

	for (size_t i = 0; i < RESOURCES; i++)
		if (own->follow[i].state == PAUSED)
			waits_until(waits, own->follow[i].due_ms);
	if (!curl_multi_timeout(own->multi, &timeout_ms) && timeout_ms >= 0)
		waits_until(waits, now_ms() + timeout_ms);
}

static void cluster_step(struct source *source)
{
	struct cluster_source *own = source->own;
	int running, left;
	CURLMsg *message;

	curl_multi_perform(own->multi, &running);
	while ((message = curl_multi_info_read(own->multi, &left))) {
		struct follow *follow = NULL;
		CURLcode code = message->data.result;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &follow);
		follow_ended(follow, code);
	}
	for (size_t i = 0; i < RESOURCES; i++)
		follow_start(&own->follow[i]);
	curl_multi_perform(own->multi, &running);
	hurry(own);
	look(source);
}

static void cluster_relist(struct source *source)
{
	struct cluster_source *own = source->own;

	for (size_t i = 0; i < RESOURCES; i++)
		follow_relist(&own->follow[i]);
}

static void cluster_poll(struct source *source, struct waits *waits)
{
	struct cluster_source *own = source->own;
	struct curl_waitfd fds[WAITS];

	_Static_assert(CURL_WAIT_POLLIN == POLLIN && CURL_WAIT_POLLOUT == POLLOUT, "the same bits");
	for (unsigned int i = 0; i < waits->count; i++)
		fds[i] = (struct curl_waitfd){waits->fd[i].fd, waits->fd[i].events, 0};
	curl_multi_poll(own->multi, fds, waits->count, waits->timeout_ms, NULL);
}

static void cluster_stop(struct source *source)
{
	struct cluster_source *own = source->own;

	for (size_t i = 0; i < RESOURCES && own->follow[i].source; i++)
		follow_release(&own->follow[i]);
	cluster_release(&own->cluster);
	if (own->multi)
		curl_multi_cleanup(own->multi);
	free(own);
}

int source_of_cluster(struct source *source, const char *kubeconfig, const char *context)
{
	static const struct source_kind kind = {cluster_start,	cluster_wait, cluster_step,
						cluster_relist, cluster_stop, cluster_poll};
	struct cluster_source *own = xalloc(sizeof(*own));
	int error = kubeconfig ? kubeconfig_read(kubeconfig, context, &own->cluster)
			       : kubeconfig_inside(&own->cluster);

	source->own = own;
	source->kind = &kind;
	if (!error)
		error = libcurl_open();
	if (!error)
		own->multi = curl_multi_init();
	srandom((unsigned)getpid() ^ (unsigned)now_ms());
	return error;
}
