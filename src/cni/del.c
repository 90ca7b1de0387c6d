// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* DEL and GC. */
#include <stdlib.h>
#include <string.h>
#include "cni/commands.h"
#include "cni/refuse.h"
#include "attach/attach.h"
#include "datapath/flows.h"
#include "manifest/schema.h"

/* The interface's number, from what is attached to it: the link may be gone, or another's. */
static uint32_t attached_ifindex(struct instance *instance, const struct request *request,
				 const char *container, const char *ifname)
{
	json_t *network = network_read(instance, request->network);
	json_t *record = record_find(network, container, ifname);
	uint32_t ifindex =
	    record ? attach_ifindex(instance, "interface", field_text(record, "host", "")) : 0;

	json_decref(network);
	return ifindex;
}

/* What the instance knows of it; `gone`: the number that the link had, 0 when it was missing. */
static int forget(const struct request *request, const char *container, const char *ifname,
		  uint32_t gone)
{
	struct instance *instance = NULL;
	json_t *record = NULL;
	int error = cni_open(request, ACCESS_REMOVE, &instance);

	if (error || !instance || !instance->settings)
		goto out;
	if (!gone)
		gone = attached_ifindex(instance, request, container, ifname);
	error = record_remove(instance, request->network, container, ifname, &record);
	if (!error && hide_is_wanted(record))
		error = hide_update(instance, true);
	if (!instance_loaded(instance))
		instance_remove_if_empty(instance);
	else if (gone)
		interfaces_forget(instance, &gone, 1);
	if (!error)
		error = wire_remove_bridge(request,
					   field_text(record, "bridge", request->config.bridge));
out:
	if (!error && !instance)
		error = wire_remove_bridge(request, request->config.bridge);
	json_decref(record);
	instance_close(instance);
	return error;
}

/* The first thing that went wrong is what is said in the end. */
struct troubles {
	struct refusal_kept kept;
	bool any;
};

static void note(struct troubles *troubles, int error)
{
	if (error && !troubles->any) {
		troubles->kept = refusal_keep();
		troubles->any = true;
	}
	failure_clear();
}

static int troubles_told(struct troubles *troubles)
{
	return troubles->any ? refusal_again(&troubles->kept) : 0;
}

int attachment_remove(const struct request *request, const char *container, const char *ifname)
{
	struct troubles troubles = {};
	uint32_t gone;

	/* the link first: a container without policy must not have one */
	note(&troubles, wire_remove(request, container, ifname, &gone));
	note(&troubles, forget(request, container, ifname, gone));
	if (request->config.ipam)
		note(&troubles, delegate_delete(request, container, ifname));
	return troubles_told(&troubles);
}

int cni_del(const struct request *request, json_t **result)
{
	(void)result;
	return attachment_remove(request, request->container, request->ifname);
}

static bool is_valid(const struct request *request, const json_t *record)
{
	const json_t *valid = json_object_get(request->json, "cni.dev/valid-attachments");
	json_t *each;
	size_t i;

	json_array_foreach (valid, i, each)
		if (!strcmp(field_text(each, "containerID", ""),
			    field_text(record, "container", "")) &&
		    !strcmp(field_text(each, "ifname", ""), field_text(record, "ifname", "")))
			return true;
	return false;
}

/* The network's document as it is, which others may change while we work through it. */
static int read_network(const struct request *request, json_t **document)
{
	struct instance *instance;
	int error = cni_open(request, ACCESS_REMOVE, &instance);

	*document = NULL;
	if (!error && instance && instance->settings)
		*document = network_read(instance, request->network);
	instance_close(instance);
	return error;
}

/* An IPAM plugin of before 1.1.0 has no GC: its DEL has been called for each. */
static int delegate_gc(const struct request *request)
{
	int error = delegate_run(request, "GC", NULL), code = refusal_code();

	if (error && (code == REFUSED_VERSION || code == REFUSED_ENVIRONMENT))
		error = 0;
	return error;
}

int cni_gc(const struct request *request, json_t **result)
{
	const json_t *valid = json_object_get(request->json, "cni.dev/valid-attachments");
	struct troubles troubles = {};
	json_t *document = NULL, *record;
	size_t i;

	(void)result;
	if (!json_is_array(valid))
		return refuse(REFUSED_CONFIG, "cni.dev/valid-attachments is missing: which "
					      "attachments are still in use?");
	note(&troubles, read_network(request, &document));
	json_array_foreach (json_object_get(document, "attachments"), i, record)
		if (!is_valid(request, record))
			note(&troubles,
			     attachment_remove(request, field_text(record, "container", ""),
					       field_text(record, "ifname", "")));
	note(&troubles, wire_sweep(request, document));
	if (request->config.ipam)
		note(&troubles, delegate_gc(request));
	json_decref(document);
	return troubles_told(&troubles);
}
