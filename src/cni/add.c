// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdlib.h>
#include "cni/commands.h"
#include "cni/refuse.h"
#include "attach/attach.h"
#include "store/networks.h"
#include "load/programs.h"
#include "store/agent_mark.h"

static int load(struct instance *instance)
{
	const struct load_sizes sizes = {};
	json_t *report = NULL;
	int error = 0;

	if (!instance_loaded(instance))
		error = programs_load(instance, &sizes, &report);
	json_decref(report);
	return error;
}

static int check_new(const struct request *request, const json_t *network)
{
	if (!record_find(network, request->container, request->ifname))
		return 0;
	return fail("%s of container %s is on network %s already", request->ifname,
		    request->container, request->network);
}

/* Policy first, then packets: the host's end is raised by a later step. */
static int attach(struct instance *instance, const struct request *request,
		  const struct attachment *attachment, json_t *network)
{
	bool own = !instance_agent_runs(instance);
	json_t *record = record_make(request, attachment, own);
	char *subject = xprintf("%s/%s", request->pod_namespace, request->pod_name);
	struct attach_request wanted = {
	    .subject = subject,
	    .interface = attachment->host_name,
	    .pod_end = network_pod_end(record),
	};
	int error;

	json_array_append_new(json_object_get(network, "attachments"), record);
	network_write(instance, request->network, network);
	error = attach_interface(instance, &wanted);
	json_decref(wanted.pod_end);
	free(subject);
	return error;
}

/* Addresses and links, of our own making or found behind another plugin. */
static int make(struct instance *instance, const struct request *request, json_t *network,
		struct attachment *attachment)
{
	int error;

	if (request->previous) {
		error = result_read(request, request->previous, attachment);
		return error ? error : wire_find(request, attachment);
	}
	error = request->config.ipam ? addresses_check(instance, attachment)
				     : addresses_choose(instance, request, network, attachment);
	if (!error) {
		routes_complete(request, attachment);
		error = wire_make(request, attachment);
	}
	return error;
}

/* Everything under the lock; *begun: there may be something to undo. */
static int add(struct instance *instance, const struct request *request,
	       struct attachment *attachment, bool *begun)
{
	json_t *network = network_read(instance, request->network);
	int error = check_new(request, network);

	if (!error)
		error = load(instance);
	if (!error) {
		*begun = true;
		error = make(instance, request, network, attachment);
	}
	if (!error)
		error = attach(instance, request, attachment, network);
	if (!error && !request->previous)
		error = wire_raise(request, attachment);
	if (!error)
		error = hide_update(instance, false);
	json_decref(network);
	return error;
}

/* Asked for the same again, a plugin would have to be told to give back what is in use. */
static int check_first(const struct request *request)
{
	struct instance *instance = NULL;
	json_t *network;
	int error = cni_open(request, ACCESS_TRY, &instance);

	if (error || !instance)
		return error;
	network = network_read(instance, request->network);
	error = check_new(request, network);
	json_decref(network);
	instance_close(instance);
	return error;
}

static int delegate_add(const struct request *request, struct attachment *attachment)
{
	json_t *result = NULL;
	int error = delegate_run(request, "ADD", &result);

	if (!error)
		error = result_read(request, result, attachment);
	json_decref(result);
	return error;
}

/* What failed stays said. A delegated plugin is called again even if it was that. */
static int undo(const struct request *request, bool begun)
{
	struct refusal_kept kept = refusal_keep();

	failure_clear();
	if (begun)
		attachment_remove(request, request->container, request->ifname);
	else if (request->config.ipam)
		delegate_run(request, "DEL", NULL);
	failure_clear();
	return refusal_again(&kept);
}

int cni_add(const struct request *request, json_t **result)
{
	struct attachment attachment = {};
	struct instance *instance = NULL;
	bool begun = false;
	int error = wire_check_netns(request);

	if (!error)
		error = check_first(request);
	if (error)
		return error;
	if (request->config.ipam)
		error = delegate_add(request, &attachment);
	if (!error)
		error = cni_open(request, ACCESS_CREATE, &instance);
	if (!error)
		error = add(instance, request, &attachment, &begun);
	instance_close(instance);
	if (error)
		error = undo(request, begun);
	else
		*result = result_make(request, &attachment);
	attachment_release(&attachment);
	return error;
}
